"""Norms with their sums and ReLUs, as Triton compiles them for a GPU.

Images lie channels last in memory, as rows of one number for each channel; they are bfloat16 or float32, everything
else is float32. Each program has a block of rows of some channels, and goes over it in tiles. `part` finds mean and
squared deviation of each block, and `normalize` puts them together (Chan, Golub and LeVeque, 1983) and applies the
norm; `slope_part` and `descend` likewise with the sums of slopes. A block may be the whole batch: then the second alone
does it all. No program waits for another one and nothing is added by atomics, so results are the same every time.

Channels are `units` of `unit`, so that those which come in eights are read eight at a time.

R rows, C channels, P parts.
"""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _moments(
    x: tl.tensor, first: tl.tensor, last: tl.tensor, channels: tl.tensor, at: tl.tensor, inside: tl.tensor,
    tile: tl.constexpr, wide: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """Mean and sum of squared deviations over rows `first` to `last`, found around the mean of the first tile."""
    rows = first + tl.arange(0, tile)
    seen = (rows < last)[:, None] & inside[None, :]
    values = tl.load(x + rows.to(tl.int64)[:, None] * channels + at[None, :], mask=seen, other=0.0).to(tl.float32)
    centre = tl.sum(values, 0) / tl.minimum(last - first, tile)
    apart = tl.where(seen, values - centre[None, :], 0.0)
    total = apart
    squares = apart * apart
    for start in range(first + tile, last, tile):
        rows = start + tl.arange(0, tile)
        seen = (rows < last)[:, None] & inside[None, :]
        values = tl.load(x + rows.to(tl.int64)[:, None] * channels + at[None, :], mask=seen, other=0.0).to(tl.float32)
        apart = tl.where(seen, values - centre[None, :], 0.0)
        total += apart
        squares += apart * apart
    step = tl.sum(total, 0) / (last - first)
    return centre + step, tl.sum(squares, 0) - step * step * (last - first)


@triton.jit
def _merged(
    parts: tl.tensor, count: tl.tensor, rows: tl.tensor, block: tl.tensor, channels: tl.tensor, at: tl.tensor,
    inside: tl.tensor, most: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """Mean and sum of squared deviations over all rows, from those of the blocks: (2, P, C)."""
    part = tl.arange(0, most)
    seen = (part < count)[:, None] & inside[None, :]
    place = part[:, None] * channels + at[None, :]
    means = tl.load(parts + place, mask=seen, other=0.0)
    squares = tl.load(parts + count * channels + place, mask=seen, other=0.0)
    sizes = tl.maximum(tl.minimum(rows - part * block, block), 0).to(tl.float32)
    mean = tl.sum(means * sizes[:, None], 0) / rows
    apart = tl.where(seen, means - mean[None, :], 0.0)
    return mean, tl.sum(squares, 0) + tl.sum(apart * apart * sizes[:, None], 0)


@triton.jit
def _sums(
    parts: tl.tensor, count: tl.tensor, channels: tl.tensor, at: tl.tensor, inside: tl.tensor, most: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """Sums over the blocks of two numbers a channel: (2, P, C)."""
    part = tl.arange(0, most)
    seen = (part < count)[:, None] & inside[None, :]
    place = part[:, None] * channels + at[None, :]
    first = tl.load(parts + place, mask=seen, other=0.0)
    second = tl.load(parts + count * channels + place, mask=seen, other=0.0)
    return tl.sum(first, 0), tl.sum(second, 0)


@triton.jit
def _keep(
    mean: tl.tensor, squares: tl.tensor, found: tl.tensor, running: tl.tensor, spread: tl.tensor, rows: tl.tensor,
    channels: tl.tensor, at: tl.tensor, inside: tl.tensor, momentum: tl.tensor, epsilon: tl.tensor,
) -> None:  # fmt: skip
    """Store what the backward pass needs, and move the running statistics on, the variance by its unbiased estimate."""
    tl.store(found + at, mean, mask=inside)
    tl.store(found + channels + at, tl.rsqrt(squares / rows + epsilon), mask=inside)
    before = tl.load(running + at, mask=inside, other=0.0)
    tl.store(running + at, before + momentum * (mean - before), mask=inside)
    before = tl.load(spread + at, mask=inside, other=0.0)
    after = squares / tl.maximum(rows - 1, 1)
    tl.store(spread + at, before + momentum * (after - before), mask=inside)


@triton.jit
def _scaled(
    x: tl.tensor, added: tl.tensor, y: tl.tensor, factor: tl.tensor, offset: tl.tensor, first: tl.tensor,
    last: tl.tensor, channels: tl.tensor, at: tl.tensor, inside: tl.tensor, adds: tl.constexpr,
    rectifies: tl.constexpr, tile: tl.constexpr,
) -> None:  # fmt: skip
    """`max(x factor + offset + added, 0)` for some rows; what is no number stays none."""
    for start in range(first, last, tile):
        rows = start + tl.arange(0, tile)
        seen = (rows < last)[:, None] & inside[None, :]
        place = rows.to(tl.int64)[:, None] * channels + at[None, :]
        value = tl.load(x + place, mask=seen, other=0.0).to(tl.float32) * factor[None, :] + offset[None, :]
        if adds:
            value += tl.load(added + place, mask=seen, other=0.0).to(tl.float32)
        if rectifies:
            value = tl.where(value < 0.0, 0.0, value)
        tl.store(y + place, value.to(y.dtype.element_ty), mask=seen)


@triton.jit
def _slopes(
    x: tl.tensor, y: tl.tensor, slope: tl.tensor, mean: tl.tensor, deviation: tl.tensor, first: tl.tensor,
    last: tl.tensor, channels: tl.tensor, at: tl.tensor, inside: tl.tensor, rectifies: tl.constexpr,
    tile: tl.constexpr, wide: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """Sums over some rows of the slope behind the ReLU, and of its product with the normalised number."""
    one = tl.zeros([tile, wide], tl.float32)
    other = tl.zeros([tile, wide], tl.float32)
    for start in range(first, last, tile):
        rows = start + tl.arange(0, tile)
        seen = (rows < last)[:, None] & inside[None, :]
        place = rows.to(tl.int64)[:, None] * channels + at[None, :]
        value = tl.load(slope + place, mask=seen, other=0.0).to(tl.float32)
        if rectifies:
            value = tl.where(tl.load(y + place, mask=seen, other=1.0).to(tl.float32) <= 0.0, 0.0, value)
        apart = tl.load(x + place, mask=seen, other=0.0).to(tl.float32) - mean[None, :]
        one += value
        other += value * apart
    return tl.sum(one, 0), tl.sum(other, 0) * deviation


@triton.jit
def _descended(
    x: tl.tensor, y: tl.tensor, slope: tl.tensor, back: tl.tensor, aside: tl.tensor, mean: tl.tensor,
    deviation: tl.tensor, weight: tl.tensor, one: tl.tensor, other: tl.tensor, first: tl.tensor, last: tl.tensor,
    total: tl.tensor, channels: tl.tensor, at: tl.tensor, inside: tl.tensor, adds: tl.constexpr,
    rectifies: tl.constexpr, tile: tl.constexpr,
) -> None:  # fmt: skip
    """Gradients of the norm's input and of what was added, for some rows, from the sums over all `total` rows."""
    by_mean = one / total
    by_apart = other * deviation / total
    factor = weight * deviation
    for start in range(first, last, tile):
        rows = start + tl.arange(0, tile)
        seen = (rows < last)[:, None] & inside[None, :]
        place = rows.to(tl.int64)[:, None] * channels + at[None, :]
        value = tl.load(slope + place, mask=seen, other=0.0).to(tl.float32)
        if rectifies:
            value = tl.where(tl.load(y + place, mask=seen, other=1.0).to(tl.float32) <= 0.0, 0.0, value)
        if adds:
            tl.store(aside + place, value.to(aside.dtype.element_ty), mask=seen)
        apart = tl.load(x + place, mask=seen, other=0.0).to(tl.float32) - mean[None, :]
        value = (value - by_mean[None, :] - apart * by_apart[None, :]) * factor[None, :]
        tl.store(back + place, value.to(back.dtype.element_ty), mask=seen)


@triton.jit(do_not_specialize=["rows", "units", "block", "count"])
def part(
    x: tl.tensor, parts: tl.tensor, rows: tl.tensor, units: tl.tensor, block: tl.tensor, count: tl.tensor,
    unit: tl.constexpr, tile: tl.constexpr, wide: tl.constexpr,
) -> None:  # fmt: skip
    """Moments of a block of rows."""
    channels = units * unit
    part, at = tl.program_id(0), tl.program_id(1) * wide + tl.arange(0, wide)
    inside = at < channels
    mean, squares = _moments(x, part * block, tl.minimum(part * block + block, rows), channels, at, inside, tile, wide)
    tl.store(parts + part * channels + at, mean, mask=inside)
    tl.store(parts + (count + part) * channels + at, squares, mask=inside)


@triton.jit(do_not_specialize=["rows", "units", "block", "count"])
def normalize(
    x: tl.tensor, added: tl.tensor, y: tl.tensor, weight: tl.tensor, bias: tl.tensor, running: tl.tensor,
    spread: tl.tensor, found: tl.tensor, parts: tl.tensor, rows: tl.tensor, units: tl.tensor, block: tl.tensor,
    count: tl.tensor, momentum: tl.tensor, epsilon: tl.tensor, adds: tl.constexpr, rectifies: tl.constexpr,
    whole: tl.constexpr, most: tl.constexpr, unit: tl.constexpr, tile: tl.constexpr, wide: tl.constexpr,
) -> None:  # fmt: skip
    """Apply the norm to a block of rows, after `part` or, if the block is the whole batch, alone."""
    channels = units * unit
    part, at = tl.program_id(0), tl.program_id(1) * wide + tl.arange(0, wide)
    inside = at < channels
    if whole:
        mean, squares = _moments(x, 0, rows, channels, at, inside, tile, wide)
    else:
        mean, squares = _merged(parts, count, rows, block, channels, at, inside, most)
    if part == 0:
        _keep(mean, squares, found, running, spread, rows, channels, at, inside, momentum, epsilon)
    factor = tl.load(weight + at, mask=inside, other=0.0) * tl.rsqrt(squares / rows + epsilon)
    offset = tl.load(bias + at, mask=inside, other=0.0) - mean * factor
    last = tl.minimum(part * block + block, rows)
    _scaled(x, added, y, factor, offset, part * block, last, channels, at, inside, adds, rectifies, tile)


@triton.jit(do_not_specialize=["rows", "units", "block", "count"])
def slope_part(
    x: tl.tensor, y: tl.tensor, slope: tl.tensor, found: tl.tensor, parts: tl.tensor, rows: tl.tensor,
    units: tl.tensor, block: tl.tensor, count: tl.tensor, rectifies: tl.constexpr, unit: tl.constexpr,
    tile: tl.constexpr, wide: tl.constexpr,
) -> None:  # fmt: skip
    """Sums of slopes over a block of rows."""
    channels = units * unit
    part, at = tl.program_id(0), tl.program_id(1) * wide + tl.arange(0, wide)
    inside = at < channels
    mean = tl.load(found + at, mask=inside, other=0.0)
    deviation = tl.load(found + channels + at, mask=inside, other=0.0)
    last = tl.minimum(part * block + block, rows)
    one, other = _slopes(
        x, y, slope, mean, deviation, part * block, last, channels, at, inside, rectifies, tile, wide,
    )  # fmt: skip
    tl.store(parts + part * channels + at, one, mask=inside)
    tl.store(parts + (count + part) * channels + at, other, mask=inside)


@triton.jit(do_not_specialize=["rows", "units", "block", "count"])
def descend(
    x: tl.tensor, y: tl.tensor, slope: tl.tensor, weight: tl.tensor, found: tl.tensor, back: tl.tensor,
    aside: tl.tensor, by_weight: tl.tensor, by_bias: tl.tensor, parts: tl.tensor, rows: tl.tensor, units: tl.tensor,
    block: tl.tensor, count: tl.tensor, adds: tl.constexpr, rectifies: tl.constexpr, whole: tl.constexpr,
    most: tl.constexpr, unit: tl.constexpr, tile: tl.constexpr, wide: tl.constexpr,
) -> None:  # fmt: skip
    """All gradients of a block of rows, after `slope_part` or, if the block is the whole batch, alone."""
    channels = units * unit
    part, at = tl.program_id(0), tl.program_id(1) * wide + tl.arange(0, wide)
    inside = at < channels
    mean = tl.load(found + at, mask=inside, other=0.0)
    deviation = tl.load(found + channels + at, mask=inside, other=0.0)
    if whole:
        one, other = _slopes(x, y, slope, mean, deviation, 0, rows, channels, at, inside, rectifies, tile, wide)
    else:
        one, other = _sums(parts, count, channels, at, inside, most)
    if part == 0:
        tl.store(by_bias + at, one, mask=inside)
        tl.store(by_weight + at, other, mask=inside)
    scale = tl.load(weight + at, mask=inside, other=0.0)
    last = tl.minimum(part * block + block, rows)
    _descended(
        x, y, slope, back, aside, mean, deviation, scale, one, other, part * block, last, rows, channels, at, inside,
        adds, rectifies, tile,
    )  # fmt: skip


@triton.jit(do_not_specialize=["rows", "units", "block"])
def evaluate(
    x: tl.tensor, added: tl.tensor, y: tl.tensor, weight: tl.tensor, bias: tl.tensor, running: tl.tensor,
    spread: tl.tensor, rows: tl.tensor, units: tl.tensor, block: tl.tensor, epsilon: tl.tensor, adds: tl.constexpr,
    rectifies: tl.constexpr, unit: tl.constexpr, tile: tl.constexpr, wide: tl.constexpr,
) -> None:  # fmt: skip
    """Apply the norm by its running statistics to a block of rows."""
    channels = units * unit
    part, at = tl.program_id(0), tl.program_id(1) * wide + tl.arange(0, wide)
    inside = at < channels
    deviation = tl.rsqrt(tl.load(spread + at, mask=inside, other=1.0) + epsilon)
    factor = tl.load(weight + at, mask=inside, other=0.0) * deviation
    offset = tl.load(bias + at, mask=inside, other=0.0) - tl.load(running + at, mask=inside, other=0.0) * factor
    last = tl.minimum(part * block + block, rows)
    _scaled(x, added, y, factor, offset, part * block, last, channels, at, inside, adds, rectifies, tile)
