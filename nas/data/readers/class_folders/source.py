"""A folder of images as a source: its files are scanned at once, and decoded when they are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nas.data.images import ImageSource
from nas.data.pictures import Images, Size, resized
from nas.data.readers.class_folders.faults import refusal
from nas.data.readers.class_folders.image_file import GREY, Scanned, decoded, scan
from nas.data.readers.class_folders.layout import layout
from nas.data.readers.class_folders.notices import other_files, tell_doubts, tell_others, unread
from nas.data.source import label_of
from nas.data.splits import OWN_VALIDATION, WITH_TEST, Integers, cut_test
from nas.errors import NasError
from nas.files import text_digest


@dataclass(frozen=True, kw_only=True, eq=False)
class Files:
    """Pictures in files, decoded when they are taken."""

    paths: tuple[Path, ...]
    """One file for each image."""
    labels: Integers
    """Class of each file, in [0, classes)."""
    mode: str
    """`L` or `RGB`."""
    folder: Path
    """Below which all of them lie."""
    whole: Sequence[Path]
    """All images of the folder, which are looked through once one can't be decoded."""

    def take(self, positions: Integers, size: Size) -> Images:
        """The images at these positions, resized to height and width."""
        try:
            return np.concatenate([resized(decoded(self.paths[position], self.mode), size) for position in positions])
        except NasError as error:
            raise refusal(self.folder, self.whole, error) from error

    def only(self, positions: Integers) -> Files:
        """These images alone."""
        paths = tuple(self.paths[position] for position in positions)
        return replace(self, paths=paths, labels=self.labels[positions])

    def joined(self, others: Files) -> Files:
        """These images, then the others."""
        return replace(self, paths=self.paths + others.paths, labels=np.concatenate([self.labels, others.labels]))

    def name(self, position: int) -> str:
        """The file of an image, below the folder."""
        return self.paths[position].relative_to(self.folder).as_posix()


def folder_source(path: Path) -> ImageSource:
    """The images below a folder as a source, known by their names and contents."""
    found = layout(path)
    others = other_files(path, set(found.files))
    scans = scanned(path, found.files, unread(others))
    tell_others(path, others)
    tell_doubts(path, scans, found.inner)
    sizes = Counter(entry.size for entry in scans.values())
    grey = sum(entry.mode in GREY for entry in scans.values())
    mode = "L" if grey == len(scans) else "RGB"
    files = {split: _files(groups, mode, path, found.files) for split, groups in found.groups.items()}
    if "test" not in files:
        development, sealed = cut_test(files["train"].labels)
        files |= {"train": files["train"].only(development), "test": files["train"].only(sealed)}
    return ImageSource(
        name=str(path),
        label=label_of(path),
        identity=text_digest("\n".join(_identity(file.relative_to(path), entry) for file, entry in scans.items())),
        channels=len(mode),
        size=next(iter(sizes)) if len(sizes) == 1 else None,
        sizes=dict(sizes.most_common()) if len(sizes) > 1 else {},
        grey=grey if mode == "RGB" else 0,
        ignored=found.ignored,
        classes=found.classes,
        validation=WITH_TEST if "test" in found.groups else OWN_VALIDATION,
        validating=len(files["validation"].paths) if "validation" in files else 0,
        read=lambda: files["train"].joined(files["validation"]) if "validation" in files else files["train"],
        test=lambda: files["test"],
        verify=lambda: verify_files(path, tuple(scans), mode, found.classes),
    )


def scanned(path: Path, files: Sequence[Path], others: Sequence[Path]) -> dict[Path, Scanned]:
    """What each file is; where one is no image, all that are none are refused at once, those of `others` among them."""
    try:
        return {file: scan(file) for file in files}
    except NasError as error:
        raise refusal(path, [*files, *others], error) from error


def _identity(file: Path, scanned: Scanned) -> str:
    """Name and content of a file; that it is turned is part of it, for it once wasn't."""
    return f"{file.as_posix()}\t{scanned.digest}" + "\tturned" * scanned.turned


def _files(groups: Sequence[Sequence[Path]], mode: str, folder: Path, whole: Sequence[Path]) -> Files:
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    paths = tuple(file for group in groups for file in group)
    return Files(paths=paths, labels=labels, mode=mode, folder=folder, whole=whole)


def verify_files(folder: Path, paths: Sequence[Path], mode: str, classes: Sequence[str]) -> str:
    """Decode every image once; a sentence on what is intact."""
    try:
        for path in paths:
            decoded(path, mode)
    except NasError as error:
        raise refusal(folder, paths, error) from error
    return f"{len(paths):,} images in {len(classes)} classes intact"
