"""The other side of the comparison: a training as *Dive into Deep Learning* (Zhang et al., chapters 4, 7, 8) writes it.

FashionMNIST as PIL images, resized and made tensors one by one in a DataLoader of four processes; the plain module in
torch's default memory layout, precision and number of threads; loss and accuracy read back at every step. Written by
us from the book's description. `python -m tests.benchmarks.book` reads a Question and writes a Speed.
"""

from __future__ import annotations

import sys
import time
import warnings
from itertools import chain, repeat
from math import inf

import msgspec
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from nas.data import DataInfo, Split, load
from nas.layers import Layer
from nas.training.modules import build, initialize

LOADERS = 4
"""Processes of a DataLoader, as in the book, whatever the machine has."""
LEARNING_RATE = 0.05
"""The book's for RegNetX32."""
WARM_UP = 3
"""Steps on noise before the clock starts."""

CPU = torch.device("cpu")

Example = tuple[Tensor, int]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch to be measured."""

    layer: Layer
    """The network."""
    info: DataInfo
    """Data prepared at the size of their source."""
    resolution: int
    """Height and width that every image is resized to, in pixels."""
    images: int
    """Training images, the first of the fixed order."""
    batch_size: int
    """Images a step."""
    evaluated: bool = True
    """Whether a pass over the validation images follows, which only `seconds` counts."""


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    images_per_second: float
    """From the first batch delivered to the end of the epoch: the start of the loader's processes isn't in it."""
    seconds: float
    """From building the network to the end of the evaluation, with the start of the loaders."""
    threads: int
    """Threads of torch."""


class Pictures(TorchDataset[Example]):
    """Images as torchvision's FashionMNIST gives them: a PIL image made and transformed when it is asked for."""

    def __init__(self, split: Split, resolution: int) -> None:
        self._images, self._labels = split.images.squeeze(1), split.labels  # (count, height, width)
        self._transform = transforms.Compose([transforms.Resize((resolution, resolution)), transforms.ToTensor()])

    def __len__(self) -> int:
        """Images."""
        return len(self._labels)

    def __getitem__(self, index: int) -> Example:
        """One image in [0, 1], and its label."""
        image = Image.fromarray(self._images[index].numpy())
        return self._transform(image), int(self._labels[index])


def measure(question: Question) -> Speed:
    """One epoch and its evaluation, after a few steps that aren't counted."""
    data = load(question.info, question.images)
    _warm_up(question)
    begun = time.perf_counter()
    module = plain(question)
    training = batches(data.train, question, shuffle=True)
    speed = train_epoch(module, training)
    if question.evaluated:
        evaluate(module, batches(data.validation, question, shuffle=False))
    return Speed(images_per_second=speed, seconds=time.perf_counter() - begun, threads=torch.get_num_threads())


def plain(question: Question) -> nn.Module:
    """The module as the book would write it: Xavier's initial values, and no layer overwrites its input."""
    module = build(question.layer, (question.info.shape[0], question.resolution, question.resolution))
    initialize(module, torch.Generator().manual_seed(0), "xavier")
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    return module


def batches(split: Split, question: Question, *, shuffle: bool) -> DataLoader[Example]:
    """The book's loader."""
    pictures = Pictures(split, question.resolution)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create")  # more processes than cores
        return DataLoader(pictures, question.batch_size, shuffle=shuffle, num_workers=LOADERS)


def train_epoch(module: nn.Module, loader: DataLoader[Example], device: torch.device = CPU, most: float = inf) -> float:
    """The book's loop over one epoch, or its first steps; images a second from the first batch delivered."""
    optimizer = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
    criterion = nn.CrossEntropyLoss()
    module.train()
    total = right = 0.0
    count = 0
    delivered = iter(loader)
    first = next(delivered)
    begun = time.perf_counter()
    for step, (pictures, numbers) in enumerate(chain([first], delivered)):
        if step >= most:
            break
        images, labels = pictures.to(device), numbers.to(device)
        optimizer.zero_grad()
        logits = module(images)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        total += float(loss) * len(labels)
        right += float((logits.argmax(1) == labels).sum())
        count += len(labels)
    return count / (time.perf_counter() - begun)


@torch.no_grad()
def evaluate(module: nn.Module, loader: DataLoader[Example], device: torch.device = CPU) -> float:
    """Share of images that are classified rightly."""
    module.eval()
    right, count = 0.0, 0
    for pictures, numbers in loader:
        images, labels = pictures.to(device), numbers.to(device)
        right += float((module(images).argmax(1) == labels).sum())
        count += len(labels)
    return right / count


def _warm_up(question: Question) -> None:
    """Steps that let the libraries choose and build their kernels."""
    size = (question.batch_size, question.info.shape[0], question.resolution, question.resolution)
    noise = (torch.rand(size), torch.zeros(question.batch_size, dtype=torch.int64))
    module = plain(question)
    optimizer = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
    for images, labels in repeat(noise, WARM_UP):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(module(images), labels))
        optimizer.step()


def main() -> None:
    """Answer questions, a line each."""
    for line in sys.stdin.buffer:
        speed = measure(msgspec.json.decode(line, type=Question))
        sys.stdout.buffer.write(msgspec.json.encode(speed) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
