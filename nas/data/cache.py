"""Prepared folders: training and validation images as raw files that workers map, checked by hash before every use.

A folder holds `train_images.bin`, `train_labels.bin`, `validation_images.bin`, `validation_labels.bin` and `info.json`:
uint8 (count, channels, height, width) and little-endian int64, in the fixed order. Test images are never in it.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from nas.data.folders import cache_dir, digest, storage_failed, text_digest, writable_cache
from nas.data.images import LARGEST, SMALLEST, Pictures, Size, chunks
from nas.data.info import DataInfo, read_info, write_info
from nas.data.source import Source
from nas.data.splits import ORDER_SEED, VERSION, Integers, even_order
from nas.errors import Refused, StorageFailed

Counts = npt.NDArray[np.int64]
FOLDER = "data"
FILES = ("train_images.bin", "train_labels.bin", "validation_images.bin", "validation_labels.bin")
STALE = 86_400.0
"""Age after which an unfinished folder is taken for left behind, in seconds."""

RESIZED = "give a resolution: --resolution 32 on the command line, resolution=32 in a recipe"
"""The way out where images have no common or no usable size."""

log = logging.getLogger(__name__)


def target_size(source: Source, resolution: int) -> Size:
    """Height and width that a source's images get; refused outside 4 to 512 pixels."""
    if resolution and not SMALLEST <= resolution <= LARGEST:
        raise Refused(f"resolution must be 0 (as stored) or {SMALLEST} to {LARGEST} pixels, got {resolution}")
    if resolution:
        return (resolution, resolution)
    if source.size is None:
        raise Refused(
            f"the images of {source.name} differ in size",
            hint=RESIZED,
        )
    if not all(SMALLEST <= side <= LARGEST for side in source.size):
        bounds = f"height and width must be {SMALLEST} to {LARGEST} pixels"
        raise Refused(
            f"{bounds}, got {source.size} in {source.name}",
            hint=RESIZED,
        )
    return source.size


def cache_key(source: Source, size: Size) -> str:
    """Name of the folder of a content, split and resolution; needs no image to be read."""
    parts = (VERSION, source.identity, source.classes, str(source.validation), source.channels, size)
    given = (source.validating,) if source.validating else ()  # none in the keys of sources that we split
    pixels = str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"
    return f"{source.label}-{pixels}-{text_digest(repr(parts + given))[:12]}"


def prepared(source: Source, size: Size) -> DataInfo:
    """The prepared folder of a source, made if it isn't there whole."""
    info = kept(cache_key(source, size), FILES, lambda folder: write_folder(folder, source, size))
    return msgspec.structs.replace(info, name=source.name)


def kept(key: str, files: Sequence[str], write: Callable[[Path], None]) -> DataInfo:
    """The prepared folder of a key, written if it isn't there with all its files whole."""
    usual = cache_dir() / FOLDER / key
    info = reuse(usual, files)
    if info is None:
        folder = writable_cache() / FOLDER / key
        info = (reuse(folder, files) if folder != usual else None) or _written(folder, files, write)
    return info


def _written(folder: Path, files: Sequence[str], write: Callable[[Path], None]) -> DataInfo:
    write(folder)
    info = reuse(folder, files)
    if info is None:
        raise StorageFailed(f"{folder} doesn't hold what was just written to it", hint="check the disk")
    return info


def reuse(folder: Path, files: Sequence[str] = FILES) -> DataInfo | None:
    """A prepared folder that is whole; None where there is none, or a damaged one, which is set aside."""
    if not _exists(folder):
        return None
    try:
        info = read_info(folder)
        broken = [name for name in files if digest(folder / name) != info.sha256.get(name)]
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        set_aside(folder, str(error))
        return None
    if broken:
        set_aside(folder, f"{broken[0]} isn't as it was written")
        return None
    return info


def _exists(folder: Path) -> bool:
    """Whether a folder can be seen; one behind a closed door can't."""
    try:
        return folder.exists()
    except OSError:
        return False


def set_aside(folder: Path, reason: str) -> None:
    """Rename a damaged folder, so that it can be looked at and is never read again."""
    taken = len(list(folder.parent.glob(f"{folder.name}.damaged-*")))
    aside = folder.with_name(f"{folder.name}.damaged-{taken + 1}")
    log.warning("%s is damaged (%s): set aside as %s", folder, reason, aside.name)
    try:
        folder.rename(aside)
    except OSError as error:
        # Another process has set it aside, or the cache is read-only and what we prepare goes elsewhere.
        log.warning("%s stays where it is: %s", folder, error.strerror)


def write_folder(folder: Path, source: Source, size: Size) -> None:
    """Read a source, cut its validation split, and place the prepared folder whole or not at all."""
    development = source.development()
    with placed(folder) as part:
        require_space(part, len(development.labels) * (source.channels * math.prod(size) + 8))
        write_files(part, folder.name, source, development, size)


def write_files(part: Path, key: str, source: Source, development: Pictures, size: Size) -> None:
    """Fill a folder with the two splits in their fixed order, and with what is known of them."""
    positions = source.cut(development.labels)
    train = write_split(part, "train", development, positions.rest, size)
    write_split(part, "validation", development, positions.held, size)
    mean, std = statistics(train)
    info = DataInfo(
        name=source.name,
        key=key,
        shape=(source.channels, *size),
        classes=source.classes,
        train=len(positions.rest),
        validation=len(positions.held),
        mean=mean,
        std=std,
        folder="",
        sha256={name: digest(part / name) for name in FILES},
    )
    write_info(part, info)


def write_split(folder: Path, split: str, pictures: Pictures, positions: Integers, size: Size) -> Counts:
    """Write images and labels in the fixed order; the count of each grey level, (channels, 256)."""
    order = even_order(pictures.labels, positions, ORDER_SEED)
    counts: Counts = np.zeros((0, 256), dtype=np.int64)
    with (folder / f"{split}_images.bin").open("wb") as file:
        for images in chunks(pictures, order, size):
            file.write(np.ascontiguousarray(images).data)
            planes = images.swapaxes(0, 1).reshape(images.shape[1], -1)  # (channels, pixels)
            levels = np.stack([np.bincount(plane, minlength=256) for plane in planes])
            counts = counts + levels if len(counts) else levels
    (folder / f"{split}_labels.bin").write_bytes(pictures.labels[order].astype("<i8").tobytes())
    return counts


def statistics(counts: Counts) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in [0, 1], exact from the counts of its grey levels."""
    levels = np.arange(256) / 255
    shares = counts / counts.sum(axis=1, keepdims=True)  # (channels, 256)
    mean = shares @ levels
    variance = (shares * (levels - mean[:, None]) ** 2).sum(axis=1)
    std = np.maximum(np.sqrt(variance), 1 / 255)
    return tuple(mean.tolist()), tuple(std.tolist())


@contextmanager
def placed(folder: Path) -> Iterator[Path]:
    """An empty folder that takes its final name at the end; if another process was faster, its folder stays."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        part.mkdir(parents=True)
        remove_stale(folder.parent)
        yield part
        part.rename(folder)
    except OSError as error:
        if not folder.exists():
            raise storage_failed(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_stale(folder: Path) -> None:
    """Remove unfinished folders that killed processes left here long ago."""
    for part in folder.glob(".*-*"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > STALE:
                shutil.rmtree(part)


def require_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk can't hold."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        hint = "free some space, or set NAS_CACHE_DIR to a folder on another disk"
        raise StorageFailed(f"{folder.parent} needs {needed:,} bytes for this data set, has {free:,}", hint=hint)
