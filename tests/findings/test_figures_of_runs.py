"""Figures of a run for programs: numbers as the run's table has them, refused by name where there is no such figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nas.analysis.selection import edfs
from nas.errors import Refused
from nas.storage.results import Run, open_run
from tests.toys.runs import execute
from tests.toys.spaces import REPEATED


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Run:
    """Two networks of each of two spaces, each trained twice."""
    folder = tmp_path_factory.mktemp("figures") / "run"
    execute(replace(REPEATED, samples=2), folder)
    return open_run(folder)


def test_an_edf_has_a_step_for_each_network_of_a_space(run: Run) -> None:
    """Each space has one line, whose steps are the errors of its distribution in percent."""
    figure = run.figure("edf")
    for line, one in zip(figure.data, edfs(run.table(), guess=run.manifest.data.guess), strict=True):
        assert line.name.startswith(one.name)
        assert list(line.x) == [100 * error for error in one.errors]
        assert line.y[-1] == 1
    assert figure.layout.xaxis.title.text == "validation error (%)"


def test_costs_show_each_network_once_at_the_mean_of_its_trainings(run: Run) -> None:
    """A network is one point, at its multiply-adds and its mean error."""
    points = {point for line in run.figure("costs").data for point in zip(line.x, line.y, strict=True)}
    assert points == {(record.cost.multiply_adds, 100 * run.mean_error(record)) for record in run.best}


def test_curves_are_a_table_with_a_row_for_each_epoch(run: Run) -> None:
    """Eight trainings of two epochs are sixteen rows, and the last error of each is the trial's."""
    curves = run.curves()
    assert len(curves) == 16
    last = curves.groupby("trial")["error"].last()
    assert last.to_dict() == {record.trial: record.error for record in run.records}
    assert {"epoch", "loss", "seconds", "space"} <= set(curves.columns)
    assert len(run.figure("curves").data) > 0


def test_a_figure_that_there_is_not_is_refused(run: Run) -> None:
    """The names of those there are come with the refusal."""
    with pytest.raises(Refused, match="there is no figure 'edff'") as refused:
        run.figure("edff")
    assert refused.value.hint == "figures: edf, costs, curves"
