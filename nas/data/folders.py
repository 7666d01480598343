"""Where source files are looked for and where prepared data is kept."""

from __future__ import annotations

import errno
import getpass
import logging
import os
import tempfile
from pathlib import Path

from nas.errors import StorageFailed

APPLICATION = "nas-atlas"
FULL = (errno.ENOSPC, errno.EDQUOT)

log = logging.getLogger(__name__)


def data_dir() -> Path:
    """Folder of the source files: `NAS_DATA_DIR`, else the user's data folder of this platform."""
    from platformdirs import user_data_path

    return _named("NAS_DATA_DIR") or user_data_path(APPLICATION, appauthor=False)


def cache_dir() -> Path:
    """Folder of prepared data: `NAS_CACHE_DIR`, else the user's cache folder of this platform."""
    from platformdirs import user_cache_path

    return _named("NAS_CACHE_DIR") or user_cache_path(APPLICATION, appauthor=False)


def _named(variable: str) -> Path | None:
    """Absolute path that an environment variable names; None where it is unset or empty."""
    value = os.environ.get(variable, "")
    return Path(value).expanduser().absolute() if value else None


def writable_cache() -> Path:
    """The cache folder, made if need be; where it can't be written, a private folder among the temporary files."""
    folder = cache_dir()
    reason = _unwritable(folder)
    if not reason:
        return folder
    spare = private_folder()
    log.warning("the cache folder %s can't be written (%s): prepared data goes to %s", folder, reason, spare)
    return spare


def _unwritable(folder: Path) -> str:
    """Why a folder can't be made or written; empty where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in FULL:
            raise storage_failed(folder, error) from error
        return error.strerror or str(error)
    return "" if os.access(folder, os.W_OK | os.X_OK) else "no permission"


def private_folder() -> Path:
    """A folder of this user's own among the temporary files; refused where somebody else holds its name."""
    user = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    folder = Path(tempfile.gettempdir()) / f"{APPLICATION}-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ours = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
    except OSError as error:
        raise storage_failed(folder, error) from error
    if folder.is_symlink() or not ours:
        raise StorageFailed(f"{folder} belongs to somebody else", hint="set NAS_CACHE_DIR to a folder of yours")
    return folder


def storage_failed(path: Path, error: OSError) -> StorageFailed:
    """The error for a path that the disk refused, with the system's reason."""
    reason = error.strerror or str(error)
    hint = "free some space, or set NAS_CACHE_DIR and NAS_DATA_DIR to folders on another disk"
    return StorageFailed(f"{path} can't be written: {reason}", hint=hint)
