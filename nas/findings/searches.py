"""Runs that search one space, compared at equal compute: by strategy, each with its seeds, against random search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.analysis.searches import LEAST, Advantage, Corner, SearchCurve, Trace, advantages, common, curve
from nas.errors import Refused
from nas.findings.settings import fidelity
from nas.findings.strategies import (
    SPENT,
    Search,
    Spending,
    corner_of,
    grouped,
    is_random,
    require_comparable,
    searches_of,
)
from nas.findings.wording.numbers import count, listed, percent, plural
from nas.findings.wording.searches import HEADER, MEASURES, SearchRow, search_row
from nas.layers.display import html_table, notebook
from nas.storage.results import Run
from nas.study.objectives import ERROR

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The strategies by one measure."""

    measure: str
    """Key of `MEASURES`."""
    curves: tuple[SearchCurve, ...]
    """One a strategy, the reference first."""
    advantages: tuple[Advantage, ...]
    """Each other strategy against the reference."""

    @property
    def rows(self) -> tuple[SearchRow, ...]:
        """Each strategy as texts."""
        by_name = {each.name: each for each in self.advantages}
        return tuple(search_row(each, by_name.get(each.name), self.measure) for each in self.curves)


@dataclass(frozen=True, kw_only=True, eq=False)
class Searches:
    """Strategies of search over the same compute."""

    title: str
    """Names of the studies."""
    spending: Spending
    """What compute is counted in."""
    start: float
    """Compute from which every search has a network, in the unit of `spending`."""
    end: float
    """Compute after which the first search is finished."""
    measured: tuple[Measured, ...] = field(repr=False)
    """By the error, and where a strategy searches for two objectives by what is dominated."""
    head: tuple[tuple[str, str], ...]
    """What all numbers rest on: name and text."""
    notes: tuple[str, ...]
    """What must be said beside them."""

    def table(self) -> pd.DataFrame:
        """One row for each measure and strategy: area, its ratio to the reference's, and the difference in the end."""
        import pandas as pd

        return pd.DataFrame([{"measure": m.measure, **_row(m, each)} for m in self.measured for each in m.curves])

    def sentences(self) -> tuple[str, ...]:
        """Each comparison in words."""
        return tuple(row.sentence for measured in self.measured for row in measured.rows if row.sentence)

    def _repr_html_(self) -> str:
        """What a notebook shows: the tables, the sentences and what must be said beside them."""
        tables = (html_table(HEADER, [row.cells for row in m.rows], MEASURES[m.measure]) for m in self.measured)
        return notebook(self.title, self.head, self.notes, "".join(tables), self.sentences())


def compare(runs: Sequence[Run], *, cost: Spending = "multiply_adds") -> Searches:
    """Strategies of search at equal compute: what runs of one kind found, each against random search.

    Runs that differ in seed and samples only are searches of one strategy. Where no run searches at random, the first
    one's strategy is the reference. Random runs that aren't halved are cut into searches as long as the shortest run,
    no more of them than the strategy with the fewest has.
    Raises Refused for runs of other networks or trainings than each other, and for one search given twice.
    """
    require_comparable(runs)
    groups = grouped(runs)
    if len(groups) < 2:
        raise Refused(
            f"all of these runs search by {next(iter(groups))}, so there is nothing to compare it with",
            hint="add runs of random search: the same study with --sampler random",
        )
    searches = searches_of(groups, cost)
    errors = {name: [part.errors(runs[0].manifest.data.guess) for part in parts] for name, parts in searches.items()}
    start, end = common([trace for traces in errors.values() for trace in traces])
    measures = [measured("error", errors, start, end)]
    corner = corner_of(runs) if any(run.manifest.study.objectives != ERROR for run in runs) else None
    if corner is not None:
        shares = {name: [part.shares(corner) for part in parts] for name, parts in searches.items()}
        measures.append(measured("undominated", shares, start, end))
    return Searches(
        title=listed(dict.fromkeys(run.manifest.study.name for run in runs)),
        spending=cost,
        start=start,
        end=end,
        measured=tuple(measures),
        head=tuple(_head(runs[0], cost, start, end, corner)),
        notes=tuple(_notes(groups, searches, end)),
    )


def measured(measure: str, traces: Mapping[str, Sequence[Trace]], start: float, end: float) -> Measured:
    """Strategies by one measure between two amounts of compute; the first one is the reference."""
    return Measured(
        measure=measure,
        curves=tuple(curve(name, own, start, end) for name, own in traces.items()),
        advantages=advantages(traces, start, end),
    )


def _head(run: Run, cost: Spending, start: float, end: float, corner: Corner | None) -> Sequence[tuple[str, str]]:
    """What all numbers rest on."""
    lines = [("trained", fidelity(run)), ("compute", SPENT[cost]), *stretch(start, end)]
    if corner is not None:
        size = f"{count(corner.low)} to {count(corner.high)} multiply-adds on a logarithmic scale"
        lines.append(("reference", f"error 0 to {percent(corner.error)}, {size}"))
    return lines


def stretch(start: float, end: float) -> Sequence[tuple[str, str]]:
    """The compute over which strategies are compared, and what their areas are."""
    return [
        ("from", f"{count(start)}, where every search has a network, to {count(end)}, where the first one is finished"),
        (
            "area",
            "mean over that compute: what a search has if it is stopped at any moment of it; the ratio is to that "
            "of the first row, with a 95 % interval over searches, which holds on its own; verdicts are corrected for "
            "all strategies together by Holm",
        ),
    ]


def _notes(groups: Mapping[str, Sequence[Run]], searches: Mapping[str, Sequence[Search]], end: float) -> list[str]:
    notes = []
    first = next(iter(groups))
    if not is_random(groups[first][0]):
        notes.append(f"No run searches at random without halving, so the others are compared with {first}")
    for name, parts in searches.items():
        if is_random(groups[name][0]) and len(parts) != len(groups[name]):
            notes.append(
                f"{name}: {len(parts)} searches, cut from {plural(len(groups[name]), 'run')} one after another, "
                "no more than another strategy has"
            )
        if len(parts) < LEAST:
            notes.append(f"{name}: {len(parts)} of the {LEAST} searches that an interval takes at least")
    for run in (run for runs in groups.values() for run in runs):
        if len(run.records) < run.total:
            notes.append(f"{run.folder} isn't finished: {len(run.records):,} of {run.total:,} trials are finished")
    longest = max(sum(part.costs) for parts in searches.values() for part in parts)
    if longest > 1.5 * end:
        notes.append(f"The longest search spent {count(longest)}; what it found after {count(end)} isn't counted")
    return notes


def _row(measured: Measured, curve: SearchCurve) -> dict[str, Any]:
    advantage = next((each for each in measured.advantages if each.name == curve.name), None)
    last = curve.mean[-1]
    own = {"strategy": curve.name, "n": curve.n, "trials": curve.trials}
    own |= {"final": last.estimate, "final_low": last.low, "final_high": last.high, "area": curve.area.estimate}
    if advantage is None:
        return own | {"verdict": "reference"}
    ratio = advantage.ratio
    return own | {
        "ratio": ratio.estimate,
        "low": ratio.low,
        "high": ratio.high,
        "final_difference": advantage.final.estimate,
        "reach": advantage.reach,
        "p_value": advantage.p_value,
        "p_adjusted": advantage.p_adjusted,
        "verdict": advantage.verdict,
    }
