"""The samples that a rule compares, taken from a table: two spaces, two parts of one sample, or one ordered column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas.analysis.columns import having, numbers
from nas.analysis.selection import names_of, require_one_design, strata_of
from nas.analysis.statistics.edf import Edf, Floats, edf
from nas.errors import Refused
from nas.study import Part, Parts, Spaces

if TYPE_CHECKING:
    import pandas as pd

Flags = NDArray[np.bool_]


def samples(
    rows: pd.DataFrame, errors: Floats, contrast: Spaces | Parts, guess: float
) -> tuple[Edf | None, Edf | None]:
    """Both samples of a contrast, the one that obeys first, None where it is empty; refused if they share a network."""
    whole = isinstance(contrast, Spaces)  # a part of a sample doesn't hold as many networks of each stratum
    first, reference = (
        edf(errors[flags], name=name, guess=guess, strata=strata_of(rows[flags]) if whole else ())
        if flags.any()
        else None
        for name, flags in zip(names_in(contrast), sides(rows, contrast), strict=True)
    )
    return first, reference


def names_in(contrast: Spaces | Parts) -> tuple[str, str]:
    """What both samples of a contrast are called, the one that obeys first."""
    if isinstance(contrast, Spaces):
        return contrast.first, contrast.reference
    return _part_name(contrast.first), _part_name(contrast.reference) if contrast.reference else "the others"


def sides(rows: pd.DataFrame, contrast: Spaces | Parts) -> tuple[Flags, Flags]:
    """The rows of either sample of a contrast, the one that obeys first; refused if they share a network."""
    if isinstance(contrast, Spaces):
        first, reference = (in_space(having(rows, "space"), name) for name in (contrast.first, contrast.reference))
    else:
        first, reference = _parts(rows, contrast)
    if shared := int((first & reference).sum()):
        raise Refused(f"both samples of a rule hold the same {shared} networks, so they can't be compared")
    return first, reference


def repeated(*samples: pd.DataFrame) -> tuple[str, ...]:
    """What must be said of networks of several rows: in both samples, or in one where no column tells repeats."""
    if not all("architecture" in rows for rows in samples):
        return ()
    warnings = []
    names = [set(rows["architecture"]) for rows in samples]
    if both := len(set.intersection(*names)) if len(names) > 1 else 0:
        warnings.append(
            f"{both} networks are in both samples: if their rows are copies, the samples aren't independent"
        )
    again = sum(len(rows) - len(own) for rows, own in zip(samples, names, strict=True) if "repeat" not in rows)
    if again:
        warnings.append(f"{again} rows have a network that an earlier row has: if they are repeats, n is too large")
    return tuple(warnings)


def in_space(rows: pd.DataFrame, space: str) -> Flags:
    """The rows of a space; all where none is named. Refused where they come from different strata of cost."""
    if not space:
        require_one_design(rows)
        return np.ones(len(rows), dtype=np.bool_)
    names = names_of(rows)
    if space not in names:
        spaces = ", ".join(dict.fromkeys(names.tolist()))
        raise Refused(f"the table has no rows of space {space!r}", hint=f"it has {spaces}")
    flags = np.asarray(names == space, dtype=np.bool_)
    require_one_design(rows[flags])
    return flags


def in_part(rows: pd.DataFrame, part: Part) -> Flags:
    """The rows of a part; those without a value are in none."""
    if part.values:
        return np.array(having(rows, part.column)[part.column].isin(part.values), dtype=np.bool_)
    values = numbers(rows, part.column)
    low, high = (end if end is not None else bound for end, bound in ((part.low, -np.inf), (part.high, np.inf)))
    return np.asarray((low <= values) & (values <= high), dtype=np.bool_)


def _part_name(part: Part) -> str:
    ends = [f"{word} {end:g}" for word, end in (("from", part.low), ("up to", part.high)) if end is not None]
    return f"{part.column} {' '.join(ends) or ' or '.join(map(str, part.values))}"


def _parts(rows: pd.DataFrame, contrast: Parts) -> tuple[Flags, Flags]:
    sampled, first = in_space(rows, contrast.space), in_part(rows, contrast.first)
    if contrast.reference is not None:
        return sampled & first, sampled & in_part(rows, contrast.reference)
    present = np.array(rows[contrast.first.column].notna(), dtype=np.bool_)
    return sampled & first, sampled & present & ~first
