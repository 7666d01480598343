"""How long a network takes to answer is measured as its importer runs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nas.layers import Activation, Convolution, Flatten, Layer, Linear, Sequence
from nas.models import latency as module
from nas.models.latency import latency


def network(width: int) -> Layer:
    """Two convolutions of so many channels, and ten outputs."""
    convolution = Convolution(width=width, kernel=3, padding=1)
    return Sequence(layers=(convolution, Activation(), convolution, Flatten(), Linear(width=10)))


def test_a_network_a_hundred_times_as_large_takes_longer() -> None:
    """So does a batch of 128 than one image; times are positive, and the fastest rounds are told apart."""
    small, large = (latency(network(width), (1, 16, 16)) for width in (4, 128))
    batch = latency(network(4), (1, 16, 16), 128)
    assert 0 < small.milliseconds < large.milliseconds
    assert small.milliseconds < batch.milliseconds
    assert min(small.rounds, large.rounds) >= module.LEAST
    assert small.spread >= 0


def test_networks_for_vectors_are_timed_too() -> None:
    """A multilayer perceptron has no image whose memory could be laid out."""
    assert latency(Linear(width=10), (20,)).milliseconds > 0


def test_what_torch_is_set_to_stays() -> None:
    """The number of threads and the recording of gradients are the caller's again afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        latency(Linear(width=2), (3,))
        assert torch.get_num_threads() == 2
        assert torch.is_grad_enabled()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("seconds", "rounds", "milliseconds"),
    [
        ((0.02,) * 9, 5, 20.0),  # a quiet machine
        ((0.05, 0.02, 0.05, 0.04, 0.02, 0.03, 0.0202), 7, 20.0),  # a busy one: until three of the fastest agree
    ],
)
def test_it_is_repeated_until_the_fastest_rounds_agree(
    monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, ...], rounds: int, milliseconds: float
) -> None:
    """The fastest round is believed, for what disturbs makes calls slower."""
    monkeypatch.setattr(module, "_clock", lambda _: ticking(seconds).__next__)
    monkeypatch.setattr(module, "ROUND", 0.001)
    result = latency(Linear(width=2), (3,))
    assert (result.rounds, round(result.milliseconds, 6)) == (rounds, milliseconds)


def test_a_machine_that_never_rests_ends_it_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spread then says that the rounds didn't agree."""
    monkeypatch.setattr(module, "_clock", lambda _: ticking(tuple(0.02 * 1.5**n for n in range(99))).__next__)
    monkeypatch.setattr(module, "ROUND", 0.001)
    monkeypatch.setattr(module, "MOST", 0.0)
    result = latency(Linear(width=2), (3,))
    assert (result.rounds, round(result.spread, 6)) == (module.LEAST, 1.25)


def ticking(seconds: tuple[float, ...]) -> Iterator[float]:
    """A clock on which each call takes so long, one after another."""
    now = 0.0
    for each in seconds:
        yield now
        now += each
        yield now
