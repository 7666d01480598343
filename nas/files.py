"""Files that are whole or not there, and their hashes."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from nas.errors import StorageFailed


def write_atomically(path: Path, data: bytes) -> str:
    """Put a file in place whole or not at all; its SHA-256. StorageFailed where the disk refuses."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise StorageFailed(f"{path} can't be written: {error.strerror or error}") from error
    return hashlib.sha256(data).hexdigest()


def sha256(path: Path) -> str:
    """Hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
