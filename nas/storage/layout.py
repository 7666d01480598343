"""What lies in a run's folder, and under which names; nothing in it is believed to lie elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from nas.errors import Refused

STUDY, DATABASE, LOG, WEIGHTS, LOCK = "study.json", "study.db", "run.log", "weights", "run.lock"
PAGE, TABLE = "report.html", "records.csv"
STORAGE = "storage.json"
"""Names the server that a run's trials lie on, where that isn't the file here."""
LATENCIES = "latencies.jsonl"
"""What was measured of networks that were proposed: which of them are accepted depends on it."""
SPOOL, ASIDE = "spool", "damaged"
"""Results that the database couldn't take yet; files that aren't intact."""
WRITE_AHEAD = f"{DATABASE}-wal"
DATABASES = (DATABASE, WRITE_AHEAD, f"{DATABASE}-shm", f"{DATABASE}-journal")
OURS = (STUDY, STORAGE, *DATABASES, LOG, WEIGHTS, LOCK, LATENCIES, SPOOL, ASIDE)
"""What a command that trains writes to; a link under one of these names would lead it out of the folder."""
WEIGHTS_NAME = re.compile(
    r"\.?(?P<architecture>[0-9a-f]{16})-(?P<trial>0|[1-9]\d{0,11})\.(safetensors|checkpoint)(\.\w+\.partial)?", re.ASCII
)
"""Weights of a trial or what they are trained on from, and what a killed worker leaves of them."""


class Owner(NamedTuple):
    """Whose weights, trained or half trained, a file holds."""

    architecture: str
    trial: int


def holds_run(folder: Path) -> bool:
    """Whether a folder is one of a run: something was asked, and there is a place for trials."""
    return (folder / STUDY).is_file() and any((folder / name).is_file() for name in (DATABASE, STORAGE))


def weights_name(architecture: str, trial: int) -> str:
    """File of a trial's weights; refused for what is no identity of a network, whatever a record says."""
    name = f"{architecture}-{trial}.safetensors"
    if WEIGHTS_NAME.fullmatch(name) is None or name.startswith("."):
        raise Refused(f"trial {trial} names the network {architecture!r}, which is none: sixteen hexadecimal digits")
    return name


def owner_of(name: str) -> Owner | None:
    """The trial whose weights, whole or not, are in a file of this name; None for every other file."""
    match = WEIGHTS_NAME.fullmatch(name)
    return Owner(match["architecture"], int(match["trial"])) if match else None


def require_no_links(folder: Path) -> None:
    """Refuse a folder that leads a run out of it."""
    for name in OURS:
        place = folder / name
        if place.is_symlink():
            raise Refused(
                f"{place} is a link to {place.readlink()}: a run writes and deletes in its own folder only",
                hint="put what it points to in its place, or give another folder with --out",
            )
