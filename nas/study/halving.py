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
from nas.errors.arguments import Fields


class SuccessiveHalving(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields):
    """After which epochs a training is judged, and which share of them continues."""

    reduction_factor: int = msgspec.field(default=3, name="factor")
    """One of so many is trained on, and there are so many times as many epochs to the next rung; at least 2."""
    min_epochs: int = msgspec.field(default=1, name="first")
    """Epochs before the first rung; at least 1."""

    def __post_init__(self) -> None:
        if self.reduction_factor < 2 or self.min_epochs < 1:
            raise Refused(
                "halving keeps one of at least two trainings after at least one epoch, "
                f"got reduction_factor={self.reduction_factor}, min_epochs={self.min_epochs}"
            )

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """Epochs after which a training of so many is judged, each a factor further; never the last."""
        rungs, rung = [], self.min_epochs
        while rung < epochs:
            rungs.append(rung)
            rung *= self.reduction_factor
        return tuple(rungs)

    @property
    def words(self) -> str:
        """What it does, for settings and names."""
        return f"halving by {self.reduction_factor} from epoch {self.min_epochs}"


def check_halving(
    halving: SuccessiveHalving | None, sampler: str, repeats: int, epochs: Sequence[int | float | str], *, varied: bool
) -> None:
    """Refuse halving where it can't judge, or where a study must not search; `epochs` are those of its trainings."""
    if halving is None:
        return
    if sampler == "quasirandom" or repeats > 1:
        what = "sampler 'quasirandom'" if sampler == "quasirandom" else f"repeats={repeats}"
        hint = 'sampler="tpe", or leave halving out'
        raise Refused(f"halving is for searches, and not supported with {what}", hint=hint)
    if varied:
        raise Refused(
            "halving compares trainings after equally many epochs, and where epochs vary they differ there, too: the "
            "learning rate falls towards the last one",
            hint="cross them with a grid: its arms are judged apart",
        )
    if not halving.rungs(fewest := min(map(int, epochs))):
        raise Refused(
            f"{halving.words} judges nothing: the last epoch of a training is {fewest}",
            hint="more epochs (--epochs), an earlier first rung, or no halving",
        )
