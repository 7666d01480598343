"""Norms in compiled loops: equal to torch's operators in function, gradient and running statistics."""

from __future__ import annotations

import copy
import math
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nas.training.kernels import compiled, norms, specialise
from nas.training.kernels.norms import FastNorm, RectifiedSum
from nas.training.kernels.rules import Rules
from nas.training.modules import Residual, build, initialize
from spaces import anynet

LOOPS = Rules(norms=True)
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
"""Of the largest number: bfloat16 has eight bits."""


def row(width: int, *, rectified: bool) -> nn.Module:
    """A norm and, perhaps, a ReLU."""
    return nn.Sequential(nn.BatchNorm2d(width), *([nn.ReLU(inplace=True)] if rectified else []))


def block(width: int, *, rectified: bool) -> nn.Module:
    """A norm, a shortcut and, perhaps, a ReLU behind their sum."""
    residual = Residual(nn.Sequential(nn.Sequential(nn.Identity(), nn.BatchNorm2d(width))), nn.Sequential())
    return nn.Sequential(nn.Sequential(residual), *([nn.ReLU(inplace=True)] if rectified else []))


def scrambled(module: nn.Module) -> nn.Module:
    """With other weights than ones and zeros."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=generator)
    return module


def outcome(module: nn.Module, x: Tensor, rounded: torch.dtype) -> list[Tensor]:
    """Output, gradients of a weighted sum of it, and running statistics; the weights are numbers of a coarser type."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = module(x * 1)  # a norm that overwrote its input would be found out
    factors = torch.linspace(-1, 2, y.numel()).to(rounded).to(y.dtype)
    torch.autograd.backward((y * factors.view_as(y)).sum())
    gradients = [parameter.grad for parameter in module.parameters()]
    statistics = [buffer.clone() for buffer in module.buffers()]
    return [y.detach(), *(g for g in (x.grad, *gradients) if g is not None), *statistics]


def check(module: nn.Module, x: Tensor) -> None:
    """The same numbers as torch's operators in double precision."""
    expected = outcome(copy.deepcopy(module).double(), x.double(), x.dtype)
    specialise(module, LOOPS)
    assert any(type(part) is FastNorm for part in module.modules())
    for ours, theirs in zip(outcome(module, x, x.dtype), expected, strict=True):
        scale = max(1.0, theirs.double().abs().max().item())
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=0, atol=TOLERANCE[x.dtype] * scale)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([row, block]),
    st.booleans(),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.integers(1, 40),
    st.sampled_from([1, 3, 8, 24, 80, 257, 600]),
    st.integers(1, 5),
    st.integers(1, 7),
)
def test_norms_equal_torchs(
    kind: object, rectified: bool, dtype: torch.dtype, batch: int, width: int, height: int, breadth: int
) -> None:
    """Whatever the shape, with and without a ReLU or a sum, outputs, gradients and statistics are torch's."""
    assume(batch * height * breadth >= 8)  # the deviation of fewer may be all rounding
    generator = torch.Generator().manual_seed(batch + width)
    x = 3 + 2 * torch.randn(batch, width, height, breadth, generator=generator)
    x = x.to(dtype, memory_format=torch.channels_last)
    check(scrambled(kind(width, rectified=rectified)), x)  # type: ignore[operator]


def test_variance_is_found_far_from_zero() -> None:
    """Numbers around 1,000 with a deviation of 0.1 have that deviation: squares aren't added up around zero."""
    x = (1000 + 0.1 * torch.randn(64, 8, 6, 6)).to(memory_format=torch.channels_last)
    module = row(8, rectified=False)
    specialise(module, LOOPS)
    found = module(x).std((0, 2, 3))
    torch.testing.assert_close(found, torch.ones(8), rtol=2e-2, atol=0)


def test_evaluation_uses_running_statistics() -> None:
    """In evaluation outputs are torch's, and no statistics change."""
    for kind in (row, block):
        theirs = scrambled(kind(24, rectified=True))
        theirs[0](torch.randn(32, 24, 3, 3))  # type: ignore[index]
        theirs.eval()
        ours = copy.deepcopy(theirs)
        specialise(ours, LOOPS)
        x = torch.randn(16, 24, 5, 5).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
        assert torch.allclose(ours(x), theirs(x), atol=1e-5)  # with gradients: torch's own operators


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_no_number_stays_none(dtype: torch.dtype) -> None:
    """A ReLU behind a norm doesn't hide that a training has exploded: NaN and infinity stay seen."""
    for value in (math.nan, math.inf):
        module = row(4, rectified=True)
        specialise(module, LOOPS)
        x = torch.randn(8, 4, 3, 3).to(dtype, memory_format=torch.channels_last)
        x[0, 0, 0, 0] = value
        y = module(x)
        assert y[:, 0].isnan().any()
        assert not y[:, 1:].isnan().any()


def test_what_the_loops_do_not_know_is_computed_by_torch() -> None:
    """Double precision, images that lie channel after channel, and a batch of one number do as they always did."""
    module = scrambled(row(4, rectified=True))
    ours = copy.deepcopy(module)
    specialise(ours, LOOPS)
    images = torch.randn(8, 4, 3, 3)
    torch.testing.assert_close(
        outcome(ours, images, torch.float32), outcome(module, images, torch.float32), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(
        outcome(ours.double(), images.double(), torch.float64),
        outcome(module.double(), images.double(), torch.float64),
        rtol=1e-12,
        atol=1e-12,
    )
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        ours(torch.randn(1, 4, 1, 1))


def test_a_whole_network_is_the_same_function() -> None:
    """A random residual network with all of it fused has the gradients that torch's operators give it."""
    theirs = build(anynet.build("x", (2, 2), (16, 24), (1, 1), (8, 8)).network((1, 28, 28), 10), (1, 28, 28))
    initialize(theirs, torch.Generator().manual_seed(1))
    ours = copy.deepcopy(theirs)
    specialise(ours.to(memory_format=torch.channels_last), LOOPS)
    names = {type(part).__name__ for part in ours.modules()}
    assert "RectifiedSum" in names
    assert not names & {"ReLU", "BatchNorm2d", "Residual"}
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = torch.randn(32, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    for one, other in zip(outcome(ours, x, x.dtype), outcome(theirs, x, x.dtype), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * max(1.0, other.double().abs().max().item()))


def test_only_what_ends_in_a_norm_takes_a_relu_over() -> None:
    """A ReLU behind a convolution, or behind a sum whose branch ends in one, stays where it is."""
    plain = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True))
    pre = nn.Sequential(Residual(nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)), nn.Sequential()), nn.ReLU())
    for module in (plain, pre):
        specialise(module, LOOPS)
        assert type(module[1]) is nn.ReLU
    assert not any(isinstance(part, RectifiedSum) for part in pre.modules())


def test_without_numba_networks_train_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Numba can't be imported, specialising leaves norms as they are."""
    monkeypatch.setattr(norms, "loops", lambda: None)
    module = row(4, rectified=True)
    specialise(module, LOOPS)
    assert [type(part) for part in module] == [nn.BatchNorm2d, nn.ReLU]  # type: ignore[attr-defined]


def test_an_unusable_numba_is_none() -> None:
    """An import that fails, as Numba's does beside a NumPy that is too new for it, isn't an error."""
    code = "import sys; sys.modules['numba'] = None; from nas.training.kernels import norms; print(norms.loops())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_loops_compile_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder to write to a loop is compiled for this process alone; on a full disk, it is called, too."""
    calls: list[int] = []

    def refused(function: object, **options: object) -> object:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return calls.append

    monkeypatch.setattr(compiled, "njit", lambda **options: lambda function: refused(function, **options))
    compiled.Kept(len)(1)
    assert calls == [1]

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) == 2:
            raise OSError("No space left on device")

    monkeypatch.setattr(compiled, "njit", lambda **options: lambda function: full)
    compiled.Kept(len)(2)
    assert calls == [1, 2, 2]


def test_numba_can_be_switched_off() -> None:
    """With Numba's own switch networks train by torch's operators."""
    code = "from nas.training.kernels import norms; print(norms.loops())"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "None"


@pytest.mark.slow
def test_a_worker_compiles_before_its_first_training() -> None:
    """What is warmed covers every loop that a residual network meets: training it compiles nothing more."""
    code = """
import torch
from nas.training.kernels import compiled, specialise, warm
from nas.training.kernels.rules import FITTED_HALF
from nas.training.modules import build, initialize
from spaces import anynet
warm(torch.device('cpu'), torch.float32)
def sizes():
    return [len(loop._compiled.signatures) for loop in vars(compiled).values() if type(loop) is compiled.Kept]
before = sizes()
network = build(anynet.build("x", (2,), (16,), (1,), (8,)).network((1, 28, 28), 10), (1, 28, 28))
initialize(network, torch.Generator())
specialise(network.to(memory_format=torch.channels_last), FITTED_HALF)
torch.autograd.backward(network(torch.randn(8, 1, 28, 28)).sum())
network.eval()
with torch.inference_mode():
    network(torch.randn(8, 1, 28, 28))
print(min(before), max(sizes()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]
