"""A node of a cluster: its local engine, its copy of the data, and trained weights on their way to the coordinator.

Nothing here knows Ray: `nas.engines.ray` puts a `Node` into an actor, and speaks for the coordinator. Messages are JSON
as between the local engine and its workers. A folder of the coordinator's is looked for in this computer's cache, where
it is checked by its hashes, and written there if it is missing.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from nas.data import DataInfo, cache
from nas.data.folders import private_folder
from nas.data.info import INFO
from nas.engines.local import LocalEngine
from nas.engines.messages import Job, Reached, Result, ended
from nas.engines.process import environment
from nas.errors import NasError, StorageFailed
from nas.files import CHECKPOINT
from nas.study.catalog import release
from nas.study.record import Outcome
from nas.training import devices

Files = Mapping[str, NDArray[np.uint8]]
"""A prepared folder: name of each file, and its bytes."""
LIBRARIES = ("torch", "numpy", "numba")
"""Decide the last digits of a training, or whether it runs."""
LOG = "worker.log"
LAST = 300
"""Characters of that log that are told of workers that don't start."""


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """A node, as far as results depend on it."""

    host: str
    """Name of the computer."""
    software: str
    """Our own code by its hash, and versions."""
    processor: str
    """Its name."""
    instructions: str
    """What the last digits depend on; empty where cards train."""
    precision: str
    """The arithmetic that it computes fastest."""
    room: int
    """Trainings side by side for which its processor has cores and memory."""


class Look(NamedTuple):
    """What a node has to say."""

    answers: list[tuple[bytes, bytes]]
    """Results, each with the file of its weights; empty where none is kept."""
    running: dict[int, Reached]
    """Trials that are trained now, and how far each is."""


class Node:
    """Trains on one computer for a coordinator elsewhere."""

    def __init__(self, lanes: int, cards: int) -> None:
        """So many lanes on a processor, or on cards: the first ones that this process sees."""
        self._folder = _new_folder()
        seen = [devices.visible(card) for card in range(cards)]
        self._engine = LocalEngine(lanes, cards=seen, log=self._folder / LOG)
        self._begun = False
        self._jobs: dict[int, Job] = {}
        self._data: dict[str, str] = {}  # folders of the coordinator, and ours of the same data

    def look(self, jobs: Collection[bytes], files: Callable[[str], Files], seconds: float) -> Look:
        """Take jobs; what is answered within this time. `files` gives a folder of the coordinator's.

        Raises NasError where no worker can be started here.
        """
        if not self._begun:
            self._engine.__enter__()
            self._begun = True
        results = self._waited(0.0)  # it may be long since the last look
        for job in (msgspec.json.decode(message, type=Job) for message in jobs):
            try:
                self._engine.submit(self._ours(job, files))
            except NasError as error:
                results.append(ended(job, Outcome.FAILED, f"{platform.node()}: {error}", fatal=True))
        results += [] if results else self._waited(seconds)
        answers = [(msgspec.json.encode(result), self._taken(result)) for result in results]
        return Look(answers, self._engine.running)

    def hold(self) -> None:
        """Begin no job any more."""
        self._engine.hold()

    def close(self) -> None:
        """End all workers and leave nothing on the disk but the data."""
        if self._begun:
            self._engine.__exit__()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _waited(self, seconds: float) -> list[Result]:
        try:
            return self._engine.wait(seconds)
        except NasError as error:
            with suppress(OSError):
                last = (self._folder / LOG).read_text(encoding="utf-8", errors="replace").strip()[-LAST:]
                raise NasError(f"{error}: {last}") from error
            raise

    def _ours(self, job: Job, files: Callable[[str], Files]) -> Job:
        """The job with our own paths."""
        self._jobs[job.trial] = job
        folder = self._data.get(job.info.folder) or self._prepared(job.info, files)
        weights = str(self._folder / Path(job.weights).name) if job.weights else ""
        return msgspec.structs.replace(job, info=msgspec.structs.replace(job.info, folder=folder), weights=weights)

    def _prepared(self, info: DataInfo, files: Callable[[str], Files]) -> str:
        """Our folder of these data, intact."""
        theirs = Path(info.folder)
        ours = cache.kept(info.name, theirs.name, lambda folder: _write(folder, files(info.folder)))
        if ours.sha256 != info.sha256:
            raise StorageFailed(f"{ours.folder} holds other data than the coordinator prepared", hint="remove it")
        self._data[info.folder] = ours.folder
        return ours.folder

    def _taken(self, result: Result) -> bytes:
        """The weights of a finished training, which leave this computer; one that is tried again may go on here."""
        job = self._jobs.pop(result.trial, None)
        if job is None or not job.weights or result.outcome is Outcome.CRASHED:
            return b""
        path = self._folder / Path(job.weights).name
        path.with_suffix(CHECKPOINT).unlink(missing_ok=True)
        weights = path.read_bytes() if result.weights_sha256 else b""
        path.unlink(missing_ok=True)
        return weights


def traits(kind: str) -> bytes:
    """What this computer is, where processors or cards are to train, as JSON; loads no torch into this process."""
    return msgspec.json.encode(
        Traits(
            host=platform.node(),
            software=software(),
            processor=devices.processor(),
            instructions="" if kind == "cuda" else devices.instructions(),
            precision=_precision(kind),
            room=devices.workers(None, devices.CPU),
        )
    )


def software() -> str:
    """`nas-atlas 0.1.0 (code 1f2e3d4c5b6a), python 3.11, torch 2.14.1, ...`: equal where results may be compared."""
    root, code = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        code.update(f"{path.relative_to(root).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    python = ".".join(platform.python_version_tuple()[:2])
    libraries = [f"{name} {_version(name)}" for name in LIBRARIES]
    return ", ".join([f"nas-atlas {release()} (code {code.hexdigest()[:12]})", f"python {python}", *libraries])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _precision(kind: str) -> str:
    """The arithmetic of the processor, or of all cards; a process asks these and lets go of them."""
    if kind == "cpu":
        return devices.precision("cpu")
    names = {name: value for name, value in environment().items() if name != devices.VISIBLE}  # Ray hides all cards
    code = "from nas.training import devices as d; print(d.precision('cuda', range(d.card_count())))"
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, env=names, capture_output=True, text=True, check=True).stdout.strip()


def _new_folder() -> Path:
    """An empty folder among the temporary files; those that killed nodes left behind long ago are removed."""
    parent = private_folder() / "nodes"
    parent.mkdir(exist_ok=True)
    cache.remove_stale(parent)
    folder = parent / f".{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _write(folder: Path, files: Files) -> None:
    """Write a prepared folder, whole or not at all."""
    with cache.placed(folder, sum(array.nbytes for array in files.values())) as part:
        for name, array in files.items():
            (part / Path(name).name).write_bytes(array.data)


def read(info: DataInfo) -> dict[str, NDArray[np.uint8]]:
    """The files of a prepared folder; StorageFailed where one can't be read."""
    folder = Path(info.folder)
    try:
        return {name: np.fromfile(folder / name, dtype=np.uint8) for name in (*info.sha256, INFO)}
    except OSError as error:
        raise StorageFailed(f"{folder} can't be read: {error.strerror or error}") from error
