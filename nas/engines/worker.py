"""A worker process: reads jobs from a pipe, trains them one by one, answers; ends at once when the pipe closes.

Started as `python -m nas.engines.worker FD`, so the caller's main module is never imported again, and a coordinator
that dies takes its workers with it: the pipe closes with it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection

import msgspec

from nas.engines.job import run_job
from nas.engines.messages import Job

READY = b"ready"
COORDINATOR_GONE, BAD_JOB = 3, 4
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve jobs until the coordinator closes the pipe."""
    _die_with_the_coordinator()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's business
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(process)d %(levelname)s %(message)s")
    connection = Connection(int(sys.argv[1]))
    jobs: queue.Queue[Job] = queue.Queue()
    threading.Thread(target=_listen, args=(connection, jobs), daemon=True).start()
    connection.send_bytes(READY)
    while True:
        connection.send_bytes(msgspec.json.encode(run_job(jobs.get())))


def _die_with_the_coordinator() -> None:
    """Have Linux kill this process when its coordinator is gone: a closed pipe isn't seen by one that is paused."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _listen(connection: Connection, jobs: queue.Queue[Job]) -> None:
    """Take jobs as they come; a closed pipe ends the process even in the middle of a training."""
    decoder = msgspec.json.Decoder(Job)
    try:
        while True:
            jobs.put(decoder.decode(connection.recv_bytes()))
    except (EOFError, OSError):
        os._exit(COORDINATOR_GONE)
    except msgspec.MsgspecError:
        logging.exception("a job can't be read")  # nobody would listen any more: a crash is better than silence
        os._exit(BAD_JOB)


if __name__ == "__main__":
    main()
