"""What an audit says of its run: rank agreement and regret, seed variance, and verdicts at the longer training.

An audit is a run of its own in the folder `audit` of another: networks of that run, trained again. It never enters the
table, an EDF or the best networks of that run. Of each space every network is taken with the same chance, but for
failures, of which one is taken for sure (`nas.sampling.subset`): verdicts weigh for that, tau, regret and seed variance
count each network once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis import (
    Agreement,
    ImagesAndSeeds,
    LongVerdict,
    NoiseFloor,
    Second,
    Verdict,
    agreement,
    long_verdicts,
    noise_floor,
)
from nas.analysis.statistics.interval import Floats
from nas.errors import NasError, Refused
from nas.findings.looks import look_of, verdicts_by_look
from nas.findings.same_images import parts
from nas.findings.settings import fidelity
from nas.findings.wording.audits import HEADER, AuditRow, audit_head, audit_row, tau_text
from nas.findings.wording.images import parts_text
from nas.findings.wording.numbers import plural
from nas.layers.display import html_table, notebook
from nas.storage.audits import AuditedNetwork, Retrained, read_retrained
from nas.storage.results import Run
from nas.study import Rule
from nas.study.table import table

if TYPE_CHECKING:
    import pandas as pd

CLEAR = 2.0
"""Longer errors vary by at least so many deviations over seeds, else seeds decide a good part of their order."""
LEAST = 8
"""Fewest networks whose spread is told."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """Whether a run's short trainings tell what longer ones do, and how much of their variance is seed variance."""

    title: str
    """Name of the run's study."""
    fidelity: str
    """How the networks of the run were trained."""
    longer: int
    """Times the epochs of the run that the long trainings have."""
    networks: tuple[AuditedNetwork, ...] = field(repr=False)
    """Those whose long training is finished, in complete rounds: as many of each space."""
    of: int
    """Networks of the run that they were taken from."""
    agreement: Agreement
    """Of short and long errors."""
    again: Agreement | None
    """Of short errors with those of another seed, which only seeds set apart; None without other seeds."""
    noise: NoiseFloor | None
    """Deviation of one network over seeds, against that between networks; None without other seeds."""
    parts: ImagesAndSeeds | None
    """What images and seeds add to an error; None where no network has two trainings with their wrong images."""
    verdicts: tuple[LongVerdict, ...]
    """One a rule of the run's study, in their order."""
    notes: tuple[str, ...]
    """What must be said beside all of them."""

    @property
    def rows(self) -> tuple[AuditRow, ...]:
        """Each verdict as texts."""
        return tuple(audit_row(verdict, self.longer) for verdict in self.verdicts)

    @property
    def head(self) -> tuple[tuple[str, str], ...]:
        """The numbers that aren't of a single rule: name and text."""
        lines = audit_head(self.agreement, self.again, self.noise)
        split = (("images and seeds", parts_text(self.parts)),) if self.parts else ()
        taken = f"{plural(len(self.networks), 'network')} of {self.of:,}, trained again {self.longer} times as long"
        return (("trained", self.fidelity), ("audited", taken), *split, *lines)

    def table(self) -> pd.DataFrame:
        """One row a network: its error in the run, its longer one, and those with other seeds."""
        import pandas as pd

        rows = [msgspec.structs.asdict(network) for network in self.networks]
        for row in rows:
            row |= {f"again_{number}": error for number, error in enumerate(row.pop("again"), 1)}
        return pd.DataFrame(rows)

    def sentences(self) -> tuple[str, ...]:
        """Each verdict in words."""
        return tuple(row.sentence for row in self.rows)

    def _repr_html_(self) -> str:
        """What a notebook shows: the numbers, the table of verdicts and what must be said beside them."""
        table = html_table(HEADER, [row.cells for row in self.rows])
        return notebook(self.title, self.head, self.notes, table, self.sentences())


def open_audit(run: Run) -> Audit | None:
    """What the audit of a run says so far; None where it has none.

    Raises NasError where no network has been trained longer yet, or none to its end.
    """
    retrained = read_retrained(run)
    if retrained is None:
        return None
    networks = retrained.networks
    if not networks:
        raise NasError(
            f"{retrained.folder}: no round of longer trainings is finished", hint="run the same command again to resume"
        )
    study, guess = run.manifest.study, run.manifest.data.guess
    frame = table(retrained.population)
    rules, short, looks = _at_look(run, frame)
    noise = _noise(networks)
    return Audit(
        title=study.name,
        fidelity=fidelity(run),
        longer=retrained.subset.longer,
        networks=networks,
        of=len(retrained.population),
        agreement=_agreement(retrained, networks, guess),
        again=_agreement_again(networks, guess),
        noise=noise,
        parts=parts(run),
        verdicts=long_verdicts(frame, rules, _second(frame, networks), guess=guess, short=short),
        notes=(*_notes(run, retrained), *_of_spread(networks, noise), *looks, *_of_rules(run)),
    )


def _at_look(run: Run, frame: pd.DataFrame) -> tuple[Sequence[Rule], Sequence[Verdict] | None, list[str]]:
    """The rules that can be tested, their short verdicts if those are of an interim look, and a note on them."""
    rules = run.manifest.study.rules
    try:
        look = look_of(run.manifest, frame)
    except Refused as refusal:
        return (), None, [f"No verdicts: {refusal}"]
    if look is None:
        return rules, None, []
    note = f"The short verdicts are those of interim look {look.number} of {look.of}, corrected for interim looks"
    if run.manifest.ended:
        note += "; the run ended early because all rules were decided, so its effects are overstated a little"
    return rules, verdicts_by_look(run.manifest, frame, rules, look.number), [note]


def audit_line(run: Run) -> str:
    """The agreement that the audit of a run shows, in a line beside its verdicts; empty without an audit."""
    try:
        retrained = read_retrained(run)
        if retrained is None or not retrained.networks:
            return ""
        agreed = _agreement(retrained, retrained.networks, run.manifest.data.guess)
    except NasError as trouble:
        return f"the audit can't be used: {trouble}"
    with_what = f"trainings {retrained.subset.longer} times as long, n = {len(retrained.networks)}"
    return f"tau {tau_text(agreed)} with {with_what}"


def _errors(errors: Sequence[float | None]) -> Floats:
    return np.array([inf if error is None else error for error in errors], dtype=np.float64)


def _agreement(retrained: Retrained, networks: Sequence[AuditedNetwork], guess: float) -> Agreement:
    short, long = _errors([n.short for n in networks]), _errors([n.long for n in networks])
    if not (np.isfinite(short).any() and np.isfinite(long).any()):
        raise NasError(
            f"of {plural(len(networks), 'network')} none completed one of the two trainings",
            hint=f"{retrained.folder / 'run.log'} says why",
        )
    return agreement(short, long, guess=guess)


def _agreement_again(networks: Sequence[AuditedNetwork], guess: float) -> Agreement | None:
    """Of the run's errors with those of the first other seed, over the networks that have it."""
    both = [n for n in networks if n.again]
    short, again = _errors([n.short for n in both]), _errors([n.again[0] for n in both])
    if not (np.isfinite(short).any() and np.isfinite(again).any()):
        return None
    return agreement(short, again, guess=guess)


def _noise(networks: Sequence[AuditedNetwork]) -> NoiseFloor | None:
    """From the run's own training and those with other seeds; each trial is a network."""
    import pandas as pd

    rows = [
        {"architecture": n.trial, "error": nan if error is None else error}
        for n in networks
        for error in (n.short, *n.again)
        if n.again
    ]
    try:
        return noise_floor(pd.DataFrame(rows, columns=["architecture", "error"]))
    except Refused:
        return None


def _second(frame: pd.DataFrame, networks: Sequence[AuditedNetwork]) -> Second:
    places = {int(trial): place for place, trial in enumerate(frame["trial"])}
    return Second(
        rows=tuple(places[n.trial] for n in networks),
        errors=tuple(inf if n.long is None else n.long for n in networks),
        weights=tuple(n.weight for n in networks),
    )


def _notes(run: Run, retrained: Retrained) -> list[str]:
    notes = []
    if retrained.rounds < retrained.planned:
        notes.append(
            f"The audit isn't finished: {retrained.rounds} of {retrained.planned} rounds of "
            f"{len(retrained.chosen.rounds)} networks are finished, and only complete ones count"
        )
    if retrained.subset.trials < len(run.records):
        notes.append(
            f"The run has {len(run.records):,} trials; the audit was started after {retrained.subset.trials:,} of them "
            "and covers these"
        )
    failed = sum(record.error is None for record in retrained.population)
    among = sum(network.short is None for network in retrained.networks)
    if failed:
        notes.append(
            f"{failed} of {len(retrained.population)} networks failed in the run; {among} of them were trained again"
            + (": verdicts weigh them by their share" if among else ": the verdicts take all to fail again")
        )
    mine, theirs = ({r.device for r in records if r.device} for records in (retrained.records.values(), run.records))
    used, again = ([f.versions, *f.versions_since.values()] for f in (run.manifest, retrained.manifest))
    libraries = [name for name in used[0] if len({versions.get(name) for versions in (*used, *again)}) > 1]
    if other := [*sorted(mine - theirs), *libraries]:
        notes.append(f"Not computed as the run was, which may change errors, too: {', '.join(other)}")
    return notes


def _of_spread(networks: Sequence[AuditedNetwork], noise: NoiseFloor | None) -> list[str]:
    """What a tau must be read with: where networks hardly differ after the longer training, seeds set their order."""
    long = np.array([n.long for n in networks if n.long is not None], dtype=np.float64)
    if noise is None or len(long) < LEAST or (spread := float(long.std(ddof=1))) >= CLEAR * noise.noise.estimate:
        return []
    return [
        f"Longer errors vary by {100 * spread:.2f} points between networks, and a seed alone moved short ones by "
        f"{100 * noise.noise.estimate:.2f}: little order is left in them, which by itself makes tau low"
    ]


def _of_rules(run: Run) -> list[str]:
    if run.manifest.study.rules:
        return []
    return [f"Study {run.manifest.study.name!r} declares no rules, so there are no verdicts that could change"]
