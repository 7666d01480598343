"""Design rules and what a run, or anybody's table, says of them: verdicts with everything they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING

from msgspec.structs import replace as replaced

from nas.analysis import Look, Verdict, verdicts
from nas.analysis.selection import spoiled_columns, unbiased
from nas.errors import Refused
from nas.findings.audits import audit_line
from nas.findings.columns.defaults import note_on
from nas.findings.looks import head_of, look_of, notes_of, verdicts_by_look
from nas.findings.samples import Sample, requested_rules, sample_of
from nas.findings.tables import ERROR, Tables
from nas.findings.wording.numbers import plural
from nas.findings.wording.rules import RuleRow, is_order, rule_row, shown, summary
from nas.layers.display import html_table, notebook
from nas.storage.results import Run
from nas.study import Rule

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "name",
    "statement",
    "verdict",
    "measure",
    "effect",
    "low",
    "high",
    "delta",
    "narrow_low",
    "narrow_high",
    "within_delta",
    "better",
    "points",
    "points_low",
    "points_high",
    "plain",
    "given",
    "near",
    "p_value",
    "p_adjusted",
    "first",
    "second",
    "median_first",
    "median_second",
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

MORE = (
    'the numbers under "more needed" are of the networks that a rule is about, in the proportion that is there; rules '
    "share them: {}. Then test old and new ones together with --again (again=True in Python; a continued run does so "
    "itself), which multiplies p by 5, for who tests until something is found finds what isn't there"
)
"""What is said where rules are undecided of a study without interim looks, after how many networks are enough."""
SIZES = (
    "; beside a verdict, (> delta) or (< delta): its effect is certainly larger, or smaller; (> 0): it may be either"
)
"""What is said of how large effects are."""
FEW = (
    "these networks are too few, or vary too much, to tell how many more decide the undecided rules. nas plan DIR (or "
    "nas plan --table FILE) says how many show an effect of delta; with those test again with --again (again=True in "
    "Python)"
)
"""What is said where no undecided rule has a number."""
PAIRS = (
    "share of all pairs, one network of each side, in which the first has the lower error; ties are half; 50 % means "
    "that neither wins"
)
PAIRS_APART = "median of those pairs' differences (Hodges and Lehmann), which isn't that of the medians"
"""What numbers of two samples mean."""
RHO = "rank correlation of a column with the errors, the columns that its sentence names held fixed"
THIRDS_APART = "of a column: errors of its upper third less those of its lower one, the same columns held fixed"
"""What numbers of a column mean."""
FAILED = "of either side; they lose every pair against networks that learned"
DECIDED = (
    "go on with what helps, leave out what hurts (of a column that hurts take smaller values), choose freely where "
    "there is no difference; an undecided rule shows nothing, not even that there is none; all of it at this length of "
    "training"
)
"""What to do where some rule is decided."""
AGAIN = "tested before: p is multiplied by 5, and an interval is one of 99 %"
"""What is said where rules are tested again."""


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
    """How well longer trainings agree, or how to ask; empty of a table."""
    look: Look | None = None
    """The interim look whose networks they rest on; None where all networks were planned."""
    again: bool = False
    """Whether the rules were tested before and left undecided."""
    networks: int = 0
    """Which were tested, with an error or failed."""
    samples: int = 0
    """Networks of each space that the study of a run declares; 0 of a table."""

    @property
    def rows(self) -> tuple[RuleRow, ...]:
        """Each verdict as texts, without the warnings that all share."""
        return tuple(
            rule_row(replaced(verdict, warnings=tuple(w for w in verdict.warnings if w not in self.shared)))
            for verdict in self.verdicts
        )

    @property
    def shared(self) -> tuple[str, ...]:
        """Warnings that each of several verdicts has."""
        first, *others = [verdict.warnings for verdict in self.verdicts] or [()]
        return tuple(text for text in first if others and all(text in warnings for warnings in others))

    @property
    def head(self) -> tuple[tuple[str, str], ...]:
        """What all verdicts rest on: name and text."""
        tests = plural(len(self.verdicts), "rule")
        looked = head_of(self.look, self.verdicts) if self.look else ()
        return (
            ("in short", summary(self.verdicts)),
            ("trained", self.fidelity),
            *([("audited", self.audited)] if self.audited else []),
            ("unit", self.unit),
            *([("P(better)", PAIRS)] if self._pairs else []),
            *([("rho", RHO)] if self._columns else []),
            ("difference", "; ".join([PAIRS_APART] * self._pairs + [THIRDS_APART] * self._columns)),
            *([("failures", FAILED)] if any(v.failures_first + v.failures_second for v in self.verdicts) else []),
            ("delta", self.delta + "; of a column, between any two parts of it" * self._columns + SIZES * self._sized),
            (
                "p",
                f"two-sided, of {self._tested}, corrected by Holm for {tests} together (intervals are not corrected)"
                + (", and for interim looks" if looked else "")
                + "; below 0.05 a rule helps or hurts, whether by more than delta or less; no "
                "difference that matters rests on intervals inside of delta, not on p",
            ),
            *looked,
            *([("all rules", "; ".join(self.shared))] if self.shared else []),
            *([("again", AGAIN)] if self.again else []),
            *([("more", self._more)] if not looked and self._more else []),
            *([("what to do", DECIDED)] if any(v.verdict != "undecided" for v in self.verdicts) else []),
        )

    @property
    def _columns(self) -> bool:
        """Whether some rule is about the order of a column."""
        return any(map(is_order, self.verdicts))

    @property
    def _pairs(self) -> bool:
        """Whether some rule compares two samples."""
        return not all(map(is_order, self.verdicts))

    @property
    def _tested(self) -> str:
        """What p belongs to."""
        return " or ".join(["P(better)"] * self._pairs + ["rho"] * self._columns)

    @property
    def _sized(self) -> bool:
        """Whether the size of some effect is told beside its verdict."""
        return any("delta" in row.cells[1] or "> 0" in row.cells[1] for row in self.rows)

    @property
    def _more(self) -> str:
        """What to do about undecided rules; empty where there are none."""
        undecided = [verdict for verdict in self.verdicts if verdict.verdict == "undecided" and verdict.delta]
        if any(verdict.needs for verdict in undecided):
            return MORE.format(self._enough)
        return FEW if undecided else ""

    @property
    def _enough(self) -> str:
        """How many networks are enough for all rules that have a number: all grow by the largest share."""
        growth = max((verdict.needs or 0) / (verdict.n_first + verdict.n_second) for verdict in self.verdicts)
        more = f"{plural(math.ceil(growth * self.networks), 'network')} more, spread as these are,"
        if not self.samples:
            return f"{more} are enough for all that have one"
        return (
            f"{more} are enough for all that have one; the command of the run with --samples "
            f"{math.ceil((1.0 + growth) * self.samples)} trains them"
        )

    def table(self) -> pd.DataFrame:
        """One row a rule: effect, low, high in the unit of errors or as a correlation; points, delta in that unit."""
        import msgspec
        import pandas as pd

        rows = [{**msgspec.structs.asdict(v), "n": v.n_first + v.n_second} for v in self.verdicts]
        for row in rows:
            better, points, narrow = row.pop("better"), row.pop("points"), row.pop("narrow")
            row["better"] = better.estimate if better else None
            row |= {
                "points": points.estimate if points else None,
                "points_low": points.low if points else None,
                "points_high": points.high if points else None,
                "narrow_low": narrow.low if narrow else None,
                "narrow_high": narrow.high if narrow else None,
            }
            row["given"] = ", ".join(row["given"])
            row["look"] = row["look"].number if row["look"] else None
            row["warnings"] = "; ".join(row["warnings"])
        return pd.DataFrame(rows, columns=COLUMNS).astype(
            {"needs": "Int64", "look": "Int64"}
            | dict.fromkeys(("better", "delta", "plain", "near", "median_first", "median_second"), float)
        )

    def sentences(self) -> tuple[str, ...]:
        """Each verdict in words."""
        return tuple(row.sentence for row in self.rows)

    def _repr_html_(self) -> str:
        """What a notebook shows: the table, the sentences and what must be said beside them."""
        items = (text for row in self.rows for text in (row.sentence, *row.marked))
        return notebook(self.title, self.head, self.notes, html_table(*shown(self.rows)), items)


def principles(
    source: Run | Tables | pd.DataFrame,
    *,
    rules: Sequence[Rule] | None = None,
    columns: Sequence[str] | None = None,
    error: str = ERROR,
    accuracy: bool = False,
    guess: float | None = None,
    delta: float | None = None,
    dimensions: Sequence[str] | None = None,
    again: bool = False,
) -> Principles:
    """What a run or a table says of design rules: helps, hurts, no difference that matters, or undecided.

    Of a run these are the rules that its study declares unless others are given; of a table one rule a numeric column,
    that larger values are better, but for results and numbers of rows. `error` is the column of errors in a table, or
    of accuracies where `accuracy` is true, `guess` the error of guessing, from which on a network has failed to learn
    (runs, and the tables that they write, know it), `delta` the smallest difference that matters, in the unit of the
    errors. While one column is asked about the others are held fixed: of a run what was drawn, of a table `dimensions`,
    or else the columns that are asked about. `again` says that the rules were tested before, on fewer networks or on
    others, and left undecided; of a run that was extended after its end that is known. Raises Refused where nothing can
    be tested: no rules, a column without numbers, samples that a search has chosen.
    """
    sample = sample_of(source, error, accuracy=accuracy, guess=guess)
    requested = requested_rules(sample.frame, rules, columns)
    tested, smallest = sample.tested(requested), sample.share(delta)
    sample = sample if dimensions is None else replace(sample, dimensions=tuple(dimensions))
    look = look_of(sample.run.manifest, sample.frame) if sample.run else None
    if look and again:
        raise Refused(
            "interim looks are corrected for already, so rules can't be tested again", hint="leave out --again"
        )
    again = again or sample.extended
    declared = requested is None
    own = _of_run(sample.run, look, declared) if sample.run else _of_table(sample, columns, declared)
    return Principles(
        title=sample.title,
        verdicts=_verdicts(sample, tested, look, smallest, again),
        fidelity=sample.fidelity,
        unit=sample.unit,
        delta=delta_in_words(smallest),
        notes=(
            *map(": ".join, sample.origins.items()),
            *own,
            *(f"matched: {s}, each with the same weight, so spaces are compared at equal cost" for s in sample.strata),
        ),
        audited=_audited(sample.run) if sample.run else "",
        look=look,
        again=again,
        networks=len(unbiased(sample.frame)),
        samples=sample.run.manifest.study.samples if sample.run else 0,
    )


def _verdicts(
    sample: Sample, rules: Sequence[Rule], look: Look | None, delta: float | None, again: bool
) -> tuple[Verdict, ...]:
    """On all networks, or on those of an interim look."""
    if sample.run is None or look is None:
        return verdicts(sample.frame, rules, guess=sample.guess, delta=delta, dimensions=sample.dimensions, again=again)
    return verdicts_by_look(sample.run.manifest, sample.frame, rules, look.number, delta=delta)


def delta_in_words(delta: float | None) -> str:
    """Which difference matters."""
    if delta is None:
        return (
            "the smallest difference that matters: half a robust standard deviation (IQR / 1.349) of the errors of a "
            "rule's own networks about their samples' medians"
        )
    return f"the smallest difference that matters: {100 * delta:g} points, as stated"


def _of_run(run: Run, look: Look | None, declared: bool) -> list[str]:
    """What must be said of a run that isn't finished, and of rules that were stated late."""
    later = [] if declared else ["These rules were given after the run, so they are no prediction"]
    return [*_of_state(run, look), *(_of_age(run) if declared else later)]


def _of_table(sample: Sample, columns: Sequence[str] | None, every: bool) -> list[str]:
    """What must be said of columns that no rule is about, where every column is tested, and of failures."""
    frame = sample.frame
    skipped = spoiled_columns(frame) if every else {}
    notes = [*note_on(sample.aside, None if every else columns or ())]
    notes += [f"left out: {name!r}, which holds {text!r} among its numbers" for name, text in skipped.items()]
    if not frame["error"].isna().any():
        return notes
    how = "the worst error of the table" if sample.guess is None else f"guessing, an error of {sample.guess:g}"
    return [*notes, f"A failure enters means as {how}"]


def _audited(run: Run) -> str:
    folder = quote(str(run.folder))
    return audit_line(run) or f"not yet: nas audit {folder} trains some longer, and says which verdicts stay"


def _of_state(run: Run, look: Look | None) -> list[str]:
    finished = len(run.records)
    if look is not None:
        return list(notes_of(run.manifest, look, finished, run.total))
    if finished == run.total and run.manifest.extended:
        return [
            f"The run was finished with {run.manifest.extended:,} networks of each space, and then extended: its rules "
            "are tested again, and those of its table with --again"
        ]
    if finished == run.total:
        return []
    return [
        f"The run isn't finished: {finished:,} of {run.total:,} trials are finished. Verdicts hold for the planned "
        "number; reading them on the way is corrected for only in a study that declares interim looks"
    ]


def _of_age(run: Run) -> list[str]:
    if not run.manifest.rules_after:
        return []
    note = f"The rules were stated when {run.manifest.rules_after:,} trials were finished, so they aren't a prediction"
    if run.manifest.study.looks is None:
        return [note]
    return [f"{note}; interim looks before that tested other rules. The correction holds all the same"]
