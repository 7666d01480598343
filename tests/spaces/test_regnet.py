"""RegNet against torchvision: parameters and multiply-adds of the published networks, and the quantised line."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from nas.errors import Refused
from nas.layers import cost
from nas.space import Space
from spaces import NETWORKS, regnet
from spaces.anynet import AnyNet, build
from spaces.network import Network
from tests.spaces.test_spaces import points

OURS = {network.name: network for network in NETWORKS if network.name.startswith("regnet_")}
THEIRS = [name for name in models.list_models() if name.startswith("regnet_")]
ROUNDED = ("regnet_x_400mf", "regnet_y_800mf", "regnet_y_8gf")
"""Where torchvision's rounding gives other widths than the paper's."""


def torchvisions(name: str) -> torch.nn.Module:
    """torchvision's network without memory for its weights; only its arithmetic of widths needs real numbers."""
    widths = models.regnet.BlockParams.from_init_params

    def on_cpu(*args: object, **settings: object) -> object:
        with torch.device("cpu"):
            return widths(*args, **settings)

    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        patch.setattr(models.regnet.BlockParams, "from_init_params", on_cpu)
        network: torch.nn.Module = models.get_model(name)
    return network


def parameters(network: Network) -> int:
    """Ours, counted on the tree."""
    layer = network.architecture.network(network.inputs, network.classes)
    return cost(layer, network.inputs).parameters


@pytest.mark.parametrize("name", THEIRS)
def test_parameters_are_torchvisions(name: str) -> None:
    """Each RegNet has torchvision's number of parameters, three of them only under torchvision's rounding."""
    expected = sum(p.numel() for p in torchvisions(name).parameters())
    if name in ROUNDED:
        assert parameters(OURS[f"{name}_torchvision"]) == expected != parameters(OURS[name])
    else:
        assert parameters(OURS[name]) == expected


def test_all_of_torchvisions_are_here() -> None:
    """torchvision has fifteen RegNets; all are here by its names, and the paper's twenty-four."""
    assert len(THEIRS) == 15
    assert set(THEIRS) <= set(OURS)
    assert len(OURS) == 12 + 12 + 1 + len(ROUNDED)


@pytest.mark.parametrize("name", ["regnet_x_400mf", "regnet_x_800mf", "regnet_y_400mf", "regnet_y_1_6gf"])
def test_multiply_adds_are_torchvisions(name: str) -> None:
    """Multiply-adds at 3x224x224 are half of the operations that torch counts on torchvision's network."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        torchvisions(name).eval()(torch.empty(1, 3, 224, 224, device="meta"))
    ours = OURS[f"{name}_torchvision" if name in ROUNDED else name]
    layer = ours.architecture.network(ours.inputs, ours.classes)
    assert 2 * cost(layer, ours.inputs).multiply_adds == counter.get_total_flops()


def test_x_400mf_is_that_of_the_paper() -> None:
    """RegNetX-400MF has depths 1, 2, 7, 12, widths 32, 64, 160, 384 and 5,157,512 parameters."""
    network = OURS["regnet_x_400mf"]
    assert isinstance(network.architecture, AnyNet)
    assert network.architecture.depths == (1, 2, 7, 12)
    assert network.architecture.widths == (32, 64, 160, 384)
    assert parameters(network) == 5_157_512


PAPER: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
    ("regnet_x_200mf", (1, 1, 4, 7), (24, 56, 152, 368)),
    ("regnet_x_600mf", (1, 3, 5, 7), (48, 96, 240, 528)),
    ("regnet_x_3_2gf", (2, 6, 15, 2), (96, 192, 432, 1008)),
    ("regnet_x_32gf", (2, 7, 13, 1), (336, 672, 1344, 2520)),
    ("regnet_y_1_6gf", (2, 6, 17, 2), (48, 120, 336, 888)),
    ("regnet_y_16gf", (2, 4, 11, 1), (224, 448, 1232, 3024)),
]
"""Depths and widths that the paper's figures 16 and 17 list."""


@pytest.mark.parametrize(("name", "depths", "widths"), PAPER)
def test_stages_are_those_of_the_paper(name: str, depths: tuple[int, ...], widths: tuple[int, ...]) -> None:
    """The quantised line gives the depths and widths that the paper lists."""
    architecture = OURS[name].architecture
    assert isinstance(architecture, AnyNet)
    assert (architecture.depths, architecture.widths) == (depths, widths)


def test_the_books_regnet() -> None:
    """RegNetX-32 of the book Dive into Deep Learning: two stages, counted layer by layer by hand."""
    network = build("x", (4, 6), (32, 80), (1, 1), (16, 16), stem_width=32).network((1, 28, 28), 10)

    def block(incoming: int, width: int) -> int:
        convolutions = incoming * width + 9 * 16 * width + width * width + 3 * 2 * width
        return convolutions + (incoming * width + 2 * width if incoming != width else 0)

    stem, head = 9 * 32 + 2 * 32, 80 * 10 + 10
    projected = 32 * 32 + 2 * 32  # the first block halves the image, so its shortcut is a convolution at equal width
    expected = stem + 4 * block(32, 32) + projected + block(32, 80) + 5 * block(80, 80) + head
    assert cost(network, (1, 28, 28)).parameters == expected


@pytest.mark.parametrize("space", regnet.ALL, ids=lambda space: space.name)
def test_points_keep_their_number_of_stages(space: Space) -> None:
    """Every allowed point has the stages that its space promises, before and after widths are made compatible."""
    count = int(space.name.partition("_")[2] or 4)
    for point in points(space, 100):
        architecture = space.architecture(point)
        assert isinstance(architecture, AnyNet)
        assert len(architecture.depths) == count
        assert sum(architecture.depths) == point["depth"]


def test_blocks_without_groups_are_refused() -> None:
    """A RegNet draws a ratio and a group width, so its blocks must have both."""
    with pytest.raises(Refused, match="x or y blocks"):
        regnet.space("vr", 3)


def test_lines_by_hand() -> None:
    """Widths of blocks by equations 2 to 4, worked out on paper for d=6, w_0=24, w_a=24, w_m=2."""
    # u = 24, 48, 72, 96, 120, 144; log2(u / 24) = 0, 1, 1.58, 2, 2.32, 2.58, rounded 0, 1, 2, 2, 2, 3
    assert regnet.block_widths(24, 24, 2, 6) == [24, 48, 96, 96, 96, 192]
    assert regnet.stages([24, 48, 96, 96, 96, 192]) == ((1, 1, 3, 1), (24, 48, 96, 192))
    # multiples of 8, ties to even: 8 x 1.5 = 12 is a tie between 8 and 16
    assert regnet.block_widths(4, 8, 1.5, 2) == [8, 16]
