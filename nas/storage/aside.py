"""Where a run keeps files that aren't intact: they are moved, never deleted, and nothing reads them."""

from __future__ import annotations

import secrets
from pathlib import Path

from nas.errors import StorageFailed
from nas.storage.layout import ASIDE


def set_aside(folder: Path, path: Path) -> str:
    """Move a file of a run to where damaged ones lie; its new name in the run's folder."""
    target = place(folder) / f"{path.stem}-{secrets.token_hex(4)}{path.suffix}"
    try:
        path.rename(target)
    except OSError as error:
        raise StorageFailed(f"{path} can't be moved to {target}: {error.strerror}") from None
    return str(target.relative_to(folder))


def place(folder: Path) -> Path:
    """The folder for damaged files, made if need be."""
    aside = folder / ASIDE
    try:
        aside.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"{aside} can't be made: {error.strerror}") from None
    return aside
