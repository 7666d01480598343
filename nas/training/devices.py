"""Which device trains, and how many networks at once: requested, found out, or refused with the reason."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, get_args

import psutil

from nas.errors import Missing, Refused
from nas.training.cpu_quota import cpu_quota

logger = logging.getLogger(__name__)

DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
"""What a loaded driver shows on Linux, and on Linux under Windows."""
LANES = 8
"""Networks that a GPU trains side by side unless said otherwise; not measured yet (`tests/benchmarks/gpu.py` does)."""
MOST_LANES = 32
"""Streams that torch has on a GPU, and each network needs its own."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that tell numerical libraries how many threads to start."""
DeviceName = Literal["auto", "cpu", "cuda"]


def device(name: str) -> str:
    """`cpu` or `cuda`; `auto` takes a GPU where there is one, and says so where there is none."""
    if name not in get_args(DeviceName):
        raise Refused(f"there is no device {name!r}", hint=f"devices: {', '.join(get_args(DeviceName))}")
    if name == "cpu":
        return name
    reason = why_no_cuda()
    if not reason:
        return "cuda"
    if name == "cuda":
        raise Missing(f"no CUDA device can be used: {reason}", hint="--device cpu trains on the processor")
    logger.info("training on the CPU: %s", reason)
    return "cpu"


def why_no_cuda() -> str:
    """Why no GPU can be used; empty if one can."""
    if not any(map(os.path.exists, DRIVERS)):  # saves loading torch, which takes seconds
        return "no NVIDIA driver is loaded"
    import torch

    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    return ""


def processor() -> str:
    """The processor's name as its maker gives it, else its architecture."""
    return _told("model name") or platform.processor() or platform.machine()


def maker() -> str:
    """What the processor calls its maker where Linux tells it, else nothing."""
    return _told("vendor_id")


def precision(device_name: str) -> Literal["float32", "bfloat16"]:
    """The arithmetic that a device computes fastest: bfloat16 where it has instructions for it."""
    if device_name == "cuda":
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if "avx512_bf16" in _told("flags").split() else "float32"


def _told(key: str) -> str:
    """What Linux says of the first processor under a name; empty on other systems."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def workers(count: int | None, device_name: str) -> int:
    """Trainings side by side: as requested, else one for each of the `cores` on a CPU, `LANES` on a GPU."""
    if count is None:
        return LANES if device_name == "cuda" else cores()
    if count < 1:
        raise Refused(f"workers must be at least 1, got {count}")
    if device_name == "cuda" and count > MOST_LANES:
        raise Refused(f"a GPU can train at most {MOST_LANES} networks side by side, got workers={count}")
    if device_name == "cpu" and (quota := cpu_quota()) and count > quota.cores:
        logger.warning("%d workers share what this process is limited to: %s", count, quota)
    return count


def cores() -> int:
    """Physical cores that this process may keep busy: by its affinity, and by the quota of a container."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, min(usable, psutil.cpu_count(logical=False) or usable, int(quota.cores) if quota else usable))


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
