"""A final's folder beside its run: who is chosen, what the test split said, and a log of every reading of that split.

The log lies in the folder of the run, so that it outlives a final which is moved away. A line is on the disk before the
test split is opened: a reading whose results were lost counts, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import isclose, sqrt
from pathlib import Path
from shlex import quote
from statistics import fmean, stdev

import msgspec
import numpy as np
import numpy.typing as npt

from nas.errors import Refused, StorageFailed
from nas.files import append, parsed, read_json, write_atomically
from nas.sampling.finals import Finalists, Selection
from nas.storage.results import Run, pareto
from nas.study.limits import LATENCY, Limits, span
from nas.study.record import Record

RESULTS, READINGS = "results.json", "test_access.jsonl"
SCHEMA_VERSION = 1


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log: the test split was about to be read."""

    when: str = ""
    """Date and time in UTC, ISO 8601."""
    who: str = ""
    """User, host and process."""
    command: str = ""
    """As it was typed."""
    data: str = ""
    """Key of the data set whose test split it was."""
    weights: dict[str, str] = {}
    """File of weights, from the folder of the run on -> its SHA-256."""


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """What one network did on the test split."""

    trial: int
    """Trial of the run that the network comes from."""
    seed: int | None
    """Which training of the final, counted from 1; None for the weights that the run itself kept."""
    sha256: str
    """Hash of the file of weights."""
    images: int
    """Images or rows of the test split."""
    error: float
    """Share of wrong images, or root mean squared error over the target's standard deviation."""
    outcomes: bytes
    """A bit for each image in the order of the split, the first one highest, 1 where it is wrong; of rows the squared
    standardised error of each as little-endian float64."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading of the test split said."""

    schema_version: int = SCHEMA_VERSION
    """Of this file."""
    when: str
    """When it was read."""
    data: str
    """Key of the data set."""
    images: int
    """Images or rows of the test split."""
    rows: bool
    """Whether they are rows of a table."""
    trainings: int
    """Trainings of the final that were over, failures among them."""
    tested: tuple[Evaluated, ...]
    """All weights that were evaluated."""

    def of(self, trial: int) -> tuple[Evaluated, ...]:
        """The final's trainings of a finalist, in the order of their seeds."""
        ours = [one for one in self.tested if one.trial == trial and one.seed is not None]
        return tuple(sorted(ours, key=lambda one: one.seed or 0))

    def kept(self, trial: int) -> Evaluated | None:
        """The weights that the run itself kept of a finalist."""
        return next((one for one in self.tested if one.trial == trial and one.seed is None), None)

    def losses(self, tested: Evaluated) -> npt.NDArray[np.float64]:
        """Of each image 1 where it is wrong, else 0; of each row its squared standardised error."""
        if self.rows:
            return np.frombuffer(tested.outcomes, dtype="<f8").astype(np.float64)
        bits = np.unpackbits(np.frombuffer(tested.outcomes, dtype=np.uint8), count=self.images)
        return bits.astype(np.float64)


def packed(losses: npt.NDArray[np.float64], *, rows: bool) -> bytes:
    """Losses as they are stored: see `Evaluated.outcomes`."""
    return losses.astype("<f8").tobytes() if rows else np.packbits(losses.astype(bool)).tobytes()


def chosen(run: Run, selection: Selection) -> Finalists:
    """The networks of a run that a selection takes: all where it asks for more, refused where it leaves none."""
    if LATENCY in (*selection.limits.bounded, selection.pareto) and any(r.latency_ms is None for r in run.best):
        raise Refused(
            f"{run.folder} didn't measure latencies",
            hint="a search with --latency-ms or --against latency does; nas describe --latency measures one network",
        )
    pool = candidates(run, selection.limits)
    if not pool:
        if not run.best:
            raise Refused(f"no network of {run.folder} has been completed yet", hint="nas status says why")
        raise Refused(
            f"none of the {len(run.best)} completed networks of {run.folder} has {selection.limits.words}",
            hint=f"they have {_costs(run.best, selection.limits.bounded)}",
        )
    cost = partial(_cost, selection.pareto)
    front = pareto(pool, run.mean_error, cost) if selection.pareto else pool[: selection.top]
    errors = [run.mean_error(record) for record in pool]
    return Finalists(
        selection=selection.among(len(pool)),
        trials=tuple(record.trial for record in pool if record in front),
        of=len(pool),
        mean=fmean(errors),
        deviation=stdev(errors) if len(errors) > 1 else 0.0,
    )


def candidates(run: Run, limits: Limits) -> list[Record]:
    """Completed networks of a run inside limits, lowest validation error first, each once."""
    return [r for r in run.best if not (limits.violations(r.cost) or limits.violated_by(r.latency_ms or 0.0))]


def _cost(name: str, record: Record) -> float:
    """A cost that a selection names; a latency was measured where one does."""
    return (record.latency_ms or 0.0) if name == LATENCY else float(getattr(record.cost, name))


def _costs(best: Sequence[Record], names: Sequence[str]) -> str:
    """What costs there are."""
    costs = {name: [_cost(name, record) for record in best] for name in names}
    return ", ".join(span(name, min(values), max(values)) for name, values in costs.items())


def put_back(folder: Path) -> str:
    """The way out where weights of a final are missing or damaged: nothing trains them once more."""
    return f"put it back from a copy, or move {quote(str(folder))} away for a new final"


def read_results(folder: Path) -> Results | None:
    """What a final's folder holds of a reading; None where there is nothing."""
    path = folder / RESULTS
    try:
        results = read_json(path, Results)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageFailed(f"{path} can't be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise Refused(f"{path} is damaged: {error}", hint="restore it from a copy") from None
    if results.schema_version != SCHEMA_VERSION:
        raise Refused(f"{path} has schema version {results.schema_version}, this program reads {SCHEMA_VERSION}")
    for one in results.tested:
        if said := _contradiction(results, one):
            raise Refused(f"{path} is damaged: trial {one.trial} has {said}", hint="restore it from a copy")
    return results


def _contradiction(results: Results, one: Evaluated) -> str:
    """What of a network's results can't be; empty if they agree with one another."""
    needed = 8 * results.images if results.rows else (results.images + 7) // 8
    if not one.images == results.images > 0 or len(one.outcomes) != needed:
        return f"outcomes of {len(one.outcomes)} bytes for {one.images} of {results.images} images or rows"
    share = float(results.losses(one).mean())
    error = sqrt(share) if results.rows and share >= 0 else share
    return "" if isclose(error, one.error, rel_tol=1e-6) else f"error {one.error:g}, its outcomes say {error:g}"


def write_results(folder: Path, results: Results) -> None:
    """Store what a reading said, whole or not at all."""
    write_atomically(folder / RESULTS, msgspec.json.format(msgspec.json.encode(results)) + b"\n")


def readings(run: Path) -> tuple[Reading, ...]:
    """Every reading of the test split for networks of a run; a line that can't be made out counts, too."""
    path = run / READINGS
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StorageFailed(f"{path} can't be read: {error.strerror}") from None
    return tuple(_reading(line) for line in lines if line.strip())


def _reading(line: bytes) -> Reading:
    with suppress(msgspec.MsgspecError):
        return parsed(line, Reading)
    return Reading()


def log_reading(run: Path, reading: Reading) -> None:
    """Add a line to the log and wait until the disk has it; StorageFailed where it refuses, so nothing is read."""
    path = run / READINGS
    try:
        append(path, msgspec.json.encode(reading) + b"\n")
    except OSError as error:
        raise StorageFailed(
            f"{path} can't be written: {error.strerror}", hint="the test split is read only after a line in this log"
        ) from None


def by_seed(records: Sequence[Record], trial: int) -> Mapping[int, Record]:
    """The final's trainings of a finalist, by the number of their seed, counted from 1."""
    return {record.origin.repeat + 1: record for record in records if record.origin.again == trial}
