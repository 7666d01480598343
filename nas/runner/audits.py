"""The function behind `nas audit`: some networks of a random sample trained longer, and with other seeds.

The audit is a run in the folder `audit` of the run that it audits, with its own study, database, lock and log: it is
interrupted, resumed and extended like every run, and its trials carry the mark of an audit in the place of a sampler.
"""

from __future__ import annotations

import logging
from functools import partial
from math import inf
from pathlib import Path
from shlex import quote

import msgspec

from nas import data
from nas.errors import NasError, Refused
from nas.findings.audits import Audit, open_audit
from nas.findings.samples import require_random
from nas.runner.display import looking_on
from nas.runner.retraining import manifest_of, opened, original_study, task_of, train_missing
from nas.runner.signals import outliving_its_terminal
from nas.runner.task import EngineChoice, Observer, Task, deadline_of, site_of
from nas.sampling.repetitions import AUDIT, Repetitions, retraining
from nas.sampling.subset import Subset
from nas.storage import study_json
from nas.storage.audits import chosen, population
from nas.storage.location import address_of
from nas.storage.results import Run
from nas.storage.study_json import Manifest
from nas.study.search import Behind

logger = logging.getLogger(__name__)

NETWORKS, SEEDS, LONGER = 24, 1, 4
"""Trained again unless said otherwise: so many networks, each with so many other seeds, so many times as long."""
FEWEST = 4
"""Networks of a run from which on it can be audited."""


@outliving_its_terminal()
def audit(
    source: Run | Path | str,
    *,
    networks: int | None = None,
    seeds: int | None = None,
    longer: int | None = None,
    study: Behind | None = None,
    workers: int | None = None,
    device: str = "auto",
    engine: EngineChoice = None,
    ray_address: str = "",
    observer: Observer | None = None,
    quiet: bool = False,
    max_seconds: float = inf,
) -> Audit:
    """Train some networks of a run again, `longer` times as long and with further `seeds`; what their errors say.

    `networks` are taken evenly from all spaces and over their short errors, at first 24, each 4 times as long and with
    1 other seed; an audit that was begun is resumed, and more networks extend it. `study`, of a sample by `nas.search`
    its space, is needed where the run was started from a program or a file. After `max_seconds` no training is begun
    any more. Raises Refused for a run that searches, is still working or has too few networks, and as `nas.run` does.
    """
    run, folder = opened(source, AUDIT)
    require_random(run.manifest.study)
    requested = _asked(run, folder, networks, seeds, longer)
    looks, deadline, storage = looking_on(observer, quiet), deadline_of(max_seconds), address_of(run.folder)
    site = partial(site_of, folder, workers, device, engine, ray_address, looks, deadline, storage)
    total = len(run.manifest.fingerprint) * requested.rounds * (1 + requested.seeds)
    train_missing(folder, total, partial(repeated, run, requested, study, folder), site)
    result = open_audit(run)
    if result is None:
        raise NasError(f"{folder} has vanished")
    return result


def repeated(run: Run, requested: _Asked, study: Behind | None, folder: Path) -> Task:
    """What an audit trains: as stored where it is begun, with more networks perhaps."""
    original = original_study(run, study)
    again = retraining(original, rounds=requested.rounds, seeds=requested.seeds, longer=requested.subset.longer)
    info = data.prepare_for(again.recipe)
    plan = Repetitions(again, info.shape, info.outputs, chosen(run, requested.subset))
    manifest = manifest_of(run, again, AUDIT, run.manifest.fingerprint, info)
    return task_of(folder, again, plan, info, msgspec.structs.replace(manifest, subset=requested.subset))


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained again."""

    rounds: int
    seeds: int
    subset: Subset


def _asked(run: Run, folder: Path, networks: int | None, seeds: int | None, longer: int | None) -> _Asked:
    """What was asked for, else what the audit was begun with, else the defaults; refused where they don't fit."""
    if networks is not None and networks < FEWEST:
        hint = f"--networks {NETWORKS} is a beginning"
        raise Refused(f"networks must be at least {FEWEST}, got {networks}", hint=hint)
    if seeds is not None and seeds < 0:
        raise Refused(f"seeds must not be negative, got {seeds}", hint="0 trains longer only")
    if longer is not None and longer < 2:
        raise Refused(f"longer must be a whole number of at least 2, got {longer}", hint="--longer 4: 4 times as long")
    begun = study_json.begun(folder)
    subset = begun.subset if begun else Subset(trials=_over(run), longer=longer or LONGER)
    if subset is None:
        raise Refused(f"{folder} is the folder of another run", hint="move it away, then audit the run anew")
    most = _most(run, subset)
    arms = len(run.manifest.fingerprint)
    rounds = min(-(-NETWORKS // arms), most) if networks is None else -(-networks // arms)
    if rounds > most:
        raise Refused(
            f"{networks} networks are {rounds} of each of {arms} spaces; a space has only {most} that may be taken",
            hint=f"--networks {most * arms}",
        )
    if begun:
        _require_begun(folder, begun, seeds, longer)
        stored = begun.study.samples
        if rounds < stored and networks is not None:
            logger.warning("%s has %d networks of each space already; an audit never shrinks", folder, stored)
        extended = stored if networks is None else max(rounds, stored)
        return _Asked(rounds=extended, seeds=begun.study.repeats - 1, subset=subset)
    return _Asked(rounds=rounds, seeds=SEEDS if seeds is None else seeds, subset=subset)


def _over(run: Run) -> int:
    """Trials before the first that isn't finished: those after it depend on who ended first."""
    trials = {record.trial for record in run.records}
    return next(number for number in range(len(trials) + 1) if number not in trials)


def _most(run: Run, subset: Subset) -> int:
    """Networks that every space has; refused where they are too few."""
    counts = dict.fromkeys(run.manifest.fingerprint, 0)
    for record in population(run, subset):
        counts[record.space] += 1
    if sum(counts.values()) < FEWEST or not min(counts.values()):
        raise Refused(
            f"{run.folder} has {sum(counts.values())} finished networks, one after another from the first; at "
            f"least {FEWEST} are needed, and one of every space",
            hint="finish the run, then audit it",
        )
    return min(counts.values())


def _require_begun(folder: Path, begun: Manifest, seeds: int | None, longer: int | None) -> None:
    """Refuse other seeds or another length than an audit was begun with."""
    settings = {"seeds": begun.study.repeats - 1, "longer": begun.subset.longer if begun.subset else None}
    for name, value in (("seeds", seeds), ("longer", longer)):
        if value is not None and value != settings[name]:
            raise Refused(
                f"{folder} was begun with --{name} {settings[name]}, this says {value}",
                hint=f"repeat it so, or move {quote(str(folder))} away for a new audit",
            )
