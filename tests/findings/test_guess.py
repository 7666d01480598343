"""A failure counts the same in a run and in the table that it wrote: the error of guessing goes with the records."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.analysis import verdicts
from nas.engines.inline import InlineEngine
from nas.errors import Refused
from nas.findings.columns.table_files import read
from nas.findings.tables import checked, tables
from nas.storage.results import Run, csv
from nas.study import Rule, against, catalog, larger
from nas.study.record import Epoch, Outcome
from nas.study.stored import stored
from nas.study.table import COLUMNS, write
from tests.toys.spaces import STUDY

RESULTS = Path(nas.__file__).parents[1] / "studies" / "results"
RULES = (against("rich", "tiny", "Rich networks are better.", "R against T"), larger("width"))
WRITTEN = [path for path in sorted(RESULTS.glob("*.csv.gz")) if path.name.removesuffix(".csv.gz") in catalog.studies()]


def failing(run: Run, every: int) -> Run:
    """The run with every so manieth training diverged."""
    records = (
        record
        if record.trial % every
        else msgspec.structs.replace(record, outcome=Outcome.DIVERGED, curve=(), train_error=None, message="nan")
        for record in run.records
    )
    return replace(run, records=tuple(records))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The toy study with two rules, of ten classes, with failures of one space above all."""
    folder = tmp_path_factory.mktemp("guess") / "run"
    done = nas.run(replace(STUDY, samples=12, rules=RULES), out=folder, engine=InlineEngine(), device="cpu")
    return failing(done, 5)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "records.csv"])
def test_a_run_and_its_table_agree(run: Run, tmp_path: Path, name: str) -> None:
    """Verdicts, plan and discovered rules of a table that a run wrote are those of the run, failures included."""
    if name.endswith("parquet") and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow isn't installed")
    path = tmp_path / name
    if name == "records.csv":
        path.write_text(csv(run))
    else:
        write(run.table(), path)
    found = tables([path])
    assert found.guess == pytest.approx(0.9)
    assert "guess" not in found.frame
    assert found.frame["error"].isna().sum() == len(run.records) // 5 + (len(run.records) % 5 > 0)
    for rules in (RULES, (larger("multiply_adds"), larger("width", space="rich"))):
        assert nas.principles(found, rules=rules).verdicts == nas.principles(run, rules=rules).verdicts
        assert nas.plan(found, rules=rules).needs == nas.plan(run, rules=rules).needs
    assert "A failure enters means as guessing, an error of 0.9" in nas.principles(found, rules=RULES).notes


def test_the_frame_of_a_run_knows_it_too(run: Run) -> None:
    """In Python the DataFrame of a run gives the verdicts of the run, also after rows were chosen."""
    frame = run.table()
    assert "guess" not in frame
    assert nas.principles(frame, rules=RULES).verdicts == nas.principles(run).verdicts
    assert checked(frame[frame["space"] == "rich"]).guess == pytest.approx(0.9)


def test_tables_are_told_it() -> None:
    """`guess` is a share of 1, or a percentage of percentages; more failures cost more, and nonsense is refused."""
    frame = pd.DataFrame({"error": [0.1, 0.2, None, 0.3] * 10, "depth": range(40), "kind": [0, 1] * 20})
    frame["outcome"] = frame["error"].isna().map({True: "diverged", False: "completed"})
    failed = [nas.principles(frame, rules=[rule()], guess=guess).verdicts[0] for guess in (None, 0.9, 0.2)]
    assert [(verdict.failures_first, verdict.failures_second) for verdict in failed] == [(0, 10), (0, 10), (20, 10)]
    percent = frame.assign(error=100 * frame["error"])
    assert checked(percent, guess=90).guess == checked(percent, guess=0.9).guess == 0.9
    for wrong in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(Refused, match="the error of guessing"):
            checked(frame, guess=wrong)


def rebuilt(run: Run, path: Path) -> Run:
    """A run of the study that a published table is of, with a record for each of its rows."""
    study, frame = stored(catalog.study(path.name.removesuffix(".csv.gz"))), read(path)
    own = [name for name in frame if name not in COLUMNS]
    manifest = msgspec.structs.replace(run.manifest, study=study, rules_after=0)
    records = []
    for row in frame.to_dict("records"):
        values = {name: row[name] for name in own if pd.notna(row[name])}
        failed = pd.isna(row["error"])
        records.append(
            msgspec.structs.replace(
                run.records[1],
                trial=int(row["trial"]),
                space=row["space"],
                architecture=row["architecture"],
                point={name: values[name] for name in study.sampled if name in values},
                facts={name: value for name, value in values.items() if name not in study.sampled},
                cost=msgspec.structs.replace(run.records[1].cost, multiply_adds=int(row["multiply_adds"])),
                outcome=Outcome.DIVERGED if failed else Outcome.COMPLETED,
                curve=() if failed else (Epoch(number=1, loss=1.0, error=row["error"], seconds=1.0),),
            )
        )
    return replace(run, manifest=manifest, records=tuple(records))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_a_published_run_and_the_table_that_it_writes_agree(run: Run, tmp_path: Path, path: Path) -> None:
    """For every study with results a run of its records and the table of that run give the same verdicts."""
    again = rebuilt(run, path)
    write(again.table(), tmp_path / "t.csv.gz")
    rules = again.manifest.study.rules or tuple(larger(name) for name in again.manifest.study.sampled[:4])
    of_run, of_table = (nas.principles(each, rules=rules) for each in (again, tables([tmp_path / "t.csv.gz"])))
    assert of_run.verdicts == of_table.verdicts


def rule() -> Rule:
    """Whether odd rows are better."""
    from nas.study import among

    return among("kind", 1, 0, "Odd rows are better.")


def test_a_run_isnt_told_it(run: Run) -> None:
    """A run knows it from its data."""
    with pytest.raises(Refused, match="a run knows the error of guessing"):
        nas.principles(run, guess=0.9)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_published_tables_give_the_verdicts_of_their_records(path: Path) -> None:
    """A published table with the classes of its data gives what its rows alone give, as the run did."""
    study = catalog.study(path.name.removesuffix(".csv.gz"))
    rules = study.rules or (larger("multiply_adds"),)
    assert nas.principles(tables([path], guess=0.9), rules=rules).verdicts == verdicts(read(path), rules, guess=0.9)
