"""Every error that a user can cause: what is wrong, the offending value, and a way out.

    NasError                 1   base class: something failed
    ├── Refused              2   a study, file, name or value that can't be accepted (also a ValueError)
    │   ├── ImpossibleShape      a layer can't take this input
    │   └── EmptyWindow          no network of a space lies inside the limits
    ├── Missing             69   something outside is missing or damaged: data, network, device
    ├── StorageFailed       74   the disk or the database can't be read or written
    ├── MachineFailed       74   the machine ends our processes, as where memory is short
    └── Interrupted   130, 143   a person or the system asked us to stop

The number is the exit code of the command line. Whatever people read goes through `readable`: names in a folder, a
table or a file of somebody else may hold codes that a terminal obeys.
"""

from __future__ import annotations

import logging
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal, turn the direction of writing, or are none: all but tabs and ends of lines."""


def readable(text: str) -> str:
    """A text whose control characters are written out, `\\u001b`, as JSON writes them."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def typed() -> list[str]:
    """The command that runs now, in words as they were typed."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def path_text(path: Path | str) -> str:
    """A path within a sentence: in quotation marks where its blanks could be taken for those between words."""
    return repr(str(path)) if any(letter.isspace() for letter in str(path)) else str(path)


def in_place_of(path: Path, other: Path) -> str:
    """A hint: the command that runs now with another path in the place of one; in a program the path alone."""
    words = typed()
    if str(path) not in words:
        return f"give {shlex.quote(str(other))}"
    return shlex.join(str(other) if word == str(path) else word for word in words)


class ReadableFormatter(logging.Formatter):
    """Lines of a log that hold no control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """The line as people may see it."""
        return readable(super().format(record))


class Once(logging.Filter):
    """Lets each notice of the data through once, however often a command reads them; all other lines always."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is new, or no notice of the data."""
        if not record.name.startswith("nas.data."):
            return True
        message = record.getMessage()
        new = message not in self._told
        self._told.add(message)
        return new


class NasError(Exception):
    """Base class of our errors; its message is meant to be read by the person who caused it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(readable(message))
        self.hint = readable(hint)
        if self.hint:
            self.add_note(f"  -> {self.hint}")  # Python shows it below the message


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


class MachineFailed(NasError):
    """The machine ends our processes, as where memory is short; that says nothing of what they trained."""

    exit_code = 74


class Interrupted(NasError):
    """A person (SIGINT) or the system (SIGTERM) asked us to stop; what was finished is kept."""

    def __init__(self, message: str, *, signal_number: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number  # type: ignore[misc]


@contextmanager
def code_of_others(fails: str, hint: Callable[[], str] = str) -> Iterator[None]:
    """Run somebody else's code: whatever it raises, the end of the program too, is Refused with its kind and line.

    `fails` begins the message, as `mine.py can't be imported`.
    """
    try:
        yield
    except NasError:
        raise
    except (Exception, SystemExit) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        at = f"line {line}" if line else raised_at(error)
        cause = error.msg if isinstance(error, SyntaxError) else str(error)
        kind = f"{type(error).__name__}: {cause}".removesuffix(": ")
        raise Refused(f"{fails}: {kind}{f' ({at})' if at else ''}", hint=hint()) from error


def raised_at(error: BaseException) -> str:
    """The last line of somebody else's code that an error came through: `mine.py, line 3`; empty if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f"{Path(f.filename).name}, line {f.lineno}" for f in frames if _is_theirs(f.filename)]
    return theirs[-1] if theirs else ""


def _is_theirs(filename: str) -> bool:
    """Whether a line of a traceback is neither this package's nor Python's own, nor generated."""
    places = Path(filename).parents
    python = Path(traceback.__file__).parent in places and "site-packages" not in filename
    return not (python or Path(__file__).parents[1] in places or filename.startswith("<"))
