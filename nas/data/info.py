"""What a prepared data set is, known without its images and without torch."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nas.data.folders import text_digest

INFO = "info.json"


class DataInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared data set: shapes, classes, statistics, and where its files lie."""

    name: str
    """As the user gave it: a name of ours in its usual spelling, or a path."""
    key: str
    """Identity of content, split and resolution, and name of the prepared folder."""
    shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: tuple[str, ...]
    """Name of each class, in the order of the labels."""
    train: int
    """Training images."""
    validation: int
    """Validation images."""
    mean: tuple[float, ...]
    """Mean of each channel over the training images, whose pixels are scaled to [0, 1]."""
    std: tuple[float, ...]
    """Standard deviation of the same, at least one grey level (1/255), so that it can be divided by."""
    folder: str
    """Absolute path of the prepared folder."""
    sha256: dict[str, str]
    """Hash of each prepared file, by file name."""


class _Stamped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contents of an info file, with a hash over them."""

    sha256: str
    info: DataInfo


def write_info(folder: Path, info: DataInfo) -> None:
    """Write an info file without the folder's own path, so that a prepared folder can be moved."""
    placeless = msgspec.structs.replace(info, folder="")
    (folder / INFO).write_bytes(
        msgspec.json.format(msgspec.json.encode(_Stamped(sha256=_stamp(placeless), info=placeless)))
    )


def read_info(folder: Path) -> DataInfo:
    """The info file of a prepared folder; ValueError where it isn't what was written."""
    stamped = msgspec.json.decode((folder / INFO).read_bytes(), type=_Stamped)
    if _stamp(stamped.info) != stamped.sha256:
        raise ValueError(f"{INFO} must be as it was written, but its SHA-256 differs")
    return msgspec.structs.replace(stamped.info, folder=str(folder))


def _stamp(info: DataInfo) -> str:
    return text_digest(msgspec.json.encode(info, order="deterministic").decode())
