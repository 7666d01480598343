"""The best networks of each space while a run works, and their weights: whoever falls out loses its file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from pathlib import Path

from nas.files import CHECKPOINT
from nas.storage.layout import owner_of, weights_name
from nas.study.record import Outcome, Record, mean_error, network_of, rank

KEPT = 10
"""Networks of each space whose weights are kept, the best."""
ANY = 1e9
"""Above every error."""


class BestNetworks:
    """The best networks of each space by the mean of their trainings, as a run ranks them; their weights are kept.

    A network whose trainings aren't all finished keeps the weights that it has. One that is drawn twice by chance can
    come back after its weights were removed: it is trained again where it is exported.
    """

    def __init__(
        self, folder: Path, spaces: Iterable[str], kept: int = KEPT, *, repeats: int = 1, guess: float = 1.0
    ) -> None:
        self._folder, self._kept, self._repeats, self._guess = folder, kept, repeats, guess
        self._trainings: dict[Hashable, dict[int, Record]] = defaultdict(dict)
        self._ranked: dict[str, list[Hashable]] = {space: [] for space in spaces}
        self._ranks: dict[Hashable, tuple[float, tuple[float, int, int]]] = {}
        self._architectures: dict[int, str] = {}

    def threshold(self, space: str) -> float:
        """The error that a training must beat so that its network may be among the kept ones of its space."""
        ranked = self._ranked[space]
        if self._repeats > 1 or len(ranked) < self._kept:
            return ANY
        return self._ranks[ranked[-1]][0] + 1e-9  # a tie may still win by its cost

    def add(self, record: Record) -> None:
        """Let a record that is on the disk take its place; remove its checkpoint, and the weights of who falls out."""
        self._architectures[record.trial] = record.architecture
        self._path(record).with_suffix(CHECKPOINT).unlink(missing_ok=True)  # nobody goes on from there
        if record.outcome is Outcome.PRUNED:
            return
        network = network_of(record)
        trainings = self._trainings[network]
        trainings[record.trial] = record
        ranked = self._ranked[record.space]
        if len(trainings) < self._repeats or all(each.error is None for each in trainings.values()):
            return
        if network not in ranked:
            ranked.append(network)
        self._ranks[network] = self._rank(network)
        ranked.sort(key=self._ranks.__getitem__)
        for loser in ranked[self._kept :]:
            for training in self._trainings[loser].values():
                if training.weights:
                    self._path(training).unlink(missing_ok=True)
        del ranked[self._kept :]

    def _rank(self, network: Hashable) -> tuple[float, tuple[float, int, int]]:
        """The order of a run: by the mean, then by the best of the trainings."""
        trainings = self._trainings[network].values()
        return mean_error(trainings, self._guess), min(map(rank, trainings))

    def _path(self, record: Record) -> Path:
        return self._folder / weights_name(record.architecture, record.trial)

    def remove_strays(self) -> None:
        """Remove weights of finished trials that lead nowhere, left by a worker or coordinator that was killed.

        Whatever else lies there stays: files of other names, and weights that no trial of this run tells of.
        """
        best = {network for ranked in self._ranked.values() for network in ranked}
        kept = {
            self._path(training).name
            for network, trainings in self._trainings.items()
            for training in trainings.values()
            if training.error is not None and (network in best or len(trainings) < self._repeats)
        }
        for path in self._folder.iterdir():
            owner = owner_of(path.name)
            stray = owner and path.name not in kept and self._architectures.get(owner.trial) == owner.architecture
            if stray and not path.is_dir():
                path.unlink(missing_ok=True)  # a worker may just have given it its name
