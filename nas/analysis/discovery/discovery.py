"""Rules that nobody declared: looked for in one half of a random sample, confirmed in the other.

One random sample as two: a half to look for rules in, and a half that has never been looked at to confirm them.

The networks of each space stand in the order of their trials and are taken in pairs; of each pair a fixed hash of the
first one's name says which of the two is explored. So both halves hold the same spaces, evenly, no seed can be tried
until a rule appears, and a network stays in its half while its run grows. Trainings of one architecture in one space
are on one side.

Whether dimensions that are numbered could be one: sharing them costs nothing if three things hold.

* The mean errors of the networks in which they are (nearly) equal and of all others differ by less than delta for sure
  (two one-sided tests). Few random networks are exactly tied, so where these are below a tenth the quarter that is
  nearest to it stands for them; a difference that only exact equality makes isn't seen.
* No order and no ratio of them was found to matter: then they'd better differ, or be equal for a reason.
* No two of them pull apart, a larger one being better for sure and a larger other one worse (Spearman's rho, 95 %):
  their best values differ, which the means of the two samples needn't show. Best values in the middle aren't seen.

rows --halves--> explored, confirming; dimensions --candidates--> splits of the same sample, whatever its spaces

In the explored half a candidate's score is Welch's statistic of the ranks of errors, failures last, those that obey
less the others. The largest is kept; then all are scored anew on what the kept ones don't explain (the residuals of a
least-squares fit on them), so that no two survivors say the same, until five are kept or none is left beyond two
deviations. Bounds and options are kept only where they lower the error, because each has its opposite among the
candidates; an order may also be harmful.

In the other half the survivors are tested like declared rules, corrected by Holm for these and the tied groups.

A group of tied dimensions is tested whatever its score, for what is sought is no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.discovery.candidates import LEAST, Candidate, Condition, Tied, candidates, groups
from nas.analysis.rules.testing import Flags, in_space
from nas.analysis.rules.verdicts import Verdict, verdicts
from nas.analysis.selection import errors_of, having, learned, left_out, names_of, numbers, unbiased
from nas.analysis.statistics.correlation import spearman
from nas.analysis.statistics.interval import Floats
from nas.space import Chain, Dimension, Ratio
from nas.study import Part, Parts, Rule

if TYPE_CHECKING:
    import pandas as pd


def explored(rows: pd.DataFrame) -> Flags:
    """Which rows are looked at to find rules; the others confirm them."""
    order = np.argsort(rows["trial"].to_numpy(), kind="stable") if "trial" in rows else np.arange(len(rows))
    keys, spaces = _keys(rows), names_of(rows)
    firsts: dict[str, bool] = {}  # space -> side of the network that waits for its partner
    sides: dict[tuple[str, str], bool] = {}
    for row in order.tolist():
        space = str(spaces[row])
        network = (space, keys[row])
        if network in sides:
            continue
        sides[network] = not firsts.pop(space) if space in firsts else firsts.setdefault(space, _even(keys[row]))
    return np.array([sides[str(space), key] for space, key in zip(spaces, keys, strict=True)], dtype=np.bool_)


def _keys(rows: pd.DataFrame) -> list[str]:
    """A name for each row: of its architecture, else its trial, else its place."""
    for column in ("architecture", "trial"):
        if column in rows:
            return [str(cell) for cell in rows[column]]
    return [str(place) for place in range(len(rows))]


def _even(key: str) -> bool:
    return blake2b(key.encode(), digest_size=8).digest()[0] % 2 == 0


def together(
    verdicts: Sequence[Verdict], tested: Sequence[Candidate], rows: pd.DataFrame, dimensions: Mapping[str, Dimension]
) -> tuple[Verdict, ...]:
    """The verdicts; a tied group that is as good as the rest is undecided where something else speaks against it."""
    matter = {
        candidate.condition.group: candidate.name
        for verdict, candidate in zip(verdicts, tested, strict=True)
        if verdict.verdict in ("helps", "hurts") and isinstance(candidate.condition, Chain | Ratio)
    }
    return tuple(
        _doubted(verdict, candidate.condition, matter, rows, dimensions)
        if isinstance(candidate.condition, Tied) and verdict.verdict == "equivalent"
        else verdict
        for verdict, candidate in zip(verdicts, tested, strict=True)
    )


def _doubted(
    verdict: Verdict, tied: Tied, matter: Mapping[str, str], rows: pd.DataFrame, dimensions: Mapping[str, Dimension]
) -> Verdict:
    ordered = f"it matters that {matter[tied.group]}" if tied.group in matter else ""
    against = [reason for reason in (ordered, pulling_apart(rows, groups(dimensions)[tied.group])) if reason]
    if not against:
        return verdict
    return msgspec.structs.replace(verdict, verdict="undecided", warnings=(*verdict.warnings, *against))


def pulling_apart(rows: pd.DataFrame, members: Sequence[str]) -> str:
    """Which members would be larger and which smaller; empty where no two surely differ."""
    errors = errors_of(rows)
    correlations = {member: spearman(numbers(rows, member), errors).coefficient for member in members}
    worse = [member for member, rho in correlations.items() if rho.low > 0.0]
    better = [member for member, rho in correlations.items() if rho.high < 0.0]
    if not worse or not better:
        return ""
    return f"a larger {better[0]} is better and a larger {worse[0]} is worse, so one value would lose something"


MOST = 5
"""Survivors that are confirmed, beside tied groups."""
DRAWN = ("stratum", "architecture")
"""Columns that warnings about a sample go by; without them none would be said of what is confirmed."""
BEYOND = 2.0
"""Deviations that a survivor's score has, at least."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that survived the one half, with what the other half says of it."""

    name: str
    """Short, and its own in a discovery."""
    statement: str
    """What was claimed, as a sentence."""
    condition: Condition
    """What a network must be to obey."""
    score: float
    """In the explored half: by how many deviations the ranks of those that obey are higher; negative is better."""
    n_obeying: int
    """Networks of the explored half that obey."""
    n_others: int
    """Networks of the explored half that don't."""
    verdict: Verdict
    """Of the other half, corrected for all that were confirmed; its n are that half's."""

    @property
    def helps(self) -> bool:
        """Whether its networks are better beyond doubt."""
        return self.verdict.verdict == "helps"

    @property
    def free(self) -> bool:
        """Whether it is a simplification that costs nothing."""
        return isinstance(self.condition, Tied) and self.verdict.verdict == "equivalent"


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked for in a random sample, and what was found."""

    found: tuple[Found, ...]
    """Survivors, the highest score first, then tied groups; also those that weren't confirmed."""
    tried: int
    """Candidates that were scored in the explored half."""
    n_explored: int
    """Networks of the explored half, failures included."""
    n_confirming: int
    """Networks of the other half, failures included."""
    warnings: tuple[str, ...] = ()
    """What must be said beside the findings."""

    @property
    def helpful(self) -> tuple[Found, ...]:
        """Rules that were confirmed to lower the error."""
        return tuple(finding for finding in self.found if finding.helps)

    @property
    def free(self) -> tuple[Found, ...]:
        """Groups of dimensions that can be shared at no cost."""
        return tuple(finding for finding in self.found if finding.free)


def discover(
    frame: pd.DataFrame,
    dimensions: Mapping[str, Dimension],
    *,
    space: str = "",
    guess: float | None = None,
    delta: float | None = None,
) -> Discovery:
    """The rules of these dimensions that hold in the unbiased rows of a space, or of all of the table.

    `guess` is the error of guessing: one that isn't lower is a failure to learn; `delta` the smallest difference that
    matters, in the unit of the errors, half a deviation unless given.
    """
    rows = unbiased(having(frame, "error", *dimensions))
    rows = rows[in_space(rows, space)]
    errors, look = learned(errors_of(rows), guess), explored(rows)
    all_of_them = candidates(rows, dimensions, (look, ~look))
    kept = survivors(
        [candidate for candidate in all_of_them if not isinstance(candidate.condition, Tied)], errors, look
    )
    kept += [candidate for candidate in all_of_them if isinstance(candidate.condition, Tied)]
    confirmed = _confirmed(rows[~look], kept, ~look, guess, delta) if kept else ()
    confirmed = together(confirmed, kept, rows[~look], dimensions)
    scores = _scores(_ranks(errors[look]), kept, look)
    return Discovery(
        found=tuple(
            _found(candidate, float(score), look, verdict)
            for candidate, score, verdict in zip(kept, scores, confirmed, strict=True)
        ),
        tried=len(all_of_them),
        n_explored=int(look.sum()),
        n_confirming=int((~look).sum()),
        warnings=_warnings(frame, rows),
    )


def survivors(tried: Sequence[Candidate], errors: Floats, look: Flags) -> list[Candidate]:
    """The best candidates of the explored half of which none says the same as others, the best first."""
    ranks = _ranks(errors[look])
    alone = _scores(ranks, tried, look)
    either = np.array([isinstance(candidate.condition, Chain) for candidate in tried], dtype=np.bool_)
    worthy = (alone <= -BEYOND) | (either & (alone >= BEYOND))
    kept: list[int] = []
    scores = alone
    while len(kept) < MOST:
        strength = np.where(worthy & (scores * alone > 0.0), np.abs(scores), 0.0)
        if not len(tried) or strength.max() < BEYOND:
            break
        kept.append(int(strength.argmax()))
        worthy[kept[-1]] = False
        scores = _scores(_unexplained(ranks, [tried[index] for index in kept], look), tried, look)
    return [tried[index] for index in kept]


def _ranks(errors: Floats) -> Floats:
    """Ranks in (-1/2, 1/2), ties at their mean, failures last."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(errors) - 0.5) / max(len(errors), 1) - 0.5, dtype=np.float64)


def _scores(outcome: Floats, tried: Sequence[Candidate], look: Flags) -> Floats:
    """Welch's statistic for each candidate in the explored half, those that obey less the others."""
    if not tried:
        return np.zeros(0)
    obeys = np.stack([(candidate.obeys & candidate.known)[look] for candidate in tried]).astype(
        np.float64
    )  # (candidates, rows)
    others = np.stack([(~candidate.obeys & candidate.known)[look] for candidate in tried]).astype(np.float64)
    (mean, square), (other_mean, other_square) = _moments(obeys, outcome), _moments(others, outcome)
    deviation = np.sqrt(square + other_square)
    difference = mean - other_mean
    return np.divide(difference, deviation, out=np.zeros(len(tried)), where=deviation > 1e-9)


def _moments(side: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Mean of the outcome on one side of each candidate, and the squared deviation of that mean."""
    n = side.sum(1)
    mean = side @ outcome / n
    return mean, np.maximum(side @ outcome**2 / n - mean**2, 0.0) / (n - 1.0)


def _unexplained(outcome: Floats, kept: Sequence[Candidate], look: Flags) -> Floats:
    """What a least-squares fit on the kept rules leaves; those of which one says nothing are a level."""
    columns = [flags[look] for candidate in kept for flags in (candidate.obeys & candidate.known, candidate.known)]
    design = np.stack([np.ones(len(outcome)), *columns], axis=1).astype(np.float64)  # (rows, levels)
    return np.asarray(outcome - design @ np.linalg.lstsq(design, outcome)[0], dtype=np.float64)


def _confirmed(
    rows: pd.DataFrame, kept: Sequence[Candidate], half: Flags, guess: float | None, delta: float | None
) -> tuple[Verdict, ...]:
    """The candidates as declared rules of the other half."""
    import pandas as pd

    sides = {candidate.name: np.where(candidate.known, candidate.obeys, np.nan)[half] for candidate in kept}
    drawn = {name: rows[name].to_numpy() for name in DRAWN if name in rows}
    table = pd.DataFrame({"error": errors_of(rows), "space": names_of(rows)} | drawn | sides)
    found = verdicts(table, [_rule(candidate) for candidate in kept], guess=guess, delta=delta)
    return tuple(msgspec.structs.replace(verdict, first=verdict.name) for verdict in found)


def _rule(candidate: Candidate) -> Rule:
    obeying = Part(column=candidate.name, low=1.0)
    return Rule(name=candidate.name, statement=candidate.statement, contrast=Parts(first=obeying))


def _found(candidate: Candidate, score: float, look: Flags, verdict: Verdict) -> Found:
    counted = candidate.known & look
    return Found(
        name=candidate.name,
        statement=candidate.statement,
        condition=candidate.condition,
        score=score,
        n_obeying=int((candidate.obeys & counted).sum()),
        n_others=int((~candidate.obeys & counted).sum()),
        verdict=verdict,
    )


def _warnings(frame: pd.DataFrame, rows: pd.DataFrame) -> tuple[str, ...]:
    outside, spaces = left_out(frame), len(set(names_of(rows)))
    warnings = [f"left out: {outside}"] if outside else []
    if spaces > 1:
        warnings.append(f"{spaces} spaces are taken together")
    if len(rows) < 4 * LEAST:
        warnings.append(f"n = {len(rows)}: a rule takes at least {LEAST} networks on each side in each half")
    return tuple(warnings)
