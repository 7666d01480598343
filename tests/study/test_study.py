"""A study: which trial belongs where, what may vary, and what is refused before anything runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nas.errors import Refused
from nas.space import Choice, Integer, Real
from nas.study import Order, Part, Parts, Rule, Spaces
from nas.study.study import check_sampler
from tests.toys.spaces import QUICK, REPEATED, RICH, STUDY, TINY


def test_trials_go_round_the_spaces() -> None:
    """Trial t belongs to space t mod S, so at every moment the spaces have equally many trials, give or take one."""
    assert STUDY.total == 8
    assert [STUDY.space_of(t).name for t in range(5)] == ["tiny", "rich", "tiny", "rich", "tiny"]


def test_repeats_follow_their_leader_within_its_space() -> None:
    """With S spaces and R repeats, a block of S * R trials trains S networks R times each; the first S lead."""
    study = replace(REPEATED, samples=2, repeats=3)
    assert study.total == 12
    assert [study.repeat_of(t) for t in range(12)] == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]
    assert [study.first_of(t) for t in range(12)] == [0, 1, 0, 1, 0, 1, 6, 7, 6, 7, 6, 7]
    assert all(study.space_of(t) is study.space_of(study.first_of(t)) for t in range(12))


def test_without_repeats_every_trial_leads() -> None:
    """Where each network is trained once, every trial is its own leader."""
    assert [STUDY.first_of(t) for t in range(8)] == list(range(8))


def test_recipe_takes_sampled_values() -> None:
    """Sampled values of recipe fields replace those of the study's recipe and nothing else."""
    varied = STUDY.varied({"learning_rate": 0.5, "epochs": 3})
    assert varied == type(QUICK)(
        data="digits", precision="float32", train_size=200, epochs=3, batch_size=50, learning_rate=0.5
    )


def test_joint_dimensions_are_those_of_space_and_recipe() -> None:
    """What is sampled for a trial are the dimensions of its space and the varied fields of the recipe."""
    study = replace(STUDY, vary={"epochs": Integer(low=1, high=3)})
    assert list(study.joint(RICH)) == ["width", "function", "epochs"]


RULE = Rule(
    name="small is better",
    statement="Networks of at most 16 channels are better.",
    contrast=Parts(first=Part(column="width", high=16), space="tiny"),
)
ELSEWHERE = Rule(name="there", statement="Tiny beats large.", contrast=Spaces(first="tiny", reference="large"))
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"samples": 0}, "samples must be at least 1, got 0"),
    ({"repeats": 0}, "repeats must be at least 1, got 0"),
    ({"spaces": ()}, "study 'toy' has no space"),
    ({"spaces": (TINY, TINY)}, "every space needs its own name, got tiny, tiny"),
    ({"sampler": "tep"}, "sampler must be .*, got 'tep'; did you mean 'tpe'"),
    ({"seed": -1}, "seed must not be negative, got -1"),
    ({"seed": 1.5}, "seed must be a whole number, got 1.5"),
    ({"samples": 2.5}, "samples must be a whole number, got 2.5"),
    ({"samples": True}, "samples must be a whole number, got True"),
    ({"repeats": 2, "sampler": "tpe"}, "use repeats=1"),
    ({"name": ""}, "name of a folder"),
    ({"name": "../elsewhere"}, "name of a folder"),
    ({"name": ".."}, "name of a folder"),
    ({"rules": (RULE, RULE)}, "every rule needs its own name, got small is better, small is better"),
    ({"rules": (ELSEWHERE,)}, "rule 'there' speaks of a space 'large', which isn't sampled"),
    ({"spaces": (TINY.named("a b"), TINY.named("a b"))}, "every space needs its own name, got a b, a b"),
    ({"vary": {"lr": Real(low=0.1, high=1.0)}}, "varies 'lr', which is no field of the recipe"),
    ({"vary": {"data": Choice(options=("digits", "mnist"))}}, "varies 'data'"),
    ({"vary": {"validation_size": Integer(low=100, high=200)}}, "varies 'validation_size', which is no field"),
    ({"vary": {"rotation": Real(low=0.0, high=200.0)}}, r"rotation must lie in \[0, 180\], got 200"),
    ({"vary": {"epochs": Real(low=0.5, high=2.0)}}, "epochs"),
    ({"vary": {"momentum": Choice(options=(0.5, 0.9, 1.5))}}, r"momentum must lie in \[0, 1\), got 1.5"),
    ({"vary": {"batch_size": Integer(low=0, high=64)}}, "batch_size must be"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_impossible_studies_are_refused(changes: dict[str, Any], said: str) -> None:
    """A study that can't be run to its end is refused where it is made, with the offending value."""
    with pytest.raises(Refused, match=said):
        replace(STUDY, **changes)


def test_a_field_can_not_vary_beside_a_dimension_of_its_name() -> None:
    """A recipe field whose name is a dimension of a space can't vary: one column of the table would mean two things."""
    space = replace(TINY, dimensions={**TINY.dimensions, "epochs": Integer(low=1, high=2)})
    with pytest.raises(Refused, match="a dimension of tiny, too"):
        replace(STUDY, spaces=(space,), vary={"epochs": Integer(low=1, high=2)})


def test_an_unknown_sampler_lists_those_there_are() -> None:
    """An unknown sampler is refused with all samplers, in a study and by its name on the command line."""
    with pytest.raises(Refused, match="must be 'random', 'quasirandom', 'tpe', 'gp', 'nsga2' or 'cmaes', got 'grid'"):
        replace(STUDY, sampler="grid")  # type: ignore[arg-type]
    with pytest.raises(Refused, match="there is no sampler 'grid'") as refused:
        check_sampler("grid")
    assert refused.value.hint == "samplers: random, quasirandom, tpe, gp, nsga2, cmaes"


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_limit_is_a_positive_number(seconds: float) -> None:
    """A training may take a positive, finite number of seconds."""
    with pytest.raises(Refused, match="max_trial_seconds must be a positive number of seconds"):
        replace(STUDY, max_trial_seconds=seconds)


def test_rules_of_a_study() -> None:
    """A study says its rules beforehand: about its spaces, about parts of them, about the order of a column."""
    rules = (
        RULE,
        Rule(name="rich", statement="Rich beats tiny.", contrast=Spaces(first="rich", reference="tiny")),
        Rule(name="width", statement="Wider is better.", contrast=Order(column="width", space="rich")),
    )
    assert replace(STUDY, rules=rules).rules == rules


def test_a_part_is_a_range_or_some_values() -> None:
    """A part without a condition, with two of them, or with an empty range isn't one."""
    for wrong in ({}, {"low": 1.0, "values": (1,)}):
        with pytest.raises(Refused, match="by a range or by values"):
            Part(column="width", **wrong)
    with pytest.raises(Refused, match=r"low=2\.0, high=1\.0"):
        Part(column="width", low=2.0, high=1.0)
    with pytest.raises(Refused, match="'tiny' twice"):
        Spaces(first="tiny", reference="tiny")
