"""Studies that end once their rules are decided: looks as data, and runs that stop at one, however they got there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.analysis import Look
from nas.engines import Engine, InlineEngine, LocalEngine
from nas.engines.messages import Result
from nas.errors import Refused
from nas.findings.looks import notes_of
from nas.findings.settings import settings
from nas.runner.progress import Snapshot, line
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.layout import LOG
from nas.storage.results import Run, open_run
from nas.storage.study_json import Manifest
from nas.study import Grid, Looks, Study, against, larger
from nas.study.looks import Schedule
from nas.study.record import Record
from nas.study.stored import stored
from nas.study.table import TIMES, table
from tests.toys import runs as toys
from tests.toys.spaces import STUDY, TINY

STUDY_ = replace(STUDY, name="looked", samples=6, rules=(larger("width"),), looks=Looks(first=2, every=2))
PLANTED = replace(STUDY_, name="planted", spaces=(TINY,), samples=48, looks=Looks(first=12, every=12))
"""Wider networks learn digits better, so much so that two or three looks show it."""


Judge = Callable[[Manifest, Sequence[Record], int], tuple[str, ...]]


def decided_at(number: int, asked: list[int]) -> Judge:
    """A judge who says so at a look; those who ask are written down."""

    def judge(manifest: Manifest, records: Sequence[Record], look: int) -> tuple[str, ...]:
        assert [record.trial for record in records] == list(range(4 * look))
        asked.append(look)
        return () if look >= number else ("width",)

    return judge


def execute(
    folder: Path, judge: Judge, study: Study = STUDY_, engine: Engine | None = None
) -> tuple[list[Record], list[Snapshot]]:
    """Run a study with looks; its records and what observers heard."""
    heard: list[Snapshot] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.runner.watch.undecided", judge)
        toys.execute(study, folder, engine, observer=lambda snapshot, record: heard.append(snapshot))
    return read_records(folder), heard


def test_looks_are_planned_up_to_the_cap() -> None:
    """Looks begin at the first, come every so many networks, and end at the cap, which may be the only one."""
    assert Looks(first=40, every=30).ends(150) == (40, 70, 100, 130, 150)
    assert Looks(first=50, every=50).ends(150) == (50, 100, 150)
    assert Looks(first=200, every=1).ends(150) == (150,)
    schedule = Schedule(ends=(2, 4, 6), each=2)
    assert [schedule.passed(range(over)) for over in (0, 3, 4, 7, 8, 12)] == [0, 0, 1, 1, 2, 3]
    assert schedule.passed({0, 1, 2, 4, 5, 6, 7}) == 0
    assert schedule.name(2) == "look 2 of 3, at 4 of 6 networks of each space"


def test_looks_are_stored_and_read(tmp_path: Path) -> None:
    """A stored study has its looks, counted in trials of all arms and repeats; an older one has none."""
    crossed = replace(STUDY_, grid=Grid(values={"learning_rate": (0.01, 0.1)}), repeats=2, rules=(larger("width"),))
    manifest = Manifest(study=stored(crossed), fingerprint={}, data=nas.data.prepare("digits"), windows=(), versions={})
    assert manifest.study.schedule == Schedule(ends=(2, 4, 6), each=8)
    assert toys.older(STUDY, without="looks").schedule is None


def test_rules_that_come_after_the_end_are_not_called_decided() -> None:
    """A run that ended says whether it was these rules that were decided, or others before them."""
    manifest = Manifest(study=stored(STUDY_), fingerprint={}, data=nas.data.prepare("digits"), windows=(), versions={})
    look = Look(number=2, of=3, networks=4, cap=6)
    for rules_after, said in ((0, "every rule was decided"), (3, "every rule was decided"), (8, "stated after that")):
        ended = msgspec.structs.replace(manifest, ended=4, rules_after=rules_after)
        assert said in notes_of(ended, look, 8, 8)[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rules": ()}, "declares none"),
        ({"sampler": "tpe"}, "can't have 'tpe'"),
        ({"samples": 200}, "looks 100 times at its rules"),
        ({"looks": (2, 2)}, "looks must be a Looks or None, got"),
    ],
)
def test_looks_that_make_no_sense_are_refused(change: dict[str, object], said: str) -> None:
    """Nothing to decide, networks that a search has chosen, a look at every turn, and what is no looks."""
    with pytest.raises(Refused, match=said):
        replace(STUDY_, **change)  # type: ignore[arg-type]
    for counts in ((0, 2), (2, -1), (2.5, 2)):
        with pytest.raises(Refused, match=r"at least 1|first must be a whole number, got 2\.5"):
            Looks(first=counts[0], every=counts[1])  # type: ignore[arg-type]


def test_a_run_ends_at_the_look_that_decides(tmp_path: Path) -> None:
    """No trial after it is trained, the last news says why, the log too, and the same command does nothing more."""
    asked: list[int] = []
    records, heard = execute(tmp_path, decided_at(2, asked))
    assert (len(records), asked) == (8, [1, 2])
    assert (heard[0].total, heard[-1].total, heard[-1].done) == (12, 8, 8)
    assert heard[0].looks == "next look 1 of 3, at 2 of 6 networks of each space"
    assert "done after" in line(heard[-1])
    assert "every rule was decided at look 2 of 3, at 4 of 6 networks of each space" in line(heard[-1])
    assert study_json.read(tmp_path).ended == 4
    assert open_run(tmp_path).total == 8
    again, told = execute(tmp_path, decided_at(1, asked))
    assert (again, asked, [snapshot.done for snapshot in told]) == (records, [1, 2], [8])


def test_a_run_that_is_not_decided_ends_at_its_cap(tmp_path: Path) -> None:
    """All trials are trained, each look was asked once, and a second command asks the last one at most."""
    asked: list[int] = []
    records, heard = execute(tmp_path, decided_at(4, asked))
    assert (len(records), asked, study_json.read(tmp_path).ended) == (12, [1, 2, 3], 0)
    assert heard[-1].looks == "ended at its cap of 6 networks of each space"
    assert execute(tmp_path, decided_at(4, asked))[0] == records
    assert asked == [1, 2, 3, 3]


class Dying(InlineEngine):
    """Trains so many networks, then fails."""

    def __init__(self, trainings: int) -> None:
        super().__init__()
        self._left = trainings

    def wait(self, seconds: float) -> list[Result]:
        """The next training, if there is one left."""
        if not self._left:
            raise RuntimeError("gone")
        self._left -= 1
        return super().wait(seconds)


@pytest.mark.parametrize("trainings", [1, 4, 6])
def test_an_interrupted_run_looks_at_the_same(tmp_path: Path, trainings: int) -> None:
    """Killed before a look, right at one, or behind it: the run goes on to the same end, and no look is skipped."""
    asked: list[int] = []
    with pytest.raises(RuntimeError, match="gone"):
        execute(tmp_path, decided_at(2, asked), engine=Dying(trainings))
    records, _ = execute(tmp_path, decided_at(2, asked))
    assert len(records) == 8
    assert asked[-1] == 2
    assert set(asked) == {1, 2}


def test_the_cap_is_part_of_the_promise(tmp_path: Path) -> None:
    """More samples, and other looks, are refused for a run that has begun."""
    execute(tmp_path, decided_at(1, []))
    with pytest.raises(Refused, match="at most 6 networks of each space"):
        execute(tmp_path, decided_at(1, []), replace(STUDY_, samples=8))
    with pytest.raises(Refused, match="looks"):
        execute(tmp_path, decided_at(1, []), replace(STUDY_, looks=Looks(first=2, every=1)))


def test_rules_restated_between_looks_are_marked(tmp_path: Path) -> None:
    """Other rules than those that were looked at before are marked, at an ended run as well, which stays ended."""
    execute(tmp_path, decided_at(2, []))
    other = replace(STUDY_, rules=(larger("pooled"),))
    records, _ = execute(tmp_path, decided_at(9, []), other)
    assert len(records) == 8
    notes = " ".join(nas.principles(open_run(tmp_path)).notes)
    assert "stated when 8 trials were finished, so they aren't a prediction; interim looks before that" in notes


def test_an_interim_look_is_at_the_rules_of_its_command(tmp_path: Path) -> None:
    """A run that is resumed with other rules ends, or doesn't, by these, and never by those that it had before."""
    tested: list[str] = []

    def judge(manifest: Manifest, records: Sequence[Record], look: int) -> tuple[str, ...]:
        tested.extend(rule.name for rule in manifest.study.rules)
        return () if look == 2 else ("undecided",)

    with pytest.raises(RuntimeError, match="gone"):
        execute(tmp_path, judge, engine=Dying(5))
    execute(tmp_path, judge, replace(STUDY_, rules=(larger("pooled"),)))
    assert tested == ["width", "pooled"]
    assert len(read_records(tmp_path)) == 8


def timeless(records: Sequence[Record]) -> pd.DataFrame:
    """The table without the columns that may differ between two runs of one study."""
    return table(records).drop(columns=list(TIMES))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with a planted rule, looked at until it is decided."""
    return nas.run(PLANTED, out=tmp_path_factory.mktemp("ended"), engine=InlineEngine(), device="cpu")


def test_a_planted_rule_ends_a_run_early(ended: Run) -> None:
    """Width helps, and long before the cap; verdict, log, page and settings name the look and the correction."""
    found = nas.principles(ended)
    verdict = found.verdicts[0]
    assert verdict.look is not None
    assert (verdict.verdict, ended.total) == ("helps", verdict.look.networks)
    assert ended.total == len(ended.records) < 48
    assert verdict.p_adjusted > verdict.p_value
    assert verdict.confidence > 0.95
    at = f"look {verdict.look.number} of 4, at {verdict.look.networks} of 48 networks of each space"
    assert f"decided at interim {at}" in found.sentences()[0]
    assert "intervals over all interim looks" in found.sentences()[0]
    assert "because every rule was decided" in found.notes[0]
    assert ", and for interim looks;" in dict(found.head)["p"]
    assert found.table()["look"].tolist() == [verdict.look.number]
    assert f"{at}: every rule is decided" in (ended.folder / LOG).read_text()
    assert "every rule was decided at" in settings(ended)["interim looks"]
    assert "decided at interim look" in (ended.folder / "report.html").read_text()


@pytest.mark.slow
def test_workers_and_interruption_change_nothing(ended: Run, tmp_path: Path) -> None:
    """Two workers, and a run that was broken off and went on, end at the same look with the same table."""
    two = nas.run(PLANTED, out=tmp_path / "two", engine=LocalEngine(2), device="cpu")
    pd.testing.assert_frame_equal(timeless(two.records), timeless(ended.records))
    with pytest.raises(RuntimeError, match="gone"):
        nas.run(PLANTED, out=tmp_path / "again", engine=Dying(17), device="cpu")
    broken = open_run(tmp_path / "again")
    assert broken.total == 48
    part = nas.principles(broken)
    assert (part.look.number if part.look else 0) == 1
    assert "Verdicts are those of interim look 1; later trials aren't tested yet" in part.notes[0]
    assert part.verdicts[0].n_first == 12
    again = nas.run(PLANTED, out=tmp_path / "again", engine=InlineEngine(), device="cpu")
    pd.testing.assert_frame_equal(timeless(again.records), timeless(ended.records))
    assert again.manifest.ended == ended.manifest.ended


def test_before_the_first_look_nothing_is_said(ended: Run) -> None:
    """Fewer networks than the first look has give no verdict, and the way on."""
    early = replace(ended, manifest=msgspec.structs.replace(ended.manifest, ended=0), records=ended.records[:7])
    with pytest.raises(Refused, match="first interim look, at 12 networks of each space: 7 of 12 trials are finished"):
        nas.principles(early)


def test_rules_that_can_not_be_tested_do_not_end_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A rule about the order of texts, as runs of before may have, is undecided at each look; the log says why."""
    monkeypatch.setattr("nas.runner.agreement.require_testable", lambda study, plan: None)
    hopeless = replace(STUDY_, samples=2, looks=Looks(first=1, every=1), rules=(larger("architecture"),))
    run = nas.run(hopeless, out=tmp_path / "run", engine=InlineEngine(), device="cpu")
    assert len(run.records) == 4
    log = (run.folder / LOG).read_text()
    assert "interim look 1: the rules can't be tested: " in log


def test_a_plan_names_the_most_that_looks_need() -> None:
    """With looks the plan is larger by what they cost, and says what they save."""
    spaces = replace(STUDY, samples=150, rules=(against("rich", "tiny", "Rich is better."),))
    plain = nas.plan(spaces)
    looked = nas.plan(replace(spaces, looks=Looks(first=30, every=20)))
    assert plain.samples is not None
    assert looked.samples is not None
    assert plain.samples < looked.samples < 1.1 * plain.samples
    assert looked.needs[0].n_first == looked.samples
    assert "With interim looks at 30 networks of each space and every 20 more these are the most" in looked.notes[2]
