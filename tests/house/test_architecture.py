"""docs/architecture.md says what is there: its rooms in their order, and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.test_packaging import ROOMS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()


def test_the_rooms_are_those_of_the_code_in_their_order() -> None:
    """The table of rooms is the order that imports obey, and names files of each room."""
    table = TEXT.split("## The rooms")[1].split("## A run")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines() if "`" in line[:4]]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert tuple(named) == ROOMS
    for row in rows[1:]:
        room = re.findall(r"`(\w+)`", row[0])[0]
        for name in re.findall(r"`(\w+/?)`", row[2]):
            place = ROOT / "nas" / room / name
            assert place.is_dir() if name.endswith("/") else place.with_suffix(".py").is_file(), f"{room}: {name}"


def test_every_file_that_is_named_exists() -> None:
    """Paths that a reader is sent to lead somewhere."""
    for path in re.findall(r"`((?:nas|spaces|studies|tests)/[\w/.]+)`", TEXT):
        if "NAME" not in path and "ROOM" not in path:
            assert (ROOT / path).exists(), path
    for path in re.findall(r"`((?:study|engines|runner|storage|sampling|page|cli)/\w+)(?:\.\w+)?`", TEXT):
        assert (ROOT / "nas" / f"{path}.py").exists(), path
