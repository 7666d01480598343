"""A user's own images: a folder that holds one folder of PNG or JPEG files for each class.

Images are grey if every file is, else RGB; they are decoded one at a time, when they are taken.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nas.data.folders import text_digest
from nas.data.pictures import OWN_VALIDATION, Images, Size, own_development, own_test, resized
from nas.data.sources import Source, label_of, require_classes
from nas.data.splits import Integers
from nas.errors import Missing, Refused

SUFFIXES = (".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""PIL's modes of at most 8 bits a channel: deeper ones would be cut off silently."""


class Scanned(NamedTuple):
    """What one file is, without its pixels."""

    digest: str
    mode: str
    size: Size


@dataclass(frozen=True, kw_only=True, eq=False)
class Files:
    """Pictures in files, decoded when they are taken."""

    paths: tuple[Path, ...]
    """One file for each image."""
    labels: Integers
    """Class of each file, in [0, classes)."""
    mode: str
    """`L` or `RGB`."""

    def take(self, positions: Integers, size: Size) -> Images:
        """The images at these positions, resized to height and width."""
        return np.concatenate([resized(decoded(self.paths[position], self.mode), size) for position in positions])

    def only(self, positions: Integers) -> Files:
        """These images alone."""
        paths = tuple(self.paths[position] for position in positions)
        return Files(paths=paths, labels=self.labels[positions], mode=self.mode)


def folder_source(path: Path) -> Source:
    """The images below a folder as a source, known by their names and contents."""
    classes = class_folders(path)
    groups = [image_files(path / name) for name in classes]
    require_classes(path, [len(group) for group in groups], classes)
    paths = tuple(file for group in groups for file in group)
    scans = [scan(file) for file in paths]
    sizes = {entry.size for entry in scans}
    mode = "L" if all(entry.mode == "L" for entry in scans) else "RGB"
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    files = Files(paths=paths, labels=labels, mode=mode)
    return Source(
        name=str(path),
        label=label_of(path),
        identity=text_digest(
            "\n".join(f"{f.relative_to(path).as_posix()}\t{s.digest}" for f, s in zip(paths, scans, strict=True))
        ),
        channels=len(mode),
        size=sizes.pop() if len(sizes) == 1 else None,
        classes=classes,
        validation=OWN_VALIDATION,
        development=lambda: own_development(files),
        test=lambda: own_test(files),
        verify=lambda: verify_files(files, classes),
    )


def class_folders(path: Path) -> tuple[str, ...]:
    """Names of the classes, sorted; hidden folders don't count."""
    return tuple(sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")))


def image_files(folder: Path) -> list[Path]:
    """The images of one class, sorted by name, those in folders below included."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    return sorted(files, key=lambda file: file.relative_to(folder).as_posix())


def scan(path: Path) -> Scanned:
    """Hash, mode and size of one image, from its bytes."""
    from PIL import Image

    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            mode, (width, height) = image.mode, image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged(path, error) from error
    if mode not in EIGHT_BITS:
        raise Refused(f"{path} must have 8 bits a channel, got PIL's mode {mode}", hint="convert it to 8 bits")
    return Scanned(hashlib.sha256(data).hexdigest(), mode, (height, width))


def decoded(path: Path, mode: str) -> Images:
    """The pixels of one file; (1, channels, height, width)."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            # PIL warns where a palette with transparency goes to RGB at once.
            opaque = image.convert("RGBA") if "transparency" in image.info else image
            pixels = np.array(opaque.convert(mode), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged(path, error) from error
    planes = pixels[..., None] if mode == "L" else pixels
    return planes.transpose(2, 0, 1)[None]


def damaged(path: Path, error: Exception) -> Missing:
    """The error for an image that can't be decoded."""
    return Missing(f"{path} can't be read as an image: {error}", hint="replace the file, or remove it")


def verify_files(files: Files, classes: Sequence[str]) -> str:
    """Decode every image once; a sentence on what is whole."""
    for path in files.paths:
        decoded(path, files.mode)
    return f"{len(files.paths):,} images in {len(classes)} classes whole"
