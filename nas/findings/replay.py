"""Searches replayed on networks that are trained already: what a sampler would have found among them, in seconds.

A table is a sample of its space. A sampler proposes any point of the space, and the nearest network of the table that
wasn't asked for yet answers; the sampler is told that network's own point and error. So a replay tells how samplers
rank when they choose among these networks, and not what they would find beyond them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.analysis.searches import Corner, Trace, lowest_errors, undominated
from nas.errors import Refused
from nas.findings.results import Results
from nas.findings.searches import Searches, measured, stretch
from nas.findings.strategies import ABOVE, SPENT, Spending
from nas.findings.trained import Choosable, TrainedTable, choosable, table_of
from nas.findings.wording.numbers import count, listed, percent, plural
from nas.findings.wording.numbers import share as share_text
from nas.sampling.trained import TrainedNetwork
from nas.storage.results import Run
from nas.study import Study
from nas.study.objectives import ERROR, ERROR_AGAINST_COST, FOR_TWO, Objective, check_objectives
from nas.study.study import SAMPLERS as SAMPLER_NAMES
from nas.study.study import SamplerName, check_sampler

SAMPLERS: tuple[SamplerName, ...] = ("random", "tpe", "nsga2")
"""Those that are compared unless others are named."""
SEEDS = 20
"""Searches of each sampler, unless told otherwise."""
SHARE = 0.5
"""Share of the table's compute that each search spends: with all of it every search finds the best network."""
FEWEST = 20
"""Networks below which there is nothing to search."""
CAVEAT = (
    "A replay ranks searches among the networks of this table: a proposal is answered by the nearest of them that is "
    "left, so what a search would find beyond them isn't seen, and the more of them are taken, the less a sampler "
    "gets what it asks for"
)


@dataclass(frozen=True, kw_only=True)
class ReplayedSearch:
    """What one search came to."""

    networks: Sequence[TrainedNetwork]
    """In the order of its trials."""
    guided: float
    """Share of them that answered a proposal; the others were drawn at random, before the sampler had results."""


def replay(
    table: Run | Results | str | Path = "fashion-mnist",
    *,
    samplers: Sequence[SamplerName] = SAMPLERS,
    seeds: int = SEEDS,
    spaces: Sequence[str] = (),
    run: str = "",
    objectives: tuple[Objective, ...] = ERROR,
    cost: Spending = "multiply_adds",
    study: Study | None = None,
) -> Searches:
    """Searches of networks that are trained already, by regret: lowest error so far less the lowest of all of them.

    `table` is a name of a published table, a run or its folder, or a file of `nas table`, whose study is `study`. Of a
    table of several runs the largest set of one space and one recipe is searched, unless `spaces` or `run` choose
    another. With two objectives `tpe` and `nsga2` search for both, and hypervolumes are compared, too. Each search
    spends half of the table's compute. What comes out depends on the table and the arguments alone.
    """
    names = _checked(samplers, seeds, objectives)
    source = table_of(table, study)
    chosen = choosable(source, spaces, run)
    networks = _networks(chosen, source.name)
    if cost not in chosen.costs:
        raise Refused(
            f"{source.name} doesn't tell the {cost} of its trainings", hint=f"--cost {' or '.join(chosen.costs)}"
        )
    orders = {
        _strategy(name, objectives): [_order(chosen, name, seed, objectives, cost) for seed in range(seeds)]
        for name in names
    }
    return _searches(source, chosen, networks, orders, cost, objectives)


def samplers_named(names: Sequence[str]) -> tuple[SamplerName, ...]:
    """Samplers by name; refused where one doesn't exist."""
    for name in names:
        check_sampler(name)
    return tuple(name for name in SAMPLER_NAMES if name in names)


def objectives_named(names: Sequence[str]) -> tuple[Objective, ...]:
    """Objectives by name; refused for others than the error, or the error and multiply-adds."""
    for objectives in (ERROR, ERROR_AGAINST_COST):
        if sorted(names) == sorted(objectives):
            return objectives
    raise Refused(f"objectives are {','.join(ERROR)} or {','.join(ERROR_AGAINST_COST)}, got {','.join(names)!r}")


def _checked(samplers: Sequence[SamplerName], seeds: int, objectives: tuple[Objective, ...]) -> tuple[SamplerName, ...]:
    """The samplers, random search first; refused where there is nothing to compare."""
    names = samplers_named(samplers)
    if len(names) < 2:
        raise Refused(
            f"at least two samplers are compared, got {', '.join(names) or 'none'}", hint="name some: random,tpe"
        )
    if seeds < 1:
        raise Refused(f"each sampler searches at least once, got {seeds} seeds")
    if objectives != ERROR:
        able = [name for name in names if name in FOR_TWO]
        check_objectives(objectives, able[0] if able else names[-1], halved=False)
    return names


def _networks(chosen: Choosable, name: str) -> tuple[TrainedNetwork, ...]:
    """All networks in the order of their rows; refused where they are too few."""
    networks = sorted((network for _, own in chosen.arms for network in own), key=lambda network: network.row)
    if len(networks) < FEWEST or all(network.error is None for network in networks):
        raise Refused(
            f"{name} has {plural(len(networks), 'network')} that could be searched together, at least {FEWEST} are "
            "needed, one of them with an error"
        )
    return tuple(networks)


def _strategy(name: SamplerName, objectives: tuple[Objective, ...]) -> str:
    """How a sampler searches, as a name."""
    if objectives == ERROR or name not in FOR_TWO:
        return name
    return f"{name} for {' and '.join(objectives)}".replace("_", "-")


def _order(
    chosen: Choosable, name: SamplerName, seed: int, objectives: tuple[Objective, ...], cost: Spending
) -> ReplayedSearch:
    """What one search comes to until it has spent its share."""
    from nas.sampling.replay import replayed

    costs = chosen.costs[cost]
    left, order, guided = SHARE * sum(costs), [], 0
    for network, own in replayed(chosen.arms, name, seed, against_cost=objectives != ERROR and name in FOR_TWO):
        order.append(network)
        guided += own
        left -= costs[network.row]
        if left <= 0:
            break
    return ReplayedSearch(networks=order, guided=guided / len(order))


def _searches(
    source: TrainedTable,
    chosen: Choosable,
    networks: Sequence[TrainedNetwork],
    orders: Mapping[str, Sequence[ReplayedSearch]],
    cost: Spending,
    objectives: tuple[Objective, ...],
) -> Searches:
    """Regrets and, for two objectives, hypervolumes over the compute that all searches have in common."""
    costs = chosen.costs[cost]
    errors = [network.error for network in networks if network.error is not None]
    best, worst = min(errors), max(errors)
    regrets = {name: [_regret(each.networks, costs, best, worst) for each in own] for name, own in orders.items()}
    start = max(trace.first for own in regrets.values() for trace in own)
    end = SHARE * sum(costs)
    if not start < end:
        raise Refused(f"a search of {source.name} has no network with an error before it ends", hint="more networks")
    results = [measured("regret", regrets, start, end)]
    corner = _corner(networks, worst) if objectives != ERROR else None
    if corner is not None:
        shares = {name: [_share(each.networks, costs, corner) for each in own] for name, own in orders.items()}
        results.append(measured("undominated", shares, start, end))
    return Searches(
        title=f"Replay on {source.name}",
        spending=cost,
        start=start,
        end=end,
        measured=tuple(results),
        head=(*_head(chosen, networks, best, cost), *stretch(start, end), *_reference(corner)),
        notes=tuple(_notes(orders, chosen)),
    )


def _regret(order: Sequence[TrainedNetwork], costs: Sequence[float], best: float, worst: float) -> Trace:
    """Lowest error so far less the lowest of the table."""
    errors = [math.inf if network.error is None else network.error - best for network in order]
    return lowest_errors([costs[network.row] for network in order], errors, worst - best)


def _share(order: Sequence[TrainedNetwork], costs: Sequence[float], corner: Corner) -> Trace:
    """One less the hypervolume so far."""
    errors = [math.inf if network.error is None else network.error for network in order]
    sizes = [float(network.multiply_adds) for network in order]
    return undominated([costs[network.row] for network in order], errors, sizes, corner)


def _corner(networks: Sequence[TrainedNetwork], worst: float) -> Corner:
    """From the smallest network to above the largest, up to the largest error."""
    sizes = [network.multiply_adds for network in networks]
    if not min(sizes) > 0:
        raise Refused("two objectives need multiply-adds above 0 in every row", hint="leave out --objectives")
    return Corner(error=worst, low=min(sizes), high=ABOVE * max(sizes))


def _head(
    chosen: Choosable, networks: Sequence[TrainedNetwork], best: float, cost: Spending
) -> Sequence[tuple[str, str]]:
    """What the searches chose from."""
    frame = chosen.frame
    failures = sum(network.error is None for network in networks)
    trained = f"; {frame['fidelity'].iloc[0]}" if "fidelity" in frame else ""
    lost = f", {plural(failures, 'failure')}" if failures else ""
    return [
        ("networks", f"{len(networks):,} of {listed(space.name for space, _ in chosen.arms)}{lost}{trained}"),
        ("runs", listed(dict.fromkeys(frame["run"]))),
        ("lowest error", f"{percent(best)}, where the regret is 0"),
        ("compute", f"{SPENT[cost]}; each search spends half of the {count(sum(chosen.costs[cost]))} of all networks"),
    ]


def _reference(corner: Corner | None) -> Sequence[tuple[str, str]]:
    """The rectangle of the hypervolumes."""
    if corner is None:
        return []
    size = f"{count(corner.low)} to {count(corner.high)} multiply-adds on a logarithmic scale"
    return [("reference", f"error 0 to {percent(corner.error)}, the largest of the table, {size}")]


def _notes(orders: Mapping[str, Sequence[ReplayedSearch]], chosen: Choosable) -> Iterator[str]:
    """What must be said beside the numbers."""
    first = next(iter(orders))
    if first != "random":
        yield f"No search is random, so the others are compared with {first}"
    guided = {name: float(np.mean([each.guided for each in own])) for name, own in orders.items() if name != "random"}
    shares = listed(f"{share_text(share)} of {name}" for name, share in guided.items())
    yield f"Trials that a sampler proposed: {shares}; it begins with random ones, in each space for itself"
    if sought := sorted({*chosen.frame.get("sampler", ["random"])} - {"random", "quasirandom"}):
        yield f"Networks were found by {listed(sought)}, so they are no random sample of their space"
    yield CAVEAT
