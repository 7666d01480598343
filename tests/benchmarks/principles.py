"""How long `nas principles --table` takes for a table of 10,000 rows and 12 rules, and how much memory.

`python -m tests.benchmarks.principles` makes the table and runs the command in fresh processes on one core: for all
columns, for named ones, and for the rules of a study about spaces and parts. On a machine with other work the CPU time
counts, not the time that passed. Target: under 10 seconds on one core and under 1 GB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).parents[2]
RULES = 12
SPACES = ("A", "B", "C", "D")
STUDY = """
from nas.study import Recipe
from nas.study import Part, Parts, Rule, Study, against, larger
from spaces import anynet

SPACES = tuple(anynet.X3[0].named(name) for name in "ABCD")
PAIRS = [against(a, b, "The first is better.") for a, b in zip("ABCABD", "BCDCDA", strict=True)]
LOWER = [
    Rule(
        name=f"small {column}",
        statement="Small values are better.",
        contrast=Parts(first=Part(column=f"column_{column}", high=0.0)),
    )
    for column in range(3)
]
ORDERS = [larger(f"column_{column}") for column in range(3, 6)]
STUDY = Study(
    name="rules", question="?", spaces=SPACES, samples=1, recipe=Recipe(data="digits"), rules=(*PAIRS, *LOWER, *ORDERS)
)
"""


def main() -> None:
    """Measure each way of asking and print one line a way."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    asked = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place)
        table(folder / "t.csv", asked.rows)
        (folder / "rules.py").write_text(STUDY)
        names = ",".join(f"column_{column}" for column in range(RULES))
        ways = {
            "all columns": (),
            f"--columns of {RULES}": ("--columns", names),
            f"--study of {RULES} rules": ("--study", str(folder / "rules.py")),
        }
        for name, words in ways.items():
            passed, cpu, peak = measured("principles", "--table", str(folder / "t.csv"), *words)
            print(f"{name:<22} {cpu:6.2f} s of CPU, {passed:6.2f} s passed, {peak / 2**20:6.0f} MiB at most")  # noqa: T201


def table(path: Path, rows: int) -> None:
    """A table of four spaces whose errors follow some of the columns, a few of them failed."""
    generator = np.random.default_rng(0)
    columns = generator.standard_normal((rows, RULES))
    columns[:, ::3] = columns[:, ::3].round(1)  # some tie, as those of a space do
    errors = 0.3 + 0.02 * columns[:, 0] - 0.01 * columns[:, 5] + 0.05 * generator.standard_normal(rows)
    failed = generator.random(rows) < 0.01
    lines = [",".join(["trial", "space", "architecture", "outcome", "error", *(f"column_{c}" for c in range(RULES))])]
    for row in range(rows):
        ending = ("diverged", "") if failed[row] else ("completed", f"{np.clip(errors[row], 0, 1):.5f}")
        own = (str(row), SPACES[row % len(SPACES)], f"net{row}", *ending)
        lines.append(",".join([*own, *(f"{value:.5g}" for value in columns[row])]))
    path.write_text("\n".join(lines) + "\n")


def measured(*words: str) -> tuple[float, float, int]:
    """Seconds that passed, seconds of CPU and most bytes of memory of the command, pinned to one core."""
    core = min(os.sched_getaffinity(0))
    begin = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "nas", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"nas {' '.join(words)} ended with {process.returncode}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


if __name__ == "__main__":
    main()
