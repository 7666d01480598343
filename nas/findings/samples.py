"""The random sample that a run or a table is, as one value, and which rules may be tested on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from nas.analysis import principle_rules
from nas.analysis.selection import designs, numeric_columns
from nas.errors import NasError, Refused
from nas.findings.columns.defaults import note_on, set_aside
from nas.findings.columns.groups import rules_about
from nas.findings.settings import fidelity, matched_cost
from nas.findings.tables import ERROR, Tables, checked
from nas.findings.wording.numbers import listed, shortened
from nas.storage.results import Run
from nas.study import Rule, Study
from nas.study.stored import StoredStudy

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "not known (a table doesn't say how long its networks were trained)"
MOST_NAMED = 12
"""Most columns named in a message."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Networks with errors that were drawn at random, and what is known of them."""

    title: str
    """Name of the study, or of the tables."""
    frame: pd.DataFrame
    """One row a network."""
    strata: tuple[str, ...]
    """How costs were matched, in words, once a design."""
    fidelity: str
    """How the networks were trained, in words."""
    guess: float | None = None
    """Error of guessing, at which a failure enters means; None where it isn't known."""
    target: str = ""
    """The number that is predicted; empty where classes are."""
    percent: bool = False
    """Whether the errors were percentages, so that a difference of them is meant in points."""
    unitless: bool = False
    """Whether the errors are no shares, as losses are, so that they are taken as they are."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Name of each table -> where its rows come from; empty for a run."""
    run: Run | None = None
    """The run behind them; None for tables."""
    measured: tuple[str, ...] = ()
    """Columns of a table that were measured in the training, whatever their names."""
    dimensions: tuple[str, ...] | None = None
    """What was drawn, held fixed where one of them is asked about; None where it isn't known."""

    @property
    def extended(self) -> bool:
        """Whether it is a run that was finished and then given more networks."""
        return self.run is not None and self.run.manifest.extended > 0

    @property
    def unit(self) -> str:
        """Unit of differences, in words; a table that is predicted has the name of its target."""
        below = "below zero where the first, or a larger value, is better"
        if self.unitless:
            return f"none: the errors are taken as they are, and a point is a hundredth of 1; {below}"
        of = f"hundredths of the standard deviation of {self.target!r}" if self.target else "percentage points of error"
        return f"points: {of}; {below}"

    @cached_property
    def aside(self) -> Mapping[str, str]:
        """Columns of a table that rules are about only where they are requested -> what they are; of a run none."""
        return {} if self.run else set_aside(self.frame, self.measured)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Those that its study declares; of a table one a column of numbers, that larger values are better."""
        if self.run:
            return self.run.manifest.study.rules
        return principle_rules(self.frame, [name for name in numeric_columns(self.frame) if name not in self.aside])

    def share(self, difference: float | None) -> float | None:
        """A difference of errors, given in their unit, as a share of 1; refused where it is negative or no number."""
        if difference is not None and not 0 <= difference < inf:
            raise Refused(f"a difference of errors is a number of at least 0, got {difference}")
        return difference / 100 if difference is not None and self.percent else difference

    def tested(self, requested: Sequence[Rule] | None) -> tuple[Rule, ...]:
        """The requested rules, else its own; refused where there are none."""
        if requested is not None and not requested:
            raise Refused("no rules are given", hint="leave rules out for the sample's own")
        if rules := self.rules if requested is None else tuple(requested):
            return rules
        if self.run is None:
            raise Refused(
                f"no column of {self.title} holds numbers that vary, but for the errors",
                hint="; ".join([f"it has {', '.join(map(str, self.frame.columns))}", *note_on(self.aside, None)]),
            )
        sampled = shortened(self.run.manifest.study.sampled, MOST_NAMED)
        raise Refused(
            f"study {self.title!r} declares no rules",
            hint=f"--columns A,B tests columns ({sampled}), --study NAME the rules of another study",
        )


def sample_of(
    source: Run | Tables | pd.DataFrame, error: str, *, accuracy: bool = False, guess: float | None = None
) -> Sample:
    """The random sample that a run or a table is; a run whose networks a search has chosen is refused."""
    if isinstance(source, Run):
        if accuracy:
            raise Refused("a run has errors, and no accuracies", hint="leave out accuracy=True")
        if guess is not None:
            raise Refused("a run knows the error of guessing from its data", hint="leave out guess")
        return _of_run(source)
    if isinstance(source, str | Path):
        place = repr(str(source))
        way = f"pandas.read_csv({place}) reads a table" if ".csv" in place else f"nas.open({place}) opens a run"
        raise Refused(f"a run or a table is taken, got {source!r}", hint=way)
    if not isinstance(source, Tables) and not hasattr(source, "columns"):
        raise Refused(f"a run or a table is taken, got {source!r}", hint="one run, or a pandas DataFrame")
    tables = source if isinstance(source, Tables) else checked(source, error, accuracy=accuracy, guess=guess)
    return Sample(
        title=listed(tables.origins),
        frame=tables.frame,
        strata=designs(tables.frame),
        fidelity=UNKNOWN,
        guess=tables.guess,
        percent=tables.percent,
        unitless=tables.unitless,
        origins=tables.origins,
        measured=tables.measured,
        dimensions=tables.drawn,
    )


def _of_run(run: Run) -> Sample:
    study, info = run.manifest.study, run.manifest.data
    require_random(study)
    return Sample(
        title=study.name,
        frame=run.table(),
        strata=tuple(filter(None, [matched_cost(study)])),
        fidelity=fidelity(run),
        guess=info.guess,
        target=info.target,
        run=run,
        dimensions=study.sampled,
    )


def guessing(study: Study | None) -> float | None:
    """Error of guessing on the data of a study; None without a study, and where its data aren't there."""
    from nas import data

    try:
        return None if study is None else data.prepare_for(study.recipe).guess
    except NasError:
        return None


def require_random(study: Study | StoredStudy) -> None:
    """Refuse a study that doesn't sample at random, or that prunes trainings by their errors."""
    name, sampler = study.name, study.sampler
    if study.halving:
        raise Refused(
            f"study {name!r} uses successive halving, so which trainings have an error depends on the errors",
            hint="rules are tested on a random sample: the same study without halving",
        )
    if sampler != "random":
        raise Refused(
            f"study {name!r} samples with {sampler!r}, which chooses networks, so they are no random sample",
            hint='rules are tested on a random sample: the same study with --sampler random, or sampler="random"',
        )


def requested_rules(
    frame: pd.DataFrame, rules: Sequence[Rule] | None, columns: Sequence[str] | None
) -> tuple[Rule, ...] | None:
    """The rules that are requested, by name of a column or as values; None where nothing is."""
    if rules is not None and columns is not None:
        raise Refused("rules or columns are given, not both", hint="--columns, --study or --against, one of them")
    if columns is None:
        return None if rules is None else tuple(rules)
    if not columns or len(set(columns)) < len(columns):
        raise Refused(f"columns are named once each, at least one, got {', '.join(columns) or 'none'}")
    if ERROR in columns:
        raise Refused(f"{ERROR!r} is what is to be explained, so it can't be one of the columns")
    return tuple(rule for column in columns for rule in rules_about(frame, column))
