"""The learning rate over a training; each schedule is a function of how far it is to a factor of the peak."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

ScheduleName = Literal["cosine", "constant", "step", "one_cycle"]
DROPS = (1 / 2, 3 / 4)
"""Shares of the steps after the warm-up at which `step` divides the rate by ten (He et al., 2015)."""
FIRST, LAST = 1 / 25, 1 / 25e4
"""Of the peak, at the first and the last step of `one_cycle`, as in torch's `OneCycleLR`."""


def cosine(done: int, steps: int) -> float:
    """A half-cosine from 1 to 0 (Loshchilov and Hutter, 2016)."""
    return 0.5 * (1 + math.cos(math.pi * done / steps))


def constant(done: int, steps: int) -> float:
    """Always 1."""
    return 1.0


def step(done: int, steps: int) -> float:
    """1, after half of the steps 0.1, after three quarters 0.01."""
    return 0.1 ** sum(done >= drop * steps for drop in DROPS)


AFTER_WARM_UP: Mapping[str, Callable[[int, int], float]] = {"cosine": cosine, "constant": constant, "step": step}
"""From the steps done and all steps, both counted from the end of the warm-up."""


def learning_rate(schedule: ScheduleName, peak: float, number: int, steps: int, warmup: float) -> float:
    """That of a step, counted from 0: it rises to its peak in a line, and then follows its schedule."""
    if schedule == "one_cycle":
        return peak * one_cycle(number, steps, warmup)
    rising = round(warmup * steps)
    if number < rising:
        return peak * (number + 1) / rising
    return peak * AFTER_WARM_UP[schedule](number - rising, max(1, steps - rising))


def one_cycle(number: int, steps: int, rising: float) -> float:
    """Up in a half-cosine during the rising share of the steps, then down in another one (Smith and Topin, 2017)."""
    top = rising * steps - 1
    if number <= top:
        return _between(FIRST, 1.0, number / top if top else 1.0)
    return _between(1.0, LAST, (number - top) / max(1.0, steps - 1 - top))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
