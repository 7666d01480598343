"""Cases of a reader, each bounded: in a process of their own, with CPU time and memory measured one by one."""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import signal
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from nas.errors import NasError
from tests.fuzz.guided import Guide
from tests.fuzz.mutations import changed_bytes, changed_tree
from tests.fuzz.readers import Reader, trained

MOST_SECONDS, MOST_MEMORY = 10.0, 7.5e8
"""What a file may cost: of CPU time, and in bytes beside the program; an image of 64 million pixels takes 700 MB."""
SPACE = 3 * 2**30
"""Bytes of addresses beyond those of the loaded program, so that a bomb ends the case, not the machine."""
KILLED: Mapping[int, str] = {
    signal.SIGPROF: "more than 10 s of CPU time",
    signal.SIGKILL: "killed by the system",
    signal.SIGSEGV: "crashed",
}
"""Signal that ended a process -> what that says of its last case."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What became of one file."""

    number: int
    """Bombs come first, each by its name; then changes, which follow from seed and number."""
    outcome: str
    """`accepted`, `refused`, or `failed`."""
    error: str = ""
    """What was raised, and where; of a failure only."""
    seconds: float = 0.0
    """CPU time."""
    memory: int = 0
    """Most bytes that the process held at once beyond those of before."""
    steps: int = 0
    """From a line of `nas` to another, that all cases of a guided run took so far."""


def content(reader: Reader, original: bytes, number: int, seed: int) -> bytes:
    """The file of a case."""
    bombs = list(reader.bombs.values())
    if number < len(bombs):
        return bombs[number]()
    random = Random(f"{seed} {reader.name} {number}")  # noqa: S311
    return changed_tree(original, random) if reader.tree and random.random() < 0.7 else changed_bytes(original, random)


class Bench:
    """A folder with a real file of a kind, in which one changed file after the other is read."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader, self._folder = reader, folder
        (folder / "real").mkdir(parents=True)
        reader.make(folder / "real")
        self.original = reader.get(folder / "real" / reader.file)
        self._file = (folder / "real" / reader.file).read_bytes()
        if (whole := self.read(-1, self.original)).outcome != reader.answer:
            raise ValueError(f"{reader.name}: a real file must be {reader.answer}, it is {whole}")

    def read(self, number: int, data: bytes, guide: Guide | None = None) -> Case:
        """One case, from whose way through the code a guide learns."""
        place = self._place()
        try:
            self.reader.put(place / self.reader.file, data)
            with guide.watching(data) if guide else nullcontext():
                case = self._measured(number, place)
            return replace(case, steps=len(guide.seen)) if guide else case
        finally:
            if self.reader.writes:
                shutil.rmtree(place)
            else:
                (place / self.reader.file).write_bytes(self._file)

    def _place(self) -> Path:
        if not self.reader.writes:
            return self._folder / "real"
        return Path(shutil.copytree(self._folder / "real", self._folder / "copy"))

    def _measured(self, number: int, place: Path) -> Case:
        Path("/proc/self/clear_refs").write_text("5")
        held, began, outcome, error = _peak(), time.process_time(), "accepted", ""
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        try:
            self.reader.read(place)
        except NasError:
            outcome = "refused"
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it is what is looked for
            outcome, error = "failed", _where(raised)
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds, memory = time.process_time() - began, _peak() - held
        if memory > MOST_MEMORY and outcome != "failed":
            outcome, error = "failed", f"{memory / 1e6:.0f} MB of memory"
        return Case(number=number, outcome=outcome, error=error, seconds=seconds, memory=memory)


def _where(error: BaseException) -> str:
    """An error by its kind, its line in `nas` and its message, shortened."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{f.filename.split('/nas/')[-1]}:{f.lineno}" for f in frames if "/nas/" in f.filename]
    return f"{type(error).__name__} at {ours[-1] if ours else frames[-1]}: {str(error)[:100]}"


def _peak() -> int:
    """Most bytes that this process held since it was last asked to begin anew."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is read one after the other."""

    reader: Reader
    count: int
    """Most cases."""
    seconds: float = inf
    """Longest time, on the clock."""
    seed: int = 0
    guided: bool = False
    """Whether changes are made of files that reached new lines, in place of the real one."""
    keep: Path | None = None
    """Where files are left that failed."""

    def file(self, number: int) -> Path:
        """Where the file of a case is kept."""
        return (self.keep or Path()) / f"{self.reader.slug}.{self.seed}-{number}"


def cases(batch: Batch) -> Iterator[Case]:
    """The cases of a batch; a process that one of them ends is replaced, and the case has failed."""
    done, began = 0, time.monotonic()
    while done < batch.count and (left := batch.seconds - (time.monotonic() - began)) > 0:
        for case in _in_process(replace(batch, seconds=left, seed=batch.seed + done * batch.guided), done):
            done += 1
            yield case


def _in_process(batch: Batch, first: int) -> Iterator[Case]:
    """Cases from a number on, until all are done or one ends the process, which is the last then."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _child(batch, first, write)
    os.close(write)
    number = first
    with os.fdopen(read, "rb") as lines:
        for line in lines:
            yield Case(**json.loads(line))
            number += 1
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"{batch.reader.name}: the process that reads ended with {os.WEXITSTATUS(status)}")
    if os.WIFSIGNALED(status):
        cause = KILLED.get(os.WTERMSIG(status), f"signal {os.WTERMSIG(status)}")
        yield Case(number=number, outcome="failed", error=cause)


def _child(batch: Batch, first: int, write: int) -> None:
    """Read one file after the other, and say what became of each; never returns."""
    status, until = 1, time.monotonic() + batch.seconds
    try:
        prepare()
        with TemporaryDirectory() as folder, os.fdopen(write, "wb", buffering=0) as out:
            bench = Bench(batch.reader, Path(folder))
            limit()
            guide = Guide(bench.original, batch.seed) if batch.guided else None
            for number in range(first, batch.count):
                if time.monotonic() > until:
                    break
                data = guide.content() if guide else content(batch.reader, bench.original, number, batch.seed)
                if batch.keep:
                    batch.file(number).write_bytes(data)  # before: it may end this process
                case = bench.read(number, data, guide)
                if batch.keep and case.outcome != "failed":
                    batch.file(number).unlink()
                out.write(json.dumps(asdict(case)).encode() + b"\n")
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
        traceback.print_exc()
    finally:
        os._exit(status)


def load() -> None:
    """What readers import, once for all processes and outside of the time that a file costs."""
    import pandas
    import PIL.Image
    import PIL.ImageFile
    import torch

    import nas.cli.app
    import nas.findings.tables
    import nas.models.model
    import nas.runner.launch  # noqa: F401

    torch.set_num_threads(1)
    PIL.Image.init()
    pandas.DataFrame({"a": [1]}).to_html()
    trained()


def prepare() -> None:
    """What a process needs that reads hostile files: silence."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, signal.SIG_DFL)


def limit() -> None:
    """Bound the addresses of this process."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + SPACE, resource.RLIM_INFINITY))
