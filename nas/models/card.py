"""The card of a network: what a person wants to know of it, in Markdown and for notebooks."""

from __future__ import annotations

import re

import msgspec

from nas.layers import cost, display, shape_text
from nas.layers.display import settings_table
from nas.models.document import Document, HeldOut, title
from nas.study import Recipe
from nas.study.record import SEEN

UNIT = ", root mean squared error in standard deviations of the target,"
"""What follows the error of a number."""
ON_TABLE = """table = pandas.read_csv("rows.csv", dtype=str, keep_default_na=False)
values = model.predict(table.to_dict("list"))  # columns by name; in the unit of the target"""


TOLD = ("data", "target", "train_size", "validation_size", "epochs", "batch_size", "evaluation_batch_size")
"""Fields of a recipe that a card has in other words."""
MARKUP = re.compile(r"[\\`*\[\]<>|&~$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads in the middle of a line; an underscore inside a word is one."""


def card(document: Document) -> str:
    """What a person wants to know, in Markdown."""
    table = bool(document.target)
    rows = "\n".join(f"| {name} | {_plain(value)} |" for name, value in facts(document).items())
    return f"""# {_plain(title(document))}

{_plain(origin(document))}

| | |
| --- | --- |
{rows}

```python
import nas{", pandas" if table else ""}

model = nas.load("path/of/this/folder")
{ON_TABLE if table else _on_images(document)}
```

{caution(document)}
"""


def notebook(document: Document) -> str:
    """The same in short, as HTML."""
    return display.notebook(title(document), (), [origin(document)], settings_table(facts(document)))


def _plain(text: str) -> str:
    """A text of one line that Markdown leaves as it is."""
    return MARKUP.sub(lambda found: f"\\{found[0]}", " ".join(text.splitlines()))


def facts(document: Document) -> dict[str, str]:
    """What is known of a network: what it takes and gives, costs, training and errors, by name."""
    price = cost(document.layers, document.inputs)
    table, noun = bool(document.target), _noun(document)
    return {
        "input": f"{shape_text(document.inputs)} ({'features' if table else 'channels x height x width'})",
        **(_of_table(document) if table else _of_images(document)),
        "parameters": f"{price.parameters:,}",
        "multiply-adds": f"{price.multiply_adds:,} for one {noun}",
        "activations": f"{price.activations:,} for one {noun}",
        **_training(document),
    }


def _training(document: Document) -> dict[str, str]:
    """Data, training and error; nothing where this program hasn't trained these weights."""
    recipe = document.recipe
    if recipe is None or document.error is None:
        return {}
    size = f"{recipe.train_size:,}" if recipe.train_size else "all"
    length = f"{recipe.epochs} epochs, batch {recipe.batch_size}, seed {document.seed}"
    return {
        "data": f"{document.data} ({document.data_key})",
        "training": f"{size} training {_noun(document)}s, {length}",
        "recipe": recipe_text(recipe),
        **_errors(document, document.error),
        "trained with": f"torch {document.torch} on {document.device}",
    }


def recipe_text(recipe: Recipe) -> str:
    """What decides how a network learns, as fields of a recipe; those that do nothing are left out."""
    fields = msgspec.to_builtins(recipe)
    if recipe.optimizer != "sgd" or not recipe.momentum:
        fields["nesterov"] = False
    told = {name: value for name, value in fields.items() if name not in TOLD and value not in ("", 0, False)}
    return ", ".join(name if value is True else f"{name} {value}" for name, value in told.items())


def _errors(document: Document, error: float) -> dict[str, str]:
    """How good it is, each error with what it was measured on."""
    unit, test, noun = UNIT if document.target else "", document.test, _noun(document)
    measured = f"{error:.4f}{unit} on"
    if document.validation:
        rows = {"validation error": f"{measured} {document.validation:,} {noun}s; the test split was not read"}
        if document.mean_error is not None:
            rows["mean validation error"] = f"{document.mean_error:.4f}{unit} of {document.trainings} trainings"
        return rows
    training = f"{measured} the first {SEEN:,} training {noun}s (all, if fewer); no {noun} validated"
    if test is None:
        return {"training error": training, "test split": "not read"}
    seeds = "one seed" if test.deviation is None else f"{test.seeds} seeds, standard deviation {test.deviation:.4f}"
    over = f"{noun}s" if test.deviation is None else f"seeds and {noun}s"
    interval = f"95 % interval over {over} {test.low:.4f} to {test.high:.4f}"
    times = "once" if test.readings == 1 else f"{test.readings} times"
    return {
        "test error": f"{test.error:.4f}{unit} on {test.images:,} {noun}s",
        "mean test error": f"{test.mean:.4f} ({seeds}), {interval}",
        "test split": f"read {times} for networks of this run",
        "training error": training,
        **_effort(test),
    }


def _effort(test: HeldOut) -> dict[str, str]:
    """What it took to find and to train it, and how to do it again; nothing of networks of before this was kept."""
    if not test.searched:
        return {}
    search = f"{test.search}, {test.searched:,} trainings, {test.search_hours:.1f} hours of one core or card in all"
    trained = f"{test.seeds} trainings, {test.hours:.1f} hours of one core or card in all"
    return {"found by": search.removeprefix(", "), "trained by": f"{trained}: {test.command}".removesuffix(": ")}


def origin(document: Document) -> str:
    """Where a network is from, in a sentence."""
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


def caution(document: Document) -> str:
    """What its error doesn't say, in a sentence."""
    noun = _noun(document)
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
    of, it = "one short training and one seed", "it"
    if document.mean_error is not None:
        of, it = f"one of {document.trainings} short trainings with a seed each", "their mean error"
    return (
        f"This error comes from {of}, and the network was chosen as the best of many by {it}: "
        f"expect a\nsomewhat larger error on new {noun}s."
    )


def _of_images(document: Document) -> dict[str, str]:
    return {"classes": f"{len(document.classes)}: {', '.join(document.classes)}"}


def _of_table(document: Document) -> dict[str, str]:
    mean, std = f"{document.target_mean:.6g}", f"{document.target_std:.6g}"
    return {
        "columns": ", ".join(column.name for column in document.columns),
        "target": f"{document.target}: mean {mean}, standard deviation {std} over the training rows",
    }


def _noun(document: Document) -> str:
    return "row" if document.target else "image"


def _on_images(document: Document) -> str:
    shape = ", ".join(map(str, document.inputs))
    return f"""scores = model(model.preprocess(images))  # images: uint8, (batch, {shape})
names = [model.classes[i] for i in scores.argmax(1)]"""
