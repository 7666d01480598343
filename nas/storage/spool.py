"""Results that can't be written while another program holds the database: a file each, until the next command tells it.

A file has the text of a record with its SHA-256 and is whole or not there; one that isn't intact is set aside.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from nas.files import parsed, read_json, write_atomically
from nas.storage.aside import set_aside
from nas.storage.layout import SPOOL
from nas.storage.tables import seal
from nas.study.record import Record

logger = logging.getLogger(__name__)


class Spooled(msgspec.Struct, frozen=True, kw_only=True):
    """A finished trial that the database doesn't have."""

    record: str
    """JSON."""
    sha256: str
    """As `nas_trials` has it."""
    wrong: bytes | None
    """Bits of its wrong images."""


def keep(folder: Path, run: str, records: Iterable[Record], wrong: Mapping[int, bytes]) -> None:
    """Write results of a run's study to files."""
    (folder / SPOOL).mkdir(exist_ok=True)
    for record in records:
        text = msgspec.json.encode(record).decode()
        result = Spooled(record=text, sha256=seal(run, record.trial, text), wrong=wrong.get(record.trial))
        write_atomically(folder / SPOOL / f"{record.trial}-{record.attempts}.json", msgspec.json.encode(result))


def kept(folder: Path, run: str) -> Iterator[tuple[Path, Record, bytes | None]]:
    """What was written so, checked; what isn't whole is set aside, and said."""
    for path in sorted((folder / SPOOL).glob("*.json")):
        try:
            result = read_json(path, Spooled)
            record = parsed(result.record, Record)
            intact = result.sha256 == seal(run, record.trial, result.record)
        except (msgspec.MsgspecError, OSError, UnicodeEncodeError):
            intact = False
        if intact:
            yield path, record, result.wrong
        else:
            aside = set_aside(folder, path)
            logger.warning("%s is damaged and lies in %s now; its trial is trained again", path, aside)


def remove(folder: Path, paths: Iterable[Path]) -> None:
    """Forget what the database has."""
    for path in paths:
        path.unlink(missing_ok=True)
    if (folder / SPOOL).is_dir() and not any((folder / SPOOL).iterdir()):
        (folder / SPOOL).rmdir()
