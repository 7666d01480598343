"""What runs have in common and what sets them apart when they search: the same question, strategies, compute."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from math import inf
from typing import Literal, get_args

import msgspec

from nas.analysis.searches import LEAST, Corner, Trace, lowest_errors, pieces, undominated
from nas.errors import Refused
from nas.storage.results import Run
from nas.storage.study_json import differences
from nas.study.limits import UNBOUNDED
from nas.study.objectives import ERROR
from nas.study.record import Outcome, Record
from nas.study.stored import MAY_DIFFER
from nas.study.study import FIELDS

Spending = Literal["multiply_adds", "seconds", "epochs", "trials"]
SPENDINGS: tuple[Spending, ...] = get_args(Spending)
SPENT: Mapping[Spending, str] = {
    "multiply_adds": "multiply-adds of a forward pass times images times epochs that were trained",
    "seconds": "seconds of trainings with their evaluations, which depend on what else the machine did",
    "epochs": "epochs that were trained, of small networks and of large ones",
    "trials": "trials, however long they were trained",
}
"""What compute is counted in, in words."""
OWN = ("sampler", "objectives", "halving", "name", "question", "seed", *MAY_DIFFER)
"""Entries of a study that searches of one question need not have in common; the first three make a strategy."""
ABOVE = 1.1
"""Where no limit says it, the reference size of a hypervolume lies so far above the largest network."""


def spending(name: str) -> Spending:
    """What compute is counted in, by name; refused where nothing is called so."""
    for unit in SPENDINGS:
        if name == unit:
            return unit
    raise Refused(f"compute is counted in {', '.join(SPENDINGS)}, got {name!r}")


def require_comparable(runs: Sequence[Run]) -> None:
    """Refuse runs that don't train the same networks in the same way, and two runs that are one search."""
    if len(runs) < 2:
        raise Refused("at least two runs are compared", hint="nas compare DIR DIR...")
    first = runs[0]
    seen: dict[str, Run] = {}  # a strategy with a seed is one search, however often it is given
    for run in runs:
        shared = {name: getattr(first.manifest.study, name) for name in OWN}
        prints = run.manifest.fingerprint if _seed(run) == _seed(first) else first.manifest.fingerprint
        study = msgspec.structs.replace(run.manifest.study, **shared)
        other = msgspec.structs.replace(run.manifest, study=study, fingerprint=prints)
        if lines := differences(first.manifest, other):
            raise Refused(
                f"{run.folder} and {first.folder} don't search the same ({first.folder} is stored, this is the other):"
                "\n  " + "\n  ".join(lines),
                hint="strategies are compared on the same data, recipe, limits and spaces",
            )
        own = f"{strategy_of(run)} with seed {_seed(run)}"
        if own in seen:
            raise Refused(
                f"{seen[own].folder} and {run.folder} are one search: {own}",
                hint="another seed makes another search: --seed N",
            )
        seen[own] = run


def strategy_of(run: Run) -> str:
    """How a run searches, as a name."""
    study = run.manifest.study
    words = [study.sampler]
    if study.objectives != ERROR:
        words.append(f"for {' and '.join(study.objectives)}".replace("_", "-"))
    return ", ".join([" ".join(words), *([study.halving.words] if study.halving else [])])


def spent_on(run: Run, record: Record, cost: Spending) -> float:
    """Compute of one trial; a failure is charged with the epoch it ended in, one that timed out with all of them."""
    common, own = run.manifest.study.recipe, {name: record.point[name] for name in FIELDS if name in record.point}
    recipe = {**msgspec.structs.asdict(common), **own}
    epochs = len(record.curve)
    if record.outcome is Outcome.TIMED_OUT:
        epochs = recipe["epochs"]
    elif record.outcome.is_failure:
        epochs = min(epochs + 1, recipe["epochs"])
    images = recipe["train_size"] or run.manifest.data.train
    spent: Mapping[Spending, float] = {
        "multiply_adds": float(record.cost.multiply_adds) * images * epochs,
        "seconds": record.seconds,
        "epochs": epochs,
        "trials": 1,
    }
    return float(spent[cost])


def in_order(run: Run) -> tuple[Record, ...]:
    """The records up to the first trial that isn't finished: the compute of later ones can't be compared yet."""
    pairs = takewhile(lambda pair: pair[0].trial == pair[1], zip(run.records, count(), strict=False))
    return tuple(record for record, _ in pairs)


def is_random(run: Run) -> bool:
    """Whether a run's trials are independent of one another, so that any part of them is a random search."""
    study = run.manifest.study
    return study.sampler == "random" and not study.halving and study.repeats == 1


def grouped(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Strategy -> its runs by seed; the random one first, else in the order given."""
    groups: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: not is_random(run)):
        groups.setdefault(strategy_of(run), []).append(run)
    return {name: sorted(own, key=_seed) for name, own in groups.items()}


@dataclass(frozen=True, kw_only=True)
class Search:
    """The trials of one search, in order."""

    records: Sequence[Record]
    """Finished trials, up to the first one that isn't."""
    costs: Sequence[float]
    """Compute of each."""

    def errors(self, guess: float) -> Trace:
        """The lowest error so far."""
        return lowest_errors(self.costs, self._errors, guess)

    def shares(self, corner: Corner) -> Trace:
        """The share of a rectangle that isn't dominated so far."""
        return undominated(self.costs, self._errors, [r.cost.multiply_adds for r in self.records], corner)

    @property
    def _errors(self) -> list[float]:
        """Infinity for failures and for pruned trainings, whose networks nobody has."""
        return [inf if record.error is None else record.error for record in self.records]


def searches_of(groups: Mapping[str, Sequence[Run]], cost: Spending) -> dict[str, list[Search]]:
    """The searches of each strategy, random ones cut."""
    begun = {name: [_search(run, cost) for run in runs] for name, runs in groups.items()}
    every = {name: [search for search in searches if search.records] for name, searches in begun.items()}
    if empty := [name for name, searches in every.items() if not searches]:
        raise Refused(f"no run of {empty[0]} has a finished trial")
    return cut(every, [name for name, runs in groups.items() if is_random(runs[0])])


def cut(every: Mapping[str, Sequence[Search]], random: Collection[str]) -> dict[str, list[Search]]:
    """The searches of each strategy, those of the random ones cut to the compute of the shortest of all.

    No more random ones are kept than the strategy with the fewest has, for 3 searches against 20 are called better or
    worse too often: simulated without any difference in 7 to 9 % and not in 5 %, against 3 in 3 to 4 %.
    """
    length = min(sum(search.costs) for searches in every.values() for search in searches)
    parts = {
        name: [part for search in searches for part in (_parts(search, length) if name in random else [search])]
        for name, searches in every.items()
    }
    most = max(min(map(len, parts.values())), LEAST)
    return {name: searches[:most] if name in random else searches for name, searches in parts.items()}


def _search(run: Run, cost: Spending) -> Search:
    records = in_order(run)
    return Search(records=records, costs=[spent_on(run, record, cost) for record in records])


def _parts(search: Search, length: float) -> list[Search]:
    return [Search(records=search.records[part], costs=search.costs[part]) for part in pieces(search.costs, length)]


def corner_of(runs: Sequence[Run]) -> Corner | None:
    """Guessing, and the limits on multiply-adds; where one is open, what the completed networks of all runs have."""
    sizes = [record.cost.multiply_adds for run in runs for record in run.best]
    if not sizes:
        return None
    least, most = runs[0].manifest.study.limits.multiply_adds
    low, high = max(least or min(sizes), 1), ABOVE * max(sizes) if most == UNBOUNDED else most
    return Corner(error=runs[0].manifest.data.guess, low=low, high=max(high, low + 1))


def _seed(run: Run) -> int:
    return run.manifest.study.seed
