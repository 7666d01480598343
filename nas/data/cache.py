"""Prepared folders: the files of a training and a validation split, checked by hash before every use.

A folder holds its `.bin` files, which workers map, and `info.json`, which knows their hashes. It is named by the
identity of what it was made from, and is there whole or not at all.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from nas.data.folders import cache_dir, storage_failed, writable_cache
from nas.data.info import DataInfo, read_info
from nas.errors import StorageFailed
from nas.files import digest

FOLDER = "data"
STALE = 86_400.0
"""Age after which an unfinished folder is taken for left behind, in seconds."""

log = logging.getLogger(__name__)


def kept(name: str, key: str, write: Callable[[Path], None]) -> DataInfo:
    """The prepared folder of a key, written if it isn't there with all its files intact; under the name given now."""
    usual = cache_dir() / FOLDER / key
    info = reuse(usual)
    if info is None:
        folder = writable_cache() / FOLDER / key
        info = (reuse(folder) if folder != usual else None) or _written(folder, write)
    return msgspec.structs.replace(info, name=name)


def _written(folder: Path, write: Callable[[Path], None]) -> DataInfo:
    write(folder)
    info = reuse(folder)
    if info is None:
        raise StorageFailed(f"{folder} doesn't hold what was just written to it", hint="check the disk")
    return info


def reuse(folder: Path) -> DataInfo | None:
    """A prepared folder that is intact; None where there is none, or a damaged one, which is set aside."""
    if not _exists(folder):
        return None
    try:
        info = read_info(folder)
        broken = [name for name, expected in info.sha256.items() if digest(folder / name) != expected]
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        set_aside(folder, str(error))
        return None
    if broken:
        set_aside(folder, f"{broken[0]} isn't as it was written")
        return None
    return info


def _exists(folder: Path) -> bool:
    """Whether a folder can be seen; one behind a closed door can't."""
    try:
        return folder.exists()
    except OSError:
        return False


def set_aside(folder: Path, reason: str) -> None:
    """Rename a damaged folder, so that it can be looked at and is never read again."""
    taken = len(list(folder.parent.glob(f"{folder.name}.damaged-*")))
    aside = folder.with_name(f"{folder.name}.damaged-{taken + 1}")
    log.warning("%s is damaged (%s): set aside as %s", folder, reason, aside.name)
    try:
        folder.rename(aside)
    except OSError as error:
        # Another process has set it aside, or the cache is read-only and what we prepare goes elsewhere.
        log.warning("%s stays where it is: %s", folder, error.strerror)


@contextmanager
def placed(folder: Path, size: int) -> Iterator[Path]:
    """An empty folder for so many bytes, named in the end; if another process was faster, its folder stays."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        part.mkdir(parents=True)
        remove_stale(folder.parent)
        require_space(part, size)
        yield part
        part.rename(folder)
    except OSError as error:
        if not folder.exists():
            raise storage_failed(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_stale(folder: Path) -> None:
    """Remove unfinished folders that killed processes left here long ago."""
    for part in folder.glob(".*-*"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > STALE:
                shutil.rmtree(part)


def require_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk can't hold."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        hint = "free some space, or set NAS_CACHE_DIR to a folder on another disk"
        raise StorageFailed(f"{folder.parent} needs {needed:,} bytes for this data set, has {free:,}", hint=hint)
