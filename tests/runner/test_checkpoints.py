"""A study whose trainings take long loses at most one epoch of each when it is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import nas

PROGRAM = """
import sys, time
import msgspec
from dataclasses import replace
import nas
from nas.engines import InlineEngine
from nas.training import checkpoint, loop
from tests.toys.spaces import QUICK, STUDY
checkpoint.WORTH = 0.0
real, epochs = loop.Training.epoch, []
def slow(self, generator):
    epochs.append(1)
    time.sleep(float(sys.argv[2]))
    return real(self, generator)
loop.Training.epoch = slow
study = replace(STUDY, recipe=msgspec.structs.replace(QUICK, epochs=4), samples=2)
nas.run(study, out=sys.argv[1], engine=InlineEngine())
print(len(epochs))
"""


def program(out: Path, pause: float) -> subprocess.Popen[str]:
    """A process that runs a study of trainings of four epochs, and tells how many epochs it has trained."""
    words = [sys.executable, "-c", PROGRAM, str(out), str(pause)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def errors(folder: Path) -> list[tuple[int, float | None, tuple[float, ...]]]:
    """Of all trials, with their curves."""
    return [(r.trial, r.error, tuple(epoch.loss for epoch in r.curve)) for r in nas.open(folder).records]


@pytest.mark.long
def test_a_killed_study_goes_on_within_a_training(tmp_path: Path) -> None:
    """Killed within a training, the run goes on after that one's last epoch, to equal records, and leaves no file."""
    told, said = program(tmp_path / "whole", 0).communicate(timeout=120)
    assert told, said
    process = program(tmp_path / "run", 0.4)
    weights, end = tmp_path / "run" / "weights", time.monotonic() + 60
    while not list(weights.glob("*.checkpoint")):
        assert time.monotonic() < end, "no checkpoint was written"
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert len(list(weights.glob("*.checkpoint"))) == 1
    trained, said = program(tmp_path / "run", 0).communicate(timeout=120)
    assert 0 < int(trained) < int(told), said
    assert errors(tmp_path / "run") == errors(tmp_path / "whole")
    assert not list(weights.glob("*.checkpoint"))
