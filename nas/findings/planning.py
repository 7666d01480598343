"""How many networks rules need, before any is trained: from the noise of a run or table, or from a stated guess."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from nas.analysis import Need, Scope, scope_drawn, scope_seen
from nas.analysis.rules import sample_size
from nas.analysis.rules.looks import price
from nas.analysis.statistics.equivalence import DEVIATIONS
from nas.analysis.statistics.power import ALPHA, LEFT, planned
from nas.errors import Missing, Refused
from nas.findings.columns.defaults import note_on
from nas.findings.samples import requested_rules, require_random, sample_of
from nas.findings.tables import ERROR, Tables
from nas.findings.wording.needs import HEADER, need_row
from nas.findings.wording.numbers import plural
from nas.layers.display import html_table, notebook
from nas.storage.results import Run
from nas.study import Looks, Order, Rule, Spaces, Study
from nas.study.stored import StoredStudy

if TYPE_CHECKING:
    import pandas as pd

DRAWN = 200
"""Networks of each arm that are drawn, and not trained, to see how many obey a rule."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """How many networks the rules of a study need."""

    needs: tuple[Need, ...]
    """One a rule."""
    scaled: bool
    """Whether effects are in the unit of the errors; else in standard deviations, for none is known."""
    notes: tuple[str, ...]
    """What the numbers rest on."""

    @property
    def samples(self) -> int | None:
        """Networks of each space with which every rule has what it needs; None where no number is enough."""
        enough = [need.samples for need in self.needs if need.samples is not None]
        return max(enough) if len(enough) == len(self.needs) else None

    def table(self) -> pd.DataFrame:
        """One row a rule; `effect` and `deviation` in the unit of the errors, or in deviations if none is known."""
        import pandas as pd

        return pd.DataFrame([msgspec.structs.asdict(need) for need in self.needs]).astype({"samples": "Int64"})

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Each need as texts."""
        return tuple(need_row(need, self.scaled) for need in self.needs)

    def _repr_html_(self) -> str:
        """What a notebook shows: the table of needs and what they rest on."""
        return notebook("Sample size", (), (), html_table(HEADER, self.rows), self.notes)


def plan(
    source: Study | Run | Tables | pd.DataFrame,
    *,
    rules: Sequence[Rule] | None = None,
    columns: Sequence[str] | None = None,
    error: str = ERROR,
    accuracy: bool = False,
    guess: float | None = None,
    effect: float | None = None,
    power: float = LEFT,
    deviation: float | None = None,
) -> Planned:
    """How many networks each rule needs so that an effect is found with this power.

    Of a study before any training: its errors deviate as `deviation` states, else effects are in deviations. A run or
    a table shows how much errors vary; `error` is the column of errors in a table, or of accuracies where `accuracy` is
    true, `guess` the error of guessing, at which a failure enters means. Rules are those of the study, given ones, or
    one a column of `columns`; `effect` is in the unit of the errors, the smallest that matters unless given. Raises
    Refused where there are no rules, and for samples that a search has chosen.
    """
    if isinstance(source, Study):
        if columns is not None:
            raise Refused("columns are planned from the errors of a run or a table, not for a study")
        study = source if rules is None else replace(source, rules=tuple(rules))
        return _of_study(study, effect=effect, power=power, deviation=deviation)
    if deviation is not None:
        raise Refused("a deviation is what a run or a table shows", hint="leave it out, or plan for a study")
    sample = sample_of(source, error, accuracy=accuracy, guess=guess)
    requested = requested_rules(sample.frame, rules, columns)
    tested = sample.tested(requested)
    scopes = [scope_seen(sample.frame, rule, sample.guess) for rule in tested]
    needs = sample_size.plan(tested, scopes, effect=sample.share(effect), power=power)
    seen = f"{len(sample.frame):,} {'trials of the run' if sample.run else 'rows'}"
    own = sample.run.manifest.study if sample.run else None
    result = _planned(needs, power, f"Errors vary as in {seen}; trained: {sample.fidelity}", own)
    aside = note_on(sample.aside, None if requested is None else columns or ())
    return replace(result, notes=(*result.notes, *map(": ".join, sample.origins.items()), *aside))


def _of_study(study: Study, *, effect: float | None, power: float, deviation: float | None) -> Planned:
    """What the rules of a study need if errors deviate as stated.

    Without an effect it's half a deviation, so that no deviation needs to be known.
    """
    require_random(study)
    if not study.rules:
        raise Refused(f"study {study.name!r} declares no rules, so there's nothing to plan")
    if effect is not None and deviation is None:
        raise Refused(
            f"how many networks show an effect of {effect:g} depends on how much errors vary",
            hint="--deviation states it, a run or a table in place of the study shows it",
        )
    if deviation is not None and not 0.0 < deviation < math.inf:
        raise Refused(f"a deviation is a positive number in the unit of the errors, got {deviation}")
    spread = 1.0 if deviation is None else deviation
    drawn, basis = _drawn(study)
    scopes = [
        _assumed(study, rule, spread) if drawn is None else scope_drawn(drawn, rule, spread) for rule in study.rules
    ]
    needs = sample_size.plan(study.rules, scopes, effect=effect, power=power)
    unit = "are in standard deviations of the errors" if deviation is None else "rest on the stated deviation"
    return _planned(needs, power, f"{basis}; effects {unit}", study, scaled=deviation is not None)


def _planned(
    needs: tuple[Need, ...], power: float, basis: str, study: Study | StoredStudy | None, *, scaled: bool = True
) -> Planned:
    """With what the interim looks of a study add to its needs, and whether it declares enough."""
    result = Planned(needs=needs, scaled=scaled, notes=())
    notes_of_looks: tuple[str, ...] = ()
    if study is not None and study.looks is not None and result.samples is not None:
        needs, notes_of_looks = _with_looks(needs, result.samples, study.looks, power)
        result = replace(result, needs=needs)
    notes = (
        f"So many networks find an effect of that size in {100 * power:g} % of studies (power), with 5 % false alarms "
        f"over {plural(len(needs), 'rule')}",
        basis,
        *notes_of_looks,
    )
    if result.samples is None or study is None:
        return replace(result, notes=notes)
    larger = f"--samples {result.samples}"
    if isinstance(study, StoredStudy) and study.looks is not None:
        larger += " --seed N in another folder, for interim looks fix the number"
    verb = "enough" if study.samples >= result.samples else f"too few: {larger}"
    return replace(result, notes=(*notes, f"The study declares {study.samples:,} of each space, {verb}"))


def _with_looks(
    needs: tuple[Need, ...], samples: int, looks: Looks, power: float
) -> tuple[tuple[Need, ...], tuple[str, ...]]:
    """What the rules need at most with interim looks, and what these cost and save in words."""
    alpha, cap, most, mean = ALPHA / (2 * len(needs)), samples, 1.0, 1.0
    for _ in range(3):  # the more networks, the more interim looks, the more networks
        most, mean = price(alpha, planned(power), tuple(end / cap for end in looks.ends(cap)))
        cap = math.ceil(most * samples)
    more = [
        msgspec.structs.replace(
            need, **{name: math.ceil(most * (getattr(need, name) or 0)) for name in ("n_first", "n_second", "samples")}
        )
        for need in needs
    ]
    return tuple(more), (
        f"With interim looks at {looks.first} networks of each space and every {looks.every} more these are the most, "
        f"{100 * (most - 1):.0f} % more than with a single test; an effect of that size is found after "
        f"{100 * mean:.0f} % of a single test's on average",
    )


def _drawn(study: Study) -> tuple[pd.DataFrame | None, str]:
    """Networks of a study that nobody has trained, as rows; None where spaces say who obeys, and without data."""
    if all(isinstance(rule.contrast, Spaces) for rule in study.rules):
        return None, "Each side of a rule is a space, and a study draws equally many networks of each"
    import pandas as pd

    from nas import data
    from nas.sampling import Plan

    try:
        info = data.prepare_for(study.recipe)
    except Missing:
        return None, f"Without the data {study.recipe.data!r} no network can be drawn: half of them are taken to obey"
    once = replace(study, samples=DRAWN, repeats=1, looks=None, limits=study.limits.counted)
    trials, rows = Plan(once, info.shape, info.outputs), []
    for trial in range(once.total):
        proposal = trials.propose(trial)
        own = {**proposal.point, **proposal.network.architecture.facts()}
        rows.append({"space": once.space_of(trial).name, **msgspec.structs.asdict(proposal.network.cost), **own})
    return pd.DataFrame(rows), f"How many networks obey is seen in {len(rows):,} that were drawn and not trained"


def _assumed(study: Study, rule: Rule, deviation: float) -> Scope:
    """The scope of a rule where nothing is known of the networks but their spaces."""
    contrast = rule.contrast
    arms = 2 if isinstance(contrast, Spaces) else 1 if contrast.space else len(study.arms)
    shares = (1.0, 0.0) if isinstance(contrast, Order) else (0.5, 0.5)
    return Scope(arms=arms, shares=shares, deviations=(deviation, deviation), matters=DEVIATIONS * deviation)
