"""Every error that a user can cause: what is wrong, the offending value, and a way out.

    NasError                 1   base class: something failed
    ├── Refused              2   a study, file, name or value that can't be accepted (also a ValueError)
    │   ├── ImpossibleShape      a layer can't take this input
    │   └── EmptyWindow          no network of a space lies inside the limits
    ├── Missing             69   something outside is missing or damaged: data, network, device
    ├── StorageFailed       74   the disk or the database can't be read or written
    └── Interrupted    130, 143  a person or the system asked us to stop

The number is the exit code of the command line.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar


class NasError(Exception):
    """Base class of our errors; its message is meant to be read by the person who caused it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Refused(NasError, ValueError):
    """A study, file, name or value that can't be accepted."""

    exit_code = 2


class ImpossibleShape(Refused):
    """A layer can't take the input that it is given."""


class EmptyWindow(Refused):
    """No network of a space lies inside the limits."""


class Missing(NasError):
    """Something outside this program is missing or damaged: data, network, device."""

    exit_code = 69


class StorageFailed(NasError):
    """The disk or the database can't be read or written."""

    exit_code = 74


class Interrupted(NasError):
    """A person (SIGINT) or the system (SIGTERM) asked us to stop; what was finished is kept."""

    def __init__(self, message: str, *, signal_number: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number  # type: ignore[misc]


def raised_at(error: BaseException) -> str:
    """The last line of somebody else's code that an error came through: `mine.py, line 3`; empty if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f"{Path(f.filename).name}, line {f.lineno}" for f in frames if _is_theirs(f.filename)]
    return theirs[-1] if theirs else ""


def _is_theirs(filename: str) -> bool:
    """Whether a line of a traceback is neither this package's nor the import system's, nor generated."""
    ours = Path(__file__).parent in Path(filename).parents
    return not (ours or "importlib" in filename or filename.startswith("<"))
