"""Damaged and hostile files, made from real ones: changed bytes, and JSON trees with entries that nobody wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

DEEP = 100_000
"""Brackets within one another."""
LONG = 400
"""Digits of a number, or letters of a name that no file system takes."""


class Raw(str):
    """Text that stands in the file as it is."""

    __slots__ = ()


VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 255, 2**31, 2**63, 2**64, -(2**63), 10**18, 0.5, -0.5, 1e308, 1e-320),
    *(Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("9" * LONG), Raw("1e999"), Raw("-0"), Raw("0.1e+")),
    *("", " ", "x" * LONG, "../x", "/etc/passwd", "\0", "\x1b]0;x\x07", "=1+1", "</script>", "\u202e", "é", "٣"),
    *(
        Raw('"\\ud800"'),
        [],
        {},
        [[]],
        [{}],
        {"": 0},
        Raw("[" * DEEP + "]" * DEEP),
        Raw('{"layer":' * 600 + "0" + "}" * 600),
    ),
)
"""What stands in the place of an entry."""
BYTES = (
    b"",
    b"\0",
    b"\xff",
    b"\xff" * 8,
    b"\0" * 64,
    b"\n",
    b'"',
    b",",
    b";",
    b"{",
    b"[",
    b"NaN",
    b"-",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
)
"""What is put in between."""
SIZES = (0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**48, 2**63 - 1, 2**64 - 1)
"""What a length in a header becomes."""

Path = tuple[Any, ...]


def changed_bytes(data: bytes, random: Random) -> bytes:
    """The bytes with one to four changes."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        data = random.choice(CHANGES)(data, random)
    return data


def _flipped(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    return (
        data[:place] + bytes(value ^ 1 << random.randrange(8) for value in data[place : place + 1]) + data[place + 1 :]
    )


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _without(data: bytes, random: Random) -> bytes:
    start, length = random.randrange(len(data) + 1), random.choice((1, 2, 8, 100, 5000))
    return data[:start] + data[start + length :]


def _twice(data: bytes, random: Random) -> bytes:
    start, length = random.randrange(len(data) + 1), random.choice((1, 2, 8, 100, 5000))
    return data[: start + length] + data[start : start + length] * random.choice((1, 1, 3, 50)) + data[start + length :]


def _inserted(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + random.choice(BYTES) + data[start:]


def _overwritten(data: bytes, random: Random) -> bytes:
    new = random.choice((random.choice(BYTES), random.randbytes(random.choice((1, 4, 32)))))
    start = random.randrange(len(data) + 1)
    return data[:start] + new + data[start + len(new) :]


def _resized(data: bytes, random: Random) -> bytes:
    """A number of 2, 4 or 8 bytes, most often near the beginning or the end, becomes another."""
    width = random.choice((2, 4, 8))
    start = random.choice(
        (random.randrange(64), random.randrange(len(data) + 1), max(0, len(data) - random.randrange(1, 64)))
    )
    size: int = random.choice(SIZES) % (1 << 8 * width)
    new = size.to_bytes(width, "little") if random.random() < 0.5 else size.to_bytes(width, "big")
    return data[:start] + new + data[start + width :]


def _number(data: bytes, random: Random) -> bytes:
    """A number in digits becomes another."""
    places = [place for place, value in enumerate(data) if 48 <= value <= 57]
    if not places:
        return data
    start = random.choice(places)
    end = next((place for place in range(start, len(data)) if not 48 <= data[place] <= 57), len(data))
    new = random.choice((b"0", b"-1", b"9" * LONG, b"1e999", b"nan", b"1_000", b"18446744073709551616", b"\xd9\xa3"))
    return data[:start] + new + data[end:]


CHANGES: Sequence[Callable[[bytes, Random], bytes]] = (
    *(_flipped, _flipped, _cut, _without, _twice, _inserted, _overwritten, _resized, _number),
)


def changed_tree(data: bytes, random: Random) -> bytes:
    """JSON with one to three entries changed; changed bytes where it is none."""
    try:
        tree = json.loads(data)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            tree = _changed(tree, random)
        return text(tree).encode(errors="surrogatepass")
    except (ValueError, RecursionError, OverflowError):
        return changed_bytes(data, random)


def _changed(tree: Any, random: Random) -> Any:
    places = list(_places(tree))
    place = random.choice(places)
    value = _at(tree, place)
    kind = random.randrange(10)
    if kind == 0 and place:
        return _replaced(tree, place, None, drop=True)
    if kind == 1:
        return _replaced(tree, place, _at(tree, random.choice(places)))
    if kind == 2 and isinstance(value, list) and value:
        return _replaced(tree, place, value * random.choice((2, 2, 50, 3000)))
    if kind == 3 and isinstance(value, dict):
        return _replaced(tree, place, {**value, random.choice(("x", "", "type", *value)): random.choice(VALUES)})
    if kind == 4 and isinstance(value, dict) and value:
        name = random.choice(list(value))
        pair = f"{text(name)}:{text(random.choice((value[name], *VALUES)))}"
        return _replaced(tree, place, Raw(f"{text(value)[:-1]},{pair}}}"))
    if kind == 5 and isinstance(value, dict | list):
        return _replaced(tree, place, [value] if random.random() < 0.5 else {"layer": value})
    if kind in (6, 7) and isinstance(value, int | float):
        return _replaced(
            tree,
            place,
            random.choice((value + 1, value - 1, -value, value * 1000, value * 10**9, value // 7, str(value))),
        )
    return _replaced(tree, place, random.choice(VALUES))


def _places(tree: Any, place: Path = ()) -> list[Path]:
    """Every node of a tree by the keys that lead to it."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place, *(found for key, value in inner for found in _places(value, (*place, key)))]


def _at(tree: Any, place: Path) -> Any:
    for key in place:
        if isinstance(tree, Raw):
            return None
        tree = tree[key]
    return tree


def _replaced(tree: Any, place: Path, value: Any, *, drop: bool = False) -> Any:
    """The tree with another value at a place, or without it."""
    if not place:
        return value
    key, rest = place[0], place[1:]
    if isinstance(tree, dict):
        items = ((k, _replaced(v, rest, value, drop=drop) if k == key else v) for k, v in tree.items())
        return {k: v for k, v in items if not (drop and not rest and k == key)}
    items = ((n, _replaced(v, rest, value, drop=drop) if n == key else v) for n, v in enumerate(tree))
    return [v for n, v in items if not (drop and not rest and n == key)]


def text(tree: Any) -> str:
    """JSON, with raw parts as they are."""
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{text(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(map(text, tree)) + "]"
    return json.dumps(tree)
