"""Pages of images, each one offline file without a script: those that decide between two sides, those of a data set."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas.errors import Refused
from nas.page.templates import rendered

if TYPE_CHECKING:
    from nas.findings.images import Image, Images

PICTURES = 24
"""Images of each kind on a page unless it is said."""
COLOURED = 3
"""Channels of a picture in colour; of any other the first is shown in grey."""


DECIDING = "Which images decide, and which are hard for nearly all?"
BELOW = "Below each picture: its label, and in how many trainings it is wrong."
EXAMPLES = 12
"""Images of each class on the page of a data set."""


@dataclass(frozen=True, kw_only=True)
class Pictured:
    """One image of the page."""

    uri: str
    """The picture as a data URI."""
    name: str
    """Its class."""
    lines: Sequence[str]
    """Its place, and how many get it wrong."""


def page(found: Images, top: int = PICTURES) -> str:
    """The page of a run's images, at most so many of each kind; refused where the data isn't at hand."""
    if found.info is None:
        raise Refused(f"the images can't be shown: {found.notes[-1]}", hint="without -o the table is shown")
    from nas.data import load

    pixels = load(found.info).validation.images.numpy()
    return rendered(
        "images.html.j2",
        title=f"{found.title}: images",
        question=DECIDING,
        below=BELOW,
        head=found.head,
        notes=found.notes,
        groups=[
            (title[0].upper() + title[1:], [_pictured(found, each, pixels[each.image]) for each in images])
            for title, images in found.groups(top)
        ],
    )


def data_page(name: str) -> str:
    """The page of a data set: its classes with their counts, the sizes of its images, and a few of each class."""
    from nas.data import contents, examples

    held, pictures = contents(name), examples(name, EXAMPLES)
    total = sum(held.splits.values())
    splits = ", ".join(f"{split} {count:,}" for split, count in held.splits.items())
    remarks = [(subject, "; ".join(lines)) for subject, lines in held.remarks.items()]
    return rendered(
        "images.html.j2",
        title=held.name,
        question=f"{total:,} images of {len(held.classes)} classes; none of those shown is held out for the test.",
        below="",
        head=[("splits", splits), ("height x width", held.sizes_text), *remarks],
        notes=[],
        groups=[
            (
                f"{label}: {', '.join(f'{split} {count:,}' for split, count in held.classes[label].items())}",
                [Pictured(uri=png_uri(pixels), name="", lines=()) for pixels in shown],
            )
            for label, shown in pictures.items()
        ],
    )


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """An image (channels, height, width) as a PNG in a data URI."""
    from PIL import Image as Picture

    shown = pixels.transpose(1, 2, 0) if len(pixels) == COLOURED else pixels[0]
    file = BytesIO()
    Picture.fromarray(np.ascontiguousarray(shown)).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def _pictured(found: Images, image: Image, pixels: NDArray[np.uint8]) -> Pictured:
    """An image of the page; of two single trainings the title of its part says who is wrong."""
    place, label, *wrong = found.cells(image)
    lines = [f"{name}: {text}" for name, text in zip(("first", "second", "all"), wrong, strict=True)]
    single = len(found.first.trials) == len(found.second.trials) == 1
    return Pictured(uri=png_uri(pixels), name=label, lines=(f"image {place}", *(lines[2:] if single else lines)))
