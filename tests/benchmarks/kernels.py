"""How much faster a convolution is computed another way: what `nas.training.kernels.rules.RULES` is fitted on.

    python -m tests.benchmarks.kernels [--precision bfloat16] [--json FILE]      three minutes on an idle machine

Forward and backward of one layer on one thread, torch's own way against ours, in alternation; the ratio of the lower
quartiles, above 1 where ours is faster. Rows are the sizes of images, columns the channels or group widths. What the
rules of this processor take is marked with a star; other processors may want other rules.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.engines.process import KEPT_MEMORY
from nas.training.kernels.convolution import FastConvolution
from nas.training.kernels.rules import ANY, NATIVE, Geometry, Rules, Way, rules_for, way
from tests.benchmarks.child import ROOT, one_thread

STRIDES: dict[Way, tuple[int, ...]] = {"winograd": (1,), "spread": (2,)}
"""At which a way is tried, if not at both."""
BUDGET = 0.05
"""Seconds for each side of a comparison."""
LARGEST = 2**24
"""Elements of an input; larger layers are left out."""
BATCHES = (32, 128)
CHANNELS = 192
"""Of grouped convolutions, as far as the group width divides them."""
SPREAD = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32)
"""Group widths at which strided gradients are tried."""
FORCED: dict[Way, Rules] = {
    "product": Rules(product_positions=ANY, product_elements=ANY),
    "whole image": Rules(whole_image={(edge, stride): ANY for edge in range(1, 57) for stride in (1, 2)}),
    "pairs": Rules(pairs=ANY),
    "wider": Rules(wider={2: 8, 4: 8}),
    "spread": Rules(spread=frozenset(range(1, CHANNELS))),
    "winograd": Rules(winograd=0, winograd_weight=0),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One layer, both ways."""

    way: Way
    """Ours."""
    shape: Geometry
    """The layer and its images."""
    ratio: float
    """Time of torch's own way over time of ours."""

    dtype: torch.dtype
    """Of images and weights."""

    @property
    def taken(self) -> bool:
        """Whether the rules of this processor take our way."""
        return way(rules_for(torch.device("cpu"), self.dtype), self.shape) == self.way


def shapes(kind: Way, batch: int) -> Iterator[Geometry]:
    """The layers on which a way is tried."""
    base = Geometry(batch=batch, channels=1, width=1, height=1, breadth=1, kernel=3, stride=1, padding=1, groups=1)
    match kind:
        case "product":
            edges, counts = (2, 4, 7, 14, 28), [(width, 1) for width in (8, 32, 96, 256)]
            base = replace(base, kernel=1, padding=0)
        case "whole image":
            edges, counts = (1, 2, 3, 4, 5), [(CHANNELS, CHANNELS // width) for width in (2, 4, 8, 16, 32, 64)]
        case "pairs":
            edges, counts = (1, 2, 3, 4), [(CHANNELS, CHANNELS)]
        case "spread":
            edges, counts = (4, 7, 14), [(CHANNELS // width * width, CHANNELS // width) for width in SPREAD]
        case "winograd":
            edges, counts = (4, 6, 7, 12, 14, 24), [(width, 1) for width in (32, 64, 128, 256)]
        case _:
            edges, counts = (5, 7, 14), [(CHANNELS, CHANNELS // width) for width in (2, 4)]
    for edge in edges:
        for stride in STRIDES.get(kind, (1, 2)):
            for channels, groups in counts:
                if batch * channels * edge**2 <= LARGEST:
                    yield replace(
                        base,
                        height=edge,
                        breadth=edge,
                        stride=stride,
                        channels=channels,
                        width=channels,
                        groups=groups,
                    )


def compared(kind: Way, shape: Geometry, dtype: torch.dtype) -> Finding:
    """Both ways of one layer."""
    x = torch.randn(shape.batch, shape.channels, shape.height, shape.breadth)
    x = x.to(dtype, memory_format=torch.channels_last).requires_grad_()
    layers = [layer(shape, rules).to(dtype) for rules in (NATIVE, FORCED[kind])]
    gradient = torch.randn_like(layers[0](x))
    times = alternating([lambda module=module: step(module, x, gradient) for module in layers])
    return Finding(way=kind, shape=shape, ratio=times[0] / times[1], dtype=dtype)


def layer(shape: Geometry, rules: Rules) -> FastConvolution:
    """A convolution that follows rules."""
    module = FastConvolution(
        *(shape.channels, shape.width, shape.kernel, shape.stride, shape.padding), groups=shape.groups, bias=False
    ).to(memory_format=torch.channels_last)
    module.rules = rules
    return module


def step(module: nn.Module, x: Tensor, gradient: Tensor) -> None:
    """Forward and backward."""
    torch.autograd.backward(module(x), gradient)
    x.grad = None
    module.zero_grad()


def alternating(steps: list[Callable[[], None]]) -> list[float]:
    """Lower quartile of the seconds of each."""
    times: list[list[float]] = [[] for _ in steps]
    for one in steps:
        one()
    begun = time.perf_counter()
    while time.perf_counter() - begun < BUDGET * len(steps) or len(times[0]) < 4:
        for seconds, one in zip(times, steps, strict=True):
            before = time.perf_counter()
            one()
            seconds.append(time.perf_counter() - before)
    return [sorted(seconds)[len(seconds) // 4] for seconds in times]


def text(findings: list[Finding]) -> str:
    """Ratios of one way and batch, a line for each size and stride."""
    lines: dict[tuple[int, int], list[str]] = {}
    for finding in findings:
        shape = finding.shape
        name = shape.channels if shape.groups == 1 else shape.group_width
        star = "*" if finding.taken else " "
        lines.setdefault((shape.height, shape.stride), []).append(f"{name:>4}: {finding.ratio:5.2f}{star}")
    return "\n".join(
        f"  {edge:>2} pixels, stride {stride}   {'  '.join(cells)}" for (edge, stride), cells in lines.items()
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--json", type=Path, help="file for all ratios")
    options = parser.parse_args()
    if not KEPT_MEMORY.items() <= os.environ.items():  # the allocator reads them when the process starts
        command = [sys.executable, "-m", "tests.benchmarks.kernels", *sys.argv[1:]]
        sys.exit(subprocess.call(command, env=one_thread(), cwd=ROOT))
    torch.set_num_threads(1)
    everything: list[Finding] = []
    dtype = getattr(torch, options.precision)
    for kind in (kind for kind in FORCED if kind != "winograd" or dtype == torch.float32):  # too coarse for tiles
        for batch in BATCHES:
            found = [compared(kind, shape, dtype) for shape in shapes(kind, batch)]
            sys.stdout.write(f"{kind}, batch {batch}\n{text(found)}\n")
            sys.stdout.flush()
            everything += found
    if options.json:
        options.json.write_text(json.dumps([{"way": f.way, "ratio": f.ratio, **vars(f.shape)} for f in everything]))


if __name__ == "__main__":
    main()
