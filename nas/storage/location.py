"""Where a run's trials lie: in a file of its folder, or on the server that `storage.json` in it names.

A folder may come from somebody else. By itself it makes this program connect to no server: only to one that was named
on this machine, once with `--storage` (or `storage=`), which is remembered, or now by `NAS_STORAGE`.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from shlex import quote

import msgspec

from nas.errors import Refused, StorageFailed, path_text, typed
from nas.files import open_to_append, read_json, write_atomically
from nas.storage.backends.base import Backend, reading
from nas.storage.backends.postgresql import PostgresServer, server_url
from nas.storage.backends.sqlite import SqliteFile
from nas.storage.integrity import require_database
from nas.storage.layout import DATABASE, STORAGE

VARIABLE = "NAS_STORAGE"
"""Names the server of new runs, and one that folders may name."""
LARGEST = 1 << 62
"""Numbers of runs on a server are drawn below it: no two folders draw the same."""


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `storage.json` holds."""

    url: str
    """Of the database, without a password."""
    run: int
    """The run's number there, which no other folder has but a copy of this one."""


def named(url: str | None) -> str:
    """A server that the user names for a run, from now on known on this machine; empty for None."""
    if url is None:
        return ""
    full = server_url(url)
    if full not in _known():
        _remember(full)
    return full


def backend_of(folder: Path) -> Backend:
    """The database of the run in a folder; Refused for a server that nobody has named on this machine."""
    if not (folder / STORAGE).is_file():
        return SqliteFile(folder)
    place = _read(folder)
    _require_named(folder, place.url)
    return PostgresServer(folder, place.url, place.run)


def settled(folder: Path, url: str) -> Backend:
    """The database of the run in a folder; for a new one a server, if one is named here or by the environment."""
    if (folder / STORAGE).is_file() or (folder / DATABASE).is_file():
        backend = backend_of(folder)
        if url not in ("", str(backend)):
            hint = f"leave --storage out; where the server has moved, write its new URL to {STORAGE}"
            raise Refused(f"the trials of {folder} lie in {backend}", hint=hint)
        return backend
    if url := url or _in_environment():
        server = PostgresServer(folder, url, secrets.randbelow(LARGEST))
        require_database(folder)  # a file that was lost isn't replaced by a server
        with reading(server):  # what can't be reached isn't written down
            pass
        write_atomically(folder / STORAGE, msgspec.json.format(msgspec.json.encode(Place(url=url, run=server.run))))
    return backend_of(folder)


def address_of(folder: Path) -> str:
    """The server of the run in a folder; empty where it has none."""
    return _read(folder).url if (folder / STORAGE).is_file() else ""


def _read(folder: Path) -> Place:
    path = folder / STORAGE
    try:
        place = read_json(path, Place)
    except OSError as error:
        raise StorageFailed(f"{path} can't be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise _damaged(path, str(error)) from None
    if not 0 <= place.run < LARGEST:
        raise _damaged(path, f"{place.run} is no number of a run")
    return msgspec.structs.replace(place, url=server_url(place.url))


def _damaged(path: Path, why: str) -> Refused:
    hint = "restore it from a copy"
    if (path.parent / DATABASE).is_file():
        hint = f"the trials may lie in {DATABASE} beside it: then remove it; else restore it from a copy"
    return Refused(f"{path_text(path)} is damaged: {why}", hint=hint)


def _require_named(folder: Path, url: str) -> None:
    if url == _in_environment() or url in _known():
        return
    raise Refused(
        f"the trials of {folder} lie on a server that nobody has named on this machine: {url}",
        hint=f"if you trust it: {VARIABLE}={quote(url)} {' '.join(map(quote, typed()))}",
    )


def _in_environment() -> str:
    url = os.environ.get(VARIABLE, "")
    return server_url(url) if url else ""


def _known() -> list[str]:
    with suppress(OSError, UnicodeDecodeError):
        return _servers().read_text(encoding="utf-8").splitlines()
    return []


def _remember(url: str) -> None:
    path = _servers()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_to_append(path) as file:
            file.write(f"{url}\n".encode())
    except OSError as error:
        hint = f"name the server by {VARIABLE} instead of --storage, in every command"
        raise StorageFailed(f"{path} can't be written: {error.strerror}", hint=hint) from None


def _servers() -> Path:
    """The servers that were named on this machine, one a line."""
    from platformdirs import user_state_path

    return user_state_path("nas-atlas", appauthor=False) / "servers"
