"""Loops over images that are compiled for the processor when they are first used, and then kept on disk.

A norm, the ReLU after it and the sum before that ReLU are torch operators of their own: each reads and writes the
whole image again, bfloat16 ones eight numbers at a time. Here they are one loop forward and two back.
Images lie channels last in memory, as rows of one number for each channel. Several rows are taken as one, so that
short ones fill the processor's registers. Sums are float32 over `CHUNK` rows and float64 over the chunks.

Numba compiles them. Addresses and sizes come in as integers: making arrays of tensors costs more than a small loop.
All of them are in this file, for Numba looks at no other when it decides whether what it has on disk still holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic

PERIOD = 256
"""Numbers that a loop goes over at least, if there are so many."""
CHUNK = 64
"""Rows whose sums are float32."""
HALF, SINGLE = np.uint16(0), np.float32(0)
"""Stand for the type of the images: bfloat16, of which NumPy knows only the bits, and float32."""
COUNT = np.int64(0)
"""Stands for the type of counters."""
FLAGS = {"contract"}
"""Of LLVM: a product and a sum are one operation. Nothing else is relaxed, so what is no number stays none."""


class Kept:
    """A function that is compiled when first called, or read from disk if it was before.

    It is kept nowhere if there is no place for it, or if that turns out to be full.
    """

    def __init__(self, function: Any) -> None:
        try:
            self._compiled = njit(cache=True, nogil=True, fastmath=FLAGS)(function)
        except RuntimeError:  # no folder in which it may write
            self._compiled = compiled(function)

    def __call__(self, *arguments: Any) -> None:
        """Call it."""
        try:
            self._compiled(*arguments)
        except OSError:  # compiled, but neither kept nor called yet
            self._compiled(*arguments)


def compiled(function: Any) -> Any:
    """Compiled with the functions that call it."""
    return njit(nogil=True, fastmath=FLAGS)(function)


def operation(function: Any) -> Any:
    """A function whose code is written down, not compiled."""
    return intrinsic(function)


@operation
def _at(_: Any, address: Any, like: Any) -> Any:
    """An address as a pointer to numbers of a type."""
    pointer = types.CPointer(like)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(pointer))

    return pointer(address, like), code


@operation
def _wide(_: Any, stored: Any) -> Any:
    """A number of an image as float32."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if stored is types.float32:
            return values[0]
        bits = builder.shl(builder.zext(values[0], ir.IntType(32)), ir.Constant(ir.IntType(32), 16))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(stored), code


@operation
def _narrow(_: Any, value: Any, like: Any) -> Any:
    """float32 as a number of an image, to the nearest, ties to even."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if like is types.float32:
            return values[0]
        word = ir.IntType(32)
        bits = builder.bitcast(values[0], word)
        odd = builder.and_(builder.lshr(bits, ir.Constant(word, 16)), ir.Constant(word, 1))
        rounded = builder.add(bits, builder.add(odd, ir.Constant(word, 0x7FFF)))
        return builder.trunc(builder.lshr(rounded, ir.Constant(word, 16)), ir.IntType(16))

    return like(value, like), code


@compiled
def _period(rows: Any, width: Any) -> Any:
    """How many numbers are taken as one row: those of whole positions."""
    return width * max(1, min(rows, -(-PERIOD // width)))


@compiled
def _cut(address: Any, count: Any, period: Any, like: Any) -> Any:
    """The numbers in rows of so many, and those that fill no row as another one."""
    numbers, done = carray(_at(address, like), count), count // period * period
    return numbers[:done].reshape(count // period, period), numbers[done:].reshape(1, count - done)


@compiled
def _repeated(values: Any, period: Any) -> Any:
    """One number for each channel, over and over."""
    row = np.empty(period, np.float32)
    for start in range(0, period, len(values)):
        row[start : start + len(values)] = values
    return row


@compiled
def _folded(totals: Any, width: Any) -> Any:
    """The sums of all places of a channel."""
    sums = np.zeros(width, np.float64)
    for start in range(0, len(totals), width):
        sums += totals[start : start + width]
    return sums


@compiled
def _add_moments(x: Any, shift: Any, first: Any, second: Any) -> None:
    """Add up what lies above the shift, and its squares."""
    rows, period = x.shape
    one, two = np.empty(period, np.float32), np.empty(period, np.float32)
    for start in range(0, rows, CHUNK):
        one[:] = 0
        two[:] = 0
        for row in range(start, min(rows, start + CHUNK)):
            a = x[row]
            for place in range(period):
                above = _wide(a[place]) - shift[place]
                one[place] += above
                two[place] += above * above
        for place in range(period):
            first[place] += one[place]
            second[place] += two[place]


@compiled
def _moments(x: Any, rows: Any, width: Any, like: Any) -> Any:
    """Mean and variance of each channel, from what lies above the mean of the first rows."""
    count, period = rows * width, _period(rows, width)
    few = carray(_at(x, like), (min(rows, CHUNK), width))
    shift = np.zeros(width, np.float32)
    for row in range(len(few)):
        for place in range(width):
            shift[place] += _wide(few[row, place])
    shift /= np.float32(len(few))
    shifts, first, second = _repeated(shift, period), np.zeros(period), np.zeros(period)
    most, last = _cut(x, count, period, like)
    _add_moments(most, shifts, first, second)
    _add_moments(last, shifts, first, second)
    above = _folded(first, width) / rows
    return shift + above, np.maximum(_folded(second, width) / rows - above * above, 0)


@compiled
def _scale(x: Any, y: Any, factor: Any, offset: Any, floor: Any) -> None:
    """`max(x * factor + offset, floor)`."""
    for row in range(len(x)):
        a, b = x[row], y[row]
        for place in range(len(a)):
            value = _wide(a[place]) * factor[place] + offset[place]
            b[place] = _narrow(floor if value < floor else value, b[place])


@compiled
def _scale_and_add(x: Any, added: Any, y: Any, factor: Any, offset: Any, floor: Any) -> None:
    """`max(x * factor + offset + added, floor)`."""
    for row in range(len(x)):
        a, b, c = x[row], y[row], added[row]
        for place in range(len(a)):
            value = _wide(a[place]) * factor[place] + offset[place] + _wide(c[place])
            b[place] = _narrow(floor if value < floor else value, b[place])


@compiled
def _finish(x: Any, added: Any, y: Any, factor: Any, offset: Any, rows: Any, width: Any, floor: Any, like: Any) -> None:
    """`max(x * factor + offset + added, floor)` by channels; nothing is added where that address is 0."""
    count, period, least = rows * width, _period(rows, width), np.float32(floor)
    factors = _repeated(carray(_at(factor, SINGLE), width), period)
    offsets = _repeated(carray(_at(offset, SINGLE), width), period)
    most, last = _cut(x, count, period, like)
    to_most, to_last = _cut(y, count, period, like)
    if added:
        more, rest = _cut(added, count, period, like)
        _scale_and_add(most, more, to_most, factors, offsets, least)
        _scale_and_add(last, rest, to_last, factors, offsets, least)
    else:
        _scale(most, to_most, factors, offsets, least)
        _scale(last, to_last, factors, offsets, least)


@Kept
def scale(x: Any, added: Any, y: Any, factor: Any, offset: Any, rows: Any, width: Any, floor: Any, like: Any) -> None:
    """`max(x * factor + offset + added, floor)` by channels; nothing is added where that address is 0."""
    _finish(x, added, y, factor, offset, rows, width, floor, like)


@compiled
def _measure(
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    found: Any,
    rows: Any,
    width: Any,
    momentum: Any,
    epsilon: Any,
    like: Any,
) -> None:
    """What normalises a batch: mean, 1 / deviation, factor and offset of each channel, the four rows of `found`.

    Running mean and variance follow.
    """
    centre, spread = _moments(x, rows, width, like)
    weights, biases = carray(_at(weight, SINGLE), width), carray(_at(bias, SINGLE), width)
    means, variances = carray(_at(mean, SINGLE), width), carray(_at(variance, SINGLE), width)
    founds = carray(_at(found, SINGLE), (4, width))
    for place in range(width):
        inverse = 1 / np.sqrt(spread[place] + epsilon)
        founds[0, place] = centre[place]
        founds[1, place] = inverse
        founds[2, place] = weights[place] * inverse
        founds[3, place] = biases[place] - centre[place] * weights[place] * inverse
        means[place] += momentum * (centre[place] - means[place])
        variances[place] += momentum * (spread[place] * rows / (rows - 1) - variances[place])


@Kept
def normalize(
    x: Any,
    added: Any,
    y: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    batches: Any,
    found: Any,
    rows: Any,
    width: Any,
    momentum: Any,
    epsilon: Any,
    floor: Any,
    like: Any,
) -> None:
    """Normalise by the batch, add, rectify; one more batch is counted, and `found` keeps what did it."""
    _measure(x, weight, bias, mean, variance, found, rows, width, momentum, epsilon, like)
    place = found + 2 * width * 4
    _finish(x, added, y, place, place + width * 4, rows, width, floor, like)
    carray(_at(batches, COUNT), 1)[0] += 1


@compiled
def _add_slopes(x: Any, y: Any, slope: Any, mean: Any, floor: Any, first: Any, second: Any) -> None:
    """Add up the slopes of outputs above the floor, and their products with what lies above the mean."""
    rows, period = x.shape
    none = np.float32(0)
    one, two = np.empty(period, np.float32), np.empty(period, np.float32)
    for start in range(0, rows, CHUNK):
        one[:] = 0
        two[:] = 0
        for row in range(start, min(rows, start + CHUNK)):
            a, b, c = x[row], y[row], slope[row]
            for place in range(period):
                output, passed = _wide(b[place]), _wide(c[place])
                seen = none if output <= floor else passed
                one[place] += seen
                two[place] += seen * (_wide(a[place]) - mean[place])
        for place in range(period):
            first[place] += one[place]
            second[place] += two[place]


@compiled
def _pass_on(x: Any, y: Any, slope: Any, back: Any, floor: Any, one: Any, two: Any, three: Any) -> None:
    """`slope * one + x * two + three`, the slope 0 where the output isn't above the floor."""
    none = np.float32(0)
    for row in range(len(x)):
        a, b, c, d = x[row], y[row], slope[row], back[row]
        for place in range(len(a)):
            output, passed = _wide(b[place]), _wide(c[place])
            seen = none if output <= floor else passed
            d[place] = _narrow(seen * one[place] + (_wide(a[place]) * two[place] + three[place]), d[place])


@compiled
def _mask(y: Any, slope: Any, back: Any, floor: Any) -> None:
    """The slope, 0 where the output isn't above the floor."""
    for row in range(len(y)):
        b, c, d = y[row], slope[row], back[row]
        for place in range(len(b)):
            output, passed = _wide(b[place]), c[place]
            d[place] = type(passed)(0) if output <= floor else passed


@Kept
def descend(
    x: Any,
    y: Any,
    slope: Any,
    weight: Any,
    found: Any,
    back: Any,
    aside: Any,
    by_weight: Any,
    by_bias: Any,
    rows: Any,
    width: Any,
    floor: Any,
    like: Any,
) -> None:
    """From the slope of `y` to those of `x` (into `back`), weight, bias, and, if `aside` isn't 0, of what was added."""
    count, period, least = rows * width, _period(rows, width), np.float32(floor)
    founds, weights = carray(_at(found, SINGLE), (4, width)), carray(_at(weight, SINGLE), width)
    to_weight, to_bias = carray(_at(by_weight, SINGLE), width), carray(_at(by_bias, SINGLE), width)
    most, last = _cut(x, count, period, like)
    outputs, other_outputs = _cut(y, count, period, like)
    slopes, other_slopes = _cut(slope, count, period, like)
    backs, other_backs = _cut(back, count, period, like)
    means, first, second = _repeated(founds[0], period), np.zeros(period), np.zeros(period)
    _add_slopes(most, outputs, slopes, means, least, first, second)
    _add_slopes(last, other_outputs, other_slopes, means, least, first, second)
    one, two = _folded(first, width), _folded(second, width)
    factors = np.empty((3, width), np.float32)
    for place in range(width):
        inverse = np.float64(founds[1, place])
        steep = weights[place] * inverse
        to_bias[place], to_weight[place] = one[place], two[place] * inverse
        tilt = -steep * inverse * inverse * two[place] / rows
        factors[0, place], factors[1, place] = steep, tilt
        factors[2, place] = -steep * one[place] / rows - tilt * founds[0, place]
    a, b, c = _repeated(factors[0], period), _repeated(factors[1], period), _repeated(factors[2], period)
    _pass_on(most, outputs, slopes, backs, least, a, b, c)
    _pass_on(last, other_outputs, other_slopes, other_backs, least, a, b, c)
    if aside:
        asides, other_asides = _cut(aside, count, period, like)
        _mask(outputs, slopes, asides, least)
        _mask(other_outputs, other_slopes, other_asides, least)


@compiled
def _add(x: Any, y: Any, total: Any) -> None:
    """The sum of two."""
    for row in range(len(x)):
        a, b, c = x[row], y[row], total[row]
        for place in range(len(a)):
            c[place] = _narrow(_wide(a[place]) + _wide(b[place]), c[place])


@Kept
def add(x: Any, y: Any, total: Any, count: Any, like: Any) -> None:
    """The sum of so many numbers."""
    most, last = _cut(x, count, PERIOD, like)
    more, rest = _cut(y, count, PERIOD, like)
    whole, part = _cut(total, count, PERIOD, like)
    _add(most, more, whole)
    _add(last, rest, part)
