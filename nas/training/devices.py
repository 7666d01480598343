"""Which devices train, and how many networks at once: requested, found out, or refused with the reason."""

from __future__ import annotations

import logging
import os
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import psutil

from nas.errors import Missing, Refused
from nas.training.cpu_quota import cpu_quota
from nas.training.memory_limit import memory_limit

logger = logging.getLogger(__name__)

DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
"""What a loaded driver shows on Linux, and on Linux under Windows."""
LANES = 8
"""Networks that a card trains side by side unless said otherwise; not measured yet (`tests/benchmarks/gpu` does)."""
MOST_LANES = 32
"""Streams that torch has on a card, and each network needs its own."""
BFLOAT16_SINCE = (8, 0)
"""Compute capability from which cards have instructions for bfloat16."""
VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable that says which cards a process sees: numbers, or names of GPUs and of their MIG slices."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that tell numerical libraries how many threads to start."""
WORKER_MEMORY = 2**30
"""Bytes that a worker on a CPU is counted with: torch has 0.6 GiB of them (measured)."""
OWN_MEMORY = 512 * 2**20
"""Bytes that the coordinator is counted with."""
NAMES = re.compile(r"auto|cpu|cuda(:\d+(,\d+)*)?")
NAMED = "auto, cpu, cuda (all cards), cuda:1, cuda:0,1"


@dataclass(frozen=True, kw_only=True)
class Device:
    """What trains: the processor, or cards of this machine."""

    kind: Literal["cpu", "cuda"]
    """As torch calls it."""
    cards: tuple[int, ...] = ()
    """Of `cuda`: numbers among the visible cards, as torch counts them; at least one."""
    fallback: str = field(default="", compare=False)
    """Why it is the processor where cards would have been taken."""

    def __str__(self) -> str:
        """As it is requested."""
        return f"cuda:{','.join(map(str, self.cards))}" if self.cards else self.kind


CPU = Device(kind="cpu")


def device(name: str) -> Device:
    """The processor or the cards of that name; `auto` takes all cards, and the processor where there is none."""
    if not NAMES.fullmatch(name):
        raise Refused(f"there is no device {name!r}", hint=f"devices: {NAMED}")
    if name == "cpu":
        return CPU
    if not (reason := why_no_cuda()):
        return Device(kind="cuda", cards=_cards(name.partition(":")[2], card_count()))
    if name != "auto":
        raise Missing(f"no CUDA device can be used: {reason}", hint="--device cpu trains on the processor")
    return Device(kind="cpu", fallback=reason)


def announce(place: Device) -> None:
    """Say, when the first training of a command is about to begin, that the processor stands in for cards."""
    if place.fallback:
        _say_once(place.fallback)


@cache
def _say_once(reason: str) -> None:
    logger.warning("training on the CPU: %s (no fault, unless you meant a GPU)", reason)


def _cards(numbers: str, count: int) -> tuple[int, ...]:
    """The cards of a list of numbers, all without one."""
    cards = tuple(dict.fromkeys(map(int, numbers.split(",")))) if numbers else tuple(range(count))
    if unknown := [card for card in cards if card >= count]:
        known = ", ".join(f"cuda:{card}" for card in range(count))
        raise Refused(f"there is no card cuda:{unknown[0]}", hint=f"cards: {known}; cuda takes all of them")
    return cards


def why_no_cuda() -> str:
    """Why no GPU can be used; empty if one can."""
    if not any(map(os.path.exists, DRIVERS)):  # saves loading torch, which takes seconds
        return "no NVIDIA driver is loaded"
    import torch

    if torch.version.cuda is None:
        return "this torch is built for processors only"
    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    return ""


def card_count() -> int:
    """Cards that are visible; asking doesn't occupy them."""
    import torch

    return int(torch.cuda.device_count())


def card_names() -> list[str]:
    """What the visible cards are called; empty where none can be used."""
    if why_no_cuda():
        return []
    import torch

    return [torch.cuda.get_device_name(card) for card in range(card_count())]


def visible(card: int) -> str:
    """What `CUDA_VISIBLE_DEVICES` must say in a process that is to see only this card of ours."""
    listed = os.environ.get(VISIBLE)
    return listed.split(",")[card].strip() if listed else str(card)


@contextmanager
def first_card(device: Device) -> Iterator[None]:
    """Let `cuda` be the first of these cards in this process."""
    if not device.cards:
        yield
        return
    import torch

    with torch.cuda.device(device.cards[0]):
        yield


def processor() -> str:
    """The processor's name as its maker gives it, else its architecture."""
    return _told("model name") or platform.processor() or platform.machine()


def maker() -> str:
    """What the processor calls its maker where Linux tells it, else nothing."""
    return _told("vendor_id")


def instructions() -> str:
    """What the last digits of a training on the processor depend on: its maker, and its vector instructions."""
    vectors = [flag for flag in _told("flags").split() if flag.startswith(("avx", "fma", "amx"))]
    return " ".join([maker() or platform.machine(), *sorted(vectors)])


def precision(kind: str, cards: Sequence[int | None] = (None,)) -> Literal["float32", "bfloat16"]:
    """The arithmetic that a device computes fastest: bfloat16 where it, or each of the cards, has instructions for it.

    Without cards it is the current one that counts.
    """
    if kind == "cuda":
        import torch

        capable = all(torch.cuda.get_device_capability(card) >= BFLOAT16_SINCE for card in cards)
        return "bfloat16" if capable else "float32"
    return "bfloat16" if "avx512_bf16" in _told("flags").split() else "float32"


def _told(key: str) -> str:
    """What Linux says of the first processor under a name; empty on other systems."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def workers(count: int | None, device: Device) -> int:
    """Trainings side by side: as requested, else on a CPU one a core (`cores`) if there is `room`, `LANES` a card."""
    cards = len(device.cards)
    if count is None:
        return LANES * cards or min(cores(), room())
    if count < 1:
        raise Refused(f"workers must be at least 1, got {count}")
    if cards and count > MOST_LANES * cards:
        raise Refused(f"a card trains at most {MOST_LANES} networks side by side, got workers={count} on {cards}")
    if not cards and (quota := cpu_quota()) and count > quota.cores:
        logger.warning("%d workers share what this process is limited to: %s", count, quota)
    return count


def cores() -> int:
    """Physical cores that this process may keep busy: by its affinity, and by the quota of a container."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, min(usable, psutil.cpu_count(logical=False) or usable, int(quota.cores) if quota else usable))


def room() -> int:
    """Workers on a CPU for which there is memory, at least 1: by that of the machine, and by a container's limit."""
    return max(1, (memory_limit().total - OWN_MEMORY) // WORKER_MEMORY)


@contextmanager
def one_thread() -> Iterator[None]:
    """Arithmetic on one thread: sums then have one order, and workers don't compete for cores."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):  # NumPy's, which multiplies for us on some processors
            yield
    finally:
        torch.set_num_threads(before)


def device_name(device: str) -> str:
    """What a device is called, for records."""
    import torch

    if device == "cuda":
        return str(torch.cuda.get_device_name())
    return f"{processor()} ({torch.backends.cpu.get_cpu_capability()})"


def usable(device: str) -> bool:
    """Whether a device still computes: after some errors, nothing works in the process that made them."""
    import torch

    try:
        return bool(torch.ones((), device=device).item())
    except RuntimeError:
        return False
