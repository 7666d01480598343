"""Numbers as people read them: two decimals of a percentage, four digits of a count, a unit beside each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from nas.layers.display import plural as plural

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
NOTHING = "–"
"""Shown where there is no number."""
SPOKEN = {
    "gap": "generalization gap",
    "draws": "proposals",
    "fallback": "random stand-in",
    "attempts": "times started",
    "latency_ms": "latency",
    "seconds": "training time",
    "images_per_second": "training speed",
}
LONGEST_NAME = 40
LARGE = 1000.0
"""Share from which percent are written as counts are."""
UNITS = {
    "classification": {
        "error": "validation error (%)",
        "loss": "training loss (cross-entropy)",
        "multiply_adds": "multiply-adds (an image)",
        "activations": "activations (elements an image)",
        "latency_ms": "latency (ms, one image)",
        "speed": "images/s",
        "note": "",
    },
    "regression": {
        "error": "validation RMSE / std of the target (%)",
        "loss": "training loss (squared error / variance)",
        "multiply_adds": "multiply-adds (a row)",
        "activations": "activations (elements a row)",
        "speed": "rows/s",
        "note": "Errors are root mean squared errors in percent of the target's standard deviation: predicting the "
        "mean has 100 %.",
    },
}
"""Titles and units of what is shown, for each task."""


def percent(share: float | None) -> str:
    """A share of 1 as `8.73 %`; from a thousand on as counts are written, `240 k %`."""
    if share is None or not isfinite(share):
        return NOTHING
    return f"{100 * share:.2f} %" if abs(share) < LARGE else f"{count(100 * share)} %"


def measured(error: float | None, half: float | None) -> str:
    """An error with half of its 95 % interval, `16.53 ± 0.73 %`; without it where that isn't known."""
    if error is None or half is None or not isfinite(error + half):
        return percent(error)
    return f"{100 * error:.2f} ± {100 * half:.2f} %"


def share(value: float) -> str:
    """A share of 1 as `8.7 %`, for estimates that don't deserve a second decimal."""
    return f"{100 * value:.1f} %"


def count(number: float | None) -> str:
    """A count in four digits, as `4.213 M`."""
    if number is None or not isfinite(number):
        return NOTHING
    factor, unit = _prefix(number, 0.99995)
    return f"{number / factor:.4g}{unit}"


def duration(seconds: float | None) -> str:
    """A time as `12.3 s`, `4.1 min` or `2.5 h`."""
    if seconds is None or not isfinite(seconds):
        return NOTHING
    for factor, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * factor:
            return f"{seconds / factor:.1f} {unit}"
    return f"{_three_digits(seconds)} s"


def milliseconds(time: float | None) -> str:
    """A latency in three digits, `0.135`, in its unit."""
    return NOTHING if time is None else _three_digits(time)


def rate(speed: float | None, unit: str) -> str:
    """A measured speed in three digits, as `12.3 k images/s`."""
    if speed is None or not isfinite(speed):
        return NOTHING
    factor, prefix = _prefix(speed, 0.9995)
    return f"{_three_digits(speed / factor) if prefix else f'{speed:.3g}'}{prefix} {unit}"


def probability(p: float) -> str:
    """A p-value in two digits, `< 0.001` below that."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def compared(p: float) -> str:
    """A p-value behind its name: `= 0.03`, `< 0.001`."""
    text = probability(p)
    return text if text.startswith("<") else f"= {text}"


def listed(parts: Iterable[str]) -> str:
    """`a, b and c`."""
    *front, last = parts
    return f"{', '.join(front)} and {last}" if front else last


def few(names: Sequence[str], most: int = 3) -> str:
    """`a, b and c`, `a, b, c and 4 more`."""
    return listed(names if len(names) <= most else [*names[:most], f"{len(names) - most} more"])


def isolated(name: str) -> str:
    """A name between Unicode's isolates, so that its direction can't turn the words beside it; a blank one is shown."""
    visible = any(letter.isprintable() and not letter.isspace() for letter in name)
    return f"\u2068{name if visible else f'“{name}” (a blank name)'}\u2069"


def capitalized(text: str) -> str:
    """With a capital at its beginning, where a sentence begins."""
    return text[:1].upper() + text[1:]


def shortened(names: Sequence[str], most: int) -> str:
    """`a, b, ...`: at most so many names."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "") or "none"


def spoken(name: str) -> str:
    """A column's name as words: `multiply-adds`, `group width 1`."""
    return SPOKEN.get(name) or name.replace("multiply_adds", "multiply-adds").replace("_", " ")


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that fits into a legend."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def figure_text(text: str) -> str:
    """A text that plotly shows as it is, though it reads a little HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _prefix(number: float, rounds_up: float) -> tuple[float, str]:
    """Factor and unit of a number; from such a share of the next factor on its digits round up to that."""
    return next(((factor, f" {unit}") for factor, unit in PREFIXES if abs(number) >= rounds_up * factor), (1.0, ""))


def _three_digits(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 99.95 else f"{number:#.3g}"
