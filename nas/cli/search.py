"""The verb that searches a space without a study file."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import (
    LIMITS,
    MACHINE,
    TRAINING,
    DataSet,
    Device,
    EngineName,
    Epochs,
    Json,
    RayAddress,
    Resolution,
    Settings,
    Storage,
    Target,
    TrainSize,
    Workers,
    changed,
    fields_of,
    given,
    limits_of,
)
from nas.cli.run import SAMPLING, train_and_tell

if TYPE_CHECKING:
    from nas.study.objectives import Objective

AGAINST = ("multiply-adds", "latency")
"""What the error can be searched against."""


def search(
    space: Annotated[
        list[str],
        typer.Option(
            help="Of `nas spaces` (a network, too), my_space.py:NAME or module:NAME; may be given again.",
            autocompletion=completion.spaces_and_networks,
        ),
    ],
    data: DataSet = None,
    target: Target = None,
    parameters: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    multiply_adds: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    activations: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="RANGE", help="Bytes of training an image.", rich_help_panel=LIMITS)
    ] = None,
    latency_ms: Annotated[
        str | None,
        typer.Option(metavar="RANGE", help="Measured here, for one image on one thread.", rich_help_panel=LIMITS),
    ] = None,
    minutes: Annotated[
        float, typer.Option(help="Begin no training after so long.", min=0, rich_help_panel=MACHINE)
    ] = inf,
    sampler: Annotated[
        str, typer.Option(help="tpe, gp, nsga2, cmaes; random, quasirandom: a map.", rich_help_panel=SAMPLING)
    ] = "tpe",
    against: Annotated[
        str | None,
        typer.Option(
            metavar="COST", help="multiply-adds or latency: search error against it.", rich_help_panel=SAMPLING
        ),
    ] = None,
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
    storage: Storage = None,
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the run (default: runs/search-SPACE).")
    ] = None,
    json: Json = False,
) -> None:
    """Search a space for the best network inside limits; the same command resumes."""
    from nas.storage.lock import require_free

    if out is not None:
        require_free(out)  # before anything that takes seconds to load
    from nas.data import require_one_meaning
    from nas.runner.agreement import fitted
    from nas.runner.search import require_end
    from nas.study import Recipe
    from nas.study.search import Choices, reference_of, spaces_of, study_of
    from nas.study.study import check_sampler

    if data is not None:
        require_one_meaning(data)
    check_sampler(sampler)
    require_end(minutes, samples)
    choices: Choices = {"sampler": sampler, "seed": seed, "objectives": objectives_of(against)}  # type: ignore[typeddict-item]
    if samples is not None:
        choices["samples"] = samples
    named = given(epochs=epochs, train_size=train_size, resolution=resolution, data=data, target=target)
    fields = {**named, **fields_of(settings)}
    recipe = changed(Recipe().at(fidelity), fields)
    spaces = spaces_of(space)
    limits = limits_of(
        parameters=parameters,
        multiply_adds=multiply_adds,
        activations=activations,
        memory=memory,
        latency_ms=latency_ms,
    )
    study = study_of(spaces, recipe if "train_size" in fields else fitted(recipe), limits, **choices)
    train_and_tell(
        study,
        out=out,
        workers=workers,
        device=device,
        storage=storage,
        engine=engine,
        ray_address=ray_address,
        reference=reference_of(space),
        max_seconds=60 * minutes,
        json=json,
    )


def objectives_of(against: str | None) -> tuple[Objective, ...]:
    """The error, alone or against a cost."""
    from nas.errors import Refused
    from nas.study.objectives import ERROR, ERROR_AGAINST_COST, ERROR_AGAINST_LATENCY

    known = dict(zip((None, *AGAINST), (ERROR, ERROR_AGAINST_COST, ERROR_AGAINST_LATENCY), strict=True))
    if against not in known:
        raise Refused(f"--against takes {' or '.join(AGAINST)}, got {against!r}")
    return known[against]
