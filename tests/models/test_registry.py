"""Networks by name: listed, made with random weights or with their own, for other classes, channels and sizes."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

import nas
from nas.data import Dataset
from nas.errors import Missing, Refused
from nas.models.folder import WEIGHTS
from nas.models.transfer import channels_changed
from nas.study import catalog

ROOT = Path(__file__).parents[2]
SMALL = 12_000_000
"""Parameters up to which a network is built in every run of the tests."""


def published() -> list[Any]:
    """Every published network; those that are large only in long tests."""
    marks = {True: (), False: (pytest.mark.long,)}
    sizes = {n.name: n.architecture.network(n.inputs, n.classes).trace(n.inputs)[1] for n in catalog.networks()}
    return [pytest.param(name, marks=marks[size < SMALL]) for name, size in sizes.items()]


def parameters(model: nas.Model) -> list[torch.Tensor]:
    """Copies of all weights."""
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_names_are_listed_by_pattern(winner: str) -> None:
    """Published networks and winners are listed together, sorted; a pattern and `pretrained` choose among them."""
    names = nas.list_models()
    assert names == sorted({*(network.name for network in catalog.networks()), winner})
    assert nas.list_models("digits-*") == nas.list_models(pretrained=True) == [winner]
    assert nas.list_models("resnet1*") == ["resnet101", "resnet152", "resnet18", "resnet18_d2l"]
    assert nas.list_models("fashion-*", pretrained=True) == nas.list_models("RESNET*") == []
    with pytest.raises(Refused, match="pattern must be a text, got 5"):
        nas.list_models(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", published())
def test_the_head_of_the_features_is_the_network(name: str) -> None:
    """Scores are the head's of the features, bit for bit, for every published network, and for two classes."""
    network = catalog.network(name)
    model = nas.create_model(name, input_size=96 if network.inputs[1] > 96 else None)
    x = torch.randn((2, *model.document.inputs), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = model.forward_features(x)
        assert torch.equal(model(x), model.forward_head(features))
        assert not torch.equal(features, x)
        model.reset_classifier(2)
        assert torch.equal(model.forward_features(x), features)
        assert model(x).shape == (2, 2)


def test_a_published_network_is_untrained_and_says_so() -> None:
    """It has the published input and as many classes, random weights of the seed, no error, and is a `Model`."""
    model = nas.create_model("resnet_20")
    assert model.document.inputs == (3, 32, 32)
    assert model.classes == tuple(map(str, range(10)))
    assert model.metrics["error"] is None
    assert not model.training
    again, other = nas.create_model("resnet_20"), nas.create_model("resnet_20", seed=1)
    pairs = list(zip(parameters(model), parameters(again), parameters(other), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, b) for a, _, b in pairs)
    state = torch.random.get_rng_state()
    nas.create_model("lenet")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_published_network_for_other_images() -> None:
    """Classes, channels and pixels are those requested, in every layer that they change."""
    model = nas.create_model("lenet_bn", num_classes=3, in_chans=4, input_size=20)
    assert model(torch.zeros(2, 4, 20, 20)).shape == (2, 3)
    assert len(model.document.mean) == 4
    assert len(nas.create_model("nin_d2l", num_classes=7, input_size=96).predict(torch.zeros(1, 96, 96)).classes) == 7


def test_a_winner_comes_with_its_weights(winner: str, packaged: Path, digits_data: Dataset) -> None:
    """It is what `nas.load` brings; without `pretrained` it has the same layers, other weights and no error."""
    model, loaded = nas.create_model(winner, pretrained=True), nas.load(packaged / winner)
    assert model.document == loaded.document
    images = digits_data.validation.images[:50]
    assert torch.equal(model.predict(images).probabilities, loaded.predict(images).probabilities)
    fresh = nas.create_model(winner)
    assert fresh.document.layers == model.document.layers
    assert fresh.document.mean == model.document.mean
    assert fresh.metrics["error"] is None
    assert not torch.equal(fresh.predict(images).probabilities, model.predict(images).probabilities)


def test_a_winner_for_other_classes_keeps_its_features(winner: str, digits_data: Dataset) -> None:
    """Only the last layer is new, the same for the same seed; the error is no longer claimed."""
    model, first, second = (
        nas.create_model(winner, pretrained=True, num_classes=count, seed=5) for count in (10, 3, 3)
    )
    x = model.preprocess(digits_data.validation.images[:20])
    assert torch.equal(model.forward_features(x), first.forward_features(x))
    assert torch.equal(first(x), second(x))
    assert first.classes == ("0", "1", "2")
    assert model.metrics["error"] is not None
    assert first.metrics["error"] is None
    assert first.document.origin == f"network {model.document.architecture}, trained on digits"


def test_a_grey_image_in_every_channel_is_the_image(winner: str, digits_data: Dataset) -> None:
    """Adapted to three or five channels, the network says of a repeated image what it said of the grey one."""
    grey = nas.create_model(winner, pretrained=True)
    images = digits_data.validation.images[:50]
    for channels in (3, 5):
        colour = nas.create_model(winner, pretrained=True, in_chans=channels)
        repeated = colour.predict(images.expand(-1, channels, -1, -1))
        torch.testing.assert_close(repeated.probabilities, grey.predict(images).probabilities)
        assert colour.metrics["error"] is None


def test_weights_are_summed_for_one_channel_and_repeated_for_more() -> None:
    """Three channels become one by their sum, and four by taking turns at three quarters of the weight."""
    weight = torch.arange(6.0).view(2, 3, 1, 1)
    summed, repeated = channels_changed(weight, 3, 1), channels_changed(weight, 3, 4)
    assert summed is not None
    assert repeated is not None
    assert summed.flatten().tolist() == [3.0, 12.0]
    assert repeated[0].flatten().tolist() == [0.0, 0.75, 1.5, 0.0]
    assert channels_changed(torch.zeros(2, 4), 3, 1) is None


def test_a_winner_takes_other_sizes_where_its_layers_do(winner: str) -> None:
    """Weights of a network that pools over all positions stay for other sizes."""
    model = nas.create_model(winner, pretrained=True, input_size=32)
    assert model.preprocess(torch.zeros(1, 16, 16)).shape == (1, 1, 32, 32)
    assert model.predict(torch.zeros(1, 16, 16)).probabilities.shape == (1, 10)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "resnet19"}, "there is no network 'resnet19'; did you mean resnet18"),
        ({"name": 5}, "name must be a text, got 5"),
        ({"name": "lenet", "seed": "a"}, "seed must be a whole number, got 'a'"),
        ({"name": "lenet", "seed": -1}, "seed must be a whole number from 0"),
        ({"name": "resnet18", "pretrained": True}, "no weights of resnet18 .* networks with weights: digits-1k"),
        ({"name": "lenet", "num_classes": 0}, "num_classes must be a whole number from 1 to 1,048,576, got 0"),
        ({"name": "lenet", "num_classes": True}, "num_classes must be a whole number"),
        ({"name": "lenet", "num_classes": 2**21}, "from 1 to 1,048,576, got 2097152"),
        ({"name": "lenet", "in_chans": -1}, "in_chans must be a whole number from 1"),
        ({"name": "lenet", "input_size": 2.5}, "input_size must be a whole number or None, got 2.5"),
        ({"name": "lenet", "input_size": 8}, "doesn't fit into an input"),
        ({"name": "resnet18", "input_size": 2**20}, "inputs must be channels, height and width"),
    ],
)
def test_what_does_not_exist_or_fit_is_refused(winner: str, settings: dict[str, Any], said: str) -> None:
    """Unknown names, networks without weights and impossible numbers are refused with the value and what there is."""
    with pytest.raises(Refused, match=said):
        nas.create_model(**settings)


def test_weights_for_a_fixed_size_are_refused_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that flattens its positions can't be had with its weights for images of another size."""
    monkeypatch.setattr("nas.models.folder.winners_folder", lambda: tmp_path)
    nas.create_model("mlp_256_128_100").save_pretrained(tmp_path / "mlp")
    with pytest.raises(Refused, match="weights for 1x28x28 don't fit a network for 1x32x32"):
        nas.create_model("mlp", pretrained=True, input_size=32)
    wide = nas.create_model("mlp", pretrained=True, in_chans=3)
    image = torch.rand(1, 28, 28)
    expected = nas.create_model("mlp", pretrained=True).predict(image).probabilities
    torch.testing.assert_close(wide.predict(image).probabilities, expected)


def test_a_damaged_winner_is_told(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winner: str) -> None:
    """Weights that aren't those of the list of hashes are an error, with random weights wanted, too."""
    shutil.copytree(packaged, tmp_path / "winners")
    monkeypatch.setattr("nas.models.folder.winners_folder", lambda: tmp_path / "winners")
    with (tmp_path / "winners" / winner / WEIGHTS).open("ab") as file:
        file.write(b"x")
    for pretrained in (True, False):
        with pytest.raises(Missing, match="is damaged"):
            nas.create_model(winner, pretrained)


def test_torch_hub_knows_the_networks(winner: str) -> None:
    """`torch.hub` loads from a checkout, without a network: every name, and each winner by its own."""
    model = torch.hub.load(str(ROOT), "digits_1k", source="local", num_classes=2)  # type: ignore[no-untyped-call]
    assert model.classes == ("0", "1")
    assert model.document.origin.startswith("network")
    lenet = torch.hub.load(str(ROOT), "nas_model", "lenet", source="local")  # type: ignore[no-untyped-call]
    assert lenet.document == nas.create_model("lenet").document
    with pytest.raises(RuntimeError, match="Cannot find callable fashion_50k"):
        torch.hub.load(str(ROOT), "fashion_50k", source="local")  # type: ignore[no-untyped-call]


def test_a_wheel_brings_the_winners(packaged: Path, tmp_path: Path) -> None:
    """Folders that lie in `nas/models/winners` are files of the wheel, and so are loaded where it is installed."""
    from hatchling.builders.wheel import WheelBuilder

    for package in ("nas", "spaces", "studies"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "results"))
    for file in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copy(ROOT / file, tmp_path)
    shutil.copytree(packaged, tmp_path / "nas" / "models" / "winners", dirs_exist_ok=True)
    wheel = next(iter(WheelBuilder(str(tmp_path)).build(directory=str(tmp_path / "dist"), versions=["standard"])))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {f"nas/models/winners/digits-1k/{file}" for file in ("model.safetensors", "SHA256SUMS")} <= set(names)
