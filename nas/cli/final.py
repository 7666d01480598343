"""The verb that trains the finalists of a run on all training images, and reads the test split once."""

from __future__ import annotations

from math import inf
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import completion
from nas.cli.options import (
    LIMITS,
    TRAINING,
    Device,
    EngineName,
    Epochs,
    Folder,
    Json,
    MaxSeconds,
    OwnStudy,
    RayAddress,
    Settings,
    Workers,
    fields_of,
    given,
    limits_of,
)
from nas.cli.source import study_or_spaces
from nas.cli.terminal import emit_head, emit_json, emit_table, emit_text, say

if TYPE_CHECKING:
    from nas.findings.finals import Final

FINALISTS = "Finalists"
"""Group of options in the help."""


def final(
    folder: Folder,
    top: Annotated[
        int | None, typer.Option(help="The best so many by validation error (default: 3).", rich_help_panel=FINALISTS)
    ] = None,
    pareto: Annotated[
        str | None,
        typer.Option(
            metavar="COST",
            help="multiply-adds, parameters or latency: the whole front of error against it instead.",
            rich_help_panel=FINALISTS,
        ),
    ] = None,
    parameters: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    multiply_adds: Annotated[str | None, typer.Option(metavar="RANGE", rich_help_panel=LIMITS)] = None,
    latency_ms: Annotated[
        str | None, typer.Option(metavar="RANGE", help="As the run measured it.", rich_help_panel=LIMITS)
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Trainings of each (default: 3); more extend a final.", rich_help_panel=TRAINING)
    ] = None,
    epochs: Epochs = None,
    fidelity: Annotated[
        str | None,
        typer.Option(
            help="A named recipe, on all images; else that of the run for 30 epochs.", rich_help_panel=TRAINING
        ),
    ] = None,
    settings: Settings = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read the test split once more; all that is shown says so.")
    ] = False,
    study: OwnStudy = None,
    workers: Workers = None,
    device: Device = "auto",
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    max_seconds: MaxSeconds = inf,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Another run with a tested final: compare the first finalist of each.",
            rich_help_panel=FINALISTS,
            autocompletion=completion.runs,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train the best networks on all training images, then read the test split, once: their test errors."""
    from nas.cli.live.progress import view
    from nas.findings.finals import open_final, require_comparable
    from nas.runner.finals import final as finish
    from nas.runner.finals import seeds_of
    from nas.storage.results import open_run

    other = None if against is None else open_final(against)
    if other is not None:
        require_comparable(open_run(folder), other, seeds_of(folder, seeds))
    changes = {**given(epochs=epochs), **fields_of(settings)}
    limits = limits_of(parameters=parameters, multiply_adds=multiply_adds, latency_ms=latency_ms)
    with view() as observer:
        done = finish(
            folder,
            top=top,
            pareto=front_of(pareto),
            limits=limits if limits.bounded else None,
            seeds=seeds,
            fidelity=fidelity,
            changes=changes,
            again=again,
            study=study_or_spaces(study),
            workers=workers,
            device=device,
            engine=engine,
            ray_address=ray_address,
            observer=observer,
            max_seconds=max_seconds,
        )
    if json:
        _emit_json(done, other)
    else:
        _show(done, folder, study, other)


def front_of(pareto: str | None) -> Any:
    """The cost of a front, as people write it; what is none is refused where it is used."""
    cost = None if pareto is None else pareto.strip().lower().replace("-", "_")
    return "latency_ms" if cost == "latency" else cost


def _show(done: Final, folder: Path, study: str | None, other: Final | None) -> None:
    """The table of finalists, a sentence on each choice and on another final, and what comes next."""
    from nas.findings.finals import compared
    from nas.findings.wording.finals import HEADER, final_cells

    emit_head(done.run.manifest.study.name, done.head, done.notes)
    say("")
    emit_table(HEADER, [final_cells(one) for one in done.finalists], left=2)
    sentences = [*done.sentences()]
    if other is not None and done.tested:
        sentences.append(compared(done, other)[1])
    if sentences:
        say("")
        for sentence in sentences:
            emit_text(sentence, hang=2)
    place = quote(str(folder))
    if done.tested:
        say(f"\nnext   nas export {place} --final --rank 1 -o best")
    else:
        again = " --again" * (done.results is not None)
        say(f"\nnext   nas final {place}{again}" + (f" --study {quote(study)}" if study else ""))


def _emit_json(done: Final, other: Final | None) -> None:
    """What other programs may rely on: `finalists`, `readings`, `tested`, `against` where it was asked for."""
    from msgspec.structs import asdict

    from nas.study.limits import UNBOUNDED

    results, selection = done.results, done.chosen.selection
    bounded = {name: getattr(selection.limits, name) for name in selection.limits.bounded}
    limits = {name: (low, None if high == UNBOUNDED else high) for name, (low, high) in bounded.items()}
    emit_json(
        study=done.run.manifest.study.name,
        trained=done.fidelity,
        seeds=done.seeds,
        chosen={**asdict(done.chosen), "selection": {**asdict(selection), "limits": limits}},
        trainings={"finished": len(done.records), "total": done.total},
        tested=done.tested,
        readings=done.readings,
        test=None if results is None else {"when": results.when, "data": results.data, "n": results.images},
        finalists=[{**asdict(one), "unit": "error"} for one in done.finalists],
        notes=done.notes,
        against=_against(done, other) if other is not None and done.tested else None,
    )


def _against(done: Final, other: Final) -> dict[str, object]:
    from nas.findings.finals import compared

    pair, sentence = compared(done, other)
    names = ("trial", "space", "architecture")
    first, second = ({name: getattr(final.finalists[0], name) for name in names} for final in (done, other))
    return {"first": first, "second": {"folder": str(other.run.folder), **second}, "paired": pair, "sentence": sentence}
