"""Fast convolutions: equal to torch's own in function and gradient, chosen by shape alone."""

from __future__ import annotations

import copy
from dataclasses import replace
from math import inf

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nas.training.kernels import winograd as winograd_module
from nas.training.kernels.convolution import FastConvolution, specialise
from nas.training.kernels.pooling import GlobalMean, RectifiedPool
from nas.training.kernels.rules import (
    ANY,
    FITTED,
    FITTED_AMD,
    FITTED_HALF,
    NATIVE,
    RULES,
    Geometry,
    Passes,
    Rules,
    rules_for,
    way,
    widening,
    winograd_passes,
)

EVERYTHING_WHOLE = Rules(whole_image={(edge, stride): ANY for edge in range(1, 12) for stride in (1, 2, 3)})
FORCED = {
    "product": Rules(product_positions=ANY, product_elements=ANY),
    "whole image": EVERYTHING_WHOLE,
    "pairs": Rules(pairs=ANY),
    "wider": Rules(wider={1: 8, 2: 8, 3: 12, 4: 8}),
    "spread": Rules(spread=frozenset(range(1, 33))),
    "pairs spread": Rules(pairs=ANY, spread=frozenset({1})),
    "winograd": Rules(winograd=0, winograd_weight=0),
}
"""Rules that take one way wherever it can be taken."""


def outcome(module: nn.Conv2d, x: Tensor) -> list[Tensor]:
    """Output and gradients of a weighted sum of it, by input and parameters."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    module.zero_grad()
    y = module(x)
    factors = torch.linspace(-1, 1, y.numel(), dtype=x.dtype).view_as(y)
    torch.autograd.backward((y * factors).sum())
    gradients = [parameter.grad for parameter in module.parameters()]
    assert x.grad is not None
    return [y.detach(), x.grad, *(g.clone() for g in gradients if g is not None)]


def geometry(module: nn.Conv2d, x: Tensor) -> Geometry:
    """The shape that the rules see."""
    return Geometry(
        batch=x.shape[0],
        channels=x.shape[1],
        width=module.out_channels,
        height=x.shape[2],
        breadth=x.shape[3],
        kernel=module.kernel_size[0],
        stride=module.stride[0],
        padding=int(module.padding[0]),
        groups=module.groups,
    )


def check_equal(module: nn.Conv2d, x: Tensor, rules: Rules) -> None:
    """The same numbers as torch's own convolution, in double precision to 1e-10."""
    module, x = module.double(), x.double().to(memory_format=torch.channels_last)
    expected = outcome(module, x)
    specialise(nn.Sequential(module), rules)
    assert isinstance(module, FastConvolution)
    for ours, theirs in zip(outcome(module, x), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(
    way_name=st.sampled_from(["whole image", "pairs", "wider", "product", "spread", "pairs spread"]),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    groups=st.sampled_from([1, 2, 4, 6, 8]),
    narrow=st.integers(1, 4),
    ratio=st.integers(1, 2),
    kernel=st.sampled_from([1, 2, 3, 5]),
    stride=st.integers(1, 3),
    padded=st.booleans(),
    bias=st.booleans(),
)
def test_every_way_is_the_same_function(
    way_name: str,
    size: tuple[int, int],
    groups: int,
    narrow: int,
    ratio: int,
    kernel: int,
    stride: int,
    padded: bool,
    bias: bool,
) -> None:
    """Whatever the shape, stride, padding, grouping and bias, output and all gradients equal torch's convolution."""
    padding = kernel // 2 if padded else 0
    if min(size) + 2 * padding < kernel:
        return
    channels = groups * narrow
    module = nn.Conv2d(channels, channels * ratio, kernel, stride, padding, groups=groups, bias=bias)
    check_equal(module, torch.randn(3, channels, *size), FORCED[way_name])


@pytest.mark.parametrize(
    ("name", "groups", "narrow", "kernel", "stride"),
    [
        ("product", 1, 8, 1, 1),
        ("whole image", 2, 4, 3, 1),
        ("pairs", 8, 1, 3, 1),
        ("wider", 8, 2, 3, 1),
        ("wider", 6, 2, 3, 1),
        ("spread", 8, 1, 3, 2),
        ("spread", 3, 5, 3, 2),
        ("winograd", 1, 5, 3, 1),
    ],
)
def test_each_way_is_really_taken(name: str, groups: int, narrow: int, kernel: int, stride: int) -> None:
    """The forced rules of the test above do take the way that they are named for, so it compares what it says."""
    channels = groups * narrow
    module = nn.Conv2d(channels, channels, kernel, stride, padding=kernel // 2, groups=groups)
    assert way(FORCED[name], geometry(module, torch.zeros(2, channels, 4, 4))) == name


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 3),
    groups=st.sampled_from([1, 2, 4]),
    narrow=st.integers(1, 6),
    kernel=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    bias=st.booleans(),
)
def test_numpys_products_are_the_same_function(
    size: int, groups: int, narrow: int, kernel: int, stride: int, bias: bool
) -> None:
    """With every product computed by NumPy in float32, output and gradients equal torch's convolution to 1e-4."""
    groups = 1 if kernel == 1 else groups
    channels = groups * narrow
    module = nn.Conv2d(channels, 2 * channels, kernel, stride, kernel // 2, groups=groups, bias=bias)
    x = torch.randn(3, channels, size, size).to(memory_format=torch.channels_last)
    expected = outcome(module, x)
    whole = EVERYTHING_WHOLE.whole_image
    specialise(nn.Sequential(module), Rules(product_positions=ANY, product_elements=ANY, whole_image=whole, blas=0))
    for ours, theirs in zip(outcome(module, x), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_widened_group_divides_the_groups() -> None:
    """Groups of 2 become groups of 8 where their number is a multiple of 4, of 4 where it is even, else stay."""
    shape = Geometry(batch=1, channels=16, width=16, height=7, breadth=7, kernel=3, stride=1, padding=1, groups=8)
    assert widening(FITTED, shape) == 4
    assert widening(FITTED, replace(shape, channels=12, width=12, groups=6)) == 2
    assert widening(FITTED, replace(shape, channels=10, width=10, groups=5)) == 1
    assert widening(FITTED, replace(shape, channels=32, width=32)) == 2  # from 4
    assert widening(FITTED, replace(shape, channels=64, width=64)) == 1  # 8 is wide enough


def test_the_fitted_rules_leave_large_images_to_torch() -> None:
    """Wide groups at 14x14 and beyond, and 1x1 kernels over many positions, are computed as torch does."""
    shape = Geometry(batch=128, channels=64, width=64, height=14, breadth=14, kernel=3, stride=1, padding=1, groups=4)
    assert way(FITTED, shape) == "native"
    assert way(FITTED, replace(shape, kernel=1, padding=0, groups=1)) == "native"
    assert way(FITTED, replace(shape, height=2, breadth=2)) == "whole image"


def test_a_gpu_multiplies_where_it_can() -> None:
    """On a GPU every 1x1 convolution without groups is a product, whatever its shape, and all others are torch's."""
    rules = rules_for(torch.device("cuda"), torch.bfloat16)
    shape = Geometry(batch=128, channels=64, width=64, height=28, breadth=28, kernel=1, stride=1, padding=0, groups=1)
    assert {way(rules, replace(shape, stride=stride, height=edge)) for stride in (1, 2) for edge in (1, 224)} == {
        "product"
    }
    for other in (replace(shape, groups=2), replace(shape, kernel=3, padding=1), replace(shape, padding=1)):
        assert way(rules, other) == "native"


def test_an_unknown_arithmetic_computes_natively() -> None:
    """Without a table nothing is replaced: no rule for an arithmetic that nobody measured."""
    assert rules_for(torch.device("cpu"), torch.float64) == NATIVE
    network = nn.Sequential(nn.Conv2d(2, 2, 3))
    specialise(network, NATIVE)
    assert type(network[0]) is nn.Conv2d
    assert all(isinstance(rules, Rules) for rules in RULES.values())


def test_specialising_keeps_parameters_and_names() -> None:
    """The state of a specialised network has the names and tensors that it had, so weights files don't change."""
    network = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.BatchNorm2d(4), nn.Sequential(nn.Conv2d(4, 2, 1)))
    before = dict(network.state_dict(keep_vars=True))
    specialise(network, FITTED)
    after = network.state_dict(keep_vars=True)
    assert list(after) == list(before)
    assert all(after[name] is before[name] for name in before)


def test_evaluation_first_doesnt_spoil_training() -> None:
    """Constant tensors that were made in inference mode can be used by a training later."""
    torch.manual_seed(0)
    rules = Rules(whole_image=EVERYTHING_WHOLE.whole_image, pairs=4, wider={2: 8})
    for module in (nn.Conv2d(9, 9, 3, padding=1, groups=3), nn.Conv2d(9, 9, 3, padding=1, groups=9)):
        specialise(nn.Sequential(module), rules)
        x = torch.randn(2, 9, 4, 3)
        with torch.inference_mode():
            module(x)
        assert all(torch.isfinite(tensor).all() for tensor in outcome(module, x))


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    channels=st.integers(1, 5),
    width=st.integers(1, 5),
    bias=st.booleans(),
    passes=st.sampled_from([(0.0, 0.0), (inf, 0.0), (0.0, inf)]),
    cached=st.sampled_from([1, 2000, winograd_module.CACHED]),
)
def test_tiles_are_the_same_function(
    size: tuple[int, int], channels: int, width: int, bias: bool, passes: tuple[float, float], cached: int
) -> None:
    """Whatever the size, with all passes or some in tiles and all images or few at once, numbers equal torch's."""
    module = nn.Conv2d(channels, width, 3, padding=1, bias=bias)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd_module, "CACHED", cached)
        check_equal(module, torch.randn(3, channels, *size), Rules(winograd=passes[0], winograd_weight=passes[1]))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(("edge", "groups"), [(1, 1), (4, 1), (4, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("name", [*FORCED, "numpy"])
def test_what_a_way_computed_may_be_overwritten(name: str, edge: int, groups: int, kernel: int, stride: int) -> None:
    """A ReLU in place after a convolution of any way gives torch's outputs and gradients, also cut off at the edge."""
    torch.manual_seed(0)
    padding, precision = kernel // 2, torch.float32 if name == "numpy" else torch.float64
    convolution = nn.Conv2d(2, 4, kernel, stride, padding, groups=groups, bias=False)
    before = nn.Sequential(convolution, nn.ReLU(inplace=True)).to(precision)
    after = copy.deepcopy(before)
    specialise(after, FORCED.get(name, replace(FORCED["product"], blas=0)))
    x = torch.randn(2, 2, edge, edge, dtype=precision).to(memory_format=torch.channels_last)
    results = []
    for network in (before, after):
        y = network(x)
        torch.autograd.backward((y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum())
        results.append([y.detach(), network[0].weight.grad])
    near = 1e-4 if name == "numpy" else 1e-10
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=near, atol=near)


def test_tiles_are_exact_enough_in_float32() -> None:
    """Of 128 channels at 12x12, outputs and gradients are within 1e-4 of their largest value."""
    torch.manual_seed(0)
    module = nn.Conv2d(128, 128, 3, padding=1, bias=False).to(memory_format=torch.channels_last)
    x = torch.randn(4, 128, 12, 12).to(memory_format=torch.channels_last)
    expected = outcome(module, x)
    specialise(nn.Sequential(module), FORCED["winograd"])
    for ours, theirs in zip(outcome(module, x), expected, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_tiles_are_taken_where_they_save_enough() -> None:
    """With 128 channels at 12x12 all passes, with 64 or few tiles one; none with groups, strides or at 6x6."""
    shape = Geometry(batch=128, channels=128, width=128, height=12, breadth=12, kernel=3, stride=1, padding=1, groups=1)
    narrow = replace(shape, channels=64, width=64)
    assert winograd_passes(FITTED_AMD, shape) == Passes(forward=True, onward=True, weight=True)
    assert winograd_passes(FITTED_AMD, narrow) == Passes(forward=False, onward=False, weight=True)
    few = replace(shape, channels=256, width=256, height=4, breadth=4, batch=32)
    assert winograd_passes(FITTED_AMD, few) == Passes(forward=False, onward=False, weight=True)
    assert winograd_passes(FITTED, shape) == Passes(forward=False, onward=False, weight=False)
    for other in ({"groups": 2}, {"stride": 2}, {"height": 6, "breadth": 6}, {"kernel": 5, "padding": 2}):
        assert way(FITTED_AMD, replace(shape, **other)) == "native"


@pytest.mark.parametrize(("kernel", "stride", "padding", "ceil"), [(2, 2, 0, False), (3, 2, 1, False), (3, 2, 0, True)])
def test_a_relu_behind_its_pool_changes_no_bit(kernel: int, stride: int, padding: int, ceil: bool) -> None:
    """Outputs and gradients are equal, with ties and windows of nothing but negative values among the images."""
    torch.manual_seed(0)
    unit = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True))
    before = nn.Sequential(unit, nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil), nn.Conv2d(3, 2, 1))
    after = copy.deepcopy(before)
    specialise(after, NATIVE)
    assert [type(part) for part in after.modules() if isinstance(part, nn.ReLU | nn.MaxPool2d)] == [RectifiedPool]
    assert list(after.state_dict()) == list(before.state_dict())
    results = []
    for network in (before, after):
        x = torch.randint(-2, 2, (4, 2, 9, 9)).float().requires_grad_()
        x.data = torch.arange(x.numel()).view_as(x).remainder(5) - 2.0
        y = network(x)
        torch.autograd.backward((y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum())
        results.append([y, x.grad, *(parameter.grad for parameter in network.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_relu_stays_where_no_pool_follows() -> None:
    """Before an average, a convolution or the end of a row nothing moves."""
    network = nn.Sequential(nn.ReLU(), nn.AvgPool2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1), nn.ReLU())
    specialise(network, NATIVE)
    assert [type(part) for part in network] == [nn.ReLU, nn.AvgPool2d, nn.ReLU, nn.Conv2d, nn.ReLU]


def test_the_mean_over_an_image_is_the_same_to_the_bit() -> None:
    """Outputs and gradients of a global average pool are torch's own; pools that leave more stay as they are."""
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(8, 5, 3, 4).to(dtype, memory_format=torch.channels_last)
        theirs, ours = nn.Sequential(nn.AdaptiveAvgPool2d(1)), nn.Sequential(nn.AdaptiveAvgPool2d(1))
        specialise(ours, FITTED)
        assert type(ours[0]) is GlobalMean
        seen = []
        for module in (theirs, ours):
            images = x.clone().requires_grad_()
            y = module(images)
            torch.autograd.backward((y * torch.arange(1, 6, dtype=dtype).view(1, 5, 1, 1)).sum())
            assert images.grad is not None
            seen.append((y.detach(), images.grad))
        for one, other in zip(*seen, strict=True):
            assert torch.equal(one, other)
    wide = nn.Sequential(nn.AdaptiveAvgPool2d(2))
    specialise(wide, FITTED)
    assert type(wide[0]) is nn.AdaptiveAvgPool2d


def test_bfloat16_avoids_strided_gradients_that_torch_is_slow_at() -> None:
    """Depthwise and odd groups with a stride are spread; widths that torch has a kernel for, and no stride, are not."""
    for groups, narrow, stride, expected in (
        (856, 1, 2, "spread"),
        (8, 7, 2, "spread"),
        (8, 16, 2, "native"),
        (8, 12, 2, "native"),
        (8, 7, 1, "native"),
    ):
        module = nn.Conv2d(groups * narrow, groups * narrow, 3, stride, 1, groups=groups)
        assert way(FITTED_HALF, geometry(module, torch.zeros(2, groups * narrow, 7, 7))) == expected


def test_gradients_beside_the_path_are_the_same() -> None:
    """Weights whose gradients are computed apart from those of inputs have the gradients that they always had."""
    ours = nn.Sequential(
        nn.Conv2d(4, 8, 3, 2, 1, bias=False), nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.Conv2d(8, 4, 1)
    )
    theirs = copy.deepcopy(ours)
    specialise(ours, Rules(product_positions=ANY, product_elements=ANY, beside=True))
    x = torch.randn(2, 4, 7, 5)
    for network in (ours, theirs):
        torch.autograd.backward(network(x).square().sum())
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
