"""The verb that trains one network, and shows it at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from shlex import quote
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import (
    TRAINING,
    DataSet,
    Device,
    Epochs,
    Json,
    Norm,
    OwnStudy,
    Resolution,
    Settings,
    Target,
    TrainSize,
    changed,
    fields_of,
    given,
)
from nas.cli.source import study_or_spaces
from nas.cli.terminal import emit_json, emit_table, say
from nas.findings.wording.numbers import NOTHING, duration, percent, plural
from nas.findings.wording.training import epoch_line

if TYPE_CHECKING:
    from nas.models.model import Model
    from nas.runner.networks import Network
    from nas.study import Recipe
    from nas.study.record import Epoch

TRIAL = "A trial of a run"
"""Group of options in the help."""
PAGE = "curve.html"


def train(
    network: Annotated[
        str | None,
        typer.Argument(
            help="A published network (`nas spaces`), a winner, an exported folder, or an architecture.json.",
            autocompletion=completion.networks,
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of a run instead.", autocompletion=completion.runs, rich_help_panel=TRIAL
        ),
    ] = None,
    trial: Annotated[int | None, typer.Option(help="Number of its trial.", rich_help_panel=TRIAL)] = None,
    study: OwnStudy = None,
    norm: Norm = None,
    data: DataSet = None,
    target: Target = None,
    epochs: Epochs = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.", rich_help_panel=TRAINING)] = None,
    batch_sizes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Train once with each, whatever --batch-size says, and compare.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the schedule.", rich_help_panel=TRAINING)] = None,
    train_size: TrainSize = None,
    resolution: Resolution = None,
    settings: Settings = None,
    seed: Annotated[
        int, typer.Option(help="Of initial weights, order and augmentation.", rich_help_panel=TRAINING)
    ] = 0,
    device: Device = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder for the network (default: trained/NETWORK).")
    ] = None,
    json: Json = False,
) -> None:
    """Train one network and watch it; the same command resumes it."""
    from nas.models.card import recipe_text
    from nas.models.curves import curves_figure, write_page
    from nas.models.exports import Diverged
    from nas.runner import networks

    chosen, recipe = _chosen(network, run, trial, study)
    if norm is not None:
        chosen = networks.normed(chosen, norm)
    named = given(
        data=data,
        target=target,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        train_size=train_size,
        resolution=resolution,
    )
    recipe = changed(recipe, {**named, **fields_of(settings)})
    folder = out or Path("trained", chosen.name if batch_sizes is None else f"{chosen.name}-batches")
    watched = partial(networks.train, chosen, seed=seed, device=device)
    try:
        if batch_sizes is not None:
            sweep(watched, recipe, _sizes(batch_sizes), folder, json)
            return
        model = watched(recipe, out=folder, on_epoch=lambda epoch: tell(epoch, recipe.epochs))
    except Diverged as diverged:
        if diverged.curve:
            page = folder.with_name(f"{folder.name}-{PAGE}")
            before = plural(len(diverged.curve), "epoch")
            figure = curves_figure({chosen.name: diverged.curve}, table=diverged.table)
            write_page(figure, f"{chosen.name} on {recipe.data}: diverged after {before}", page)
            say(f"curve  {page}", err=True)
        raise
    except KeyboardInterrupt:
        say("stopped; the same command goes on after the last whole epoch", err=True)
        raise typer.Exit(130) from None
    error = f"validation error {percent(model.document.error)} after {plural(recipe.epochs, 'epoch')}"
    write_page(model.figure(), f"{chosen.name} on {recipe.data}: {error}", folder / PAGE)
    if json:
        emit_json(
            folder=folder,
            architecture=model.document.architecture,
            error=model.document.error,
            epochs=recipe.epochs,
            page=folder / PAGE,
            curve=model.curve,
        )
        return
    say(f"{folder}: {chosen.name}, {error}; the test split was not read")
    say(f"recipe {recipe_text(model.document.recipe or recipe)}")
    say(f"curve  {folder / PAGE}")
    say(f"next   nas verify {quote(str(folder))}; in Python: nas.load({str(folder)!r})")


def _chosen(network: str | None, run: Path | None, trial: int | None, study: str | None) -> tuple[Network, Recipe]:
    from nas.errors import Refused
    from nas.runner.networks import network_named, network_of
    from nas.storage.results import open_run
    from nas.study import Recipe

    if network is not None and run is None and trial is None:
        return network_named(network), Recipe()
    if network is None and run is not None and trial is not None:
        return network_of(open_run(run), trial, study_or_spaces(study))
    raise Refused("give a network, or --run and --trial", hint="nas spaces lists published networks")


def _sizes(text: str) -> list[int]:
    from nas.errors import Refused

    sizes = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(sizes) != len(text.split(",")) or len(set(sizes)) != len(sizes) or 0 in sizes:
        raise Refused(f"--batch-sizes takes different numbers, from 1, with commas between them, got {text!r}")
    return sizes


def sweep(train: Callable[..., Model], recipe: Recipe, sizes: Sequence[int], folder: Path, json: bool) -> None:
    """Train once with each batch size, all else equal, and show speed, errors and memory beside one another."""
    from nas.errors import Refused
    from nas.models.curves import write_page
    from nas.models.exports import Diverged
    from nas.models.folder import ARCHITECTURE
    from nas.models.model import figure_of

    if (folder / ARCHITECTURE).exists():
        raise Refused(f"{folder} holds a network of its own", hint="choose another folder, with -o")
    models: dict[int, Model] = {}
    diverged: dict[int, Diverged] = {}
    recipes = {size: changed(recipe, {"batch_size": size}) for size in sizes}  # refused before any is trained
    for size, asked in recipes.items():
        say(f"batches of {size}", err=True)
        try:
            models[size] = train(asked, out=folder / f"batch-{size}", on_epoch=lambda epoch: tell(epoch, recipe.epochs))
        except Diverged as exploded:
            diverged[size] = exploded
            say(f"batches of {size}: {exploded}", err=True)
    if not models:
        raise diverged[sizes[-1]]
    figure = figure_of({f"batches of {size}": model for size, model in models.items()})
    write_page(figure, f"{folder.name} on {recipe.data}", folder / PAGE)
    if json:
        emit_json(
            networks=[_as_json(size, model, folder) for size, model in models.items()],
            diverged=[{"batch_size": size, "epoch": len(error.curve) + 1} for size, error in diverged.items()],
            page=folder / PAGE,
        )
        return
    noun = "rows" if any(model.document.target for model in models.values()) else "images"
    emit_table(
        ("batch size", f"{noun}/s", "validation error", "training error", "time", "peak memory"),
        [
            (
                f"{size:,}",
                f"{median(epoch.images_per_second or 0 for epoch in model.curve):,.0f}",
                percent(model.curve[-1].error),
                percent(model.curve[-1].train_error),
                duration(sum(epoch.seconds for epoch in model.curve)),
                NOTHING if model.peak_memory is None else f"{model.peak_memory / 2**20:,.1f} MiB",
            )
            for size, model in models.items()
        ],
    )
    for size, error in diverged.items():
        say(f"batches of {size} diverged in epoch {len(error.curve) + 1}")
    say(f"curves  {folder / PAGE}")


def _as_json(size: int, model: Model, folder: Path) -> dict[str, object]:
    """What programs get of a network that was trained with a batch size; memory in bytes."""
    last = model.curve[-1]
    return {
        "folder": folder / f"batch-{size}",
        "batch_size": size,
        "images_per_second": median(epoch.images_per_second or 0 for epoch in model.curve),
        "error": last.error,
        "train_error": last.train_error,
        "seconds": sum(epoch.seconds for epoch in model.curve),
        "peak_memory": model.peak_memory,
    }


def tell(epoch: Epoch, epochs: int) -> None:
    """A line for each epoch."""
    say(epoch_line(epoch, epochs), err=True)
