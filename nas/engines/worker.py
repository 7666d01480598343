"""A worker process: reads jobs from a pipe, trains them, answers; ends at once when the pipe closes.

Started as `python -m nas.engines.worker FD LANES DEVICE`, so the caller's main module is never imported again, and a
coordinator that dies takes its workers with it: the pipe closes with it, which is listened to before torch is loaded.
Where memory is short the system is to end a worker rather than the coordinator. Jobs are read while trainings run, so
the next one begins without the coordinator; those that haven't begun can be asked back. Each lane is a thread that
trains one job after another; the only lane of a worker is its main thread. A process that has become unfit for more
retires: it says so, ends what it trains, gives the rest back, and ends.
"""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Protocol

import msgspec

from nas.engines.messages import RECALL, Answer, Job, Ready, Result, Retiring, Returned, begun
from nas.engines.packing import Gate, Memory
from nas.study.record import Epoch, Outcome

COORDINATOR_GONE, BAD_JOB, BAD_DEVICE, THREAD_DIED, RETIRED = 3, 4, 5, 6, 7
PR_SET_PDEATHSIG = 1
REPORTS = 1.0
"""Seconds between two words on how far a training is."""
PACED = 5
"""Epochs whose median tells how fast a training is."""
FIRST_TO_GO = "500"
"""Added to what Linux takes for the share of memory, in thousandths, when it looks for a process to end."""


class Training(Protocol):
    """Does a job."""

    def __call__(self, job: Job, reached: Callable[[Epoch], None]) -> Result:
        """Do it, and tell of finished epochs meanwhile."""
        ...


def main() -> None:
    """Serve trainings; where one has left the GPU unusable, the process ends, and the next one has a new context."""
    device = sys.argv[3]
    serve(_trained, _memory(device), lambda: _warm_up(device), _spoilt)


def serve(
    train: Training,
    memory: Memory | None = None,
    prepare: Callable[[], None] = lambda: None,
    unfit: Callable[[], bool] = lambda: False,
) -> None:
    """Do jobs with a function until the coordinator closes the pipe, or the process is unfit for more of them.

    `prepare` is called before there are any, and loads what takes long. Whoever sends SIGUSR1 learns from the log where
    all threads are.
    """
    _die_with_the_coordinator()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's business
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(process)d %(levelname)s %(message)s")
    threading.excepthook = _end
    mouth, lanes = _Mouth(Connection(int(sys.argv[1]))), int(sys.argv[2])
    line = _Line(Gate(lanes, memory))
    threading.Thread(target=_listen, args=(mouth, line), daemon=True).start()
    prepare()
    mouth.say(Ready())
    for _ in range(lanes - 1):
        threading.Thread(target=_lane, args=(mouth, line, train, unfit), kwargs={"tell": True}, daemon=True).start()
    _lane(mouth, line, train, unfit, tell=lanes > 1)


def _trained(job: Job, reached: Callable[[Epoch], None]) -> Result:
    from nas.engines.job import run_job
    from nas.training.devices import usable

    result = run_job(job, reached)
    if result.outcome is Outcome.FAILED and not usable(job.device):
        logging.error("trial %d has left the device unusable: %s", job.trial, result.message)
        os._exit(BAD_DEVICE)
    return result


def _memory(device: str) -> Memory | None:
    """The memory of the GPU, to be asked when torch is loaded; None without one."""
    if device == "cpu":
        return None

    def loaded() -> Memory:
        from nas.engines.job import memory_of_card

        return memory_of_card()

    return Memory(
        total=lambda: loaded().total(),
        peak=lambda: loaded().peak(),
        empty=lambda: loaded().empty(),
    )


def _warm_up(device: str) -> None:
    from nas.engines.job import warm_up

    warm_up(device)


def _spoilt() -> bool:
    from nas.training.cuda_graphs import SPOILT

    return SPOILT.is_set()


class _Mouth:
    """Our end of the pipe; several threads speak, one listens."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._turn = threading.Lock()

    def say(self, answer: Answer) -> None:
        """Send one message, whole."""
        with self._turn:
            self.connection.send_bytes(msgspec.json.encode(answer))


class _Line:
    """Jobs that haven't begun, in their order; the first one begins when the gate admits it, and none before it."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._messages: deque[bytes] = deque()
        self._taken = 0  # jobs that aren't answered yet
        self._retiring = self._asked = False  # whether nothing begins any more, and the rest has been asked for

    def add(self, message: bytes) -> None:
        """Put a job at the end."""
        with self.gate.changed:
            self._messages.append(message)
            self.gate.changed.notify_all()

    def emptied(self) -> int:
        """Forget all; how many they were."""
        with self.gate.changed:
            count = len(self._messages)
            self._messages.clear()
            self._asked = self._retiring
            return count

    def take(self) -> Job:
        """The next job, as soon as there is one that may begin."""
        with self.gate.changed:
            while True:
                if self._admits() and self.gate.admits(job := _understood(self._messages[0])):
                    self._messages.popleft()
                    self.gate.enter(job)
                    self._taken += 1
                    return job
                self.gate.changed.wait()

    def answered(self, mouth: _Mouth, job: Job, *, unfit: bool) -> None:
        """Note that a job has been answered; say that the process retires before anything follows from that."""
        with self.gate.changed:
            self._taken -= 1
            if unfit and not self._retiring:
                logging.warning("trial %d has left this process unfit for more; it ends", job.trial)
                self._retiring = True
                mouth.say(Retiring())

    def end_if_retired(self) -> None:
        """End the process where nothing is left to be said."""
        with self.gate.changed:
            if self._asked and not self._taken:
                os._exit(RETIRED)

    def _admits(self) -> bool:
        return bool(self._messages) and not self._retiring


def _lane(mouth: _Mouth, line: _Line, train: Training, unfit: Callable[[], bool], *, tell: bool) -> None:
    """Train one job after another."""
    while True:
        job = line.take()
        if tell:
            mouth.say(begun(job))
        mouth.say(line.gate.trained(job, partial(train, reached=_reports(mouth, job))))
        line.answered(mouth, job, unfit=unfit())
        line.end_if_retired()


def _reports(mouth: _Mouth, job: Job) -> Callable[[Epoch], None]:
    """Tells how far a job is, but not of every short epoch; those of before an interruption come all at once."""
    last, recent = time.monotonic(), deque[float](maxlen=PACED)

    def reached(epoch: Epoch) -> None:
        nonlocal last
        recent.append(epoch.seconds)
        if epoch.seconds >= REPORTS or time.monotonic() - last >= REPORTS:
            last = time.monotonic()
            mouth.say(msgspec.structs.replace(begun(job), epochs=epoch.number, pace=median(recent)))

    return reached


def _end(failure: threading.ExceptHookArgs) -> None:
    """A thread that can't continue ends the process, for nobody would answer its job."""
    threading.__excepthook__(failure)
    os._exit(THREAD_DIED)


def _die_with_the_coordinator() -> None:
    """Have Linux kill this process when its coordinator is gone: a closed pipe isn't seen by one that is paused."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _listen(mouth: _Mouth, line: _Line) -> None:
    """Take jobs as they come; a closed pipe ends the process even in the middle of a training."""
    try:
        while True:
            message = mouth.connection.recv_bytes()
            if message == RECALL:
                mouth.say(Returned(count=line.emptied()))
                line.end_if_retired()
            else:
                line.add(message)
    except (EOFError, OSError):
        os._exit(COORDINATOR_GONE)


def _understood(message: bytes) -> Job:
    """The job of a message; where it can't be read nobody would answer it, and a crash is better than silence."""
    try:
        return msgspec.json.decode(message, type=Job)
    except msgspec.MsgspecError:
        logging.exception("a job can't be read")
        os._exit(BAD_JOB)


if __name__ == "__main__":
    main()
