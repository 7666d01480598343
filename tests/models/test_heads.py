"""Heads and last layers, found in the trees of every space and in odd ones."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
import torch

from nas.errors import ImpossibleShape, Refused
from nas.layers import (
    Activation,
    Concatenation,
    Convolution,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Repetition,
    Residual,
    Sequence,
    cost,
    identity,
    output_shape,
)
from nas.models.document import Document
from nas.models.heads import head_start, with_width
from nas.models.model import Model
from nas.space import Space
from nas.space.distribution import Distribution
from nas.training.modules import initialize
from spaces import ALL

INPUTS, CLASSES = (1, 28, 28), 10
SMALL = 2_000_000
"""Parameters of a network that is built in an instant."""


def small(space: Space) -> Layer:
    """The first random network of a space that takes these images and is small."""
    distribution = Distribution(space)
    source = np.random.default_rng(0)
    for _ in count():
        for point in distribution.points(source.random((64, len(distribution.names)))):
            if space.allows(point):
                try:
                    layer = space.architecture(point).network(INPUTS, CLASSES)
                    if cost(layer, INPUTS).parameters < SMALL:
                        return layer
                except ImpossibleShape:
                    continue
    raise AssertionError


@pytest.mark.parametrize("space", ALL, ids=lambda space: space.name)
def test_networks_of_every_space_have_a_head(space: Space) -> None:
    """Head after features is the network, bit for bit, and the last layer takes three classes in place of ten."""
    layer = small(space)
    document = Document(
        layers=layer,
        inputs=INPUTS,
        classes=tuple(map(str, range(CLASSES))),
        mean=(0.5,),
        std=(0.5,),
        architecture=identity(layer),
    )
    model = Model(document).eval()
    initialize(model.network, torch.Generator().manual_seed(0))
    x = torch.randn((2, *INPUTS), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = model.forward_features(x)
        assert features.shape[1:] != x.shape[1:]
        assert torch.equal(model.forward_head(features), model(x))
        model.reset_classifier(3)
        assert torch.equal(model.forward_features(x), features)
        assert model(x).shape == (2, 3)


CONVOLUTION = Convolution(width=4, kernel=1)
ODD: dict[str, tuple[Layer, int, str]] = {
    "without a name": (Sequence(layers=(CONVOLUTION, Flatten(), Linear(width=4))), 2, ""),
    "one layer": (Linear(width=4), 0, ""),
    "repeated": (Sequence(layers=(Flatten(), Repetition(layer=Linear(width=4), times=3))), 1, ""),
    "before a norm": (Sequence(layers=(Flatten(), Linear(width=4), Normalisation(), Activation())), 1, ""),
    "in a branch": (Sequence(layers=(Flatten(), Residual(branch=Linear(width=4)))), 0, "are in a Residual"),
    "beside": (Concatenation(branches=(Linear(width=2), Linear(width=2))), 0, "are in a Concatenation"),
    "without weights": (Sequence(layers=(Flatten(),)), 0, "no convolution or linear layer"),
    "an image": (CONVOLUTION, 0, "would make"),
}


@pytest.mark.parametrize("case", ODD)
def test_the_last_layer_is_found_in_odd_trees(case: str) -> None:
    """Without a head, alone, repeated or with a norm behind, it gets another width; in branches it is refused."""
    layer, start, said = ODD[case]
    inputs = (
        (1, 1, 4) if case in ("an image", "without a name") else (4,) if case in ("one layer", "beside") else (1, 1, 4)
    )
    if said:
        with pytest.raises(Refused, match=said):
            with_width(layer, 7, inputs)
    else:
        assert output_shape(with_width(layer, 7, inputs), inputs) == (7,)
        assert head_start(layer) == start
