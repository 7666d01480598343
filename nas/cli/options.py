"""Arguments and options that several verbs share: spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from nas.cli import completion
from nas.errors.suggestions import near

if TYPE_CHECKING:
    from nas.study import Limits, Recipe

TABLES, MACHINE, TRAINING = "Tables", "Machine and time", "Training"
"""Groups of options in the help."""
UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}
"""Letters behind numbers of our tables."""
LIMITS = "Limits, as LEAST..MOST, LEAST.. or ..MOST"
"""The group whose options are ranges."""

Folder = Annotated[Path, typer.Argument(help="Folder of a run.", autocompletion=completion.runs)]
Places = Annotated[
    list[Path],
    typer.Argument(
        metavar="DIR...", help="Folders of runs; with --table also files of tables.", autocompletion=completion.runs
    ),
]
AsTable = Annotated[
    bool,
    typer.Option(
        "--table", help="Files among them are tables: .csv, .parquet, .json, ours or anybody's.", rich_help_panel=TABLES
    ),
]
ErrorColumn = Annotated[
    str | None,
    typer.Option(
        "--error", metavar="COLUMN", help="Column of errors in the tables (default: error).", rich_help_panel=TABLES
    ),
]
Accuracy = Annotated[
    bool,
    typer.Option(
        "--accuracy", help="The column holds accuracies: 1 - x, or 100 - x, is the error.", rich_help_panel=TABLES
    ),
]
Guess = Annotated[
    float | None,
    typer.Option(
        "--guess",
        help="Error of guessing, at which a failure enters means (default: of our tables or --study, else the worst).",
        rich_help_panel=TABLES,
    ),
]
SpaceColumn = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="COLUMN",
        help="Column of the tables whose values are taken for spaces.",
        rich_help_panel=TABLES,
    ),
]
RuleColumns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B,...",
        help="Rules on columns in place of the run's: larger is better; texts: their values against one another.",
    ),
]
Against = Annotated[
    str | None,
    typer.Option("--against", metavar="A,B", help="One rule on two spaces in place of the run's: A is better than B."),
]
RulesOf = Annotated[
    str | None,
    typer.Option(
        "--study",
        metavar="NAME",
        help="Take the rules of this study in place of the run's; with --columns, only hold fixed what it draws.",
        autocompletion=completion.studies,
    ),
]
OwnStudy = Annotated[
    str | None,
    typer.Option(
        "--study",
        metavar="NAME",
        help="The run's study, or the space that it searched, where that is a file's or a program's.",
        autocompletion=completion.studies,
    ),
]
Delta = Annotated[
    float | None, typer.Option("--delta", help="Smallest difference that matters, in the unit of the errors.")
]
Workers = Annotated[
    int | None,
    typer.Option(help="Trainings at once (default: one a core and GiB, 8 a card).", rich_help_panel=MACHINE),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda (all cards), cuda:1, cuda:0,1.", rich_help_panel=MACHINE)]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Trials on a server: postgresql+psycopg://user@host/database (default: in the folder).",
        rich_help_panel=MACHINE,
    ),
]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="NAME", help="local, or ray: a cluster's nodes.", rich_help_panel=MACHINE)
]
RayAddress = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS", help="Of the Ray cluster (default: the one here, else a new one).", rich_help_panel=MACHINE
    ),
]
MaxSeconds = Annotated[
    float,
    typer.Option(help="Begin no training after so long; the same command resumes.", min=0, rich_help_panel=MACHINE),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs of each training.", rich_help_panel=TRAINING)]
TrainSize = Annotated[int | None, typer.Option(help="Training images used; 0 means all.", rich_help_panel=TRAINING)]
Resolution = Annotated[
    int | None,
    typer.Option(help="Height and width of images, in pixels; 0: as they are.", rich_help_panel=TRAINING),
]
DataSet = Annotated[
    str | None,
    typer.Option(
        help="Data set: a name, a folder of class folders, an .npz, a .csv.",
        rich_help_panel=TRAINING,
        autocompletion=completion.data_sets,
    ),
]
Target = Annotated[str | None, typer.Option(help="Column of a .csv that is to be predicted.", rich_help_panel=TRAINING)]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Any field of the recipe, as optimizer=adamw; may be given again.",
        rich_help_panel=TRAINING,
        autocompletion=completion.recipe_fields,
    ),
]
Norm = Annotated[
    str | None,
    typer.Option(
        metavar="KIND", help="Another norm throughout: batch, layer, group:8 (groups), instance, mean_only, none, ..."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object for programs.")]


def given(**options: Any) -> dict[str, Any]:
    """The options that were given a value."""
    return {name: value for name, value in options.items() if value is not None}


def changed(recipe: Recipe, fields: dict[str, Any]) -> Recipe:
    """The recipe with some fields otherwise; refused where one doesn't fit."""
    import msgspec

    from nas.errors import Refused

    try:
        return msgspec.structs.replace(recipe, **fields)
    except ValueError as error:
        raise Refused(str(error)) from None


def fields_of(settings: list[str] | None) -> dict[str, Any]:
    """Fields of a recipe that were set as FIELD=VALUE; refused where there is no such field, or no such value of it."""
    import msgspec

    from nas.errors import Refused
    from nas.study import Recipe

    fields: dict[str, Any] = {}
    kinds = get_type_hints(Recipe)
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if name not in kinds:
            close = near(name, kinds, 2)
            guess = f"; did you mean {' or '.join(close)}?" if close else ""
            raise Refused(f"--set knows no field {name!r}{guess}", hint=f"fields: {', '.join(kinds)}")
        if not equals:
            raise Refused(f"--set takes FIELD=VALUE, got {setting!r}", hint=f"--set {name}=VALUE")
        try:
            fields[name] = msgspec.convert(value, kinds[name], strict=False)
        except msgspec.ValidationError:
            raise Refused(f"--set {name} takes {_values(kinds[name])}, got {value!r}") from None
    return fields


def _values(kind: Any) -> str:
    """What a field of a recipe may be, in words."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return words.get(kind) or " or ".join(map(str, get_args(kind)))


def limits_of(**texts: str | None) -> Limits:
    """The limits of the command line; refused where one is none."""
    from nas.errors import Refused
    from nas.study import Limits

    ranges = {name: _range(name, text) for name, text in texts.items() if text is not None}
    try:
        return Limits(**ranges)  # type: ignore[arg-type]  # it makes numbers whole
    except ValueError as error:
        raise Refused(str(error)) from None


def _range(name: str, text: str) -> tuple[float, float]:
    """`..60000`, `..60k` or `1e6..6e6` as its ends."""
    from nas.errors import Refused
    from nas.study.limits import UNBOUNDED

    low, dots, high = text.partition("..")
    try:
        ends = _number(low or "0"), _number(high or str(UNBOUNDED))
    except ValueError:
        ends = None
    if not dots or ends is None or text == "..":
        option = f"--{name.replace('_', '-')}"
        example = f"{option} ..{2 if name == 'latency_ms' else 60000}"
        raise Refused(f"{option} takes LEAST..MOST, LEAST.. or ..MOST, got {text!r}", hint=example)
    return ends


def _number(text: str) -> float:
    """A number as tables print it, `2.5 M` or `31k`, or as Python does."""
    value = text.strip()
    unit = UNITS.get(value[-1:], 1.0)
    return unit * float(value[:-1] if value[-1:] in UNITS else value)
