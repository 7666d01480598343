"""Sample sizes as people read them: one row of texts a rule, for the terminal and notebooks alike."""

from __future__ import annotations

from nas.analysis import Need
from nas.findings.wording.rules import POINTS, sides_text

HEADER = ("rule", "deviation", "effect", "networks", "of each space")


def need_row(need: Need, scaled: bool) -> tuple[str, ...]:
    """What a rule needs, below `HEADER`; without a known deviation effects are in deviations."""
    rho = "" if need.rho is None else f" (rho {need.rho:.2f})"
    return (
        need.name,
        f"{100 * need.deviation:.2f} {POINTS}" if scaled else "1",
        (f"{100 * need.effect:.2f} {POINTS}" if scaled else f"{need.effect:g} deviations") + rho,
        sides_text(need.n_first, need.n_second, need.rho is not None),
        "no number is enough" if need.samples is None else f"{need.samples:,}",
    )
