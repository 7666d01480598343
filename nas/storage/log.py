"""The log of a run: what happened, in order, as far as the disk takes it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from nas.errors import Once, ReadableFormatter
from nas.files import open_to_append
from nas.storage.layout import STUDY


class _Log(logging.FileHandler):
    """A log that a disk which fails doesn't turn into an error of its own: the trials in the database count."""

    before = logging.NOTSET
    """Level of the logger before any run was logged."""

    def _open(self) -> TextIOWrapper:
        """The file, which is no link to another."""
        return TextIOWrapper(cast(BinaryIO, open_to_append(Path(self.baseFilename))), encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line if the disk takes it."""
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging's name
        """Say nothing of a line that didn't fit; whatever else goes wrong is told as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)

    def close(self) -> None:
        """Let go of the file, whether the rest can be written or not."""
        with suppress(OSError):
            super().close()


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Our messages also go to the run's log, once the folder is known to be a run's, and if it can be written."""
    handler = _Log(path, delay=True)
    handler.setFormatter(ReadableFormatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(lambda _: (path.parent / STUDY).is_file() and os.access(path.parent, os.W_OK))
    ours = threading.get_ident()  # another thread's messages are of another run
    handler.addFilter(lambda record: record.thread == ours)
    handler.addFilter(Once())
    logger = logging.getLogger("nas")
    level = next((other.before for other in _others(logger)), logger.level)
    handler.before = level
    logger.addHandler(handler)
    logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        if not _others(logger):
            logger.setLevel(level)
        handler.close()


def _others(logger: logging.Logger) -> list[_Log]:
    """Logs of other runs that this process works on."""
    return [handler for handler in logger.handlers if isinstance(handler, _Log)]
