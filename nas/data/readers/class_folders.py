"""A user's own images: a folder that holds one folder of image files for each class.

Where it holds `train`, `test` and perhaps `val` instead, each with a folder for each class, these are its splits.
Images are grey if every file is, else RGB; they are turned as their camera was held, and decoded one at a time, when
they are taken. Transparency isn't read.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import struct
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from nas.data.images import ImageSource, require_classes
from nas.data.pictures import Images, Size, resized
from nas.data.source import label_of
from nas.data.splits import OWN_VALIDATION, WITH_TEST, Integers, cut_test
from nas.errors import Missing, Refused
from nas.files import text_digest

if TYPE_CHECKING:
    import PIL.Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
PAGED = ("WEBP", "GIF", "TIFF")
"""Formats whose files may hold several images."""
UNREAD = (".avif", ".heic", ".heif", ".jp2", ".jxl", ".pgm", ".ppm", ".svg", ".tga")
"""Endings of images in other formats, which are refused."""
MOST_PIXELS = 1 << 26
"""Of one image, before it is decoded: a camera's have fewer."""
SHOWN = 5
"""Files that a message names."""
Split = Literal["train", "validation", "test"]
SPLITS: Mapping[Split, Sequence[str]] = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
"""What folders of splits are called, in any case."""
BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError),
    *(struct.error, zlib.error),
)
"""What PIL raises of damaged images, beside one of its own."""
ROWS = 1024
"""Of an image that are taken over at once: a large one would be in memory three times."""
GREY = ("1", "L", "LA")
"""PIL's modes without colours."""
MASKS = re.compile(r"(?P<image>.+?)[ _-]?(mask|seg|segmentation|label|gt)", re.IGNORECASE)
"""What files beside images are called that say where something is in them."""
EXIF_ORIENTATION, UPRIGHT, ON_ITS_SIDE = 274, 1, (5, 6, 7, 8)
"""EXIF's tag, and the values that change nothing and that exchange height and width."""
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""PIL's modes of at most 8 bits a channel: deeper ones would be cut off silently."""

log = logging.getLogger(__name__)


class Scanned(NamedTuple):
    """What one file is, without its pixels."""

    digest: str
    mode: str
    size: Size
    """Height and width of the upright image."""
    turned: bool
    """Whether the file says that its pixels lie on their side, upside down or mirrored."""
    transparent: bool


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

    def joined(self, others: Files) -> Files:
        """These images, then the others."""
        return Files(
            paths=self.paths + others.paths, labels=np.concatenate([self.labels, others.labels]), mode=self.mode
        )


def folder_source(path: Path) -> ImageSource:
    """The images below a folder as a source, known by their names and contents."""
    parts = split_folders(path)
    classes = class_folders(parts.get("train", path))
    groups = {split: _groups(folder, classes) for split, folder in (parts or {"train": path}).items()}
    require_classes(parts.get("train", path), [len(group) for group in groups["train"]], classes, _inside(path))
    scans = {file: scan(file) for split in groups.values() for group in split for file in group}
    tell_others(path, scans)
    tell_doubts(path, scans, {} if parts else {name: class_folders(path / name) for name in classes})
    sizes = Counter(entry.size for entry in scans.values())
    mode = "L" if all(entry.mode in GREY for entry in scans.values()) else "RGB"
    files = {split: _files(found, mode) for split, found in groups.items()}
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
        classes=classes,
        validation=WITH_TEST if "test" in groups else OWN_VALIDATION,
        validating=len(files["validation"].paths) if "validation" in files else 0,
        read=lambda: files["train"].joined(files["validation"]) if "validation" in files else files["train"],
        test=lambda: files["test"],
        verify=lambda: verify_files(tuple(scans), mode, classes),
    )


def _identity(file: Path, scanned: Scanned) -> str:
    """Name and content of a file; that it is turned is part of it, for it once wasn't."""
    return f"{file.as_posix()}\t{scanned.digest}" + "\tturned" * scanned.turned


def _inside(path: Path) -> str:
    """Where to look for the classes of a folder that has less than two: one level below, else how they would lie."""
    for name in class_folders(path):
        if len(class_folders(path / name)) > 1:
            return f"{name}/ has folders: is it {path / name} that is meant?"
    return "it takes a folder of images for each class: cat/1.png, dog/1.png"


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


def _groups(folder: Path, classes: Sequence[str]) -> list[list[Path]]:
    """The images of each class in a folder; refused where it has other classes, or no images."""
    if unknown := sorted({*class_folders(folder)} - {*classes}):
        raise Refused(f"{folder} has a class {unknown[0]!r} that no training image has: {', '.join(classes)}")
    groups = [image_files(folder / name) for name in classes]
    if not any(groups) and classes:
        raise Refused(f"{folder} has no images in class folders", hint=f"fill it, or move {folder} away")
    return groups


def _files(groups: Sequence[Sequence[Path]], mode: str) -> Files:
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return Files(paths=tuple(file for group in groups for file in group), labels=labels, mode=mode)


def class_folders(path: Path) -> tuple[str, ...]:
    """Names of the classes, sorted; hidden folders don't count, nor does what macOS leaves in archives."""
    names = (entry.name for entry in path.iterdir() if entry.is_dir())
    return tuple(sorted(name for name in names if not name.startswith((".", "__MACOSX"))))


def image_files(folder: Path) -> list[Path]:
    """The images of one class, sorted by name, those in folders below included."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    return sorted(files, key=lambda file: file.relative_to(folder).as_posix())


def tell_others(path: Path, images: Collection[Path]) -> None:
    """Warn of the files below a folder that are no images of a class; refuse images in formats that aren't read."""
    visible = (file for file in path.rglob("*") if file.is_file() and _is_visible(file.relative_to(path)))
    others = sorted(file for file in visible if file not in images)
    if unread := [file for file in others if file.suffix.lower() in UNREAD]:
        raise Refused(
            f"{path} has images in a format that isn't read, {len(unread):,}, as {unread[0].relative_to(path)}",
            hint=f"convert them to PNG, or move them away; read are {', '.join(SUFFIXES)}",
        )
    if others:
        shown = [str(file.relative_to(path)) for file in others[:SHOWN]] + ["..."] * (len(others) > SHOWN)
        log.warning("%s: files that are no images of a class are left out, %d: %s", path, len(others), ", ".join(shown))


def tell_doubts(path: Path, scans: Mapping[Path, Scanned], inner: Mapping[str, Sequence[str]]) -> None:
    """Warn of what images may not be meant: by masks, transparency, or the folders in each class; `inner` by class."""
    masks = [
        file for file in scans if (found := MASKS.fullmatch(file.stem)) and file.with_stem(found["image"]) in scans
    ]
    if masks:
        named = f"{len(masks):,} images are called as masks of others: move them away if they are, as"
        log.warning("%s: %s %s", path, named, masks[0].relative_to(path))
    if clear := sum(scanned.transparent for scanned in scans.values()):
        log.warning("%s: %d images may be transparent, which isn't read: the colours below are", path, clear)
    shared = set(inner.values()) if len(inner) > 1 else set()
    if len(shared) == 1 and len(names := next(iter(shared))) > 1:
        told = f"{', '.join(inner)} are the classes, and each has the same folders in it: {', '.join(names)}"
        log.warning("%s: %s; if these are the classes, put all images of one into one folder", path, told)


def _is_visible(path: Path) -> bool:
    return not any(name.startswith((".", "__MACOSX")) for name in path.parts)


def scan(path: Path) -> Scanned:
    """Hash, mode and size of one image, from its bytes."""
    from PIL import Image

    if path.exists() and not path.is_file():
        raise damaged(path, OSError("it is no file"))
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            mode, (width, height) = image.mode, image.size
            held = orientation(image)
            clear = "A" in mode or "transparency" in image.info
            frames = getattr(image, "n_frames", 1) if image.format in PAGED else 1
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise damaged(path, error) from error
    if mode not in EIGHT_BITS:
        raise Refused(f"{path} must have 8 bits a channel, got PIL's mode {mode}", hint="convert it to 8 bits")
    if width * height > MOST_PIXELS:
        raise Refused(f"{path} has {width:,} x {height:,} pixels, at most {MOST_PIXELS:,} are read", hint="shrink it")
    if frames > 1:
        raise Refused(f"{path} must hold one image, got {frames}", hint="save the one that is meant as a PNG")
    size = (width, height) if held in ON_ITS_SIDE else (height, width)
    return Scanned(hashlib.sha256(data).hexdigest(), mode, size, held != UPRIGHT, clear)


def orientation(image: PIL.Image.Image) -> int:
    """How the camera was held, as EXIF numbers it from 1, upright, to 8."""
    held = image.getexif().get(EXIF_ORIENTATION) if "exif" in image.info else UPRIGHT
    return held if isinstance(held, int) and held in range(UPRIGHT, max(ON_ITS_SIDE) + 1) else UPRIGHT


def decoded(path: Path, mode: str) -> Images:
    """The pixels of one file; (1, channels, height, width)."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            return planes(image, mode)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise damaged(path, error) from error


def planes(image: PIL.Image.Image, mode: str) -> Images:
    """The pixels of an upright image in PIL's mode `L` or `RGB`; (1, channels, height, width)."""
    from PIL.ImageOps import exif_transpose

    # Each step copies the image, so none is taken that changes nothing.
    upright = image if orientation(image) == UPRIGHT else exif_transpose(image)
    # PIL warns where a palette with transparency goes to RGB at once.
    opaque = upright.convert("RGBA") if "transparency" in upright.info else upright
    final = opaque if opaque.mode == mode else opaque.convert(mode)
    pixels = np.empty((final.height, final.width, len(mode)), dtype=np.uint8)
    for top in range(0, final.height, ROWS):
        strip = np.asarray(final.crop((0, top, final.width, min(top + ROWS, final.height))), dtype=np.uint8)
        pixels[top : top + ROWS] = strip.reshape(-1, *pixels.shape[1:])
    return pixels.transpose(2, 0, 1)[None]


def damaged(path: Path, error: Exception) -> Missing:
    """The error for an image that can't be decoded."""
    from PIL import UnidentifiedImageError

    why = (
        f"it is none of {', '.join(FORMATS)}, or begins as none" if isinstance(error, UnidentifiedImageError) else error
    )
    return Missing(f"{path} can't be read as an image: {why}", hint="replace the file, or remove it")


def verify_files(paths: Sequence[Path], mode: str, classes: Sequence[str]) -> str:
    """Decode every image once; a sentence on what is intact."""
    for path in paths:
        decoded(path, mode)
    return f"{len(paths):,} images in {len(classes)} classes intact"
