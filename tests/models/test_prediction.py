"""Images in every form that people hold them in: equal answers, clear refusals, and no trace left on the network."""

from __future__ import annotations

import os
import re
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.TiffImagePlugin
import pytest
import torch
from torch import Tensor

import nas
from nas.data import Dataset
from nas.errors import Missing, NasError, Refused
from nas.models.model import Model

Bytes = npt.NDArray[np.uint8]
SIZES = ((16, 16), (28, 20), (9, 16))
"""Height and width: the network's own, larger, smaller."""


@pytest.fixture
def grey(winner: str) -> Model:
    """The winner."""
    return nas.create_model(winner, pretrained=True)


@pytest.fixture
def colour(winner: str) -> Model:
    """The winner for three channels."""
    return nas.create_model(winner, pretrained=True, in_chans=3)


def pixels(*shape: int) -> Bytes:
    """Random bytes."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def saved(image: Bytes, folder: Path) -> Path:
    """A PNG file of an image."""
    PIL.Image.fromarray(image).save(folder / "image.png")
    return folder / "image.png"


def readonly(image: Bytes) -> Bytes:
    """The image in memory that nobody may write to, in an order of its own."""
    turned = np.asfortranarray(image)
    turned.flags.writeable = False
    return turned


Form = Callable[[Bytes, Path], object]
FORMS: Mapping[str, Form] = {
    "array": lambda image, folder: image,
    "read-only array": lambda image, folder: readonly(image),
    "backward array": lambda image, folder: image[::-1].copy()[::-1],
    "array with a batch": lambda image, folder: image.reshape(1, *image.shape[:2], -1),
    "floats": lambda image, folder: image / 255,
    "single floats": lambda image, folder: image.astype(np.float32) / np.float32(255),
    "big-endian floats": lambda image, folder: (image / 255).astype(">f8"),
    "tensor": lambda image, folder: tensor(image),
    "tensor with a batch": lambda image, folder: tensor(image)[None],
    "tensor of floats": lambda image, folder: tensor(image) / 255,
    "tensor, channels last": lambda image, folder: tensor(image)[None].contiguous(memory_format=torch.channels_last),
    "tensor with gradients": lambda image, folder: (tensor(image) / 255).requires_grad_(),
    "PIL": lambda image, folder: PIL.Image.fromarray(image),
    "path": lambda image, folder: saved(image, folder),
    "text": lambda image, folder: str(saved(image, folder)),
    "list": lambda image, folder: [image],
    "tuple of a PIL image": lambda image, folder: (PIL.Image.fromarray(image),),
    "list of a path": lambda image, folder: [saved(image, folder)],
}


def tensor(image: Bytes) -> Tensor:
    """(channels, height, width)."""
    return torch.from_numpy(image.reshape(*image.shape[:2], -1).transpose(2, 0, 1).copy())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_image_has_one_answer(
    grey: Model, colour: Model, form: str, size: tuple[int, int], tmp_path: Path
) -> None:
    """Arrays, tensors, PIL images, files and lists of an image, grey or coloured, agree bit for bit."""
    for model, image in ((grey, pixels(*size)), (colour, pixels(*size, 3)), (colour, pixels(*size))):
        expected = model.predict(tensor(image)).probabilities
        found = model.predict(FORMS[form](image, tmp_path))  # type: ignore[call-overload]
        assert torch.equal(found.probabilities, expected)
        assert len(found) == 1


def test_many_images_are_answered_in_their_order(grey: Model, digits_data: Dataset) -> None:
    """Arrays of many, tensors of many and lists agree, whatever the batch size; labels are classes."""
    images = digits_data.validation.images[:70]
    answer = grey.predict(images)
    arrays = images.numpy()[:, 0]
    for others in (arrays, arrays[..., None], list(images), [PIL.Image.fromarray(image) for image in arrays]):
        assert torch.equal(grey.predict(others).probabilities, answer.probabilities)
    assert answer.labels == tuple(grey.classes[index] for index in answer.indices)
    assert answer.probabilities.shape == (len(answer), 10) == (70, 10)
    torch.testing.assert_close(answer.probabilities.sum(1), torch.ones(70))
    small = grey.predict(images, batch_size=3)
    torch.testing.assert_close(small.probabilities, answer.probabilities)
    truth = digits_data.validation.labels[:70].tolist()
    assert sum(int(label) == true for label, true in zip(answer.labels, truth, strict=True)) > 50


def test_a_list_may_hold_several_sizes_and_forms(grey: Model, tmp_path: Path) -> None:
    """Each is resized by itself."""
    images = [pixels(16, 16), tensor(pixels(40, 28)), PIL.Image.fromarray(pixels(9, 9)), saved(pixels(8, 30), tmp_path)]
    together = grey.predict(images).probabilities
    for image, row in zip(images, together, strict=True):
        torch.testing.assert_close(grey.predict(image).probabilities[0], row)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_pil_images_are_converted_as_folders_of_images_are(grey: Model, colour: Model, mode: str) -> None:
    """Whatever their mode, they become grey or coloured as the network is."""
    image = PIL.Image.fromarray(pixels(16, 16, 3)).convert(mode)
    for model, wanted in ((grey, "L"), (colour, "RGB")):
        converted = np.asarray(image.convert(wanted))
        assert torch.equal(model.predict(image).probabilities, model.predict(converted).probabilities)


REFUSED: Mapping[str, tuple[object, str]] = {
    "floats of 0 to 255": (pixels(16, 16) * 1.0, r"must be in \[0, 1\], got \d+ to 25\d"),
    "negative": (torch.full((1, 16, 16), -0.5), r"must be in \[0, 1\], got -0.5 to -0.5"),
    "not a number": (np.full((16, 16), np.nan), r"must be in \[0, 1\], got nan to nan"),
    "one that is no number": (np.where(np.eye(16) > 0, np.inf, 0.5), r"must be in \[0, 1\], got 0.5 to inf"),
    "int64": (pixels(16, 16).astype(np.int64), "uint8, or floats in .*, got int64"),
    "int64 tensor": (torch.zeros(1, 16, 16, dtype=torch.int64), "uint8, or floats in .*, got int64"),
    "bool": (np.zeros((16, 16), bool), "got bool"),
    "texts": (np.array([["a"]]), "got <U1"),
    "colours": (pixels(16, 16, 3), r"takes grey images \(1 channel\), got 3 channels in shape \(16, 16, 3\)"),
    "colours, tensor": (torch.zeros(3, 16, 16), "got 3 channels"),
    "channels first": (pixels(5, 1, 16, 16), "got 16 channels"),
    "many without channels": (torch.zeros(5, 16, 16), "got 5 channels"),
    "five axes": (np.zeros((1, 1, 16, 16, 1)), "2 to 4 axes"),
    "five axes, tensor": (torch.zeros(1, 1, 1, 16, 16), "2 to 4 axes"),
    "one axis": (torch.zeros(16), "2 to 4 axes"),
    "empty list": ([], "there is no image"),
    "empty array": (np.zeros((0, 16, 16)), "there is no image"),
    "no pixel": (np.zeros((1, 0, 16, 1)), "at least one pixel"),
    "nested list": ([[0.0, 1.0]], "a list holds images"),
    "numbers": ([1, 2], "images are an array.*got int"),
    "nothing": (None, "images are an array.*got NoneType"),
    "many in a list": ([pixels(2, 16, 16)], "an item of a list is one image, got 2"),
    "table": ({"pixel": [1]}, "it takes no table"),
    "sparse": (torch.zeros(16, 16).to_sparse(), "a number for each pixel"),
    "without content": (torch.zeros(16, 16, device="meta"), "a number for each pixel"),
    "masked": (np.ma.masked_array(pixels(16, 16), mask=np.eye(16)), "got a masked array"),
    "16 bits": (PIL.Image.fromarray(np.zeros((16, 16), np.uint16)), "8 bits a channel, got PIL's mode I;16"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_image_for_the_network_is_refused(grey: Model, case: str) -> None:
    """Other types, ranges, shapes and things are refused with what was given."""
    images, said = REFUSED[case]
    with pytest.raises(Refused, match=said):
        grey.predict(images)  # type: ignore[call-overload]


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
def test_a_tiff_on_its_side_is_upright(grey: Model, tmp_path: Path, mode: str, compression: str | None) -> None:
    """A turned TIFF, compressed or not, answers as the upright image does."""
    image = PIL.Image.fromarray(pixels(40, 30)).convert(mode)
    turn = PIL.TiffImagePlugin.ImageFileDirectory_v2()
    turn[274] = 6  # EXIF: to be turned clockwise
    image.save(tmp_path / "side.tif", tiffinfo=turn, compression=compression)
    upright = image.transpose(PIL.Image.Transpose.ROTATE_270)
    assert torch.equal(grey.predict(tmp_path / "side.tif").probabilities, grey.predict(upright).probabilities)


def test_colours_of_16_bits_are_refused(grey: Model, tmp_path: Path) -> None:
    """PIL would cut them off to 8 bits and say nothing."""
    rows = b"".join(b"\0" + bytes(6 * 16) for _ in range(16))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    parts = (struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks)
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(Refused, match="must have 8 bits a channel, got PIL's mode RGB of 16 bits"):
        grey.predict(tmp_path / "deep.png")


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_an_image(grey: Model) -> None:
    """NumPy's matrices, as sparse ones become, answer as arrays do."""
    image = pixels(16, 16)
    assert torch.equal(grey.predict(np.asmatrix(image)).probabilities, grey.predict(image).probabilities)


def test_an_array_with_two_readings_is_refused(colour: Model) -> None:
    """Channels first in an array, or many grey images for colours, aren't guessed; the way out works."""
    for shape in ((3, 16, 16), (5, 16, 16)):
        with pytest.raises(Refused, match="could be one image or many"):
            colour.predict(pixels(*shape))
    assert len(colour.predict(pixels(5, 16, 16)[..., None])) == 5
    with pytest.raises(Refused, match="got 4 channels"):
        colour.predict(pixels(16, 16, 4))


def test_files_that_are_none_are_told(grey: Model, tmp_path: Path) -> None:
    """A missing file, a folder, a pipe and a file of something else are errors with the path."""
    (tmp_path / "text.png").write_text("hello")
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "missing.png", tmp_path, tmp_path / "text.png", tmp_path / "pipe.png"):
        with pytest.raises(Missing, match=f"{re.escape(str(path))} can't be read as an image"):
            grey.predict(path)
    deep = tmp_path / "deep.png"
    PIL.Image.fromarray(np.zeros((16, 16), np.uint16)).save(deep)
    with pytest.raises(Refused, match="8 bits a channel"):
        grey.predict(os.fspath(deep))


def test_images_of_pil_are_read_late(grey: Model, tmp_path: Path) -> None:
    """A PIL image whose file is cut off, or was closed, is an error of ours."""
    path = saved(pixels(64, 64), tmp_path)
    path.write_bytes(path.read_bytes()[:2000])
    with PIL.Image.open(path) as image, pytest.raises(Missing, match=r"an image of PIL's can't be read: image file is"):
        grey.predict(image)
    image = PIL.Image.new("L", (16, 16))
    image.close()
    with pytest.raises(Missing, match="closed image"):
        grey.predict(image)


def test_scores_that_are_no_numbers_are_no_class(grey: Model) -> None:
    """A network whose scores aren't finite doesn't answer with its first class."""
    grey.document = msgspec.structs.replace(grey.document, std=(5e-324,))
    with pytest.raises(NasError, match="the scores of 2 of 2 images, the first of them number 0, aren't finite"):
        grey.predict(pixels(2, 16, 16)[..., None])


def test_other_channels_take_arrays_only(winner: str) -> None:
    """A network of four channels predicts from arrays, and refuses a PIL image."""
    model = nas.create_model(winner, pretrained=True, in_chans=4)
    assert len(model.predict(pixels(16, 16, 4))) == 1
    with pytest.raises(Refused, match="a network of 4 channels takes arrays or tensors"):
        model.predict(PIL.Image.fromarray(pixels(16, 16)))


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_a_batch_has_at_least_one_image(grey: Model, size: Any) -> None:
    """Other sizes are refused."""
    with pytest.raises(Refused, match="batch_size must be a whole number of at least 1"):
        grey.predict(pixels(16, 16), batch_size=size)


def test_predicting_leaves_the_network_as_it_was(grey: Model) -> None:
    """In training mode, with a part in evaluation mode and a norm's statistics, it answers as in evaluation mode."""
    expected = grey.predict(pixels(5, 16, 16)).probabilities
    grey.train()
    part = grey.get_submodule("network.stem")
    part.eval()
    before = {name: value.clone() for name, value in grey.state_dict().items()}
    answer = grey.predict(pixels(5, 16, 16)).probabilities
    assert torch.equal(answer, expected)
    assert not answer.requires_grad
    assert not answer.is_inference()
    assert grey.training
    assert not part.training
    assert all(torch.equal(value, before[name]) for name, value in grey.state_dict().items())


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.float16])
def test_networks_in_other_precisions_answer(grey: Model, kind: torch.dtype) -> None:
    """Probabilities are float32 whatever the weights are, and close."""
    expected = grey.predict(pixels(5, 16, 16))
    answer = grey.to(kind).predict(pixels(5, 16, 16))
    assert answer.probabilities.dtype == torch.float32
    torch.testing.assert_close(answer.probabilities, expected.probabilities, atol=0.05, rtol=0)


def test_memory_is_bounded_by_the_batch(grey: Model) -> None:
    """Of eight thousand images only a batch is copied at a time."""
    images = np.zeros((8000, 16, 16))
    grey.predict(images[:64])
    tracemalloc.start()
    grey.predict(images, batch_size=64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < images.nbytes / 8
