"""What a prepared data set is, known without its images and without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import msgspec

from nas.data.features import Column
from nas.data.splits import TENTHS
from nas.files import digest, read_json, text_digest

INFO = "info.json"
Task = Literal["classification", "regression"]


class DataInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prepared data set: shapes, classes or target, statistics, and where its files lie.

    Fields with defaults are those of tables; left out where they aren't used, they change no file of images.
    """

    name: str
    """As the user gave it: a name of ours in its usual spelling, or a path."""
    key: str
    """Identity of content, split and resolution, and name of the prepared folder."""
    shape: tuple[int, ...]
    """Channels, height, width of an image; the number of features of a table."""
    classes: tuple[str, ...]
    """Name of each class, in the order of the labels; none where the target is a number."""
    train: int
    """Training images or rows."""
    validation: int
    """Validation images or rows."""
    mean: tuple[float, ...]
    """Mean of each channel over the training images, whose pixels are scaled to [0, 1], or of each feature."""
    std: tuple[float, ...]
    """Standard deviation of the same, above 0: at least one grey level (1/255), 1 for a feature that is constant."""
    folder: str
    """Absolute path of the prepared folder."""
    sha256: dict[str, str]
    """Hash of each prepared file, by file name."""
    target: str = ""
    """Name of the column that is to be predicted; empty for images."""
    target_mean: float = 0.0
    """Mean of the target over the training rows, in its own unit."""
    target_std: float = 1.0
    """Standard deviation of the same; above 0."""
    columns: tuple[Column, ...] = ()
    """How the cells of a table become features."""
    joined: int = 0
    """The last so many of `train`, which are the validation split and train, too: none validates then; 0 otherwise."""

    @property
    def all_training(self) -> Self:
        """The same data with all images training and none validating: for finalists, after every choice is made."""
        return msgspec.structs.replace(
            self,
            key=f"{self.key}+validation",
            train=self.train + self.validation,
            validation=0,
            joined=self.validation,
        )

    @property
    def task(self) -> Task:
        """What is to be predicted: one of the classes, or a number."""
        return "regression" if self.target else "classification"

    @property
    def outputs(self) -> int:
        """Outputs of a network: one for each class, or one number."""
        return len(self.classes) or 1

    @property
    def validating(self) -> int:
        """Validation images, of which an error is a share; 0 where it isn't one."""
        return 0 if self.target else self.validation

    @property
    def guess(self) -> float:
        """Error of guessing: one of the classes, or the mean of the target."""
        return 1.0 if self.target else 1 - 1 / len(self.classes)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features of a table, in their order; none for images."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def smallest(self) -> int:
        """Fewest training images or rows that hold one of each class, or one of each tenth of the target."""
        return TENTHS if self.target else len(self.classes)

    @property
    def error_note(self) -> str:
        """What errors are in, where it needs to be said."""
        if not self.target:
            return ""
        return f"errors: root mean squared error in percent of the standard deviation of {self.target!r}"

    @property
    def noun(self) -> str:
        """What it consists of."""
        return "rows" if self.target else "images"


class _Stamped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contents of an info file, with a hash over them."""

    sha256: str
    info: DataInfo


def write_info(folder: Path, info: DataInfo) -> None:
    """Write an info file with the hashes of the files beside it, and without its own path: a folder can be moved."""
    hashes = {file.name: digest(file) for file in sorted(folder.iterdir())}
    placeless = msgspec.structs.replace(info, folder="", sha256=hashes)
    (folder / INFO).write_bytes(
        msgspec.json.format(msgspec.json.encode(_Stamped(sha256=_stamp(placeless), info=placeless)))
    )


def read_info(folder: Path) -> DataInfo:
    """The info file of a prepared folder; ValueError where it isn't what was written."""
    stamped = read_json(folder / INFO, _Stamped)
    if _stamp(stamped.info) != stamped.sha256:
        raise ValueError(f"{INFO} must be as it was written, but its SHA-256 differs")
    return msgspec.structs.replace(stamped.info, folder=str(folder))


def _stamp(info: DataInfo) -> str:
    return text_digest(msgspec.json.encode(info, order="deterministic").decode())
