"""The verb that searches a space without a study file."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer

from nas.cli.options import (
    MACHINE,
    TRAINING,
    DataSet,
    Device,
    Epochs,
    Resolution,
    Settings,
    TrainSize,
    Workers,
    fields_of,
)
from nas.cli.run import SAMPLING, train_and_tell

LIMITS = "Limits, as LEAST..MOST, LEAST.. or ..MOST"
"""Group of options in the help."""


def search(
    space: Annotated[list[str], typer.Option(help="A space of ours (`nas spaces`); may be given again.")],
    data: DataSet = None,
    parameters: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    multiply_adds: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    activations: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="RANGE", help="Bytes of training an image.", rich_help_panel=LIMITS)
    ] = None,
    minutes: Annotated[
        float, typer.Option(help="Begin no training after so long.", min=0, rich_help_panel=MACHINE)
    ] = inf,
    sampler: Annotated[
        str, typer.Option(help="tpe, gp, nsga2, cmaes; random, quasirandom: a map.", rich_help_panel=SAMPLING)
    ] = "tpe",
    samples: Annotated[
        int | None, typer.Option(help="Networks of each space, at most.", rich_help_panel=SAMPLING)
    ] = None,
    seed: Annotated[int, typer.Option(help="With the trial number it decides all.", rich_help_panel=SAMPLING)] = 0,
    fidelity: Annotated[
        str, typer.Option(help="Length of training: tiny, short, standard or long.", rich_help_panel=TRAINING)
    ] = "short",
    epochs: Epochs = None,
    train_size: TrainSize = None,
    resolution: Resolution = None,
    settings: Settings = None,
    workers: Workers = None,
    device: Device = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the run (default: runs/search SPACE).")
    ] = None,
) -> None:
    """Search a space for the best network inside limits; the same command resumes."""
    from nas.data import require_one_meaning
    from nas.errors import Refused
    from nas.study import Limits, Recipe
    from nas.study.search import MOST, REFERENCE
    from nas.study.search import search as study_of
    from nas.study.study import check_sampler

    if data is not None:
        require_one_meaning(data)
    check_sampler(sampler)
    if minutes == inf and samples is None:
        raise Refused("a search ends after --minutes, or after --samples networks", hint="--minutes 20")
    named = {
        "epochs": epochs,
        "train_size": train_size,
        "resolution": resolution,
        "data": data,
    }
    given = {name: value for name, value in named.items() if value is not None}
    limited = {
        "parameters": parameters,
        "multiply_adds": multiply_adds,
        "activations": activations,
        "memory": memory,
    }
    limits = {name: _range(name, text) for name, text in limited.items() if text is not None}
    study = study_of(
        space,
        _changed(Recipe().at(fidelity), {**given, **fields_of(settings)}),
        limits=Limits(**limits),
        sampler=sampler,  # type: ignore[arg-type]  # checked above
        samples=samples or MOST,
        seed=seed,
    )
    train_and_tell(study, out=out, workers=workers, device=device, reference=REFERENCE, max_seconds=60 * minutes)


def _changed(recipe: Any, fields: dict[str, Any]) -> Any:
    import msgspec

    from nas.errors import Refused

    try:
        return msgspec.structs.replace(recipe, **fields)
    except ValueError as error:
        raise Refused(str(error)) from None


def _range(name: str, text: str) -> tuple[float, float]:
    """`..60000` or `1e6..6e6` as its ends."""
    from nas.errors import Refused
    from nas.study.limits import UNBOUNDED

    low, dots, high = text.partition("..")
    try:
        ends = float(low or 0), float(high or UNBOUNDED)
    except ValueError:
        ends = None
    if not dots or ends is None or text == "..":
        option = f"--{name.replace('_', '-')}"
        raise Refused(f"{option} takes LEAST..MOST, LEAST.. or ..MOST, got {text!r}", hint=f"{option} ..60000")
    return ends
