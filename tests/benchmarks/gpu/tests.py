"""The tests that need a GPU, in a process of their own; those that passed aren't run again."""

from __future__ import annotations

import re
from functools import partial

from tests.benchmarks.gpu.children import lines_of
from tests.benchmarks.gpu.rows import BUDGET, MISSING, Clock, Part, Row
from tests.benchmarks.gpu.session import Session

FILES = {
    "cuda": ("tests/training/test_cuda.py", "tests/training/test_triton_norms.py"),
    "cpu": ("tests/training/test_cuda_graphs.py",),
}
OPTIONS = ["-v", "-rA", "-W", "default", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=120"]
VERDICT = re.compile(r"^(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
NONE_LEFT = "it ended with status 5"
"""Pytest's where it finds no test to run."""


def part(session: Session) -> Part:
    """A row for each file of tests."""
    rows = {file: partial(tested, file) for file in FILES[session.device]}
    return Part(name="tests", seconds=session.expected(240, quick=14), rows=rows, conclusion=failures)


def tested(file: str, clock: Clock, before: Row) -> Row:
    """What became of each test; what they say is in the log."""
    passed = list(before.get("names", []))
    words = ["-m", "pytest", *OPTIONS, file, *(word for name in passed for word in ("--deselect", name))]
    lines, reason = lines_of(words, clock)
    verdicts = {match[1]: match[2] for line in lines if (match := VERDICT.match(line))}
    passed += [name for name, verdict in verdicts.items() if verdict == "PASSED"]
    failed = [name for name, verdict in verdicts.items() if verdict in ("FAILED", "ERROR")]
    skipped = len(verdicts) - sum(verdict in ("PASSED", "FAILED", "ERROR") for verdict in verdicts.values())
    row = {"passed": len(passed), "failed": len(failed), "skipped": skipped, "names": passed, "failures": failed}
    if failed and reason != BUDGET:
        reason = f"{len(failed)} of {len(verdicts)} tests failed"
    return row if not reason or (passed and reason == NONE_LEFT) else {**row, MISSING: reason}


def failures(rows: dict[str, Row]) -> list[str]:
    """The tests that failed."""
    return [f"failed: {name}" for row in rows.values() for name in row.get("failures", [])]
