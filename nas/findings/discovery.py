"""Rules that nobody declared, of a run or of anybody's table, and the study that puts them to the test.

space --nas run--> table --nas discover--> rules, smaller space --nas run--> better errors, or not: two commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from nas.analysis import Discovery, discover, inferred_dimensions
from nas.analysis.discovery.narrowing import steps
from nas.analysis.selection import numeric_columns
from nas.errors import Refused
from nas.files import write_atomically
from nas.findings.columns.defaults import note_on
from nas.findings.principles import delta_in_words
from nas.findings.samples import Sample, guessing, sample_of
from nas.findings.study_source import neighbours, study_file
from nas.findings.tables import ERROR, Tables
from nas.findings.wording.numbers import plural
from nas.findings.wording.rules import RuleRow, rule_row, shown
from nas.layers.display import html_table, notebook
from nas.space import Dimension, Space, in_words, sentence
from nas.storage.results import Run, study_of
from nas.storage.study_json import require_unchanged
from nas.study import Study, catalog
from nas.study.search import REFERENCE, Behind
from nas.study.stored import changes, stored

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Discovered:
    """The candidate rules of one random sample, and those that were confirmed."""

    title: str
    """Name of the study, or of the tables."""
    space: str
    """The space that was sampled; empty for all of a table."""
    discovery: Discovery = field(repr=False)
    """What was tried and confirmed."""
    fidelity: str
    """How the networks were trained: a rule at one length of training needn't hold at another."""
    unit: str
    """Of differences and of delta."""
    delta: str
    """Which effect matters, in words."""
    notes: tuple[str, ...]
    """What must be said beside all of it."""
    study: Study | None = field(repr=False)
    """The study that the sample was drawn for; None where it isn't known."""

    @property
    def rows(self) -> tuple[RuleRow, ...]:
        """What the confirming half says of each survivor, as texts."""
        return tuple(rule_row(finding.verdict) for finding in self.discovery.found)

    @property
    def head(self) -> tuple[tuple[str, str], ...]:
        """What the findings rest on: name and text."""
        discovery = self.discovery
        return (
            ("space", self.space or "all rows"),
            ("trained", self.fidelity),
            ("explored", f"{plural(discovery.tried, 'candidate')} scored on {plural(discovery.n_explored, 'network')}"),
            (
                "tested",
                f"{plural(len(discovery.found), 'survivor')} on the other {discovery.n_confirming:,}, unseen before",
            ),
            ("unit", self.unit),
            ("delta", self.delta),
            (
                "p",
                f"two-sided, corrected by Holm for the {plural(len(discovery.found), 'survivor')} together; rules that "
                "were declared are a family of their own, so where nothing matters both say something twice as often",
            ),
        )

    @property
    def smaller(self) -> tuple[str, ...]:
        """The changes that make the space smaller, in words; empty where nothing was found or no space is known."""
        base = self._base
        if base is None:
            return ()
        texts, space = [], base
        for step in steps(base, [*self.discovery.helpful, *self.discovery.free]):
            space = step(space)
            if step.share:
                texts.append(f"one {step.share} for all stages")
            elif step.restrict is not None:
                texts.append(f"{step.restrict[0]} {in_words(step.restrict[1])}")
            else:
                texts.append(sentence(space.requirements[-1]))
        return tuple(texts)

    @property
    def _base(self) -> Space | None:
        """The space as the study names it, whatever combination of a grid was explored."""
        spaces = self.study.spaces if self.study is not None else ()
        named = [space for space in spaces if f"{self.space} ".startswith(f"{space.name} ")]
        return max(named, key=lambda space: len(space.name), default=None)

    def table(self) -> pd.DataFrame:
        """One row a survivor: its score in the explored half, then effect, interval and verdict of the other."""
        import pandas as pd

        columns = ("name", "statement", "score", "n_obeying", "n_others")
        of_verdict = ("verdict", "effect", "low", "high", "p_value", "p_adjusted", "delta", "n_first", "n_second")
        rows = [
            {name: getattr(finding, name) for name in columns}
            | {name: getattr(finding.verdict, name) for name in of_verdict}
            for finding in self.discovery.found
        ]
        return pd.DataFrame(rows, columns=[*columns, *of_verdict])

    def study_file(self) -> str:
        """Source of a study that draws fresh networks of the space and of what the findings leave of it.

        Raises Refused where nothing was found that makes the space smaller, or where no study is known.
        """
        base = self._base
        if self.study is None or base is None:
            raise Refused(
                f"which space {self.title} was drawn from isn't known, so there is nothing to make smaller",
                hint="--study NAME names the study of a table; a run that a program began is discovered with study=",
            )
        return study_file(self.study, base, self.discovery)

    def write(self, path: Path) -> None:
        """The study as a file that `nas run` takes; an existing file is refused, for it may be edited."""
        if path.suffix != ".py":
            raise Refused(f"a study is written as a .py file, not {path.name!r}")
        if path.exists():
            raise Refused(f"{path} exists already", hint="name another file, or remove it")
        source = self.study_file()
        for file in neighbours(source):
            if file.parent != path.resolve().parent:
                raise Refused(
                    f"{path.name} imports {file.name}, so it has to lie beside it", hint=f"-o {file.parent / path.name}"
                )
        write_atomically(path, source.encode())

    def sentences(self) -> tuple[str, ...]:
        """What the confirming half says of each survivor, in words."""
        return tuple(row.sentence for row in self.rows)

    def _repr_html_(self) -> str:
        """What a notebook shows: what it rests on, the survivors, and the smaller space."""
        items = (*self.sentences(), *(f"smaller: {change}" for change in self.smaller))
        return notebook(self.title, self.head, self.notes, html_table(*shown(self.rows)), items)


def discovered(
    source: Run | Tables | pd.DataFrame,
    *,
    space: str | None = None,
    columns: Sequence[str] | None = None,
    study: Behind | None = None,
    error: str = ERROR,
    accuracy: bool = False,
    guess: float | None = None,
    delta: float | None = None,
) -> Discovered:
    """Rules that nobody declared, found on one half of a random sample and confirmed on the other.

    `space` is the one that is explored, needed where there are several; `columns` are dimensions and attributes that
    rules may be about, all unless given; `study` is the one behind a table, or behind a run that a program began, of
    `nas.search` its space, and makes `study_file` possible; `error` is the column of errors in a table, or of
    accuracies where `accuracy` is true, `guess` the error of guessing, at which a failure enters means (else that of
    the study's data, where it is named), `delta` the smallest difference that matters, in the unit of the errors.
    Raises Refused for samples that a search has chosen, and where there is nothing to explore.
    """
    sample = sample_of(source, error, accuracy=accuracy, guess=guess)
    behind = None if sample.run else _of_table(study)
    if sample.run is None and sample.guess is None:
        sample = replace(sample, guess=guessing(behind))
    chosen, smallest = _chosen(sample.frame, space), sample.share(delta)
    discovery = discover(
        sample.frame, _dimensions(sample, chosen, columns, behind), space=chosen, guess=sample.guess, delta=smallest
    )
    own = _study_of(sample.run, study) if sample.run else behind
    return Discovered(
        title=sample.title,
        space=chosen,
        discovery=discovery,
        fidelity=sample.fidelity,
        unit=sample.unit,
        delta=delta_in_words(smallest),
        notes=(
            *discovery.warnings,
            *map(": ".join, sample.origins.items()),
            *(_of_run(sample.run, own) if sample.run else note_on(_aside(sample, behind), columns)),
        ),
        study=own,
    )


def _dimensions(sample: Sample, space: str, columns: Sequence[str] | None, study: Study | None) -> dict[str, Dimension]:
    """What rules may be about: the dimensions of the space, as far as a study tells them, and other numeric columns."""
    rows = sample.frame[sample.frame["space"] == space]
    if sample.run is not None:
        own = sample.run.manifest.study
        attributes = [name for name in numeric_columns(rows) if name not in own.sampled]
        return _among({**own.dimensions_of(space), **own.vary, **inferred_dimensions(rows, attributes)}, columns)
    dimensions = inferred_dimensions(rows, list(columns) if columns is not None else None)
    if study is not None:
        arm = next((arm for arm in study.arms if arm.name == space), None)
        if arm is None:
            names = ", ".join(arm.name for arm in study.arms)
            raise Refused(f"study {study.name!r} has no space {space!r}", hint=f"it has {names}")
        dimensions |= {name: dimension for name, dimension in study.joint(arm).items() if name in dimensions}
    aside = _aside(sample, study) if columns is None else {}
    dimensions = {name: dimension for name, dimension in dimensions.items() if name not in aside}
    if not dimensions:
        raise Refused(f"no column of {sample.title} varies, but for the errors", hint="; ".join(note_on(aside, None)))
    return dimensions


def _aside(sample: Sample, study: Study | None) -> dict[str, str]:
    """Columns that rules are about only where they are requested, but for the dimensions of the study."""
    own = {name for arm in study.arms for name in study.joint(arm)} if study is not None else set()
    return {name: reason for name, reason in sample.aside.items() if name not in own}


def _of_run(run: Run, study: Study | None) -> list[str]:
    """What must be said beside the findings of a run."""
    missing, declared = run.total - len(run.records), len(run.manifest.study.rules)
    notes, stated = [], run.manifest.reference
    if missing:
        notes.append(f"The run isn't finished: {plural(missing, 'trial')} to come")
    if study is None and stated not in ("", REFERENCE):
        notes.append(f"Its study is stated as {stated}, whose code is run only if you name it: --study {quote(stated)}")
    if run.manifest.ended:
        notes.append(
            "The run ended early at an interim look; only the verdicts on its declared rules are corrected for that"
        )
    if declared:
        notes.append(
            f"The study declares {plural(declared, 'rule')}: these are corrected separately from the discovered ones"
        )
    return notes


def _chosen(frame: pd.DataFrame, space: str | None) -> str:
    """The one space that is explored; several are never mixed, for a space would pass for a rule."""
    spaces = list(dict.fromkeys(str(name) for name in frame["space"]))
    if not spaces:
        raise Refused("no network is finished yet, so there are no rules to discover")
    if space is None and len(spaces) == 1:
        return spaces[0]
    if space not in spaces:
        problem = "rules are discovered in one space" if space is None else f"there are no networks of space {space!r}"
        raise Refused(f"{problem}, there are {', '.join(spaces)}", hint="--within SPACE")
    return str(space)


def _among(dimensions: dict[str, Dimension], columns: Sequence[str] | None) -> dict[str, Dimension]:
    """The dimensions of these names; all without names, refused where one isn't there."""
    if unknown := sorted(set(columns or ()) - dimensions.keys()):
        raise Refused(f"there is no dimension or attribute {unknown[0]!r}", hint=f"there are {', '.join(dimensions)}")
    return {name: dimension for name, dimension in dimensions.items() if columns is None or name in columns}


def _of_table(study: Behind | None) -> Study | None:
    """The study behind a table; refused for spaces, which say nothing of its trainings."""
    if isinstance(study, str):
        return catalog.study(study)
    if study is None or isinstance(study, Study):
        return study
    raise Refused("a table is that of a study, not of a space", hint="--study FILE.py, module:NAME; in Python study=")


def _study_of(run: Run, study: Behind | None) -> Study | None:
    """The study of a run as it was started; None where it isn't known, or would have to be named."""
    own = study_of(run, study)
    if own is not None:
        lines = changes(run.manifest.study, stored(own))
        require_unchanged(run.folder, lines, "--study NAME names another place of the old one")
    return own
