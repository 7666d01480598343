"""The verb that trains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from shlex import quote
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import completion
from nas.cli.options import (
    TRAINING,
    DataSet,
    Device,
    EngineName,
    Epochs,
    Json,
    MaxSeconds,
    RayAddress,
    Resolution,
    Settings,
    Storage,
    Target,
    TrainSize,
    Workers,
    fields_of,
    given,
)
from nas.cli.terminal import UnheardError, emit_json, emit_text, say
from nas.storage.layout import LOG, PAGE, TABLE

SAMPLING = "Networks"
"""Group of options in the help."""
SHOWN = 5
"""Best networks that a finished run shows."""

if TYPE_CHECKING:
    from nas.runner.progress import Snapshot
    from nas.runner.task import Observer
    from nas.storage.results import Run
    from nas.study import Study
    from nas.study.description import Description
    from nas.study.record import Record


def run(
    study: Annotated[
        str,
        typer.Argument(
            help="A study of ours, FILE.py, FILE.py:NAME or module:NAME.", autocompletion=completion.studies
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run (default: runs/STUDY).")] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Networks of each space and combination of a grid; more extends a run.", rich_help_panel=SAMPLING
        ),
    ] = None,
    fidelity: Annotated[
        str | None,
        typer.Option(
            help="Length of training: tiny, short, standard or long; what follows changes it.", rich_help_panel=TRAINING
        ),
    ] = None,
    epochs: Epochs = None,
    train_size: TrainSize = None,
    resolution: Resolution = None,
    data: DataSet = None,
    target: Target = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="random, quasirandom: a sample of the space; tpe, gp, nsga2, cmaes: a search.",
            rich_help_panel=SAMPLING,
        ),
    ] = None,
    halving: Annotated[
        int | None,
        typer.Option(
            metavar="FACTOR",
            help="Only one of so many trainings continues after 1, FACTOR, ... epochs.",
            rich_help_panel=SAMPLING,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="With the trial number it decides everything.", rich_help_panel=SAMPLING)
    ] = None,
    settings: Settings = None,
    workers: Workers = None,
    device: Device = "auto",
    storage: Storage = None,
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    max_seconds: MaxSeconds = inf,
    retry: Annotated[
        str | None,
        typer.Option(
            metavar="OUTCOMES", help="Train trials again that were so: crashed,timed_out.", rich_help_panel=TRAINING
        ),
    ] = None,
    max_trial_seconds: Annotated[
        float | None,
        typer.Option(help="A training times out after so long; part of the study.", rich_help_panel=TRAINING),
    ] = None,
    json: Json = False,
) -> None:
    """Start a study, or resume it: run the same command again."""
    from nas.storage.lock import require_free

    if out is not None:
        require_free(out)  # before anything that takes seconds to load
    from dataclasses import replace

    from nas.data import require_one_meaning
    from nas.runner.agreement import fitted
    from nas.study import SuccessiveHalving, catalog

    if data is not None:
        require_one_meaning(data)
    found, said = catalog.described_study(study)
    requested = adjusted(
        trained_at(found, fidelity),
        {
            "samples": samples,
            "sampler": sampler,
            "halving": None if halving is None else SuccessiveHalving(reduction_factor=halving),
            "seed": seed,
            "max_trial_seconds": max_trial_seconds,
        },
        {
            "epochs": epochs,
            "train_size": train_size,
            "resolution": resolution,
            "data": data,
            "target": target,
            **fields_of(settings),
        },
    )
    if fidelity is not None and "train_size" not in {**given(train_size=train_size), **fields_of(settings)}:
        requested = replace(requested, recipe=fitted(requested.recipe))
    train_and_tell(
        requested,
        out=out,
        workers=workers,
        device=device,
        storage=storage,
        engine=engine,
        ray_address=ray_address,
        reference=catalog.reference(study),
        max_seconds=max_seconds,
        retry=[name.strip() for name in retry.split(",")] if retry else (),
        json=json,
        before=partial(foretell, requested, found, said),
    )


def foretell(study: Study, found: Study, said: Description, finished: int) -> None:
    """What begins, on stderr: the question, the expected time of the study as it stands, and what is left here."""
    from nas.cli.listing.studies import here_text, seconds_here, time_text
    from nas.findings.wording.numbers import plural

    say(f"question  {study.question}", err=True)
    if said.expected:
        say(f"expected  {time_text(found, said)}", err=True)
    if study.open_ended:
        return
    left = study.total - finished
    work, seconds = relative_work(study, found), seconds_here(said)
    parts = [f"{left} of {plural(study.total, 'training')}"]
    parts += [f"{finished} are finished"] * bool(finished)
    if left and work is not None and seconds is not None and (finished or study != found):
        parts.append(here_text(seconds * work * left / study.total))
    say(f"left      {'; '.join(parts)}", err=True)


def relative_work(study: Study, found: Study) -> float | None:
    """Images that a study trains on over those of the one it was made from; None where more than that differs."""
    from dataclasses import replace

    import msgspec

    sizes = [of.recipe.train_size for of in (study, found)]
    kept = msgspec.structs.replace(study.recipe, epochs=found.recipe.epochs, train_size=found.recipe.train_size)
    same = replace(study, recipe=kept, samples=found.samples, seed=found.seed) == found
    if not same or (0 in sizes and sizes[0] != sizes[1]):
        return None
    images = sizes[0] / sizes[1] if all(sizes) else 1.0
    return images * study.total * study.recipe.epochs / (found.total * found.recipe.epochs)


def train_and_tell(
    study: Study,
    *,
    reference: str,
    max_seconds: float,
    json: bool,
    before: Callable[[int], None] = lambda _: None,
    **site: Any,
) -> None:
    """Run a study as `nas.run` does, and say what came of it, in words or as JSON.

    `reference` is how a run finds its study again. `before` is told how many trials are finished once nothing is left
    to refuse, and before the first is trained.
    """
    from nas.cli.live.progress import view
    from nas.errors import NasError
    from nas.runner.launch import start
    from nas.study.record import Outcome

    began = monotonic()
    with view() as observer:
        looks = introduced(observer, before)
        done = start(study, observer=looks, reference=reference, max_seconds=max_seconds, **site)
    with suppress(UnheardError):  # the run is done, whoever started it has gone
        emit_result(done) if json else summary(done, reference)
    if len(done.records) < done.total or done.manifest.study.open_ended:
        tell_how_far(done, max_seconds, monotonic() - began < max_seconds)
    if done.records and not done.outcomes.get(Outcome.COMPLETED):
        said = Counter(record.message for record in done.records if record.message).most_common(1)
        raise NasError(
            "no trial was completed"
            + "".join(f"; {times} of them: {message.splitlines()[0]}" for message, times in said),
            hint=f"{done.folder / LOG} has it in full",
        )


def introduced(observer: Observer, before: Callable[[int], None]) -> Observer:
    """An observer before whose first look something is told how many trials were finished by then."""
    begun: list[int] = []

    def look(snapshot: Snapshot, record: Record | None) -> None:
        if not begun:
            begun.append(snapshot.done)
            before(snapshot.done)
        observer(snapshot, record)

    return look


def trained_at(study: Study, fidelity: str | None) -> Study:
    """The study with the recipe of a fidelity, or its own."""
    from dataclasses import replace

    from nas.study.recipe import FIDELITIES

    if fidelity is None:
        return study
    recipe = study.recipe.at(fidelity)
    for name in FIDELITIES[fidelity].changes:
        require_uncrossed(study, name, f"--fidelity {fidelity}")
    return replace(study, recipe=recipe)


def require_uncrossed(study: Study, name: str, option: str) -> None:
    """Refuse an option that would set what the study's grid sets."""
    from nas.errors import Refused

    if name in study.grid.values:
        values = ", ".join(map(str, study.grid.values[name]))
        raise Refused(
            f"{option} sets {name}, of which study {study.name!r} compares several values: {values}",
            hint=f"leave {option} out, or change the grid in the study's file",
        )


def adjusted(study: Study, fields: dict[str, Any], recipe: dict[str, Any]) -> Study:
    """The study with the options of the command line; refused where a value doesn't fit."""
    from dataclasses import replace

    from nas.study.study import check_sampler

    changes, settings = given(**fields), given(**recipe)
    if "sampler" in changes:
        check_sampler(changes["sampler"])
    for name in settings:
        require_uncrossed(study, name, f"--{name.replace('_', '-')}")
    return replace(study, recipe=study.varied(settings), **changes)


def tell_how_far(done: Run, max_seconds: float, in_time: bool) -> None:
    """What a run has that stopped because its time was up, or because its limits hold no further network."""
    if in_time:
        say(f"ended: {len(done.records)} trials are finished and kept, and nothing else fits its limits", err=True)
        return
    of, again = f" of {done.total}", "resume"
    if done.manifest.study.open_ended:
        of, again = "", "search on"
    far = f"{len(done.records)}{of} trials are finished and kept"
    say(f"stopped after {max_seconds:g} s; {far}; run the same command again to {again}", err=True)


def emit_result(done: Run) -> None:
    """What other programs may rely on: `done` of `total` trials, `outcomes`, `best`, and where everything lies."""
    from nas.cli.status import as_json

    looks = done.manifest.standing({record.trial for record in done.records})
    emit_json(
        study=done.manifest.study.name,
        question=done.manifest.study.question,
        folder=done.folder,
        done=len(done.records),
        total=None if done.manifest.study.open_ended else done.total,
        outcomes=done.outcomes,
        looks=looks.words if looks else None,
        best=[as_json(done, record) for record in done.best[:SHOWN]],
        page=done.folder / PAGE,
        table=done.folder / TABLE,
    )


def summary(done: Run, reference: str) -> None:
    """The best networks, where everything lies, and commands that go on, with the study where they have to name it."""
    from nas.cli.status import emit_best
    from nas.findings.same_images import first_two, optimism
    from nas.study import catalog
    from nas.study.search import REFERENCE

    say(f"{done.manifest.study.question}\n")
    shown = done.best[:SHOWN]
    if shown:
        emit_best(done, shown)
        for line in filter(None, (first_two(done), optimism(done), _timed_again(done, shown))):
            emit_text(line)
    else:
        say("no network has been completed")
    if shown and (note := done.manifest.data.error_note):
        say(f"\n{note}")
    if looks := done.manifest.standing({record.trial for record in done.records}):
        say(f"\ninterim looks: {looks.words}")
    verb = verb_of_rules(done) if shown else ""
    if verb == "principles" and (looks or len(done.records) >= done.total):  # before that they are looked at too early
        say("")
        emit_text(_answer(done))
    say(f"\npage   {done.folder / PAGE}")
    say(f"table  {done.folder / TABLE}")
    if shown:
        place = quote(str(done.folder))
        naming = "" if reference in (REFERENCE, *catalog.studies()) else f" --study {quote(reference)}"
        say(f"next   nas final {place}{naming} (the best trained on, tested)")
        say(f"       nas export {place} --rank 1 -o best (as it is)")
        if verb:
            say(f"       nas {verb} {place} (which rules hold)")


def _timed_again(done: Run, networks: Sequence[Record]) -> str:
    """Latencies of the best once nothing trains beside them; empty where none were measured, or can't be again."""
    from nas.errors import NasError
    from nas.findings.wording.numbers import milliseconds
    from nas.models.latency import latency
    from nas.runner.networks import network_of

    if any(record.latency_ms is None for record in networks):
        return ""
    data = done.manifest.data
    try:
        layers = [network_of(done, record.trial)[0].layers(data) for record in networks]
        times = [milliseconds(latency(layer, data.shape).milliseconds) for layer in layers]
    except NasError:  # of layers or studies that aren't here
        return ""
    return f"ms of these in their order, measured again now that the run trains nothing beside: {', '.join(times)}"


def _answer(done: Run) -> str:
    """How many of the study's rules are decided, and how; why none can be tested."""
    from nas.errors import NasError
    from nas.findings.principles import principles

    try:
        return dict(principles(done).head)["in short"]
    except NasError as error:
        return f"rules can't be tested: {error}"


def verb_of_rules(done: Run) -> str:
    """What tests the rules of a random sample, or finds some where it is large enough; empty for a search."""
    from nas.analysis.discovery.candidates import LEAST

    study = done.manifest.study
    if study.sampler != "random" or study.halving:
        return ""
    if study.rules:
        return "principles"
    return "discover" if len(done.records) >= 4 * LEAST else ""
