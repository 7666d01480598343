"""Which validation images each completed trial got wrong: a table of our own beside Optuna's, in the same file.

A row is a trial with one bit an image, in the order of the validation split: 1,250 bytes for 10,000 images. Records
stay as they are, and whoever reads them doesn't read this.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import sqlalchemy

NONE: Mapping[int, bytes] = MappingProxyType({})
MAKE = "CREATE TABLE IF NOT EXISTS wrong_images (trial INTEGER PRIMARY KEY, bits BLOB NOT NULL)"
ADD = "INSERT OR REPLACE INTO wrong_images (trial, bits) VALUES (?, ?)"
READ = "SELECT trial, bits FROM wrong_images WHERE trial IN (SELECT value FROM json_each(:trials)) ORDER BY trial"

Wrong = NDArray[np.bool_]
"""Whether each validation image is classified wrongly, (images,)."""


def keep(connection: sqlalchemy.Connection, wrong: Mapping[int, bytes]) -> None:
    """Write the bits of trials inside a transaction; the table is made with the first ones."""
    if wrong:
        connection.exec_driver_sql(MAKE)
        connection.exec_driver_sql(ADD, list(wrong.items()))


def unpacked(bits: bytes, images: int) -> Wrong | None:
    """The flags of so many images; None where the bits are of another number of them, or a database holds none."""
    if not isinstance(bits, bytes) or len(bits) != (images + 7) // 8:
        return None
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=images).astype(np.bool_)
