"""A question as data, and the record of each trial: all that a study's file imports.

Study = spaces, recipe, limits, rules, and when it is looked at or ends early; a trial that is over is a Record.
"""

from typing import Never

from nas.study.halving import SuccessiveHalving
from nas.study.limits import Limits
from nas.study.looks import Looks
from nas.study.recipe import Recipe
from nas.study.rules import Contrast, Order, Part, Parts, Rule, Spaces, against, among, larger
from nas.study.strata import Strata
from nas.study.study import Grid, Study

__all__ = [
    "Contrast",
    "Grid",
    "Limits",
    "Looks",
    "Order",
    "Part",
    "Parts",
    "Recipe",
    "Rule",
    "Spaces",
    "Strata",
    "Study",
    "SuccessiveHalving",
    "against",
    "among",
    "larger",
]


def __getattr__(name: str) -> Never:
    """Answer the name that something had before."""
    if name == "Halving":
        raise ImportError("Halving(factor, first) is called SuccessiveHalving(reduction_factor, min_epochs) now")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
