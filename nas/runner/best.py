"""The best networks of each space while a run works, and their weights: whoever falls out loses its file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nas.files import CHECKPOINT
from nas.storage.layout import owner_of, weights_name
from nas.study.record import Record, rank

KEPT = 10
"""Networks of each space whose weights are kept, the best."""
ANY = 1e9
"""Above every error."""


class BestNetworks:
    """The best networks of each space, whose weights are kept."""

    def __init__(self, folder: Path, spaces: Iterable[str], kept: int = KEPT) -> None:
        self._folder, self._kept = folder, kept
        self._ranked: dict[str, list[Record]] = {space: [] for space in spaces}
        self._architectures: dict[int, str] = {}

    def threshold(self, space: str) -> float:
        """The error that a network must beat to be among the kept ones of its space."""
        ranked = self._ranked[space]
        if len(ranked) < self._kept or ranked[-1].error is None:
            return ANY
        return ranked[-1].error + 1e-9  # a tie may still win by its cost

    def add(self, record: Record) -> None:
        """Let a record that is on the disk take its place; remove its checkpoint, and the weights of who falls out."""
        self._architectures[record.trial] = record.architecture
        weights = self._folder / weights_name(record.architecture, record.trial)
        weights.with_suffix(CHECKPOINT).unlink(missing_ok=True)  # nobody goes on from there
        if record.error is None:
            return
        ranked = self._ranked[record.space]
        ranked.append(record)
        ranked.sort(key=rank)
        for loser in ranked[self._kept :]:
            if loser.weights:
                (self._folder / weights_name(loser.architecture, loser.trial)).unlink(missing_ok=True)
        del ranked[self._kept :]

    def remove_strays(self) -> None:
        """Remove weights of finished trials that lead nowhere, left by a worker or coordinator that was killed.

        Whatever else lies there stays: files of other names, and weights that no trial of this run tells of.
        """
        kept = {weights_name(r.architecture, r.trial) for ranked in self._ranked.values() for r in ranked}
        for path in self._folder.iterdir():
            owner = owner_of(path.name)
            stray = owner and path.name not in kept and self._architectures.get(owner.trial) == owner.architecture
            if stray and not path.is_dir():
                path.unlink(missing_ok=True)  # a worker may just have given it its name
