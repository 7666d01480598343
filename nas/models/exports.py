"""Winners as folders of plain files: description, weights, a card for people, and hashes over all of them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save

from nas import data
from nas.data import DataInfo
from nas.errors import NasError, Refused, StorageFailed, readable
from nas.files import write_atomically
from nas.layers import Layer, cost, identity, shape_text
from nas.models import weights
from nas.models.document import Document, describe, encode
from nas.models.model import ARCHITECTURE, CARD, CURVE, SUMS, WEIGHTS, Model, check_hashes, load
from nas.models.provenance import data_of
from nas.study import Recipe
from nas.study.record import Epoch
from nas.training.devices import device_name, one_thread
from nas.training.evaluation import evaluate
from nas.training.loop import train
from nas.training.precision import computing

UNIT = ", root mean squared error in standard deviations of the target,"
"""What follows the error of a number."""
ON_TABLE = """table = pandas.read_csv("rows.csv", dtype=str, keep_default_na=False)
values = model.predict(table.to_dict("list"))  # columns by name; in the unit of the target"""


def write(model: Model, folder: Path) -> None:
    """Write an exported network, whole or not at all; the same network again is fine, another one is refused."""
    if _is_taken(folder) and _holds(folder, model.document):
        return
    require_new(folder)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()  # a new folder, with the rights that the user gives new folders
    except OSError as error:
        raise StorageFailed(f"{folder} can't be written: {error.strerror}") from None
    try:
        _fill(temporary, model)
        temporary.replace(folder)
    except OSError as error:
        raise StorageFailed(f"{folder} can't be written: {error.strerror}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_new(folder: Path) -> None:
    """Refuse a folder in which something lies."""
    if _is_taken(folder):
        raise Refused(f"{folder} exists and isn't empty", hint="choose another folder with -o")


def _is_taken(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


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
        raise NasError(
            f"this training diverged in epoch {len(result.curve) + 1}; there is nothing to export",
            hint="a lower learning rate helps; on another kind of processor a trial may diverge that didn't",
        )
    document = describe(
        layer, info, recipe, seed, result.curve[-1].error, device_name(device), weights.torch_version(), identity(layer)
    )
    model = Model(document, result.curve, result.peak_memory)
    model.network.load_state_dict(result.module.state_dict())
    return model.eval()


def verify(folder: Path, say: Callable[[str], None], place: str | None = None) -> bool:
    """Check the hashes, evaluate again on the same data, one thread, the recorded batch size; whether all is equal.

    `place` is where the data are, if not where they were; they are known by their content.
    """
    check_hashes(folder)
    say(f"hashes of {folder} are intact")
    model = load(folder)
    document = model.document
    info = data_of(document, folder, place)
    with one_thread():
        validation = data.load(info).validation
        network = computing(model.network, document.recipe, validation.labels.device)
        error = evaluate(network, validation, info, document.recipe)
    equal = error == document.error
    verdict = "equal" if equal else "DIFFERENT"
    what = f"validation error on {document.validation:,} {info.noun}"
    say(f"{what}: recorded {document.error:.6f}, now {error:.6f}: {verdict}")
    if not equal and document.torch != weights.torch_version():
        say(f"recorded with torch {document.torch} on {document.device}, now torch {weights.torch_version()}")
    return equal


def card(document: Document) -> str:
    """What a person wants to know, in Markdown."""
    price = cost(document.layers, document.inputs)
    recipe, table = document.recipe, bool(document.target)
    noun = "row" if table else "image"
    error = f"{document.error:.4f}{UNIT if table else ''} on {document.validation:,} {noun}s"
    size = f"{recipe.train_size:,}" if recipe.train_size else "all"
    return f"""# {document.architecture}

{_origin(document)}

| | |
| --- | --- |
| input | {shape_text(document.inputs)} ({"features" if table else "channels x height x width"}) |
{_of_table(document) if table else _of_images(document)}
| parameters | {price.parameters:,} |
| multiply-adds | {price.multiply_adds:,} for one {noun} |
| activations | {price.activations:,} for one {noun} |
| data | {document.data} ({document.data_key}) |
| training | {size} training {noun}s, {recipe.epochs} epochs, batch {recipe.batch_size}, seed {document.seed} |
| validation error | {error}; the test split was not read |
| trained with | torch {document.torch} on {document.device} |

```python
import nas{", pandas" if table else ""}

model = nas.load("path/of/this/folder")
{ON_TABLE if table else _on_images(document)}
```

{_caution(document, noun)}
"""


def _origin(document: Document) -> str:
    if document.study:
        return f"A network found as trial {document.trial} of study {document.study}, space {document.space}."
    return f"A network trained by itself on {document.data}."


def _caution(document: Document, noun: str) -> str:
    if not document.study:
        return (
            f"This error comes from one training and one seed: another seed has another one, and so have new {noun}s."
        )
    return (
        "This error comes from one short training and one seed, and the network was chosen as the best of many by it: "
        f"expect a\nsomewhat larger error on new {noun}s."
    )


def _of_images(document: Document) -> str:
    return f"| classes | {len(document.classes)}: {_cell(', '.join(document.classes))} |"


def _of_table(document: Document) -> str:
    columns = ", ".join(column.name for column in document.columns)
    mean, std = f"{document.target_mean:.6g}", f"{document.target_std:.6g}"
    return f"""| columns | {_cell(columns)} |
| target | {_cell(document.target)}: mean {mean}, standard deviation {std} over the training rows |"""


def _cell(text: str) -> str:
    """A text that stays inside its cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _on_images(document: Document) -> str:
    shape = ", ".join(map(str, document.inputs))
    return f"""scores = model(model.preprocess(images))  # images: uint8, (batch, {shape})
names = [model.classes[i] for i in scores.argmax(1)]"""


def _fill(folder: Path, model: Model) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.network.state_dict().items()}
    files = {
        ARCHITECTURE: encode(model.document),
        WEIGHTS: save(tensors),
        CARD: readable(card(model.document)).encode(),
    }
    if model.curve:
        files[CURVE] = msgspec.json.format(msgspec.json.encode(model.curve)) + b"\n"
    sums = "".join(f"{write_atomically(folder / name, content)}  {name}\n" for name, content in files.items())
    write_atomically(folder / SUMS, sums.encode())


def _holds(folder: Path, document: Document) -> bool:
    """Whether a folder is a whole export of this very network."""
    try:
        return load(folder).document == document
    except NasError:
        return False


def named(document: Document, *, study: str, space: str, trial: int) -> Document:
    """The document with its study, space and trial."""
    return msgspec.structs.replace(document, study=study, space=space, trial=trial)
