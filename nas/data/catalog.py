"""From a name or a path to a source: what it holds, what identifies it, and how its images are read."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path

from nas.data.source import Source
from nas.errors import Refused

NAMES: tuple[str, ...] = ("fashion-mnist", "digits", "mnist", "kmnist", "emnist", "svhn", "cifar10", "diabetes")
EMBEDDED = ("digits", "diabetes")
"""Those that come with scikit-learn."""
TABLE = ".csv"


def known(name: str) -> str:
    """The data set that a name stands for, whatever its case and dashes; empty if none."""
    plain = {entry.replace("-", ""): entry for entry in NAMES}
    return plain.get(re.sub(r"[-_ ]", "", name.lower()), "")


def namesake(name: str) -> str:
    """What a name of ours could mean, too: a folder of images beside it, in words; empty if there is none."""
    from nas.data.readers.class_folders import holds_images

    path = _existing(name) if known(name) else None
    if path is None or not holds_images(path):
        return ""
    return f"{name} is a data set of this program, and there is a folder ./{name} of images here"


def require_one_meaning(name: str) -> None:
    """Ask which is meant where somebody has just said a name that is also a folder of images."""
    if said := namesake(name):
        way = f"./{name} is the folder; for the data set rename the folder, or go elsewhere"
        raise Refused(f"{said}: which is meant?", hint=way)


def own_path(name: str) -> Path:
    """The existing folder, `.npz` or `.csv` that a name stands for; anything else is refused."""
    path = _existing(name)
    if path is None:
        raise Refused(f"no data set or path is called {name!r}{_suggestion(name)}", hint=_choices())
    if not path.is_dir() and path.suffix.lower() not in (".npz", TABLE):
        raise Refused(f"{path} is neither a folder of class folders nor an .npz or .csv file", hint=_choices())
    return path


def _existing(name: str) -> Path | None:
    """The path of that name; None where there is none, or the system can't even look it up."""
    try:
        path = Path(name).expanduser()
        return path if name and path.exists() else None
    except (OSError, RuntimeError):
        return None


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), NAMES, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _choices() -> str:
    return f"choose {', '.join(NAMES)}, or give the path of a folder of class folders, an .npz or a .csv"


def is_table(name: str) -> bool:
    """Whether a name or a path stands for a table; refused where it stands for nothing."""
    entry = known(name)
    if entry:
        return entry == "diabetes"
    path = own_path(name)
    return not path.is_dir() and path.suffix.lower() == TABLE


def find(name: str) -> Source:
    """The images behind a name or a path, known by their content; they aren't decoded yet."""
    entry = known(name)
    if entry == "digits":
        from nas.data.readers.digits import digits_source

        return digits_source()
    if entry:
        return official_source(entry)
    path = own_path(name)
    if path.is_dir():
        from nas.data.readers.class_folders import folder_source

        source = folder_source(path)
    else:
        from nas.data.readers.npz import npz_source

        source = npz_source(path)
    return replace(source, name=f"./{path}") if known(str(path)) else source  # so that it is found again


def official_source(name: str) -> Source:
    """An official data set; its identity is that of its published hashes, so a warm start reads no archive."""
    from nas.data.readers import archives
    from nas.data.readers.official import OFFICIAL

    official = OFFICIAL[name]
    return Source(
        name=name,
        label=name,
        identity=" ".join(archive.digest for archive in official.archives),
        channels=official.channels,
        size=(official.side, official.side),
        classes=official.classes,
        validation=official.validation,
        development=lambda: archives.read(official, "train"),
        test=lambda: archives.read(official, "test"),
        verify=lambda: archives.verify_archives(official),
    )


def where(name: str) -> str:
    """Where the source of a name is, or is expected."""
    entry = known(name)
    if entry == "digits":
        from nas.data.readers.digits import digits_path

        return str(digits_path())
    if entry == "diabetes":
        from nas.data.readers.diabetes import diabetes_path

        return str(diabetes_path())
    if not entry:
        return str(own_path(name).absolute())
    from nas.data.readers.archives import place
    from nas.data.readers.official import OFFICIAL

    places = [place(archive) for archive in OFFICIAL[entry].archives]
    return str(places[0] if len(places) == 1 else places[0].parent)
