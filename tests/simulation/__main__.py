"""`python -m tests.simulation`: simulate all claims, print them, write the table; exit 1 where a limit is broken."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before numpy is loaded: processes share the cores, threads would fight for them


def main() -> int:
    """Run what the command line asks for."""
    from tests.simulation.suite import named
    from tests.simulation.table import line, results, write

    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME;...", help="those whose names begin so")
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies of each claim; 1,000")
    parser.add_argument("--workers", type=int, default=2, help="processes; 2")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="where the table is written; nowhere")
    asked = parser.parse_args()
    chosen, found = named(asked.only), []
    if not chosen or asked.studies < 1 or asked.workers < 1:
        parser.error("nothing to simulate: names, studies and workers must leave something to do")
    for result in results(chosen, asked.studies, asked.workers):
        found.append(result)
        print(line(result), flush=True)  # noqa: T201 - this is a command
    if asked.out:
        write(found, asked.out)
    broken = [result for result in found if not result.holds]
    seconds = sum(result.seconds for result in found)
    print(f"{len(found)} claims, {len(broken)} broken, {seconds:.0f} s of processors")  # noqa: T201
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
