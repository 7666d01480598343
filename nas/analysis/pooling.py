"""Which rows of a table may be taken as one sample, as to the strata of cost that they were drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.errors import Refused
from nas.strata import matched, stratum

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "stratum"


def strata_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """The name of each row's stratum; none at all where no row has one; refused where they mix designs."""
    if COLUMN not in rows or rows[COLUMN].isna().all():
        return ()
    require_one_design(rows)
    return tuple(map(str, rows[COLUMN]))


def require_one_design(rows: pd.DataFrame) -> None:
    """Refuse to take rows as one sample that come from different strata, or some from strata and some not."""
    if COLUMN not in rows:
        return
    cells = rows[COLUMN]
    labels = {str(label) for label in cells.dropna().unique()}
    known = {found for label in labels if (found := stratum(label))}
    mixed = bool(labels) and bool(cells.isna().any())
    several = len({(one.cost, one.count) for one in known}) > 1 or len({one.place for one in known}) < len(known)
    if not mixed and not several:
        return
    designs = [*matched(labels), *(["no strata"] if mixed else [])]
    raise Refused(
        f"networks drawn from {' and from '.join(designs)} are no one sample, so they aren't taken together",
        hint="ask about one run or table at a time, or name the space in the rule",
    )


def designs(rows: pd.DataFrame) -> tuple[str, ...]:
    """The strata that rows come from, in words, each design once."""
    return matched([str(label) for label in rows[COLUMN].dropna().unique()]) if COLUMN in rows else ()
