"""Which space wins how often against which, each pair once: rules in their own numbers, others without a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.analysis import Edf, better
from nas.analysis.statistics.comparison import warnings_of
from nas.analysis.statistics.edf import FEW
from nas.findings.wording.numbers import isolated, listed, percent, share
from nas.findings.wording.rules import RuleRow


@dataclass(frozen=True, kw_only=True)
class Cell:
    """How often the space of the row wins against that of the column."""

    better: str
    """Share of pairs."""
    ends: str
    """Its 95 % interval."""
    rule: RuleRow | None = None
    """The rule that is about this very pair."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One space against the others."""

    space: str
    """Its name."""
    mean: str
    """Mean error, failures as guessing."""
    n: int
    """Its networks."""
    cells: tuple[Cell | None, ...]
    """One for each column; None for itself, and where the pair stands in the other's row."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Every pair of spaces once."""

    rows: tuple[Row, ...] = ()
    """Lowest mean error first; none where there is no pair to compare."""
    columns: tuple[str, ...] = ()
    """Spaces that a row is compared with, in the same order."""
    notes: tuple[str, ...]
    """What must be said beside it."""


def matrix(sample: Sequence[Edf], rules: Mapping[tuple[str, str], RuleRow]) -> Matrix:
    """The pairs of spaces that have networks enough, those of rules from the side that the rule takes."""
    compared = sorted((edf for edf in sample if edf.n >= FEW and edf.failures < edf.n), key=lambda edf: edf.mean)
    left = [isolated(edf.name) for edf in sample if edf not in compared]
    notes = [f"Not compared, for fewer than {FEW} networks or none trained to the end: {listed(left)}"] if left else []
    if len(compared) < 2:
        return Matrix(notes=tuple(notes) if len(sample) > 1 else ())
    notes += warnings_of(*compared)
    cells = [[_cell(row, column, rules, i < j) for j, column in enumerate(compared)] for i, row in enumerate(compared)]
    used = [j for j in range(len(compared)) if any(own[j] for own in cells)]
    rows = (
        Row(space=edf.name, mean=percent(edf.mean), n=edf.n, cells=tuple(own[j] for j in used))
        for edf, own in zip(compared, cells, strict=True)
    )
    return Matrix(rows=tuple(rows), columns=tuple(compared[j].name for j in used), notes=tuple(notes))


def _cell(row: Edf, column: Edf, rules: Mapping[tuple[str, str], RuleRow], earlier: bool) -> Cell | None:
    """A pair where its rule has it, else in the row of the lower mean."""
    if rule := rules.get((row.name, column.name)):
        return Cell(better=rule.better, ends=rule.ends, rule=rule)
    if not earlier or (column.name, row.name) in rules:
        return None
    wins = better(row, column)
    return Cell(better=share(wins.estimate), ends=f"{share(wins.low)} to {share(wins.high)}")
