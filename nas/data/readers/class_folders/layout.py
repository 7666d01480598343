"""How a user's folder of images is laid out: classes, and splits where it has folders of these."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from nas.data.images import require_classes
from nas.data.readers.class_folders.image_file import SUFFIXES
from nas.errors import Refused, path_text

Split = Literal["train", "validation", "test"]
SPLITS: Mapping[Split, Sequence[str]] = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
"""What folders of splits are called, in any case."""
HIDDEN = (".", "__MACOSX")
"""How folders and files begin that nobody means: hidden ones, and what macOS leaves in archives."""
LOOKED_AT = 1_000
"""Entries of a folder that are looked at for an image where another folder is suggested."""
LIES = "it takes a folder of images for each class: cat/1.png, dog/1.png"
"""How classes lie."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A folder's classes and the files of each."""

    classes: tuple[str, ...]
    """Their names, sorted."""
    groups: Mapping[Split, Sequence[Sequence[Path]]]
    """Split -> the files of each class; `train` alone where the folder isn't split."""
    inner: Mapping[str, Sequence[str]]
    """Class -> the folders in it; empty where the folder is split."""
    ignored: tuple[str, ...]
    """Folders beside the classes that are no classes, below the folder."""

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [file for split in self.groups.values() for group in split for file in group]


def layout(path: Path) -> Layout:
    """The layout of a folder; where it is refused, the folder that may be meant is named."""
    try:
        return _layout(path)
    except Refused as error:
        if not (near := elsewhere(path)):
            raise
        begin = " Did" if str(error).endswith("?") else "; did"
        meant = " or ".join(map(_named, near))
        raise Refused(f"{error}{begin} you mean {meant}?", hint=LIES) from error


def _layout(path: Path) -> Layout:
    parts = split_folders(path)
    train = parts.get("train", path)
    classes = class_folders(train)
    if len(classes) < 2 and (loose := len(_loose(train))):
        told = f"{train} must hold at least 2 classes, got {len(classes)}: it holds {loose:,} images itself"
        raise Refused(told, hint=LIES)
    groups = {split: _groups(folder, classes) for split, folder in (parts or {"train": path}).items()}
    require_classes(train, [len(group) for group in groups["train"]], classes, LIES)
    return Layout(
        classes=classes,
        groups=groups,
        inner={} if parts else {name: class_folders(path / name) for name in classes},
        ignored=tuple(str(folder.relative_to(path)) for place in (path, *parts.values()) for folder in _hidden(place)),
    )


def elsewhere(path: Path) -> list[Path]:
    """Folders that look like data near one that doesn't: the one around it if it holds images, else those in it."""
    if _loose(path):
        around = _around(path)
        if split_of(around.resolve().name):
            around = _around(around)
        return [around] if looks_like_data(around) else []
    inner = (path / name for name in class_folders(path) if not split_of(name))
    return list(islice(filter(looks_like_data, inner), 3))


def looks_like_data(folder: Path) -> bool:
    """Whether at least two of its folders, or of its training folder's, hold images."""
    with suppress(OSError):
        names = class_folders(folder)
        train = next((folder / name for name in names if split_of(name) == "train"), folder)
        return sum(any(_images(train / name)) for name in class_folders(train)) > 1
    return False


def _around(path: Path) -> Path:
    return path.parent if path.name not in {"", ".."} else path / ".."


def _named(path: Path) -> str:
    """A path as it is typed: `./photos`, which means no data set of ours."""
    if path.name in {"", ".."}:
        return repr(str(path))
    return path_text(path if len(path.parts) > 1 else f"./{path}")


def _images(folder: Path) -> Iterator[Path]:
    """Images among the first entries of a folder."""
    return (file for file in islice(folder.iterdir(), LOOKED_AT) if file.suffix.lower() in SUFFIXES)


def _loose(folder: Path) -> list[Path]:
    """Images that lie in a folder itself."""
    return [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(HIDDEN)]


def _hidden(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name.startswith(HIDDEN))


def split_folders(path: Path) -> dict[Split, Path]:
    """Training, validation and test folder of images that are split already; none where the folders are classes.

    `train` beside `car` and `bus` is a class; beside `test` or `val`, or with class folders in it, it is a split.
    """
    names = class_folders(path)
    found = {name: split for name in names if (split := split_of(name))}
    others = [name for name in names if name not in found]
    splits = set(found.values())
    if len(found) < 2 and not any(split == "train" and class_folders(path / name) for name, split in found.items()):
        inner = [name for name in names if any(map(split_of, class_folders(path / name)))]
        if inner:
            raise _which(path, f"{inner[0]}/{class_folders(path / inner[0])[0]}/")
        return {}
    if "train" not in splits or others or len(splits) < len(found):
        raise _which(path, ", ".join(f"{name}/" for name in names))
    if flat := [name for name in names if not class_folders(path / name)]:
        raise Refused(
            f"{path} is split, and {flat[0]}/ has no folder for each class",
            hint="give the classes folders of their own in each split, or move that folder away",
        )
    return {split: path / name for name, split in found.items()}


def split_of(name: str) -> Split | None:
    """The split that a folder is called after, as in `train`, `Test_set` or `test1`; None for other names."""
    plain = re.sub(r"([ _-]?(set|split|data|images))?[ _-]?\d*$", "", name.strip().lower())
    return next((split for split, words in SPLITS.items() if plain in words), None)


def _which(path: Path, listed: str) -> Refused:
    return Refused(
        f"{path} holds {listed}: are these classes, or one set of images that is split?",
        hint="a split set has train/, and test/ or val/ beside it, each with a folder for each class and none else",
    )


def holds_images(path: Path) -> bool:
    """Whether there is an image in or below a folder."""
    with suppress(OSError):
        return path.is_dir() and any(file.suffix.lower() in SUFFIXES for file in path.rglob("*"))
    return False


def class_folders(path: Path) -> tuple[str, ...]:
    """Names of the classes, sorted; hidden folders don't count, nor does what macOS leaves in archives."""
    names = (entry.name for entry in path.iterdir() if entry.is_dir())
    return tuple(sorted(name for name in names if not name.startswith(HIDDEN)))


def image_files(folder: Path) -> list[Path]:
    """The images of one class, sorted by name, those in folders below included, hidden ones aside."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    visible = (file for file in files if is_visible(file.relative_to(folder)))
    return sorted(visible, key=lambda file: file.relative_to(folder).as_posix())


def is_visible(path: Path) -> bool:
    """Whether neither a file nor a folder of its path is hidden."""
    return not any(name.startswith(HIDDEN) for name in path.parts)


def _groups(folder: Path, classes: Sequence[str]) -> list[list[Path]]:
    """The images of each class in a folder; refused where it has other classes, or no images."""
    if unknown := sorted({*class_folders(folder)} - {*classes}):
        raise Refused(f"{folder} has a class {unknown[0]!r} that no training image has: {', '.join(classes)}")
    groups = [image_files(folder / name) for name in classes]
    if not any(groups) and classes:
        raise Refused(f"{folder} has no images in class folders", hint=f"fill it, or move {folder} away")
    return groups
