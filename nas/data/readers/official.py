"""The official data sets as a table: files, hashes, mirrors, classes and the reader of their format.

Fashion-MNIST's SHA-256 are of files whose MD5 are the published ones; elsewhere the MD5 that torchvision checks, or
for CIFAR-10 its authors', is all that is published.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BufferedReader

from nas.data.pictures import Stack
from nas.data.readers.formats import Part, read_cifar, read_emnist, read_idx, read_svhn

Reader = Callable[[Sequence[BufferedReader], Part], Stack]

DIGITS = tuple(string.digits)
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
LETTERS = (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One published file."""

    file: str
    """Path below the data folder, as torchvision lays it out."""
    algorithm: str
    """Name of the hash, `sha256` or `md5`."""
    digest: str
    """Hash of the whole file, hexadecimal."""
    mirrors: tuple[str, ...]
    """Addresses of the file, tried in turn."""


@dataclass(frozen=True, kw_only=True)
class Official:
    """A data set with an official test split."""

    name: str
    """As in `NAMES`."""
    channels: int
    """1 for grey, 3 for colour."""
    side: int
    """Height and width, in pixels."""
    classes: tuple[str, ...]
    """Name of each class, in the order of the labels."""
    validation: Fraction
    """Share of the official training images that validates; in (0, 1)."""
    train: tuple[Archive, ...]
    """Files that hold the training images, in the order that the reader takes."""
    test: tuple[Archive, ...]
    """Files that hold the test images; the same ones where an archive holds both."""
    read: Reader
    """Reads the open files of one part."""

    @property
    def archives(self) -> tuple[Archive, ...]:
        """Every file once."""
        return tuple(dict.fromkeys(self.train + self.test))


def _gzipped(algorithm: str, folder: str, mirrors: Sequence[str], digests: Sequence[str]) -> tuple[Archive, ...]:
    """The four archives of a data set in MNIST's layout, training images and labels first."""
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        Archive(
            file=f"{folder}/raw/{name}-ubyte.gz",
            algorithm=algorithm,
            digest=digest,
            mirrors=tuple(f"{mirror}{name}-ubyte.gz" for mirror in mirrors),
        )
        for name, digest in zip(names, digests, strict=True)
    )


_FASHION = _gzipped(
    "sha256",
    "FashionMNIST",
    (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)
_MNIST = _gzipped(
    "md5",
    "MNIST",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/",),
    (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
)
_KMNIST = _gzipped(
    "md5",
    "KMNIST",
    ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    (
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    ),
)
_EMNIST = Archive(
    file="EMNIST/raw/gzip.zip",
    algorithm="md5",
    digest="58c8d27c78d21e728a6bc7b3cc06412e",
    mirrors=("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
)
_SVHN_TRAIN = Archive(
    file="train_32x32.mat",
    algorithm="md5",
    digest="e26dedcc434d2e4c54c9b2d4a06d8373",
    mirrors=("http://ufldl.stanford.edu/housenumbers/train_32x32.mat",),
)
_SVHN_TEST = Archive(
    file="test_32x32.mat",
    algorithm="md5",
    digest="eb5a983be6a315427106f1b164d9cef3",
    mirrors=("http://ufldl.stanford.edu/housenumbers/test_32x32.mat",),
)
_CIFAR = Archive(
    file="cifar-10-binary.tar.gz",
    algorithm="md5",
    digest="c32a1d4ab5d03f1284b67883e8d87530",
    mirrors=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)


def _grey(name: str, classes: tuple[str, ...], archives: tuple[Archive, ...]) -> Official:
    """A data set in MNIST's layout and size: of 60,000 training images, 10,000 validate."""
    return Official(
        name=name,
        channels=1,
        side=28,
        classes=classes,
        validation=Fraction(1, 6),
        train=archives[:2],
        test=archives[2:],
        read=read_idx,
    )


OFFICIAL: Mapping[str, Official] = {
    "fashion-mnist": _grey("fashion-mnist", FASHION, _FASHION),
    "mnist": _grey("mnist", DIGITS, _MNIST),
    "kmnist": _grey("kmnist", KANA, _KMNIST),
    "emnist": Official(
        name="emnist",
        channels=1,
        side=28,
        classes=LETTERS,
        validation=Fraction(1, 6),
        train=(_EMNIST,),
        test=(_EMNIST,),
        read=read_emnist,
    ),
    "svhn": Official(
        name="svhn",
        channels=3,
        side=32,
        classes=DIGITS,
        validation=Fraction(10_000, 73_257),
        train=(_SVHN_TRAIN,),
        test=(_SVHN_TEST,),
        read=read_svhn,
    ),
    "cifar10": Official(
        name="cifar10",
        channels=3,
        side=32,
        classes=OBJECTS,
        validation=Fraction(1, 5),
        train=(_CIFAR,),
        test=(_CIFAR,),
        read=read_cifar,
    ),
}
