"""Winners as folders of plain files: description, weights, a card for people, and hashes over all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import torch

from nas import data
from nas.data import DataInfo
from nas.errors import NasError
from nas.layers import Layer, identity
from nas.models import weights
from nas.models.document import Document, describe
from nas.models.folder import check_hashes, is_taken, write_folder
from nas.models.model import Model, files_of, load
from nas.models.provenance import data_of
from nas.study import Recipe
from nas.study.record import Epoch
from nas.training.devices import device_name, one_thread
from nas.training.evaluation import evaluate
from nas.training.loop import measured_on, train
from nas.training.precision import computing


class Diverged(NasError):
    """A training whose loss exploded, or was no number; `curve` has the epochs before, perhaps of a `table`."""

    def __init__(self, curve: tuple[Epoch, ...], *, table: bool) -> None:
        super().__init__(
            f"this training diverged in epoch {len(curve) + 1}; there is nothing to export",
            hint="a lower learning rate helps; on another kind of processor a trial may diverge that didn't",
        )
        self.curve, self.table = curve, table


def write(model: Model, folder: Path) -> None:
    """Write an exported network, whole or not at all; the same network again is fine, another one is refused."""
    if not (is_taken(folder) and _holds(folder, model)):
        write_folder(folder, files_of(model))


def trained(
    layer: Layer,
    recipe: Recipe,
    seed: int,
    info: DataInfo,
    device: str,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    checkpoint: Path | None = None,
    watched: bool = False,
) -> Model:
    """A network trained from scratch, as its trial was; it goes on from a checkpoint of the same training."""
    with one_thread():
        dataset = data.load(info, recipe.train_size)
        place = torch.device(device)
        result = train(layer, recipe, dataset, seed, place, on_epoch, checkpoint=checkpoint, watched=watched)
    if result.diverged:
        raise Diverged(result.curve, table=bool(info.target))
    document = describe(
        layer, info, recipe, seed, result.curve[-1].error, device_name(device), weights.torch_version(), identity(layer)
    )
    model = Model(document, result.curve, result.peak_memory)
    model.network.load_state_dict(result.module.state_dict())
    model.fingerprint = weights.fingerprint(model.network)
    return model.eval()


def verify(folder: Path, say: Callable[[str], None], place: str | None = None) -> bool:
    """Check the hashes, evaluate again on the same data, one thread, the recorded batch size; whether all is equal.

    `place` is where the data are, if not where they were; they are known by their content. A finalist, for which
    nothing validated, is evaluated on its first training images: the test split stays sealed.
    """
    check_hashes(folder)
    say(f"hashes of {folder} are intact")
    model = load(folder)
    document = model.document
    if document.recipe is None or document.error is None:
        say("its error was never measured: there is nothing to compare")
        return True
    info = data_of(document, folder, place)
    with one_thread():
        dataset = data.load(info, document.recipe.train_size)
        measured = measured_on(dataset.train, dataset.validation)
        network = computing(model.network, document.recipe, measured.labels.device)
        error = evaluate(network, measured, info, document.recipe)
    equal = error == document.error
    verdict = "equal" if equal else "DIFFERENT"
    kind = "validation error on" if document.validation else "training error on the first"
    what = f"{kind} {len(measured.labels):,} {info.noun}"
    say(f"{what}: recorded {document.error:.6f}, now {error:.6f}: {verdict}")
    if not equal and document.torch != weights.torch_version():
        say(f"recorded with torch {document.torch} on {document.device}, now torch {weights.torch_version()}")
    if document.test:
        say(f"the test error, {document.test.error:.6f}, is the recorded one: the test split isn't read again")
    return equal


def _holds(folder: Path, model: Model) -> bool:
    """Whether a folder is a whole export of this very network with these very weights."""
    try:
        there = load(folder)
    except NasError:
        return False
    return there.document == model.current_document() and (
        weights.fingerprint(there.network) == weights.fingerprint(model.network)
    )


def named(document: Document, *, study: str, space: str, trial: int) -> Document:
    """The document with its study, space and trial."""
    return msgspec.structs.replace(document, study=study, space=space, trial=trial)
