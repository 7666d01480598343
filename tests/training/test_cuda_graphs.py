"""Steps that a GPU replays, on a card that isn't there: what is recorded, in whose memory, and what if it can't be."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Iterator

import msgspec
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nas.data import Dataset
from nas.layers import Layer
from nas.study import Recipe
from nas.training.cuda_graphs import (
    QUEUED,
    SPOILT,
    WARM_UP,
    Replayed,
    aside,
    awaited,
    beside,
    give_back,
    join,
    lane,
)
from nas.training.evaluation import evaluation_batch
from nas.training.kernels import convolution
from nas.training.kernels.rules import NATIVE
from nas.training.loop import Training, initial
from tests.benchmarks.networks import sample
from tests.toys.cards import Card, refusal
from tests.toys.spaces import QUICK, Tiny

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    """In place of torch's."""
    made = Card()
    made.install(monkeypatch)
    yield made
    SPOILT.clear()


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without Python's search for circles of references."""
    gc.disable()
    yield
    gc.enable()


def steps(replayed: Replayed, count: int = 10) -> int:
    """How often a step was called, of so many times that it was asked for."""
    calls: list[int] = []
    for _ in range(count):
        replayed(lambda: calls.append(1))
    return len(calls)


def test_on_a_cpu_every_call_is_a_step() -> None:
    """Nothing is ever recorded there, nor where no graph is wanted."""
    for replayed in (Replayed(CPU), Replayed(CUDA, graph=False)):
        assert steps(replayed) == 10
        assert not replayed.recorded


def test_a_step_is_recorded_after_the_warm_up(card: Card) -> None:
    """The first calls are steps, then one recording, which isn't a step, and replays from there on."""
    replayed = Replayed(CUDA)
    assert steps(replayed) == WARM_UP + 1  # recording calls it, too, but executes nothing
    assert replayed.recorded
    assert [call[0] for call in card.log[:4]] == ["pool", "end", "begin", "end"]
    assert card.count("replay") == 10 - WARM_UP


def test_others_are_left_alone_while_one_records(card: Card) -> None:
    """Others may allocate meanwhile, nobody else records or ends a graph, and Python ends none that it finds."""
    replayed = Replayed(CUDA)
    steps(replayed)
    replayed.close()
    assert card.called("begin") == [((1, 0), "thread_local", False, True)]
    assert card.called("reset") == [(True,)]
    assert gc.isenabled()
    assert not replayed.recorded


def test_a_lane_has_one_pool_of_memory(card: Card) -> None:
    """Twenty networks one after another record into the same pool, which is let go between them alone."""
    for _ in range(20):
        replayed = Replayed(CUDA)
        steps(replayed)
        give_back()  # a graph needs it: nothing happens
        replayed.close()
    assert {pool for pool, *_ in card.called("begin")} == {(1, 0)}
    assert card.count("pool") == 1
    give_back()
    steps(Replayed(CUDA))
    assert card.count("pool") == 2


def test_memory_ends_with_its_lane(card: Card) -> None:
    """A thread that ends takes its lane and pool with it; two threads have two."""
    kept: list[weakref.ref[object]] = []

    def train() -> None:
        replayed = Replayed(CUDA)
        steps(replayed)
        replayed.close()
        kept.append(weakref.ref(lane(CUDA)))

    for _ in range(2):
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
    gc.collect()
    assert card.count("pool") == 2
    assert [reference() for reference in kept] == [None] * 2
    assert not card.graphs


def test_every_card_has_lanes_of_its_own(card: Card) -> None:
    """A thread that goes on to another card has another lane there, and finds its first one again."""
    first = lane(CUDA)
    card.number = 1
    assert lane(CUDA) is lane(torch.device("cuda", 1)) is not first
    assert lane(torch.device("cuda", 0)) is first


def test_what_cannot_be_recorded_is_called(card: Card, caplog: pytest.LogCaptureFixture) -> None:
    """A failed recording costs no step, isn't tried again, and is said once, by what the step said."""
    card.unending = True
    step, calls = refusal(RuntimeError("this operator waits for the device")), []
    replayed = Replayed(CUDA)
    with caplog.at_level(logging.WARNING, "nas.training.cuda_graphs"):
        for _ in range(10):
            replayed(lambda: (step(), calls.append(1)))
    assert (len(calls), replayed.recorded) == (10, False)
    assert len(caplog.records) == 1
    assert "this operator waits for the device" in caplog.text


def test_a_recording_without_an_end_spoils_the_process(card: Card) -> None:
    """One that ends orderly doesn't, and memory that a graph may still hold isn't touched afterwards."""
    for unending in (False, True):
        card.unending = unending
        replayed, step = Replayed(CUDA), refusal(RuntimeError("no"))
        for _ in range(5):
            replayed(step)
        assert SPOILT.is_set() is unending
    give_back()
    assert lane(CUDA).pool() == (1, 0)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("could not create a primitive"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    ],
)
def test_memory_that_runs_out_while_recording_is_told(card: Card, error: RuntimeError) -> None:
    """Whoever says it, it says something of the card, not of the step."""
    replayed, step = Replayed(CUDA), refusal(error)
    for _ in range(WARM_UP):
        replayed(step)
    with pytest.raises(RuntimeError, match=str(error)[:20]):
        replayed(step)


def test_the_queue_of_launches_is_short(card: Card) -> None:
    """In 1,000 replays at most three times `QUEUED` are behind the last one that was waited for, asleep."""
    replayed = Replayed(CUDA)
    steps(replayed, 1000 + WARM_UP)
    behind, marked = 0, 0
    for name, *_ in card.log:
        behind += name == "replay"
        if name == "sleep":
            behind -= QUEUED
        assert behind <= 3 * QUEUED
        marked += name == "mark"
    assert marked == 1000 // QUEUED
    assert card.called("mark") == [(True,)] * marked


def test_who_waits_sleeps(card: Card) -> None:
    """A number of a GPU is waited for at a mark that lets the processor do other things; on a CPU it is there."""

    class Far:
        device = CUDA

        def item(self) -> float:
            card.log.append(("item",))
            return 2.5

    assert awaited(Far()) == 2.5  # type: ignore[arg-type]
    assert card.log == [("mark", True), ("sleep", 1), ("item",)]
    assert awaited(torch.tensor(1.5)) == 1.5
    assert len(card.log) == 3


class Distant(torch.Tensor):
    """A tensor that says it is on a GPU."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Not where it is."""
        return CUDA


def test_what_runs_beside_is_waited_for_once(card: Card) -> None:
    """It begins after what was launched before it, on one second stream, and its reads are kept until all is joined."""
    with aside(CUDA):
        join(CUDA)  # nothing to wait for
        for _ in range(2):
            with beside(torch.zeros(3).as_subclass(Distant)):
                assert card.current.number == 2
        assert card.current.number == 1
        assert len(lane(CUDA).read) == 2
        join(CUDA)
        join(CUDA)
        assert lane(CUDA).read == []
    assert card.called("wait") == [(1, 0), (2, 1), (2, 1), (1, 2), (0, 1)]
    with beside(torch.zeros(3)):
        join(CPU)
    assert len(card.called("wait")) == 5


def test_dropout_is_recorded_with_its_generator(card: Card) -> None:
    """A generator that a step draws from is registered before the recording, so that each replay draws anew."""
    generator = torch.Generator()
    steps(Replayed(CUDA, generators=[generator]))
    assert [call[0] for call in card.log[:4]] == ["pool", "end", "generator", "begin"]
    assert card.called("generator") == [(generator,)]


def test_a_gpu_evaluates_many_at_once() -> None:
    """As many as have the pixels of 2,000 images of 32x32, at least the recipe's; a CPU as many as the recipe says."""
    recipe = Recipe()
    sizes = {edge: evaluation_batch(recipe, torch.Size((10_000, 1, edge, edge)), CUDA) for edge in (28, 32, 64, 224)}
    assert sizes == {28: 2000, 32: 2000, 64: 500, 224: 500}
    assert evaluation_batch(recipe, torch.Size((300, 8)), CUDA) == 2000
    assert evaluation_batch(recipe, torch.Size((10_000, 1, 28, 28)), CPU) == 500
    assert evaluation_batch(Recipe(evaluation_batch_size=5000), torch.Size((9, 1, 28, 28)), CUDA) == 5000


class Launches(TorchDispatchMode):
    """Counts operators that a GPU would launch kernels for."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        """One operator."""
        if not func.is_view:
            name = func._schema.name.removeprefix("aten::")
            self.counts[name] = self.counts.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


def launches(layer: Layer, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, **changes: float) -> dict[str, int]:
    """Of a step in bfloat16 as a GPU computes it, but that torch's operators are its norms."""
    recipe = Recipe(data="digits", precision="bfloat16", epochs=1, batch_size=8, flip=True)
    recipe = msgspec.structs.replace(recipe, **changes)
    monkeypatch.setattr(convolution, "code_for", lambda device: None)
    monkeypatch.setattr("nas.training.precision.rules_for", lambda device, dtype: NATIVE)
    module = initial(layer, dataset.info.shape, recipe, torch.Generator())
    training = Training(module, dataset.train, dataset.info, recipe, CPU)
    training._module.train()
    training._draws.take(training._draws)
    training._one_step()
    with Launches() as seen:
        training._one_step()
    return seen.counts


def test_a_step_has_few_launches_beside_its_layers(digits_data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients are gathered in two launches and weights spread in one, however many; nothing is read back."""
    counts = launches(sample()[9].layer, digits_data, monkeypatch)
    assert counts["_foreach_copy_"] == 3
    assert counts["_fused_sgd_"] == 2
    assert "_local_scalar_dense" not in counts
    assert counts["add_"] == counts["native_batch_norm"] + 3  # a GPU's norms count no batches
    others = [counts.get(name, 0) for name in ("copy_", "_to_copy", "index_select", "fill_", "zero_", "mul")]
    assert others == [0, 4, 5, 0, 0, 0]


def test_no_augmentation_is_read_back(digits_data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step with all that a recipe can change about images, and an average, needs nothing from the device."""
    changes = {"crop": 1, "erase": 3, "rotation": 15, "random_erasing": 0.5, "mixup": 0.2, "averaging": 0.99}
    counts = launches(sample()[9].layer, digits_data, monkeypatch, **changes)
    assert not counts.keys() & {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero"}
    assert [counts[f"_foreach_{name}"] for name in ("sub", "mul_", "add_")] == [1, 1, 1]


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
