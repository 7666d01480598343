"""Importance of columns: what was planted is found, and the shares are Optuna's."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pandas as pd
import pytest

from nas.analysis import importances
from nas.errors import Refused


def planted(n: int) -> pd.DataFrame:
    """Depth decides, width matters a little, luck doesn't; `kernel` exists only in every second network and decides."""
    generator = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "depth": generator.integers(1, 20, n),
            "width": generator.integers(8, 1024, n),
            "luck": generator.random(n),
            "kind": generator.choice(["plain", "wide"], n),
        }
    )
    frame["kernel"] = np.where(np.arange(n) % 2, generator.choice([3.0, 5.0, 7.0], n), math.nan)
    better = 0.02 * (20 - frame["depth"]) + 0.05 * (frame["kernel"].fillna(7.0) > 3.0)
    frame["error"] = better + 1e-5 * frame["width"] + generator.normal(0, 0.005, n)
    frame.loc[:4, "error"] = math.nan
    return frame


def test_importance_finds_what_was_planted() -> None:
    """The column that decides comes first and what doesn't matter last; missing values are counted, failures kept."""
    columns = ["luck", "width", "kind", "kernel", "depth"]
    found = importances(planted(300), columns, resamples=20)
    assert found[0].column == "depth"
    assert found[1].column == "kernel"
    assert sum(one.share.estimate for one in found) == pytest.approx(1.0)
    assert {one.column: (one.n, one.missing) for one in found}["kernel"] == (150, 150)
    assert found[0].share.low > max(one.share.high for one in found[2:])
    assert importances(planted(300), columns, resamples=20) == found


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.filterwarnings("error")
def test_a_cell_that_is_not_finite_is_missing(value: float) -> None:
    """An infinite cell gives the shares and the count of an empty one, without a warning."""
    frame = planted(60).assign(luck=lambda table: table["luck"].where(table.index != 8, value))
    empty = frame.replace(value, math.nan)
    columns = ["depth", "luck"]
    assert importances(frame, columns, resamples=2) == importances(empty, columns, resamples=2)


def test_importance_is_optunas() -> None:
    """The shares are those of Optuna's own study of the same trials."""
    frame = planted(60).dropna(subset=["error"])
    found = {one.column: one.share.estimate for one in importances(frame, ["depth", "luck"], resamples=1)}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    laws = {
        "depth": optuna.distributions.IntDistribution(int(frame["depth"].min()), int(frame["depth"].max())),
        "luck": optuna.distributions.FloatDistribution(frame["luck"].min(), frame["luck"].max()),
    }
    for depth, luck, error in frame[["depth", "luck", "error"]].itertuples(index=False):
        point = {"depth": int(depth), "luck": float(luck)}
        study.add_trial(optuna.trial.create_trial(params=point, distributions=laws, value=float(error)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    assert found == pytest.approx(optuna.importance.get_param_importances(study, evaluator=evaluator))


def test_importance_refuses() -> None:
    """Few rows, equal errors, no columns and biased rows are refused; few of the best are told."""
    frame = planted(60)
    with pytest.raises(Refused, match="at least 20 networks, got 12"):
        importances(frame.head(12), ["depth"])
    with pytest.raises(Refused, match="all 60 errors are equal"):
        importances(frame.assign(error=0.1), ["depth"])
    with pytest.raises(Refused, match="at least one column"):
        importances(frame, [])
    with pytest.raises(Refused, match="'tpe'"):
        importances(frame.assign(sampler="tpe"), ["depth"])
    assert importances(frame.head(40), ["depth"], resamples=2)[0].warnings
