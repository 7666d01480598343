"""Prepared files as tensors: mapped, so that every worker process shares one copy in the page cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nas.data.info import DataInfo
from nas.data.pictures import Pictures, Size, chunks
from nas.errors import Missing, Refused

if TYPE_CHECKING:
    import torch

LONGEST_FILE = 2**63
"""Bytes that no file has."""


class Split(NamedTuple):
    """Images and their labels, or rows of a table and their targets, in a fixed order."""

    images: torch.Tensor
    """Pixels as uint8, (count, channels, height, width); or standardised features as float32, (count, features)."""
    labels: torch.Tensor
    """Class of each image as int64, (count,); or standardised target of each row as float32, (count,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """What a training may see."""

    info: DataInfo
    """What was prepared; its `train` counts all training images."""
    train: Split
    """The first images of the fixed order, as many as were asked for."""
    validation: Split
    """All validation images, whatever the training size; none where they train, too."""


def load(info: DataInfo, train_size: int = 0) -> Dataset:
    """Map a prepared folder; `train_size` images train, 0 for all, each size a subset of the next and stratified.

    Nothing is copied unless the validation split trains, too, and what is written to a tensor stays in this process;
    the hashes are checked by `prepare`.
    """
    if train_size and not info.smallest <= train_size <= info.train:
        of = "tenth of the target" if info.target else "class"
        bounds = f"0 (all) or {info.smallest} (one a {of}) to {info.train:,}"
        raise Refused(f"training size must be {bounds}, got {train_size:,}; {info.train:,} {info.noun} are available")
    train = _mapped_split(info, "train", info.train - info.joined)
    validation = _mapped_split(info, "validation", info.joined or info.validation)
    if info.joined:
        train, validation = _joined(train, validation), Split(validation.images[:0], validation.labels[:0])
    count = train_size or info.train
    return Dataset(info=info, train=Split(train.images[:count], train.labels[:count]), validation=validation)


def _joined(first: Split, second: Split) -> Split:
    """Both in one, in memory of this process."""
    import torch

    return Split(torch.cat([first.images, second.images]), torch.cat([first.labels, second.labels]))


def _mapped_split(info: DataInfo, split: str, count: int) -> Split:
    import torch

    folder = Path(info.folder)
    if info.target:
        features = _mapped(folder / f"{split}_features.bin", (count, *info.shape), torch.float32)
        return Split(features, _mapped(folder / f"{split}_targets.bin", (count,), torch.float32))
    images = _mapped(folder / f"{split}_images.bin", (count, *info.shape), torch.uint8)
    return Split(images, _mapped(folder / f"{split}_labels.bin", (count,), torch.int64))


def _mapped(path: Path, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """A file as a tensor; one whose length isn't that of the shape would be read past its end, so it is refused."""
    import torch

    count = math.prod(shape)
    length, needed = path.stat().st_size if path.is_file() else 0, count * dtype.itemsize
    if length != needed:
        told = f"{needed:,} bytes" if needed < LONGEST_FILE else "more bytes than a file can have"
        message = f"{path} must have {told}, has {length:,}"
        raise Missing(message, hint="prepare the data set again: the same command does it")
    return torch.from_file(str(path), shared=False, size=count, dtype=dtype).view(shape)


def in_memory(pictures: Pictures, size: Size) -> Split:
    """All pictures as tensors of our own, in the order of their source."""
    import torch

    images = np.concatenate(list(chunks(pictures, np.arange(len(pictures.labels)), size)))
    return Split(torch.from_numpy(images), torch.from_numpy(pictures.labels.copy()))
