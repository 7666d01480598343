"""An estimate with its uncertainty: the form in which every number of an analysis leaves it."""

from __future__ import annotations

import msgspec

CONFIDENCE = 0.95
"""Of every interval and band where nothing else is asked for."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate inside a closed interval."""

    estimate: float
    """In the unit of what is estimated; from low to high."""
    low: float
    """Lower end, in the same unit; minus infinity where the data says nothing."""
    high: float
    """Upper end, in the same unit; infinity where the data says nothing."""
    confidence: float = CONFIDENCE
    """Share of repeated studies whose interval covers the truth; in (0, 1)."""

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        if not self.low <= self.estimate <= self.high:
            low, estimate, high = self.low, self.estimate, self.high
            raise ValueError(f"an interval holds its estimate, got {low=}, {estimate=}, {high=}")

    def __contains__(self, value: float) -> bool:
        """Whether the value lies in the interval, its ends included."""
        return self.low <= value <= self.high


def check_confidence(confidence: float) -> None:
    """Refuses a confidence outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie strictly between 0 and 1, got {confidence=}")
