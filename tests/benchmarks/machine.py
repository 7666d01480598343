"""The machine that a benchmark runs on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path

import msgspec
import psutil
import torch

from nas.training.devices import processor
from tests.benchmarks.child import ROOT

INSTRUCTIONS = ("amx_bf16", "avx512_bf16")
"""Flags of a processor that decide how fast it multiplies, and that torch's name for its vectors leaves open."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when it was measured."""

    processor: str
    capability: str
    """Vector instructions that torch uses."""
    instructions: tuple[str, ...] = ()
    """Those of `INSTRUCTIONS` that Linux names."""
    cores: int
    """Logical ones that this process may use."""
    torch: str
    python: str
    commit: str
    """Of the checkout; `+` where files differ from it, empty where git doesn't say."""
    date: str
    load: tuple[float, float, float]
    """Mean length of the run queue over the last 1, 5 and 15 minutes before the start: idle machines have 0."""

    @property
    def instruction_set(self) -> str:
        """What figures can be compared by."""
        return " ".join([self.capability, *self.instructions])


def machine() -> Machine:
    """This machine, now."""
    return Machine(
        processor=processor(),
        capability=torch.backends.cpu.get_cpu_capability(),
        instructions=_instructions(),
        cores=len(psutil.Process().cpu_affinity() or ()),
        torch=str(torch.__version__),
        python=platform.python_version(),
        commit=_commit(),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        load=os.getloadavg(),
    )


def _instructions() -> tuple[str, ...]:
    """Flags of the processor, as far as Linux tells them."""
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return ()
    return tuple(name for name in INSTRUCTIONS if name in words)


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
    )
    return said.stdout.strip()
