"""`python -m tests.fuzz`: read damaged and hostile files of every kind; exit 1 where one isn't accepted or refused."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.cases import Case

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process that forks has one


def main() -> int:
    """Run what the command line asks for."""
    from tests.fuzz.cases import Batch, cases, load
    from tests.fuzz.readers import READERS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME;...", help="readers whose names begin so")
    parser.add_argument("--cases", type=int, default=300, help="of each reader; 300")
    parser.add_argument(
        "--guided", type=float, metavar="SECONDS", help="so long, by coverage, the readers of JSON alone"
    )
    parser.add_argument("--seed", type=int, default=0, help="from which all changes follow; 0")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where files that failed are kept")
    asked = parser.parse_args()
    chosen = [
        one for one in READERS if one.name.startswith(tuple(asked.only.split(";"))) and (one.tree or not asked.guided)
    ]
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    load()
    whole: list[Case] = []
    for reader in chosen:
        batch = Batch(reader=reader, count=asked.cases, seed=asked.seed, keep=asked.keep)
        if asked.guided:
            batch = replace(batch, count=sys.maxsize, seconds=asked.guided / len(chosen), guided=True)
        done = list(cases(batch))
        whole += done
        say(line(reader.name, done))
        for some in kinds(done):
            say(f"    {len(some)} x {some[0].error} (case {', '.join(str(case.number) for case in some[:5])})")
    say(line("all", whole))
    return 1 if any(case.outcome == "failed" for case in whole) else 0


def line(name: str, done: Sequence[Case]) -> str:
    """What became of some cases."""
    counts = Counter(case.outcome for case in done)
    parts = [f"{name:28} {len(done):7,} cases"]
    parts += [f"{counts[outcome]:7,} {outcome}" for outcome in ("accepted", "refused", "failed")]
    parts += [
        f"at most {max(case.seconds for case in done):5.2f} s and {max(case.memory for case in done) / 1e6:4.0f} MB"
    ]
    steps = done[-1].steps
    return ", ".join(parts) + (f", {steps:,} steps" if steps else "")


def kinds(done: Sequence[Case]) -> list[list[Case]]:
    """Failures by their kind and place."""
    groups: dict[str, list[Case]] = {}
    for case in done:
        if case.outcome == "failed":
            groups.setdefault(case.error.split(": ")[0], []).append(case)
    return list(groups.values())


def say(text: str) -> None:
    """A line on the screen, at once."""
    print(text, flush=True)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
