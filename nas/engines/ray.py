"""Trainings on a Ray cluster: on each of its nodes a local engine, in an actor that Ray starts, watches and ends.

A node is looked at again and again: it is given jobs, and a look brings back results with their weights. Workers that
die are the business of the node's own engine. An actor that dies was killed by its machine, and a node can be lost;
what they trained is answered so, and `nas.engines.losses` decides what follows. A lane takes a core, or `1/LANES` of a
card.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec

from nas.engines.cluster import PATIENCE, Cluster, Member
from nas.engines.messages import Cause, Job, Reached, Result, ended
from nas.engines.node import Files, Look, Node, read
from nas.errors import MachineFailed, Refused, StorageFailed
from nas.files import write_atomically
from nas.study.record import Outcome
from nas.training.devices import LANES

logger = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds of a look at a node that trains."""
WATCH = 2.0
"""Seconds between two looks at which nodes there are."""
MOST_DEATHS = 3
"""Actors in a row that a node loses before it answers a job; then it is left out."""
DOUBT = 60.0
"""Seconds until a node counts as alive that has lost its actor, and hasn't begun another one so far."""
FAREWELL = 2.0
"""Seconds in which nodes end their workers themselves."""


class Actor(Node):
    """A node as Ray runs it."""

    def see(self, jobs: Sequence[bytes], stored: Mapping[str, Sequence[Any]], seconds: float) -> Look:
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
    call: Any = None
    """A look that it hasn't answered yet."""
    jobs: list[Job] = field(default_factory=list)
    """What it trains."""
    running: dict[int, Reached] = field(default_factory=dict)
    """Trials that have begun, and how far each is."""
    seen: bool = False
    """Whether it has answered."""
    lost: float = 0.0
    """When it was found dead."""

    @property
    def idle(self) -> int:
        """Lanes that can be given a job now."""
        return self.lanes - len(self.jobs) if self.call is None else 0


class RayEngine:
    """The nodes of a Ray cluster; they are asked what they are when it is made, so that a study can be fitted to them.

    Of `workers` trainings side by side each node has as many as Ray has cores there, or `LANES` for each card, until
    there are enough; by default one for each core and GiB of memory.
    """

    def __init__(self, address: str = "", workers: int | None = None, device: str = "auto") -> None:
        if workers is not None and workers < 1:
            raise Refused(f"workers must be at least 1, got {workers}")
        if device not in ("auto", "cpu", "cuda"):
            raise Refused(f"Ray chooses the cards, got device={device!r}", hint="with Ray: auto, cpu or cuda")
        self._most = workers
        self._cluster = Cluster(address)
        self._ray = self._cluster.ray
        self.device, self.precision = self._cluster.greeted(device)
        """What the nodes train on, and the arithmetic that all of them compute fastest."""
        self._places: list[Place] = []
        self._doubted: list[Place] = []
        self._deaths = Counter[str]()
        self._stored: dict[str, list[Any]] = {}
        self._homeless: list[Job] = []
        self._answers: list[Result] = []
        self._holding = False
        self._watched = -math.inf
        self._peopled = time.monotonic()
        self._watch()

    def __enter__(self) -> Self:
        """Have the nodes start their workers."""
        hosts = ", ".join(sorted({place.host for place in self._places}))
        logger.info("a Ray cluster, nodes that train: %d (%s)", len(self._places), hosts)
        return self

    def __exit__(self, *exception: object) -> None:
        """End everything on all nodes, and the cluster if it was started here."""
        if not self._ray.is_initialized():  # somebody else has ended it, and Ray would start another one
            return
        farewells = [place.actor.close.remote() for place in self._places]
        if farewells:
            self._ray.wait(farewells, num_returns=len(farewells), timeout=FAREWELL)
        for place in list(self._places):
            self._remove(place)
        self._cluster.close()

    @property
    def workers(self) -> int:
        """Lanes of all nodes."""
        return sum(place.lanes for place in self._places)

    @property
    def free(self) -> int:
        """Lanes without a job; those of a node that is still starting count."""
        held = len(self._homeless) + sum(len(place.jobs) for place in (*self._places, *self._doubted))
        return 0 if self._holding else max(0, self.workers - held)

    @property
    def running(self) -> dict[int, Reached]:
        """Trials that nodes train, and how far each is, as of the last look."""
        return {trial: reached for place in self._places for trial, reached in place.running.items()}

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
        while True:
            self._watch()
            self._give()
            results, self._answers = self._answers, []
            left = end - time.monotonic()
            results += self._heard(0.0 if results else max(0.0, left))
            if results or left <= 0:
                return results

    def _watch(self) -> None:
        """Begin on nodes that have come, forget those that have gone."""
        now = time.monotonic()
        if now - self._watched < WATCH:
            return
        self._watched, members = now, self._cluster.members()
        self._judge(now)
        if self._holding:
            return
        for place in list(self._places):
            if place.node not in members and not place.jobs and place.call is None:
                self._remove(place)
        for node in members.keys() - {place.node for place in self._places}:
            self._start(node, members[node])
        if self._places:
            self._peopled = now
        elif now - self._peopled > PATIENCE:
            raise MachineFailed(
                f"the Ray cluster has had no node that trains for {PATIENCE:g} s",
                hint="what is done is kept; run the same command again when there is one",
            )

    def _start(self, node: str, member: Member) -> None:
        """An actor on a node; it takes the cores, or the part of the cards, that it will use, and starts workers."""
        lanes = LANES * member.cards if self.device.kind == "cuda" else member.cores
        if self._most is not None:
            lanes = min(lanes, self._most - self.workers)
        elif self.device.kind == "cpu":
            lanes = min(lanes, member.traits.room)
        if lanes < 1:
            return
        share = lanes / LANES if self.device.kind == "cuda" else 0.0  # Ray gives parts of one card, or whole ones
        cards = math.ceil(share)
        actor = (
            self._ray.remote(Actor)
            .options(
                num_cpus=1 if cards else lanes,
                num_gpus=share if share < 1 else cards,
                scheduling_strategy=self._cluster.pinned(node),
            )
            .remote(lanes, cards)
        )
        place = Place(node=node, host=member.traits.host, lanes=lanes, actor=actor)
        self._places.append(place)
        self._look(place, [])

    def _give(self) -> None:
        """Give what waits to the nodes with most idle lanes, and look at all that train."""
        given: dict[Place, list[Job]] = {place: [] for place in self._places}
        while self._homeless and not self._holding:
            place = max(self._places, key=lambda place: place.idle, default=None)
            if place is None or place.idle < 1:
                break
            place.jobs.append(self._homeless.pop(0))
            given[place].append(place.jobs[-1])
        for place, jobs in given.items():
            if place.jobs and place.call is None:
                self._look(place, jobs)

    def _look(self, place: Place, jobs: Sequence[Job]) -> None:
        stored = {job.info.folder: self._stored[job.info.folder] for job in jobs}
        messages = [msgspec.json.encode(job) for job in jobs]
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
        """What a node has seen, or that there is none any more."""
        call, place.call = place.call, None
        try:
            look: Look = self._ray.get(call)
        except self._ray.exceptions.RayTaskError as error:
            self._leave_out(place, f"can't train: {error.cause}")
            return []
        except self._ray.exceptions.RayError as error:
            self._lost(place, error)
            return []
        place.seen, place.running = True, look.running
        answers = [(msgspec.json.decode(said, type=Result), weights) for said, weights in look.answers]
        return [self._settled(place, result, weights) for result, weights in answers]

    def _settled(self, place: Place, result: Result, weights: bytes) -> Result:
        """The answer to a job, its weights put where the coordinator wants them."""
        self._deaths.pop(place.node, None)
        job = next(job for job in place.jobs if job.trial == result.trial)
        place.jobs.remove(job)
        try:
            if weights and write_atomically(Path(job.weights), weights) != result.weights_sha256:
                raise StorageFailed(f"{job.weights} isn't what {place.host} has trained")
        except StorageFailed as error:
            return ended(job, Outcome.FAILED, str(error), fatal=True)
        return result

    def _lost(self, place: Place, error: Any) -> None:
        """Note an actor that is no more; whether its node went with it, the cluster knows some seconds later."""
        if getattr(error, "actor_init_failed", False):
            self._leave_out(place, f"can't train: {str(error).strip().splitlines()[-1]}")
            return
        self._remove(place)
        place.lost = time.monotonic()
        self._doubted.append(place)

    def _judge(self, now: float) -> None:
        """Say of what was lost whether its node is gone, or the machine has ended a process of one that lives."""
        for place in list(self._doubted):
            gone = not self._cluster.is_there(place.node)
            lives = any(other.node == place.node and other.seen for other in self._places)
            if not (gone or lives or now - place.lost > DOUBT):
                continue
            self._doubted.remove(place)
            said = f"the cluster has lost {place.host}" if gone else f"what trains on {place.host} was killed"
            logger.warning("%s; trainings there: %d", said, len(place.jobs))
            results = [ended(job, Outcome.CRASHED, said, Cause.NODE if gone else Cause.KILLED) for job in place.jobs]
            self._answers += [msgspec.structs.replace(result, host=place.host) for result in results]
            self._deaths[place.node] += 1
            if not gone and self._deaths[place.node] >= MOST_DEATHS:
                self._cluster.leave_out(place.node, f"was killed {MOST_DEATHS} times in a row")

    def _leave_out(self, place: Place, reason: str) -> None:
        """Do without a node whose workers never begin; what it was given goes elsewhere."""
        self._cluster.leave_out(place.node, reason)
        self._remove(place)
        self._homeless[:0] = place.jobs

    def _remove(self, place: Place) -> None:
        self._places.remove(place)
        with suppress(self._ray.exceptions.RayError, ValueError):  # it is dead already
            self._ray.kill(place.actor)
