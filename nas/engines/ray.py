"""Trainings on a Ray cluster: on each of its nodes a local engine, in an actor that Ray starts, watches and ends.

The coordinator asks every node what it is before the first training, and leaves out those with other software or, on
processors, other instructions. Then each node is looked at again and again: it is given jobs, and a look brings back
results with their weights. Workers that die are the business of the node's own engine. An actor that dies is the
machine's fault, as is a node that is lost: their jobs are answered with that cause, and `nas.engines.losses` decides.
Nodes may come and go. A lane takes a core, or `1/LANES` of a card.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec

from nas.engines.messages import Cause, Job, Result, ended
from nas.engines.node import Files, Look, Node, Traits, read, software
from nas.errors import MachineFailed, Missing, Refused, StorageFailed
from nas.files import write_atomically
from nas.study.record import Outcome
from nas.training.devices import LANES, NAMED, Device

logger = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds of a look at a node that trains."""
WATCH = 2.0
"""Seconds between two looks at which nodes there are."""
PATIENCE = 120.0
"""Seconds in which nodes must answer; after as many without any node, a run ends."""
MOST_DEATHS = 3
"""Actors in a row that a node loses before it answers a job; then it is left out."""
FAREWELL = 2.0
"""Seconds in which nodes end their workers themselves."""


class Actor(Node):
    """A node as Ray runs it."""

    def see(self, jobs: list[bytes], stored: Mapping[str, list[Any]], seconds: float) -> Look:
        """Like `look`; prepared folders are in the object store, from which only those that are missing are fetched."""
        import ray

        def files(folder: str) -> Files:
            fetched: Files = ray.get(stored[folder][0])
            return fetched

        return self.look(jobs, files, seconds)


@dataclass(kw_only=True, eq=False)
class Place:
    """A node as the coordinator sees it."""

    node: str
    """Its name for Ray."""
    host: str
    """Its name for people."""
    lanes: int
    """Trainings side by side."""
    actor: Any
    """Where its engine is."""
    call: Any
    """What is expected from it; None where it has nothing to do."""
    asked: float = field(default_factory=time.monotonic)
    """When it was first called."""
    traits: Traits | None = None
    """What it is; None until it has answered."""
    jobs: list[Job] = field(default_factory=list)
    """What it trains."""
    running: dict[int, int] = field(default_factory=dict)
    """Trials that have begun, and their finished epochs."""

    @property
    def idle(self) -> int:
        """Lanes that can be given a job now."""
        return self.lanes - len(self.jobs) if self.traits and self.call is None else 0


class RayEngine:
    """The nodes of a Ray cluster, or this computer as one; asked when it is made, so that a study can be fitted to it.

    `address` is that of a cluster, else Ray finds the one that runs here, or starts one. Of `workers` trainings side by
    side each node has as many as it has cores, or `LANES` for each card, until there are enough.
    """

    def __init__(self, address: str = "", workers: int | None = None, device: str = "auto") -> None:
        self._most = _checked(workers, device)
        self._ray, self._ours = _connected(address)
        self._places: list[Place] = []
        self._left_out: dict[str, str] = {}
        self._deaths = Counter[str]()
        self._stored: dict[str, list[Any]] = {}
        self._homeless: list[Job] = []
        self._answers: list[Result] = []
        self._holding = False
        self._watched = self._peopled = -math.inf
        self._instructions: str | None = None
        self.device = self._device(device)
        """What the nodes train on."""
        self.precision = self._greeted()
        """The arithmetic that all of them compute fastest."""

    def __enter__(self) -> Self:
        """Have the nodes start their workers."""
        for place in self._places:
            self._look(place)
        return self

    def __exit__(self, *exception: object) -> None:
        """End everything on all nodes, and the cluster if it was started here."""
        ending = [place.actor.close.remote() for place in self._places]
        if ending:
            self._ray.wait(ending, num_returns=len(ending), timeout=FAREWELL)
        for place in self._places:
            self._ray.kill(place.actor)
        self._places = []
        if self._ours:
            self._ray.shutdown()

    @property
    def workers(self) -> int:
        """Lanes of all nodes."""
        return sum(place.lanes for place in self._places)

    @property
    def free(self) -> int:
        """Lanes without a job; those of a node that is still starting count."""
        held = len(self._homeless) + sum(len(place.jobs) for place in self._places)
        return 0 if self._holding else max(0, self.workers - held)

    @property
    def running(self) -> dict[int, int]:
        """Trials that nodes train, and their finished epochs, as of the last look."""
        return {trial: epochs for place in self._places for trial, epochs in place.running.items()}

    def submit(self, job: Job) -> None:
        """Keep the job for the next node that has a lane; its data go to the object store."""
        try:
            if job.info.folder not in self._stored:
                self._stored[job.info.folder] = [self._ray.put(read(job.info))]
            self._homeless.append(job)
        except StorageFailed as error:
            self._answers.append(ended(job, Outcome.FAILED, str(error), fatal=True))

    def hold(self) -> None:
        """Nothing that hasn't begun begins any more."""
        self._holding = True
        for place in self._places:
            place.actor.hold.remote()

    def wait(self, seconds: float) -> list[Result]:
        """Answers and deaths within this time."""
        end = time.monotonic() + seconds
        results, self._answers = self._answers, []
        while True:
            self._watch()
            self._give()
            left = end - time.monotonic()
            results += self._heard(0.0 if results else max(0.0, left))
            if results or left <= 0:
                return results

    def _device(self, name: str) -> Device:
        """The processors of the nodes, or their cards."""
        cards = sum(int(node["Resources"].get("GPU", 0)) for node in self._nodes())
        if name == "cpu" or (name == "auto" and not cards):
            return Device(kind="cpu", fallback="" if name == "cpu" else "no node of the cluster has a GPU")
        if not cards:
            raise Missing("no node of the cluster has a GPU", hint="--device cpu trains on processors")
        return Device(kind="cuda")

    def _greeted(self) -> str:
        """Ask all nodes what they are, and settle what they compute in; those that don't fit are left out."""
        self._watch()
        end = time.monotonic() + PATIENCE
        while any(place.traits is None for place in self._places) and time.monotonic() < end:
            self._heard(LOOK)
        traits = [place.traits for place in self._places if place.traits]
        if not traits:
            reason = next(iter(self._left_out.values()), f"none answered within {PATIENCE:g} s: others may use them")
            raise Missing(f"no node of the Ray cluster can train: {reason}", hint="`ray status` shows the cluster")
        ours = software()
        fitting = [each for each in traits if each.software == ours] or traits
        ((self._instructions, _),) = Counter(each.instructions for each in fitting).most_common(1)
        for place in list(self._places):
            self._admit(place)
        if not self._places:
            raise Refused(f"no node of the Ray cluster can train: {next(iter(self._left_out.values()))}")
        hosts = ", ".join(sorted({place.host for place in self._places}))
        logger.info("a Ray cluster of %d nodes (%s), %d workers", len(self._places), hosts, self.workers)
        precisions = {place.traits.precision for place in self._places if place.traits}
        return "float32" if "float32" in precisions else "bfloat16"

    def _admit(self, place: Place) -> None:
        """Leave a node out that would compute something else, and say so."""
        traits = place.traits
        if traits is None or self._instructions is None:
            return
        if traits.software != (ours := software()):
            self._leave_out(place, f"it has {traits.software}, this command {ours}; install the same")
        elif traits.instructions != self._instructions:
            self._leave_out(place, f"its processor ({traits.processor}) has other instructions than those of the rest")

    def _leave_out(self, place: Place, reason: str) -> None:
        """Do without a node; what it has goes elsewhere."""
        self._left_out[place.node] = said = f"{place.host}: {reason}"
        logger.warning("a node of the cluster is left out: %s", said)
        self._remove(place)
        self._homeless[:0] = place.jobs

    def _remove(self, place: Place) -> None:
        self._places.remove(place)
        with suppress(Exception):
            self._ray.kill(place.actor)

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]

    def _watch(self) -> None:
        """Begin with nodes that have come, forget those that have gone."""
        now = time.monotonic()
        if now - self._watched < WATCH:
            return
        self._watched, nodes = now, self._nodes()
        there = {node["NodeID"] for node in nodes}
        for place in list(self._places):
            if place.node not in there and place.call is None and not place.jobs:
                self._remove(place)
        known = {place.node for place in self._places} | self._left_out.keys()
        for node in nodes:
            if node["NodeID"] not in known and not self._holding:
                self._start(node)
        if self._places:
            self._peopled = now
        elif self._instructions is not None and now - self._peopled > PATIENCE:
            raise MachineFailed(
                f"no node of the Ray cluster is left since {PATIENCE:g} s",
                hint="what is done is kept; run the same command again when there are some",
            )

    def _start(self, node: dict[str, Any]) -> None:
        """An actor on a node, which takes the cores or the part of the cards that it will use."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        cards = int(node["Resources"].get("GPU", 0)) if self.device.kind == "cuda" else 0
        lanes = LANES * cards if self.device.kind == "cuda" else int(node["Resources"].get("CPU", 0))
        lanes = min(lanes, lanes if self._most is None else self._most - self.workers)
        if lanes < 1:
            return
        share = min(1.0, lanes / LANES) if cards else 0.0
        cards = math.ceil(lanes / LANES) if cards else 0
        options = {
            "num_cpus": 1 if cards else lanes,
            "num_gpus": max(share, cards) if cards > 1 else share,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        }
        actor = self._ray.remote(Actor).options(**options).remote(lanes, cards, fitted=self._most is None)
        host = str(node.get("NodeManagerHostname") or node["NodeManagerAddress"])
        call = actor.traits.remote()
        self._places.append(Place(node=node["NodeID"], host=host, lanes=lanes, actor=actor, call=call))

    def _give(self) -> None:
        """Give what waits to the nodes with most idle lanes, and look at all that train."""
        given = dict[str, list[Job]]()
        while self._homeless and not self._holding:
            place = max(self._places, key=lambda place: place.idle, default=None)
            if place is None or not place.idle:
                break
            job = self._homeless.pop(0)
            place.jobs.append(job)
            given.setdefault(place.node, []).append(job)
        for place in self._places:
            if place.traits and place.call is None and place.jobs:
                self._look(place, given.get(place.node, []))

    def _look(self, place: Place, jobs: list[Job] | None = None) -> None:
        messages = [msgspec.json.encode(job) for job in jobs or []]
        folders = {job.info.folder for job in jobs or []}
        stored = {folder: self._stored[folder] for folder in folders}
        place.call = place.actor.see.remote(messages, stored, LOOK if place.jobs else 0.0)

    def _heard(self, seconds: float) -> list[Result]:
        """What nodes say within this time."""
        calls = {place.call: place for place in self._places if place.call is not None}
        if not calls:
            time.sleep(min(seconds, LOOK))
            return []
        said, _ = self._ray.wait(list(calls), timeout=seconds)
        if said:
            said, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
        return [result for call in said for result in self._answered(calls[call])]

    def _answered(self, place: Place) -> list[Result]:
        """What a node says to what it was asked: what it is, how far it is, or nothing any more."""
        errors = self._ray.exceptions
        call, place.call = place.call, None
        try:
            answer = self._ray.get(call)
        except errors.RayTaskError as error:
            self._leave_out(place, str(error.cause))
            return []
        except errors.RayError as error:
            return self._lost(place, error)
        if place.traits is None:
            place.traits = msgspec.json.decode(answer, type=Traits)
            place.lanes = place.traits.lanes
            self._admit(place)
            return []
        place.running = answer.running
        return [
            self._placed(place, msgspec.json.decode(said, type=Result), weights) for said, weights in answer.answers
        ]

    def _placed(self, place: Place, result: Result, weights: bytes) -> Result:
        """The answer to a job, its weights put where the coordinator wants them."""
        self._deaths.pop(place.node, None)
        job = next(job for job in place.jobs if job.trial == result.trial)
        place.jobs.remove(job)
        if weights:
            try:
                if write_atomically(Path(job.weights), weights) != result.weights_sha256:
                    raise StorageFailed(f"{job.weights} isn't what {place.host} has sent")
            except StorageFailed as error:
                return ended(job, Outcome.FAILED, str(error), fatal=True)
        return result

    def _lost(self, place: Place, error: Any) -> list[Result]:
        """An actor that is no more: with its node, or by itself, which is the machine's fault, too."""
        if getattr(error, "actor_init_failed", False):
            self._leave_out(place, f"it can't begin: {str(error).strip().splitlines()[-1]}")
            return []
        self._remove(place)
        gone = place.node not in {node["NodeID"] for node in self._nodes()}
        self._deaths[place.node] += 1
        if not gone and self._deaths[place.node] >= MOST_DEATHS:
            self._left_out[place.node] = reason = f"{place.host}: its engine was killed {MOST_DEATHS} times in a row"
            logger.warning("a node of the cluster is left out: %s", reason)
        cause = Cause.NODE if gone else Cause.KILLED
        said = f"the cluster has lost {place.host}" if gone else f"the engine on {place.host} was killed"
        logger.warning("%s, %d trainings with it", said, len(place.jobs))
        results = [ended(job, Outcome.CRASHED, said, cause) for job in place.jobs]
        return [msgspec.structs.replace(result, host=place.host) for result in results]


def _checked(workers: int | None, device: str) -> int | None:
    if workers is not None and workers < 1:
        raise Refused(f"workers must be at least 1, got {workers}")
    if device not in ("auto", "cpu", "cuda"):
        raise Refused(f"Ray chooses cards itself, got device={device!r}", hint=f"cuda, cpu or auto, not {NAMED}")
    return workers


def _connected(address: str) -> tuple[Any, bool]:
    """Ray, connected to a cluster, and whether the connection was made here."""
    try:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told of a cluster that we start
        import ray
    except ImportError:
        raise Missing("--engine ray needs Ray, which isn't installed", hint="pip install 'nas-atlas[ray]'") from None
    if ray.is_initialized():
        return ray, False
    try:
        with _signals_kept():
            ray.init(address or None, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Missing(f"Ray can't be reached{f' at {address}' * bool(address)}: {reason}", hint="ray status") from error
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
