"""What the parts of a network are called, and how files from before they had names are read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nas.errors import Refused
from nas.layers import Activation, Convolution, Linear, Sequence
from nas.models import weights
from nas.training.modules import build
from nas.training.names import by_position, names_of
from spaces.resnet import build as resnet
from tests.toys.untrained import untrained

IMAGES = (3, 8, 8)
CLASSES = ("a", "b")
BLOCKS = resnet("basic", (1, 2), (8, 16), stem="3x3/1").network(IMAGES, len(CLASSES))


def test_keys_name_the_parts() -> None:
    """Stages, blocks and layers are called what they are; one of several of a kind has a number."""
    keys = list(build(BLOCKS, IMAGES).state_dict())
    assert keys[0] == "stem.conv.weight"
    assert "stage_1.block.residual.branch.conv_2.weight" in keys
    assert "stage_2.blocks.block.residual.branch.norm_1.running_mean" in keys
    assert keys[-1] == "head.linear.bias"
    assert not [key for key in keys if any(part.isdigit() for part in key.split("."))]


def test_names_are_unique_and_free() -> None:
    """Names that Python or torch has, or that stand twice, are changed; others are as people wrote them."""
    conv, relu = Convolution(width=4), Activation()
    row = [Sequence(name=name) for name in ("class", "append", "Stage 1", "stage_1", "é", "conv 1")]
    assert names_of([*row, conv, relu, conv, Linear(width=1)]) == [
        "part_class",
        "part_append",
        "stage_1_1",
        "stage_1_2",
        "part_",
        "conv_1",
        "conv_1_2",
        "relu",
        "conv_2",
        "linear",
    ]


def test_files_with_numbers_are_read(tmp_path: Path) -> None:
    """Weights whose keys number the parts of rows, as older ones do, come back equal to the bit; others are refused."""
    model = untrained(BLOCKS, IMAGES, CLASSES)
    ours = model.network.state_dict()
    numbered = {by_position(model.network, name): tensor for name, tensor in ours.items()}
    assert "0.0.weight" in numbered
    assert "2.1.0.0.branch.1.running_mean" in numbered
    save_file(numbered, tmp_path / "old.safetensors")
    fresh = build(BLOCKS, IMAGES)
    weights.load_into(fresh, model.document, tmp_path / "old.safetensors")
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, ours[name])
    del numbered["0.0.weight"]
    save_file(numbered, tmp_path / "less.safetensors")
    with pytest.raises(Refused, match=r"'stem.conv.weight' is missing"):
        weights.load_into(fresh, model.document, tmp_path / "less.safetensors")


def test_an_exported_file_is_a_state_dict(tmp_path: Path) -> None:
    """`load_state_dict(load_file(...))` takes the weights of a folder."""
    model = untrained(BLOCKS, IMAGES, CLASSES)
    weights.write(model.network, model.document, tmp_path / "model.safetensors")
    model.network.load_state_dict(load_file(tmp_path / "model.safetensors"))
