"""What is told of a folder of images: files that are left out, and images that may not be meant."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from nas.data.readers.class_folders.faults import NAMED
from nas.data.readers.class_folders.image_file import SUFFIXES, UNREAD, Scanned
from nas.data.readers.class_folders.layout import is_visible
from nas.errors import Refused

SHOWN = 5
"""Files that a notice names."""
MASKS = re.compile(r"(?P<image>.+?)[ _-]?(mask|seg|segmentation|label|gt)", re.IGNORECASE)
"""What files beside images are called that say where something is in them."""
log = logging.getLogger(__name__)


def other_files(path: Path, images: Collection[Path]) -> list[Path]:
    """The files below a folder that are no images of a class, hidden ones aside."""
    visible = (file for file in path.rglob("*") if file.is_file() and is_visible(file.relative_to(path)))
    return sorted(file for file in visible if file not in images)


def unread(files: Sequence[Path]) -> list[Path]:
    """Those that are images in formats that aren't read, by their endings."""
    return [file for file in files if file.suffix.lower() in UNREAD]


def tell_others(path: Path, others: Sequence[Path]) -> None:
    """Warn of files that are no images of a class; refuse images in formats that aren't read."""
    if found := unread(others):
        raise Refused(
            f"{path} has images in a format that isn't read, {len(found):,}, as {_shown(path, found, NAMED)}",
            hint=f"convert them to PNG, or move them away; read are {', '.join(SUFFIXES)}",
        )
    if others:
        shown = _shown(path, others, SHOWN)
        log.warning("%s: files that are no images of a class are left out, %d: %s", path, len(others), shown)


def _shown(path: Path, files: Sequence[Path], count: int) -> str:
    """The first files by their names below a folder."""
    return ", ".join([str(file.relative_to(path)) for file in files[:count]] + ["..."] * (len(files) > count))


def tell_doubts(path: Path, scans: Mapping[Path, Scanned], inner: Mapping[str, Sequence[str]]) -> None:
    """Warn of what images may not be meant: by masks, transparency, or the folders in each class; `inner` by class."""
    masks = [
        file for file in scans if (found := MASKS.fullmatch(file.stem)) and file.with_stem(found["image"]) in scans
    ]
    if masks:
        named = f"{len(masks):,} images are called as masks of others: move them away if they are, as"
        log.warning("%s: %s %s", path, named, masks[0].relative_to(path))
    if clear := [file for file, scanned in scans.items() if scanned.transparent]:
        named = f"{len(clear):,} images may have see-through parts, as {clear[0].relative_to(path)}"
        log.warning("%s: %s: these get the colour stored under them, often black; transparency isn't read", path, named)
    shared = set(inner.values()) if len(inner) > 1 else set()
    if len(shared) == 1 and len(names := next(iter(shared))) > 1:
        told = f"{', '.join(inner)} are the classes, and each has the same folders in it: {', '.join(names)}"
        log.warning("%s: %s; if these are the classes, put all images of one into one folder", path, told)
