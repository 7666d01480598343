"""`study.json`: what a run was asked, how it is read and written, and what must agree before it is continued."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from shlex import quote

import msgspec

from nas.data import DataInfo
from nas.errors import Refused, StorageFailed
from nas.files import parsed, read_json, text_digest, write_atomically
from nas.sampling.finals import Finalists
from nas.sampling.subset import Subset
from nas.sampling.window import Window
from nas.storage.layout import DATABASE, STORAGE, STUDY
from nas.study import Study
from nas.study.looks import Standing
from nas.study.stored import StoredStudy, changes

SCHEMA_VERSION = 1
SHOWN = 60
"""Characters of a changed value that are shown."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides a run's trials, and with what they were computed."""

    schema_version: int = SCHEMA_VERSION
    """Of this file."""
    study: StoredStudy
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
    """Those of later commands, where they were others, by the number of trials that were finished before them."""
    rules_after: int = 0
    """Trials that were finished when the rules were last stated or changed; 0 where that was before all of them."""
    extended: int = 0
    """Networks of each space that a finished run without looks had before it was first given more; 0 where none was."""
    ended: int = 0
    """Networks of each space at the look that decided all rules, so that the run ended; 0 where no look has."""
    subset: Subset | None = None
    """Of which networks an audit trains some again; None for a run of its own networks."""
    finalists: Finalists | None = None
    """Which networks of the run a final trains; None for every other run."""
    reference: str = ""
    """How the study, or a search's spaces, can be named for training a trial again; empty where they are values."""
    command: str = ""
    """The command that began it, as it was typed; empty in runs of before this was kept."""

    @property
    def total(self) -> int:
        """Trials of the whole study, or up to the look that ended it."""
        return (self.ended or self.study.samples) * self.study.each

    @property
    def computed_with(self) -> dict[str, str]:
        """Versions that the last command computed with."""
        return self.versions_since[max(self.versions_since)] if self.versions_since else self.versions

    def standing(self, over: Collection[int]) -> Standing | None:
        """Where the run stands among its looks, its trials of these numbers being finished; None for one without."""
        schedule = self.study.schedule
        return Standing(schedule=schedule, passed=schedule.passed(over), ended=self.ended) if schedule else None


def read(folder: Path) -> Manifest:
    """What the run in a folder was asked."""
    path = folder / STUDY
    try:
        manifest = read_json(path, Manifest)
    except OSError as error:
        raise StorageFailed(f"{path} can't be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        if "unknown field" in str(error):
            raise Refused(f"{path} is of a newer version of this program: {error}; update it") from None
        raise Refused(f"{path} is damaged: {error}", hint="restore it from a copy, or start a new run") from None
    if manifest.schema_version != SCHEMA_VERSION:
        version = manifest.schema_version
        raise Refused(f"{path} has schema version {version}, this program reads {SCHEMA_VERSION}; update it")
    return manifest


def begun(folder: Path) -> Manifest | None:
    """What the run in a folder was asked; None where none was begun, Refused where that is lost."""
    if (folder / STUDY).is_file():
        return read(folder)
    if name := next((name for name in (DATABASE, STORAGE) if (folder / name).is_file()), ""):
        raise Refused(
            f"{folder} has a {name} and no {STUDY}: what its trainings are of isn't known",
            hint=f"put {STUDY} back from a copy, or move {quote(str(folder))} away to begin anew; "
            f"nas doctor {quote(str(folder))} knows what the run wrote",
        )
    return None


def write(folder: Path, manifest: Manifest) -> None:
    """Store what a run is asked; only who holds its lock may."""
    write_atomically(folder / STUDY, text(manifest).encode())


def text(manifest: Manifest) -> str:
    """What a run is asked, as its file holds it."""
    return msgspec.json.format(msgspec.json.encode(manifest)).decode()


def content(folder: Path) -> str:
    """The text of the file as it lies there."""
    try:
        return (folder / STUDY).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise StorageFailed(f"{folder / STUDY} can't be read: {error.strerror}") from None


def altered(folder: Path, written: str, before: str) -> str:
    """That the file isn't as the run wrote it, as a sentence; empty where it is, or where nothing was noted.

    `written` is its text in the database, `before` the SHA-256 of the one before, which a killed command may have left.
    """
    there = content(folder)
    if not written or there == written or text_digest(there) == before:
        return ""
    try:
        fields = _changed(parsed(written, object), parsed(there, object))
    except msgspec.MsgspecError:
        return f"{folder / STUDY} and its text in the database differ, and one of them is damaged"
    return f"{folder / STUDY} was changed by something else: {'; '.join(fields) or 'its form'}"


def require_unaltered(folder: Path, written: str, before: str) -> None:
    """Refuse a file that isn't as the run wrote it: its trials are of what that asked."""
    if change := altered(folder, written, before):
        raise Refused(change, hint=f"nas doctor {quote(str(folder))} puts it back as it was")


def _changed(written: object, there: object, name: str = "") -> list[str]:
    """Entries that differ, one line each: `study.samples is 3, the run wrote 8`."""
    if isinstance(written, dict) and isinstance(there, dict):
        names = [n for n in {**written, **there} if written.get(n) != there.get(n) or (n in written) != (n in there)]
        return [line for n in names for line in _changed(written.get(n), there.get(n), f"{name}.{n}" if name else n)]
    if written == there:
        return []
    now, then = (msgspec.json.encode(value).decode() for value in (there, written))
    return [f"{name} is {now[:SHOWN]}, the run wrote {then[:SHOWN]}"]


def differences(stored: Manifest, new: Manifest) -> list[str]:
    """What keeps a run from being continued under the new study, one line each, old and new side by side.

    Data are the same where their content is, from wherever their path counts.
    """
    requested = new.study
    if stored.data.key == new.data.key:
        recipe = msgspec.structs.replace(requested.recipe, data=stored.study.recipe.data)
        requested = msgspec.structs.replace(requested, recipe=recipe)
    lines = changes(stored.study, requested)
    if stored.study.name != new.study.name:
        return lines
    if stored.data.key != new.data.key:
        lines.append(f"data: {stored.data.key} is stored, this is {new.data.key}")
    if not lines and stored.fingerprint != new.fingerprint:
        changed = [name for name, prints in stored.fingerprint.items() if new.fingerprint.get(name) != prints]
        lines.append(f"the code of {', '.join(changed)} draws other networks than when the run began")
    return lines


def require_agreement(folder: Path, stored: Manifest, new: Manifest) -> None:
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


def require_same_cap(stored: Manifest, study: Study) -> None:
    """Refuse more samples for a run with looks."""
    cap = stored.study.samples
    if stored.study.looks is not None and study.samples > cap:
        raise Refused(
            f"the run looks at its rules until they are decided, with at most {cap} networks of each space; what its "
            f"looks may say was set by that number, so it can't become {study.samples}",
            hint="leave --samples out, or give another folder with --out and another --seed",
        )


def versions_in_words(manifest: Manifest) -> str:
    """`torch 2.14.1, numpy 2.4.6; after 120 trials torch 2.15.0`."""
    parts, last = [_listed(manifest.versions)], manifest.versions
    for over, now in sorted(manifest.versions_since.items()):
        if now == last:
            continue
        parts.append(f"after {over:,} trials {_listed({n: v for n, v in now.items() if last.get(n) != v})}")
        last = now
    return "; ".join(parts)


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
