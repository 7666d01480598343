"""What the page shows of one run or of tables, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from nas.data import Task
from nas.findings.wording.rules import RuleRow
from nas.layers import Layer
from nas.layers.staircases import Stair
from nas.sampling.window import Window
from nas.study.record import Epoch


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Verdicts on rules, as texts, or the reason why there are none."""

    rows: tuple[RuleRow, ...] = ()
    """One a rule."""
    next: tuple[tuple[str, str], ...] = ()
    """What follows: name and text."""
    meanings: tuple[tuple[str, str], ...] = ()
    """What all of them rest on, likewise."""
    notes: tuple[str, ...] = ()
    """What must be said beside them."""
    pairs: Mapping[tuple[str, str], RuleRow] = field(default_factory=dict)
    """Two spaces, the one that obeys first -> the rule on them."""
    refusal: str = ""
    """Why there are none."""


@dataclass(frozen=True, kw_only=True)
class Audited:
    """What trainings of some networks once more say of a run, as texts."""

    summary: str = ""
    """Whether its verdicts should be believed."""
    head: tuple[tuple[str, str], ...] = ()
    """Numbers of all networks: name and text."""
    rows: tuple[tuple[str, ...], ...] = ()
    """One a rule, below the header of audits."""
    sentences: tuple[str, ...] = ()
    """One a rule."""
    notes: tuple[str, ...] = ()
    """What must be said beside them."""
    refusal: str = ""
    """Why there is nothing yet."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One verdict, or one thing that is known without any."""

    text: str
    """What is said."""
    kind: str = ""
    """That of a verdict; empty for what isn't one."""
    name: str = ""
    """Of the rule; empty for what is about none."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a reader wants first."""

    headline: str
    """The finding."""
    lines: tuple[Line, ...]
    """What it consists of."""
    how: tuple[str, ...]
    """How it was obtained."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A small table of texts."""

    title: str
    """What it answers."""
    header: tuple[str, ...]
    """Names of its columns."""
    rows: tuple[tuple[str, ...], ...]
    """Below the header; may be none."""
    about: str = ""
    """How it is read."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Searches at equal compute, or runs beside each other, as texts and as numbers for the script."""

    story: Story
    """The head of the part."""
    tables: tuple[Table, ...]
    """One a measure of searches."""
    curves: tuple[Mapping[str, Any], ...] = ()
    """One a measure of searches."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the page shows of one run."""

    title: str
    """Name of the study."""
    question: str
    """What the study asks, as a sentence."""
    settings: Mapping[str, str]
    """The settings, as shown: data, recipe, limits, sampler, seed, versions."""
    total: int
    """Trials planned."""
    frame: pd.DataFrame
    """The columns of `nas.study.table`, then one column for each dimension and attribute."""
    dimensions: tuple[str, ...]
    """Columns that error is drawn against; numbers or texts."""
    spaces: tuple[str, ...] = ()
    """All spaces in the order of the study, which decides their marks; those of the table follow by name."""
    classes: int | None = None
    """Number of classes; guessing has an error of 1 - 1/classes. 0 where the target is a number, None if unknown."""
    guessing: float | None = None
    """Error of guessing where no number of classes tells it; None if unknown."""
    inputs: tuple[int, ...] = ()
    """Shape of one input; empty if unknown."""
    windows: tuple[Window, ...] = ()
    """What the limits did to each space; may be empty."""
    curves: Mapping[int, tuple[Epoch, ...]] = field(default_factory=dict)
    """Trial -> its epochs, of the best networks at least; may be empty."""
    networks: Mapping[int, Layer] = field(default_factory=dict)
    """Trial -> layer tree, of the best networks; may be empty."""
    sources: Mapping[int, str] = field(default_factory=dict)
    """Trial -> its network in plain torch, of the best; may be empty."""
    stairs: Mapping[int, tuple[Stair, ...]] = field(default_factory=dict)
    """Trial -> widths along the depth, of every network whose layers are known; may be empty."""
    folder: str = ""
    """Folder of the run, as a shell reads it; empty where there is none."""
    task: Task = "classification"
    """What the networks are to get right: decides the units of error and loss."""
    note: str = ""
    """What this page can't show, and why; empty for a run."""
    first_two: str = ""
    """Whether the best two networks can be told apart, as a sentence; empty where that isn't known."""
    rules: Verdicts | None = None
    """What the run says of its study's rules; None where it declares none."""
    audit: Audited | None = None
    """What an audit says of the run; None without one."""
    objectives: tuple[str, ...] = ("error",)
    """Columns that a search makes small."""
    validating: int = 0
    """Validation images that errors were measured on; 0 where that isn't known, or no share of them."""
    sampled: str = ""
    """How networks were drawn, in words; empty where that isn't known."""
    how: tuple[str, ...] = ()
    """How the networks were trained and limited, in a sentence each."""
    apart: str = ""
    """Which networks of the same tables stand in parts of their own, and why; empty where none do."""
    untested: str = ""
    """Why no two spaces are tested, and what tests them."""
    extended: str = ""
    """What decides undecided rules."""
    compared: Compared | None = None
    """What this part compares; None for a run or tables."""
    snapshot: str = ""
    """When the page was made; empty where that isn't said."""

    @property
    def known_guess(self) -> float | None:
        """Error of guessing a class, or the mean of the target; None where nothing tells it."""
        if self.task == "regression":
            return 1.0
        return self.guessing if self.classes is None else 1 - 1 / self.classes

    @property
    def guess(self) -> float:
        """Error at which a failure enters means: of guessing, else the table's worst."""
        if self.known_guess is not None:
            return self.known_guess
        return float(self.frame["error"].max()) if self.frame["error"].notna().any() else 1.0
