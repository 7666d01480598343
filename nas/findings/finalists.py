"""A finalist in numbers: its test error over seeds and images, and how far its choice was too optimistic.

The optimism of a choice is the test error of the very weights by whose validation error a network was chosen, minus
that validation error: same network, same training, other images. What a final adds beside that, longer training on more
images, is told by the test errors of its own trainings, and is no part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from statistics import fmean, stdev

import msgspec
import numpy as np
import numpy.typing as npt

from nas.analysis.statistics.crossed import mean_loss, regression_to_the_mean
from nas.analysis.statistics.interval import Interval, difference_of_shares, wilson
from nas.sampling.finals import Finalists
from nas.storage.finals import Results, by_seed
from nas.storage.results import Run
from nas.study.record import Record


class Finalist(msgspec.Struct, frozen=True, kw_only=True):
    """A network that was chosen, and what became of it; errors are shares of wrong images, of tables as in records."""

    rank: int
    """By validation error among the finalists, from 1."""
    trial: int
    """Its trial in the run."""
    space: str
    """Its space there."""
    architecture: str
    """Its identity."""
    parameters: int
    multiply_adds: int
    validation_error: float
    """By which it was chosen: of the run's training, the mean of several."""
    failures: int
    """Trainings of the final that failed."""
    test_errors: tuple[float, ...] = ()
    """Of the completed trainings, in the order of seeds; empty before the test split is read."""
    mean: Interval | None = None
    """Their mean, with a 95 % interval over seeds and images, over images only where there is one seed."""
    deviation: float | None = None
    """Their standard deviation over seeds; None for fewer than two."""
    kept_validation_error: float
    """Of the weights that the run kept, those of the best of several trainings."""
    kept_test_error: float | None = None
    """Of the same; None where they weren't kept, or before the test split is read."""
    optimism: Interval | None = None
    """`kept_test_error` less `kept_validation_error`, with a 95 % interval over both sets of images, of tables none."""
    regression: float | None = None
    """Optimism that regression to the mean of the networks it was chosen from leads one to expect, at most.

    None where it was the only one.
    """


def finalists_of(
    run: Run, chosen: Finalists, records: Sequence[Record], results: Results | None
) -> tuple[Finalist, ...]:
    """The finalists of a run in the order in which they were chosen."""
    finalists = []
    for rank, trial in enumerate(chosen.trials, 1):
        record = run.record(trial)
        finalist = Finalist(
            rank=rank,
            trial=trial,
            space=record.space,
            architecture=record.architecture,
            parameters=record.cost.parameters,
            multiply_adds=record.cost.multiply_adds,
            validation_error=run.mean_error(record),
            kept_validation_error=inf if record.error is None else record.error,
            failures=sum(one.outcome.is_failure for one in by_seed(records, trial).values()),
        )
        if results is not None:
            finalist = _with_optimism(_with_test(finalist, results), run, chosen, results)
        finalists.append(finalist)
    return tuple(finalists)


def _with_test(finalist: Finalist, results: Results) -> Finalist:
    """The finalist with the errors of its trainings in the final."""
    trainings = results.of(finalist.trial)
    errors = tuple(one.error for one in trainings)
    return msgspec.structs.replace(
        finalist,
        test_errors=errors,
        mean=_mean([results.losses(one) for one in trainings], rows=results.rows) if errors else None,
        deviation=stdev(errors) if len(errors) > 1 else None,
    )


def _with_optimism(finalist: Finalist, run: Run, chosen: Finalists, results: Results) -> Finalist:
    """The finalist with the test error of the weights that it was chosen by, if the run kept them."""
    kept, validating = results.kept(finalist.trial), run.manifest.data.validation
    validation = finalist.kept_validation_error
    if kept is None:
        return finalist
    if results.rows:
        unbounded = Interval(estimate=kept.error - validation, low=-inf, high=inf)
        return msgspec.structs.replace(finalist, kept_test_error=kept.error, optimism=unbounded)
    return msgspec.structs.replace(
        finalist,
        kept_test_error=kept.error,
        optimism=difference_of_shares(wilson(kept.error, results.images), wilson(validation, validating)),
        regression=regression_to_the_mean(finalist.validation_error, chosen.mean, chosen.deviation, validating)
        if chosen.of > 1
        else None,
    )


def _mean(losses: Sequence[npt.NDArray[np.float64]], *, rows: bool) -> Interval:
    """Mean error over seeds; of rows the ends are roots of those of the mean square."""
    matrix = np.stack(losses)
    interval = mean_loss(matrix, shares=not rows)
    if not rows:
        return interval
    mean = fmean(np.sqrt(matrix.mean(axis=1)).tolist())
    low, high = np.sqrt([interval.low, interval.high]).tolist()
    return Interval(estimate=mean, low=min(low, mean), high=max(high, mean))
