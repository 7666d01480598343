"""The verb that lists studies: what each asks, how long it takes here, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import Json
from nas.cli.terminal import emit_head, emit_json, emit_text, say
from nas.findings.wording.numbers import count, duration, plural

if TYPE_CHECKING:
    from nas.study import Study
    from nas.study.description import Description

INDENT = 2
ROUNDED = 0.15
"""Part of a time by which a number in words, as half an hour, may be off."""


def studies(
    name: Annotated[
        str | None,
        typer.Argument(
            help="One study: of ours, FILE.py, FILE.py:NAME or module:NAME; all of ours without it.",
            autocompletion=completion.studies,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List studies: question, expected time, measured answer; of one study: everything that it says of itself."""
    from nas.study import catalog

    if name is not None:
        study, said = catalog.described_study(name)
        if json:
            emit_json(**_as_json(name, study, said))
        else:
            _show(name, study, said)
        return
    listed = catalog.described_studies()
    if json:
        emit_json(studies=[_as_json(own, *described) for own, described in listed.items()])
        return
    for own, (study, said) in listed.items():
        say(own)
        emit_text(f"  {study.question}", hang=INDENT)
        emit_text(f"  time    {time_text(study, said)}", hang=INDENT + 8)
        if said.answer:
            emit_text(f"  answer  {said.answer}", hang=INDENT + 8)
    say("\nnas studies STUDY shows one of them, nas run STUDY runs it")


def time_text(study: Study, said: Description) -> str:
    """How long a study takes as it stands: what its file says, and on this machine unless the file says as much."""
    own = said.expected.rstrip(".") or f"{plural(study.total, 'training')}, not measured"
    here = seconds_here(said)
    return own if _is_told(said, here) else "; ".join(filter(None, (own, here_text(here))))


def _is_told(said: Description, here: float | None) -> bool:
    """Whether this machine takes as long as the two cores that the file of a study speaks of."""
    from nas.training import devices

    two = said.seconds_on_two
    if here is None or two is None or devices.workers(None, devices.CPU) != 2:
        return False
    return abs(two - here) < ROUNDED * here


def here_text(seconds: float | None) -> str:
    """A time that was reckoned for this machine; empty without one."""
    from nas.training import devices

    if seconds is None:
        return ""
    return f"here about {duration(seconds)} with {plural(devices.workers(None, devices.CPU), 'worker')} on the CPU"


def seconds_here(said: Description) -> float | None:
    """Seconds that a study as it stands takes with the workers that this machine's CPU gets by default."""
    from nas.training import devices

    seconds = said.core_seconds
    return None if seconds is None else seconds / devices.workers(None, devices.CPU)


def _as_json(name: str, study: Study, said: Description) -> dict[str, object]:
    """What programs get of a study."""
    return {
        "name": name,
        "question": study.question,
        "spaces": [space.name for space in study.spaces],
        "trainings": study.total,
        "data": study.recipe.data,
        "rules": {rule.name: rule.statement for rule in study.rules},
        "source": said.source,
        "criterion": said.criterion,
        "expected": said.expected,
        "core_seconds": said.core_seconds,
        "seconds_here": seconds_here(said),
        "answer": said.answer or None,
        "measured": said.measured or None,
    }


def _show(name: str, study: Study, said: Description) -> None:
    head = {
        "question": study.question,
        "source": said.source,
        "would count": said.criterion,
        "spaces": ", ".join(space.name for space in study.spaces),
        "networks": f"{count(study.samples)} of each of {plural(len(study.arms), 'arm')}, "
        f"{plural(study.recipe.epochs, 'epoch')} of {study.recipe.data}",
        "time": time_text(study, said),
        "answer": said.answer,
    }
    emit_head(name, [(key, text) for key, text in head.items() if text], ())
    for rule in study.rules:
        emit_text(f"  rule {rule.name}: {rule.statement}", hang=4)
    if said.measured:
        say(f"\n{said.measured}")
    say(f"\nnext   nas run {name}")
