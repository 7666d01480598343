"""Fetching the official archives: each mirror in turn, checked by hash, and in place whole or not at all."""

from __future__ import annotations

import http.client
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from nas.data.folders import storage_failed
from nas.data.readers.archives import opened, other_ways, place
from nas.data.readers.official import Archive, Official
from nas.errors import Missing
from nas.files import digest

PATIENCE = 8.0
"""Longest wait for a mirror to answer or to go on, in seconds."""
BLOCK = 1 << 18

log = logging.getLogger(__name__)


class NotDeliveredError(Exception):
    """A mirror didn't answer, broke off, or sent something else."""


def fetch_archives(official: Official) -> None:
    """Download what isn't here yet or is damaged; what is intact stays as it is."""
    for archive in official.archives:
        if _whole(official, archive):
            log.info("%s is here and intact", place(archive))
        else:
            _fetch(official, archive)


def _whole(official: Official, archive: Archive) -> bool:
    try:
        with opened(official, archive):
            return True
    except Missing:
        return False


def _fetch(official: Official, archive: Archive) -> None:
    """One archive from the first mirror that delivers; Missing, with every reason, if none does."""
    reasons = []
    for mirror in archive.mirrors:
        try:
            return _from_mirror(official, archive, mirror)
        except NotDeliveredError as error:
            log.info("%s: %s", mirror, error)
            reasons.append(f"{mirror}: {error}")
    raise Missing(f"{official.name} can't be downloaded: {'; '.join(reasons)}", hint=_by_hand(official, archive))


def _by_hand(official: Official, archive: Archive) -> str:
    return f"place {archive.mirrors[0]} at {place(archive)} by hand, {other_ways(official)}"


def _from_mirror(official: Official, archive: Archive, mirror: str) -> None:
    """Download beside the final place, check, then rename."""
    target = place(archive)
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        _save(_blocks(mirror), part)
        _require_digest(part, archive)
        part.replace(target)
    except OSError as error:
        raise storage_failed(target, error) from error
    finally:
        with suppress(OSError):
            part.unlink()
    log.info("%s fetched from %s", target, mirror)


def _require_digest(part: Path, archive: Archive) -> None:
    actual = digest(part, archive.algorithm)
    if actual != archive.digest:
        raise NotDeliveredError(f"sent a file whose {archive.algorithm.upper()} is {actual}, not {archive.digest}")


def _save(blocks: Iterator[bytes], path: Path) -> None:
    """Write blocks to a new file; nothing is made on the disk before the first one is here."""
    first = next(blocks, b"")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(first)
        for block in blocks:
            file.write(block)


def _blocks(address: str) -> Iterator[bytes]:
    """The bytes behind an address, in blocks; network errors are told apart from those of the disk."""
    request = Request(address, headers={"User-Agent": "nas-atlas"})  # noqa: S310 - addresses are constants of ours
    try:
        with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            while block := response.read(BLOCK):
                yield block
    except HTTPError as error:
        with error:
            raise NotDeliveredError(f"answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotDeliveredError(str(getattr(error, "reason", "") or error or type(error).__name__)) from error
