"""Independent random points within hard limits, each decided by study seed and trial number alone."""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nas.errors import EmptyWindow, Refused
from nas.layers import output_shape, shape_text
from nas.sampling.filter import NO_SHAPE, NO_VECTOR, Filter, Network, Stopped, collection_paused
from nas.sampling.reach import Reach
from nas.sampling.window import Shift, Window
from nas.space import Choice, Dimension, Point, Value, sentence
from nas.space.distribution import Distribution
from nas.study.limits import LATENCY, span
from nas.study.record import Origin

logger = logging.getLogger(__name__)

MOST_DRAWS = 1_000_000
"""Proposals after which nothing is taken to be left inside the limits."""
MOST_TIMED = 200
"""Networks that are measured and too slow or too fast, after which the same is taken of a limit on latency."""
HOPELESS = 1_000
"""Draws without a network inside the limits after which it is looked whether the space reaches them at all."""
BATCH = 64
MEASURED = 200
"""Accepted points after which measuring the limits ends."""
MEASURED_DRAWS = 20_000
"""Draws after which measuring them ends if any was accepted."""
FOR_IMAGES = 200
"""Networks that a table's columns don't fit into, after which a space is taken to be for images only."""
EXAMPLES = 1_000
"""Draws in which an example of an impossible network is looked for."""
MISTIMED = (f"{LATENCY} below", f"{LATENCY} above")
"""What is said of them."""
POINT_STREAM, WINDOW_STREAM, COORDINATE_STREAM = 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class Again:
    """What a training has from another run, whose network it trains once more, and not from its own number."""

    seed: int
    """Of initial weights, order of data and augmentation."""
    origin: Origin
    """How the network was found there, marked as no random draw."""
    patience: int
    """Times the study's limit that the training may take; at least 1."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A point that may be trained, and how it was found."""

    point: Point
    """Values of all active dimensions."""
    network: Network
    """What it stands for."""
    draws: int
    """Points drawn until this one."""
    fallback: bool = False
    """Whether an adaptive sampler found none, so that this is a random point."""
    stratum: str = ""
    """Name of the stratum of cost that it was drawn from; empty where the study has none."""
    again: Again | None = None
    """What the training of another run's network has from there; None for a network of this run."""


def generator(*key: int) -> np.random.Generator:
    """A stream of random numbers that depends on these numbers only."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def draw(filter_: Filter, distribution: Distribution, seed: int, number: int, *, most: int = MOST_DRAWS) -> Proposal:
    """The random point of a trial; EmptyWindow where `most` draws, or `MOST_TIMED` measurements, hit nothing."""
    refused: Counter[str] = Counter()
    timed: list[Point] = []
    draws = 0
    with collection_paused():
        for draws, point in enumerate(stream(distribution, generator(seed, number, POINT_STREAM), most), 1):
            try:
                verdict = filter_.accept(point)
            except Stopped:
                tell_missed(filter_, timed)
                raise
            if isinstance(verdict, Network):
                return Proposal(point=point, network=verdict, draws=draws)
            refused.update(verdict)
            if draws == HOPELESS and refused[NO_SHAPE] == draws:
                break
            if not timed_out_of(verdict):
                continue
            timed.append(point)
            if len(timed) == MOST_TIMED:
                raise mistimed(filter_, timed)
    raise empty(filter_, refused, draws)


def timed_out_of(reasons: Iterable[str]) -> bool:
    """Whether a network was refused for its measured latency."""
    return not set(MISTIMED).isdisjoint(reasons)


def tell_missed(filter_: Filter, points: Sequence[Point]) -> None:
    """Say which limit on latency so many networks have missed until the command ended, if there were any."""
    if points:
        missed = mistimed(filter_, points)
        logger.warning("no further network was found. %s (%s)", missed, missed.hint)


def mistimed(filter_: Filter, points: Sequence[Point]) -> EmptyWindow:
    """The error of a limit on latency that so many networks in a row, inside all other limits, have missed."""
    networks = [network for network in map(filter_.judge, points) if isinstance(network, Network)]
    times = sorted(filter_.stopwatch(each.layer, each.inputs, 1) for each in networks) if filter_.stopwatch else []
    low, high = filter_.limits.latency_ms
    fastest, slowest = _milliseconds(times[0]), _milliseconds(times[-1])
    near = f"..{_milliseconds(times[0] * 1.1)}" if times[0] > high else f"{_milliseconds(times[-1] / 1.1)}.."
    return EmptyWindow(
        f"{filter_.space.name}: {len(times)} networks in a row, inside all other limits, missed "
        f"{span(LATENCY, low, high)}; they take {fastest} to {slowest} ms here",
        hint=f"--latency-ms {near} lets some of them in, in a new folder; or take a smaller space, or an idle machine: "
        "other programs make networks look slow",
    )


def _milliseconds(time: float) -> str:
    """As it may be typed: three digits, and whole ones from a hundred on."""
    return f"{time:.0f}" if time >= 99.95 else f"{time:.3g}"


def measure(filter_: Filter, seed: int, index: int, *, most: int = MOST_DRAWS) -> Window:
    """What the filter accepts and what it does to each dimension, from own draws.

    EmptyWindow where `most` draws hit nothing, or few do and the limits lie beyond the space.
    """
    distribution = Distribution(filter_.space)
    refused: Counter[str] = Counter()
    allowed: list[Point] = []
    accepted: list[Point] = []
    draws = 0
    required = {sentence(requirement) for requirement in filter_.space.requirements}
    with collection_paused():
        for draws, point in enumerate(stream(distribution, generator(seed, index, WINDOW_STREAM), most), 1):
            verdict = filter_.judge(point)
            if isinstance(verdict, Network):
                if not accepted:
                    require_outputs(filter_, verdict)
                accepted.append(point)
            else:
                refused.update(verdict)
            if refused[NO_VECTOR] == FOR_IMAGES and not accepted:
                raise for_images(filter_)
            if draws <= MEASURED_DRAWS and (isinstance(verdict, Network) or required.isdisjoint(verdict)):
                allowed.append(point)
            if len(accepted) >= MEASURED or (accepted and draws >= MEASURED_DRAWS):
                break
            if draws == HOPELESS and not accepted and (refused[NO_SHAPE] == draws or Reach(filter_).beyond()):
                break
            if draws == MEASURED_DRAWS:
                logger.warning("%s: nothing inside the limits after %s draws, still looking", filter_.space.name, draws)
    if not accepted:
        raise empty(filter_, refused, draws)
    shifts = tuple(_shift(name, dimension, allowed, accepted) for name, dimension in filter_.space.dimensions.items())
    return Window(
        space=filter_.space.name,
        draws=draws,
        accepted=len(accepted),
        refused=dict(refused.most_common()),
        shifts=shifts,
    )


def empty(filter_: Filter, refused: Counter[str], draws: int) -> EmptyWindow:
    """The error of limits without a network, with the share of proposals that each rule and limit rejected."""
    shares = ", ".join(f"{reason} ({count / draws:.2%})" for reason, count in refused.most_common())
    example = _example(filter_) if NO_SHAPE in refused else ""
    limits, reach = filter_.limits.words, Reach(filter_)
    shapeless = refused[NO_SHAPE] == draws
    beyond = "" if shapeless else reach.beyond()
    costs = "" if shapeless else "".join(f"; {words}" for words in (reach.words, beyond) if words)
    hint = "change the rule that refuses most, or the input size"
    if shapeless:
        hint = "mend the code of the space, or change the input size (--resolution)"
    elif beyond:
        hint = "widen the limits to what there is, take another space (`nas spaces`), or change the input size"
    elif limits:
        hint = "widen the limit that refuses most, restrict the space to where the limits are, or change the input size"
    return EmptyWindow(
        f"{filter_.space.name}: none of {draws:,} random networks obeys all rules and limits "
        f"({limits or 'no limits'}). Refused for: {shares}{example}{costs}",
        hint=hint,
    )


def _example(filter_: Filter) -> str:
    """In the words of a layer why some random network is none at its input."""
    points = stream(Distribution(filter_.space), generator(0, POINT_STREAM), EXAMPLES)
    reasons = (filter_.why_impossible(point) for point in points if filter_.space.allows(point))
    reason = next(filter(None, reasons), "")
    return f", such as: {reason}" if reason else ""


def require_outputs(filter_: Filter, network: Network) -> None:
    """Refuse a space whose networks end in something else than the requested outputs."""
    shape = output_shape(network.layer, network.inputs)
    if shape != (filter_.classes,):
        raise Refused(
            f"{filter_.space.name}: a network must end in {filter_.classes} outputs, got {shape_text(shape)}",
            hint="end it in a pool to 1x1, Flatten and Linear(width=classes)",
        )


def for_images(filter_: Filter) -> EmptyWindow:
    """The error of a space whose networks can't take a vector."""
    return EmptyWindow(
        f"{filter_.space.name} is a space of networks for images; a table has "
        f"{filter_.inputs[0]} features and no pixels",
        hint="choose a space of networks for vectors (a multilayer perceptron), or --data with images",
    )


def stream(distribution: Distribution, source: np.random.Generator, most: int) -> Iterator[dict[str, Value]]:
    """Points one after another; how many are drawn at once changes nothing."""
    drawn, batch = 0, BATCH
    while drawn < most:
        count = min(batch, most - drawn)
        yield from distribution.points(source.random((count, len(distribution.names))))
        drawn, batch = drawn + count, min(2 * batch, 16 * BATCH)


def _shift(name: str, dimension: Dimension, before: Sequence[Point], after: Sequence[Point]) -> Shift:
    """Difference between a dimension's values before and after the limits, requirements met in both."""
    old = sorted(_rank(dimension, point[name]) for point in before if name in point)
    new = sorted(_rank(dimension, point[name]) for point in after if name in point)
    if not old or not new:
        return Shift(dimension=name, mean_quantile=0.5, distance=0.0)
    middles = [(bisect_left(old, v) + bisect_right(old, v)) / (2 * len(old)) for v in new]
    distance = max(abs(bisect_right(old, v) / len(old) - bisect_right(new, v) / len(new)) for v in {*old, *new})
    return Shift(dimension=name, mean_quantile=sum(middles) / len(middles), distance=distance)


def _rank(dimension: Dimension, value: Value) -> float:
    if isinstance(dimension, Choice):
        return float(dimension.options.index(value))
    return float(value)
