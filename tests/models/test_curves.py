"""Curves of trainings as a figure."""

from __future__ import annotations

from nas.models.curves import curves_figure
from nas.study.record import Epoch

PLAIN = (Epoch(number=1, loss=2.0, error=0.5, seconds=1.0), Epoch(number=2, loss=1.0, error=0.25, seconds=1.0))
WATCHED = (Epoch(number=1, loss=2.0, error=0.5, seconds=1.0, validation_loss=2.5, train_error=0.125),)


def test_each_training_has_its_lines() -> None:
    """Error and loss have a pane each; what wasn't watched has no line; several trainings have their names."""
    lines = {(line.name, line.yaxis): tuple(line.y) for line in curves_figure({"a": PLAIN, "b": WATCHED}).data}
    assert lines == {
        ("a, validation", "y"): (50.0, 25.0),
        ("a, training", "y2"): (2.0, 1.0),
        ("b, validation", "y"): (50.0,),
        ("b, training", "y"): (12.5,),
        ("b, validation", "y2"): (2.5,),
        ("b, training", "y2"): (2.0,),
    }
    assert {line.name for line in curves_figure({"a": WATCHED}).data} == {"validation", "training"}


def test_a_line_that_has_no_error_is_in_the_legend() -> None:
    """A training that wasn't watched has its loss in the second pane only: its name is shown there."""
    shown = [line.name for line in curves_figure({"a": PLAIN}).data if line.showlegend]
    assert sorted(shown) == ["training", "validation"]
