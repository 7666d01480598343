"""The head of the page in words: what was found, a line for each rule, and how it was obtained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from nas.analysis import Edf, pareto, top
from nas.analysis.selection import networks_of, several
from nas.analysis.statistics.edf import FEW
from nas.findings.same_images import optimism_of
from nas.findings.wording.images import interval_note
from nas.findings.wording.numbers import (
    UNITS,
    capitalized,
    count,
    duration,
    few,
    isolated,
    listed,
    measured,
    milliseconds,
    percent,
    plural,
    short,
    spoken,
)
from nas.findings.wording.rules import headline
from nas.page.report import Line, Report, Story
from nas.study.limits import LATENCY
from nas.study.record import SENTENCES, Outcome
from nas.study.table import GUESS

NETWORK, TRAINING = "network", "training"
UNEXPLAINED = (Outcome.FAILED, Outcome.CRASHED)
"""Outcomes whose message says more than their sentence."""


def story(report: Report, frame: pd.DataFrame, sample: Sequence[Edf]) -> Story:
    """Verdicts where a study declares rules, else the best network or the front, and what isn't decided."""
    if report.compared:
        return report.compared.story
    rows = report.rules.rows if report.rules else ()
    trained = int(frame["error"].notna().sum())
    lines = [Line(kind=row.kind, name=row.name, text=row.line) for row in rows] if trained else []
    lines += [Line(text=text) for text in _beside(report, frame, sample)]
    return Story(headline=_headline(report, frame), lines=tuple(lines), how=tuple(filter(None, _how(report, frame))))


def _headline(report: Report, frame: pd.DataFrame) -> str:
    samplers, ranked = _searched(frame), top(frame, len(frame))
    if not len(frame):
        return f"No trial is finished yet; {plural(report.total, 'trial')} planned"
    if not len(ranked):
        return f"No network was trained to its last epoch: {failures(frame)}"
    if report.rules and report.rules.rows:
        return headline(report.rules.rows, len(frame))
    if len(report.objectives) > 1 and report.objectives[1] in frame:
        return f"{listed(samplers) if samplers else 'Random sampling'} found {_front(frame, report.objectives[1])}"
    found = f"{_lowest(report, frame, ranked)} validation error"
    if samplers:
        return f"{listed(samplers)} found {found} among {plural(len(ranked), 'network')}"
    if len(ranked) == 1:
        return f"The one trained network has {found}"
    return f"The best of {plural(len(ranked), 'network')} has {found}"


def _lowest(report: Report, frame: pd.DataFrame, ranked: pd.DataFrame) -> str:
    """The lowest mean error of a network, and how sure it is."""
    first = ranked.iloc[0]
    halves = networks_of(frame, report.validating, ranked.head(1))["half"]
    return measured(float(first["error"]), halves.get(frame.index[frame["trial"] == first["trial"]][0]))


def _named(row: Mapping[Any, Any]) -> str:
    """A network by its trial, space and size."""
    size = f", {count(float(row['parameters']))} parameters" if pd.notna(row.get("parameters")) else ""
    return f"trial {row['trial']} of {isolated(str(row['space']))}{size}"


def _front(frame: pd.DataFrame, cost: str) -> str:
    """The ends of a Pareto front."""
    front = pareto(frame[frame[cost] > 0], cost).to_dict("records")
    write = (lambda value: f"{milliseconds(value)} ms") if cost == LATENCY else count
    ends = [f"{percent(row['error'])} at {write(row[cost])} {spoken(cost)}" for row in (front[0], front[-1])]
    between = f"from {ends[0]} to {ends[1]}" if len(front) > 1 else ends[0]
    return f"a Pareto front of {plural(len(front), 'network')}, {between}"


def _beside(report: Report, frame: pd.DataFrame, sample: Sequence[Edf]) -> Iterable[str]:
    """What is known beside verdicts, and what to do about what isn't."""
    rules, best = report.rules, top(frame, len(frame))
    if report.apart:
        yield report.apart
    if not len(best):
        return
    lowest = _lowest(report, frame, best)
    mean = "mean " if len(best) < frame["error"].notna().sum() and "architecture" in frame else ""
    yield f"The lowest {mean}validation error has {_named(best.iloc[0].to_dict())}: {lowest}"
    if rules and rules.rows:
        yield from _next(report)
        return
    if rules:
        yield f"No verdict is given: {rules.refusal}"
    if _searched(frame):
        yield _history(frame)
    elif len(many := [edf for edf in sample if edf.n >= FEW]) > 1:
        yield _means(many)
    if len(sample) > 1 and report.untested and not rules:
        yield f"Nothing says which space is better: {report.untested}"
    if report.first_two:
        yield report.first_two
    if text := optimism_of(best["error"].astype(float).tolist(), report.validating):
        yield text


def _next(report: Report) -> Iterable[str]:
    """How undecided rules become decided."""
    if report.rules and any(row.kind == "undecided" for row in report.rules.rows) and report.extended:
        yield f"What to do next: {report.extended}"


def _searched(frame: pd.DataFrame) -> list[str]:
    """Samplers that chose networks by the errors of others."""
    names: list[str] = frame["sampler"].dropna().astype(str).unique().tolist() if "sampler" in frame else []
    return [name for name in names if name not in ("random", "quasirandom", "audit")]


def _history(frame: pd.DataFrame) -> str:
    """When a search last found a better network."""
    errors = frame.sort_values("trial")["error"].dropna().reset_index(drop=True)
    last = int(errors.to_numpy().argmin()) + 1
    return f"The first network had {percent(errors[0])}; the last better one came after {last:,} of {len(errors):,}"


def _means(sample: Sequence[Edf]) -> str:
    """Mean errors of the spaces, the lowest and the highest."""
    ordered = sorted(sample, key=lambda edf: edf.mean)
    first, last = (f"{percent(edf.mean)} ({isolated(edf.name)})" for edf in (ordered[0], ordered[-1]))
    failed = ", failures as guessing" if any(edf.failures for edf in sample) else ""
    return f"Mean errors of {len(sample)} spaces lie between {first} and {last}{failed}"


def unit(frame: pd.DataFrame) -> str:
    """What a row is: a network, or a training of one where some were trained with several seeds."""
    if "repeat" not in frame or not several(frame):
        return NETWORK
    return TRAINING if (pd.to_numeric(frame["repeat"], errors="coerce") > 0).any() else NETWORK


def _how(report: Report, frame: pd.DataFrame) -> Iterable[str]:
    """Networks, training, limits, time, failures, audit, snapshot."""
    spaces = [isolated(name) for name in dict.fromkeys(frame["space"])]
    chosen = f"chosen by {listed(_searched(frame))}" if _searched(frame) else report.sampled
    named = f"{plural(len(spaces), 'space')} ({few(spaces, 4)})" if len(spaces) > 1 else "".join(spaces)
    where = f" of {named}" if spaces else ""
    own = frame[["space", "architecture"]].drop_duplicates() if unit(frame) == TRAINING else frame
    networks = "" if own is frame else f" of {plural(len(own), 'network')}"
    yield f"{plural(len(frame), 'trial')}{networks}{where}{f', {chosen}' if chosen and len(frame) else ''}"
    yield from report.how
    if "seconds" in frame and frame["seconds"].notna().any():
        yield f"Training took {duration(float(frame['seconds'].sum()))} in all"
    if frame["error"].notna().any():
        yield capitalized(failures(frame))
    if frame["error"].notna().any():
        yield interval_note(report.validating, several(frame))
    if note := UNITS[report.task]["note"]:
        yield note.removesuffix(".")
    yield report.snapshot


def failures(frame: pd.DataFrame) -> str:
    """How many trials were pruned, and how many failed for which reason."""
    failed = frame[frame["error"].isna()]
    counts = failed["outcome"].value_counts()
    early = int(counts.get(str(Outcome.PRUNED), 0))
    counts = counts.drop(str(Outcome.PRUNED), errors="ignore")
    prefix = f"{early:,} pruned, " if early else ""
    guess = frame.attrs.get(GUESS)
    weak = 0 if guess is None else int((frame["error"] >= guess).sum())
    unlearned = f", {weak:,} no better than guessing" if weak else ""
    if not len(counts):
        return f"{prefix}no failure{unlearned}"
    kinds = "; ".join(f"{number:,} {_reason(str(outcome), failed)}" for outcome, number in counts.items())
    return f"{prefix}{plural(int(counts.sum()), 'failure')} ({kinds}){unlearned}"


def _reason(outcome: str, failed: pd.DataFrame) -> str:
    """An outcome with its sentence, and the commonest message where that says more."""
    known = outcome in set(Outcome)
    sentence = f": {SENTENCES[Outcome(outcome)]}" if known else ""
    if known and Outcome(outcome) in UNEXPLAINED and "message" in failed:
        for message in failed.loc[failed["outcome"] == outcome, "message"].replace("", None).dropna().mode()[:1]:
            sentence += f", most often “{short(str(message), 120)}”"
    return f"{spoken(outcome)}{sentence}"
