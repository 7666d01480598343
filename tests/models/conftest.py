"""A winner that comes with the program, in a temporary place: a small network, trained on the embedded digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.data import DataInfo
from nas.layers import Activation, AdaptivePooling, Convolution, Flatten, Linear, Normalisation, Sequence
from nas.models import exports
from nas.study import Recipe

CONVOLUTION = Convolution(width=8, kernel=3, padding=1, bias=False)
DEEPER = Convolution(width=16, kernel=3, padding=1, stride=2, bias=False)
NETWORK = Sequence(
    layers=(
        Sequence(name="stem", layers=(CONVOLUTION, Normalisation(), Activation())),
        Sequence(name="stage 1", layers=(DEEPER, Normalisation(), Activation())),
        Sequence(name="head", layers=(AdaptivePooling(size=4), Flatten(), Linear(width=10))),
    )
)
"""Pools to 4x4 whatever it is given, so that it takes images of any size."""
NAME = "digits-1k"


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory, digits: DataInfo) -> Path:
    """A folder of winners with one in it; tests don't write to it."""
    folder = tmp_path_factory.mktemp("winners")
    recipe = Recipe(data="digits", epochs=4, batch_size=32, learning_rate=0.05, precision="float32")
    exports.write(exports.trained(NETWORK, recipe, 0, digits, "cpu"), folder / NAME)
    return folder


@pytest.fixture
def winner(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the winner, which comes with the program for this test."""
    monkeypatch.setattr("nas.models.folder.winners_folder", lambda: packaged)
    return NAME
