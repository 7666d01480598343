"""The card of a network: what a person wants to know of it, in Markdown."""

from __future__ import annotations

from nas.layers import cost, shape_text
from nas.models.document import Document
from nas.study.record import SEEN

UNIT = ", root mean squared error in standard deviations of the target,"
"""What follows the error of a number."""
ON_TABLE = """table = pandas.read_csv("rows.csv", dtype=str, keep_default_na=False)
values = model.predict(table.to_dict("list"))  # columns by name; in the unit of the target"""


def card(document: Document) -> str:
    """What a person wants to know, in Markdown."""
    price = cost(document.layers, document.inputs)
    table = bool(document.target)
    noun = "row" if table else "image"
    return f"""# {document.architecture}

{_origin(document)}

| | |
| --- | --- |
| input | {shape_text(document.inputs)} ({"features" if table else "channels x height x width"}) |
{_of_table(document) if table else _of_images(document)}
| parameters | {price.parameters:,} |
| multiply-adds | {price.multiply_adds:,} for one {noun} |
| activations | {price.activations:,} for one {noun} |
{_training(document, noun)}
```python
import nas{", pandas" if table else ""}

model = nas.load("path/of/this/folder")
{ON_TABLE if table else _on_images(document)}
```

{_caution(document, noun)}
"""


def _training(document: Document, noun: str) -> str:
    """Rows on data, training and error; none where this program hasn't trained these weights."""
    recipe = document.recipe
    if recipe is None or document.error is None:
        return ""
    size = f"{recipe.train_size:,}" if recipe.train_size else "all"
    return f"""| data | {document.data} ({document.data_key}) |
| training | {size} training {noun}s, {recipe.epochs} epochs, batch {recipe.batch_size}, seed {document.seed} |
{_errors(document, noun)}
| trained with | torch {document.torch} on {document.device} |
"""


def _errors(document: Document, noun: str) -> str:
    """Rows on how good it is, each with what it was measured on."""
    unit, test = UNIT if document.target else "", document.test
    error = f"{document.error:.4f}{unit} on"
    if document.validation:
        return f"| validation error | {error} {document.validation:,} {noun}s; the test split was not read |"
    training = f"| training error | {error} the first {SEEN:,} training {noun}s (all, if fewer); no {noun} validated |"
    if test is None:
        return f"{training}\n| test split | not read |"
    seeds = "one seed" if test.deviation is None else f"{test.seeds} seeds, standard deviation {test.deviation:.4f}"
    over = f"{noun}s" if test.deviation is None else f"seeds and {noun}s"
    interval = f"95 % interval over {over} {test.low:.4f} to {test.high:.4f}"
    times = "once" if test.readings == 1 else f"{test.readings} times"
    return f"""| test error | {test.error:.4f}{unit} on {test.images:,} {noun}s |
| mean test error | {test.mean:.4f} ({seeds}), {interval} |
| test split | read {times} for networks of this run |
{training}"""


def _origin(document: Document) -> str:
    if document.error is None:
        return f"It began as {document.origin or 'an untrained network'}."
    if document.study and not document.validation:
        return (
            f"A network found as trial {document.trial} of study {document.study}, space {document.space}, and trained "
            "anew with nothing kept back for validation."
        )
    if document.study:
        return f"A network found as trial {document.trial} of study {document.study}, space {document.space}."
    return f"A network trained by itself on {document.data}."


def _caution(document: Document, noun: str) -> str:
    if document.error is None:
        return "How well these weights do isn't known: this program hasn't measured them."
    if document.test and document.test.readings == 1:
        return f"The network was chosen by validation error alone; no choice depended on the test {noun}s."
    if document.test:
        return f"Choices may have depended on earlier readings of the test {noun}s: on new ones expect a larger error."
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
