"""Norms as Triton kernels: equal to torch's operators in double precision, here as Triton interprets them.

On a machine with a GPU the same tests run on it. That the kernels compile for GPUs is tested anywhere.
"""

from __future__ import annotations

import copy
import logging
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from nas import layers
from nas.layers import Normalisation, Shape
from nas.training.kernels import convolution, norms, specialise
from nas.training.kernels.norms import FastNorm
from nas.training.kernels.rules import FITTED_CUDA
from nas.training.modules import build, initialize
from spaces import anynet
from tests.benchmarks.networks import sample
from tests.training.test_norms import block, outcome, row, scrambled

triton_norms = pytest.importorskip("nas.training.kernels.triton_norms")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2}
"""Of the largest number: bfloat16 has eight bits."""
SUMMED = 1e-6
"""Of the sizes of the terms of a sum, which is float32 whatever the images are."""
TYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
KINDS = [(kind, rectified) for kind in (row, block) for rectified in (False, True)]


@pytest.fixture(autouse=True)
def by_triton(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Norms on this device are Triton kernels."""
    monkeypatch.setattr(convolution, "code_for", lambda device: triton_norms)
    return


def shapes() -> list[Shape]:
    """All that norms of the sample of 24 meet on images of 28x28."""
    met = [layer for subject in sample() for layer in layers.rows(subject.layer, (1, 28, 28))]
    return sorted({layer.output for layer in met if layer.kind == Normalisation.__name__})


def check(module: nn.Module, x: Tensor) -> None:
    """The same numbers as torch's operators in double precision: outputs, gradients, running statistics.

    A parameter's gradient is a sum over rows that may cancel: it is compared to the sizes of its terms, about 1 each.
    """
    module, x = module.to(DEVICE), x.to(DEVICE)
    expected = outcome(copy.deepcopy(module).double(), x.double(), x.dtype)
    specialise(module, FITTED_CUDA, DEVICE)
    assert any(type(part) is FastNorm for part in module.modules())
    rows = x.numel() // x.shape[1]
    for ours, theirs in zip(outcome(module, x, x.dtype), expected, strict=True):
        if not ours.dim():
            continue  # batches aren't counted on a GPU
        scale = max(1.0, theirs.double().abs().max().item())
        allowed = TOLERANCE[x.dtype] * scale if ours.dim() == 4 else max(1e-5 * scale, SUMMED * rows)
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=0, atol=allowed)


def images(batch: int, shape: Shape, dtype: torch.dtype) -> Tensor:
    """Far enough from zero that a norm has something to do."""
    x = 3 + 2 * torch.randn(batch, *shape, generator=torch.Generator().manual_seed(batch + shape[0]))
    return x.to(dtype, memory_format=torch.channels_last)


def check_sample(batch: int, dtype: torch.dtype) -> int:
    """All shapes of the sample, kinds of norms in turn; how many."""
    found = shapes()
    for number, shape in enumerate(found):
        kind, rectified = KINDS[number % len(KINDS)]
        check(scrambled(kind(shape[0], rectified=rectified)), images(batch, shape, dtype))
    return len(found)


@pytest.mark.long
@TYPES
def test_norms_equal_torchs_on_all_shapes_of_the_sample(dtype: torch.dtype) -> None:
    """On all 105 shapes of the 24 networks, with and without sum and ReLU: to 1e-5 in float32, 1e-2 in bfloat16."""
    assert check_sample(3, dtype) == 105


@pytest.mark.long
@TYPES
def test_norms_equal_torchs_in_batches_of_128(dtype: torch.dtype) -> None:
    """The same in batches as they are trained."""
    assert check_sample(128, dtype) == 105


@TYPES
@pytest.mark.parametrize("rectified", [False, True], ids=["open", "rectified"])
@pytest.mark.parametrize("kind", [row, block])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 7), (17, 20, 13), (40, 12, 12), (257, 2, 2)])
def test_every_kind_equals_torchs(shape: Shape, kind: object, rectified: bool, dtype: torch.dtype) -> None:
    """One launch or two, channels in eights or not, one program or several: all kinds of norms are torch's."""
    check(scrambled(kind(shape[0], rectified=rectified)), images(16, shape, dtype))  # type: ignore[operator]


def test_variance_is_found_far_from_zero() -> None:
    """Numbers around 1,000 with a deviation of 0.1 have that deviation, within one block of rows and over several."""
    for count in (16, 128):
        x = (1000 + 0.1 * torch.randn(count, 8, 6, 6)).to(DEVICE, memory_format=torch.channels_last)
        module = row(8, rectified=False).to(DEVICE)
        specialise(module, FITTED_CUDA, DEVICE)
        torch.testing.assert_close(module(x).std((0, 2, 3)).cpu(), torch.ones(8), rtol=2e-2, atol=0)


def test_evaluation_uses_running_statistics() -> None:
    """In evaluation outputs are torch's, and no statistics change."""
    for kind in (row, block):
        theirs = scrambled(kind(24, rectified=True)).to(DEVICE)
        theirs[0](torch.randn(32, 24, 3, 3, device=DEVICE))  # type: ignore[index]
        theirs.eval()
        ours = copy.deepcopy(theirs)
        specialise(ours, FITTED_CUDA, DEVICE)
        x = torch.randn(16, 24, 5, 5, device=DEVICE).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # NumPy's, who interprets
@TYPES
def test_what_is_no_number_stays_none(dtype: torch.dtype) -> None:
    """A ReLU behind a norm doesn't hide that a training has exploded: NaN and infinity stay seen."""
    for value in (math.nan, math.inf):
        module = row(4, rectified=True).to(DEVICE)
        specialise(module, FITTED_CUDA, DEVICE)
        x = torch.randn(8, 4, 3, 3).to(DEVICE, dtype, memory_format=torch.channels_last)
        x[0, 0, 0, 0] = value
        y = module(x)
        assert y[:, 0].isnan().any()
        assert not y[:, 1:].isnan().any()


def test_a_whole_network_is_the_same_function() -> None:
    """A random residual network as a GPU computes it, 1x1 kernels as products, has the gradients that torch has."""
    layer = anynet.build("x", (1, 1), (16, 24), (1, 1), (8, 8)).network((1, 14, 14), 10)
    theirs = build(layer, (1, 14, 14)).to(DEVICE)
    initialize(theirs.cpu(), torch.Generator().manual_seed(1))
    theirs.to(DEVICE)
    ours = copy.deepcopy(theirs)
    specialise(ours.to(memory_format=torch.channels_last), FITTED_CUDA, DEVICE)
    names = {type(part).__name__ for part in ours.modules()}
    assert {"RectifiedSum", "FastConvolution", "GlobalMean"} <= names
    assert not names & {"ReLU", "BatchNorm2d", "Residual"}
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = torch.randn(32, 1, 14, 14, generator=torch.Generator().manual_seed(2)).to(DEVICE)
    for one, other in zip(outcome(ours, x, x.dtype), outcome(theirs, x, x.dtype), strict=True):
        if one.dim():
            scale = max(1.0, other.double().abs().max().item())
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * scale)


def test_where_triton_cannot_be_used_torch_computes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever its compilers raise at the first launch, there is no code for norms then, and a warning says why."""

    class CompilationError(Exception):
        """As Triton's, of no usual kind."""

    def refuse(*_: object, **__: object) -> None:
        raise CompilationError("no C compiler")

    norms.kernels.cache_clear()
    monkeypatch.setattr(triton_norms, "launch_all", refuse)
    try:
        with caplog.at_level(logging.WARNING):
            assert norms.kernels() is None
    finally:
        norms.kernels.cache_clear()
    assert "no C compiler" in caplog.text


def test_all_kernels_are_launched_before_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is warmed covers every kernel that networks of the sample launch where channels come in eights."""
    launched: set[str] = set()

    def noting(kernel: object) -> object:
        class Launcher:
            def __getitem__(self, grid: object) -> object:
                return lambda *args, **flags: launched.add(f"{kernel} {sorted(flags.items())}")

        return Launcher()

    for name in ("part", "normalize", "slope_part", "descend", "evaluate"):
        monkeypatch.setattr(triton_norms.triton_kernels, name, noting(name))
    triton_norms.launch_all(DEVICE, torch.bfloat16)
    warmed = set(launched)
    for shape in (shape for shape in shapes() if shape[0] % 8 == 0):
        for batch, (adds, rectifies) in product((2, 128), triton_norms.KINDS):
            x = torch.empty(batch, *shape, device=DEVICE).to(torch.bfloat16, memory_format=torch.channels_last)
            norm, added = nn.BatchNorm2d(shape[0], device=DEVICE), x if adds else None
            y, found = triton_norms.normalize(x, added, norm, rectifies)
            triton_norms.descend(x, x, y, norm.weight, found, rectified=rectifies, added=adds)
            triton_norms.evaluate(x, added, norm, rectifies)
    assert launched == warmed
    assert len(warmed) > 30


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from nas.training.kernels import triton_kernels as kernels
from nas.training.kernels.triton_norms import PARTS, TILE

WHOLE = ("rows", "units", "block", "count")
SINGLE = ("momentum", "epsilon")
IMAGES = ("x", "y", "added", "slope", "back", "aside")
FLAGS = {"adds": True, "rectifies": True, "most": PARTS, "unit": 8, "tile": TILE // 64, "wide": 64}

def compiled(kernel, images, capability, **flags):
    names = kernel.arg_names
    constants = {name: value for name, value in {**FLAGS, **flags}.items() if name in names}
    kinds = {**dict.fromkeys(WHOLE, "i32"), **dict.fromkeys(SINGLE, "fp32"), **dict.fromkeys(IMAGES, images)}
    signature = {name: "constexpr" if name in constants else kinds.get(name, "*fp32") for name in names}
    source = ASTSource(kernel, signature, {(names.index(name),): value for name, value in constants.items()})
    return triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]

for images, capability in (("*bf16", 90), ("*fp32", 80)):
    for whole in (False, True):
        for kernel in (kernels.normalize, kernels.descend):
            assert compiled(kernel, images, capability, whole=whole)
    for kernel in (kernels.part, kernels.slope_part, kernels.evaluate):
        assert compiled(kernel, images, capability)
print("compiled")
"""


@pytest.mark.slow
def test_the_kernels_compile_for_gpus() -> None:
    """Triton's own compiler makes machine code of every kernel, in bfloat16 for an H100 and float32 for an A100."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    words = [sys.executable, "-c", COMPILE]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.strip() == "compiled", done.stderr
