"""A whole study of the size of a paper: networks an hour, and what became of them; it goes on in the next command."""

from __future__ import annotations

import time
from functools import partial

import nas
from nas.study import Recipe, Study
from spaces import anynet
from studies.anynet_ladder import STUDY as LADDER
from tests.benchmarks.gpu.rows import BUDGET, MISSING, Clock, Part, Row
from tests.benchmarks.gpu.session import Session

CLOSING = 5.0
"""Seconds that a run needs to end after its last training: its page."""
RUN = "run"
"""Its folder."""


def part(session: Session) -> Part:
    """One row."""
    return Part(name="study", seconds=session.expected(600, quick=10), rows={"study": partial(studied, session)})


def studied(session: Session, clock: Clock, before: Row) -> Row:
    """Random AnyNets of the ladder's window, trained as the book trains: seconds of this command and of all."""
    scale, folder = session.scale, session.folder / RUN
    asked = Study(
        name="gpu",
        question="How long does a study of the paper's size take on one GPU?",
        spaces=(anynet.X3[0],),
        samples=scale.samples,
        recipe=Recipe(data=scale.data, train_size=scale.train_size, resolution=28, epochs=scale.epochs, flip=True),
        limits=LADDER.limits,
    )
    known = len(nas.open(folder).records) if (folder / "study.db").exists() else 0
    begun = time.perf_counter()
    run = nas.run(
        asked,
        out=folder,
        device=session.device,
        workers=session.lanes if session.device == "cuda" else None,
        max_seconds=max(1.0, min(1e9, clock.left - CLOSING)),
    )
    here = {
        "lanes": session.lanes,
        "seconds": time.perf_counter() - begun,
        "networks": len(run.records) - known,
    }
    row = told([*before.get("commands", []), here], asked.total)
    row |= {
        "networks": len(run.records),
        "of": asked.total,
        "outcomes": {str(outcome): count for outcome, count in run.outcomes.items()},
        "best_error": min((r.error for r in run.records if r.error is not None), default=None),
    }
    return (
        row if len(run.records) == asked.total else {**row, MISSING: f"{len(run.records)} of {asked.total}: {BUDGET}"}
    )


def told(commands: list[Row], total: int) -> Row:
    """Networks an hour over all commands, their starts included, and the seconds of the whole study at that rate."""
    seconds, networks = (sum(command[key] for command in commands) for key in ("seconds", "networks"))
    rate = networks / seconds
    return {
        "commands": commands,
        "seconds": seconds,
        "networks_an_hour": 3600 * rate,
        f"seconds_for_{total}": total / rate if rate else None,
    }
