"""An audit of a real map: the same numbers whatever runs it, nothing lost, nothing mixed up, and what it finds."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.analysis import agreement, noise_floor
from nas.engines import InlineEngine
from nas.engines.messages import Result
from nas.errors import NasError, Refused
from nas.findings import audits
from nas.findings.audits import Audit, open_audit
from nas.sampling import training_seed
from nas.sampling.repetitions import AUDIT, repeat_seed
from nas.space import Choice
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.layout import STUDY as FILE
from nas.storage.results import Run, open_run
from nas.study import Grid, Looks, Study
from nas.study.record import Outcome
from nas.study.table import TIMES
from tests.toys.audits import CHANGED, LASTING, LONGER, STUDY, mapped
from tests.toys.spaces import CROSSED, FRAGILE, HUNT, QUICK, REPEATED, RICH
from tests.toys.spaces import STUDY as TOY

ROOT = Path(__file__).parents[2]
NAME = "tests.toys.audits:STUDY"


def audited(run: Run, study: Study | None = STUDY, **options: object) -> Audit:
    """An audit in this process."""
    return nas.audit(run, study=study, engine=InlineEngine(), device="cpu", **options)  # type: ignore[no-any-return]


def timeless(folder: Path) -> pd.DataFrame:
    """The table of an audit's folder without what may differ between two audits of one map."""
    return nas.open(folder / AUDIT).table().drop(columns=list(TIMES))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The map of the two spaces that change places, found again by its name; nobody audits it here."""
    return mapped(STUDY, tmp_path_factory.mktemp("pristine"), reference=NAME)


def copied(run: Run, folder: Path) -> Run:
    """The same run in another folder."""
    return open_run(shutil.copytree(run.folder, folder, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def turning(pristine: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of the map, which is audited."""
    return copied(pristine, tmp_path_factory.mktemp("turning"))


@pytest.fixture(scope="module")
def found(turning: Run) -> Audit:
    """Its audit: four networks of each space, eight times as long, and two other seeds."""
    return audited(turning, networks=8, seeds=2, longer=LONGER)


def test_a_longer_training_turns_the_verdict(turning: Run, found: Audit) -> None:
    """What short trainings call harmful long ones call helpful, and so does the audit of some of them."""
    verdict = found.verdicts[0]
    assert (verdict.short, verdict.long, verdict.change) == ("hurts", "helps", "changes")
    assert verdict.short_effect.low > 0 > verdict.long_effect.high
    assert found.agreement.tau.coefficient.estimate < 0
    assert found.agreement.regret.estimate > 0.2
    assert "would change from 'hurts' to 'helps' at trainings 8 times as long" in found.sentences()[0]


@pytest.mark.slow
def test_short_verdicts_of_a_run_with_looks_are_those_of_its_look(tmp_path: Path) -> None:
    """An audit judges no rule more boldly than the run's own principles do, which are corrected for looks."""
    looked = replace(STUDY, looks=Looks(first=4, every=4))
    run = nas.run(looked, out=tmp_path / "run", engine=InlineEngine(), device="cpu")
    audit, own = audited(run, looked, networks=4, seeds=0, longer=2), nas.principles(run)
    assert [verdict.short for verdict in audit.verdicts] == [verdict.verdict for verdict in own.verdicts]
    assert any(f"those of interim look {own.look.number} of 2" in note for note in audit.notes)
    early = replace(run, records=run.records[:4])
    assert audits._at_look(early, early.table())[0] == ()


def test_longer_errors_without_order_are_told(found: Audit) -> None:
    """Where a seed moves networks as much as longer trainings set them apart, a low tau says nothing of short ones."""
    assert found.noise is not None
    level = found.noise.noise.estimate
    for spread, told in ((0.5, True), (10.0, False)):
        long = [0.2 + spread * level * (-1) ** k for k in range(8)]
        known = [msgspec.structs.replace(n, long=e) for n, e in zip(found.networks, long, strict=True)]
        assert bool(audits._of_spread(known, found.noise)) is told
    assert audits._of_spread(known[:4], found.noise) == []


def test_the_table_of_an_audit_that_is_over_is_written_again(turning: Run, found: Audit) -> None:
    """A table that a full disk or a kill has cost is back after the same command, which trains nothing."""
    table = turning.folder / AUDIT / "records.csv"
    before = table.read_bytes()
    table.unlink()
    audited(turning, networks=8, seeds=2, longer=LONGER)
    assert table.read_bytes() == before


def test_a_long_training_is_the_maps_with_more_epochs(found: Audit, tmp_path: Path) -> None:
    """Bit for bit: a map whose recipe has eight times the epochs has the audit's long errors at the same trials."""
    longer = replace(STUDY, recipe=msgspec.structs.replace(STUDY.recipe, epochs=LONGER * STUDY.recipe.epochs))
    taken = sorted(found.networks, key=lambda n: n.trial)[:3]
    whole = mapped(replace(longer, samples=1 + taken[-1].trial // 2), tmp_path)
    assert [whole.record(n.trial).error for n in taken] == [n.long for n in taken]
    assert [whole.record(n.trial).architecture for n in taken] == [n.architecture for n in taken]


def test_an_audit_is_balanced_and_says_what_it_took(turning: Run, found: Audit) -> None:
    """As many networks of each space, each with its short error of the map, and weights that add up to the map."""
    assert [n.space for n in found.networks] == ["hasty"] * 4 + ["lasting"] * 4
    assert [n.short for n in found.networks] == [turning.record(n.trial).error for n in found.networks]
    assert sum(n.weight for n in found.networks) == pytest.approx(16)
    assert (found.of, found.longer, len(found.table())) == (16, LONGER, 8)
    assert {"again_1", "again_2", "weight"} <= set(found.table().columns)


def test_seeds_are_new_and_the_long_training_has_the_maps(turning: Run, found: Audit) -> None:
    """A long training has the seed of its trial in the map, repetitions have seeds that no trial of the map has."""
    records = read_records(turning.folder / AUDIT)
    seeds = {training_seed(STUDY.seed, trial) for trial in range(10_000)}
    for record in records:
        assert record.origin.again is not None
        own = turning.record(record.origin.again)
        assert (record.point | {"epochs": 0}, record.architecture) == (own.point | {"epochs": 0}, own.architecture)
        if record.origin.repeat:
            assert record.seed == repeat_seed(STUDY.seed, own.trial, record.origin.repeat) not in seeds
            assert len(record.curve) == STUDY.recipe.epochs
        else:
            assert record.seed == own.seed
            assert len(record.curve) == LONGER * STUDY.recipe.epochs
    assert len({record.seed for record in records}) == len(records) == 24


def test_repetitions_give_the_noise_floor(turning: Run, found: Audit) -> None:
    """The noise is that of map and repetitions together, as the tables of both say it, network by network."""
    records = [r for r in read_records(turning.folder / AUDIT) if r.origin.repeat]
    again = [{"architecture": r.origin.again, "error": r.error} for r in records]
    first = [{"architecture": n.trial, "error": n.short} for n in found.networks]
    frame = pd.DataFrame(first + again)
    assert found.noise == noise_floor(frame)
    assert found.noise is not None
    within = frame.groupby("architecture")["error"].var(ddof=1).mean()
    assert found.noise.noise.estimate == pytest.approx(within**0.5)
    assert (found.noise.networks, found.noise.trainings) == (8, 24)


def test_tau_and_regret_are_those_of_the_errors(found: Audit) -> None:
    """Agreement is that of the short errors with the long ones, and luck that of two seeds, in the same order."""
    frame = found.table()
    errors = {name: frame[name].to_numpy(float) for name in ("short", "long", "again_1")}
    assert found.agreement == agreement(errors["short"], errors["long"], guess=0.9)
    assert found.again == agreement(errors["short"], errors["again_1"], guess=0.9)


def test_audits_never_enter_the_map(turning: Run, found: Audit) -> None:
    """Table and leaders of the map don't know of its audit; the audit's own table is marked, and no rules go by it."""
    assert nas.open(turning.folder).table().equals(turning.table())
    own = nas.open(turning.folder / AUDIT)
    assert set(own.table()["sampler"]) == {"audit"}
    assert not any(record.origin.unbiased for record in own.records)
    assert own.total == len(own.records) == 24
    with pytest.raises(Refused, match="'audit', which chooses networks"):
        nas.principles(own, rules=STUDY.rules)
    with pytest.raises(Refused, match="is an audit itself"):
        nas.audit(own)


def test_principles_name_the_agreement(turning: Run, found: Audit) -> None:
    """Verdicts of an audited map say beside the fidelity how well longer trainings agree; others say nothing of it."""
    tau = found.agreement.tau.coefficient
    line = f"tau {tau.estimate:.2f} [{tau.low:.2f}, {tau.high:.2f}] with trainings 8 times as long, n = 8"
    assert dict(nas.principles(turning).head)["audited"] == line


def test_a_finished_audit_needs_neither_code_nor_data(turning: Run, found: Audit) -> None:
    """Asked again, with or without its options, it answers from its folder, whatever the study is called by then."""
    moved = replace(turning, manifest=msgspec.structs.replace(turning.manifest, reference="nowhere:STUDY"))
    assert nas.audit(moved).table().equals(found.table())
    assert nas.audit(moved, networks=8, seeds=2, longer=LONGER).verdicts == found.verdicts


@pytest.mark.slow
def test_half_and_more_networks_are_the_whole(pristine: Run, turning: Run, found: Audit, tmp_path: Path) -> None:
    """An audit of four networks, extended to eight, equals that of eight; a smaller number never shrinks it."""
    run = copied(pristine, tmp_path)
    assert len(audited(run, networks=4, seeds=2, longer=LONGER).networks) == 4
    half = read_records(tmp_path / AUDIT)
    whole = audited(run, networks=8)
    assert whole.table().equals(found.table())
    assert read_records(tmp_path / AUDIT)[: len(half)] == half
    pd.testing.assert_frame_equal(timeless(tmp_path), timeless(turning.folder))
    assert len(audited(run, networks=4).networks) == 8


def audit_command(folder: Path) -> subprocess.Popen[str]:
    """`nas audit` with two workers."""
    words = ["audit", str(folder), "--networks", "8", "--seeds", "2", "--longer", str(LONGER), "--workers", "2"]
    words += ["--study", NAME]
    command = [sys.executable, "-m", "nas", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupted(folder: Path, sign: signal.Signals) -> int:
    """Start an audit with two workers, send it a signal when two trainings are over; its exit code."""
    with audit_command(folder) as process:
        database = folder / AUDIT / "study.db"
        while not database.exists() or len(read_records(folder / AUDIT)) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(sign)
        process.communicate(timeout=120)
        return process.returncode


@pytest.mark.slow
def test_two_workers_and_an_interruption_change_nothing(
    pristine: Run, turning: Run, found: Audit, tmp_path: Path
) -> None:
    """Interrupted with two workers and gone on with in one process, an audit has the undisturbed table."""
    run = copied(pristine, tmp_path)
    assert interrupted(tmp_path, signal.SIGINT) == 130
    assert 2 <= len(read_records(tmp_path / AUDIT)) < 24
    assert audited(run).table().equals(found.table())
    pd.testing.assert_frame_equal(timeless(tmp_path), timeless(turning.folder))


@pytest.mark.long
def test_a_killed_audit_goes_on(pristine: Run, turning: Run, found: Audit, tmp_path: Path) -> None:
    """Killed with two workers, and ended by two again, an audit has the undisturbed table."""
    run = copied(pristine, tmp_path)
    assert interrupted(tmp_path, signal.SIGKILL) == -9
    assert nas.audit(run, study=STUDY, workers=2, device="cpu").table().equals(found.table())
    pd.testing.assert_frame_equal(timeless(tmp_path), timeless(turning.folder))


def test_an_audit_stops_when_its_time_is_up(pristine: Run, tmp_path: Path) -> None:
    """Without time for a single round it says so, keeps what it has, and goes on with the same command."""
    run = copied(pristine, tmp_path)
    with pytest.raises(NasError, match="no round of longer trainings is finished") as caught:
        audited(run, networks=4, seeds=0, longer=2, max_seconds=0)
    assert caught.value.exit_code == 1
    assert len(audited(run).networks) == 4


def test_only_whole_rounds_count(pristine: Run, tmp_path: Path) -> None:
    """Of an audit that stopped in the midst of a round the networks of whole ones are used, and it says so."""
    run = copied(pristine, tmp_path)
    waits = iter(range(3))

    class Stopping(InlineEngine):
        """Trains three networks, and while it has the third in hand a person presses Ctrl-C."""

        def wait(self, seconds: float) -> list[Result]:
            """One training."""
            if next(waits, 2) == 2:
                signal.raise_signal(signal.SIGINT)
            return super().wait(seconds)

    with pytest.raises(NasError, match="interrupted"):
        nas.audit(run, study=STUDY, engine=Stopping(), device="cpu", networks=8, seeds=0, longer=2)
    assert len(read_records(tmp_path / AUDIT)) == 3
    partial = open_audit(run)
    assert partial is not None
    assert len(partial.networks) == 2
    assert "1 of 4 rounds of 2 networks" in partial.notes[0]


@pytest.mark.slow
def test_grids_varied_epochs_and_repeated_maps(tmp_path: Path) -> None:
    """Arms of a grid are spaces of the audit, crossed epochs are multiplied, repetitions of the map left out."""
    grid = Grid(values={"epochs": (1, 3), "function": ("relu", "tanh")})
    crossed = replace(CROSSED, grid=grid, samples=2)
    run = mapped(crossed, tmp_path / "crossed")
    found = audited(run, crossed, networks=4, seeds=1, longer=2)
    frame = nas.open(run.folder / AUDIT).table()
    assert sorted(frame.loc[frame["repeat"] == 0, "epochs"]) == [2, 2, 6, 6]
    assert sorted(frame.loc[frame["repeat"] == 1, "epochs"]) == [1, 1, 3, 3]
    assert {n.space for n in found.networks} == {arm.name for arm in crossed.arms}
    repeated = audited(mapped(REPEATED, tmp_path / "repeated"), REPEATED, networks=4, seeds=0, longer=2)
    assert repeated.of == 6
    assert repeated.noise is None
    assert repeated.again is None


def test_failures_of_the_map_are_audited(tmp_path: Path) -> None:
    """Networks that failed in the map are a stratum of their own, and what they do again is counted."""

    class Unlucky(InlineEngine):
        """Loses every fourth network."""

        def wait(self, seconds: float) -> list[Result]:
            """As trained, but for trials 3, 7, 11, ..."""
            return [
                msgspec.structs.replace(r, outcome=Outcome.DIVERGED, curve=()) if r.trial % 4 == 3 else r
                for r in super().wait(seconds)
            ]

    study = replace(TOY, spaces=(RICH,), samples=12)
    run = mapped(study, tmp_path, Unlucky())
    found = audited(run, study, networks=6, seeds=0, longer=2)
    failed = [n for n in found.networks if n.short is None]
    assert len(failed) == 2
    assert sum(n.weight for n in failed) == pytest.approx(3)
    assert found.agreement.failures_short == 2
    assert found.agreement.failures_long == 0
    assert "3 of 12 networks failed in the run; 2 of them were trained again: verdicts weigh" in found.notes[0]


def test_what_can_not_be_audited_is_refused(turning: Run, found: Audit, tmp_path: Path) -> None:
    """Searches, runs that hardly began, other options than at its beginning, and nonsense are refused."""
    with pytest.raises(Refused, match="'tpe', which chooses networks"):
        nas.audit(mapped(replace(HUNT, samples=1), tmp_path / "hunt"))
    with pytest.raises(Refused, match="has 2 finished networks"):
        nas.audit(mapped(replace(STUDY, samples=1), tmp_path / "short"))
    for options, said in (
        ({"longer": 1}, "at least 2, got 1"),
        ({"seeds": -1}, "must not be negative, got -1"),
        ({"networks": 3}, "at least 4, got 3"),
        ({"networks": 40}, "40 networks are 20 of each of 2 spaces; a space has only 8"),
        ({"longer": 2}, "was begun with --longer 8, this says 2"),
        ({"seeds": 0}, "was begun with --seeds 2, this says 0"),
        ({"max_seconds": -1.0}, "isn't negative"),
        ({"device": "abacus", "networks": 16}, "no device 'abacus'"),
    ):
        with pytest.raises(Refused, match=said):
            nas.audit(turning, **options)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="not the folder of a run"):
        nas.audit(ROOT)


def test_another_study_is_refused(pristine: Run, tmp_path: Path) -> None:
    """A study that isn't known, draws other networks now, or lost a space is refused before anything is begun."""
    run = copied(pristine, tmp_path)
    unnamed = replace(run, manifest=msgspec.structs.replace(run.manifest, reference=""))
    with pytest.raises(Refused, match="run from a program") as caught:
        nas.audit(unnamed)
    assert "--study" in caught.value.hint
    with pytest.raises(Refused, match="isn't what it was when it was run") as caught:
        audited(run, CHANGED)
    assert "decode" in str(caught.value)
    with pytest.raises(Refused, match="isn't what it was"):
        audited(run, replace(STUDY, spaces=(LASTING,), rules=()))
    assert not (tmp_path / AUDIT / FILE).exists()


def test_settings_of_the_command_line_are_found_again(tmp_path: Path) -> None:
    """A map that was run with another recipe, seed and limit than its study says is audited as it was run."""
    recipe = msgspec.structs.replace(QUICK, epochs=1, learning_rate=0.1)
    run = mapped(replace(STUDY, recipe=recipe, seed=5, samples=2, max_trial_seconds=77.0), tmp_path)
    audited(run, STUDY, networks=4, seeds=1, longer=3)
    manifest = study_json.read(tmp_path / AUDIT)
    assert manifest.study.recipe == recipe
    assert (manifest.study.seed, manifest.study.max_trial_seconds) == (5, 77.0)
    assert manifest.study.vary["epochs"] == Choice(options=(1, 3))


def test_a_map_without_a_success_has_no_agreement(tmp_path: Path) -> None:
    """Where every training fails the audit says so with the way to the reasons, as an error of its own."""
    study = Study(
        name="hopeless",
        question="?",
        spaces=(FRAGILE,),
        samples=4,
        recipe=msgspec.structs.replace(QUICK, batch_size=1),
    )
    with pytest.raises(NasError, match="none completed one of the two trainings") as caught:
        audited(mapped(study, tmp_path), study, networks=4, seeds=0)
    assert caught.value.exit_code == 1


def test_a_notebook_shows_numbers_and_verdicts(found: Audit) -> None:
    """The HTML holds tau, regret and every rule."""
    shown = found._repr_html_()
    assert all(text in shown for text in ("tau", "regret", "lasting against hasty", "would change"))
