"""What the limits of a study did to its spaces, as texts."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from nas.findings.wording.numbers import share, spoken
from nas.sampling.window import Shift, Window

MOST_SHIFTS = 4
MOST_REASONS = 3
SLIGHT, CLEAR, MUCH = 0.02, 0.08, 0.2
"""From which distances to the middle on a typical value is slightly, clearly and much smaller or larger."""


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What the limits did to one space, as texts."""

    space: str
    """Its name."""
    accepted: str
    """Share of the proposals, with interval and n."""
    rejected: tuple[str, ...]
    """The most frequent reasons."""
    shifts: tuple[tuple[str, float | None, str], ...]
    """Dimension, place of a typical value among the proposals in percent (None without an order), and it in words."""


def acceptance(window: Window, options: Container[str] = ()) -> Acceptance:
    """What the limits did as texts, the strongest shifts first; `options` are dimensions without small and large."""
    from scipy.stats import binomtest

    ends = binomtest(window.accepted, window.draws).proportion_ci(method="wilson")
    reasons = sorted(window.refused.items(), key=lambda item: -item[1])[:MOST_REASONS]
    shifts = sorted(window.shifts, key=lambda shift: -shift.distance)[:MOST_SHIFTS]
    return Acceptance(
        space=window.space,
        accepted=f"{share(window.acceptance)} [{share(ends.low)}, {share(ends.high)}] of {window.draws:,} proposals"
        + _strata(window),
        rejected=tuple(f"{share(n / window.draws)} {_reason(reason)}" for reason, n in reasons if n),
        shifts=tuple(
            (spoken(s.dimension), None, "other options than proposed")
            if s.dimension in options
            else (spoken(s.dimension), 100 * s.mean_quantile, _shift(s))
            for s in shifts
        ),
    )


def _strata(window: Window) -> str:
    """Between which shares of the proposals the strata of cost accept; empty without strata."""
    if not window.strata:
        return ""
    rarest, commonest = (end(window.strata, key=lambda stratum: stratum.acceptance) for end in (min, max))
    return (
        f"; strata from {100 * rarest.acceptance:.2g} % ({rarest.stratum}) to {100 * commonest.acceptance:.2g} % "
        f"({commonest.stratum}), of {rarest.draws:,} proposals"
    )


def _shift(shift: Shift) -> str:
    """How much smaller or larger a typical accepted value is."""
    far = abs(shift.mean_quantile - 0.5)
    if far < SLIGHT:
        return "as proposed"
    much = "much " if far >= MUCH else "slightly " if far < CLEAR else ""
    if shift.mean_quantile < 0.5:
        return f"{much}smaller than {100 * (1 - shift.mean_quantile):.0f} % of the proposals"
    return f"{much}larger than {100 * shift.mean_quantile:.0f} % of the proposals"


def _reason(reason: str) -> str:
    """Why points were rejected: a limit by its side, else the sentence of a requirement."""
    named = spoken(reason)
    return f"{named} the limit" if named.endswith((" above", " below")) else named
