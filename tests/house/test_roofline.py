"""The roofline: what a training step must do, counted by hand, and the time that follows from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from nas.layers import (
    Concatenation,
    Convolution,
    DenseConcatenation,
    Flatten,
    Linear,
    Normalisation,
    Pooling,
    Residual,
    Sequence,
    SqueezeExcite,
)
from nas.training.kernels import specialise
from nas.training.kernels.norms import FastNorm, RectifiedSum, loops
from nas.training.kernels.rules import Rules
from nas.training.modules import build
from tests.benchmarks import networks
from tests.benchmarks.networks import Subject
from tests.benchmarks.operations import RELU, Operation, operations
from tests.benchmarks.roofline import Bound, Work, bounds, rows, seconds, work

IMAGE = (8, 4, 4)
SIZE = 8 * 4 * 4
PEAK, BANDWIDTH = 1e9, 1e9
ALL = (*networks.book(), *networks.sample())
PLAIN, RECTIFIED, SUMMED = Fraction(6 + 8, 3 + 5), Fraction(6 + 8 + 3, 3 + 7), Fraction(6 + 8 + 3 + 1, 4 + 8)
"""Operations for each number that a norm moves: alone, with a ReLU, with sum and ReLU."""


def by_kind(bound: tuple[Bound, ...]) -> dict[str, Bound]:
    """The bounds by name."""
    return {one.kind: one for one in bound}


def test_convolution_is_counted_by_hand() -> None:
    """A 1x1 convolution reads x and w and writes y, then reads dy, x and w and writes dx and dw."""
    (done,) = operations(Convolution(width=16), IMAGE, onward=True)
    multiply_adds, outputs, weights = 8 * 16 * 16, 16 * 4 * 4, 8 * 16
    assert done == Operation(
        kind="1x1 convolutions",
        multiply_adds=multiply_adds,
        operations=2 * multiply_adds + 4 * multiply_adds,
        elements=(SIZE + outputs) + (outputs + SIZE + SIZE),
        weights=weights + (weights + weights),
    )


def test_images_have_no_gradient() -> None:
    """The first convolution has no input gradient to compute and to write; its weights are read once."""
    found = work(Convolution(width=16), IMAGE, 2, "bfloat16")
    elements, weights, multiply_adds = (128 + 256) + (256 + 128), 128 + 128, 2 * 8 * 16 * 16
    assert found["1x1 convolutions"] == Work(
        multiply_adds=multiply_adds, operations=4 * multiply_adds, moved=2 * (2 * elements + weights)
    )
    assert found["optimiser"] == Work(operations=6 * 128, moved=20 * 128)


def test_stride_leaves_positions_out() -> None:
    """A strided 1x1 convolution reads a quarter of its input and writes the whole input gradient."""
    (done,) = operations(Convolution(width=16, stride=2), IMAGE, onward=True)
    assert done.elements == (SIZE // 4 + 64) + (64 + SIZE // 4 + SIZE)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (Convolution(width=8, kernel=3, padding=1), "dense convolutions"),
        (Convolution(width=8, kernel=3, padding=1, groups=2), "grouped convolutions"),
        (Convolution(width=8, kernel=3, padding=1, groups=8), "depthwise convolutions"),
    ],
)
def test_convolutions_are_told_apart(layer: Convolution, kind: str) -> None:
    """By kernel and groups."""
    assert [done.kind for done in operations(layer, IMAGE)] == [kind]


def test_norm_is_counted_by_hand() -> None:
    """A norm reads x twice and writes y, then reads x and dy twice and writes dx; with a ReLU it also reads y twice."""
    alone = Operation(kind="norm", operations=14 * SIZE, elements=8 * SIZE)
    assert list(operations(Normalisation(), IMAGE, onward=True)) == [alone]
    rectified = replace(alone, operations=17 * SIZE, elements=10 * SIZE)
    assert list(operations(Sequence(layers=(Normalisation(), RELU)), IMAGE, onward=True)) == [rectified]


def test_norm_takes_sum_and_relu_over() -> None:
    """The last norm of a branch reads the shortcut and writes its gradient; elementwise only sums the two gradients."""
    block = Residual(branch=Sequence(layers=(Convolution(width=8), Normalisation())))
    _, norm, gradients = operations(Sequence(layers=(block, RELU)), IMAGE, onward=True)
    assert norm == Operation(kind="norm", operations=18 * SIZE, elements=12 * SIZE)
    assert gradients == Operation(kind="elementwise", operations=SIZE, elements=3 * SIZE)
    _, norm, total, gradients = operations(block, IMAGE, onward=True)
    assert norm.elements == 8 * SIZE
    assert total == gradients


def test_relu_before_a_pool_comes_behind_it() -> None:
    """A ReLU that no norm computes meets only what a largest-value pool leaves."""
    convolution = Convolution(width=8, bias=True)
    pool = Pooling(kernel=2, stride=2)
    _, pooled, rectified = operations(Sequence(layers=(convolution, RELU, pool)), IMAGE)
    assert pooled.elements == (SIZE + SIZE // 4) + (SIZE // 4 + SIZE)
    assert rectified.elements == (2 + 3) * SIZE // 4


def test_branches_are_copied_and_their_gradients_summed() -> None:
    """Joined channels are read and written once; the gradients of an input of two branches are added."""
    for layer in (Concatenation(branches=(Sequence(), Sequence())), DenseConcatenation(branch=Sequence())):
        joined, gradients = operations(layer, IMAGE, onward=True)
        assert joined.elements == 2 * 2 * SIZE
        assert gradients.elements == 3 * SIZE
        assert len(list(operations(layer, IMAGE))) == 1


def test_gate_reads_its_image_twice_each_way() -> None:
    """Squeeze-excite is two small convolutions and a gate, which needs means before it scales."""
    narrow, widen, gate = operations(SqueezeExcite(width=2), IMAGE, onward=True)
    assert narrow.multiply_adds + widen.multiply_adds == 2 * 8 * 2
    assert gate.elements == (2 + 1) * SIZE + (3 + 1) * SIZE


def test_small_network_is_counted_by_hand() -> None:
    """Each kind adds up over the layers, images and bytes of a number."""
    layers = (
        Convolution(width=4, kernel=3, padding=1),
        Normalisation(),
        RELU,
        Pooling(kernel=2, stride=2),
        Flatten(),
        Linear(width=3),
    )
    found = work(Sequence(layers=layers), (1, 4, 4), 10, "float32")
    assert {kind: part for kind, part in found.items() if part != Work()} == {
        "dense convolutions": Work(multiply_adds=5760, operations=4 * 5760, moved=4 * (10 * 160 + 2 * 36)),
        "norm": Work(operations=10 * 17 * 64, moved=4 * 10 * 10 * 64),
        "elementwise": Work(operations=10 * 2 * 64, moved=4 * 10 * 2 * (64 + 16)),
        "linear": Work(multiply_adds=480, operations=6 * 480, moved=4 * (10 * (3 * 16 + 2 * 3) + 3 * 51)),
        "optimiser": Work(operations=6 * 95, moved=20 * 95),
    }


@pytest.mark.parametrize("subject", ALL, ids=lambda subject: subject.name)
def test_forward_is_the_cost_of_the_network(subject: Subject) -> None:
    """The multiply-adds of all kinds are those of the layer tree, for each benchmark network."""
    found = work(subject.layer, (1, subject.resolution, subject.resolution), 128, "bfloat16")
    assert sum(part.multiply_adds for part in found.values()) == 128 * subject.multiply_adds


@pytest.mark.parametrize("subject", ALL, ids=lambda subject: subject.name)
def test_norms_take_over_what_the_kernels_fuse(subject: Subject) -> None:
    """As many norms compute ReLUs and sums in the count as in the module that is trained."""
    if loops() is None:
        pytest.skip("norms aren't compiled here")
    inputs = (1, subject.resolution, subject.resolution)
    module = build(subject.layer, inputs)
    specialise(module, Rules(norms=True))
    sums = sum(isinstance(part, RectifiedSum) for part in module.modules())
    kinds = Counter(part.rectified for part in module.modules() if isinstance(part, FastNorm))
    expected = {PLAIN: kinds[False], RECTIFIED: kinds[True] - sums, SUMMED: sums}
    done = (one for one in operations(subject.layer, inputs) if one.kind == "norm")
    assert Counter(Fraction(one.operations, one.elements) for one in done) == +Counter(expected)


def test_twice_the_bandwidth_halves_what_bytes_bound() -> None:
    """The larger of the two times counts, so that a faster memory helps only kinds that wait for it."""
    todo = {"norm": Work(operations=10, moved=100), "linear": Work(operations=100, moved=10)}
    slow, fast = (by_kind(bounds(todo, PEAK, rate)) for rate in (BANDWIDTH, 2 * BANDWIDTH))  # type: ignore[arg-type]
    assert fast["norm"].seconds == pytest.approx(slow["norm"].seconds / 2)
    assert fast["linear"].seconds == slow["linear"].seconds
    assert (slow["norm"].by, slow["linear"].by) == ("bytes", "arithmetic")
    assert seconds(slow.values()) == pytest.approx(200 / PEAK)


def test_table_tells_where_to_push() -> None:
    """Kinds stand beside their share of our time and the part of it that their bound is."""
    todo = {"linear": Work(operations=100, moved=10), "norm": Work(operations=10, moved=100)}
    split = {"convolutions forward": 0.2, "convolutions backward": 0.2, "matrix products": 0.1, "norm": 0.4}
    found = list(rows(bounds(todo, PEAK, BANDWIDTH), {**split, "rest": 0.1}, 1e-6))  # type: ignore[arg-type]
    assert [row[0] for row in found] == ["linear", "all of these", "norm", "rest", "step"]
    assert [row[-3:] for row in found] == [
        ("arithmetic", "", ""),
        ("arithmetic", "50%", "20%"),
        ("bytes", "40%", "25%"),
        ("", "10%", ""),
        ("both", "100%", "20%"),
    ]
