"""A final of a real run: all images train, the test split is read once and last, and whatever happens, that is told."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import nas
from nas import data
from nas.data.images import ImageSource
from nas.data.pictures import Pictures
from nas.engines import InlineEngine
from nas.engines.messages import Result
from nas.errors import Interrupted, Missing, NasError, Refused, StorageFailed
from nas.findings.finals import Final, open_final
from nas.models.card import card
from nas.models.exports import verify
from nas.runner.finals import EPOCHS
from nas.sampling.finals import final_seed
from nas.sampling.repetitions import repeat_seed
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.finals import READINGS, RESULTS, readings
from nas.storage.lock import locked
from nas.storage.results import Run, open_run
from nas.storage.study_json import Manifest
from nas.study import Limits, Study
from nas.study.record import FINAL, Outcome
from nas.study.table import TIMES
from nas.training.evaluation import losses
from tests.toys.audits import STUDY, mapped
from tests.toys.spaces import CROSSED, HUNT, VARIED
from tests.toys.tables import STUDY as ON_TABLE

ROOT = Path(__file__).parents[2]
NAME = "tests.toys.audits:STUDY"
SHORT = {"epochs": 2}


def finished(run: Run | Path, study: Study | None = STUDY, **options: object) -> Final:
    """A final in this process, of two networks with two seeds unless told otherwise."""
    defaults = (
        {"top": 2, "seeds": 2, "changes": SHORT} if not (Path(getattr(run, "folder", run)) / FINAL).exists() else {}
    )
    settings = {**defaults, **options}
    return nas.final(run, study=study, engine=InlineEngine(), device="cpu", **settings)  # type: ignore[no-any-return]


def timeless(folder: Path) -> pd.DataFrame:
    """The table of a final's folder without what may differ between two finals of one run."""
    return nas.open(folder / FINAL).table().drop(columns=list(TIMES))


def copied(run: Run, folder: Path) -> Run:
    """The same run in another folder."""
    return open_run(shutil.copytree(run.folder, folder, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has no final."""
    return mapped(STUDY, tmp_path_factory.mktemp("pristine"), reference=NAME)


@pytest.fixture(scope="module")
def run(pristine: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of it, which has one."""
    return copied(pristine, tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def found(run: Run) -> Final:
    """That final."""
    return finished(run)


def test_the_best_are_trained_on_all_images(run: Run, found: Final) -> None:
    """Finalists are the best of the run, trained on training and validation images, and no record says validation."""
    assert [one.trial for one in found.finalists] == [record.trial for record in run.best[:2]]
    info = study_json.read(found.folder).data
    own = run.manifest.data
    assert (info.train, info.validation, info.joined) == (own.train + own.validation, 0, own.validation)
    assert info.key != own.key
    assert [len(record.curve) for record in found.records] == [2, 2, 2, 2]
    assert [record.origin.again for record in found.records] == [*(one.trial for one in found.finalists)] * 2
    assert not any(record.validated for record in found.records)
    frame = nas.open(found.folder).table()
    assert frame["error"].isna().all()
    assert frame["gap"].isna().all()
    assert frame["train_error"].notna().all()
    assert "training error" in (found.folder / "run.log").read_text()
    assert found.tested


def test_seeds_are_nobody_elses(run: Run, found: Final) -> None:
    """A final's seeds are those of its number and trial, neither the run's nor an audit's."""
    first = found.chosen.trials[0]
    assert found.records[0].seed == final_seed(STUDY.seed, first, 0)
    others = {record.seed for record in run.records} | {repeat_seed(STUDY.seed, first, repeat) for repeat in range(9)}
    assert not {record.seed for record in found.records} & others
    assert len({record.seed for record in found.records}) == 4


def test_test_errors_are_those_of_the_weights(run: Run, found: Final) -> None:
    """An exported finalist, evaluated by hand on the test images, is wrong exactly where the stored bits say so."""
    model, finalist, results = found.model(), found.finalists[0], found.results
    assert results is not None
    split = data.unseal("digits")
    wrong = (model(model.preprocess(split.images)).argmax(1) != split.labels).numpy()
    first = results.of(finalist.trial)[0]
    assert np.array_equal(results.losses(first).astype(bool), wrong)
    assert finalist.test_errors[0] == wrong.mean() == model.metrics["error"]
    assert finalist.mean is not None
    assert finalist.mean.estimate == pytest.approx(np.mean(finalist.test_errors))
    assert finalist.deviation == pytest.approx(np.std(finalist.test_errors, ddof=1))
    assert finalist.mean.low < finalist.mean.estimate < finalist.mean.high
    kept = nas.export(run, run.record(finalist.trial), run.folder.parent / "kept")
    again = (kept(kept.preprocess(split.images)).argmax(1) != split.labels).numpy()
    assert finalist.kept_test_error == again.mean()
    assert finalist.optimism is not None
    assert finalist.optimism.estimate == pytest.approx(again.mean() - finalist.validation_error)


def test_finalists_are_compared_image_by_image(run: Run, found: Final, tmp_path: Path) -> None:
    """Two finalists, of one final or of two, differ as their test errors do, paired on the test images.

    One against itself, other data, and a single training against several are refused.
    """
    means = [float(np.mean(one.test_errors)) for one in found.finalists]
    pair = found.against(open_final(copied(run, tmp_path)), other_rank=2)
    assert (pair.first, pair.second) == pytest.approx(means)
    assert (pair.n, pair.seeds) == (len(data.unseal("digits").labels), (2, 2))
    assert pair.difference.low <= pair.difference.estimate == pytest.approx(means[0] - means[1])
    assert pair.difference.high - pair.difference.low < pair.unpaired.high - pair.unpaired.low
    with pytest.raises(Refused, match="with itself"):
        found.against(open_final(tmp_path))
    assert found.sentences()[-1].startswith("test images: ranks 1 and 2 ")
    results = found.results
    assert results is not None
    elsewhere = replace(found, results=msgspec.structs.replace(results, data="others"))
    with pytest.raises(Refused, match="other data, or prepared otherwise: digits"):
        found.against(elsewhere, other_rank=2)
    single = tuple(one for one in results.tested if one.seed == results.of(found.finalists[1].trial)[0].seed)
    one_seed = replace(found, results=msgspec.structs.replace(results, tested=single))
    assert one_seed.sentences()[-1] != found.sentences()[-1]
    with pytest.raises(Refused, match="has 2 completed trainings"):
        found.against(one_seed, other_rank=2)


def test_test_errors_are_those_of_float32(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks trained in bfloat16 are tested as they are exported, in float32."""
    run, types = copied(pristine, tmp_path), []

    def watched(module: nn.Module, *rest: object) -> Tensor:
        types.append({parameter.dtype for parameter in module.parameters()})
        return losses(module, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("nas.runner.unsealing.losses", watched)
    finished(run, top=1, seeds=1, changes={"precision": "bfloat16", "epochs": 1})
    assert types[0] == {torch.float32}


def test_the_test_split_is_opened_once_and_last(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is opened a single time, when all trainings are stored and the log has its line, and never while they run."""
    run, opened = copied(pristine, tmp_path), []
    original = ImageSource.held_out

    def watched(source: ImageSource) -> Pictures:
        opened.append((len(read_records(tmp_path / FINAL)), len(readings(tmp_path))))
        return original(source)

    monkeypatch.setattr(ImageSource, "held_out", watched)
    finished(run, max_seconds=0)
    assert opened == []
    assert finished(run).tested
    assert opened == [(4, 1)]
    assert finished(run).tested
    assert finished(run, again=True).tested
    nas.report((run,), tmp_path / "page.html")
    open_final(run).export(tmp_path / "best")
    assert verify(tmp_path / "best", lambda line: None)
    assert opened == [(4, 1)]


def test_the_log_says_who_read_what(run: Run, found: Final) -> None:
    """A line has time, person, command, data and the hash of every file of weights that was tested."""
    (line,) = (run.folder / READINGS).read_text().splitlines()
    told = json.loads(line)
    assert told["when"].endswith("+00:00")
    assert "process" in told["who"]
    assert told["data"] == study_json.read(found.folder).data.key
    assert found.results is not None
    assert set(told["weights"].values()) == {one.sha256 for one in found.results.tested}
    assert len(told["weights"]) == 6
    assert all((run.folder / file).is_file() for file in told["weights"])


def test_users_without_a_name_read_too(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no name for the user, as in containers, the log has the number."""
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(KeyError("uid not found")))
    assert finished(copied(pristine, tmp_path)).tested
    assert readings(tmp_path)[0].who.startswith(f"{os.getuid()}@")


def test_a_second_reading_is_refused(run: Run, found: Final, tmp_path: Path) -> None:
    """More seeds, lost results and another final of the same run need --again, before anything is trained for them."""
    second = copied(run, tmp_path / "second")
    with pytest.raises(Refused, match=r"was read once for .* and this asks for 6") as caught:
        finished(second, seeds=3)
    assert "--again" in caught.value.hint
    assert len(read_records(second.folder / FINAL)) == 4
    more = finished(second, seeds=3, again=True)
    assert (more.readings, [len(one.test_errors) for one in more.finalists]) == (2, [3, 3])
    assert [one.test_errors[:2] for one in more.finalists] == [one.test_errors for one in found.finalists]
    assert any("read 2 times" in note for note in more.notes)
    waiting = finished(second, seeds=4, again=True, max_seconds=0)
    assert not waiting.tested
    assert "These numbers are of fewer trainings than are asked for now" in waiting.notes
    assert any("read 2 times" in note for note in waiting.notes)
    text = card(more.model().document)
    assert "read 2 times for networks of this run" in text
    assert "Choices may have depended" in text
    lost = copied(run, tmp_path / "lost")
    (lost.folder / FINAL / RESULTS).unlink()
    with pytest.raises(Refused, match="its results aren't stored"):
        finished(lost)
    with locked(lost.folder / FINAL), pytest.raises(Refused, match="another process works on"):
        finished(lost)  # which may be reading now: --again is no way out
    moved = copied(run, tmp_path / "moved")
    (moved.folder / FINAL).rename(moved.folder / "final before")
    with pytest.raises(Refused, match="was read once"):
        finished(moved, top=1)
    assert not (moved.folder / FINAL).exists()


@pytest.mark.slow
def test_of_several_trainings_the_mean_chooses(tmp_path: Path) -> None:
    """With repeats a finalist is told by the mean error that chose it, its optimism by the weights that were kept."""
    study = replace(STUDY, samples=3, repeats=2)
    run = mapped(study, tmp_path)
    done = finished(run, study, top=2, seeds=1)
    errors = [one.validation_error for one in done.finalists]
    assert errors == [run.mean_error(run.record(one.trial)) for one in done.finalists] == sorted(errors)
    first = done.finalists[0]
    kept = run.record(first.trial).error
    assert kept is not None
    assert first.kept_validation_error == kept < first.validation_error
    assert first.optimism is not None
    assert first.kept_test_error is not None
    assert first.optimism.estimate == pytest.approx(first.kept_test_error - kept)
    assert "the weights of its best training, with" in done.sentences()[0]


def test_a_final_without_its_study_is_to_be_mended(run: Run, tmp_path: Path) -> None:
    """A final whose study.json is lost isn't begun anew, which would read the test split again; nor is it shown."""
    lost = copied(run, tmp_path / "lost")
    (lost.folder / FINAL / "study.json").unlink()
    for again in (False, True):
        with pytest.raises(Refused, match=r"final has a study.db and no study.json") as caught:
            finished(lost, again=again)
        assert caught.value.hint.startswith("put study.json back from a copy, or move")


def test_trainings_of_a_final_are_of_networks_of_its_run(run: Run) -> None:
    """A network of a final's trial is asked of the run that it is from, by the number that it has there."""
    final = open_run(run.folder / FINAL)
    trial = final.records[0].origin.again
    with pytest.raises(Refused, match=f"trial 0 of .*final is a training of trial {trial} of ") as caught:
        nas.network_of(final, 0, STUDY)
    assert caught.value.hint == f"name that one: --trial {trial} of {run.folder}"


def test_a_reading_that_died_counts(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies between the line in the log and the results has read the split, and the next one is told."""
    run = copied(pristine, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("nas.runner.unsealing.losses", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            finished(run)
    assert len(readings(tmp_path)) == 1
    assert not open_final(run).tested
    with pytest.raises(Refused, match="its results aren't stored"):
        finished(run)
    done = finished(run, again=True)
    assert (done.tested, done.readings) == (True, 2)


def test_a_damaged_line_counts(pristine: Run, tmp_path: Path) -> None:
    """What is left of a line that was cut off is a reading, and doesn't spoil the next one."""
    run = copied(pristine, tmp_path)
    (tmp_path / READINGS).write_text('{"when": "2026-')
    with pytest.raises(Refused, match=r"was read once .* an unknown day by an unknown command"):
        finished(run)
    assert finished(run, again=True).readings == 2
    assert [bool(reading.weights) for reading in readings(tmp_path)] == [False, True]


def test_test_files_that_are_gone_are_not_read(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are missing or damaged when the test split is to be read are no reading: put back, they are read."""
    run = copied(pristine, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("nas.data.verify", lambda *_: (_ for _ in ()).throw(Missing("digits isn't here")))
        with pytest.raises(Missing):
            finished(run)
    assert readings(tmp_path) == ()
    done = finished(run)
    assert (done.tested, done.readings) == (True, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": 10**15}, "outcomes of"),
        ({"images": 0}, "outcomes of"),
        ({"rows": True}, "outcomes of"),
        ({"outcomes": ""}, "outcomes of 0 bytes"),
        ({"error": 0.0}, "error 0, its outcomes say"),
    ],
)
def test_results_that_contradict_themselves_are_damaged(
    run: Run, found: Final, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    """Outcomes of another number of images, and an error that isn't theirs, are refused with the way out."""
    ours = copied(run, tmp_path)
    path = tmp_path / FINAL / RESULTS
    entries = json.loads(path.read_text())
    for place in (entries, entries["tested"][0]):
        place.update({name: value for name, value in change.items() if name in place})
    path.write_text(json.dumps(entries))
    with pytest.raises(Refused, match=f"damaged: trial .* has {said}") as error:
        open_final(ours)
    assert error.value.hint == "restore it from a copy"


def test_a_lost_log_takes_no_reading_back(run: Run, found: Final, tmp_path: Path) -> None:
    """Where the log is gone but results are there, the test split was read once at least."""
    ours = copied(run, tmp_path)
    (tmp_path / READINGS).unlink()
    assert open_final(ours).readings == 1


def test_without_a_log_nothing_is_read(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the log can't be written, or is a link, the split stays sealed."""
    run = copied(pristine, tmp_path / "run")
    (tmp_path / "elsewhere").touch()
    (run.folder / READINGS).symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr("nas.data.unseal", lambda *_: pytest.fail("the test split was read"))
    with pytest.raises(StorageFailed, match="can't be written"):
        finished(run)
    assert (tmp_path / "elsewhere").read_text() == ""
    assert not (run.folder / FINAL / RESULTS).exists()


def test_changed_weights_are_not_tested(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of weights that isn't what was trained, or is gone, ends the command before the log has a line."""
    run = copied(pristine, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("nas.runner.finals.read_test", lambda *_, again: None)
        finished(run)
    victim = next((tmp_path / FINAL / "weights").iterdir())
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1])
    with pytest.raises(Refused, match="is damaged") as caught:
        finished(run)
    assert caught.value.hint == f"put it back from a copy, or move {tmp_path / FINAL} away for a new final"
    victim.unlink()
    with pytest.raises(Refused, match="stays sealed"):
        finished(run)
    assert readings(tmp_path) == ()
    victim.write_bytes(whole)
    done = finished(run)
    assert done.tested
    for weights in (tmp_path / FINAL / "weights").iterdir():
        weights.unlink()
    with pytest.raises(Refused, match="is missing") as caught:
        done.model()
    assert caught.value.hint.startswith("put it back from a copy")


def final_command(folder: Path) -> subprocess.Popen[str]:
    """`nas final` with two workers."""
    words = ["final", str(folder), "--top", "2", "--seeds", "2", "--epochs", "2", "--workers", "2", "--study", NAME]
    command = [sys.executable, "-m", "nas", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_an_interrupted_final_goes_on(
    pristine: Run, run: Run, found: Final, tmp_path: Path, sign: signal.Signals, code: int
) -> None:
    """Killed or interrupted with two workers, and ended in one process, a final has the undisturbed numbers."""
    again = copied(pristine, tmp_path)
    with final_command(tmp_path) as process:
        while not (tmp_path / FINAL / "study.db").exists() or not read_records(tmp_path / FINAL):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(sign)
        process.communicate(timeout=120)
        assert process.returncode in (code, 0)
    ended = finished(again)
    assert ended.readings == 1
    assert ended.table().equals(found.table())
    pd.testing.assert_frame_equal(timeless(tmp_path), timeless(run.folder))


def test_ctrl_c_keeps_the_split_sealed(pristine: Run, tmp_path: Path) -> None:
    """Interrupted in the midst of the trainings, a final keeps what it has and reads nothing."""
    run = copied(pristine, tmp_path)

    class Stopping(InlineEngine):
        """While it has the first network in hand a person presses Ctrl-C."""

        def wait(self, seconds: float) -> list[Result]:
            """One training."""
            signal.raise_signal(signal.SIGINT)
            return super().wait(seconds)

    with pytest.raises(Interrupted):
        nas.final(run, study=STUDY, engine=Stopping(), device="cpu", top=2, seeds=2, changes=SHORT)
    partial = open_final(run)
    assert 1 <= len(partial.records) < 4
    assert (partial.tested, partial.readings, partial.finalists[0].mean) == (False, 0, None)
    assert "stays sealed until all are" in partial.notes[0]
    with pytest.raises(Refused, match="isn't read yet"):
        partial.model()


def test_an_exported_finalist_says_how_it_was_tested(found: Final, tmp_path: Path) -> None:
    """Its seed is the first, whatever the test errors are; card, metrics and verify name no validation error."""
    model = found.export(tmp_path / "best", rank=2)
    finalist = found.finalists[1]
    document = nas.load(tmp_path / "best").document
    assert document == model.document
    assert (document.trial, document.space, document.study) == (finalist.trial, finalist.space, STUDY.name)
    assert document.seed == final_seed(STUDY.seed, finalist.trial, 0)
    assert document.test is not None
    assert (document.test.error, document.test.seeds, document.test.readings) == (finalist.test_errors[0], 2, 1)
    assert model.metrics["error_split"] == "test"
    assert document.test.search == found.run.manifest.command == shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    assert document.test.searched == len(found.run.records)
    assert document.test.search_hours == round(sum(r.seconds for r in found.run.records) / 3600, 2)
    text = (tmp_path / "best" / "card.md").read_text()
    assert f"{document.test.searched} trainings, 0.0 hours of one core or card in all |" in text
    assert "| test split | read once for networks of this run |" in text
    assert "validation error |" not in text
    said: list[str] = []
    assert verify(tmp_path / "best", said.append)
    assert "training error on the first 1,438 images" in said[1]
    assert "isn't read again" in said[2]


def test_a_finals_folder_is_no_place_to_choose(found: Final, tmp_path: Path) -> None:
    """It has no best network, and neither a final nor an audit of its own."""
    inner = nas.open(found.folder)
    assert inner.best == ()
    page = tmp_path / "page.html"
    for deed in (
        lambda: inner.ranked(1),
        lambda: finished(inner),
        lambda: nas.audit(inner),
        lambda: nas.report((inner,), page),
    ):
        with pytest.raises(Refused, match="is a final"):
            deed()


@pytest.mark.slow
def test_budgets_and_fronts_choose(tmp_path: Path) -> None:
    """Of a search the best inside a budget are taken, or the whole front; refused where nothing is left."""
    hunt = replace(HUNT, samples=8)
    run = mapped(hunt, tmp_path / "hunt")
    sizes = sorted(record.cost.parameters for record in run.best)
    small = Limits(parameters=(0, sizes[len(sizes) // 2]))
    done = finished(copied(run, tmp_path / "small"), hunt, limits=small, top=1, seeds=1)
    inside = [record for record in run.best if record.cost.parameters <= small.parameters[1]]
    assert done.chosen.trials == (inside[0].trial,)
    assert done.chosen.of == len(inside)
    assert done.finalists[0].deviation is None
    assert "regression to the mean" in done.sentences()[0]
    smallest = Limits(parameters=(0, sizes[0]))
    only = finished(copied(run, tmp_path / "only"), hunt, limits=smallest, top=1, seeds=1)
    assert (only.chosen.of, only.finalists[0].regression) == (1, None)  # nothing was chosen
    assert "test error" in only.sentences()[0]
    front = finished(copied(run, tmp_path / "front"), hunt, pareto="multiply_adds", top=None, seeds=1)
    assert set(front.chosen.trials) == {record.trial for record in run.pareto_front}
    with pytest.raises(Refused, match=r"none of the .* has at most 1 parameters") as caught:
        finished(run, hunt, limits=Limits(parameters=(0, 1)))
    assert "they have" in caught.value.hint
    with pytest.raises(Refused, match="didn't measure latencies"):
        finished(run, hunt, limits=Limits(latency_ms=(0, 2.5)))


@pytest.mark.slow
def test_what_networks_differ_in_stays_theirs(tmp_path: Path) -> None:
    """Sampled and crossed fields of the recipe stay as chosen, unless they are set for all."""
    for study in (replace(VARIED, samples=2), CROSSED):
        run = mapped(study, tmp_path / study.name)
        done = finished(copied(run, tmp_path / f"{study.name} own"), study, seeds=1)
        rates = {r.origin.again: r.point["learning_rate"] for r in done.records}
        assert rates == {trial: run.record(trial).point["learning_rate"] for trial in done.chosen.trials}
        assert {one.trial: done.recipe_of(one).learning_rate for one in done.finalists} == rates
        both = finished(run, study, seeds=1, changes={**SHORT, "learning_rate": 0.02})
        assert all("learning_rate" not in record.point for record in both.records)
        assert study_json.read(both.folder).study.recipe.learning_rate == 0.02


def test_all_images_and_thirty_epochs_unless_said_otherwise(pristine: Run, tmp_path: Path) -> None:
    """The default is the recipe of the run on all images for 30 epochs; a fidelity sets what it sets."""
    run = copied(pristine, tmp_path)
    finished(run, changes=None, max_seconds=0)
    recipe = study_json.read(tmp_path / FINAL).study.recipe
    assert recipe == msgspec.structs.replace(STUDY.recipe, epochs=EPOCHS, train_size=0)
    shutil.rmtree(tmp_path / FINAL)
    finished(run, changes=None, fidelity="tiny", max_seconds=0)
    recipe = study_json.read(tmp_path / FINAL).study.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.train_size) == (1, 32, 0)


def test_of_another_split_every_image_trains_once(tmp_path: Path) -> None:
    """A run with a validation split of its own size has a final on all images, averaged as it was, that is verified."""
    recipe = msgspec.structs.replace(STUDY.recipe, validation_size=150, averaging=0.9)
    study = replace(STUDY, samples=1, recipe=recipe)
    run = mapped(study, tmp_path / "run")
    done = finished(run, study, top=1, seeds=1)
    info, usual = (data.prepare("digits", validation_size=size).all_training for size in (150, 0))
    assert study_json.read(done.folder).data.key == info.key
    assert (run.manifest.data.validation, info.validation, info.train) == (150, 0, usual.train)
    both = [data.load(each).train.images.flatten(1).tolist() for each in (info, usual)]
    assert sorted(both[0]) == sorted(both[1])
    done.export(tmp_path / "exported")
    assert verify(tmp_path / "exported", lambda line: None)


def test_a_table_has_a_final_too(tmp_path: Path) -> None:
    """Errors are root mean squares over the target's deviation, with intervals over rows, and the model predicts."""
    run = mapped(ON_TABLE, tmp_path)
    done = finished(run, ON_TABLE)
    finalist = done.finalists[0]
    assert finalist.mean is not None
    assert finalist.mean.low < finalist.mean.estimate < finalist.mean.high
    assert finalist.regression is None
    split = data.unseal("diabetes")
    model = done.model()
    errors = model(split.images).detach().squeeze(1) - split.labels
    assert finalist.test_errors[0] == pytest.approx(float(errors.square().mean().sqrt()), rel=1e-5)
    assert "rows" in card(model.document)
    with pytest.raises(Refused, match="predicts a number"):
        done.against(done)
    done.export(tmp_path / "best")
    assert verify(tmp_path / "best", lambda line: None)


def test_failures_are_told(pristine: Run, tmp_path: Path) -> None:
    """Where every training diverges nothing is tested; the split stays sealed, and that is said."""
    run = copied(pristine, tmp_path)
    with pytest.raises(NasError, match=r"no training of .* was completed, the test split stays sealed"):
        finished(run, changes={"epochs": 1, "learning_rate": 1e12, "warmup": 0.0})
    assert readings(tmp_path) == ()


def test_a_failed_seed_is_left_out(pristine: Run, tmp_path: Path) -> None:
    """Where the first seed of a finalist diverges the mean is of the others, that is said, and the next is exported."""
    run = copied(pristine, tmp_path)

    class Diverging(InlineEngine):
        """The first trial diverges."""

        def wait(self, seconds: float) -> list[Result]:
            """One training."""
            failed = {"outcome": Outcome.DIVERGED, "weights_sha256": "", "train_error": None}
            results = super().wait(seconds)
            return [msgspec.structs.replace(r, **failed) if r.trial == 0 else r for r in results]

    done = nas.final(run, study=STUDY, engine=Diverging(), device="cpu", top=2, seeds=3, changes={"epochs": 1})
    assert [len(one.test_errors) for one in done.finalists] == [2, 3]
    assert [one.failures for one in done.finalists] == [1, 0]
    assert any(f"1 of trial {done.chosen.trials[0]}" in note for note in done.notes)
    document = done.model(1).document
    assert document.test is not None
    assert (document.seed, document.test.seeds) == (final_seed(STUDY.seed, done.chosen.trials[0], 1), 2)
    assert document.test.error == done.finalists[0].test_errors[0]
    assert "2 seeds" in card(document)


def test_fewer_networks_than_asked_for_are_all_finalists(pristine: Run, tmp_path: Path) -> None:
    """Whether three are the default or seventeen are said; the choice is told as it is."""
    limits = Limits(parameters=(0, min(record.cost.parameters for record in pristine.best)))
    for top in (None, 17):
        final = finished(copied(pristine, tmp_path / str(top)), top=top, limits=limits, seeds=1)
        assert (len(final.finalists), final.chosen.of) == (1, 1)
        assert final.head[0][1].startswith("the best network of 1 completed with at most")
        assert not any("several finalists" in note for note in final.notes)
        assert finished(final.run, top=1, limits=limits).table().equals(final.table())


def test_what_was_begun_stays(run: Run, found: Final) -> None:
    """Other finalists, another recipe and another data set are refused; fewer seeds change nothing."""
    for options, said in (
        ({"top": 1}, "was begun with the best 2, this asks for the best 1"),
        ({"changes": {"epochs": 3}}, "epochs 2, not 3"),
        ({"changes": {"data": "mnist"}}, "data is the run's"),
        ({"changes": {"epochs": 0}}, "at least 1"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"top": 0}, "top must be at least 1"),
        ({"top": 1, "pareto": "parameters"}, "top or pareto"),
        ({"max_seconds": -1}, "max_seconds"),
        ({"device": "tpu"}, "tpu"),
    ):
        with pytest.raises(Refused, match=said):
            nas.final(run, **{"study": STUDY, "engine": InlineEngine(), "device": "cpu", **options})  # type: ignore[arg-type]
    assert finished(run, top=2, seeds=1, changes=SHORT).table().equals(found.table())


def test_two_commands_read_once(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process has read the split after the same trainings, the second one shows what that stored."""
    run = copied(pristine, tmp_path)
    first = finished(run)
    monkeypatch.setattr("nas.runner.finals.is_read", lambda *_: False)
    monkeypatch.setattr("nas.data.unseal", lambda *_: pytest.fail("the test split was read"))
    assert finished(run, again=True).table().equals(first.table())
    assert len(readings(tmp_path)) == 1


def test_ctrl_c_while_it_is_read_waits(pristine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is stored before the command ends, so that it needn't be read again."""
    run, unseal = copied(pristine, tmp_path), data.unseal

    def interrupted(*words: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return unseal(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("nas.data.unseal", interrupted)
    done = finished(run)
    assert (done.tested, done.readings) == (True, 1)


def test_a_run_that_has_gone_on_is_told(pristine: Run, tmp_path: Path) -> None:
    """More networks of the run change no finalist; a note says that there are more, and whose weights weren't kept."""
    run = copied(pristine, tmp_path)
    first = finished(run, top=1, seeds=1)
    (run.folder / "weights" / run.best[0].weights).unlink()
    grown = mapped(replace(STUDY, samples=10), tmp_path)
    again = finished(grown)
    assert again.chosen == first.chosen
    assert any("The run has gone on" in note for note in again.notes)
    shutil.rmtree(tmp_path / FINAL)
    unkept = finished(grown, top=2, seeds=1, again=True)
    notes = [note for note in unkept.notes if "kept no weights" in note]
    assert len(notes) == any(one.kept_test_error is None for one in unkept.finalists)


def test_manifests_of_other_runs_are_as_before(pristine: Run) -> None:
    """A run that was stored before there were finals is read."""
    fields = json.loads((pristine.folder / "study.json").read_bytes())
    del fields["finalists"]
    assert msgspec.json.decode(msgspec.json.encode(fields), type=Manifest) == pristine.manifest
