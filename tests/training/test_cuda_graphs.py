"""Steps that a GPU replays: which calls run, which are recorded, and what becomes of one that can't be."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator

import pytest
import torch

from nas.data import Dataset
from nas.training import cuda_graphs
from nas.training.cuda_graphs import WARM_UP, Replayed
from nas.training.loop import Training, initial
from tests.toys.spaces import QUICK, Tiny

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Recording:
    """Stands for a graph: it counts its replays."""

    def __init__(self) -> None:
        self.replays = 0

    def replay(self) -> None:
        """Count."""
        self.replays += 1


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without Python's search for circles of references."""
    gc.disable()
    yield
    gc.enable()


def test_on_a_cpu_every_call_is_a_step() -> None:
    """Nothing is ever recorded there, nor where no graph is wanted."""
    calls: list[int] = []
    for replayed in (Replayed(CPU), Replayed(CUDA, graph=False)):
        for _ in range(10):
            replayed(lambda: calls.append(1))
        assert not replayed.recorded
    assert len(calls) == 20


def test_a_step_is_recorded_after_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first calls are steps, then one recording, which isn't a step, and replays from there on."""
    calls, recordings = [], []
    monkeypatch.setattr(cuda_graphs, "record", lambda step: recordings.append(Recording()) or recordings[-1])
    replayed = Replayed(CUDA)
    for _ in range(10):
        replayed(lambda: calls.append(1))
    assert replayed.recorded
    assert (len(calls), [recording.replays for recording in recordings]) == (WARM_UP, [10 - WARM_UP])


def test_what_cannot_be_recorded_is_called(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A failed recording is said once, costs no step, and isn't tried again."""

    def refuse(step: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    calls: list[int] = []
    monkeypatch.setattr(cuda_graphs, "record", refuse)
    replayed = Replayed(CUDA)
    with caplog.at_level(logging.WARNING, "nas.training.cuda_graphs"):
        for _ in range(10):
            replayed(lambda: calls.append(1))
    assert (len(calls), replayed.recorded) == (10, False)
    assert len(caplog.records) == 1


def test_memory_that_runs_out_while_recording_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says something of the card, not of the step."""

    def refuse(step: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(cuda_graphs, "record", refuse)
    replayed = Replayed(CUDA)
    for _ in range(WARM_UP):
        replayed(lambda: None)
    with pytest.raises(torch.OutOfMemoryError):
        replayed(lambda: None)


def watched(dataset: Dataset) -> weakref.ref[Training]:
    """A training of one epoch that nobody refers to any more."""
    module = initial(Tiny(width=4).network((1, 16, 16), 10), (1, 16, 16), QUICK, torch.Generator())
    training = Training(module, dataset.train, dataset.info, QUICK, CPU)
    training.epoch(torch.Generator())
    return weakref.ref(training)


def test_a_training_leaves_no_circle(digits_data: Dataset, no_collector: None) -> None:
    """What a training holds, on a GPU its graph's memory, is free as soon as nobody refers to it."""
    watched(digits_data)  # the first one of a process has torch import things, and these keep frames
    assert watched(digits_data)() is None
