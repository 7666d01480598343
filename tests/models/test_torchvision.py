"""torchvision's weights in our networks: equal outputs, or a refusal that names where they differ."""

from __future__ import annotations

from urllib.error import URLError

import pytest
import torch
from torch import nn
from torchvision import models

import nas
from nas.errors import Missing, Refused
from spaces import NETWORKS
from tests.toys.torchvisions import of_chance

SMALL = "regnet_y_400mf"
ONE_OF_EACH = (
    "alexnet",
    "vgg11_bn",
    "googlenet",
    "resnet18",
    "resnet50",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "densenet121",
    "regnet_x_400mf",
    "regnet_x_1_6gf",
    "regnet_y_400mf",
    "regnet_y_800mf",
)
"""Of every family and every kind of block."""
NAMES = {network.name for network in NETWORKS}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ONE_OF_EACH if name in NAMES])
def test_outputs_are_equal(name: str) -> None:
    """With torchvision's weights and statistics, all drawn by chance, ours gives torchvision's outputs to 1e-5."""
    theirs = of_chance(name)
    ours = nas.load_torchvision(name, theirs)
    images = torch.randn(2, 3, 96, 80, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, found = theirs(images), ours(images)
    assert not ours.training
    assert float(expected.std()) > 1e-4 * float(expected.abs().max()) > 0
    assert torch.allclose(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_a_module_of_other_classes_is_taken_as_it_is() -> None:
    """A torchvision module with seven classes gives a network of seven, and keeps its modes."""
    theirs = models.get_model(SMALL, num_classes=7).train()
    theirs.stem.eval()
    ours = nas.load_torchvision(SMALL, theirs)
    assert theirs.training
    assert not theirs.stem.training
    assert ours(torch.zeros(1, 3, 32, 32)).shape == (1, 7)


def test_a_state_dict_gives_the_same_network() -> None:
    """Weights without a module give what the module gives, with as many classes as are said."""
    theirs = models.get_model(SMALL, num_classes=7).eval()
    ours = nas.load_torchvision(SMALL, weights=theirs.state_dict(), classes=7)
    image = torch.randn(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image))


PUBLISHED = {SMALL: models.RegNet_Y_400MF_Weights.DEFAULT, "googlenet": models.GoogLeNet_Weights.DEFAULT}


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name in NAMES])
def test_published_weights_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torchvision would download is what ours gets; GoogLeNet's without auxiliary heads and change of input."""
    more = {"init_weights": False, "transform_input": False} if name == "googlenet" else {}
    theirs = models.get_model(name, **more).eval()  # with auxiliary heads, as the published file has them
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda *_, **__: theirs.state_dict())
    ours = nas.load_torchvision(name, weights=PUBLISHED[name])
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image))


def test_weights_that_cant_be_had_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the error says which file is wanted, and exits 69."""

    def offline(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", offline)
    with pytest.raises(Missing, match="no network") as missing:
        nas.load_torchvision(SMALL, weights=PUBLISHED[SMALL])
    assert "regnet_y_400mf" in missing.value.hint


def test_random_weights_come_from_the_seed() -> None:
    """Without weights they are drawn from the seed, and torch's global generator stays as it was."""
    before = torch.random.get_rng_state()
    first, same, other = (nas.load_torchvision(SMALL, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = [next(network.parameters()) for network in (first, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_first_layer_that_differs_is_named() -> None:
    """Another setting of a norm, another stride, a layer more and one less are refused with path and both layers."""
    theirs = of_chance(SMALL)
    theirs.stem[1].eps = 1e-3
    with pytest.raises(Refused, match=r"layer 2 of regnet_y_400mf differs: torchvision's is stem\.1, .*eps=0\.001"):
        nas.load_torchvision(SMALL, theirs)
    theirs = of_chance(SMALL)
    theirs.trunk_output.block1[0].f.b[0].stride = (1, 1)
    with pytest.raises(Refused, match=r"differs: torchvision's is trunk_output\.block1\.block1-0\.f\.b\.0"):
        nas.load_torchvision(SMALL, theirs)
    theirs = of_chance(SMALL)
    theirs.fc = nn.Sequential(theirs.fc, nn.BatchNorm1d(1000))
    with pytest.raises(Refused, match=r"BatchNorm1d.*, ours is missing"):
        nas.load_torchvision(SMALL, theirs)
    theirs.fc = nn.Identity()
    with pytest.raises(Refused, match="torchvision's is missing, ours is Linear"):
        nas.load_torchvision(SMALL, theirs)


def test_equal_layers_joined_otherwise_are_refused() -> None:
    """A network with the same layers and another activation has other outputs, and isn't handed out."""
    theirs = of_chance(SMALL)
    theirs.trunk_output.block2[0].activation = nn.Tanh()
    with pytest.raises(Refused, match="not its output"):
        nas.load_torchvision(SMALL, theirs)


def test_what_isnt_torchvisions_is_refused() -> None:
    """Names that one of both doesn't have, and weights of another network."""
    with pytest.raises(Refused, match="torchvision has no network 'regnet_x_200mf'"):
        nas.load_torchvision("regnet_x_200mf")
    with pytest.raises(Refused, match="no network 'vit_b_16'"):
        nas.load_torchvision("vit_b_16")
    with pytest.raises(Refused, match=r"torchvision's regnet_y_400mf: .* more lines?") as caught:
        nas.load_torchvision(SMALL, weights={"fc.weight": torch.zeros(3)})
    assert len(str(caught.value)) < 400
    with pytest.raises(Refused, match=r"weights must be a dict of texts to Tensors, .* or None, got 'DEFAULT'"):
        nas.load_torchvision(SMALL, weights="DEFAULT")
    for classes in (0, -1, 2.5):
        with pytest.raises(Refused, match=f"classes must be a whole number .*got {classes}"):
            nas.load_torchvision(SMALL, classes=classes)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="aren't weights of regnet_y_400mf"):
        nas.load_torchvision(SMALL, weights=models.RegNet_X_400MF_Weights.DEFAULT)
    with pytest.raises(Refused, match="not both"):
        nas.load_torchvision(SMALL, nn.Identity(), classes=3)
