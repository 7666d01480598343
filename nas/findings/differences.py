"""What tells runs and tables apart: settings, counts, and the errors of networks that two of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from nas.analysis import CONFIDENCE
from nas.analysis.statistics.interval import of_mean, summed
from nas.findings.settings import settings
from nas.findings.wording.numbers import NOTHING, isolated, listed, percent, plural, spoken

if TYPE_CHECKING:
    import pandas as pd

    from nas.storage.results import Run

FEWEST = 3
"""Shared networks from which their mean difference has an interval."""
MOST_SHOWN = 12
"""Shared networks that are named."""
COUNTED = ("trials", "networks", "trained to the end", "lowest error")
"""What is counted of each side."""
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """A run, or tables, as one of those that are compared."""

    name: str
    """What it is called."""
    frame: pd.DataFrame
    """Its table."""
    settings: Mapping[str, str]
    """Study and recipe, name and text; empty where they aren't known."""
    data: str = ""
    """Identity of the data; empty where it isn't known."""

    @cached_property
    def errors(self) -> pd.Series[float]:
        """Of each trial; no number where it wasn't trained to the end."""
        import pandas as pd

        errors = pd.to_numeric(self.frame["error"], errors="coerce").astype(float)
        return errors.where(errors.abs() < float("inf"))

    @cached_property
    def networks(self) -> Mapping[str, float]:
        """Architecture id -> mean error of its trainings, no number where none was trained to the end."""
        if "architecture" not in self.frame:
            return {}
        means = self.errors.groupby(self.frame["architecture"]).mean()
        return {str(identity): float(error) for identity, error in means.items()}


@dataclass(frozen=True, kw_only=True)
class Differences:
    """What tells several sides apart, in words."""

    headline: str
    """In a sentence."""
    sentences: tuple[str, ...]
    """What networks that are shared say, and what can't be compared."""
    header: tuple[str, ...]
    """Of settings and counts: a column each side."""
    settings: Rows
    """Those that differ."""
    counts: Rows
    """Trials, networks, endings and lowest errors."""
    shared: Mapping[str, tuple[tuple[str, ...], Rows]]
    """Two sides in words -> header and rows of networks that both trained, lowest errors first."""


def side_of(run: Run, name: str) -> Side:
    """A run with all that its study and its recipe say, a setting each."""
    study = run.manifest.study
    known = {key: text for key, text in settings(run).items() if key != "recipe"}
    recipe = {spoken(key): str(value) for key, value in msgspec.to_builtins(study.recipe).items() if key != "data"}
    own = {
        "question": study.question,
        "dimensions": ", ".join(study.sampled),
        "rules": ", ".join(rule.name for rule in study.rules),
    }
    return Side(name=name, frame=run.table(), settings=own | known | recipe, data=run.manifest.data.key)


def differences(sides: Sequence[Side]) -> Differences:
    """How two sides or more differ; networks are compared with those of the first, pair by pair."""
    first, *others = sides
    known = [side for side in sides if side.settings]
    keys = dict.fromkeys(key for side in known for key in side.settings)
    differing = [key for key in keys if len({side.settings.get(key) for side in known}) > 1]
    pairs = {f"{first.name} and {other.name}": _pairs(first, other) for other in others}
    shared = len(first.networks.keys() & others[0].networks.keys())
    said = [f"differ in {plural(len(differing), 'setting')}"] if len(known) > 1 else []
    said += [f"share {plural(shared, 'network') if shared else 'no network'}"] if len(sides) == 2 else []
    return Differences(
        headline=f"{listed(isolated(side.name) for side in sides)} {' and '.join(said) or 'differ'}",
        sentences=(*(_sentence(first, other) for other in others), *_limits(sides, differing)),
        header=("", *(side.name for side in sides)),
        settings=tuple((key, *(side.settings.get(key, NOTHING) or NOTHING for side in sides)) for key in differing),
        counts=tuple((name, *texts) for name, *texts in zip(COUNTED, *map(_counts, sides), strict=True)),
        shared={title: table for title, table in pairs.items() if table[1]},
    )


def _counts(side: Side) -> tuple[str, ...]:
    errors = side.errors
    networks = f"{side.frame['architecture'].nunique():,}" if "architecture" in side.frame else NOTHING
    lowest = float(errors.min()) if errors.notna().any() else None
    return f"{len(side.frame):,}", networks, f"{int(errors.notna().sum()):,}", percent(lowest)


def _both(first: Side, second: Side) -> list[tuple[str, float, float]]:
    """Id and both errors of each network that both trained to the end."""
    pairs = [(name, error, second.networks[name]) for name, error in first.networks.items() if name in second.networks]
    return [pair for pair in pairs if pair[1] == pair[1] and pair[2] == pair[2]]


def _comparable(first: Side, second: Side) -> bool:
    return not (first.data and second.data and first.data != second.data)


def _sentence(first: Side, second: Side) -> str:
    """What the networks of two sides say, or why they say nothing."""
    import numpy as np

    names = f"{isolated(first.name)} and {isolated(second.name)}"
    both, shared = _both(first, second), first.networks.keys() & second.networks.keys()
    if not shared:
        return f"{names} share no network (no architecture id is in both), so no errors are compared pair by pair"
    if not _comparable(first, second):
        return f"{names} share {plural(len(shared), 'network')}, trained on different data: errors aren't compared"
    if not both:
        return f"{names} share {plural(len(shared), 'network')}, none of them trained to the end in both"
    apart = np.array([100 * (one - other) for _, one, other in both])
    lower = int((apart < 0).sum())
    ends = ""
    if len(apart) >= FEWEST:
        reach = summed(0.0, [of_mean(apart)]).reach(CONFIDENCE)
        ends = f" [{apart.mean() - reach:+.2f}, {apart.mean() + reach:+.2f}], {100 * CONFIDENCE:.0f} %"
    return (
        f"Of {plural(len(shared), 'network')} that {names} share {len(both):,} were trained to the end in both: the "
        f"errors of {isolated(first.name)} less those of {isolated(second.name)}, pair by pair, are "
        f"{apart.mean():+.2f} points on average{ends}; {lower:,} are lower"
    )


def _limits(sides: Sequence[Side], differing: Sequence[str]) -> Iterator[str]:
    """What isn't known or compared."""
    unknown = [isolated(side.name) for side in sides if not side.settings]
    if unknown:
        yield f"Of {listed(unknown)} no settings are known but what columns say"
    if differing or unknown:
        yield (
            "How often a network of one beats one of another isn't told: P(better) compares spaces that were trained "
            "alike"
        )


def _pairs(first: Side, second: Side) -> tuple[tuple[str, ...], Rows]:
    """Header and rows of the networks that two sides share; no rows where their errors aren't compared."""
    header = ("architecture id", first.name, second.name, "difference, points")
    both = sorted(_both(first, second), key=lambda pair: pair[1] + pair[2]) if _comparable(first, second) else []
    return header, tuple(
        (identity, percent(one), percent(other), f"{100 * (one - other):+.2f}")
        for identity, one, other in both[:MOST_SHOWN]
    )
