"""`pytest -p tests.timeline -k NAME`: when a fault was injected, when it was noticed, and with which exit code.

Prints of each test, in seconds since the last fault or since a command began: signals sent, processes that ended,
commands with their exit codes, errors of ours, and answers of engines that are no completed training.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import psutil
import pytest

import nas.cli.app
from nas.engines.local import LocalEngine
from nas.errors import NasError
from nas.study.record import Outcome

EVENTS: list[tuple[float, str]] = []
"""Time on the clock, and what happened."""


def happened(event: str) -> None:
    """Note an event, once where it is said twice in a row."""
    if not EVENTS or EVENTS[-1][1] != event:
        EVENTS.append((time.monotonic(), event))


def before(owner: Any, name: str, event: Callable[..., str]) -> None:
    """Note each call of a function as it begins."""
    function = getattr(owner, name)

    @wraps(function)
    def called(*values: Any, **named: Any) -> Any:
        happened(event(*values, **named))
        return function(*values, **named)

    setattr(owner, name, called)


def after(owner: Any, name: str, event: Callable[..., str]) -> None:
    """Note what came of each call, where that is worth a word."""
    function = getattr(owner, name)

    @wraps(function)
    def called(*values: Any, **named: Any) -> Any:
        result = function(*values, **named)
        if said := event(result, *values):
            happened(said)
        return result

    setattr(owner, name, called)


def _signal(number: int) -> str:
    return f"! {signal.Signals(number).name}" if number else ""


def _ended(code: int | None, process: Any, *_: Any) -> str:
    return "" if code is None else f"process ended with {code}"


def _answers(results: Any, *_: Any) -> str:
    odd = [result.outcome.value for result in results if result.outcome is not Outcome.COMPLETED]
    return f"engine answers {', '.join(odd)}" if odd else ""


def pytest_configure() -> None:
    """Listen."""
    for owner in (psutil.Process, subprocess.Popen):
        before(owner, "kill", lambda *_: "! SIGKILL")
        before(owner, "terminate", lambda *_: "! SIGTERM")
        before(owner, "send_signal", lambda _, number: _signal(number))
    before(psutil.Process, "suspend", lambda *_: "! SIGSTOP")
    before(os, "kill", lambda _, number: _signal(number))
    before(subprocess.Popen, "__init__", lambda _, words, *rest, **named: f"process begins: {words!r:.60}")
    after(subprocess.Popen, "wait", _ended)
    after(LocalEngine, "wait", _answers)
    before(
        NasError,
        "__init__",
        lambda error, message, **_: f"{type(error).__name__} (exit {error.exit_code}): {message:.60}",
    )
    before(nas.cli.app, "app", lambda *_, **__: "command begins")
    before(nas.cli.app, "_fail", lambda error: f"command ends with {error.exit_code}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Print the events of a test."""
    EVENTS.clear()
    happened("test begins")
    try:
        return (yield)
    finally:
        happened("test ends")
        since, lines = EVENTS[0][0], []
        for moment, event in EVENTS:
            lines.append(f"    {moment - since:8.2f} s  {event}")
            if event.startswith(("!", "command begins", "process begins")):
                since = moment
        print(item.name, *lines, sep="\n")  # noqa: T201 - this is what it is for
