"""A run whose files were lost, exchanged or damaged: said at once, nothing begun over in silence, nothing else lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas.engines import InlineEngine
from nas.engines.messages import Job, Result
from nas.errors import Refused, StorageFailed
from nas.storage.backends.guard import RESCUED
from nas.storage.database import read_records, read_rows
from nas.storage.layout import DATABASE, LOCK, LOG, PAGE, TABLE, WEIGHTS, WRITE_AHEAD
from nas.storage.store import opened
from tests.toys import runs as toys
from tests.toys.sleepers import made_up
from tests.toys.spaces import STUDY as TOY

Say = Callable[..., tuple[int, str, str]]
LARGER = replace(TOY, samples=6)


class Toy(InlineEngine):
    """Answers at once, and does something before an answer of a number."""

    def __init__(self, at: int = -1, act: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._at, self._act, self._count = at, act, 0

    def wait(self, seconds: float) -> list[Result]:
        """One answer; as slow as a training of a few hundredths of a second."""
        time.sleep(0.02)
        if self._count == self._at:
            self._act()
        self._count += 1
        jobs, self._jobs = self._jobs, []
        return [made_up(job) for job in jobs]


def execute(study: nas.Study, folder: Path, engine: InlineEngine | None = None) -> None:
    """Run a study in this process without its page."""
    toys.execute(study, folder, engine or Toy())


def without(folder: Path, least: int) -> None:
    """Make the database one of an earlier time: without trials from a number on."""
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute("delete from nas_trials where number >= ?", (least,))


def lose(folder: Path, how: str) -> None:
    """Take the database away, in one of several ways."""
    path = folder / DATABASE
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "older":
        without(folder, 5)
    else:
        path.unlink()
        with closing(sqlite3.connect(path)) as database:
            database.execute("create table moz_places (id integer)")


@pytest.mark.parametrize("witness", [LOG, TABLE, WEIGHTS])
@pytest.mark.parametrize("how", ["missing", "empty", "older", "another program's"])
def test_a_lost_database_is_refused_and_loses_nothing_else(run: Path, say: Say, how: str, witness: str) -> None:
    """Any one of log, table and weights tells: no training begins, and neither weights nor page nor table change."""
    lose(run, how)
    for other in {LOG, TABLE, WEIGHTS} - {witness}:
        shutil.rmtree(run / other) if other == WEIGHTS else (run / other).unlink()
    names = sorted(path.relative_to(run) for path in run.rglob("*") if path.name not in (LOG, LOCK))
    page = (run / PAGE).read_bytes()
    with pytest.raises(StorageFailed, match=DATABASE) as refusal:
        execute(LARGER, run)
    assert "--out" in refusal.value.hint
    code, _, message = say("report", run)
    assert (code, DATABASE in message) == (74, True)
    assert (run / PAGE).read_bytes() == page
    if witness == TABLE:
        assert say("table", run, "-o", run / TABLE)[0] == 74
    after = [path.relative_to(run) for path in run.rglob("*") if path.name not in (LOG, LOCK, WEIGHTS)]
    assert sorted(after) == [name for name in names if name.name != WEIGHTS]


def test_status_says_what_an_older_database_lacks(run: Path, say: Say, caplog: pytest.LogCaptureFixture) -> None:
    """The counts are those of the database, beside what other files tell of; a page elsewhere says so, too."""
    lose(run, "older")
    said = f"{DATABASE} lacks trials that other files tell of: {LOG} of 3, {TABLE} of 3"
    code, out, _ = say("status", run)
    assert code == 0
    assert "damaged, 5 of 8 trials" in out
    assert said in caplog.text
    assert said in json.loads(say("status", run, "--json")[1])["lost"]
    assert say("report", run, "-o", run / "other.html")[0] == 0
    assert said in (run / "other.html").read_text()


def test_a_beginning_that_was_interrupted_is_no_lost_run(tmp_path: Path) -> None:
    """Where no file tells of a finished trial, a missing or empty database is the one of a start that was killed."""
    nas.run(TOY, out=tmp_path / "run", engine=InlineEngine(), max_seconds=0)
    for how in ("empty", "missing"):
        lose(tmp_path / "run", how)
        nas.run(TOY, out=tmp_path / "run", engine=InlineEngine(), max_seconds=0)


@pytest.mark.slow
def test_finished_trials_are_soon_in_the_database_itself(tmp_path: Path) -> None:
    """A second after they were told, they are read from a copy of the database alone, without its write-ahead log."""
    seen: list[int] = []

    def look() -> None:
        (tmp_path / "copy").mkdir()
        shutil.copy(tmp_path / "run" / DATABASE, tmp_path / "copy")
        with closing(sqlite3.connect(tmp_path / "copy" / DATABASE)) as database:
            seen.extend(n for (n,) in database.execute("select number from nas_trials where state = 'finished'"))

    execute(replace(TOY, samples=60), tmp_path / "run", Toy(at=100, act=look))
    assert 20 <= len(seen) <= 100


@pytest.mark.parametrize("lost", [DATABASE, WRITE_AHEAD])
def test_a_database_that_vanishes_meanwhile_ends_the_run_and_is_written_again(tmp_path: Path, lost: str) -> None:
    """Deleted while a run works, it is noticed at the next answer; finished trials are there for the next command."""
    folder = tmp_path / "run"
    with pytest.raises(StorageFailed, match=f"{lost} was taken away while the run worked") as ended:
        execute(LARGER, folder, Toy(at=6, act=(folder / lost).unlink))
    done = len(read_records(folder))
    assert done >= 5
    assert f"{done} finished trials" in str(ended.value)
    execute(LARGER, folder)
    assert [record.trial for record in read_records(folder)] == list(range(12))


def test_a_database_that_is_replaced_meanwhile_stays_and_ours_is_kept(tmp_path: Path) -> None:
    """Where another file took its place, it is left alone, and the trials are in a file beside it."""
    folder, stranger = tmp_path / "run", tmp_path / "stranger"
    stranger.write_text("somebody's")
    with pytest.raises(StorageFailed, match="was taken away while the run worked") as ended:
        execute(LARGER, folder, Toy(at=6, act=lambda: stranger.replace(folder / DATABASE)))
    assert RESCUED in ended.value.hint
    assert (folder / DATABASE).read_text() == "somebody's"
    (rescued,) = folder.glob(f"{RESCUED}-*")
    with closing(sqlite3.connect(rescued)) as database:
        assert database.execute("select count(*) from nas_trials where state = 'finished'").fetchone()[0] >= 5


def test_a_folder_that_is_moved_meanwhile_ends_the_run(tmp_path: Path) -> None:
    """A run doesn't go on in a folder that isn't there any more, and loses nothing in the one that is."""
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    with pytest.raises(StorageFailed):
        execute(LARGER, folder, Toy(at=6, act=lambda: folder.rename(elsewhere) and None))
    execute(LARGER, elsewhere)
    assert len(read_records(elsewhere)) == 12


HOLD = """
import sys, time
from pathlib import Path
from nas.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(run: Path) -> Iterator[int]:
    """Another process that works on the run."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.kill()


@pytest.mark.parametrize("again", [False, True])
def test_a_lock_file_that_is_deleted_lets_nobody_in(run: Path, holder: int, say: Say, again: bool) -> None:
    """The second coordinator is refused although the file is gone, or a new one lies in its place; status knows."""
    (run / LOCK).unlink()
    if again:
        (run / LOCK).touch()
    with pytest.raises(Refused, match="another process works on"):
        execute(LARGER, run)
    assert "running" in say("status", run)[1]


@pytest.mark.parametrize("busy", [True, False])
def test_where_folders_cannot_be_locked_the_first_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    """On a disk that locks files only, a second coordinator takes over a run whose lock file was deleted.

    The first ends at its next write, or within seconds where it has nothing to write; what it had written is kept.
    """
    monkeypatch.setattr("nas.storage.lock._locked_folder", lambda folder: None)
    folder = tmp_path / "run"
    ended: list[float] = []

    def take_over() -> None:
        (folder / LOCK).unlink()
        with opened(folder, toys.agreement(LARGER, folder)) as second:
            ended.extend([len(second.over), time.monotonic()])

    class Slow(Toy):
        """Has no more answers once the run was taken over."""

        def wait(self, seconds: float) -> list[Result]:
            """Nothing."""
            if ended and not busy:
                time.sleep(0.1)
                return []
            return super().wait(seconds)

    with pytest.raises(StorageFailed, match=rf"process {os.getpid()} on .* has taken over .*, so this command ends"):
        execute(LARGER, folder, Slow(at=4, act=take_over))
    assert time.monotonic() - ended[1] < 5
    assert len(read_records(folder)) == ended[0] == 4
    execute(LARGER, folder)
    assert len(read_records(folder)) == 12


@pytest.mark.parametrize("damage", ["truncated", "flipped", "another network's", "a folder"])
def test_one_bad_weights_file_costs_one_picture(
    run: Path, tmp_path: Path, say: Say, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """It is named, the page has all else, and so has the end of the run; no file without its hash is drawn."""
    opened = nas.open(run)
    path, other = (opened.weights(opened.ranked(rank)) for rank in (1, 2))
    assert path is not None
    assert other is not None
    data = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    else:
        flipped = data.replace(b'\\"width\\": ', b'\\"width\\":1')
        path.write_bytes({"truncated": data[:300], "flipped": flipped}.get(damage, other.read_bytes()))
    before = (run / PAGE).read_text().count('data-view="stairs"')
    code = say("report", run)[0]
    page = (run / PAGE).read_text()
    assert code == 0
    if damage != "a folder":  # which is no weights at all
        assert path.name in caplog.text
        assert path.name in page
    assert page.count('data-view="stairs"') == max(0, before - 1)
    nas.run(TOY, out=run, engine=InlineEngine())
    assert say("export", run, "-o", tmp_path / "best", "--rank", 2)[0] == 0


@pytest.mark.parametrize("name", [LOG, TABLE])
def test_files_that_never_end_are_not_read(run: Path, say: Say, name: str) -> None:
    """A pipe in the place of log or table stops nobody who looks at a run."""
    (run / name).unlink()
    os.mkfifo(run / name)
    assert say("status", run)[0] == 0


def test_a_database_that_was_killed_while_it_was_made_goes_on(tmp_path: Path) -> None:
    """Older runs made Optuna's tables one after another: the first of them alone is a beginning, no stranger's."""
    nas.run(TOY, out=tmp_path / "run", engine=InlineEngine(), max_seconds=0)
    (tmp_path / "run" / DATABASE).unlink()
    with closing(sqlite3.connect(tmp_path / "run" / DATABASE)) as database, database:
        database.execute("create table studies (study_id integer primary key, study_name varchar(512) not null)")
    execute(TOY, tmp_path / "run")
    assert len(read_records(tmp_path / "run")) == 8


def test_trials_are_rows_before_they_are_jobs(tmp_path: Path) -> None:
    """What an engine is given while others train is in the database, so weights never know more."""
    unknown: list[int] = []

    class Looking(Toy):
        """Looks for the row of each job that it is given after the first wait."""

        def submit(self, job: Job) -> None:
            """Keep the job."""
            if self._count:
                unknown.extend({job.trial} - {row.number for row in read_rows(tmp_path / "run")})
            super().submit(job)

    execute(LARGER, tmp_path / "run", Looking())
    assert unknown == []


def test_forged_lines_and_folders_cost_nothing(run: Path, say: Say) -> None:
    """A number of thousands of digits in the log, and a folder named like half a weights file, stop nobody."""
    with (run / LOG).open("a") as log:
        log.write(f"2026-01-01 INFO trial {'9' * 5000} of tiny is completed, error 0\n")
    name = next((run / WEIGHTS).iterdir()).name
    (run / WEIGHTS / f".{name}.00.partial").mkdir()
    assert say("status", run)[0] == 0
    execute(TOY, run)


def test_runs_in_two_threads_have_logs_of_their_own(tmp_path: Path) -> None:
    """What one run logs isn't found in the log of another that works in the same process."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: nas.run(TOY, out=tmp_path / name, engine=Toy()), "ab"))
    for name in "ab":
        assert (tmp_path / name / LOG).read_text().count("is completed") == 8
        assert nas.open(tmp_path / name).lost == ""
