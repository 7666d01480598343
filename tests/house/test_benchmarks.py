"""The benchmarks: their networks are what they say, and both sides run through the code that is measured."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.regnet import BlockParams, RegNet
from torchvision.models.vgg import make_layers

from nas.data import DataInfo, Dataset
from nas.engines.inline import InlineEngine
from nas.layers import Convolution, Layer, cost, identity, rows
from nas.study import Recipe
from nas.training.modules import build, initialize
from tests.benchmarks import networks, ours, report, roofline, throughput
from tests.benchmarks.book import Pictures
from tests.benchmarks.networks import SAMPLE_LIMITS, Subject, sample
from tests.benchmarks.others import Moment
from tests.benchmarks.report import Report, Settings
from tests.benchmarks.shares import GROUPS, kernel_group

NETWORK = "RegNetX32 28x28"
TINY = "--data digits --images 64 --batch 32 --pairs 1 --workers 2 --peak-seconds 0.01 --profile"
GOLDEN_SAMPLE = {
    "AnyNetX_A_3": (
        "63581006ee06ba02 ef9c5a543d9b1cc3 b8becf33b6ac586f d2327b71f2a08cf7 "
        "b5eededa0becaed3 ad2d8062428a57bf b02777cfd35d8e3d a36ede9729586656"
    ),
    "AnyNetX_E_3": (
        "d35be7920bc442a6 4360a786f17c44da 91026d756fe8da98 0ae7a04719b94c8d "
        "f2a0dc975e9dc78b 98a7afd13f3a107b c56c81748ef823e4 2b433655eb716b16"
    ),
    "RegNetX_3": (
        "e5240d48f32d6ba0 6b8e86a6cecc1bd5 c3e0f6ad8d0d9964 4fdfd03c6ee5fc20 "
        "b3044c7529096d0f f69e1e7ca6b8736b 31b80b3543ace37b d7d186c8767ada4f"
    ),
}
"""Identities of the sample: measurements of two versions can be compared only while they stay."""
BOOK_DENSENET = 758_226
"""Parameters of the book's DenseNet for one grey channel, whose convolutions have biases."""


def book_network(name: str) -> Subject:
    """A network of the book."""
    return next(subject for subject in networks.book() if subject.name == name)


def parameters(layer: Layer, resolution: int) -> int:
    """Trainable numbers on grey images."""
    return cost(layer, (1, resolution, resolution)).parameters


def shapes(module: nn.Module) -> list[tuple[int, ...]]:
    """Shapes of all parameters in order of size."""
    return sorted(tuple(parameter.shape) for parameter in module.parameters())


def test_sample_is_fixed() -> None:
    """The 24 networks of the sample never change."""
    golden = [(space, name) for space, names in GOLDEN_SAMPLE.items() for name in names.split()]
    found = [(subject.name.rpartition(" ")[0], identity(subject.layer)) for subject in sample()]
    assert found == golden
    assert len(set(found)) == 24


def test_sample_lies_in_its_window() -> None:
    """Each network of the sample has 3 to 6 million multiply-adds."""
    low, high = SAMPLE_LIMITS.multiply_adds
    assert (low, high) == (3_000_000, 6_000_000)
    assert all(low <= subject.multiply_adds <= high for subject in sample())


def test_resnet_computes_what_torchvision_computes() -> None:
    """ResNet-18 with torchvision's weights gives torchvision's answers."""
    theirs = resnet18(num_classes=networks.CLASSES)
    theirs.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    mine = build(networks.resnet18(), (1, 64, 64))
    initialize(mine, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for own, their in zip(mine.parameters(), theirs.parameters(), strict=True):
            own.copy_(their)
        images = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))
        assert torch.allclose(mine.eval()(images), theirs.eval()(images), rtol=1e-4, atol=1e-5)


def test_regnet_has_the_parameters_of_torchvision() -> None:
    """RegNetX32 is torchvision's RegNet with the book's depths, widths and groups."""
    blocks = BlockParams([4, 6], [32, 80], [16, 16], [1.0, 1.0], [2, 2])
    theirs = RegNet(blocks, num_classes=networks.CLASSES, stem_width=32)
    theirs.stem[0] = nn.Conv2d(1, 32, 3, 2, 1, bias=False)
    assert shapes(build(networks.regnetx32(), (1, 28, 28))) == shapes(theirs)


def test_vgg_has_the_convolutions_of_torchvision() -> None:
    """A quarter of VGG-11 has torchvision's convolutions at a quarter of their widths, and the book's three layers."""
    theirs = make_layers([16, "M", 32, "M", 64, 64, "M", 128, 128, "M", 128, 128, "M"])
    theirs[0] = nn.Conv2d(1, 16, 3, padding=1)
    head = (128 * 3 * 3 + 1) * 4096 + 4097 * 4096 + 4097 * networks.CLASSES
    convolutions = sum(parameter.numel() for parameter in theirs.parameters())
    assert parameters(networks.vgg11_quarter(), 96) == convolutions + head


def test_densenet_has_the_parameters_of_the_book() -> None:
    """DenseNet has the book's parameters, but for the biases of convolutions, which a norm would cancel."""
    kind = Convolution.__name__
    layers = rows(networks.densenet(), (1, 96, 96))
    biases = sum(row.times * row.output[0] for row in layers if row.kind == kind)
    assert parameters(networks.densenet(), 96) + biases == BOOK_DENSENET


def test_pictures_are_the_images(digits_data: Dataset) -> None:
    """The book's pipeline delivers the prepared pixels in [0, 1], at whatever size."""
    image, label = Pictures(digits_data.train, 16)[5]
    assert torch.equal(image, digits_data.train.images[5] / 255)
    assert label == digits_data.train.labels[5]
    assert Pictures(digits_data.train, 28)[5][0].shape == (1, 28, 28)


def test_failed_training_has_no_speed(digits: DataInfo) -> None:
    """A training that fails ends the benchmark with its reason, instead of counting as slow or fast."""
    subject = Subject(name="DenseNet", layer=networks.densenet(), resolution=16)
    recipe = Recipe(data="digits", train_size=100, epochs=1)
    with pytest.raises(ours.TrainingFailed, match="doesn't fit"):
        ours.answers(InlineEngine(), ours.jobs(subject, recipe, digits, 1))


@pytest.mark.parametrize(
    ("operator", "group"),
    [
        ("aten::mkldnn_convolution", "convolutions forward"),
        ("aten::convolution_backward", "convolutions backward"),
        ("aten::addmm", "matrix products"),
        ("aten::native_batch_norm_backward", "norm"),
        ("aten::add_", "elementwise"),
        ("aten::threshold_backward", "elementwise"),
        ("aten::conv2d", None),
        ("aten::empty", None),
        ("Optimizer.step#SGD.step", None),
    ],
)
def test_kernels_are_told_from_what_calls_them(operator: str, group: str | None) -> None:
    """Operators that compute belong to a group; those that only dispatch or allocate don't."""
    assert kernel_group(operator) == group


def test_ratio_is_told_with_its_spread() -> None:
    """A ratio is the median of its pairs, with the least and the most of them."""
    assert report.spread([3.0, 1.0, 2.5]) == "2.50 [1.00-3.00]"


def test_own_work_is_not_that_of_others() -> None:
    """Time that this process and its children work doesn't count as that of other programs."""
    moment = Moment(wall=time.perf_counter() - 10, busy=Moment.now().busy, own=Moment.now().own)
    assert replace(moment, busy=moment.busy - 5).others_since() > 0
    assert replace(moment, busy=moment.busy - 5, own=moment.own - 1000).others_since() == 0


def test_networks_are_chosen_by_group_or_name() -> None:
    """`all` are the five and the 24; names may be joined by commas, and an unknown one is refused."""
    assert len(throughput.subjects_named("all")) == 29
    chosen = throughput.subjects_named(f"DenseNet 96x96,{NETWORK}")
    assert [subject.name for subject in chosen] == ["DenseNet 96x96", NETWORK]
    with pytest.raises(ArgumentTypeError, match="no network 'x'"):
        throughput.subjects_named("x")


@pytest.fixture(scope="module")
def measured(own_cache: Path) -> tuple[Report, str]:
    """One pair on the digits through the command, read back from its file, and what it printed."""
    file, printed = own_cache / "report.json", pytest.MonkeyPatch()
    lines: list[str] = []
    with printed.context() as patch:
        patch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # else the threads of the book crawl where other tests run
        patch.setattr(sys.stdout, "write", lines.append)
        throughput.main([*f"{TINY} --json {file}".split(), "--networks", NETWORK])
    return msgspec.json.decode(file.read_bytes(), type=Report), "".join(lines)


@pytest.mark.long
def test_command_measures_both_sides(measured: tuple[Report, str]) -> None:
    """Each pair has the speed of the book's loop and that of our workers, on the same number of images."""
    (line,) = measured[0].lines
    (pair,) = line.pairs
    assert line.images == 64
    assert pair.ours.networks == 2
    for side in (pair.book, pair.ours):
        assert side.images_per_second > 0
        assert side.seconds > 0
    assert measured[0].peak.rate > 0
    assert measured[0].bandwidth.rate > 0


@pytest.mark.long
def test_command_looks_into_our_side(measured: tuple[Report, str]) -> None:
    """The shares of time add up to the whole, with kernels in them, and the memory of a worker was seen."""
    shares, memory = measured[0].lines[0].shares, measured[0].lines[0].memory
    assert tuple(shares.split) == (*GROUPS, "rest")
    assert sum(shares.split.values()) == pytest.approx(1)
    assert shares.split["convolutions forward"] > 0
    assert 0 < memory.anonymous <= memory.resident


@pytest.mark.long
def test_command_prints_a_table(measured: tuple[Report, str]) -> None:
    """The table has a row for the network with all columns; another shows its shares, a third one its roofline."""
    report_lines = measured[1].splitlines()
    rows_found = [line for line in report_lines if line.startswith(NETWORK)]
    assert len(rows_found) == 3
    assert all(heading in measured[1] for heading in (*report.HEADINGS, *GROUPS, *roofline.HEADINGS))
    assert all(bound.kind in measured[1] for bound in measured[0].lines[0].bounds)
    assert measured[0].machine.instruction_set in measured[1]


@pytest.mark.slow
def test_scaling_compares_one_worker_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scaling tells the ratio of all workers to one."""
    monkeypatch.setattr(throughput, "LocalEngine", lambda workers: InlineEngine())  # starting processes takes seconds
    subject = book_network(NETWORK)
    settings = Settings(data="digits", batch_size=64, workers=2, pairs=1, images=128, seconds=1.0, precision="float32")
    assert "2 workers" in throughput.scaling(subject, settings)
