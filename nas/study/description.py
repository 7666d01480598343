"""What the file of a study says of it in its docstring, as data: source, expected time, measured answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import cleandoc

PARTS = ("Source:", "What would count as an answer:", "Expected time:", "Answer:", "Measured")
"""What begins a part of the docstring, at the beginning of a line."""
BEGINS = re.compile(rf"^(?=(?:{'|'.join(map(re.escape, PARTS))}))", re.MULTILINE)
OF_NETWORKS = re.compile(r"([\d,]+) networks of ([\d.]+) s on one core each")
ON_TWO_CORES = re.compile(r"(half an|an?|[\d.]+) (minute|hour)s? on two (?:idle )?cores")
AMOUNTS = {"a": 1.0, "an": 1.0, "half an": 0.5}
UNITS = {"minute": 60.0, "hour": 3600.0}


@dataclass(frozen=True, kw_only=True)
class Description:
    """The docstring of a study's file by its parts; each is empty where the file doesn't say it."""

    source: str = ""
    """Paper or book that the question comes from."""
    criterion: str = ""
    """What would count as an answer."""
    expected: str = ""
    """How long it takes, and on what."""
    answer: str = ""
    """What was measured, in a sentence."""
    measured: str = ""
    """What was measured, with effects and intervals; Markdown."""

    @property
    def core_seconds(self) -> float | None:
        """Seconds that the study as it stands takes on one core; None where `expected` gives no number."""
        if found := OF_NETWORKS.search(self.expected):
            return float(found[1].replace(",", "")) * float(found[2])
        return None if self.seconds_on_two is None else 2 * self.seconds_on_two

    @property
    def seconds_on_two(self) -> float | None:
        """Seconds on two cores, as `expected` says in so many words; None where it doesn't."""
        found = ON_TWO_CORES.search(self.expected)
        return (AMOUNTS.get(found[1]) or float(found[1])) * UNITS[found[2]] if found else None


def description(docstring: str | None) -> Description:
    """The parts of a docstring."""
    texts = dict.fromkeys(PARTS, "")
    for piece in BEGINS.split(cleandoc(docstring or "")):
        for part in PARTS:
            if piece.startswith(part):
                texts[part] = piece.removeprefix(part).strip() if part.endswith(":") else piece.strip()
    source, criterion, expected, answer = (_line(texts[part]) for part in PARTS[:-1])
    return Description(source=source, criterion=criterion, expected=expected, answer=answer, measured=texts["Measured"])


def _line(text: str) -> str:
    """The first paragraph of a part on one line."""
    return " ".join(text.partition("\n\n")[0].split())
