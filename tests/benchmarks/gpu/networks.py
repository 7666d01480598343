"""Networks taken apart: nodes of their graphs, seconds of each stage, their heaviest kernels, memory that stays."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

import psutil
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from nas.data import Dataset
from nas.training import precision
from nas.training.cuda_graphs import WARM_UP
from nas.training.evaluation import evaluate
from nas.training.loop import Training, initial, train
from tests.benchmarks import roofline
from tests.benchmarks.gpu import probe
from tests.benchmarks.gpu.graphs import aside
from tests.benchmarks.gpu.rows import Clock, Part, Row
from tests.benchmarks.gpu.session import Session, sample, subject, synchronize
from tests.benchmarks.networks import Subject

KERNELS = 25
"""That are listed, the heaviest first."""
LAUNCHED = 3
"""Steps that are profiled."""
SHORT = 2_560
"""Training images of those whose memory is looked at."""
STEADY = 100
"""Steps over which the time of one is measured, as far as an epoch has so many."""


def part(session: Session) -> Part:
    """A row for each network, and one of what several leave behind."""
    rows = {name: partial(anatomy, session, name) for name in session.scale.anatomy}
    others = {
        f"{name}, {what}": partial(otherwise, session, name, changes)
        for name in session.scale.anatomy
        for what, changes in OTHERWISE.items()
    }
    return Part(
        name="networks",
        seconds=session.expected(120, quick=12),
        rows={**rows, "memory": partial(memory, session), **others},
        conclusion=kernels,
    )


OTHERWISE: dict[str, dict[str, Any]] = {
    "torch's norms": {"norms": False},
    "torch's 1x1": {"product_positions": 0, "product_elements": 0, "always_product": 0},
    "beside": {"beside": True},
    "groups of 8": {"wider": {1: 8, 2: 8, 4: 8}},
    "groups of 16": {"wider": {1: 16, 2: 16, 4: 16, 8: 16}},
}
"""What the rules say otherwise, each to be compared with the step of the same network."""


def otherwise(session: Session, name: str, changes: dict[str, Any], clock: Clock, before: Row) -> Row:
    """Seconds of a step where convolutions and norms follow other rules."""
    usual, device = precision.rules_for, session.torch_device
    with aside(device), patch.object(precision, "rules_for", lambda *what: replace(usual(*what), **changes)):
        steps = Steps(session, subject(name), session.dataset(28), graph=True)
        steps.run(WARM_UP + 1)
        count = min(STEADY, steps.count)
        seconds = steps.run(count) / count
        steps.training.close()
    return {"seconds": {"step": seconds}}


class Steps:
    """The steps of a training, one by one; it begins anew where its epoch ends."""

    def __init__(self, session: Session, chosen: Subject, dataset: Dataset, *, graph: bool) -> None:
        recipe = session.recipe(1)
        self.module = initial(chosen.layer, dataset.info.shape, recipe, torch.Generator().manual_seed(0))
        self.training = Training(self.module, dataset.train, dataset.info, recipe, session.torch_device, graph=graph)
        self.count = self.training.images // recipe.batch_size
        self._device, self._taken = session.torch_device, 0

    def run(self, count: int) -> float:
        """Seconds of the next steps."""
        self.module.train()
        synchronize(self._device)
        begun = time.perf_counter()
        for _ in range(count):
            if self._taken % self.count == 0:
                self.training._step.zero_()
                self.training._total_step.zero_()
            self.training._replayed(self.training._one_step)
            self._taken += 1
        synchronize(self._device)
        return time.perf_counter() - begun


def anatomy(session: Session, name: str, clock: Clock, before: Row) -> Row:
    """Seconds of each stage of a training, and what a step is made of."""
    chosen, dataset = subject(name), session.dataset(28)
    device = session.torch_device
    with aside(device):
        begun = time.perf_counter()
        steps = Steps(session, chosen, dataset, graph=True)
        synchronize(device)
        stages = {"build": time.perf_counter() - begun, "first_step": steps.run(1), "warm_up": steps.run(WARM_UP - 1)}
        stages["capture_and_replay"] = steps.run(1)
        count = min(STEADY, steps.count)
        stages["step"] = steps.run(count) / count
        stages["first_evaluation"] = _evaluated(steps, dataset, session)
        stages["evaluation"] = _evaluated(steps, dataset, session)
        recorded = steps.training._replayed.recorded
        inside = found_or_why("kernels", lambda: launched(session, chosen, dataset))
        steps.module.train()
        inside |= found_or_why("nodes", lambda: node_types(steps.training._one_step, device))  # last: may spoil it all
        steps.training.close()
    row = {"seconds": stages, "recorded": recorded, "batch": session.scale.batch_size}
    return {**row, "roofline": bound(session, chosen, stages["step"]), **inside}


def bound(session: Session, chosen: Subject, step: float) -> Row:
    """The least seconds of a step by the device's peak and bandwidth, what share of that is reached, what bounds it."""
    recipe, rates = session.recipe(1), probe.rates(session.torch_device)
    kinds = roofline.bounds(roofline.work(chosen.layer, (1, 28, 28), recipe.batch_size, recipe.precision), *rates)
    least, by_bytes = roofline.seconds(kinds), roofline.seconds(kind for kind in kinds if kind.by == "bytes")
    return {"seconds": least, "reached": least / step, "bytes_bound_share": by_bytes / least}


def _evaluated(steps: Steps, dataset: Dataset, session: Session) -> float:
    begun = time.perf_counter()
    evaluate(steps.module, dataset.validation, dataset.info, session.recipe(1))
    return time.perf_counter() - begun


def found_or_why(name: str, look: Callable[[], object]) -> Row:
    """What a look under the hood shows; where it fails, why, and the rest of the row stays."""
    try:
        return {name: look()}
    except (ImportError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        return {name: None, f"{name}_reason": f"{type(error).__name__}: {error}".split("\n")[0]}


def node_types(step: Callable[[], None], device: torch.device) -> dict[str, int]:
    """How many nodes of each type the graph of a step has; it is never launched."""
    if device.type != "cuda":
        raise RuntimeError("a CPU has no graphs")
    from cuda.bindings import runtime

    graph = torch.cuda.CUDAGraph(keep_graph=True)
    graph.capture_begin(capture_error_mode="thread_local")
    try:
        step()
    finally:
        graph.capture_end()
    return types_of(runtime, runtime.cudaGraph_t(graph.raw_cuda_graph()))


def types_of(runtime: Any, raw: object) -> dict[str, int]:
    """How many nodes of each type a graph has, as the CUDA runtime says."""
    count = _checked(runtime.cudaGraphGetNodes(raw))[-1]
    nodes = _checked(runtime.cudaGraphGetNodes(raw, count))[0]
    names = [_checked(runtime.cudaGraphNodeGetType(node))[0].name for node in nodes[:count]]
    return dict(Counter(name.removeprefix("cudaGraphNodeType") for name in names))


def _checked(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a call of the runtime gave; RuntimeError where it failed."""
    if int(answer[0]) != 0:
        raise RuntimeError(f"the CUDA runtime says {answer[0]}")
    return answer[1:]


def launched(session: Session, chosen: Subject, dataset: Dataset) -> list[Row]:
    """The heaviest kernels of three steps that were launched one by one; on a CPU operators."""
    steps, cuda = Steps(session, chosen, dataset, graph=False), session.device == "cuda"
    steps.run(2)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as profiler:
        steps.run(LAUNCHED)
    wanted = DeviceType.CUDA if cuda else DeviceType.CPU
    found = [
        {
            "kernel": event.key[:120],
            "calls": event.count / LAUNCHED,
            "microseconds": (event.self_device_time_total if cuda else event.self_cpu_time_total) / LAUNCHED,
        }
        for event in profiler.key_averages()
        if event.device_type == wanted
    ]
    return sorted(found, key=lambda kernel: -kernel["microseconds"])[:KERNELS]


def kernels(rows: dict[str, Row]) -> list[str]:
    """The five heaviest kernels of each network."""
    return [
        f"{name}: {kernel['microseconds']:,.0f} us a step in {kernel['calls']:.0f} of {kernel['kernel']}"
        for name, row in rows.items()
        for kernel in (row.get("kernels") or [])[:5]
    ]


def memory(session: Session, clock: Clock, before: Row) -> Row:
    """Bytes that the process holds after a few short trainings: they must stay flat; on a CPU all of the process."""
    dataset, found = session.dataset(28, SHORT), dict[str, int]()
    for number in range(max(session.scale.memory_after)):
        clock.check()
        train(sample()[number % len(sample())].layer, session.recipe(1), dataset, number, session.torch_device)
        if number + 1 in session.scale.memory_after:
            cuda = session.device == "cuda"
            found[f"after {number + 1}"] = torch.cuda.memory_reserved() if cuda else psutil.Process().memory_info().rss
    return {"bytes": found}
