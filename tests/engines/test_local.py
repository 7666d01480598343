"""Worker processes: killed, paused, late, stillborn or orphaned, every job is answered and no process stays."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from nas.data import DataInfo
from nas.engines import LocalEngine
from nas.engines import process as engine_process
from nas.engines.messages import Cause, Job, Result
from nas.errors import MachineFailed, NasError
from nas.study.record import Outcome
from tests.toys.sleepers import MODULE
from tests.toys.spaces import QUICK, toy_job

ROOT = Path(__file__).parents[2]
LONG = msgspec.structs.replace(QUICK, epochs=100_000)


@pytest.fixture
def job(digits: DataInfo) -> Job:
    """A training that ends well and soon."""
    return toy_job(digits)


@pytest.fixture
def endless(job: Job) -> Job:
    """A training that doesn't end by itself."""
    return msgspec.structs.replace(job, recipe=LONG)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """One worker, shared by the tests that leave it working."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "2")
        with LocalEngine(1, log=tmp_path_factory.mktemp("engine") / "run.log") as opened:
            yield opened


def children(pid: int) -> list[psutil.Process]:
    """Worker processes of another coordinator."""
    return [child for child in psutil.Process(pid).children() if "nas.engines.worker" in child.cmdline()]


def processes(engine: LocalEngine) -> list[psutil.Process]:
    """Worker processes of an engine."""
    return [psutil.Process(worker.process.pid) for worker in engine._workers]


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def ended(process: psutil.Process) -> bool:
    """Whether it runs no more; its entry may wait for whoever collects orphans here."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def training(pid: int) -> bool:
    """Whether a worker has mapped the training images, so that it is in the middle of its job."""
    return any("train_images.bin" in entry.path for entry in psutil.Process(pid).memory_maps())


def next_result(engine: LocalEngine) -> Result:
    """The next answer."""
    for _ in range(3000):
        if results := engine.wait(0.01):
            assert len(results) == 1
            return results[0]
        time.sleep(0.01)
    raise AssertionError("never answered")


def start_training(engine: LocalEngine, job: Job) -> psutil.Process:
    """Give the job to the only worker and wait until it trains; its process."""
    engine.submit(job)
    (worker,) = processes(engine)
    until(lambda: engine.wait(0.05) or training(worker.pid))
    return worker


@pytest.mark.slow
def test_a_killed_worker_is_noticed_and_replaced(engine: LocalEngine, job: Job, endless: Job) -> None:
    """SIGKILL in the middle of a training is answered with CRASHED by the next looks, and the slot trains again."""
    start_training(engine, endless).kill()
    result = engine.wait(2.0)
    assert [r.outcome for r in result] == [Outcome.CRASHED]
    assert result[0].message == "the worker ended with status -9, which the machine does where memory is short"
    assert (result[0].cause, result[0].host) == (Cause.KILLED, platform.node())
    engine.submit(msgspec.structs.replace(job, attempt=2))
    assert (answer := next_result(engine)).outcome is Outcome.COMPLETED
    assert answer.attempt == 2


@pytest.mark.long
def test_a_network_that_kills_every_worker_does_not_end_the_engine(engine: LocalEngine, endless: Job) -> None:
    """Four deaths in a row in the middle of trainings, of the only worker, are four answers and no error."""
    for attempt in range(1, 5):
        start_training(engine, msgspec.structs.replace(endless, attempt=attempt)).kill()
        assert next_result(engine).outcome is Outcome.CRASHED


@pytest.mark.slow
def test_a_worker_killed_while_idle_costs_no_job(engine: LocalEngine, job: Job) -> None:
    """SIGKILL of a worker without a job gives no answer at all, and the next job is trained."""
    engine.submit(job)
    assert next_result(engine).outcome is Outcome.COMPLETED
    processes(engine)[0].kill()
    assert engine.wait(0.5) == []
    assert engine.free == 2
    engine.submit(job)
    assert next_result(engine).outcome is Outcome.COMPLETED


def test_a_job_given_to_a_dead_worker_is_answered(engine: LocalEngine, job: Job) -> None:
    """A worker that died unnoticed before it got the job answers CRASHED, so that the job can be given again."""
    engine.submit(job)
    assert next_result(engine).outcome is Outcome.COMPLETED
    (worker,) = processes(engine)
    worker.kill()
    until(lambda: worker.status() == psutil.STATUS_ZOMBIE)
    engine.submit(job)
    assert next_result(engine).outcome is Outcome.CRASHED


@pytest.mark.slow
def test_an_unreadable_job_is_not_met_with_silence(engine: LocalEngine, job: Job) -> None:
    """A job that its worker can't read ends the worker and is answered at once, not after the time limit."""
    engine.submit(msgspec.structs.replace(job, device=3))  # type: ignore[arg-type]
    result = next_result(engine)
    assert (result.outcome, result.message) == (Outcome.CRASHED, "the worker ended with status 4")


@pytest.mark.slow
@pytest.mark.parametrize("still", [1.5, 8.0])
def test_what_stood_still_with_everything_is_not_late(endless: Job, still: float) -> None:
    """A coordinator that was stopped together with its workers charges no training for that; one that wasn't, does."""
    with LocalEngine(1) as engine:
        job = msgspec.structs.replace(endless, max_seconds=5.0)
        worker = start_training(engine, job)
        begun = time.monotonic()
        worker.suspend()
        time.sleep(still)  # nobody looks meanwhile, as where this process is stopped, too
        worker.resume()
        result = next_result(engine)
        assert result.outcome is Outcome.TIMED_OUT
        lasted = time.monotonic() - begun
    assert lasted > (4.0 if still < 5 else still + 3.0)  # begun a moment before we look
    assert lasted < still + 10.0


@pytest.mark.slow
def test_late_workers_are_ended(endless: Job) -> None:
    """Workers over their time limit, busy or stopped by SIGSTOP, are killed, answered as TIMED_OUT, and replaced."""
    with LocalEngine(2) as engine:
        for trial in range(2):
            engine.submit(msgspec.structs.replace(endless, trial=trial, max_seconds=2.0))
        started = processes(engine)
        until(lambda: engine.wait(0.05) or all(worker.ready for worker in engine._workers))
        started[1].suspend()
        results: list[Result] = []
        while len(results) < 2:  # they are late at the same time, so both may come at once
            results += engine.wait(0.05)
        results.sort(key=lambda result: result.trial)
        assert [(r.trial, r.outcome) for r in results] == [(0, Outcome.TIMED_OUT), (1, Outcome.TIMED_OUT)]
        assert results[0].message == "longer than 2 s"
        assert [process.is_running() for process in started] == [False, False]
        assert [process.is_running() for process in processes(engine)] == [True, True]
        assert engine.free == 4


def test_workers_that_die_at_start_end_the_engine(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no worker comes up, the engine gives up, names the log with the last words, and answers no job."""
    (tmp_path / "msgspec.py").write_text("raise SystemExit('no msgspec here')\n")
    monkeypatch.setattr(engine_process, "environment", lambda: {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"})
    with LocalEngine(2, log=tmp_path / "run.log") as engine:
        engine.submit(job)
        with pytest.raises(NasError, match=r"can't be started \(6 in a row\).*status 1.*run\.log"):
            next_result(engine)
    assert "no msgspec here" in (tmp_path / "run.log").read_text()


@pytest.mark.slow
def test_a_worker_that_dies_at_start_hands_its_job_on(job: Job) -> None:
    """A job whose worker was killed while it loaded torch wasn't begun: the next worker does it as attempt 1."""
    with LocalEngine(1) as engine:
        engine.submit(job)
        processes(engine)[0].kill()
        result = next_result(engine)
    assert (result.outcome, result.attempt) == (Outcome.COMPLETED, 1)


def test_a_worker_that_never_starts_is_given_up(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that hang before they have loaded torch are replaced after the start limit and given up after three."""
    monkeypatch.setattr(engine_process, "START_LIMIT", 0.01)
    with LocalEngine(1) as engine:
        engine.submit(job)
        with pytest.raises(NasError, match=r"can't be started \(3 in a row\): .*didn't load torch within"):
            next_result(engine)


def test_leaving_the_engine_leaves_no_process(endless: Job) -> None:
    """At the end of the `with` block all workers are dead, in the middle of a training, too."""
    with LocalEngine(2) as engine:
        started = processes(engine)
        engine.submit(endless)
    assert [process.is_running() for process in started] == [False, False]


def test_workers_have_one_thread_and_share_the_images(engine: LocalEngine, endless: Job) -> None:
    """A worker computes on one thread, and its images are the page cache's: mapped from the file, none copied."""
    worker = start_training(engine, endless)
    maps = [entry for entry in worker.memory_maps(grouped=False) if "train_images.bin" in entry.path]
    environment = worker.environ()
    before = worker.cpu_times()
    time.sleep(0.5)
    busy = [t for t in worker.threads() if t.user_time > before.user / 4]
    worker.kill()
    assert next_result(engine).outcome is Outcome.CRASHED
    assert environment["OMP_NUM_THREADS"] == "1"
    assert len(busy) == 1
    assert maps
    assert all(int(entry.private_dirty) == 0 and int(entry.anonymous) == 0 for entry in maps)


SCRIPT = """
print("imported", flush=True)
import os, sys
import nas
from nas.engines import LocalEngine
from tests.toys.spaces import STUDY
from dataclasses import replace
nas.run(replace(STUDY, samples=1), out=sys.argv[1], workers=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["file", pytest.param("command", marks=pytest.mark.long)])
def test_the_callers_script_is_not_imported_again(tmp_path: Path, way: str) -> None:
    """`nas.run` works in a script without `__main__` guard and in `python -c`, and the script runs only once."""
    (tmp_path / "script.py").write_text(SCRIPT)
    how = ["-c", SCRIPT] if way == "command" else [str(tmp_path / "script.py")]
    done = subprocess.run(
        [sys.executable, *how, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr
    assert (tmp_path / "run" / "records.csv").read_text().count("completed") == 2


@pytest.mark.slow
def test_a_killed_coordinator_leaves_no_worker(tmp_path: Path) -> None:
    """SIGKILL of the coordinator ends its workers in the middle of endless trainings, even one that is paused."""
    script = SCRIPT.replace("samples=1)", "samples=1, recipe=type(STUDY.recipe)(data='digits', epochs=100_000))")
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    ) as coordinator:
        try:
            until(lambda: any(training(worker.pid) for worker in children(coordinator.pid)))
            started = children(coordinator.pid)
            started[0].suspend()
        finally:
            coordinator.kill()
    assert psutil.wait_procs(started, timeout=30)[1] == []


@pytest.mark.parametrize("moment", [0.05, 0.6, 1.5])
def test_workers_that_load_go_with_their_coordinator(moment: float) -> None:
    """SIGKILL of the coordinator while its workers start or load torch ends them within 2 s."""
    code = "import time, nas.engines as e; e.LocalEngine(2).__enter__(); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as coordinator:
        assert coordinator.stdout is not None
        coordinator.stdout.readline()
        time.sleep(moment)
        started = psutil.Process(coordinator.pid).children()
        coordinator.kill()
    assert len(started) == 2
    until(lambda: all(map(ended, started)), 2)


def test_the_system_ends_a_worker_first(engine: LocalEngine, job: Job) -> None:
    """Linux looks for memory in a worker before it does in the coordinator."""
    engine.submit(job)
    assert next_result(engine).outcome is Outcome.COMPLETED
    (worker,) = processes(engine)
    adjusted = [int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in (worker.pid, os.getpid())]
    assert adjusted[0] > adjusted[1]


def test_a_job_that_is_alone_has_the_memory_of_all(job: Job) -> None:
    """Idle workers are ended while a job must be alone, and are there again for the next ones."""
    with LocalEngine(2, module=MODULE) as engine:
        until(lambda: engine.wait(0.05) or all(worker.ready for worker in engine._workers))
        engine.submit(msgspec.structs.replace(job, alone=True))
        assert len(processes(engine)) == 1
        assert next_result(engine).outcome is Outcome.COMPLETED
        engine.submit(msgspec.structs.replace(job, trial=1))
        assert len(processes(engine)) == 2
        assert next_result(engine).trial == 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.3, "ended with status 3"), (60, "closed its pipe, and had to be ended")]
)
def test_a_worker_that_ends_by_itself_has_its_own_status(tmp_path: Path, seconds: float, said: str) -> None:
    """One that closes its pipe before it has ended, as a traceback does, isn't taken for killed by the machine."""
    lines = ("import os, sys, time", "os.close(int(sys.argv[1]))", f"time.sleep({seconds})", "sys.exit(3)")
    (tmp_path / "leaving.py").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        with LocalEngine(1, module="leaving") as engine, pytest.raises(NasError, match=said) as failed:
            next_result(engine)
    assert not isinstance(failed.value, MachineFailed)


def test_a_start_that_dies_of_memory_says_so(tmp_path: Path) -> None:
    """Workers that are killed while they load are no fault of the program's: exit code 74, memory named."""
    (tmp_path / "killed.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        with LocalEngine(1, module="killed") as engine, pytest.raises(MachineFailed, match="memory seems to be short"):
            next_result(engine)
