"""The verbs of the command line; each is a few lines over the same functions that programs use.

Data goes to stdout, progress and logs to stderr. Exit codes: see `nas.errors`.
"""

from nas.cli.app import main

__all__ = ["main"]
