"""A user's own arrays: an `.npz` with `images` and `labels`, checked by their headers before any array is loaded.

Optional: `classes` (names), `test_images` and `test_labels`, `layout` (`NHWC` or `NCHW`, where the shape doesn't tell).
Pickles are never read.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from nas.data.images import ImageSource, require_classes
from nas.data.pictures import Images, Size, Stack
from nas.data.source import label_of
from nas.data.splits import OWN_VALIDATION, WITH_TEST, Integers
from nas.errors import Refused
from nas.files import digest

ARRAYS = ("images", "labels", "classes", "test_images", "test_labels", "layout")
SHAPES = "(n, h, w), (n, h, w, c) or (n, c, h, w)"
FORM = f"an .npz needs `images` {SHAPES} of uint8 and `labels` (n,) of integers"
MOST_CHANNELS = 16
COLOURS = 4
"""Most channels by which an axis of two that could be them is told, without the file saying so."""
LAYOUTS = {"NHWC": 3, "NCHW": 1}
"""How the axes of images may be laid out -> which of them the channels are."""
LARGEST, MOST_PACKED = 2**28, 200
"""Bytes from which an array is refused that is larger than so many times its packed bytes, as no images are."""
BROKEN = (
    *(OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError, RuntimeError),
    *(tokenize.TokenError, TypeError, struct.error),
)
"""What reading a damaged archive raises; one that is encrypted, or of a later kind, a RuntimeError."""


class Header(NamedTuple):
    """What an array is, without its data."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.shape} of {self.dtype}"


def npz_source(path: Path) -> ImageSource:
    """The arrays of a file as a source, known by the hash of the file."""
    arrays = headers(path)
    axis = channel_axis(path, arrays)
    official = "test_images" in arrays
    labels = load_labels(path, "labels", arrays["labels"].shape[0])
    classes = class_names(path, arrays, labels)
    count = len(classes)
    require_classes(path, np.bincount(labels, minlength=count).tolist(), classes)
    stack = partial(load_stack, path, count, axis)
    return ImageSource(
        name=str(path),
        label=label_of(path),
        identity=digest(path),
        channels=arrays["images"].shape[axis] if axis else 1,
        size=_sides(arrays["images"].shape, axis),
        classes=classes,
        validation=WITH_TEST if official else OWN_VALIDATION,
        read=stack,
        test=partial(stack, "test_") if official else None,
        verify=lambda: verify_arrays(path, arrays),
    )


def headers(path: Path) -> dict[str, Header]:
    """Shape and type of each array that we know, read without its data; refused where they don't fit together."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            arrays = {name: _header(archive, name) for name in ARRAYS if f"{name}.npy" in members}
            others = sorted(name.removesuffix(".npy") for name in members if name.removesuffix(".npy") not in arrays)
    except BROKEN as error:
        raise Refused(f"{path} can't be read as an .npz: {error}", hint=FORM) from error
    for name, header in arrays.items():
        if header.dtype.hasobject:
            raise Refused(f"`{name}` in {path} is an array of objects: pickles are not read", hint=FORM)
    _require_form(path, arrays, others)
    return arrays


def _header(archive: zipfile.ZipFile, name: str) -> Header:
    """The header of one array; a length that doesn't fit it is an error."""
    entry = archive.getinfo(f"{name}.npy")
    if entry.file_size > max(LARGEST, MOST_PACKED * entry.compress_size):
        raise ValueError(f"`{name}` has {entry.file_size:,} bytes, {MOST_PACKED} times what is packed and more")
    with archive.open(entry) as file:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
        length = entry.file_size - file.tell()
    if not dtype.hasobject and length != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"`{name}` must hold the bytes of its shape {shape}, got {length:,}")
    return Header(shape, dtype)


def _require_form(path: Path, arrays: dict[str, Header], others: Sequence[str]) -> None:
    """Refuse arrays that are missing, with the names of others, or whose type or shape isn't the documented one."""
    for images, labels in (("images", "labels"), ("test_images", "test_labels")):
        if absent := [name for name in (images, labels) if name not in arrays]:
            if images == "images" or len(absent) == 1:
                known = f"; it has {', '.join([*arrays, *others])}" if arrays or others else ""
                raise Refused(f"{path} has no array `{absent[0]}`{known}", hint=FORM)
        else:
            _require_pair(path, arrays, images, labels)
    layout = arrays.get("layout", Header((), np.dtype("U4")))
    if layout.dtype.kind != "U" or layout.shape:
        raise Refused(f"`layout` in {path} must be one text, got {layout}", hint=FORM)
    names = arrays.get("classes", Header((0,), np.dtype("U1")))
    if names.dtype.kind != "U" or len(names.shape) != 1:
        raise Refused(f"`classes` in {path} must be one row of texts, got {names}", hint=FORM)
    if "test_images" in arrays and arrays["test_images"].shape[1:] != arrays["images"].shape[1:]:
        shapes = f"{arrays['test_images'].shape[1:]} and {arrays['images'].shape[1:]}"
        raise Refused(f"`test_images` in {path} must have the shape of `images`, got {shapes}", hint=FORM)


def _require_pair(path: Path, arrays: dict[str, Header], images: str, labels: str) -> None:
    """Refuse images and labels that don't belong together."""
    pixels, targets = arrays[images], arrays[labels]
    if pixels.dtype != np.uint8 or not (len(pixels.shape) == 3 or _layouts(pixels.shape)):
        raise Refused(f"`{images}` in {path} must be {SHAPES} of uint8, got {pixels}", hint=_to_pixels(images, pixels))
    if targets.dtype.kind not in "iu" or targets.shape != pixels.shape[:1]:
        raise Refused(
            f"`{labels}` in {path} must be {pixels.shape[:1]} of integers, got {targets}",
            hint=_to_classes(labels, targets),
        )


def _to_pixels(name: str, pixels: Header) -> str:
    """How an array becomes uint8 images, where its type alone is in the way."""
    if len(pixels.shape) not in (3, 4) or pixels.dtype == np.uint8:
        return FORM
    ways = {
        "f": f"of numbers from 0 to 1: {name}=(255 * {name}).round().astype('uint8')",
        "b": f"{name}=255 * {name}.astype('uint8')",
    }
    return ways.get(pixels.dtype.kind, f"where they are from 0 to 255: {name}={name}.astype('uint8')")


def _to_classes(name: str, labels: Header) -> str:
    """How an array becomes one integer an image, where it says the same in another way."""
    if labels.dtype.kind == "U":
        return f"names, {name} = np.unique({name}, return_inverse=True), and save them with classes=names"
    if len(labels.shape) == 2:
        return f"{name}={name}[:, 0]" if labels.shape[1] == 1 else f"of rows with a single 1: {name}={name}.argmax(1)"
    return f"{name}={name}.astype('int64')" if labels.dtype.kind in "fb" else FORM


def channel_axis(path: Path, arrays: Mapping[str, Header]) -> int:
    """Which axis of the images the channels are, 0 for none: as the file says, else as their shape does, else asked."""
    shape = arrays["images"].shape
    possible = _layouts(shape)
    if "layout" in arrays:
        stated = str(load_array(path, "layout")).upper()
        if stated not in (possible or LAYOUTS):
            raise Refused(
                f"`layout` in {path} is {stated!r}, images of {shape} can be {' or '.join(possible or LAYOUTS)}"
            )
        return LAYOUTS[stated] if possible else 0
    if len(shape) == 3:
        return 0
    colours = [name for name in possible if shape[LAYOUTS[name]] <= COLOURS]
    likely = colours if len(colours) == 1 else possible if possible == ["NHWC"] else []
    if not likely:
        raise Refused(
            f"`images` in {path} must be {SHAPES}, got {shape}: which of these axes are the channels?",
            hint="say so in the file: np.savez(..., layout='NHWC') for the last, layout='NCHW' for the second",
        )
    return LAYOUTS[likely[0]]


def _layouts(shape: tuple[int, ...]) -> list[str]:
    """The layouts that few enough channels allow."""
    return [name for name, axis in LAYOUTS.items() if len(shape) == 4 and 1 <= shape[axis] <= MOST_CHANNELS]


def _sides(shape: tuple[int, ...], axis: int) -> Size:
    """Height and width."""
    height, width = (side for place, side in enumerate(shape) if place and place != axis)
    return height, width


def load_array(path: Path, name: str) -> npt.NDArray[Any]:
    """One array whole, its checksum tested by the zip."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            array: npt.NDArray[Any] = archive[name]
            return array
    except BROKEN as error:
        raise Refused(f"`{name}` in {path} can't be read: {error}", hint=FORM) from error


def load_labels(path: Path, name: str, classes: int) -> Integers:
    """Labels that can be classes; refused where one is negative, or not below the most that there can be."""
    labels = load_array(path, name)
    if not len(labels):
        raise Refused(f"`{name}` in {path} is empty", hint=FORM)
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= classes:
        raise Refused(f"`{name}` in {path} must be from 0 to {classes - 1}, got {lowest} to {highest}", hint=FORM)
    return labels.astype(np.int64)


def class_names(path: Path, arrays: dict[str, Header], labels: Integers) -> tuple[str, ...]:
    """The names in the file, else the numbers of the classes; refused where labels have no name."""
    highest = int(labels.max())
    if "classes" not in arrays:
        if lowest := int(labels.min()):
            raise Refused(
                f"`labels` in {path} must begin with 0, got {lowest} to {highest}",
                hint=f"labels=labels - {lowest}",
            )
        return tuple(str(number) for number in range(highest + 1))
    names = tuple(str(name) for name in load_array(path, "classes"))
    if len(names) <= highest:
        raise Refused(f"`classes` in {path} must name every label up to {highest}, got {len(names)} names", hint=FORM)
    return names


def load_stack(path: Path, classes: int, axis: int, prefix: str = "") -> Stack:
    """Images, whose channels are an axis or none, and labels as pictures; labels of no class are refused."""
    images: Images = load_array(path, f"{prefix}images")
    planes = np.moveaxis(images, axis, 1) if axis else images[:, None]  # (count, channels, height, width)
    labels = load_labels(path, f"{prefix}labels", classes)
    return Stack(images=planes, labels=labels, array=f"{prefix}images")


def verify_arrays(path: Path, arrays: dict[str, Header]) -> str:
    """Read every array once; a sentence on what is intact."""
    for name in arrays:
        load_array(path, name)
    return f"{len(arrays)} arrays intact, {arrays['images'].shape[0]:,} images"
