"""Design rules and what a run, or anybody's table, says of them: verdicts with everything they rest on."""

from __future__ import annotations

import math
from collections import Counter
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
from nas.findings.wording.numbers import plural, shortened
from nas.findings.wording.rules import MOST_NAMED, RuleRow, is_order, rule_row, shown, summary
from nas.layers.display import html_table, notebook
from nas.storage.results import Run
from nas.study import Rule, Spaces

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

TOGETHER = (
    "Test old and new ones together with nas principles --again (again=True in Python; a continued run does so "
    "itself): p is five times as large, beside Holm's correction, for repeated tests find what isn't there, so that a "
    "rule just below 0.05 may turn undecided"
)
MORE = (
    'the numbers under "more needed" are of the networks that a rule is about, in the proportion that is there; rules '
    f"share them: {{}}. {TOGETHER}; the numbers allow for that"
)
"""What is said where rules are undecided of a study without interim looks, after how many networks are enough."""
FEW = (
    "these networks are too few, or vary too much, to tell how many decide the undecided rules. nas plan DIR, or nas "
    f"plan --table FILE, says how many of each space show an effect of delta. {TOGETHER}"
)
"""What is said where no undecided rule has a number."""
SIZE = "beside a verdict: whether the interval of its difference lies above delta, inside of it, or neither (unclear)"
"""What is said of how large effects are."""
PAIRS = (
    "share of all pairs, one network of each side, in which the first has the lower error; ties are half; 50 % means "
    "that neither wins"
)
PAIRS_APART = "median of those pairs' differences (Hodges and Lehmann), not the difference of the medians"
"""What numbers of two samples mean."""
PARTS = "; of a column, between any two of its values, or of three to five equal parts of the networks by it"
RHO = (
    "rank correlation of a column with the errors, the columns that its sentence names held fixed; not those that tell "
    "it, as a sum does its parts"
)
THIRDS_APART = (
    "of a column: errors of the third of networks with its largest values less those of the third with its smallest, "
    "the same columns held fixed"
)
"""What numbers of a column mean."""
FAILED = "of either side, no better than guessing or broken off; they lose every pair against networks that learned"
DECIDED = (
    "go on with what helps, leave out what hurts (of a column that hurts take smaller values), choose freely where "
    "there is no difference of delta; each rule compares its own two sides and no others, and holds for trainings like "
    "these"
)
"""What to do where some rule is decided."""
OPEN = "an undecided rule shows nothing, not even that there is no difference"
"""What to do where some rule isn't."""
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
    enough: str = ""
    """How many networks more are enough for all undecided rules that have a number, in words."""

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
            ("delta", self.delta + PARTS * self._columns),
            *([("size", SIZE)] if any(v.verdict in ("helps", "hurts") for v in self.verdicts) else []),
            (
                "p",
                f"two-sided, of {self._tested}, corrected by Holm for {tests} together (intervals are not corrected)"
                + (", and for interim looks" if looked else "")
                + "; below 0.05 a rule helps or hurts, whether by more than delta or less"
                + ", unless its sign turns once others are held fixed" * self._columns
                + "; that there is no difference "
                "that matters is told by narrower intervals inside of delta, which the sentences have",
            ),
            *looked,
            *([("all rules", "; ".join(self.shared))] if self.shared else []),
            *([("again", AGAIN)] if self.again else []),
            *([("more", self._more)] if not looked and self._more else []),
            ("what to do", "; ".join([DECIDED] * self._some(True) + [OPEN] * self._some(False))),
        )

    @property
    def parts(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The head in two: what comes before the verdicts, and how to read them and go on."""
        below = {"unit", "P(better)", "rho", "difference", "failures", "delta", "size", "p", "more", "what to do"}
        entries = self.head
        return tuple(e for e in entries if e[0] not in below), tuple(e for e in entries if e[0] in below)

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

    def _some(self, decided: bool) -> bool:
        """Whether some rule is decided, or some isn't."""
        return any((verdict.verdict != "undecided") == decided for verdict in self.verdicts)

    @property
    def _more(self) -> str:
        """What to do about undecided rules; empty where there are none."""
        undecided = [verdict for verdict in self.verdicts if verdict.verdict == "undecided" and verdict.delta]
        if any(verdict.needs for verdict in undecided):
            return MORE.format(self.enough)
        return FEW if undecided else ""

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
    _require_small(smallest, sample)
    sample = sample if dimensions is None else replace(sample, dimensions=tuple(dimensions))
    look = look_of(sample.run.manifest, sample.frame) if sample.run else None
    if look and again:
        raise Refused(
            "interim looks are corrected for already, so rules can't be tested again", hint="leave out --again"
        )
    again = again or sample.extended
    declared = requested is None
    own = _of_run(sample.run, look, declared) if sample.run else _of_table(sample, columns, declared)
    found = _verdicts(sample, tested, look, smallest, again)
    if not declared:
        _require_networks(tested, found)
    return Principles(
        title=sample.title,
        verdicts=found,
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
        enough=_enough(sample, tested, found),
    )


def _require_small(delta: float | None, sample: Sample) -> None:
    """Refuse a smallest difference that matters which is larger than all that there is."""
    errors = sample.frame["error"].replace([math.inf, -math.inf], math.nan).dropna()
    if delta is not None and len(errors) and delta >= errors.max() - errors.min() > 0:
        raise Refused(
            f"delta is {100 * delta:g} points, and all errors lie within {100 * (errors.max() - errors.min()):.3g}",
            hint="delta is in the unit of the errors: of shares 0.01 is a point",
        )


def _require_networks(rules: Sequence[Rule], found: Sequence[Verdict]) -> None:
    """Refuse rules given afterwards that are about no network here."""
    for rule, verdict in zip(rules, found, strict=True):
        if not verdict.n_first + verdict.n_second:
            raise Refused(
                f"rule {rule.name!r} can't be tested: no network here lies on one of its sides",
                hint="ask for values that there are: nas table RUN shows them",
            )


def _enough(sample: Sample, rules: Sequence[Rule], found: Sequence[Verdict]) -> str:
    """How many networks more are enough for all rules that have a number, in words; empty where none has one.

    Rules share networks: of each side those of the rule that takes most, and of columns and parts, whose sides can't be
    drawn alone, of the whole sample in the largest proportion.
    """
    open_ones = [(rule, verdict) for rule, verdict in zip(rules, found, strict=True) if verdict.needs]
    if not open_ones:
        return ""
    most = max(_growth(verdict) for _, verdict in open_ones)
    if all(isinstance(rule.contrast, Spaces) for rule, _ in open_ones):
        sides = _sides([verdict for _, verdict in open_ones])
        each = shortened([f"{side} {count:,}" for side, count in sides.items()], MOST_NAMED)
        text = f"about {sides.total():,} more are likely to be enough for all that have one ({each})"
    else:
        more = math.ceil(most * len(unbiased(sample.frame)))
        text = f"about {more:,} more, spread as these are, are likely to be enough for all that have one"
    if sample.run is None:
        return text
    return (
        f"{text}; the command of the run with --samples {math.ceil((1.0 + most) * sample.run.manifest.study.samples)}"
    )


def _growth(verdict: Verdict) -> float:
    """What an undecided rule needs, as a share of the networks that it has."""
    return (verdict.needs or 0) / (verdict.n_first + verdict.n_second)


def _sides(undecided: Sequence[Verdict]) -> Counter[str]:
    """Side -> networks more that the rule takes of it which takes most."""
    sides = Counter[str]()
    for verdict in undecided:
        for side, n in ((verdict.first, verdict.n_first), (verdict.second, verdict.n_second)):
            sides[side] = max(sides[side], math.ceil(_growth(verdict) * n))
    return sides


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
            "the smallest difference that matters, unless --delta states yours (delta= in Python): half a robust "
            "standard deviation (IQR / 1.349) of the errors of a rule's own networks, less the medians of their sides"
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
