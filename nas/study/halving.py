"""Successive halving as data: trainings that are among the worse ones after some epochs end there.

Jamieson and Talwalkar, *Non-stochastic Best Arm Identification* (2016); Li et al., *A System for Massively Parallel
Hyperparameter Tuning* (ASHA, 2020). Ours: a training is judged against those of earlier generations alone, whose
number is fixed, so that nothing depends on which worker is faster. It isn't taken up again later. The learning rate
follows the schedule of the whole training, whether it ends early or not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nas.errors import Refused


class Halving(msgspec.Struct, frozen=True, kw_only=True):
    """After which epochs a training is judged, and which share of them goes on."""

    factor: int = 3
    """One of so many goes on, and there are so many times as many epochs to the next rung; at least 2."""
    first: int = 1
    """Epochs before the first rung; at least 1."""

    def __post_init__(self) -> None:
        if self.factor < 2 or self.first < 1:
            raise Refused(
                "halving keeps one of at least two trainings after at least one epoch, "
                f"got factor={self.factor}, first={self.first}"
            )

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """Epochs after which a training of so many is judged: first, first * factor, ...; never the last one."""
        found, rung = [], self.first
        while rung < epochs:
            found.append(rung)
            rung *= self.factor
        return tuple(found)

    @property
    def words(self) -> str:
        """What it does, for settings and names."""
        return f"halving by {self.factor} from epoch {self.first}"


def check_halving(
    halving: Halving | None, sampler: str, repeats: int, epochs: Sequence[int | float | str], *, varied: bool
) -> None:
    """Refuse halving where it can't judge, or where the study is a map; `epochs` are those of its trainings."""
    if halving is None:
        return
    if not isinstance(halving, Halving):
        raise Refused(f"a study's halving is Halving(factor=3, first=1), got {halving!r}")
    if sampler == "quasirandom" or repeats > 1:
        what = "sampler 'quasirandom'" if sampler == "quasirandom" else f"repeats={repeats}"
        raise Refused(
            f"halving is for searches, and a study with {what} maps", hint='sampler="tpe", or leave halving out'
        )
    if varied:
        raise Refused(
            "halving compares trainings after equally many epochs, and where epochs vary they differ there, too: the "
            "learning rate falls towards the last one",
            hint="cross them with a grid: its arms are judged apart",
        )
    if not halving.rungs(fewest := min(map(int, epochs))):
        raise Refused(
            f"{halving.words} judges nothing: a training has {fewest} of them",
            hint="more epochs (--epochs), an earlier first rung, or no halving",
        )
