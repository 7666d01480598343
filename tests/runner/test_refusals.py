"""What a run refuses: another study in its folder, and disks that are full or read-only; nothing is lost by it."""

from __future__ import annotations

import logging
import math
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.data import DataInfo
from nas.engines import InlineEngine
from nas.errors import Refused, StorageFailed
from nas.layers import Layer, Shape
from nas.runner.agreement import agreed
from nas.runner.latencies import Latencies
from nas.runner.progress import Snapshot
from nas.runner.task import Site
from nas.sampling import Plan
from nas.sampling.testable import require_testable
from nas.space import Choice, Integer, Point
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.layout import STUDY
from nas.study import Limits, catalog
from nas.study.record import Record
from nas.study.rules import Contrast, Order, Part, Parts, Rule, larger
from nas.study.table import TIMES, table
from nas.training.devices import CPU
from spaces.anynet import X3
from tests.toys.runs import execute
from tests.toys.spaces import QUICK, TINY, VARIED, Tiny, decode_other, decode_tiny
from tests.toys.spaces import STUDY as TOY


def timeless(records: list[Record]) -> pd.DataFrame:
    """The table without the columns that may differ between two runs of one study."""
    return table(records).drop(columns=list(TIMES))


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder that belong to its run."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "run.lock"}


CHANGES: list[tuple[dict[str, object], str]] = [
    (
        {"limits": Limits(parameters=(0, 20_000))},
        r"limits.parameters\[1\]: 4611686018427387904 is stored, this is 20000",
    ),
    ({"recipe": msgspec.structs.replace(QUICK, epochs=3)}, "recipe.epochs: 2 is stored, this is 3"),
    ({"seed": 1}, "seed: 0 is stored, this is 1"),
    ({"sampler": "tpe"}, "sampler: 'random' is stored, this is 'tpe'"),
    ({"repeats": 2}, "repeats: 1 is stored, this is 2"),
    ({"name": "other"}, "study: 'toy' is stored, this is 'other'"),
    ({"vary": VARIED.vary}, "vary.learning_rate: None is stored"),
    (
        {"spaces": (replace(TINY, decode=decode_other), TOY.spaces[1])},
        r"spaces\[0\].decode: 'tests.toys.spaces:decode_tiny' is stored, this is 'tests.toys.spaces:decode_other'",
    ),
]


@pytest.mark.parametrize(("changes", "said"), CHANGES, ids=[said.split(":")[0] for _, said in CHANGES])
def test_a_changed_study_is_refused(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    """A study that differs from the stored one is refused with the difference, and nothing on disk changes."""
    execute(replace(TOY, samples=1), tmp_path)
    before = contents(tmp_path)
    with pytest.raises(Refused, match=said):
        execute(replace(TOY, **changes), tmp_path)  # type: ignore[arg-type]
    assert contents(tmp_path) == before


def test_changed_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decode function of the same name that draws other networks is refused, naming the spaces that it concerns."""
    execute(replace(TOY, samples=1), tmp_path)
    before = contents(tmp_path)
    for name in ("__module__", "__qualname__"):
        monkeypatch.setattr(decode_other, name, getattr(TINY.decode, name))
    changed = replace(TOY, spaces=(replace(TINY, decode=decode_other), TOY.spaces[1]))
    with pytest.raises(Refused, match="the code of tiny draws other networks than when the run began"):
        execute(changed, tmp_path)
    assert contents(tmp_path) == before


MANY = replace(TOY, spaces=(replace(TINY, dimensions={"width": Integer(low=2, high=500)}),), samples=20)
"""More networks than the fingerprint holds."""


@pytest.mark.slow
@pytest.mark.parametrize("audited", [False, True])
def test_changed_code_of_any_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audited: bool) -> None:
    """Code that makes another network of one of the last points only is refused by its trial, and nothing is stored."""
    run = nas.run(MANY, out=tmp_path, engine=InlineEngine())
    if audited:
        nas.audit(run, networks=8, seeds=0, longer=2, study=MANY, engine=InlineEngine())
    before, last, network = contents(tmp_path), run.records[18].point["width"], Tiny.network

    def changed(tiny: Tiny, inputs: Shape, classes: int) -> Layer:
        return network(replace(tiny, function="tanh") if tiny.width == last else tiny, inputs, classes)

    monkeypatch.setattr(Tiny, "network", changed)
    with pytest.raises(Refused, match="the code of tiny has changed: trial 18 would be another network now"):
        execute(replace(MANY, samples=24), tmp_path)
    assert contents(tmp_path)["study.json"] == before["study.json"]
    assert len(read_records(tmp_path)) == 20


def test_changed_attributes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that say other things of themselves than before are refused: a column would mean two things."""
    execute(replace(TOY, samples=1), tmp_path)
    monkeypatch.setattr(Tiny, "facts", lambda tiny: {"pooled": tiny.width * 8})
    with pytest.raises(Refused, match=r"'pooled' of trial 0 was \d+, it is \d+ now"):
        execute(replace(TOY, samples=2), tmp_path)
    monkeypatch.setattr(Tiny, "facts", lambda tiny: {})
    with pytest.raises(Refused, match=r"'pooled' of trial 0 was \d+, it is not there now"):
        execute(replace(TOY, samples=2), tmp_path)
    assert len(read_records(tmp_path)) == 2


def test_a_dimension_named_like_a_column_is_refused(tmp_path: Path) -> None:
    """A dimension called `memory` would vanish behind the column of that name, so it is refused by name."""
    hidden = replace(TINY, dimensions={**TINY.dimensions, "memory": Choice(options=(1, 2))})
    with pytest.raises(Refused, match="'memory'"):
        nas.run(replace(TOY, spaces=(hidden,)), out=tmp_path / "run", engine=InlineEngine())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("size", [9, 5_000])
def test_impossible_training_sizes_are_refused_first(tmp_path: Path, size: int, digits: DataInfo) -> None:
    """A training size below one image a class or above the data set's is refused before the folder is made."""
    study = replace(TOY, recipe=msgspec.structs.replace(QUICK, train_size=size))
    with pytest.raises(Refused, match=f"train_size must be 10 to {digits.train:,} for digits, got {size:,}"):
        execute(study, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of its own; skips where we may not mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting needs privileges")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill_up(disk: Path) -> None:
    """Write until nothing fits any more."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    """On a full disk the run stops with StorageFailed, keeps what was told, and goes on when there is room."""
    with small_disk(tmp_path / "disk", 4096) as disk:
        told: list[Record] = []

        def observe(snapshot: Snapshot, record: Record | None) -> None:
            if record is not None:
                told.append(record)
            if len(told) == 3:
                fill_up(disk)

        with pytest.raises(StorageFailed):
            execute(TOY, disk / "run", observer=observe)
        (disk / "filler").unlink()
        assert read_records(disk / "run")[: len(told)] == told
        whole = timeless(execute(TOY, disk / "run"))
    pd.testing.assert_frame_equal(whole, timeless(execute(TOY, tmp_path / "undisturbed")))


def test_a_disk_that_is_full_from_the_start_is_named(tmp_path: Path) -> None:
    """Where not even the study can be written, StorageFailed names the file, and the folder can be used later."""
    with small_disk(tmp_path / "disk", 64) as disk:
        (disk / "filler").write_bytes(bytes(60 * 1024))
        with pytest.raises(StorageFailed, match="can't be written"):
            execute(replace(TOY, samples=1), disk / "run")
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        assert len(execute(replace(TOY, samples=1), disk / "run")) == 2


def warn_and_decode(point: Point) -> Tiny:
    """A network, and a message for the log."""
    logging.getLogger("nas.test").warning("decoding")
    return decode_tiny(point)


def test_a_read_only_disk_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a read-only disk neither a new run nor a stored one is begun, and the stored one can still be read."""
    study = replace(TOY, spaces=(replace(TINY, decode=warn_and_decode),))
    with small_disk(tmp_path / "disk", 4096) as disk:
        records = execute(replace(study, samples=1), disk / "run")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(StorageFailed, match=r"disk/new can't be written: Read-only file system"):
            nas.run(study, out=disk / "new", engine=InlineEngine())
        with pytest.raises(StorageFailed, match=r"disk/run can't be written: Read-only file system"):
            nas.run(study, out=disk / "run", engine=InlineEngine())
        assert "Logging error" not in capsys.readouterr().err
        assert read_records(disk / "run") == records
        assert study_json.read(disk / "run").study.name == "toy"
        assert (disk / "run" / STUDY).is_file()


def test_a_rule_about_an_unknown_column_is_refused_first(tmp_path: Path) -> None:
    """A rule about what no network has, or an unmeasured latency, is refused; dimensions, facts and costs are known."""
    site = Site(folder=tmp_path / "run", engine=InlineEngine(), device=CPU)
    fact = next(iter(decode_tiny(dict.fromkeys(TINY.dimensions, 4)).facts()))
    for column in (*TINY.dimensions, fact, "parameters"):
        agreed(replace(TOY, rules=(larger(column),)), site)
    for column in ("dropuot", "latency_ms"):
        with pytest.raises(Refused, match=f"speaks of a column '{column}', which no network of "):
            agreed(replace(TOY, rules=(larger(column),)), site)
    assert not site.folder.exists()


WIDTH = "width_1"
UNTESTABLE: dict[str, Contrast] = {
    "no network has .* 2000 or more": Parts(first=Part(column=WIDTH, low=2000)),
    "no network has .* wide": Parts(first=Part(column=WIDTH, values=("wide",))),
    "every network has .* 0 or more": Parts(first=Part(column=WIDTH, low=0)),
    "are partly the same": Parts(first=Part(column=WIDTH, low=4), reference=Part(column=WIDTH, low=8)),
    "holds texts, as .*, which have no order": Order(column="widths"),
    "known of a training, not of a network": Order(column="error"),
    "no network has parameters up to 10": Parts(first=Part(column="parameters", high=10)),
}


@pytest.mark.parametrize("why", UNTESTABLE)
def test_a_rule_that_can_never_be_tested_is_refused_first(why: str, tmp_path: Path) -> None:
    """Sides that stay empty, share networks or are all there is, texts in an order, results: no training begins."""
    study = replace(TOY, spaces=(X3[0],), limits=Limits(parameters=(1000, 10**6)), rules=())
    rule = Rule(name="rule", statement="Never to be tested.", contrast=UNTESTABLE[why])
    with pytest.raises(Refused, match=f"rule 'rule' can never be tested: .*{why}"):
        agreed(replace(study, rules=(rule,)), Site(folder=tmp_path / "run", engine=InlineEngine(), device=CPU))


def test_a_bound_that_is_no_number_is_refused() -> None:
    """It would be written as if there were no bound."""
    for bound in (math.nan, math.inf):
        with pytest.raises(Refused, match="low and high must be finite"):
            Part(column=WIDTH, low=bound)


def test_the_rules_of_all_studies_can_be_tested(tmp_path: Path) -> None:
    """None of them is refused for what its networks can't be."""
    for study, _ in catalog.described_studies().values():
        require_testable(study, Plan(study, (1, 28, 28), 10, Latencies(tmp_path / "latencies.json")))
