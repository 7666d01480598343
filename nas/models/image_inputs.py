"""Images as people hold them, as tensors: arrays, tensors, PIL images, files, and lists of these.

    array    (height, width), (height, width, channels), (images, height, width) or (images, height, width, channels)
    tensor   (height, width), (channels, height, width) or (images, channels, height, width)
    PIL      8 bits a channel; turned grey or coloured as the network is, as folders of images are
    file     PNG, JPEG, WebP, BMP, GIF or TIFF, the same

Arrays and tensors hold uint8, or floats in [0, 1]. Grey ones are repeated for a network of colours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nas.data.readers.class_folders import EIGHT_BITS, decoded, planes, scan, unread
from nas.errors import Missing, Refused
from nas.files import possible

if TYPE_CHECKING:
    import PIL.Image

    Image = np.ndarray[Any, Any] | Tensor | PIL.Image.Image | str | os.PathLike[str]

MODES = {1: "L", 3: "RGB"}
"""Channels of a network -> PIL's mode of images for it."""
FLAT = 4
"""Most numbers on the last axis of an array of three that are taken for channels whatever the network's are."""
NUMPY_TYPES = ("uint8", "float16", "float32", "float64")
TORCH_TYPES = (torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64)
FORMS = "images are an array, a tensor, a PIL image, the path of an image file, or a list of these"


def batches(images: object, channels: int, size: int) -> Iterator[list[Tensor]]:
    """All images in order, `size` at a time, as tensors (some, channels, height, width); Refused where they aren't any.

    A batch is one tensor, or several where a list holds images of several sizes.
    """
    if isinstance(images, list | tuple):
        for start in range(0, _counted(len(images)), size):
            yield [_single(image, channels) for image in images[start : start + size]]
    else:
        stack = _stack(images, channels)
        for start in range(0, _counted(len(stack)), size):
            yield [_checked(stack[start : start + size], channels)]


def _counted(count: int) -> int:
    if not count:
        raise Refused("there is no image to predict: the list, array or tensor is empty")
    return count


def _single(image: object, channels: int) -> Tensor:
    """One item of a list; (1, channels, height, width)."""
    if isinstance(image, list | tuple):
        raise Refused(f"a list holds images, got one in which item {image!r:.60} is itself a list", hint=FORMS)
    stack = _stack(image, channels)
    if len(stack) != 1:
        raise Refused(f"an item of a list is one image, got {len(stack)} in an item of shape {_shape(image)}")
    return _checked(stack, channels)


def _stack(images: object, channels: int) -> np.ndarray[Any, Any] | Tensor:
    """Images as (count, channels or 1, height, width), not yet copied."""
    pil = sys.modules.get("PIL.Image")
    if isinstance(images, Tensor):
        stack: np.ndarray[Any, Any] | Tensor = _of_tensor(images.detach(), channels)
    elif isinstance(images, np.ma.MaskedArray):
        raise Refused("images hold a number for each pixel, got a masked array", hint="images.filled(0), for one")
    elif isinstance(images, np.ndarray):
        stack = _of_array(np.asarray(images), channels)  # a matrix would keep its two axes
    elif isinstance(images, str | os.PathLike):
        stack = _of_file(possible(images), channels)
    elif pil is not None and isinstance(images, pil.Image):
        stack = _of_pil(images, channels)
    else:
        raise Refused(f"{FORMS}; got {type(images).__name__}")
    if stack.shape[1] not in (1, channels):
        raise _channels(_shape(images), int(stack.shape[1]), channels)
    if not all(stack.shape[2:]):
        raise Refused(f"images have at least one pixel, got shape {_shape(images)}")
    return stack


def _of_array(array: np.ndarray[Any, Any], channels: int) -> np.ndarray[Any, Any]:
    if array.dtype.newbyteorder("=").name not in NUMPY_TYPES:
        raise _type(str(array.dtype))
    flat = array.ndim == 3 and (array.shape[2] <= FLAT or array.shape[2] == channels)
    if array.ndim == 3 and not flat and channels > 1:
        raise Refused(
            f"an array {array.shape} could be one image or many, for a network of {channels} channels",
            hint="give (height, width, channels), many grey images as (images, height, width, 1), "
            "or a torch tensor (channels, height, width)",
        )
    if array.ndim == 2 or flat:
        array = array[None]
    array = array[..., None] if array.ndim == 3 else array
    if array.ndim != 4:
        raise Refused(f"an array of images has 2 to 4 axes, got shape {array.shape}", hint=FORMS)
    return array.transpose(0, 3, 1, 2)


def _of_tensor(tensor: Tensor, channels: int) -> Tensor:
    if tensor.dtype not in TORCH_TYPES:
        raise _type(str(tensor.dtype).removeprefix("torch."))
    if tensor.layout is not torch.strided or tensor.is_meta:
        raise Refused("images hold a number for each pixel, got a sparse tensor or one without content", hint=FORMS)
    if not 2 <= tensor.dim() <= 4:
        raise Refused(f"a tensor of images has 2 to 4 axes, got shape {tuple(tensor.shape)}", hint=FORMS)
    return tensor.reshape((1,) * (4 - tensor.dim()) + tuple(tensor.shape))


def _of_file(path: Path, channels: int) -> np.ndarray[Any, Any]:
    mode = _mode(channels)
    try:
        import_module("PIL.Image")
    except ModuleNotFoundError:
        hint = "pip install pillow"
        raise Missing("reading images from files needs Pillow, which isn't installed", hint=hint) from None
    scan(path)  # refuses deeper pixels than 8 bits
    return decoded(path, mode)


def _of_pil(image: PIL.Image.Image, channels: int) -> np.ndarray[Any, Any]:
    mode = _mode(channels)
    if image.mode not in EIGHT_BITS:
        raise unread("an image", image.mode)
    try:
        return planes(image, mode)
    except (OSError, SyntaxError, ValueError) as error:  # PIL reads files late
        raise Missing(f"an image of PIL's can't be read: {error}", hint="open its file again, or replace it") from None


def _mode(channels: int) -> str:
    if channels not in MODES:
        raise Refused(f"a network of {channels} channels takes arrays or tensors, no PIL images and files")
    return MODES[channels]


def _checked(part: np.ndarray[Any, Any] | Tensor, channels: int) -> Tensor:
    """A part of a stack as a tensor of its own, its numbers in range, grey images repeated."""
    if isinstance(part, np.ndarray):
        part = torch.from_numpy(np.array(part, dtype=part.dtype.newbyteorder("="), order="C"))
    pixels = part.expand(-1, channels, -1, -1).contiguous()
    if pixels.is_floating_point():
        low, high = (float(end) for end in pixels.aminmax())
        if not (low >= 0 and high <= 1):  # also where one isn't a number
            raise Refused(
                f"floats of images must be in [0, 1], got {low:g} to {high:g}",
                hint="divide pixels of 0 to 255 by 255, or give them as uint8; they aren't standardised before",
            )
    return pixels


def _type(name: str) -> Refused:
    return Refused(
        f"images hold uint8, or floats in [0, 1], got {name}", hint='pixels of 0 to 255: images.astype("uint8")'
    )


def _channels(shape: object, got: int, channels: int) -> Refused:
    wanted = "grey images (1 channel)" if channels == 1 else f"images of {channels} channels, or grey ones"
    way = "an array is (height, width, channels), a tensor (channels, height, width), many with their number before"
    turned = "; image.convert('L') of PIL turns colours grey" if channels == 1 else ""
    return Refused(f"the network takes {wanted}, got {got} channels in shape {shape}", hint=way + turned)


def _shape(images: object) -> object:
    return tuple(getattr(images, "shape", ())) or getattr(images, "size", None)
