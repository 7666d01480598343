"""The verbs of the command line; each is a few lines over the same functions that programs use.

Data goes to stdout, progress and logs to stderr. Exit codes: see `nas.errors`.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C while it loads, which takes a second, ends it without a traceback, too."""
    try:
        from nas.cli.app import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)
