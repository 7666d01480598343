"""A worker process: reads jobs from a pipe, trains them one by one, answers; ends at once when the pipe closes.

Started as `python -m nas.engines.worker FD`, so the caller's main module is never imported again, and a coordinator
that dies takes its workers with it: the pipe closes with it. Jobs are read while a training runs, so the next one
begins without the coordinator; those that haven't begun can be asked back.
"""

from __future__ import annotations

import ctypes
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

import msgspec

from nas.engines.messages import RECALL, Answer, Job, Ready, Result, Returned

COORDINATOR_GONE, BAD_JOB = 3, 4
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve trainings."""
    from nas.engines.job import run_job

    serve(run_job)


def serve(train: Callable[[Job], Result]) -> None:
    """Do jobs with a function until the coordinator closes the pipe."""
    _die_with_the_coordinator()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's business
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(process)d %(levelname)s %(message)s")
    mouth = _Mouth(Connection(int(sys.argv[1])))
    jobs: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(mouth, jobs), daemon=True).start()
    mouth.say(Ready())
    while True:
        mouth.say(train(_understood(jobs.get())))


class _Mouth:
    """Our end of the pipe; two threads speak, one listens."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._turn = threading.Lock()

    def say(self, answer: Answer) -> None:
        """Send one message, whole."""
        with self._turn:
            self.connection.send_bytes(msgspec.json.encode(answer))


def _die_with_the_coordinator() -> None:
    """Have Linux kill this process when its coordinator is gone: a closed pipe isn't seen by one that is paused."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _listen(mouth: _Mouth, jobs: queue.Queue[bytes]) -> None:
    """Take jobs as they come; a closed pipe ends the process even in the middle of a training."""
    try:
        while True:
            message = mouth.connection.recv_bytes()
            if message == RECALL:
                mouth.say(Returned(count=_emptied(jobs)))
            else:
                jobs.put(message)
    except (EOFError, OSError):
        os._exit(COORDINATOR_GONE)


def _emptied(jobs: queue.Queue[bytes]) -> int:
    """Forget what waits; how many they were."""
    count = 0
    while True:
        try:
            jobs.get_nowait()
        except queue.Empty:
            return count
        count += 1


def _understood(message: bytes) -> Job:
    """The job of a message; where it can't be read nobody would answer it, and a crash is better than silence."""
    try:
        return msgspec.json.decode(message, type=Job)
    except msgspec.MsgspecError:
        logging.exception("a job can't be read")
        os._exit(BAD_JOB)


if __name__ == "__main__":
    main()
