"""Whether speed costs nothing: graphs against launched steps, lanes against one, bfloat16 against float32."""

from __future__ import annotations

from functools import partial

import numpy as np

from nas.engines.job import run_job
from nas.engines.messages import Result
from nas.study.recipe import Precision
from nas.training.loop import Trained, train
from tests.benchmarks.gpu.lanes import work
from tests.benchmarks.gpu.rows import Clock, Part, Row
from tests.benchmarks.gpu.session import Session, answered, require_well, subject

EPOCHS = 2
PRECISIONS: tuple[Precision, ...] = ("bfloat16", "float32")


def part(session: Session) -> Part:
    """A row for each network as a graph, one for lanes, one for precisions."""
    rows = {f"graph against launched, {name}": partial(launched, session, name) for name in session.scale.subjects}
    return Part(
        name="exactness",
        seconds=session.expected(120, quick=16),
        rows={
            **rows,
            "alone against lanes": partial(alone, session),
            "bfloat16 against float32": partial(precisions, session),
        },
    )


def launched(session: Session, name: str, clock: Clock, before: Row) -> Row:
    """Losses and errors of one seed, replayed and launched one by one."""
    chosen = subject(name)
    dataset = session.dataset(chosen.resolution)
    both = [
        train(chosen.layer, session.recipe(EPOCHS), dataset, 7, session.torch_device, graph=graph)
        for graph in (True, False)
    ]
    return agreement(*both)


def agreement(one: Trained | Result, other: Trained | Result) -> Row:
    """Largest relative difference of losses, largest difference of errors."""
    pairs = list(zip(one.curve, other.curve, strict=True))
    return {
        "loss_difference": max(abs(a.loss / b.loss - 1) for a, b in pairs),
        "error_difference": max(abs(a.error - b.error) for a, b in pairs),
        "losses": [[a.loss, b.loss] for a, b in pairs],
        "errors": [[a.error, b.error] for a, b in pairs],
    }


def alone(session: Session, clock: Clock, before: Row) -> Row:
    """The same trainings one by one and side by side: the largest differences over all."""
    lanes = min(session.lanes, 2) if session.quick else session.lanes
    jobs = session.jobs(work(session, lanes), session.recipe(EPOCHS), clock)
    one_by_one = [run_job(job) for job in jobs]
    require_well(one_by_one)
    with session.engine(1, lanes, session.folder / "exactness-lanes.log") as engine:
        side_by_side = answered(engine, jobs, clock)
    both = [agreement(one, other) for one, other in zip(one_by_one, side_by_side, strict=True)]
    worst = {key: max(pair[key] for pair in both) for key in ("loss_difference", "error_difference")}
    return {**worst, "lanes": lanes, "networks": len(both)}


def precisions(session: Session, clock: Clock, before: Row) -> Row:
    """Errors of the same seeds in both precisions, and the mean difference with its 95 % interval."""
    subjects = [subject(session.scale.subjects[0])] * session.scale.seeds
    lanes = min(session.lanes, 2) if session.quick else session.lanes
    with session.engine(1, lanes, session.folder / "exactness-precisions.log") as engine:
        errors = {
            precision: [
                result.curve[-1].error
                for result in answered(
                    engine, session.jobs(subjects, session.recipe(EPOCHS, precision=precision), clock), clock
                )
            ]
            for precision in PRECISIONS
        }
    differences = np.subtract(errors["bfloat16"], errors["float32"])
    return {"mean_difference": float(differences.mean()), "interval": interval(differences.tolist()), "errors": errors}


def interval(values: list[float]) -> list[float] | None:
    """Of the mean of these values, at 95 % by Student's t; None where there is too little."""
    from scipy import stats  # takes a second, and other parts load this file, too

    if len(values) < 2 or not np.std(values):
        return None
    return [float(end) for end in stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))]
