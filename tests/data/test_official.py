"""Official archives: small ones in the true formats, and their hashes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

import nas.data
from nas.data.readers.formats import idx
from nas.data.readers.official import OFFICIAL
from nas.errors import Missing
from nas.files import digest

Bytes = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder and an empty cache."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NAS_DATA_DIR", str(tmp_path / "source"))
    return tmp_path / "source"


def drawn(count: int, *shape: int) -> tuple[Bytes, Bytes]:
    """Random images, and labels that take the ten classes in turn."""
    images = np.random.default_rng(count).integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, np.arange(count, dtype=np.uint8) % 10


def as_idx(array: Bytes) -> bytes:
    """An array as a gzipped IDX file."""
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, dtype=">u4").tobytes()
    return gzip.compress(header + array.tobytes(), compresslevel=1)


def write_grey(folder: Path) -> None:
    """Small archives in MNIST's layout: 60 training and 20 test images."""
    folder.mkdir(parents=True)
    for part, count in (("train", 60), ("t10k", 20)):
        images, labels = drawn(count, 28, 28)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(as_idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(as_idx(labels))


def write_emnist(folder: Path) -> None:
    """A small zip in EMNIST's layout, images transposed as there."""
    (folder / "EMNIST/raw").mkdir(parents=True)
    with zipfile.ZipFile(folder / "EMNIST/raw/gzip.zip", "w") as archive:
        for part, count in (("train", 60), ("test", 20)):
            images, labels = drawn(count, 28, 28)
            upright = images.transpose(0, 2, 1).copy()
            archive.writestr(f"gzip/emnist-balanced-{part}-images-idx3-ubyte.gz", as_idx(upright))
            archive.writestr(f"gzip/emnist-balanced-{part}-labels-idx1-ubyte.gz", as_idx(labels))


def write_svhn(folder: Path) -> None:
    """Small MATLAB files in SVHN's layout, the digit 0 as class 10."""
    from scipy.io import savemat

    folder.mkdir(parents=True)
    for part, count in (("train", 60), ("test", 20)):
        images, labels = drawn(count, 3, 32, 32)
        classes = np.where(labels == 0, 10, labels)[:, None]
        savemat(folder / f"{part}_32x32.mat", {"X": images.transpose(2, 3, 1, 0), "y": classes})


def write_cifar(folder: Path) -> None:
    """A small archive in CIFAR-10's binary layout: five files for training, one for testing."""
    folder.mkdir(parents=True)
    records = {
        part: np.hstack([labels[:, None], images.reshape(len(images), -1)])
        for part, (images, labels) in (("train", drawn(60, 3, 32, 32)), ("test", drawn(20, 3, 32, 32)))
    }
    batches = {f"data_batch_{n + 1}.bin": batch for n, batch in enumerate(np.split(records["train"], 5))}
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, batch in {**batches, "test_batch.bin": records["test"]}.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = batch.nbytes
            archive.addfile(entry, io.BytesIO(batch.tobytes()))


WRITERS = {
    "fashion-mnist": lambda folder: write_grey(folder / "FashionMNIST/raw"),
    "mnist": lambda folder: write_grey(folder / "MNIST/raw"),
    "kmnist": lambda folder: write_grey(folder / "KMNIST/raw"),
    "emnist": write_emnist,
    "svhn": write_svhn,
    "cifar10": write_cifar,
}


def publish(patch: pytest.MonkeyPatch, name: str, folder: Path) -> None:
    """Write small archives, and make their hashes the published ones."""
    WRITERS[name](folder)
    official = OFFICIAL[name]
    train, test = (
        tuple(replace(entry, digest=digest(folder / entry.file, entry.algorithm)) for entry in part)
        for part in (official.train, official.test)
    )
    patch.setitem(OFFICIAL, name, replace(official, train=train, test=test))


@pytest.mark.parametrize("name", list(WRITERS))
def test_official_formats_are_read(name: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every image of an archive in the published format arrives once, upright, with its label."""
    publish(monkeypatch, name, source)
    info = nas.data.prepare(name)
    data = nas.data.load(info)
    images, labels = drawn(60, *((28, 28) if info.shape[0] == 1 else (3, 32, 32)))
    expected = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    parts = [
        (image.numpy().tobytes(), int(label))
        for split in (data.train, data.validation)
        for image, label in zip(*split, strict=True)
    ]
    assert dict(parts) == expected
    assert len(parts) == 60


@pytest.mark.parametrize("name", list(WRITERS))
def test_official_test_images_are_unsealed_in_order(name: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sealed images are those of the official test archive, in its order."""
    publish(monkeypatch, name, source)
    test = nas.data.unseal(name)
    images, labels = drawn(20, *((28, 28) if test.images.shape[1] == 1 else (3, 32, 32)))
    assert torch.equal(test.images.flatten(), torch.from_numpy(images).flatten())
    assert test.labels.tolist() == labels.tolist()
    assert "intact" in nas.data.verify(name)


@pytest.mark.parametrize("name", list(WRITERS))
def test_damaged_archives_are_named(name: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One flipped bit in the last archive is found by verifying and by unsealing, which name the file."""
    publish(monkeypatch, name, source)
    path = source / OFFICIAL[name].archives[-1].file
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    for verb in (nas.data.verify, nas.data.unseal):
        with pytest.raises(Missing, match=f"{path.name} is damaged"):
            verb(name)


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_an_archive_of_another_data_set_is_known(source: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """A whole file under the name of another data set is said to be the other's, and belongs elsewhere, not deleted."""
    publish(monkeypatch, "mnist", source)
    reversed_images = [part[::-1].copy() for part in drawn(60, 28, 28)]
    monkeypatch.setitem(globals(), "drawn", lambda count, *shape: [part[:count] for part in reversed_images])
    publish(monkeypatch, "fashion-mnist", source)
    (source / "MNIST/raw" / file).write_bytes((source / "FashionMNIST/raw" / file).read_bytes())
    with pytest.raises(Missing, match=f"but fashion-mnist's, intact: FashionMNIST/raw/{file}") as refusal:
        nas.data.verify("mnist")
    assert f"it belongs at {source / 'FashionMNIST/raw' / file}, where a file lies" in refusal.value.hint
    (source / "FashionMNIST/raw" / file).unlink()
    with pytest.raises(Missing) as refusal:
        nas.data.verify("mnist")
    assert f"move it to {source / 'FashionMNIST/raw' / file}" in refusal.value.hint
    assert "delete" not in refusal.value.hint


def test_exchanged_archives_of_one_data_set_are_known(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of training and test under one another's names are said to be so; nothing is to be overwritten."""
    publish(monkeypatch, "mnist", source)
    train, test = (source / f"MNIST/raw/{part}-labels-idx1-ubyte.gz" for part in ("train", "t10k"))
    whole = train.read_bytes()
    train.write_bytes(test.read_bytes())
    test.write_bytes(whole)
    with pytest.raises(Missing, match="but another file of it, intact: MNIST/raw/t10k-labels") as refusal:
        nas.data.verify("mnist")
    assert "look at both" in refusal.value.hint


@pytest.mark.parametrize("name", ["mnist", "kmnist", "fashion-mnist"])
def test_hashes_are_torchvisions(name: str) -> None:
    """The MD5 in our table, file for file, are those that torchvision checks."""
    from torchvision.datasets import KMNIST, MNIST, FashionMNIST

    entry = {"mnist": MNIST, "kmnist": KMNIST, "fashion-mnist": FashionMNIST}[name]
    ours = [(Path(archive.file).name, archive.digest) for archive in OFFICIAL[name].archives]
    assert [file for file, _ in ours] == [file for file, _ in entry.resources]
    if OFFICIAL[name].archives[0].algorithm == "md5":
        assert ours == entry.resources
    assert OFFICIAL[name].archives[0].file.startswith(f"{entry.__name__}/raw/")


def test_svhn_and_emnist_are_torchvisions() -> None:
    """Names, hashes and classes of SVHN and EMNIST are those of torchvision."""
    from torchvision.datasets import EMNIST, SVHN

    train, test = OFFICIAL["svhn"].archives
    assert [train.mirrors[0], train.file, train.digest] == SVHN.split_list["train"]
    assert [test.mirrors[0], test.file, test.digest] == SVHN.split_list["test"]
    assert (OFFICIAL["emnist"].archives[0].mirrors[0], OFFICIAL["emnist"].archives[0].digest) == (
        EMNIST.url,
        EMNIST.md5,
    )
    assert list(OFFICIAL["emnist"].classes) == EMNIST.classes_split_dict["balanced"]


def test_warm_start_needs_no_archive(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once prepared, a data set is found again without its archives."""
    publish(monkeypatch, "mnist", source)
    info = nas.data.prepare("mnist")
    source.rename(source.with_name("gone"))
    assert nas.data.prepare("mnist") == info


def test_resizing_keeps_the_mean(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of another resolution are square, and as bright as before within one grey level."""
    publish(monkeypatch, "cifar10", source)
    native, small = nas.data.prepare("cifar10"), nas.data.prepare("cifar10", 16)
    assert small.shape == (3, 16, 16)
    assert small.mean == pytest.approx(native.mean, abs=1 / 255)
    assert max(small.std) < min(native.std)


@pytest.mark.parametrize("change", [b"", b"\0", b"x"])
def test_idx_files_are_exact(change: bytes) -> None:
    """An IDX file with another magic number, or one byte more or less than its shape, is an error."""
    whole = gzip.decompress(as_idx(np.zeros((2, 3, 3), dtype=np.uint8)))
    data = {b"": whole[:-1], b"\0": whole + b"\0", b"x": b"x" + whole[1:]}[change]
    with pytest.raises(ValueError, match="must"):
        idx(data, 3)


def test_source_paths_are_named(source: Path) -> None:
    """Every data set says where its files are or are expected."""
    assert nas.data.source_path("mnist") == str(source / "MNIST/raw")
    assert nas.data.source_path("cifar10") == str(source / "cifar-10-binary.tar.gz")
    assert Path(nas.data.source_path("digits")).is_file()
