"""From a name or a path to what it means, and on to its source: the one place that knows every reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nas.data.images import ImageSource
from nas.data.readers.archives import official_path, official_source
from nas.data.readers.class_folders import folder_source, holds_images
from nas.data.readers.csv_file import csv_source
from nas.data.readers.diabetes import diabetes_path, diabetes_source
from nas.data.readers.digits import digits_path, digits_source
from nas.data.readers.npz import npz_source
from nas.data.readers.official import OFFICIAL
from nas.data.source import Source
from nas.errors import Refused
from nas.errors.suggestions import near

NAMES: tuple[str, ...] = ("fashion-mnist", "digits", "mnist", "kmnist", "emnist", "svhn", "cifar10", "diabetes")
EMBEDDED: Mapping[str, tuple[Callable[[str], Source], Callable[[], Path]]] = {
    "digits": (lambda _: digits_source(), digits_path),
    "diabetes": (diabetes_source, diabetes_path),
}
"""Those that come with scikit-learn -> their source for a target, and their file."""
READERS: Mapping[str, Callable[[Path, str], Source]] = {
    "": lambda path, _: _distinct(folder_source(path)),
    ".npz": lambda path, _: npz_source(path),
    ".csv": csv_source,
}
"""Ending of a user's own file, empty for a folder -> its source, given the path and the target."""


@dataclass(frozen=True)
class Meaning:
    """What a name or a path means: a data set of ours, or files of the user's own."""

    ours: str
    """Name of ours in its usual spelling; empty for a path."""
    path: Path
    """Where the user's own files lie; for a name of ours what lies beside it, if anything does."""

    def source(self, target: str) -> Source:
        """What it holds, known by its content; images have classes, so a target is refused."""
        if self.ours in OFFICIAL:
            source: Source = official_source(OFFICIAL[self.ours])
        elif self.ours:
            source = EMBEDDED[self.ours][0](target)
        else:
            source = READERS[_ending(self.path)](self.path, target)
        if target and not source.target:
            raise Refused(f"{source.name} holds images with classes: a target is for tables, got {target!r}")
        return source

    @property
    def files(self) -> Path:
        """Where its files are, or are expected."""
        if self.ours in OFFICIAL:
            return official_path(OFFICIAL[self.ours])
        return EMBEDDED[self.ours][1]() if self.ours else self.path.absolute()

    @property
    def namesake(self) -> str:
        """What a name of ours could mean, too: a folder of images beside it, in words; empty if there is none."""
        if not self.ours or not holds_images(self.path):
            return ""
        return f"{self.path} is a data set of this program, and there is a folder ./{self.path} of images here"


def meaning(name: str) -> Meaning:
    """One of ours, whatever its case and dashes; else an existing folder, or file with a reader; else refused."""
    if ours := known(name):
        return Meaning(ours, Path(name))
    try:
        path = Path(name).expanduser()
        exists = bool(name) and path.exists()
    except (OSError, RuntimeError):  # no path that the system could look up
        exists = False
    endings = [ending for ending in READERS if ending]
    way = f"choose {', '.join(NAMES)}, or give the path of a folder of class folders, an {' or a '.join(endings)}"
    if not exists:
        close = near(name.lower(), NAMES)
        guess = f"; did you mean {close[0]}?" if close else ""
        raise Refused(f"no data set or path is called {name!r}{guess}", hint=way)
    if not path.is_dir() and _ending(path) not in endings:
        raise Refused(f"{path} is neither a folder of class folders nor an {' or '.join(endings)} file", hint=way)
    return Meaning("", path)


def known(name: str) -> str:
    """The data set of ours that a name stands for, whatever its case and dashes; empty if none."""
    plain = {entry.replace("-", ""): entry for entry in NAMES}
    return plain.get(re.sub(r"[-_ ]", "", name.lower()), "")


def _ending(path: Path) -> str:
    return "" if path.is_dir() else path.suffix.lower()


def _distinct(source: ImageSource) -> ImageSource:
    """A folder that is called like a data set of ours keeps its `./`, so that it is found again."""
    return replace(source, name=f"./{source.name}") if known(source.name) else source


def find(name: str, target: str = "") -> Source:
    """The source behind a name or a path; nothing of it is decoded yet."""
    return meaning(name).source(target)


def require_one_meaning(name: str) -> None:
    """Ask which is meant where somebody has just said a name that is also a folder of images."""
    if namesake := meaning(name).namesake:
        way = f"./{name} is the folder; for the data set rename the folder, or go elsewhere"
        raise Refused(f"{namesake}: which is meant?", hint=way)
