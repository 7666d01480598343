"""Exported networks as torch modules again: files of data are all it takes, and none is executed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from nas.data import Cell, encoded
from nas.errors import NasError, Refused, readable
from nas.errors.arguments import checked_method
from nas.files import parsed, possible
from nas.layers import Sequence as Row
from nas.layers import display, shape_text
from nas.layers.serialization import LARGEST_JSON
from nas.models import weights
from nas.models.card import card, notebook
from nas.models.curves import curves_figure
from nas.models.document import Document, decode_file, encode, error_text, title, unmeasured
from nas.models.folder import ARCHITECTURE, CARD, CURVE, WEIGHTS, check_hashes, text_of, write_folder
from nas.models.heads import class_names, classifier, head_start, with_width
from nas.models.image_inputs import batches
from nas.models.prediction import Prediction, evaluating
from nas.models.transfer import changed, fresh, with_new_layers
from nas.study.record import Epoch
from nas.training.modules import build
from nas.training.names import at_position, unique

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects

    from nas.models.image_inputs import Image

LARGEST_CURVE = 2**24
BATCH = 64
"""Images that `predict` takes through the network at once unless it is said otherwise."""


class Model(nn.Module):
    """A trained network with everything that using it takes."""

    def __init__(self, document: Document, curve: tuple[Epoch, ...] = (), peak_memory: int | None = None) -> None:
        """The curve is known where the training was watched; its bytes, `peak_memory`, just after it.

        Whoever sets the weights that the document speaks of sets their `fingerprint`.
        """
        super().__init__()
        self.document, self.curve, self.peak_memory = document, curve, peak_memory
        self.network = build(document.layers, document.inputs)
        self.fingerprint = ""

    @property
    def history(self) -> pandas.DataFrame:
        """A row for each epoch that is known, with the columns that `nas.study.record.Epoch` describes."""
        import pandas

        rows = [msgspec.structs.asdict(epoch) for epoch in self.curve]
        names = [field.name for field in msgspec.structs.fields(Epoch)]
        return pandas.DataFrame(rows, columns=names).rename(columns={"number": "epoch"}).set_index("epoch")

    @checked_method
    def figure(self, /, **others: Model) -> plotly.graph_objects.Figure:
        """Error and loss over the epochs that are known; other models by name beside it."""
        return figure_of({unique(title(self.document), others, " "): self} | others)

    @property
    def classes(self) -> tuple[str, ...]:
        """Name of each output; none where it is a number."""
        return self.document.classes

    @property
    def metrics(self) -> Mapping[str, float | int | str | None]:
        """How well it did, on what, with units in the names; an error of None isn't known, as after fine-tuning."""
        document = self.current_document()
        measured = _measured(document)
        table: dict[str, float | int | str | None] = {
            "rmse": None if document.error is None else float(measured["error"] or 0) * document.target_std,
            "target": document.target,
            "target_mean": document.target_mean,
            "target_std": document.target_std,
        }
        return {
            **measured,
            **(table if document.target else {}),
            "data": document.data,
            "epochs": document.epochs,
            "trial": document.trial,
            "architecture": document.architecture,
        }

    def forward(self, x: Tensor) -> Tensor:
        """Scores of preprocessed images, or the standardised target of rows: see `values`.

        (batch, channels, height, width) -> (batch, classes), or (batch, features) -> (batch, 1).
        """
        scores: Tensor = self.network(x)
        return scores

    def preprocess(self, images: Tensor) -> Tensor:
        """Images of any size, or the features of rows, as the network was trained on them.

        Images: pixels of 0 to 255 in whole numbers, or floats in [0, 1], which `predict` checks and this doesn't;
        (height, width), (channels, height, width) or a batch of the latter; returns (batch, channels, height, width)
        of float32. Rows: what `encode` makes of a table, (batch, features), NaN where a number is missing; returns
        them standardised, in float32. Raises Refused where they don't fit.
        """
        if not isinstance(images, Tensor):
            raise Refused(f"preprocess takes a tensor, got {type(images).__name__}", hint="predict takes arrays, too")
        if self.document.target:
            return self._standardised(images)
        channels, height, width = self.document.inputs
        images = images[None] if images.dim() == 2 else images
        images = images[None] if images.dim() == 3 else images
        if images.dim() != 4 or images.shape[1] != channels:
            raise Refused(f"images must be (batch, {channels}, height, width), got {tuple(images.shape)}")
        if not all(images.shape[2:]):
            raise Refused(f"images have at least one pixel, got shape {tuple(images.shape)}")
        pixels = images.float() if images.is_floating_point() else images.float().div(255)
        if pixels.shape[2:] != (height, width):
            pixels = functional.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
        shape = (1, channels, 1, 1)
        mean = torch.tensor(self.document.mean, dtype=torch.float32, device=pixels.device).view(shape)
        std = torch.tensor(self.document.std, dtype=torch.float32, device=pixels.device).view(shape)
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)

    def encode(self, table: Mapping[str, Sequence[Cell]]) -> Tensor:
        """The features of rows, given as columns by name (`frame.to_dict("list")`); (batch, features) of float64.

        Cells are numbers or texts as in the table that was trained on; None, NaN and what stands for a missing cell
        there are missing. Columns that the network doesn't know are left unread.
        """
        if not self.document.target:
            raise self._without_table()
        return torch.from_numpy(encoded(self.document.columns, table))

    def values(self, outputs: Tensor) -> Tensor:
        """What the network says of rows in the target's own unit: (batch, 1) -> (batch,) of float64."""
        return outputs.squeeze(1).double() * self.document.target_std + self.document.target_mean

    @overload
    def predict(self, inputs: Mapping[str, Sequence[Cell]]) -> Tensor: ...

    @overload
    def predict(self, inputs: Image | Sequence[Image], *, batch_size: int = BATCH) -> Prediction: ...

    def predict(self, inputs: object, *, batch_size: int = BATCH) -> Tensor | Prediction:
        """What the network says, in evaluation mode and without gradients, of images or of the rows of a table.

        Images: an array, a tensor, a PIL image, a path or a list of these, as `nas.models.image_inputs` tells; the
        answer has `labels` and `probabilities`. `batch_size` of them go through the network at once. Rows, as columns
        by name: the target of each in its own unit; (batch,).
        """
        with torch.inference_mode(), evaluating(self):
            scores = self._of_rows(inputs) if self.document.target else self._of_images(inputs, batch_size)
        if self.document.target:
            return self.values(scores)  # out of inference mode: it may be computed with
        if odd := (~scores.isfinite().all(1)).nonzero().flatten().tolist():
            raise NasError(
                f"the scores of {len(odd)} of {len(scores)} images, the first of them number {odd[0]}, aren't finite",
                hint="its weights, mean or std aren't those of a training that ended well",
            )
        return Prediction(classes=self.classes, probabilities=scores.softmax(1))

    def _of_rows(self, table: object) -> Tensor:
        if not isinstance(table, Mapping):
            raise Refused(
                f"this network predicts {self.document.target} from a table, got {type(table).__name__}",
                hint='give columns by name: model.predict(frame.to_dict("list"))',
            )
        return self._scores(self.preprocess(self.encode(table)))

    def _without_table(self) -> Refused:
        return Refused(f"{self.document.architecture} was trained on images: it takes no table")

    def _of_images(self, images: object, batch_size: int) -> Tensor:
        """Scores; (images, classes) of float32, on the CPU."""
        if isinstance(images, Mapping):
            raise self._without_table()
        if not (isinstance(batch_size, int) and batch_size > 0):
            raise Refused(f"batch_size must be a whole number of at least 1, got {batch_size!r}")
        scores = [
            self._scores(torch.cat([self.preprocess(part) for part in batch])).float().cpu()
            for batch in batches(images, self.document.inputs[0], batch_size)
        ]
        return torch.cat(scores)

    def _scores(self, x: Tensor) -> Tensor:
        """The output for preprocessed inputs, wherever the network is and in its precision."""
        like = next(self.network.parameters(), torch.empty(0))
        scores: Tensor = self(x.to(like.device, like.dtype))
        return scores

    def forward_features(self, x: Tensor) -> Tensor:
        """What the head is given: the output of all parts before it, for preprocessed inputs.

        The head is the part of that name, or begins with the layer that makes the classes where that comes earlier.
        """
        return self._part(slice(0, head_start(self.document.layers)), x)

    def forward_head(self, features: Tensor) -> Tensor:
        """Scores from what `forward_features` returns."""
        return self._part(slice(head_start(self.document.layers), None), features)

    def _part(self, places: slice, x: Tensor) -> Tensor:
        if isinstance(self.document.layers, Row) and not isinstance(self.network, nn.Sequential):
            raise changed(type(self.network).__name__)
        parts = [*self.network] if isinstance(self.network, nn.Sequential) else [self.network]
        for part in parts[places]:
            x = part(x)
        return x

    def reset_classifier(self, num_classes: int, *, classes: Sequence[str] = (), seed: int = 0) -> None:
        """Put a new last layer for other classes, or as many, in place: random from `seed`, all else stays.

        `classes` names them; without names they are numbers. The document claims nothing of the training any more.
        """
        if self.document.target:
            raise Refused(f"this network predicts a number, {self.document.target}: it has no classes to reset")
        inputs, names = self.document.inputs, class_names(num_classes, classes)
        layers = with_width(self.document.layers, num_classes, inputs)
        target = build(layers, inputs)
        last = at_position(target, classifier(layers))
        self.network = with_new_layers(self.network, target, fresh(seed), always=last)
        self.forget(unmeasured(self.document, layers=layers, classes=names))

    def forget(self, document: Document) -> None:
        """Take the document of a changed network, and let go of the training's curve and memory."""
        self.document, self.curve, self.peak_memory, self.fingerprint = document, (), None, ""

    def current_document(self) -> Document:
        """What is true of the weights as they are: none of the training's facts where they aren't those measured."""
        if self.document.error is None or self.fingerprint == weights.fingerprint(self.network):
            return self.document
        return unmeasured(self.document)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write a folder that `nas.load` reads, weights in float32; Refused where something lies in it.

        An error that was measured on other weights isn't written.
        """
        write_folder(possible(folder), files_of(self))

    def __repr__(self) -> str:
        """A line; `model.network` shows the modules."""
        document = self.document
        ports = f"{shape_text(document.inputs)} -> {len(document.classes) or 1}"
        parameters = f"{sum(weight.numel() for weight in self.parameters()):,} parameters"
        epochs = display.plural(document.epochs, "epoch") if document.epochs else ""
        learned = f"trained on {document.data} for {epochs}" if epochs else ""
        return display.line(self, document.architecture, ports, parameters, learned, error_text(document))

    def _repr_html_(self) -> str:
        """What a notebook shows: what is true of the weights as they are, in short."""
        return notebook(self.current_document())

    def _standardised(self, features: Tensor) -> Tensor:
        width = self.document.inputs[0]
        if features.dim() != 2 or features.shape[1] != width:
            raise Refused(f"features must be (batch, {width}), got {tuple(features.shape)}")
        mean = torch.tensor(self.document.mean, dtype=torch.float64, device=features.device)
        std = torch.tensor(self.document.std, dtype=torch.float64, device=features.device)
        scaled = (features.double() - mean) / std
        return torch.where(scaled.isnan(), 0.0, scaled).float()


def figure_of(models: Mapping[str, Model]) -> plotly.graph_objects.Figure:
    """Error and loss of networks by name; Refused where no epoch is known, and for classes beside a number."""
    if not any(model.curve for model in models.values()):
        raise Refused("no epoch is known of these networks", hint="nas.train and nas train keep the curves of theirs")
    tables = {bool(model.document.target) for model in models.values()}
    if len(tables) > 1:
        raise Refused("errors of classes and of a number have no axis in common", hint="a figure for each")
    return curves_figure({name: model.curve for name, model in models.items()}, table=tables.pop())


def tensors_of(model: Model) -> dict[str, Tensor]:
    """Weights and statistics as files hold them; Refused where they aren't those of the document's network any more."""
    tensors = weights.portable(model.network)
    if odd := weights.misfit(build(model.document.layers, model.document.inputs), tensors):
        raise changed(odd)
    return tensors


def files_of(model: Model) -> dict[str, bytes]:
    """The files of a network as it is: name -> content."""
    document = model.current_document()
    files = {
        ARCHITECTURE: encode(document),
        WEIGHTS: save(tensors_of(model)),
        CARD: readable(card(document)).encode(),
    }
    if model.curve and document is model.document:
        files[CURVE] = msgspec.json.format(msgspec.json.encode(model.curve)) + b"\n"
    return files


def _measured(document: Document) -> dict[str, float | int | str | None]:
    """The error with the split that it is of: test for a finalist, else validation, else training."""
    noun, test = "rows" if document.target else "images", document.test
    if test is None and (document.validation or document.error is None):
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


def load(folder: str | os.PathLike[str]) -> Model:
    """The network of an exported folder, in evaluation mode; its hashes are checked first.

    Raises Refused for what is damaged or no such folder, Missing where the package of one of its layers is absent.
    """
    place = possible(folder)
    check_hashes(place)
    model = restore(described(place / ARCHITECTURE), place / WEIGHTS)
    if (place / CURVE).is_file():
        model.curve = _curve(place / CURVE)
    return model


def described(path: Path) -> Document:
    """The description in a file."""
    return decode_file(path, text_of(path, LARGEST_JSON))


def _curve(path: Path) -> tuple[Epoch, ...]:
    try:
        return parsed(text_of(path, LARGEST_CURVE), tuple[Epoch, ...])
    except msgspec.MsgspecError as error:
        raise Refused(f"{path} is no curve of a training: {error}") from None


def restore(document: Document, path: Path) -> Model:
    """A network with the weights of a file."""
    weights.require_plausible(document, path)
    model = Model(document)
    weights.load_into(model.network, document, path)
    model.fingerprint = weights.fingerprint(model.network) if document.error is not None else ""
    return model.eval().to(memory_format=torch.channels_last)
