"""Which known names somebody may have meant by one that there isn't."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import takewhile

CUTOFF = 0.6
"""Least likeness, in [0, 1], of a name that is suggested."""
MARGIN = 0.15
"""By how much less alike than the best another may be that is suggested beside it."""
STEM = 4
"""Least length of a common beginning of two words of one stem, as in erase and erasing."""
SAME_STEM = 0.7
"""Least share of that beginning in the shorter word."""
CONTAINED = 0.8
"""Likeness of a name that contains all words of the other; more, the less it has beside them."""


def near(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """The known names that are most like a name, the best first: in letters, or because they contain its words."""
    likeness = {other: _likeness(name, other) for other in known}
    ranked = sorted((other for other in likeness if likeness[other] >= CUTOFF), key=lambda other: -likeness[other])
    return [other for other in ranked[:most] if likeness[other] >= likeness[ranked[0]] - MARGIN]


def _likeness(name: str, other: str) -> float:
    """1 for equal names; letters count as `difflib` counts them, words whether they are there, as do their initials."""
    letters = SequenceMatcher(None, other, name).ratio()
    words, others = _words(name), _words(other)
    if len(others) > 1 and words == ["".join(word[0] for word in others)]:
        return 1.0
    if not words or not all(any(_one_stem(word, known) for known in others) for word in words):
        return letters
    return max(letters, CONTAINED + (1 - CONTAINED) * min(1.0, len(set(words) & set(others)) / len(others)))


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", name.lower()) if word]


def _one_stem(first: str, second: str) -> bool:
    """Whether two words are equal, or begin alike for most of the shorter one."""
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
    return first == second or shared >= max(STEM, SAME_STEM * min(len(first), len(second)))
