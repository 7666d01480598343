"""What may be asked of which sample: rules of a map, columns that hold numbers; all else is refused with a way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas.analysis import principle_rules
from nas.analysis.columns import numbers, numeric_columns
from nas.errors import Refused
from nas.findings.tables import ERROR
from nas.study import Rule, Study
from nas.study.stored import StoredStudy

if TYPE_CHECKING:
    import pandas as pd

MOST_NAMED = 12
"""Most columns named in a message."""


def require_map(study: Study | StoredStudy) -> None:
    """Refuse the samples of a stored study that doesn't draw at random, or ends trainings by their errors."""
    name, sampler = study.name, study.sampler
    if study.halving:
        raise Refused(
            f"study {name!r} halves its trainings, so which of them have an error depends on the errors",
            hint="rules are tested on a map: the same study without halving",
        )
    if sampler != "random":
        raise Refused(
            f"study {name!r} samples with {sampler!r}, which chooses networks, so they are no random sample",
            hint='rules are tested on a map: the same study with --sampler random, or sampler="random"',
        )


def asked_rules(
    frame: pd.DataFrame, rules: Sequence[Rule] | None, columns: Sequence[str] | None
) -> tuple[Rule, ...] | None:
    """The rules that are asked for by name of a column or as values; None where nothing is."""
    if rules is not None and columns is not None:
        raise Refused("rules or columns are asked for, not both", hint="--columns or --study, one of them")
    if columns is None:
        return None if rules is None else tuple(rules)
    if not columns or len(set(columns)) < len(columns):
        raise Refused(f"columns are named once each, at least one, got {', '.join(columns) or 'none'}")
    if ERROR in columns:
        raise Refused(f"{ERROR!r} is what is to be explained, so it can't be one of the columns")
    for column in columns:
        _require_numbers(frame, column)
    return principle_rules(frame, columns)


def _require_numbers(frame: pd.DataFrame, column: str) -> None:
    """Refuse a column that isn't there or holds texts, with those that would do."""
    try:
        numbers(frame, column)
    except Refused as refusal:
        raise Refused(str(refusal), hint=f"columns with numbers: {some(numeric_columns(frame))}") from None


def some(names: Sequence[str]) -> str:
    """At most a dozen names."""
    more = ", ..." if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more or "none"
