"""The published file formats of the official data sets, as arrays: no pickle, nothing extracted to disk.

Every reader takes the open files of one part, `train` or `test`, whose hashes have been checked.
"""

from __future__ import annotations

import gzip
import math
import tarfile
import zipfile
from collections.abc import Sequence
from io import BufferedReader
from typing import Any, Literal, cast

import numpy as np

from nas.data.pictures import Images, Stack

Part = Literal["train", "test"]
CIFAR_RECORD = 1 + 3 * 32 * 32
CIFAR_MEMBERS: dict[Part, tuple[str, ...]] = {
    "train": tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("cifar-10-batches-bin/test_batch.bin",),
}


def idx(data: bytes, dimensions: int) -> Images:
    """The array in a file of MNIST's IDX format: magic number, sizes, then unsigned bytes and nothing after them."""
    if data[:4] != bytes((0, 0, 8, dimensions)):
        raise ValueError(
            f"an IDX file of {dimensions} dimensions must start with 0, 0, 8, {dimensions}, got {data[:4]!r}"
        )
    start = 4 + 4 * dimensions
    shape = tuple(int(size) for size in np.frombuffer(data[4:start], dtype=">u4"))
    if len(shape) != dimensions or len(data) - start != math.prod(shape):
        raise ValueError(f"an IDX file must hold exactly the bytes of its shape {shape}, got {len(data) - start:,}")
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _idx_stack(images: bytes, labels: bytes) -> Stack:
    return Stack(images=idx(images, 3)[:, None], labels=idx(labels, 1).astype(np.int64))


def read_idx(files: Sequence[BufferedReader], part: Part) -> Stack:
    """Grey images of a gzipped IDX file and the labels of another."""
    images, labels = (gzip.decompress(file.read()) for file in files)
    return _idx_stack(images, labels)


def read_emnist(files: Sequence[BufferedReader], part: Part) -> Stack:
    """Split `balanced` in the zip of all of EMNIST; its images are stored transposed and turned upright here."""
    with zipfile.ZipFile(files[0]) as archive:
        images, labels = (
            gzip.decompress(archive.read(f"gzip/emnist-balanced-{part}-{kind}-ubyte.gz"))
            for kind in ("images-idx3", "labels-idx1")
        )
    stored = _idx_stack(images, labels)
    return Stack(images=stored.images.transpose(0, 1, 3, 2), labels=stored.labels)


def read_svhn(files: Sequence[BufferedReader], part: Part) -> Stack:
    """Colour images of a MATLAB file, in which class 10 stands for the digit 0."""
    from scipy.io import loadmat

    arrays = loadmat(cast(Any, files[0]), variable_names=("X", "y"))  # its stubs know paths only
    images = np.ascontiguousarray(arrays["X"].transpose(3, 2, 0, 1))  # (count, channels, height, width)
    return Stack(images=images, labels=arrays["y"].reshape(-1).astype(np.int64) % 10)


def read_cifar(files: Sequence[BufferedReader], part: Part) -> Stack:
    """Colour images of CIFAR-10's binary archive: records of a label and three planes of 32x32."""
    with tarfile.open(fileobj=files[0], mode="r:gz") as archive:
        records = np.concatenate([_cifar_records(archive, member) for member in CIFAR_MEMBERS[part]])
    return Stack(images=records[:, 1:].reshape(-1, 3, 32, 32), labels=records[:, 0].astype(np.int64))


def _cifar_records(archive: tarfile.TarFile, member: str) -> Images:
    """The records of one file in the archive; (count, 3073)."""
    file = archive.extractfile(member)
    if file is None:
        raise ValueError(f"a CIFAR-10 archive must hold the file {member}")
    data = file.read()
    if len(data) % CIFAR_RECORD:
        raise ValueError(f"{member} must consist of records of {CIFAR_RECORD} bytes, got {len(data):,} bytes")
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, CIFAR_RECORD)
