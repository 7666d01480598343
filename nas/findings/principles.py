"""Design rules and what a run, or anybody's table, says of them: verdicts with everything they rest on."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.analysis import Look, Verdict, principle_rules, verdicts
from nas.analysis.columns import spoiled_columns
from nas.analysis.selection import designs
from nas.errors import Refused
from nas.findings.audits import audit_line
from nas.findings.looks import head_of, look_of, notes_of, verdicts_by_look
from nas.findings.samples import asked_rules, require_map, some
from nas.findings.settings import fidelity, matched_cost
from nas.findings.tables import ERROR, Tables, checked
from nas.findings.wording.numbers import listed, plural
from nas.findings.wording.rules import HEADER, RuleRow, rule_row
from nas.storage.results import Run
from nas.study import Rule

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "not known: a table doesn't say how long its networks were trained"
COLUMNS = (
    "name",
    "statement",
    "verdict",
    "measure",
    "effect",
    "low",
    "high",
    "delta",
    "within_delta",
    "better",
    "p_value",
    "p_adjusted",
    "n",
    "n_first",
    "n_second",
    "failures_first",
    "failures_second",
    "needs",
    "look",
    "confidence",
    "warnings",
)
"""Of `Principles.table`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Principles:
    """The verdicts of one run or table, corrected for one another."""

    title: str
    """Name of the study, or of the tables."""
    verdicts: tuple[Verdict, ...]
    """One a rule, in the order of the rules."""
    fidelity: str
    """How the networks were trained: a verdict at one length of training needn't hold at another."""
    unit: str
    """Of differences and of delta; a correlation has none."""
    delta: str
    """Which effect matters, in words."""
    notes: tuple[str, ...]
    """What must be said beside all of them."""
    audited: str = ""
    """How well longer trainings agree, where some networks were trained again; empty where none were."""
    look: Look | None = None
    """The look whose networks they rest on; None where all networks were planned."""

    @property
    def rows(self) -> tuple[RuleRow, ...]:
        """Each verdict as texts."""
        return tuple(rule_row(verdict) for verdict in self.verdicts)

    @property
    def head(self) -> tuple[tuple[str, str], ...]:
        """What all verdicts rest on: name and text."""
        tests = plural(len(self.verdicts), "rule")
        looked = head_of(self.look, self.verdicts) if self.look else ()
        return (
            ("trained", self.fidelity),
            *([("audited", self.audited)] if self.audited else []),
            ("unit", self.unit),
            ("delta", self.delta),
            ("p", f"two-sided, corrected by Holm for {tests} together" + (", and for looks" if looked else "")),
            *looked,
        )

    def table(self) -> pd.DataFrame:
        """One row a rule: effect, low, high and delta in the unit of the errors, or as a correlation."""
        import msgspec
        import pandas as pd

        rows = [{**msgspec.structs.asdict(v), "n": v.n_first + v.n_second} for v in self.verdicts]
        for row in rows:
            better = row.pop("better")
            row["better"] = better.estimate if better else None
            row["look"] = row["look"].number if row["look"] else None
            row["warnings"] = "; ".join(row["warnings"])
        return pd.DataFrame(rows, columns=COLUMNS).astype(
            {"needs": "Int64", "look": "Int64", "better": float, "delta": float}
        )

    def sentences(self) -> tuple[str, ...]:
        """Each verdict in words."""
        return tuple(row.sentence for row in self.rows)

    def _repr_html_(self) -> str:
        """What a notebook shows: the table, the sentences and what must be said beside them."""
        rows = self.rows
        head = "".join(f"<th>{html.escape(name)}</th>" for name in HEADER)
        body = "".join(f"<tr>{_cells((row.name, row.verdict, *row.cells))}</tr>" for row in rows)
        told = "".join(f"<li>{html.escape(text)}</li>" for row in rows for text in (row.sentence, *_marked(row)))
        notes = "".join(f"<p>{html.escape(text)}</p>" for text in (*map(": ".join, self.head), *self.notes))
        return f"<p><b>{html.escape(self.title)}</b></p>{notes}<table><tr>{head}</tr>{body}</table><ul>{told}</ul>"


def principles(
    source: Run | Tables | pd.DataFrame,
    *,
    rules: Sequence[Rule] | None = None,
    columns: Sequence[str] | None = None,
    error: str = ERROR,
    delta: float | None = None,
) -> Principles:
    """What a run or a table says of design rules: helps, hurts, no difference that matters, or undecided.

    Of a run these are the rules that its study declares unless others are given; of a table one rule a numeric column,
    that larger values are better. `error` is the column of errors in a table, `delta` the smallest difference that
    matters, in the unit of the errors. Raises Refused where nothing can be said: no rules, a column without numbers,
    samples that a search has chosen.
    """
    if isinstance(source, Run):
        return of_run(source, rules=rules, columns=columns, delta=delta)
    known = source if isinstance(source, Tables) else checked(source, error)
    return of_tables(known, rules=rules, columns=columns, delta=delta)


def of_run(
    run: Run,
    *,
    rules: Sequence[Rule] | None = None,
    columns: Sequence[str] | None = None,
    delta: float | None = None,
) -> Principles:
    """What a run says of the rules of its study, of given ones, or of some columns of its table."""
    study, info = run.manifest.study, run.manifest.data
    require_map(study)
    frame = run.table()
    asked = asked_rules(frame, rules, columns)
    look = look_of(run.manifest, frame)
    notes = [*_of_state(run, look), *_of_strata(strata=matched_cost(study))]
    if asked is None:
        asked = run.manifest.study.rules
        notes += _of_age(run)
        if not asked:
            raise Refused(
                f"study {study.name!r} declares no rules",
                hint=f"--columns A,B asks for columns ({some(study.sampled)}), --study NAME for rules of another",
            )
    else:
        notes.append("These rules were asked for after the run: they are no prediction")
    return Principles(
        title=study.name,
        verdicts=verdicts(frame, asked, guess=info.guess, delta=delta)
        if look is None
        else verdicts_by_look(run.manifest, frame, asked, look.number, delta=delta),
        fidelity=fidelity(run),
        unit=unit_of(info.target),
        delta=delta_in_words(delta),
        notes=tuple(notes),
        audited=audit_line(run),
        look=look,
    )


def of_tables(
    found: Tables,
    *,
    rules: Sequence[Rule] | None = None,
    columns: Sequence[str] | None = None,
    delta: float | None = None,
) -> Principles:
    """What tables say of given rules, or of some columns, all that hold numbers unless they are named.

    Where the errors of the tables are percentages, so is delta.
    """
    asked = asked_rules(found.frame, rules, columns)
    skipped = spoiled_columns(found.frame) if asked is None else {}
    if asked is None:
        asked = principle_rules(found.frame)
    if not asked:
        raise Refused(
            f"no column of {listed(found.origins)} holds numbers that vary, but for the errors",
            hint=f"it has {', '.join(map(str, found.frame.columns))}",
        )
    share = delta / 100 if delta is not None and found.percent else delta
    origins = tuple(f"{name}: {origin}" for name, origin in found.origins.items())
    origins += tuple(f"left out: {name!r}, which holds {text!r} among its numbers" for name, text in skipped.items())
    origins += tuple(note for strata in designs(found.frame) for note in _of_strata(strata))
    return Principles(
        title=listed(found.origins),
        verdicts=verdicts(found.frame, asked, delta=share),
        fidelity=UNKNOWN,
        unit=unit_of(""),
        delta=delta_in_words(share),
        notes=(*origins, "A failure enters means as the worst error of the table")
        if found.frame["error"].isna().any()
        else origins,
    )


def unit_of(target: str) -> str:
    """Unit of differences, in words; a table that is predicted has the name of its target."""
    return f"points: hundredths of the {f'standard deviation of {target!r}' if target else 'error'}"


def delta_in_words(delta: float | None, *, columns: bool = True) -> str:
    """Which effect matters; what that means for a correlation only where columns are asked about."""
    if delta is None:
        text = "the smallest effect that matters: half a standard deviation of the errors that a rule is compared with"
        return text + ("; for a column the rho at which its halves differ by so much, 0.31" if columns else "")
    text = f"the smallest effect that matters: {100 * delta:g} points, as stated"
    return text + ("; for a column the rho that says the same" if columns else "")


def _of_state(run: Run, look: Look | None) -> list[str]:
    over = len(run.records)
    if look is not None:
        return list(notes_of(run.manifest, look, over, run.total))
    if over == run.total:
        return []
    return [
        f"The run isn't finished: {over:,} of {run.total:,} trials are over. Verdicts hold for the planned number; to "
        "look until one suits isn't accounted for"
    ]


def _of_strata(strata: str) -> list[str]:
    if not strata:
        return []
    return [f"matched: {strata}, each with the same weight, so spaces are compared at equal cost"]


def _of_age(run: Run) -> list[str]:
    if not run.manifest.rules_after:
        return []
    told = f"The rules were stated when {run.manifest.rules_after:,} trials were over, so they aren't a prediction"
    if run.manifest.study.looks is None:
        return [told]
    return [f"{told}; looks before that were at other rules. The correction for looks holds whatever ended the run"]


def _cells(texts: Sequence[str]) -> str:
    return "".join(f"<td>{html.escape(text)}</td>" for text in texts)


def _marked(row: RuleRow) -> tuple[str, ...]:
    return tuple(f"{row.name}: {warning}" for warning in row.warnings)
