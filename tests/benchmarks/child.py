"""Python processes that measure: one question in as JSON, one answer out, with threads of their own choosing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from nas.engines.process import KEPT_MEMORY, SINGLE_THREAD

ROOT = Path(__file__).parents[2]
LAST_LINES = 15

Answer = TypeVar("Answer")


class ChildFailed(Exception):
    """A measuring process ended with an error."""


def all_cores() -> dict[str, str]:
    """An environment in which torch takes the number of threads that it takes by itself."""
    return {name: value for name, value in _from_checkout().items() if name not in SINGLE_THREAD}


def one_thread() -> dict[str, str]:
    """The environment of our workers."""
    return {
        **KEPT_MEMORY,
        **_from_checkout(),
        **SINGLE_THREAD,
        "KINETO_LOG_LEVEL": "99",
    }  # the profiler misses a GPU aloud


def ask(module: str, question: msgspec.Struct, answer: type[Answer], environment: Mapping[str, str]) -> Answer:
    """Run `python -m module`, which answers on its last line of output."""
    process = start(module, environment)
    said, errors = process.communicate(msgspec.json.encode(question) + b"\n")
    return understood(process, module, said, errors, answer)


def ask_at_once(module: str, question: msgspec.Struct, answer: type[Answer], processes: int) -> list[Answer]:
    """Ask so many single-threaded processes, each of which first says that it is ready."""
    running = [start(module, one_thread()) for _ in range(processes)]
    for process in running:
        if process.stdout is not None:
            process.stdout.readline()
    for process in running:
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(question) + b"\n")
            process.stdin.flush()
    return [understood(process, module, *process.communicate(), answer) for process in running]


class Listener:
    """A process that answers many questions, so that its start is paid once; used as a context manager."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._module, self._process = module, start(module, environment)

    def __enter__(self) -> Self:
        """It is started already."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def ask(self, question: msgspec.Struct, answer: type[Answer]) -> Answer:
        """One question, one answer; ChildFailed where it has ended."""
        pipes = self._process
        if pipes.stdin is None or pipes.stdout is None:
            raise ChildFailed(f"{self._module} has no pipes")
        pipes.stdin.write(msgspec.json.encode(question) + b"\n")
        pipes.stdin.flush()
        said = pipes.stdout.readline()
        if not said:
            said, errors = pipes.communicate()
            return understood(pipes, self._module, said, errors, answer)
        return msgspec.json.decode(said, type=answer)


def start(module: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A process that waits for its question."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=ROOT,
    )


def understood(
    process: subprocess.Popen[bytes], module: str, said: bytes, errors: bytes, answer: type[Answer]
) -> Answer:
    """The answer of a process that has ended; ChildFailed with its last words where it gave none."""
    if process.returncode or not said:
        last = "\n".join(errors.decode(errors="replace").splitlines()[-LAST_LINES:])
        raise ChildFailed(f"{module} ended with status {process.returncode}:\n{last}")
    return msgspec.json.decode(said.splitlines()[-1], type=answer)


def _from_checkout() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
