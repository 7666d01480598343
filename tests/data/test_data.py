"""Preparing, loading and unsealing: real Fashion-MNIST where NAS_DATA_DIR holds it, else digits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

import nas.data
from nas.data import DataInfo
from nas.data.catalog import EMBEDDED
from nas.errors import Missing, Refused

REAL = Path(os.environ.get("NAS_DATA_DIR", "nowhere")).expanduser().absolute()
needs_fashion = pytest.mark.skipif(
    not (REAL / "FashionMNIST/raw/train-images-idx3-ubyte.gz").exists(), reason="NAS_DATA_DIR holds no Fashion-MNIST"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and an empty data folder."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NAS_DATA_DIR", str(tmp_path / "source"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataInfo]:
    """Fashion-MNIST, prepared once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_DATA_DIR", str(REAL))
        patch.setenv("NAS_CACHE_DIR", str(tmp_path_factory.mktemp("fashion")))
        yield nas.data.prepare("fashion-mnist")


def rows(images: torch.Tensor) -> list[bytes]:
    """Every image as bytes, sorted."""
    return sorted(image.tobytes() for image in images.numpy())


def flip(path: Path, position: int = -100) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


@needs_fashion
def test_fashion_split_is_fixed_and_balanced(fashion: DataInfo) -> None:
    """Fashion-MNIST gives 50,000 training and 10,000 validation images with equally many of each class."""
    data = nas.data.load(fashion)
    assert fashion.shape == (1, 28, 28)
    assert (fashion.train, fashion.validation) == (50_000, 10_000)
    assert data.train.labels.bincount().tolist() == [5_000] * 10
    assert data.validation.labels.bincount().tolist() == [1_000] * 10


@needs_fashion
def test_fashion_statistics_are_those_of_the_training_images(fashion: DataInfo) -> None:
    """Mean and standard deviation are those of the training images scaled to [0, 1]."""
    pixels = nas.data.load(fashion).train.images.numpy() / 255
    assert fashion.mean == pytest.approx((pixels.mean(),))
    assert fashion.std == pytest.approx((pixels.std(),))


@needs_fashion
def test_fashion_agrees_with_torchvision(fashion: DataInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and validation images together are torchvision's training images; its test images are sealed."""
    from torchvision.datasets import FashionMNIST

    shutil.copytree(REAL / "FashionMNIST", tmp_path / "torchvision/FashionMNIST")
    for file in (tmp_path / "torchvision").rglob("*"):
        file.chmod(0o755)
    data = nas.data.load(fashion)
    official = FashionMNIST(tmp_path / "torchvision", train=True, download=True)
    assert rows(torch.cat([data.train.images, data.validation.images])[:, 0]) == rows(official.data)
    assert fashion.classes == tuple(official.classes)
    monkeypatch.setenv("NAS_DATA_DIR", str(REAL))
    test, sealed = FashionMNIST(tmp_path / "torchvision", train=False), nas.data.unseal("fashion-mnist")
    assert torch.equal(sealed.images[:, 0], test.data)
    assert torch.equal(sealed.labels, test.targets)


@needs_fashion
def test_fashion_test_images_stay_out_of_the_cache(fashion: DataInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """No prepared image is one of the test images, and the prepared files have room for no others."""
    monkeypatch.setenv("NAS_DATA_DIR", str(REAL))
    data = nas.data.load(fashion)
    seen = set(rows(data.train.images)) | set(rows(data.validation.images))
    assert not seen & set(rows(nas.data.unseal("fashion-mnist").images))
    sizes = {file.name: file.stat().st_size for file in Path(fashion.folder).glob("*.bin")}
    assert sizes == {
        "train_images.bin": 50_000 * 784,
        "train_labels.bin": 50_000 * 8,
        "validation_images.bin": 10_000 * 784,
        "validation_labels.bin": 10_000 * 8,
    }


@needs_fashion
@pytest.mark.parametrize("name", ["train-images-idx3", "train-labels-idx1"])
def test_flipped_byte_in_an_archive_is_named(name: str, tmp_path: Path) -> None:
    """A training archive with one flipped bit is refused by its name, and nothing is prepared."""
    raw = tmp_path / "source/FashionMNIST/raw"
    raw.mkdir(parents=True)
    for file in (REAL / "FashionMNIST/raw").glob("*.gz"):
        shutil.copyfile(file, raw / file.name)
    flip(raw / f"{name}-ubyte.gz")
    with pytest.raises(Missing, match=f"{name}-ubyte.gz is damaged") as caught:
        nas.data.prepare("fashion-mnist")
    assert "--fetch" in caught.value.hint
    assert not list((tmp_path / "cache").rglob("*.bin"))


@pytest.mark.slow
@needs_fashion
@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/smaps is Linux's")
def test_workers_share_one_copy(fashion: DataInfo) -> None:
    """Two processes that have read every image both map the file itself, and own no page of it."""
    assert mapped_twice(fashion) == [(50_000 * 784 // 1024 + 3 & ~3, 0)] * 2


def mapped_twice(info: DataInfo) -> list[tuple[int, int]]:
    """Kilobytes of the training images resident, and private copies among them, in each of two processes."""
    script = (
        "import sys, msgspec, nas.data\n"
        "info = msgspec.json.decode(sys.argv[1], type=nas.data.DataInfo)\n"
        "data = nas.data.load(info); assert data.train.images.sum() > 0\n"
        "entry = open('/proc/self/smaps').read().split(info.folder + '/train_images.bin')[1]\n"
        "print(*(entry.split(key)[1].split()[0] for key in ('Rss:', 'Anonymous:')))\n"
    )
    command = [sys.executable, "-c", script, msgspec.json.encode(info).decode()]
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda _: subprocess.run(command, check=True, capture_output=True, text=True), range(2))
    return [(int(resident), int(copied)) for resident, copied in (run.stdout.split() for run in runs)]


def test_import_is_light() -> None:
    """Importing nas.data loads neither torch nor torchvision nor scikit-learn."""
    script = "import sys, nas.data; print({'torch', 'torchvision', 'sklearn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "set()"


def test_digits_need_nothing(tmp_path: Path) -> None:
    """The digits are prepared without files, at 16x16, split 60 / 20 / 20 and sealed apart."""
    info = nas.data.prepare("digits")
    data, test = nas.data.load(info), nas.data.unseal("digits")
    assert info.shape == (1, 16, 16)
    assert (info.train, info.validation, len(test.labels)) == (1_079, 359, 359)
    assert data.train.images.dtype == torch.uint8
    assert data.train.images.max() == 255
    assert not (tmp_path / "source").exists()
    assert not set(rows(test.images)) & (set(rows(data.train.images)) | set(rows(data.validation.images)))


def test_digits_split_is_stratified() -> None:
    """Each class has its share of training, validation and test images, within one image."""
    data, test = nas.data.load(nas.data.prepare("digits")), nas.data.unseal("digits")
    parts = np.stack([split.labels.bincount().numpy() for split in (data.train, data.validation, test)])
    shares = np.outer(parts.sum(axis=1) / parts.sum(), parts.sum(axis=0))
    assert np.abs(parts - shares).max() <= 1


def test_training_sizes_are_nested() -> None:
    """A smaller training size is a prefix of a greater one, balanced, with the same validation images."""
    info = nas.data.prepare("digits")
    small, large = nas.data.load(info, 100), nas.data.load(info, 500)
    assert torch.equal(large.train.images[:100], small.train.images)
    assert torch.equal(large.validation.images, small.validation.images)
    counts = small.train.labels.bincount()
    assert (counts.max() - counts.min()) <= 2


@pytest.mark.parametrize("size", [-1, 9, 1_080])
def test_impossible_training_sizes_are_refused(size: int) -> None:
    """A training size below the number of classes or above what there is, is refused with what there is."""
    info = nas.data.prepare("digits")
    with pytest.raises(Refused, match="1,079 images are available"):
        nas.data.load(info, size)


def test_what_a_worker_writes_stays_its_own() -> None:
    """Writing to a loaded tensor changes neither the file nor what the next process loads."""
    info = nas.data.prepare("digits")
    nas.data.load(info).train.images.zero_()
    assert nas.data.load(info).train.images.sum() > 0
    assert nas.data.prepare("digits") == info


@pytest.mark.parametrize("resolution", [-1, 3, 513])
def test_impossible_resolutions_are_refused(resolution: int) -> None:
    """A resolution outside 4 to 512 is refused."""
    with pytest.raises(Refused, match="4 to 512 pixels"):
        nas.data.prepare("digits", resolution)


def test_resolution_is_part_of_the_key() -> None:
    """Another resolution is another folder, and the size as stored is the same whether asked for or not."""
    assert nas.data.prepare("digits", 8).shape == (1, 8, 8)
    assert nas.data.prepare("digits", 8).key != nas.data.prepare("digits").key
    assert nas.data.prepare("digits", 16) == nas.data.prepare("digits")


@pytest.mark.parametrize("name", ["fashion", "", "no/such/folder", "~nobody-at-all/x", "x" * 5_000])
def test_unknown_names_are_refused(name: str) -> None:
    """A name that is neither ours nor a path is refused with what can be chosen."""
    with pytest.raises(Refused, match="no data set or path") as caught:
        nas.data.prepare(name)
    assert "fashion-mnist, digits, mnist" in caught.value.hint


def test_close_names_are_suggested() -> None:
    """A misspelt name comes with the one that was probably meant."""
    with pytest.raises(Refused, match="did you mean fashion-mnist"):
        nas.data.prepare("fashoin-mnist")


def test_usual_spellings_are_understood() -> None:
    """Case and dashes of a name don't matter, and the answer has our spelling."""
    assert nas.data.prepare("Digits").name == "digits"
    assert nas.data.source_path("FashionMNIST") == nas.data.source_path("fashion_mnist")


@pytest.mark.parametrize("name", [name for name in nas.data.NAMES if name not in EMBEDDED])
def test_absent_data_names_the_ways_out(name: str, tmp_path: Path) -> None:
    """Data that isn't here is missing, with three ways out, for preparing, unsealing and verifying alike."""
    for verb in (nas.data.prepare, nas.data.unseal, nas.data.verify):
        with pytest.raises(Missing, match=str(tmp_path / "source")) as caught:
            verb(name)
        assert f"nas data {name} --fetch" in caught.value.hint
        assert "NAS_DATA_DIR" in caught.value.hint
        assert "--data digits" in caught.value.hint


def test_as_many_validate_as_are_asked_for() -> None:
    """Of 1,438 digits 200 validate, balanced, always the same; the others train, and the test split stays."""
    info = nas.data.prepare("digits", validation_size=200)
    data, usual = nas.data.load(info), nas.data.load(nas.data.prepare("digits"))
    assert (info.train, info.validation) == (1_238, 200)
    shares = usual.train.labels.bincount() + usual.validation.labels.bincount()
    assert (data.validation.labels.bincount() - 200 * shares / 1_438).abs().max() <= 1
    everything = set(rows(usual.train.images)) | set(rows(usual.validation.images))
    assert set(rows(data.train.images)) | set(rows(data.validation.images)) == everything
    assert not set(rows(data.train.images)) & set(rows(data.validation.images))
    assert nas.data.prepare("digits", validation_size=200) == info
    assert len(nas.data.load(info, 1_238).train.labels) == 1_238
    with pytest.raises(Refused, match="1,238 images are available"):
        nas.data.load(info, 1_239)


def test_the_usual_validation_size_is_the_usual_split() -> None:
    """Only another size than the usual one is another folder; it is another one at another size."""
    keys = [nas.data.prepare("digits", validation_size=size).key for size in (0, 359, 358, 200)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@pytest.mark.parametrize("size", [1, 9, 1_429, 1_438, 5_000])
def test_a_validation_split_leaves_every_class_to_both(size: int) -> None:
    """Fewer images than classes can't validate, nor so many that a class has none to train; it says what is usual."""
    with pytest.raises(Refused, match=f"each class to train and one to validate, got {size:,} of 1,438") as caught:
        nas.data.prepare("digits", validation_size=size)
    assert caught.value.hint == "as the data set has it, 359 validate"


def test_all_images_can_train(digits: DataInfo) -> None:
    """Joined, the validation images follow those of training, nothing validates, and the identity is another one."""
    whole, usual = nas.data.load(digits.all_training), nas.data.load(digits)
    assert len(whole.train.labels) == digits.train + digits.validation == whole.info.train
    assert len(whole.validation.labels) == 0
    assert torch.equal(whole.train.images[: digits.train], usual.train.images)
    assert torch.equal(whole.train.images[digits.train :], usual.validation.images)
    assert torch.equal(whole.train.labels[digits.train :], usual.validation.labels)
    assert len(nas.data.load(digits.all_training, 100).train.labels) == 100
    assert whole.info.key != digits.key
    assert (whole.info.mean, whole.info.std) == (digits.mean, digits.std)
