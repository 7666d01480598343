"""Names of devices, what they become on machines with none, one or several cards, and what is said of it."""

from __future__ import annotations

import logging

import pytest
import torch

from nas.cli import machine
from nas.engines import InlineEngine
from nas.errors import Missing, Refused
from nas.runner.task import local_engine, site_of, unobserved
from nas.storage.layout import LOG
from nas.training import devices
from nas.training.devices import CPU, Device, device


@pytest.fixture
def cards(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A machine with so many cards, three unless said otherwise."""
    count = getattr(request, "param", 3)
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "" if count else "there is none")
    monkeypatch.setattr(devices, "card_count", lambda: count)
    return count


@pytest.mark.parametrize(
    ("name", "chosen"),
    [("auto", (0, 1, 2)), ("cuda", (0, 1, 2)), ("cuda:1", (1,)), ("cuda:2,0", (2, 0)), ("cuda:1,1", (1,)), ("cpu", ())],
)
def test_a_name_is_the_processor_or_cards(cards: int, name: str, chosen: tuple[int, ...]) -> None:
    """`cuda` and `auto` are all cards, numbers those, in their order and once each."""
    found = device(name)
    assert (found.kind, found.cards) == ("cuda" if chosen else "cpu", chosen)


def test_a_device_is_written_as_it_is_requested(cards: int) -> None:
    """What a device is printed as can be requested again."""
    for name in ("cpu", "cuda:1", "cuda:0,2"):
        assert str(device(name)) == name
    assert str(device("auto")) == "cuda:0,1,2"


@pytest.mark.parametrize("name", ["tpu", "", "cuda:", "cuda:-1", "cuda:a", "cuda:0,", "cuda:0:1", "CUDA", "cpu:0"])
def test_what_names_no_device_is_refused(cards: int, name: str) -> None:
    """The refusal lists the ways to name one."""
    with pytest.raises(Refused, match="there is no device") as refusal:
        device(name)
    assert "cuda (all cards)" in refusal.value.hint


def test_a_card_that_isnt_there_is_refused(cards: int) -> None:
    """The refusal names the cards that are."""
    with pytest.raises(Refused, match="there is no card cuda:3") as refusal:
        device("cuda:0,3")
    assert "cuda:0, cuda:1, cuda:2" in refusal.value.hint


@pytest.mark.parametrize("cards", [0], indirect=True)
def test_without_a_card_auto_says_that_it_falls_back(cards: int, caplog: pytest.LogCaptureFixture) -> None:
    """`auto` is the processor; where a training begins on it, it is told why; `cpu` says nothing."""
    assert device("cpu") == device("auto") == CPU
    devices.announce(device("cpu"))
    assert not caplog.records
    for _ in range(2):  # said once
        devices.announce(device("auto"))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "training on the CPU: there is none (no fault, unless you meant a GPU)"
    for name in ("cuda", "cuda:0"):
        with pytest.raises(Missing, match="there is none"):
            device(name)


def test_a_torch_without_cuda_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a driver is loaded, a torch that was built without CUDA is told apart from a card that isn't found."""
    monkeypatch.setattr(devices, "DRIVERS", ("/",))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert devices.why_no_cuda() == "this torch is built for processors only"
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert devices.why_no_cuda() == "torch finds no CUDA device"


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        (None, ["0", "1", "2"]),
        ("", ["0", "1", "2"]),
        ("5,3,7", ["5", "3", "7"]),
        ("GPU-8f3e, GPU-11aa,GPU-5c", ["GPU-8f3e", "GPU-11aa", "GPU-5c"]),
        ("MIG-1b/3/0,MIG-1b/4/0,MIG-1b/5/0", ["MIG-1b/3/0", "MIG-1b/4/0", "MIG-1b/5/0"]),
    ],
)
def test_a_process_sees_its_card_under_the_users_own_name(
    cards: int, listed: str | None, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our card 1 is the second of the user's list, whatever its entries are, and number 1 without a list."""
    if listed is not None:
        monkeypatch.setenv(devices.VISIBLE, listed)
    assert [devices.visible(card) for card in device("cuda").cards] == names


def test_workers_are_trainings_on_all_cards(cards: int) -> None:
    """8 a card unless said otherwise, at most as many as the streams of all."""
    three = device("cuda")
    assert devices.workers(None, three) == 24
    assert devices.workers(96, three) == 96
    with pytest.raises(Refused, match="at most 32 networks side by side, got workers=97 on 3"):
        devices.workers(97, three)


@pytest.mark.parametrize(
    ("count", "lanes", "names"), [(1, [1], ["2"]), (2, [1, 1], ["2", "0"]), (5, [2, 2, 1], ["2", "0", "1"])]
)
def test_workers_are_spread_over_the_cards(cards: int, count: int, lanes: list[int], names: list[str]) -> None:
    """As many trainings as requested, one process a card with its share of them; cards beyond that stay free."""
    engine = local_engine(count, device("cuda:2,0,1"), LOG)  # type: ignore[arg-type]
    assert (engine.workers, engine._lanes, engine._cards[:count]) == (count, lanes, names)


def test_an_engine_of_ones_own_has_its_own_cards(cards: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Cards that are named beside an engine would be ignored, so they are refused."""
    site = site_of(tmp_path, None, "cuda", InlineEngine(), "", unobserved, 0.0)
    assert site.device.kind == "cuda"
    with pytest.raises(Refused, match="cards of its own"):
        site_of(tmp_path, None, "cuda:1", InlineEngine(), "", unobserved, 0.0)


def test_bfloat16_takes_all_cards(cards: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One card without its instructions makes a run of several compute in float32."""
    capabilities = {0: (9, 0), 1: (8, 0), 2: (7, 5)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", capabilities.__getitem__)
    assert devices.precision("cuda", (0, 1)) == "bfloat16"
    assert devices.precision("cuda", (0, 1, 2)) == "float32"


def test_a_retraining_takes_the_first_card(cards: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within this process `cuda` becomes the first card that is named; nothing happens on a processor."""
    entered = []
    monkeypatch.setattr(torch.cuda, "device", lambda card: entered.append(card) or devices.suppress())
    with devices.first_card(device("cuda:2,1")), devices.first_card(CPU):
        pass
    assert entered == [2]


def test_the_doctor_names_the_cards(cards: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with the name under which it is requested."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda card: f"Card {'ABC'[card]}")
    assert machine._report()["devices"]["cards"] == "cuda:0 Card A, cuda:1 Card B, cuda:2 Card C"
    assert Device(kind="cuda", cards=(1,)) == device("cuda:1")
