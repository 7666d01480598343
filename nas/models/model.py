"""Exported networks as torch modules again: files of data are all it takes, and none is executed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.data import Cell, encoded
from nas.errors import Missing, Refused
from nas.files import digest
from nas.layers.serialization import LARGEST_JSON
from nas.models import weights
from nas.models.curves import curves_figure
from nas.models.document import Document, decode
from nas.study.record import Epoch
from nas.training.modules import build

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects

ARCHITECTURE, WEIGHTS, CARD, SUMS = "architecture.json", "model.safetensors", "card.md", "SHA256SUMS"
CURVE = "curve.json"
"""The epochs of a training that was watched; not every export has it."""
LARGEST_CURVE = 2**24
REGRESSION = {"error": "RMSE / std of the target (%)", "loss": "loss (squared error / variance)"}
"""Titles of the axes for a number as target."""
LARGEST_SUMS = 64 * 1024


class Model(nn.Module):
    """A trained network with everything that using it takes."""

    def __init__(self, document: Document, curve: tuple[Epoch, ...] = (), peak_memory: int | None = None) -> None:
        """The curve is known where the training was watched; its bytes, `peak_memory`, just after it."""
        super().__init__()
        self.document, self.curve, self.peak_memory = document, curve, peak_memory
        self.network = build(document.layers, document.inputs)

    @property
    def history(self) -> pandas.DataFrame:
        """A row for each epoch that is known, with the columns that `nas.study.record.Epoch` describes."""
        import pandas

        rows = [msgspec.structs.asdict(epoch) for epoch in self.curve]
        names = [field.name for field in msgspec.structs.fields(Epoch)]
        return pandas.DataFrame(rows, columns=names).rename(columns={"number": "epoch"}).set_index("epoch")

    def figure(self) -> plotly.graph_objects.Figure:
        """Error and loss over the epochs that are known."""
        words = REGRESSION if self.document.target else {}
        return curves_figure({self.document.architecture: self.curve}, **words)

    @property
    def classes(self) -> tuple[str, ...]:
        """Name of each output; none where it is a number."""
        return self.document.classes

    @property
    def metrics(self) -> Mapping[str, float | int | str]:
        """How well it did, on what, with units in the names."""
        document = self.document
        table: dict[str, float | int | str] = {
            "rmse": float(self._measured["error"]) * document.target_std,
            "target": document.target,
            "target_mean": document.target_mean,
            "target_std": document.target_std,
        }
        return {
            **self._measured,
            **(table if document.target else {}),
            "data": document.data,
            "epochs": document.epochs,
            "trial": document.trial,
            "architecture": document.architecture,
        }

    @property
    def _measured(self) -> dict[str, float | int | str]:
        """The error with the split that it is of: test for a finalist, else validation, else training."""
        document, test = self.document, self.document.test
        noun = "rows" if document.target else "images"
        if test is None and document.validation:
            return {"error": document.error, "error_split": "validation", f"validation_{noun}": document.validation}
        if test is None:
            return {"error": document.error, "error_split": "training"}
        return {
            "error": test.error,
            "error_split": "test",
            f"test_{noun}": test.images,
            "test_error_mean": test.mean,
            "test_error_low": test.low,
            "test_error_high": test.high,
            "seeds": test.seeds,
            "test_readings": test.readings,
        }

    def forward(self, x: Tensor) -> Tensor:
        """Scores of preprocessed images, or the standardised target of rows: see `values`.

        (batch, channels, height, width) -> (batch, classes), or (batch, features) -> (batch, 1).
        """
        scores: Tensor = self.network(x)
        return scores

    def preprocess(self, images: Tensor) -> Tensor:
        """Images of any size, or the features of rows, as the network was trained on them.

        Images: uint8 pixels or floats in [0, 1]; (height, width), (channels, height, width) or a batch of the latter;
        returns (batch, channels, height, width) of float32. Rows: what `encode` makes of a table, (batch, features),
        NaN where a number is missing; returns them standardised, in float32. Raises Refused where they don't fit.
        """
        if self.document.target:
            return self._standardised(images)
        channels, height, width = self.document.inputs
        images = images[None] if images.dim() == 2 else images
        images = images[None] if images.dim() == 3 else images
        if images.dim() != 4 or images.shape[1] != channels:
            raise Refused(f"images must be (batch, {channels}, height, width), got {tuple(images.shape)}")
        pixels = images.float() if images.is_floating_point() else images.float().div(255)
        if pixels.shape[2:] != (height, width):
            pixels = functional.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
        shape = (1, channels, 1, 1)
        mean = torch.tensor(self.document.mean, device=pixels.device).view(shape)
        std = torch.tensor(self.document.std, device=pixels.device).view(shape)
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)

    def encode(self, table: Mapping[str, Sequence[Cell]]) -> Tensor:
        """The features of rows, given as columns by name (`frame.to_dict("list")`); (batch, features) of float64.

        Cells are numbers or texts as in the table that was trained on; None, NaN and what stands for a missing cell
        there are missing. Columns that the network doesn't know are left unread.
        """
        if not self.document.target:
            raise Refused(f"{self.document.architecture} was trained on images: it takes no table")
        return torch.from_numpy(encoded(self.document.columns, table))

    def values(self, outputs: Tensor) -> Tensor:
        """What the network says of rows in the target's own unit: (batch, 1) -> (batch,) of float64."""
        return outputs.squeeze(1).double() * self.document.target_std + self.document.target_mean

    @torch.inference_mode()
    def predict(self, table: Mapping[str, Sequence[Cell]]) -> Tensor:
        """The target of each row of a table, in its own unit; (batch,)."""
        device = next(self.network.parameters()).device
        return self.values(self(self.preprocess(self.encode(table)).to(device)))

    def _standardised(self, features: Tensor) -> Tensor:
        width = self.document.inputs[0]
        if features.dim() != 2 or features.shape[1] != width:
            raise Refused(f"features must be (batch, {width}), got {tuple(features.shape)}")
        mean = torch.tensor(self.document.mean, dtype=torch.float64, device=features.device)
        std = torch.tensor(self.document.std, dtype=torch.float64, device=features.device)
        scaled = (features.double() - mean) / std
        return torch.where(scaled.isnan(), 0.0, scaled).float()


def load(folder: str | os.PathLike[str]) -> Model:
    """The network of an exported folder, in evaluation mode; its hashes are checked first."""
    place = Path(folder)
    check_hashes(place)
    model = restore(described(place / ARCHITECTURE), place / WEIGHTS)
    if (place / CURVE).is_file():
        model.curve = _curve(place / CURVE)
    return model


def described(path: Path) -> Document:
    """The description in a file."""
    return decode(_text(path, LARGEST_JSON))


def _curve(path: Path) -> tuple[Epoch, ...]:
    try:
        return msgspec.json.decode(_text(path, LARGEST_CURVE), type=tuple[Epoch, ...])
    except msgspec.MsgspecError as error:
        raise Refused(f"{path} is no curve of a training: {error}") from None


def restore(document: Document, path: Path) -> Model:
    """A network with the weights of a file."""
    weights.require_plausible(document, path)
    model = Model(document)
    weights.load_into(model.network, document, path)
    return model.eval().to(memory_format=torch.channels_last)


def check_hashes(folder: Path) -> None:
    """Refuse a folder that isn't whole: each of our files must be listed and have the hash that is listed."""
    if not folder.is_dir():
        raise Refused(f"there is no folder {folder}", hint="export a network: nas export RUN -o DIR")
    listed = _sums(folder / SUMS)
    for name in (ARCHITECTURE, WEIGHTS):
        if name not in listed:
            raise Refused(f"{folder / SUMS} doesn't list {name}")
    for name, expected in listed.items():
        if Path(name).name != name:
            raise Refused(f"{folder / SUMS} names a file outside the folder: {name!r}")
        if not (folder / name).is_file():
            raise Missing(f"{folder / name} is missing", hint="export the network again")
        if digest(folder / name) != expected:
            raise Missing(f"{folder / name} is damaged: its SHA-256 isn't the one in {SUMS}", hint="export it again")


def _sums(path: Path) -> dict[str, str]:
    """The lines of a SHA256SUMS file, as name -> hash."""
    listed = {}
    for line in _text(path, LARGEST_SUMS).splitlines():
        value, _, name = line.partition("  ")
        if len(value) != 64 or not name:
            raise Refused(f"{path} is no list of SHA-256 hashes: {line[:80]!r}")
        listed[name] = value
    return listed


def _text(path: Path, largest: int) -> str:
    """A small text file."""
    try:
        if path.stat().st_size > largest:
            raise Refused(f"{path} has {path.stat().st_size:,} bytes, at most {largest:,} are read")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refused(f"{path.parent} is no exported network: it has no {path.name}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read: {error}") from None
