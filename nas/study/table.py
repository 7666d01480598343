"""Records as a table: one documented list of columns, then one column for each dimension and each attribute."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import Refused, readable
from nas.files import write_atomically
from nas.study.record import Record

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "trial": "number of the trial in the run, counted from 0",
    "space": "name of its space, with the values of the study's grid",
    "architecture": "architecture id of the network",
    "outcome": "completed, pruned, or which kind of failure",
    "error": "validation error after the last epoch: share of wrong images, or RMSE over the standard deviation "
    "of the target; empty for a failure, for a training that was pruned and in a final, where nothing validates",
    "train_error": "error on the first 2,000 training images or rows (all, if fewer) after the last epoch, unchanged, "
    "network in evaluation; empty unless completed",
    "gap": "error minus train_error: how much worse the network is on what it hasn't seen",
    "seed": "seed of initial weights, order of data and augmentation",
    "epochs": "epochs that were finished; where the study varies or crosses them, those requested",
    "parameters": "trainable numbers",
    "multiply_adds": "multiply-adds of one forward pass over one image",
    "activations": "outputs of all convolutions and linear layers for one image, in elements",
    "memory": "estimated bytes to train on one image in float32",
    "peak_memory": "bytes of the training. On a CPU counted in the first step: parameters, gradients, the optimiser's "
    "state and all that is kept for the backward pass, without short-lived results, evaluations and data set. On a GPU "
    "the most that torch had allocated, all of that included; empty where another training shared the GPU",
    "seconds": "wall time of the training with its evaluations",
    "images_per_second": "training images a second of training",
    "latency_ms": "milliseconds in which the network answers for one image: plain torch modules in float32 on one "
    "thread, processor time of the fastest call; empty unless the study limits latency or makes it small",
    "latency_128_ms": "the same for a batch of 128",
    "sampler": "how the point was found; `with halving` where trainings are pruned",
    "draws": "points drawn until one lay inside requirements and limits",
    "fallback": "whether a random point took the place of an adaptive sampler's",
    "repeat": "which training of the same network this is, counted from 0",
    "stratum": "stratum of cost from which the network was drawn, by place and range; empty where the study has none",
    "attempts": "how often the training was started",
    "message": "what was said about a failure, or about the error at which a training was pruned",
}
TIMES = ("seconds", "images_per_second", "latency_ms", "latency_128_ms", "attempts")
"""Columns that may differ between two runs of the same study."""
ASKED = "epochs"
"""The one column that a dimension may be called like, for it says the same of every completed trial."""
EMPTIABLE = {
    "error": "float",
    "train_error": "float",
    "gap": "float",
    "peak_memory": "Int64",
    "latency_ms": "float",
    "latency_128_ms": "float",
}
"""Types of the columns that a trial may leave empty."""
GUESS = "guess"
"""Column of a file, and key of a frame's `attrs`: error of guessing, from which on a network has failed to learn."""
DRAWN = "drawn"
"""Key of a frame's `attrs`: the columns that were drawn; in a file they stand before `GUESS`, attributes after it."""
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of a formula, as wide characters, too."""
BLANK = " \t\r\n"
"""What a spreadsheet passes over before a formula."""


def table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a trial, in the order of their numbers."""
    import pandas as pd

    rows = [_row(record) for record in sorted(records, key=lambda r: r.trial)]
    extra = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *extra]).astype(EMPTIABLE)  # also where all have failed
    whole = [name for name in extra if _all_integers(rows, name)]
    return frame.astype(dict.fromkeys(whole, "Int64"))  # a space without the dimension leaves a gap, not a float


def with_guess(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its error of guessing as a column between what was drawn and the rest, where it knows it."""
    known = frame.attrs.get(GUESS)
    if known is None or GUESS in frame:
        return frame
    first = [name for name in (*COLUMNS, *frame.attrs.get(DRAWN, ())) if name in frame]
    rest = [name for name in frame.columns if name not in first]
    return frame.assign(**{GUESS: known})[[*first, GUESS, *rest]]


def drawn_columns(frame: pd.DataFrame) -> tuple[str, ...] | None:
    """What was drawn, of a table of ours that says so; None of others."""
    if DRAWN in frame.attrs:
        return tuple(frame.attrs[DRAWN])
    names = list(frame.columns)
    if GUESS not in names or not set(COLUMNS) & set(names):
        return None
    return tuple(name for name in names[: names.index(GUESS)] if name not in COLUMNS)


def write(frame: pd.DataFrame, path: Path) -> None:
    """The table as a `.csv`, `.csv.gz` or `.parquet`; texts that a spreadsheet would run are made harmless."""
    try:
        if path.name.endswith(".csv.gz"):
            data = gzip.compress(csv_text(frame).encode(), mtime=0)
        elif path.suffix == ".csv":
            data = csv_text(frame).encode()
        elif path.suffix == ".parquet":
            data = with_guess(frame).to_parquet(index=False)
        else:
            raise Refused(f"a table is written as .csv, .csv.gz or .parquet, not {path.name!r}")
    except ImportError:
        raise Refused("parquet needs pyarrow", hint='pip install "nas-atlas[parquet]", or write a .csv') from None
    write_atomically(path, data)


def csv_text(frame: pd.DataFrame) -> str:
    """The table as CSV, formulas and control characters made harmless."""
    return str(harmless(with_guess(frame)).to_csv(index=False, lineterminator="\n"))


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before texts and names of columns that start like a formula, all readable."""
    return frame.map(_harmless).rename(columns=_harmless)


def _harmless(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    runs = cell.startswith(("\t", "\r", "\n")) or cell.lstrip(BLANK).startswith(FORMULA)
    return readable(f"'{cell}" if runs else cell)


def _all_integers(rows: list[dict[str, Any]], name: str) -> bool:
    """Whether a column holds whole numbers alone, none beyond 64 bits."""
    return all(type(row[name]) is int and -(2**63) <= row[name] < 2**63 for row in rows if name in row)


def _row(record: Record) -> dict[str, Any]:
    error = record.error if record.validated else None
    own = {
        "trial": record.trial,
        "space": record.space,
        "architecture": record.architecture,
        "outcome": str(record.outcome),
        "error": error,
        "train_error": record.train_error,
        "gap": None if error is None or record.train_error is None else error - record.train_error,
        "seed": record.seed,
        "epochs": record.point.get(ASKED, len(record.curve)),
        "parameters": record.cost.parameters,
        "multiply_adds": record.cost.multiply_adds,
        "activations": record.cost.activations,
        "memory": record.cost.memory,
        "peak_memory": record.peak_memory,
        "seconds": record.seconds,
        "images_per_second": record.images_per_second,
        "latency_ms": record.latency_ms,
        "latency_128_ms": record.latency_128_ms,
        "sampler": record.origin.sampler,
        "draws": record.origin.draws,
        "fallback": record.origin.fallback,
        "repeat": record.origin.repeat,
        "stratum": record.origin.stratum or None,
        "attempts": record.attempts,
        "message": record.message,
    }
    return own | {name: value for name, value in (record.point | record.facts).items() if name not in own}
