"""Microseconds of convolutions computed in several ways, each pass apart, and the table of ways that follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from nas.training.devices import usable
from nas.training.kernels.rules import Geometry
from nas.training.kernels.ways import wider
from tests.benchmarks.gpu.graphs import aside, replayable, seconds_of
from tests.benchmarks.gpu.rows import Clock, Part, Row
from tests.benchmarks.gpu.session import Session

WIDENED = (8, 16)
"""Group widths that narrower ones are widened to."""
STRIDES = (1, 2)
LAST, FIRST, MATRIX = "channels last", "contiguous", "mm"

Way = Callable[[Tensor, Tensor], Tensor]
"""From images and weights to outputs."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A convolution and the images that it meets."""

    batch: int
    channels: int
    edge: int
    """Height and width of images, in pixels."""
    stride: int
    kernel: int = 3
    group_width: int = 0
    """Channels of a group; 0 without groups."""

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return self.channels // self.group_width if self.group_width else 1

    @property
    def shape(self) -> Geometry:
        """As the program calls it."""
        return Geometry(
            batch=self.batch,
            channels=self.channels,
            width=self.channels,
            height=self.edge,
            breadth=self.edge,
            kernel=self.kernel,
            stride=self.stride,
            padding=self.kernel // 2,
            groups=self.groups,
        )

    @property
    def name(self) -> str:
        """For the table."""
        images = f"({self.batch}, {self.channels}, {self.edge}, {self.edge})"
        groups = f"groups of {self.group_width}, " if self.group_width else ""
        return f"{self.kernel}x{self.kernel}, {groups}{images}, stride {self.stride}"


def part(session: Session) -> Part:
    """A row for each convolution, narrow groups first."""
    scale = session.scale
    shapes = [
        {"batch": batch, "channels": channels, "edge": edge, "stride": stride}
        for (batch, channels, edge), stride in product(scale.shapes, STRIDES)
    ]
    cases = [Case(**shape, group_width=width) for width in scale.group_widths for shape in shapes]
    cases += [Case(**shape, kernel=1) for shape in shapes]
    rows = {case.name: partial(timed, session, case) for case in cases}
    return Part(name="convolutions", seconds=session.expected(80, quick=6), rows=rows, conclusion=suggested)


def timed(session: Session, case: Case, clock: Clock, before: Row) -> Row:
    """Microseconds of each pass, for each way; what a library said of a way that it can't go."""
    found: Row = {}
    with aside(session.torch_device):
        for name, way in ways(case).items():
            clock.check()
            try:
                found[name] = passes(session, case, way, contiguous=name == FIRST)
            except RuntimeError as error:
                if not usable(session.device):
                    raise
                found[name] = {"error": str(error).split("\n")[0]}
    return {"group_width": case.group_width, "kernel": case.kernel, "ways": found, "fastest": fastest([found])}


def ways(case: Case) -> dict[str, Way]:
    """All that compute the same."""
    native = partial(convolution, case, case.groups)
    found: dict[str, Way] = {LAST: native, FIRST: native}
    if case.kernel == 1:
        return {**found, MATRIX: partial(matrix, case)}
    for width in WIDENED:
        factor = width // case.group_width
        if factor > 1 and case.groups % factor == 0:
            found[f"wider {width}"] = partial(widened, case, factor)
    return found


def convolution(case: Case, groups: int, x: Tensor, weight: Tensor) -> Tensor:
    """Torch's own."""
    return functional.conv2d(x, weight, None, case.stride, case.kernel // 2, 1, groups)


def widened(case: Case, factor: int, x: Tensor, weight: Tensor) -> Tensor:
    """With `factor` groups computed as one, as the program does."""
    return wider(x, weight, None, case.shape, factor)


def matrix(case: Case, x: Tensor, weight: Tensor) -> Tensor:
    """A 1x1 convolution as a product; a stride only leaves positions out."""
    rows = x[:, :, :: case.stride, :: case.stride].permute(0, 2, 3, 1)
    return (rows.reshape(-1, case.channels) @ weight.flatten(1).t()).view(*rows.shape).permute(0, 3, 1, 2)


def passes(session: Session, case: Case, way: Way, *, contiguous: bool) -> dict[str, float]:
    """Microseconds of outputs, input gradient and weight gradient."""
    device = session.torch_device
    form = torch.contiguous_format if contiguous else torch.channels_last
    sizes = (
        (case.batch, case.channels, case.edge, case.edge),
        (case.channels, case.group_width or case.channels, case.kernel, case.kernel),
    )
    x, weight = (
        torch.randn(size, device=device).to(session.dtype).contiguous(memory_format=form).requires_grad_()
        for size in sizes
    )
    y = way(x, weight)
    slope = torch.randn_like(y)
    steps: dict[str, Callable[[], object]] = {
        "forward": lambda: way(x, weight),
        "input": lambda: torch.autograd.grad(y, x, slope, retain_graph=True),
        "weight": lambda: torch.autograd.grad(y, weight, slope, retain_graph=True),
    }
    calls, replays = session.scale.calls
    return {
        name: seconds_of(replayable(step, device, calls), replays, device) / calls * 1e6 for name, step in steps.items()
    }


def totals(tables: list[Row]) -> dict[str, float]:
    """Microseconds of all passes of each way, over convolutions that all of these ways can compute."""
    summed: dict[str, list[float]] = defaultdict(list)
    for table in tables:
        for name, way in table.items():
            if "error" not in way:
                summed[name].append(sum(way.values()))
    return {name: sum(found) for name, found in summed.items() if len(found) == len(tables)}


def fastest(tables: list[Row]) -> str:
    """The way with the least time in all."""
    times = totals(tables)
    return min(times, key=lambda name: times[name]) if times else ""


def suggested(rows: dict[str, Row]) -> list[str]:
    """The rules that these measurements suggest, as text for `nas/training/kernels/rules.py`."""
    tables: dict[int, list[Row]] = defaultdict(list)
    for row in rows.values():
        tables[row["group_width"] if row["kernel"] > 1 else 0].append(row["ways"])
    if not tables:
        return []
    ways = {width: fastest(found) for width, found in sorted(tables.items())}
    widths = {width: int(way.removeprefix("wider ")) for width, way in ways.items() if way.startswith("wider ")}
    lines = ["FITTED_CUDA = Rules("]
    if ways.get(0) == MATRIX:
        lines += ["    product_positions=ANY,", "    product_elements=ANY,", "    always_product=ANY,"]
    lines += [f"    wider={widths},", ")", f'"""On {next(iter(rows.values()))["device"]}; microseconds of all passes:']
    return [*lines, *(_line(width, ways[width], tables[width]) for width in ways), '"""']


def _line(width: int, way: str, tables: list[Row]) -> str:
    """What was measured of one group width."""
    what = f"groups of {width}" if width else "1x1"
    times = ", ".join(f"{name} {time:,.1f}" for name, time in totals(tables).items())
    return f"{what}, {len(tables)} layers: {way or 'nothing'} ({times})"
