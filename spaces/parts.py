"""What most families share: a convolution that keeps the size, norms, ReLUs, heads, widths as multiples, stages.

Nodes are values, so equal calls give the same node: samplers meet the same layers again and again.
"""

from __future__ import annotations

from functools import lru_cache

from nas.errors import Refused
from nas.layers import (
    Activation,
    AdaptivePooling,
    Convolution,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Pooling,
    Sequence,
)
from nas.space import Choice

NORM = Normalisation()
RELU = Activation()
DROPOUTS = (0.0, 0.25, 0.5)
"""Rates of dropout that spaces choose from."""


@lru_cache(maxsize=2**14)
def convolution(width: int, kernel: int, *, stride: int = 1, groups: int = 1, bias: bool = False) -> Convolution:
    """A convolution with half its kernel as padding: an odd kernel keeps the size but for its stride."""
    return Convolution(width=width, kernel=kernel, stride=stride, padding=kernel // 2, groups=groups, bias=bias)


@lru_cache(maxsize=2**12)
def pool(kernel: int = 2, stride: int = 2, *, padding: int = 0, ceil: bool = False) -> Pooling:
    """A max pool, 2x2 with stride 2 unless said otherwise."""
    return Pooling(kernel=kernel, stride=stride, padding=padding, ceil=ceil)


@lru_cache(maxsize=2**14)
def convolution_unit(width: int, kernel: int, *, stride: int = 1, norm: Normalisation | None = NORM) -> Sequence:
    """A convolution, its norm, a ReLU; the convolution has a bias only where no norm follows."""
    if norm is None:
        return Sequence(layers=(convolution(width, kernel, stride=stride, bias=True), RELU))
    return Sequence(layers=(convolution(width, kernel, stride=stride), norm, RELU))


@lru_cache
def global_head(classes: int, dropout: float = 0.0) -> Sequence:
    """Global average pool and a linear layer, with dropout between them where there is any."""
    drop = (Dropout(rate=dropout),) if dropout else ()
    return Sequence(name="head", layers=(AdaptivePooling(), Flatten(), *drop, Linear(width=classes)))


@lru_cache(maxsize=2**10)
def linear_head(widths: tuple[int, ...], classes: int, dropout: float) -> Sequence:
    """Flatten, then linear layers of these widths, each with ReLU and dropout, then one for the classes."""
    layers: list[Layer] = [Flatten()]
    for width in widths:
        layers += (Linear(width=width), RELU, Dropout(rate=dropout)) if dropout else (Linear(width=width), RELU)
    return Sequence(name="head", layers=(*layers, Linear(width=classes)))


def scaled(width: int, multiplier: float, unit: int = 8) -> int:
    """A width times a multiplier, as the nearest positive multiple of `unit` (ties to even)."""
    return max(unit, unit * round(width * multiplier / unit))


def require_one_of(kinds: Choice, **chosen: str) -> None:
    """Refuse a kind that doesn't exist, by the name of its field."""
    for name, value in chosen.items():
        if not kinds.contains(value):
            raise Refused(f"{name} must be one of {', '.join(map(str, kinds.options))}, got {value!r}")
