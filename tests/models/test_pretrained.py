"""Networks that their users change: saved and loaded again, with a document that claims nothing that isn't so."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import nas
from nas.data import Dataset
from nas.errors import Refused, StorageFailed
from nas.models.exports import verify
from nas.models.folder import CURVE, WEIGHTS
from nas.models.heads import with_width
from nas.models.model import Model
from tests.models.conftest import NETWORK


@pytest.fixture
def model(winner: str) -> Model:
    """The winner."""
    return nas.create_model(winner, pretrained=True)


def tuned(model: Model) -> None:
    """One step of a training."""
    model.train()
    functional.cross_entropy(
        model(torch.randn(8, *model.document.inputs)), torch.zeros(8, dtype=torch.int64)
    ).backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()


CHANGES: dict[str, Callable[[Model], object]] = {
    "other classes": lambda model: model.reset_classifier(3, classes=("a", "b", "c")),
    "as many classes": lambda model: model.reset_classifier(10),
    "one class": lambda model: model.reset_classifier(1),
    "tuned": tuned,
    "tuned for other classes": lambda model: (model.reset_classifier(4), tuned(model)),
    "half": lambda model: model.half(),
    "bfloat16": lambda model: model.bfloat16(),
    "statistics alone": lambda model: model.train()(torch.randn(4, 1, 16, 16)),
    "one weight": lambda model: next(model.parameters()).data.view(-1)[0].add_(1),
}
KEPT: dict[str, Callable[[Model], object]] = {
    "nothing": lambda model: None,
    "training mode": lambda model: model.train(),
    "double": lambda model: model.double(),
    "order in memory": lambda model: model.to(memory_format=torch.contiguous_format),
    "frozen": lambda model: model.requires_grad_(False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_network_comes_back_without_its_error(model: Model, change: str, tmp_path: Path) -> None:
    """Layers, classes and weights are as saved; error, data, curve and recipe of the training are claimed no more."""
    assert model.metrics["error"] is not None
    CHANGES[change](model)
    assert model.metrics["error"] is None
    model.save_pretrained(tmp_path / "saved")
    again = nas.load(tmp_path / "saved")
    assert again.classes == model.classes
    assert again.document.error is again.document.recipe is None
    assert again.document.origin.endswith("trained on digits")
    assert not (tmp_path / "saved" / CURVE).exists()
    assert not again.training
    images = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.predict(images).probabilities, model.float().predict(images).probabilities)


def test_as_many_classes_are_new_ones(model: Model) -> None:
    """The last layer is drawn anew even where its shape stays, and it alone."""
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    model.reset_classifier(10, seed=1)
    changed = [name for name, tensor in model.network.state_dict().items() if not torch.equal(tensor, before[name])]
    assert changed == list(before)[-2:]


@pytest.mark.parametrize("change", KEPT)
def test_what_changes_no_weight_keeps_the_error(model: Model, change: str, tmp_path: Path) -> None:
    """Modes, places and wider types change nothing: the document is equal, and `nas verify` finds the error again."""
    KEPT[change](model)
    model.save_pretrained(tmp_path / "saved")
    again = nas.load(tmp_path / "saved")
    assert again.document == model.document
    assert again.curve == model.curve
    assert verify(tmp_path / "saved", lambda line: None)


def test_saving_twice_loses_nothing(model: Model, tmp_path: Path) -> None:
    """What was loaded of a changed network is saved as it is, with the origin of the first."""
    tuned(model)
    model.save_pretrained(tmp_path / "first")
    first = nas.load(tmp_path / "first")
    tuned(first)
    first.save_pretrained(tmp_path / "second")
    second = nas.load(tmp_path / "second")
    assert second.document == first.document
    assert (tmp_path / "first" / WEIGHTS).read_bytes() != (tmp_path / "second" / WEIGHTS).read_bytes()
    assert copy.deepcopy(second).document == second.document


@pytest.mark.parametrize(
    "settings", [{"num_classes": 2}, {"in_chans": 3}, {"input_size": 32}, {"in_chans": 2, "num_classes": 5}]
)
@pytest.mark.parametrize("pretrained", [True, False])
def test_every_argument_comes_back(winner: str, settings: dict[str, int], pretrained: bool, tmp_path: Path) -> None:
    """Networks made for other classes, channels and sizes are loaded with them."""
    made = nas.create_model(winner, pretrained, **settings)  # type: ignore[arg-type]
    made.save_pretrained(tmp_path / "saved")
    again = nas.load(tmp_path / "saved")
    assert again.document == made.document
    x = torch.randn(2, *made.document.inputs)
    assert torch.equal(again(x), made(x))


def test_a_taken_folder_is_refused(model: Model, tmp_path: Path) -> None:
    """Something in the folder, a file of its name and a place that can't be written are errors; nothing is left."""
    model.save_pretrained(tmp_path / "saved")
    before = (tmp_path / "saved" / WEIGHTS).read_bytes()
    tuned(model)
    with pytest.raises(Refused, match="exists and isn't empty"):
        model.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / WEIGHTS).read_bytes() == before
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="exists and isn't empty"):
        model.save_pretrained(str(tmp_path / "file"))
    with pytest.raises(StorageFailed, match="can't be written"):
        model.save_pretrained(tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "saved"]


def test_layers_put_in_by_hand_are_refused(model: Model, tmp_path: Path) -> None:
    """A network that isn't its document's any more isn't saved; the message names the tensor and the way."""
    model.network.set_submodule("head.linear", nn.Linear(256, 3))
    with pytest.raises(Refused, match=r"isn't the one of its document any more: 'head\.linear\.weight'") as error:
        model.save_pretrained(tmp_path / "saved")
    assert "reset_classifier" in error.value.hint
    assert not (tmp_path / "saved").exists()


def test_the_card_says_what_is_known(model: Model, tmp_path: Path) -> None:
    """That of a changed network names its origin and no error, and `nas verify` has nothing to compare."""
    model.reset_classifier(2, classes=("even", "odd"))
    model.save_pretrained(tmp_path / "saved")
    text = (tmp_path / "saved" / "card.md").read_text()
    assert "It began as network" in text
    assert "2: even, odd" in text
    assert "error |" not in text
    said: list[str] = []
    assert verify(tmp_path / "saved", said.append)
    assert said[-1] == "its error was never measured: there is nothing to compare"


def test_documents_of_before_are_read(packaged: Path, winner: str) -> None:
    """A description without the field on its origin, as all were, is the same network."""
    file = packaged / winner / "architecture.json"
    entries = json.loads(file.read_text())
    entries.pop("origin")
    assert nas.models.document.decode(json.dumps(entries)) == nas.load(packaged / winner).document


def test_resetting_keeps_all_but_the_last_layer(model: Model) -> None:
    """Modules, modes, precision and frozen weights of the rest stay; the new layer has the place of the old one."""
    model.double().requires_grad_(False)
    body, last = model.get_submodule("network.stem"), model.get_submodule("network.head.linear")
    model.reset_classifier(3)
    new = model.get_submodule("network.head.linear")
    assert model.get_submodule("network.stem") is body
    assert new is not last
    assert isinstance(new, nn.Linear)
    assert (new.weight.dtype, new.out_features, new.training) == (torch.float64, 3, False)
    assert [name for name, weight in model.named_parameters() if weight.requires_grad] == [
        "network.head.linear.weight",
        "network.head.linear.bias",
    ]


@pytest.mark.parametrize(
    ("count", "names", "said"),
    [
        (0, (), "num_classes must be a whole number from 1"),
        (2.0, (), "num_classes must be a whole number"),
        (2, ("a",), "classes must be 2 different names"),
        (2, ("a", "a"), "classes must be 2 different names"),
        (2, "ab", "classes must be 2 different names"),
        (2, 5, "classes must be 2 different names"),
        (2, (1, "1"), "classes must be 2 different names"),
        (2, np.array(["a", "b"]), "classes must be 2 different names"),
        (2, ("\ud800", "b"), "texts that files can hold"),
    ],
)
def test_classes_that_cannot_be_are_refused(model: Model, count: int, names: tuple[str, ...], said: str) -> None:
    """Numbers below 1 and names that are too few, equal or a text are refused; the network stays."""
    with pytest.raises(Refused, match=said):
        model.reset_classifier(count, classes=names)
    assert model.metrics["error"] is not None


def test_a_number_has_no_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that predicts a column keeps its output, and refuses images, classes and channels."""
    recipe = nas.Recipe(data="diabetes", target="progression", epochs=1)
    number = nas.train("dense_mlp", recipe, out=tmp_path / "winners" / "number", device="cpu")
    with pytest.raises(Refused, match="predicts a number, progression: it has no classes"):
        number.reset_classifier(2)
    with pytest.raises(Refused, match="predicts progression from a table, got Tensor"):
        number.predict(torch.zeros(1, 16, 16))  # type: ignore[call-overload]
    monkeypatch.setattr("nas.models.folder.winners_folder", lambda: tmp_path / "winners")
    with pytest.raises(Refused, match="number predicts progression from a table"):
        nas.create_model("number", pretrained=True, num_classes=3)
    loaded = nas.create_model("number", pretrained=True)
    number.save_pretrained(tmp_path / "saved")
    assert nas.load(tmp_path / "saved").document == loaded.document


def test_fine_tuning_learns_other_classes(winner: str, digits_data: Dataset) -> None:
    """With the features of ten digits frozen, a new last layer learns even and odd from 200 images."""
    model = nas.create_model(winner, pretrained=True)
    model.requires_grad_(False).reset_classifier(2, classes=("even", "odd"))
    images, labels = digits_data.train.images[:200], digits_data.train.labels[:200] % 2
    held = digits_data.validation
    before = wrong(model, held.images, held.labels % 2)
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        functional.cross_entropy(model(model.preprocess(images)), labels).backward()
        optimizer.step()
    after = wrong(model, held.images, held.labels % 2)
    assert before > 0.3
    assert after < 0.12
    assert model.document.layers == with_width(NETWORK, 2, model.document.inputs)


def wrong(model: Model, images: Tensor, labels: Tensor) -> float:
    """Share of images whose class isn't the one predicted."""
    return float((model.predict(images).indices != labels).float().mean())
