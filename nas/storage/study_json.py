"""`study.json`: a study as data, what a run was asked, and what must agree before it goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from nas.data import DataInfo
from nas.errors import Refused, StorageFailed
from nas.files import write_atomically
from nas.sampling.subset import Subset
from nas.sampling.window import Window
from nas.space import Fact, Space, sentence
from nas.storage.layout import STUDY
from nas.study import Looks, Recipe, Rule, Study
from nas.study.catalog import OF_FILES
from nas.study.looks import Schedule, Standing

SCHEMA_VERSION = 1
MAY_DIFFER = ("samples", "rules")
"""Entries of a study that a later command may change: they change no trial."""
ADDED: dict[str, Any] = {
    "max_trial_seconds": 3600.0,
    "grid": {},
    "rules": [],
    "strata": None,
    "objectives": ["error"],
    "halving": None,
    "looks": None,
}
"""Entries that older runs don't have, with what held for them."""
ADDED_TO_RECIPE = {"target": ""}
"""The same inside the recipe."""


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """`study.json`: everything that decides a run's trials."""

    schema_version: int = SCHEMA_VERSION
    """Of this file."""
    study: dict[str, Any]
    """All fields of the study, functions by name."""
    fingerprint: dict[str, tuple[str, ...]]
    """Identities of the first random networks of each arm."""
    data: DataInfo
    """The prepared data set."""
    windows: tuple[Window, ...]
    """What the limits do to each arm."""
    versions: dict[str, str]
    """Of python and the libraries that decide numbers, when the run began."""
    versions_since: dict[int, dict[str, str]] = {}
    """Those of later commands, where they were others, by the number of trials that were over before them."""
    rules_after: int = 0
    """Trials that were over when the rules were last stated or changed; 0 where they were said before all of them."""
    ended: int = 0
    """Networks of each space at the look that decided all rules, so that the run ended; 0 where no look has."""
    subset: Subset | None = None
    """Of which networks an audit trains some again; None for a run of its own networks."""
    reference: str = ""
    """How the study was named on the command line, for training a trial again; empty where it came from a program."""

    def __post_init__(self) -> None:
        recipe = {"recipe": ADDED_TO_RECIPE | self.study["recipe"]} if "recipe" in self.study else {}
        msgspec.structs.force_setattr(self, "study", {**ADDED, **self.study, **recipe})


def freeze(study: Study) -> dict[str, Any]:
    """The fields of a study as JSON values; the prepared data set is kept apart."""
    return {
        "name": study.name,
        "question": study.question,
        "spaces": [_space(space) for space in study.spaces],
        "samples": study.samples,
        "recipe": msgspec.to_builtins(study.recipe),
        "vary": {name: msgspec.to_builtins(d) for name, d in study.vary.items()},
        "grid": {name: list(values) for name, values in study.grid.values.items()},
        "limits": msgspec.to_builtins(study.limits),
        "sampler": study.sampler,
        "strata": msgspec.to_builtins(study.strata),
        "seed": study.seed,
        "repeats": study.repeats,
        "max_trial_seconds": study.max_trial_seconds,
        "objectives": list(study.objectives),
        "halving": msgspec.to_builtins(study.halving),
        "rules": msgspec.json.decode(msgspec.json.encode(study.rules)),  # as they are read again: lists, no tuples
        "looks": msgspec.to_builtins(study.looks),
    }


def computed_with(frozen: Frozen) -> dict[str, str]:
    """Versions that the last command computed with."""
    return frozen.versions_since[max(frozen.versions_since)] if frozen.versions_since else frozen.versions


def versions_in_words(frozen: Frozen) -> str:
    """`torch 2.14.1, numpy 2.4.6; after 120 trials torch 2.15.0`."""
    told, last = [_listed(frozen.versions)], frozen.versions
    for over, now in sorted(frozen.versions_since.items()):
        if now == last:
            continue
        told.append(f"after {over:,} trials {_listed({n: v for n, v in now.items() if last.get(n) != v})}")
        last = now
    return "; ".join(told)


def total_of(frozen: Frozen) -> int:
    """Trials of the whole study, or up to the look that ended it."""
    study = frozen.study
    combinations = prod(len(values) for values in study["grid"].values())
    return int((frozen.ended or study["samples"]) * len(study["spaces"]) * combinations * study["repeats"])


def rules_of(frozen: Frozen) -> tuple[Rule, ...]:
    """The rules that a stored study declares."""
    return msgspec.convert(frozen.study["rules"], tuple[Rule, ...])


def stored_settings(frozen: Frozen, study: Study) -> Study:
    """The study with the recipe, seed and so on that the run was really asked for."""
    stored = frozen.study
    return replace(
        study,
        recipe=msgspec.convert(stored["recipe"], Recipe),
        samples=stored["samples"],
        seed=stored["seed"],
        sampler=stored["sampler"],
        max_trial_seconds=stored["max_trial_seconds"],
    )


def looks_of(frozen: Frozen) -> Schedule | None:
    """The looks that a stored study has planned; None where it has none."""
    study, looks = frozen.study, msgspec.convert(frozen.study["looks"], Looks | None)
    if looks is None:
        return None
    combinations = prod(len(values) for values in study["grid"].values())
    return Schedule(ends=looks.ends(study["samples"]), each=len(study["spaces"]) * combinations * study["repeats"])


def differences(stored: Frozen, new: Frozen) -> list[str]:
    """What keeps a run from going on under the new study, one line each, old and new side by side."""
    found = changes(stored.study, new.study)
    if stored.study["name"] != new.study["name"]:
        return found
    if stored.data.key != new.data.key:
        found.append(f"data: {stored.data.key} is stored, this is {new.data.key}")
    if not found and stored.fingerprint != new.fingerprint:
        changed = [name for name, prints in stored.fingerprint.items() if new.fingerprint.get(name) != prints]
        found.append(f"the code of {', '.join(changed)} draws other networks than when the run began")
    return found


def changes(stored: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What sets two frozen studies apart, one line each."""
    if stored["name"] != new["name"]:
        return [f"study: {stored['name']!r} is stored, this is {new['name']!r}"]
    names = sorted({*stored, *new} - set(MAY_DIFFER))
    return [line for name in names for line in _compare(name, stored.get(name), new.get(name))]


def require_agreement(folder: Path, stored: Frozen, new: Frozen) -> None:
    """Refuse a study that isn't the one of the folder."""
    if lines := differences(stored, new):
        raise Refused(
            f"{folder} holds a run that differs from this study:\n  " + "\n  ".join(lines),
            hint="repeat the command that began it, or give another folder with --out",
        )


def require_unchanged(folder: Path, lines: Sequence[str], hint: str) -> None:
    """Refuse a study that was found again and isn't what it was, by these lines."""
    if lines:
        raise Refused(f"the study of {folder} isn't what it was when it was run:\n  " + "\n  ".join(lines), hint=hint)


def qualified(function: Callable[..., Any]) -> str:
    """The full name of a function, with the arguments that are bound to it."""
    if isinstance(function, Fact):
        return f"{function.sentence}, of {qualified(function.decode)}"  # its own repr would hold places in memory
    if isinstance(function, partial):
        bound = [*map(_named, function.args), *(f"{k}={_named(v)}" for k, v in function.keywords.items())]
        return f"{qualified(function.func)}({', '.join(bound)})"
    if hasattr(function, "__qualname__"):
        return f"{function.__module__.removeprefix(OF_FILES)}:{function.__qualname__}"
    return repr(function)


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _named(value: Any) -> str:
    """A bound argument; functions by name, because their place in memory changes."""
    return qualified(value) if callable(value) else repr(value)


def _space(space: Space) -> dict[str, Any]:
    return {
        "name": space.name,
        "dimensions": {name: msgspec.to_builtins(dimension) for name, dimension in space.dimensions.items()},
        "shared": {name: list(members) for name, members in space.shared.items()},
        "decode": qualified(space.decode),
        "requirements": [{"sentence": sentence(r), "test": qualified(r)} for r in space.requirements],
        "source": space.source,
    }


def _compare(name: str, old: Any, new: Any) -> list[str]:
    """Lines for the innermost entries that differ."""
    old, new = msgspec.to_builtins(old), msgspec.to_builtins(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [line for key in sorted({*old, *new}) for line in _compare(f"{name}.{key}", old.get(key), new.get(key))]
    if isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in _compare(f"{name}[{i}]", a, b)]
    old, new = (list(v) if isinstance(v, tuple) else v for v in (old, new))
    if isinstance(old, str) and isinstance(new, str) and old.replace(OF_FILES, "") == new.replace(OF_FILES, ""):
        return []  # an older run stored whether a module was imported or read from its file
    return [] if old == new else [f"{name}: {_short(old)} is stored, this is {_short(new)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def require_same_cap(stored: Frozen, study: Study) -> None:
    """Refuse more samples for a run with looks."""
    cap = stored.study["samples"]
    if stored.study["looks"] is not None and study.samples > cap:
        raise Refused(
            f"the run looks at its rules until they are decided, with at most {cap} networks of each space; what its "
            f"looks may say was set by that number, so it can't become {study.samples}",
            hint="leave --samples out, or give another folder with --out and another --seed",
        )


def standing(frozen: Frozen, over: Collection[int]) -> Standing | None:
    """Where a run whose trials of these numbers are over stands among its looks; None for one without."""
    schedule = looks_of(frozen)
    return None if schedule is None else Standing(schedule=schedule, passed=schedule.passed(over), ended=frozen.ended)


def read_frozen(folder: Path) -> Frozen:
    """What the run in a folder was asked."""
    try:
        frozen = msgspec.json.decode((folder / STUDY).read_bytes(), type=Frozen)
    except OSError as error:
        raise StorageFailed(f"{folder / STUDY} can't be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise Refused(
            f"{folder / STUDY} is damaged: {error}", hint="restore it from a copy, or start a new run"
        ) from None
    if frozen.schema_version != SCHEMA_VERSION:
        version = frozen.schema_version
        raise Refused(f"{folder / STUDY} has schema version {version}, this program reads {SCHEMA_VERSION}; update it")
    return frozen


def write_frozen(folder: Path, frozen: Frozen) -> None:
    """Store what the run was asked."""
    write_atomically(folder / STUDY, msgspec.json.format(msgspec.json.encode(frozen)))
