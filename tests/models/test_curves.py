"""Curves of trainings as a figure."""

from __future__ import annotations

import msgspec
import pytest

import nas
from nas.errors import Refused
from nas.models.curves import curves_figure
from nas.models.model import Model
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


def test_a_network_of_the_same_name_has_its_own_lines() -> None:
    """Two trainings of one network are both shown; networks of which no epoch is known are refused."""

    def model(seed: int, epochs: tuple[Epoch, ...]) -> Model:
        made = nas.create_model("lenet_bn", seed=seed)
        made.document = msgspec.structs.replace(made.document, name="lenet_bn")
        made.curve = epochs
        return made

    names = {line.name for line in model(0, PLAIN).figure(lenet_bn=model(1, WATCHED)).data}
    assert {name.partition(",")[0] for name in names} == {"lenet_bn", "lenet_bn 2"}
    assert model(0, PLAIN).figure(self=model(1, WATCHED)).data
    with pytest.raises(Refused, match="no epoch is known"):
        model(0, ()).figure()


def test_many_trainings_are_told_apart_and_their_names_are_no_markup() -> None:
    """Where colours begin anew points have other symbols; what is between angle brackets is shown as it is."""
    lines = curves_figure({f"<b>{i}</b>": WATCHED for i in range(8)}).data
    validation = [line for line in lines if line.name.endswith("validation") and line.yaxis == "y"]
    assert len({(line.line.color, line.marker.symbol) for line in validation}) == 8
    assert validation[0].name == "&lt;b&gt;0&lt;/b&gt;, validation"
    assert curves_figure({"a": WATCHED}, table=True).layout.yaxis.title.text == "RMSE / std of the target (%)"
