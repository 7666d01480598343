"""Searches of networks that are trained already: a sampler proposes, the nearest row that is left answers.

The sampler is that of a real search and is told the row's own point and error. What it can't do here is propose a
network that nobody has trained: the fewer rows are left, the farther the answers lie from what it meant. Before it has
results it proposes nothing, and where a real search draws a random network any row that is left is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nas.sampling.optuna_samplers import CubeSearch
from nas.sampling.plan import GENERATION, training_seed
from nas.sampling.rejection import generator
from nas.sampling.trained import TrainedNetwork
from nas.space import Choice, Point, Space
from nas.study.study import SamplerName

Answer = tuple[TrainedNetwork, bool]
"""A network, and whether the sampler proposed anything; else it was drawn at random."""
ROW_STREAM = 5
INACTIVE = 0.5
"""Coordinate of a dimension that a point doesn't have."""


class RowSearcher(CubeSearch):
    """The trained networks of one space searched by one of Optuna's samplers, each at most once."""

    def __init__(
        self,
        space: Space,
        networks: Sequence[TrainedNetwork],
        name: SamplerName,
        seed: int,
        *,
        against_cost: bool = False,
    ) -> None:
        super().__init__(space, name, seed, against_cost=against_cost)
        self._networks = networks
        self._choices = np.array([isinstance(space.dimensions[n], Choice) for n in self._distribution.names])
        self._places = np.array([self._place(network.point) for network in networks])
        self._left = np.ones(len(networks), dtype=bool)
        self._answer, self._guided = 0, False

    @property
    def left(self) -> int:
        """Networks that weren't asked for yet."""
        return int(self._left.sum())

    def ask(self, number: int) -> Answer:
        """What answers the next proposal, for the trial of this number; at least one network is left."""
        trial = self._ask(number)
        self._left[self._answer] = False
        network = self._networks[self._answer]
        self._keep(trial, network.multiply_adds)
        return network, self._guided

    def _propose(self, inner: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Coordinates of the answer: the nearest network that is left, any of them where the sampler hasn't learned."""
        proposed = inner()
        self._guided = bool(proposed)
        if proposed:
            self._answer = self._nearest(self._point(self._complete(proposed, 0)))
        else:
            uniform = generator(self._seed, self._number, ROW_STREAM)
            self._answer = int(uniform.choice(np.flatnonzero(self._left)))
        return self._coordinates(self._networks[self._answer].point)

    def _nearest(self, point: Point) -> int:
        """The network that is nearest among those left: by squares in the sampler's cube, where choices are 0 or 1."""
        apart = np.abs(self._places - self._place(point))
        apart = np.where(self._choices, apart > 0.0, apart)
        return int(np.where(self._left, np.square(apart).sum(1), np.inf).argmin())

    def _place(self, point: Point) -> list[float]:
        """Where a point lies in the unit cube."""
        own = self._distribution.coordinates(point)
        return [own.get(name, INACTIVE) for name in self._distribution.names]


Arm = tuple[Space, Sequence[TrainedNetwork]]
"""A space with those of its networks that are trained."""


def replayed(arms: Sequence[Arm], name: SamplerName, seed: int, *, against_cost: bool = False) -> Iterator[Answer]:
    """All networks in the order in which a search comes to them, which depends on the seed alone.

    Random search takes them uniformly without replacement, whatever their space. The others have a searcher for each
    space, ask them in turn and tell them their results in generations, as a run does.
    """
    if name == "random":
        every = [network for _, networks in arms for network in networks]
        yield from ((every[place], False) for place in generator(seed, ROW_STREAM).permutation(len(every)))
        return
    searchers = [
        RowSearcher(space, networks, name, training_seed(seed, index), against_cost=against_cost)
        for index, (space, networks) in enumerate(arms)
    ]
    number = 0
    while any(searcher.left for searcher in searchers):
        asked = []
        for _ in range(GENERATION):
            for searcher in (each for each in searchers if each.left):
                asked.append((searcher, number, searcher.ask(number)))
                number += 1
        yield from (answer for _, _, answer in asked)
        for searcher, trial, (network, _) in asked:
            searcher.tell(trial, network.error)
