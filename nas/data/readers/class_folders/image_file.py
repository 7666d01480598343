"""One image file: what it is by its header, and its upright pixels in eight bits; transparency isn't read."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nas.data.pictures import Images, Size
from nas.errors import Missing, Refused

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
BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError),
    *(struct.error, zlib.error),
)
"""What PIL raises of damaged images, beside one of its own."""
ROWS = 1024
"""Of an image that are taken over at once: a large one would be in memory three times."""
GREY = ("1", "L", "LA")
"""PIL's modes without colours."""
EXIF_ORIENTATION, UPRIGHT, ON_ITS_SIDE = 274, 1, (5, 6, 7, 8)
"""EXIF's tag, and the values that change nothing and that exchange height and width."""
PNG_BITS, TIFF_BITS = 24, 258
"""Where the bits of a channel are: the byte of a PNG, the tag of a TIFF."""
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""PIL's modes of at most 8 bits a channel: deeper ones would be cut off silently."""


class Scanned(NamedTuple):
    """What one file is, without its pixels."""

    digest: str
    mode: str
    size: Size
    """Height and width of the upright image."""
    turned: bool
    """Whether the file says that its pixels lie on their side, upside down or mirrored."""
    transparent: bool


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
            bits = _bits(image, data)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise damaged(path, error) from error
    if mode not in EIGHT_BITS or bits > 8:
        raise unread(str(path), mode, bits)
    if width * height > MOST_PIXELS:
        raise Refused(f"{path} has {width:,} x {height:,} pixels, at most {MOST_PIXELS:,} are read", hint="shrink it")
    if frames > 1:
        raise Refused(f"{path} must hold one image, got {frames}", hint="save the one that is meant as a PNG")
    size = (width, height) if held in ON_ITS_SIDE else (height, width)
    return Scanned(hashlib.sha256(data).hexdigest(), mode, size, held != UPRIGHT, clear)


def unread(what: str, mode: str, bits: int = 8) -> Refused:
    """The error for pixels that aren't of one of `EIGHT_BITS`."""
    got = f"PIL's mode {mode}{f' of {bits} bits' if bits > 8 else ''}"
    way = f"convert it to 8 bits in one of the modes {', '.join(EIGHT_BITS)}"
    return Refused(f"{what} must have 8 bits a channel, got {got}", hint=way)


def _bits(image: PIL.Image.Image, data: bytes) -> int:
    """Bits a channel in a file, where PIL cuts them off silently: it reads colours of 16 bits as those of 8."""
    if image.format == "PNG":
        return data[PNG_BITS]
    if image.format == "TIFF":
        return int(max(getattr(image, "tag_v2", {}).get(TIFF_BITS, (8,))))
    return 8


def orientation(image: PIL.Image.Image) -> int:
    """How the camera was held, as EXIF numbers it from 1, upright, to 8."""
    held = image.getexif().get(EXIF_ORIENTATION) if "exif" in image.info else UPRIGHT
    return held if isinstance(held, int) and held in range(UPRIGHT, max(ON_ITS_SIDE) + 1) else UPRIGHT


def decoded(path: Path, mode: str) -> Images:
    """The pixels of one file; (1, channels, height, width)."""
    from PIL import Image

    try:
        # of its bytes: PIL maps a TIFF that lies on its side into memory by its path, with rows of a wrong length
        with Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS) as image:
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

    why = str(error)
    if isinstance(error, UnidentifiedImageError):
        why = "it is empty" if _is_empty(path) else f"it is none of {', '.join(FORMATS)}, or begins as none"
    return Missing(f"{path} can't be read as an image: {why}", hint="replace the file, or remove it")


def _is_empty(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size == 0
    return False
