"""A column of texts as rules: its values against one another, each a group of networks."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from nas.analysis import principle_rules
from nas.analysis.discovery.narrowing import MOST_OPTIONS
from nas.analysis.selection import having, numbers, numeric_columns, spoiled_columns
from nas.errors import Refused
from nas.findings.wording.numbers import plural, shortened
from nas.space import Value
from nas.study import Part, Parts, Rule, among

if TYPE_CHECKING:
    import pandas as pd

IN_PAIRS = 3
"""Values up to which each pair is compared; of more, each against the rest."""
MOST_NAMED = 12
"""Most columns named in a message."""


def rules_about(frame: pd.DataFrame, column: str) -> tuple[Rule, ...]:
    """Whether larger values are better, or of a column of texts which of its values are."""
    from pandas.api.types import is_numeric_dtype

    try:
        if is_numeric_dtype(having(frame, column)[column]) or column in spoiled_columns(frame):
            numbers(frame, column)
            return principle_rules(frame, [column])
    except Refused as refusal:
        raise Refused(str(refusal), hint=f"columns with numbers: {_numeric(frame)}") from None
    values = sorted(frame[column].dropna().unique().tolist(), key=str)
    if not 1 < len(values) <= MOST_OPTIONS:
        texts = plural(len(values), "different text")
        raise Refused(
            f"column {column!r} holds {texts}; from 2 to {MOST_OPTIONS} can be compared",
            hint=f"columns with numbers: {_numeric(frame)}",
        )
    if len(values) <= IN_PAIRS:
        return tuple(among(column, a, b, f"{column} {a} is better than {b}.") for a, b in combinations(values, 2))
    return tuple(_against_the_rest(column, value) for value in values)


def _against_the_rest(column: str, value: Value) -> Rule:
    return Rule(
        name=f"{column} {value} against the rest",
        statement=f"{column} {value} is better than the other values of {column}.",
        contrast=Parts(first=Part(column=column, values=(value,))),
    )


def _numeric(frame: pd.DataFrame) -> str:
    return shortened(numeric_columns(frame), MOST_NAMED)
