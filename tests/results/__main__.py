"""`python -m tests.results`: make the table of published trials anew, or add the trials of a run's folder to it."""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Do what the command line asks for."""
    from tests.results import build

    parser = argparse.ArgumentParser(prog="python -m tests.results", description=__doc__)
    parser.add_argument("--add", type=Path, metavar="DIR", help="folder of a run, finished or not")
    parser.add_argument("--name", default="", help="name of that run in the table; that of its folder")
    parser.add_argument("--study", default="", help="its study, where it was run from a file or a program")
    asked = parser.parse_args()
    frame = build.add(asked.add, asked.name, asked.study) if asked.add else build.remake()
    size = build.TABLE.stat().st_size
    print(f"{len(frame):,} trials of {frame['run'].nunique()} runs in {build.TABLE}, {size:,} bytes")  # noqa: T201


if __name__ == "__main__":
    main()
