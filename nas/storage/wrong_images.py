"""Which validation images each completed trial got wrong: one bit an image, in the order of the validation split.

That is 1,250 bytes for 10,000 images.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

NONE: Mapping[int, bytes] = MappingProxyType({})
Wrong = NDArray[np.bool_]
"""Whether each validation image is classified wrongly, (images,)."""


def unpacked(bits: object, images: int) -> Wrong | None:
    """The flags of so many images; None where the bits are of another number of them, or a database holds none."""
    if not isinstance(bits, bytes) or len(bits) != (images + 7) // 8:
        return None
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=images).astype(np.bool_)
