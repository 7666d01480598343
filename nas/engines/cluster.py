"""The nodes of a Ray cluster: which there are, what each of them is, and which would compute something else.

Every node is asked by a task before it trains. One with other software than the coordinator's is left out, and on
processors one whose instructions aren't those of most nodes, for the last digits of its errors would be others. Nodes
may come and go.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from nas.engines.node import Traits, software, traits
from nas.errors import Missing
from nas.training.devices import Device

logger = logging.getLogger(__name__)

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""A cluster that is started here tells nobody of itself, and what Ray says of nodes isn't printed among our lines."""
PATIENCE = 120.0
"""Seconds in which nodes must answer."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A node that may train."""

    traits: Traits
    """What it is."""
    cores: int
    """That Ray may give away."""
    cards: int
    """That Ray may give away."""


class Cluster:
    """A Ray cluster: that at an address, else the one that runs here, else this computer alone."""

    def __init__(self, address: str) -> None:
        self.ray, self._ours = _connected(address)
        self._asked: dict[str, Any] = {}
        self._traits: dict[str, Traits] = {}
        self._left_out: dict[str, str] = {}
        self._software, self._instructions = software(), ""
        self._kind: Literal["cpu", "cuda"] = "cpu"

    def greeted(self, device: str) -> tuple[Device, str]:
        """What most nodes train on, and the arithmetic that all of these compute fastest."""
        nodes = self._alive()
        if any(_cards(node) for node in nodes.values()) and device != "cpu":
            self._kind = "cuda"
        elif device == "cuda":
            raise Missing("no node of the Ray cluster has a GPU", hint="--device cpu trains on processors")
        self._ask(nodes)
        self.ray.wait(list(self._asked.values()), num_returns=len(self._asked), timeout=PATIENCE)
        self._listen(nodes)
        told = list(self._traits.values())
        fitting = [each for each in told if each.software == self._software] or told
        for instructions, _ in Counter(each.instructions for each in fitting).most_common(1):
            self._instructions = instructions
        members = self.members().values()
        if not members:
            reason = next(iter(self._left_out.values()), f"none has answered within {PATIENCE:g} s")
            raise Missing(f"no node of the Ray cluster can train: {reason}", hint="`ray status` tells of the cluster")
        slow = any(member.traits.precision == "float32" for member in members)
        fallback = "no node of the cluster has a GPU" if self._kind == "cpu" and device == "auto" else ""
        return Device(kind=self._kind, fallback=fallback), "float32" if slow else "bfloat16"

    def members(self) -> dict[str, Member]:
        """The nodes that are there now and may train; those that have just come are asked and follow later."""
        nodes = self._alive()
        self._ask(nodes)
        self._listen(nodes)
        for name in self._traits.keys() & nodes.keys() - self._left_out.keys():
            if reason := misfit(self._traits[name], self._software, self._instructions):
                self.leave_out(name, reason)
        return {
            name: Member(
                traits=self._traits[name], cores=int(node["Resources"].get("CPU", 0)), cards=_cards(node) * self._trains
            )
            for name, node in nodes.items()
            if name in self._traits and name not in self._left_out
        }

    @property
    def _trains(self) -> bool:
        """Whether cards train."""
        return self._kind == "cuda"

    def is_there(self, name: str) -> bool:
        """Whether a node is alive, as far as the cluster knows."""
        return name in self._alive()

    def leave_out(self, name: str, reason: str) -> None:
        """Do without a node from now on, and say so."""
        host = self._traits[name].host if name in self._traits else name[:8]
        self._left_out[name] = said = f"{host} {reason}"
        logger.warning("a node of the cluster is left out: %s", said)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self._ours:
            self.ray.shutdown()

    def pinned(self, name: str) -> Any:
        """The wish to run on a node and nowhere else."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(name, soft=False)

    def _alive(self) -> dict[str, Any]:
        return {node["NodeID"]: node for node in self.ray.nodes() if node["Alive"]}

    def _ask(self, nodes: dict[str, Any]) -> None:
        for name in nodes.keys() - self._traits.keys() - self._left_out.keys() - self._asked.keys():
            task = self.ray.remote(traits).options(num_cpus=0, scheduling_strategy=self.pinned(name), max_retries=0)
            self._asked[name] = task.remote(self._kind)

    def _listen(self, nodes: dict[str, Any]) -> None:
        """Note what nodes have answered; one that couldn't is left out, one that has gone forgotten."""
        for name, call in list(self._asked.items()):
            done, _ = self.ray.wait([call], timeout=0)
            if not done:
                continue
            del self._asked[name]
            try:
                self._traits[name] = msgspec.json.decode(self.ray.get(call), type=Traits)
            except self.ray.exceptions.RayError as error:
                if name in nodes:
                    self.leave_out(name, f"can't be asked: {str(error).strip().splitlines()[-1]}")


def misfit(traits: Traits, software: str, instructions: str) -> str:
    """Why the errors of a node can't stand beside those of the others; empty if they can."""
    if traits.software != software:
        return f"has {traits.software}, this command has {software}: install the same there"
    if traits.instructions != instructions:
        return f"has another processor than most nodes, with other instructions: {traits.processor}"
    return ""


def _cards(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("GPU", 0))


def _connected(address: str) -> tuple[Any, bool]:
    """Ray, connected to a cluster, and whether the connection was made here."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise Missing("the engine ray needs Ray, which isn't installed", hint="pip install 'nas-atlas[ray]'") from None
    if ray.is_initialized():
        return ray, False
    try:
        with _signals_kept():
            ray.init(address or None, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        reason = str(error).strip().splitlines()[0]
        where = f" at {address}" if address else ""
        raise Missing(f"there is no Ray cluster{where}: {reason}", hint="`ray status` tells of the cluster") from error
    return ray, True


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself; here it means what it meant."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
