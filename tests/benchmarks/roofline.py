"""The least time that a training step takes by a machine's two measured rates: its arithmetic, and its memory's.

The bound of each kind of layer is the larger of operations over peak and bytes over bandwidth; that of a step is the
sum over the kinds. Operations and bytes are those of `operations.py` and the same on every machine; peak and bandwidth
come from whoever measured them, on a CPU (`peak.py`, `bandwidth.py`) or on a GPU.

It is a bound of that model and no law. A working set that stays in a cache moves fewer bytes to and from memory, so
that a kind of layer, or all of a small network, can be faster than its bound. The peak is that of large matrix
products, which small or narrow ones, norms and sums can't reach however well they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

import msgspec

from nas.layers import Layer, Shape, cost
from nas.study.recipe import Precision
from tests.benchmarks.operations import Kind, operations
from tests.benchmarks.shares import PRODUCT_GROUPS

SIZES: Mapping[Precision, int] = {"float32": 4, "bfloat16": 2}
"""Bytes of an activation, a gradient and a computed weight."""
UPDATE_OPERATIONS = 6
"""A parameter: weight decay, momentum and step, 2 each."""
UPDATE_BYTES = 4 * 4 + 4
"""A parameter: float32 momentum and master read and written; a float32 gradient, or one in bfloat16 and a copy."""
HEADINGS = ("operations", "bytes", "bound", "by", "of our time", "reached")
"""Of the table of one network."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a training step has to do in one kind of layer."""

    multiply_adds: int = 0
    """Forward, for the whole batch."""
    operations: int = 0
    """Floating-point operations."""
    moved: int = 0
    """Bytes read and written."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """The least time of one kind of layer in a training step."""

    kind: Kind
    """Which kind."""
    operations: int
    """Floating-point operations."""
    moved: int
    """Bytes read and written."""
    arithmetic: float
    """Seconds that the operations take at the peak."""
    memory: float
    """Seconds that the bytes take at the bandwidth."""

    @property
    def seconds(self) -> float:
        """The larger of the two."""
        return max(self.arithmetic, self.memory)

    @property
    def by(self) -> Literal["arithmetic", "bytes"]:
        """What bounds it."""
        return "arithmetic" if self.arithmetic > self.memory else "bytes"


def bounds(work: Mapping[Kind, Work], peak: float, bandwidth: float) -> tuple[Bound, ...]:
    """The bound of each kind that the network has, by operations and bytes a second."""
    return tuple(
        Bound(
            kind=kind,
            operations=part.operations,
            moved=part.moved,
            arithmetic=part.operations / peak,
            memory=part.moved / bandwidth,
        )
        for kind, part in work.items()
        if part.operations or part.moved
    )


def seconds(kinds: Iterable[Bound]) -> float:
    """The least time of a step."""
    return sum(bound.seconds for bound in kinds)


def work(layer: Layer, inputs: Shape, batch: int, precision: Precision) -> dict[Kind, Work]:
    """What one training step has to do on so many images in float32 or bfloat16, by kind of layer."""
    totals = {kind: Work() for kind in get_args(Kind)}
    for done in operations(layer, inputs):
        before = totals[done.kind]
        totals[done.kind] = Work(
            multiply_adds=before.multiply_adds + batch * done.multiply_adds,
            operations=before.operations + batch * done.operations,
            moved=before.moved + SIZES[precision] * (batch * done.elements + done.weights),
        )
    parameters = cost(layer, inputs).parameters
    totals["optimiser"] = Work(operations=UPDATE_OPERATIONS * parameters, moved=UPDATE_BYTES * parameters)
    return totals


def rows(bounds: Sequence[Bound], split: Mapping[str, float], step: float) -> Iterator[tuple[str, ...]]:
    """A table of one network: kinds of layers, all that the profile can't tell from one another, and the whole.

    `split` are the shares of our time (see `shares.Shares`), `step` the seconds of a step. What the profile calls
    `elementwise` also holds what no bound counts: preparing the images, the loss, copies around the optimiser's step.
    """
    products = [bound for bound in bounds if bound.kind not in split]
    for bound in products:
        yield _row(bound.kind, [bound])
    yield _row("all of these", products, step * sum(split[group] for group in PRODUCT_GROUPS), step)
    for bound in bounds:
        if bound.kind in split:
            yield _row(bound.kind, [bound], step * split[bound.kind], step)
    yield "rest", "", "", "", "", f"{split['rest']:.0%}", ""
    yield _row("step", bounds, step, step)


def _row(name: str, kinds: Sequence[Bound], taken: float = 0.0, step: float = 1.0) -> tuple[str, ...]:
    """What some kinds have to do, and, where it is known, the seconds that they take of a step."""
    least, by = seconds(kinds), {bound.by for bound in kinds}
    return (
        name,
        f"{sum(bound.operations for bound in kinds) / 1e9:,.3f} G",
        f"{sum(bound.moved for bound in kinds) / 1e6:,.1f} MB",
        f"{least * 1e3:,.3f} ms",
        by.pop() if len(by) == 1 else "both",
        f"{taken / step:.0%}" if taken else "",
        f"{least / taken:.0%}" if taken else "",
    )
