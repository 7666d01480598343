"""Networks that come back without the code that drew them, ready for images of any size and type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as vision

import nas
from nas.data import Dataset
from nas.engines import InlineEngine
from nas.errors import Refused
from nas.models.model import Model
from tests.toys.spaces import STUDY as TOY

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best network of a small run, exported; tests don't write to it."""
    folder = tmp_path_factory.mktemp("models")
    run = nas.run(TOY, out=folder / "run", engine=InlineEngine())
    nas.export(run, run.ranked(1), folder / "best")
    return folder / "best"


@pytest.fixture
def model(exported: Path) -> Model:
    """It, loaded."""
    return nas.load(exported)


def test_loading_needs_neither_spaces_nor_studies(exported: Path, tmp_path: Path, digits_data: Dataset) -> None:
    """In a process that can't import spaces or studies the network gives the predictions that it gives here."""
    pixels = digits_data.validation.images[:20]
    np.save(tmp_path / "pixels.npy", pixels.numpy())
    code = f"""
import sys
sys.modules.update(spaces=None, studies=None, optuna=None, pandas=None)
import nas, numpy, torch
model = nas.load({str(exported)!r})
images = torch.from_numpy(numpy.load("pixels.npy"))
print(model(model.preprocess(images)).argmax(1).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    model = nas.load(exported)
    assert json.loads(done.stdout) == model(model.preprocess(pixels)).argmax(1).tolist()


def test_predictions_have_the_recorded_error(model: Model, digits_data: Dataset) -> None:
    """The share of validation images that the loaded network gets wrong is the error in its metrics."""
    held = digits_data.validation
    with torch.inference_mode():
        names = [model.classes[i] for i in model(model.preprocess(held.images)).argmax(1)]
    wrong = sum(int(name) != int(label) for name, label in zip(names, held.labels, strict=True))
    assert wrong / len(held.labels) == model.metrics["error"]
    assert model.metrics["validation_images"] == len(held.labels)
    assert model.metrics["error_split"] == "validation"
    assert model.metrics["data"] == "digits"
    assert not model.training


@pytest.fixture
def pixels() -> torch.Tensor:
    """Random bytes: (5, 1, 16, 16)."""
    return torch.randint(256, (5, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_preprocessing_normalises(model: Model, pixels: torch.Tensor) -> None:
    """Bytes and floats in [0, 1] of any precision come out as the same float32, as torchvision normalises them."""
    document = model.document
    expected = vision.normalize(pixels / 255, list(document.mean), list(document.std))
    for images in (pixels, pixels / 255, pixels.double() / 255, pixels.to(torch.int64)):
        found = model.preprocess(images)
        assert found.dtype == torch.float32
        assert torch.allclose(found, expected, atol=1e-5)


def test_preprocessing_takes_single_images(model: Model, pixels: torch.Tensor) -> None:
    """(height, width), (channels, height, width) and a batch give the same image, always as a batch."""
    expected = model.preprocess(pixels)[:1]
    for image in (pixels[0, 0], pixels[0], pixels[:1]):
        assert torch.equal(model.preprocess(image), expected)
    assert model(expected).shape == (1, 10)


def test_preprocessing_resizes_as_torchvision_does(model: Model) -> None:
    """Images of another size are resized bilinearly with antialiasing to the network's own."""
    images = torch.rand((2, 1, 40, 28), generator=torch.Generator().manual_seed(0))
    resized = vision.resize(images, [16, 16], antialias=True)
    found = model.preprocess(images)
    assert found.shape == (2, 1, 16, 16)
    assert torch.allclose(found, model.preprocess(resized), atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 3, 16, 16), (2, 2, 1, 16, 16), (16,)])
def test_other_channels_are_refused(model: Model, shape: tuple[int, ...]) -> None:
    """Images whose channels or dimensions don't fit are refused with the shape that is wanted and the one given."""
    with pytest.raises(Refused, match=r"images must be \(batch, 1, height, width\), got "):
        model.preprocess(torch.zeros(shape))


def test_a_network_in_another_wrapping_says_so() -> None:
    """Features and classes of one that torch.compile wraps are refused: its parts can't be told; in place they can."""
    model = nas.create_model("lenet_bn")
    pixels = model.preprocess(torch.zeros(2, 1, 28, 28))
    features = model.forward_features(pixels)
    plain, model.network = model.network, torch.compile(model.network, backend="eager")
    for act in (lambda: model.forward_features(pixels), lambda: model.reset_classifier(3)):
        with pytest.raises(Refused, match="isn't the one of its document any more") as refused:
            act()
        assert "model.compile()" in refused.value.hint
    model.network = plain
    model.compile(backend="eager")
    assert torch.equal(model.forward_features(pixels), features)
    model.reset_classifier(3)


def test_torch_defaults_change_no_network(exported: Path, pixels: torch.Tensor) -> None:
    """Where torch makes float64 by default networks are loaded, built and answer as they do otherwise."""
    expected = nas.load(exported).predict(pixels).probabilities
    torch.set_default_dtype(torch.float64)
    try:
        model = nas.load(exported)
        assert model.preprocess(pixels).dtype == torch.float32
        assert torch.equal(model.predict(pixels).probabilities, expected)
        assert {weight.dtype for weight in nas.create_model("lenet_bn").parameters()} == {torch.float32}
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("path", ["x" * 300, "a\0b"])
def test_a_path_that_no_file_can_have_is_refused(model: Model, path: str) -> None:
    """Loading, saving and predicting say so, in one way."""
    for act in (nas.load, model.save_pretrained, model.predict, lambda name: nas.save(model, f"{name}.pt2")):
        with pytest.raises(Refused, match="no file can be called"):
            act(path)


def test_a_winner_is_no_folder() -> None:
    """Its name as that of a folder leads to the call that has it."""
    with pytest.raises(Refused) as refused:
        nas.load("fashion-15k")
    assert 'nas.create_model("fashion-15k", pretrained=True)' in refused.value.hint


def test_a_row_of_very_many_layers_is_named_in_time() -> None:
    """A description of two kilobytes with 99,000 layers takes seconds: names are looked up, not searched for."""
    from nas import layers
    from nas.training.names import names_of

    names = names_of((layers.Activation(function="relu"),) * 99_000)
    assert (names[0], names[-1], len(set(names))) == ("relu_1", "relu_99000", 99_000)


@pytest.mark.parametrize(
    "claim", [{"error": -7.0}, {"error": 1.5}, {"epochs": -3}, {"validation": -5}, {"classes": ("a",) * 10}]
)
def test_claims_that_cannot_be_are_refused(exported: Path, claim: dict[str, object]) -> None:
    """A description with an error, a count or names that no training has isn't read."""
    import msgspec

    from nas.models.document import decode, encode

    document = nas.load(exported).document
    assert decode(encode(document)) == document
    with pytest.raises(Refused):
        decode(encode(msgspec.structs.replace(document, **claim)))


def test_a_curve_without_its_hash_is_refused(exported: Path, tmp_path: Path) -> None:
    """Who receives a folder reads no epochs that the list of hashes doesn't cover."""
    import shutil

    folder = shutil.copytree(exported, tmp_path / "copy")
    (folder / "curve.json").write_text('[{"number": 1, "loss": 0.1, "error": 0.1, "seconds": 1.0}]')
    with pytest.raises(Refused, match=r"doesn't list curve\.json"):
        nas.load(folder)
