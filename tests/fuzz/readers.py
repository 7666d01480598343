"""All that `nas` reads from a disk: for each kind of file a real one, and what reads it."""

from __future__ import annotations

import atexit
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from nas.errors import StorageFailed

Write = Callable[[Path, bytes], None]
MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of file and what reads it."""

    name: str
    make: Callable[[Path], object]
    """Makes a folder with a real file, and all that belongs to it."""
    file: str
    """The file that is changed, below that folder."""
    read: Callable[[Path], object]
    """Reads it, given the folder; a refusal is an error of ours."""
    put: Write = lambda path, data: cast(None, path.write_bytes(data))
    """Puts changed content in its place, hashes made to fit."""
    get: Callable[[Path], bytes] = Path.read_bytes
    """The content that is changed."""
    tree: bool = False
    """Whether it is JSON."""
    writes: bool = False
    """Whether reading changes other files, so that each case takes a new folder."""
    answer: str = "accepted"
    """What becomes of the real file."""
    bombs: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    """Small files that cost much time or memory where nobody looks: name -> content."""

    @property
    def slug(self) -> str:
        """The name as files have it."""
        return re.sub("[^a-z]+", "-", self.name.lower())


def command(*words: object) -> None:
    """A command line in this process, its output thrown away; errors of the system as the program tells them."""
    from nas.cli.app import app

    nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    before, sys.argv = sys.argv, ["nas", *map(str, words)]
    try:
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            app(list(map(str, words)), standalone_mode=False)
    except OSError as error:
        raise StorageFailed(f"a file can't be used: {error}") from error
    finally:
        sys.argv = before


# Networks


def toy_document() -> bytes:
    """A network with one of every combinator, described."""
    from nas.models.document import encode
    from tests.toys.spaces import Tiny
    from tests.toys.untrained import untrained

    return encode(untrained(Tiny(width=8).network((1, 8, 8), 3), (1, 8, 8), ("a", "b", "c")).document)


def make_document(folder: Path) -> None:
    """A description alone."""
    (folder / "network.json").write_bytes(toy_document())


def describe(folder: Path) -> None:
    """What `nas describe FILE.json` asks of it."""
    from nas.cli.network import find

    subject = find(str(folder / "network.json"), None, None)
    subject.summary()
    subject.smallest()


def make_export(folder: Path) -> None:
    """An exported network with its curve."""
    from nas.models.folder import CURVE, write_folder
    from nas.models.model import files_of
    from nas.study.record import Epoch
    from tests.toys.spaces import Tiny
    from tests.toys.untrained import untrained

    model = untrained(Tiny(width=8).network((1, 8, 8), 3), (1, 8, 8), ("a", "b", "c"))
    curve = [Epoch(number=n, loss=1.0 / n, error=0.5, seconds=1.0) for n in (1, 2)]
    files = files_of(model)
    write_folder(folder / "net", {**files, CURVE: msgspec.json.encode(curve)})


def put_listed(path: Path, data: bytes) -> None:
    """A file of an exported folder, listed with its own hash."""
    path.write_bytes(data)
    sums = path.with_name("SHA256SUMS")
    kept = [line for line in sums.read_text().splitlines() if not line.endswith(f"  {path.name}")]
    sums.write_text("".join(f"{line}\n" for line in [*kept, f"{hashlib.sha256(data).hexdigest()}  {path.name}"]))


def load_export(folder: Path) -> None:
    """`nas.load`, and one image."""
    import torch

    import nas

    model = nas.load(folder / "net")
    if model.document.inputs == (1, 8, 8):
        model(torch.zeros(1, 1, 8, 8))


def make_weights(folder: Path) -> None:
    """Weights as a run keeps them."""
    from nas.models import weights
    from tests.toys.spaces import Tiny
    from tests.toys.untrained import untrained

    model = untrained(Tiny(width=8).network((1, 8, 8), 3), (1, 8, 8), ("a", "b", "c"))
    weights.write(model.network, model.document, folder / "w.safetensors")


def load_weights(folder: Path) -> None:
    """The document in the file, then the network."""
    from nas.models.model import restore
    from nas.models.weights import read_document

    restore(read_document(folder / "w.safetensors"), folder / "w.safetensors")


def make_checkpoint(folder: Path) -> None:
    """Where a training goes on."""
    import torch

    from nas.study.record import Epoch
    from nas.training.checkpoint import Checkpoint

    curve = [Epoch(number=1, loss=1.0, error=0.5, seconds=1.0)]
    tensors = {"a": torch.zeros(3, 4), "b": torch.zeros(2, dtype=torch.int64)}
    Checkpoint(path=folder / "c.checkpoint", training="x").write(
        tensors, curve, seconds=1.0, training_seconds=1.0, peak_memory=None
    )


def read_checkpoint(folder: Path) -> object:
    """None where it is damaged."""
    from nas.training.checkpoint import Checkpoint

    return Checkpoint(path=folder / "c.checkpoint", training="x").read()


def many_tensors(count: int) -> bytes:
    """A safetensors file with so many empty tensors."""
    header = json.dumps({f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(count)})
    return struct.pack("<Q", len(header)) + header.encode()


# Runs


@cache
def trained() -> Path:
    """A run of two spaces, trained once."""
    from tests.toys.runs import execute
    from tests.toys.spaces import STUDY

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    execute(replace(STUDY, samples=1), folder / "run")
    command("table", folder / "run", "-o", folder / "run" / "records.csv")
    line = "2026-01-01 00:00:00,000 INFO trial 0 of toy is completed, error 0.5\n"
    (folder / "run" / "run.log").write_text(line)
    return folder / "run"


def make_run(folder: Path) -> None:
    """That run."""
    shutil.copytree(trained(), folder / "run")


def look(folder: Path) -> None:
    """What a program asks of a run, and the command that says where it stands."""
    import nas

    run = nas.open(folder / "run")
    described = (repr(run), run._repr_html_(), run.table(), run.curves(), run.pareto_front, run.wrong_images)
    if len(described) and run.best:
        run.layer(run.best[0])
    command("status", folder / "run", "--json")
    command("best", folder / "run")


def glance(folder: Path) -> None:
    """A run is opened."""
    import nas

    nas.open(folder / "run")


def put_study(path: Path, data: bytes) -> None:
    """A study.json in a run that believes to have written it."""
    path.write_bytes(data)
    with closing(sqlite3.connect(path.with_name("study.db"))) as database, database:
        database.execute("UPDATE nas_runs SET manifest = ?", (data.decode(errors="replace"),))


def get_manifest(path: Path) -> bytes:
    """The text of study.json in the database."""
    with closing(sqlite3.connect(path)) as database:
        return cast(str, database.execute("SELECT manifest FROM nas_runs").fetchone()[0]).encode()


def put_manifest(path: Path, data: bytes) -> None:
    """Another text there."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE nas_runs SET manifest = CAST(? AS TEXT)", (data,))


def get_record(path: Path) -> bytes:
    """The record of the first trial."""
    with closing(sqlite3.connect(path)) as database:
        return cast(str, database.execute("SELECT record FROM nas_trials WHERE number = 0").fetchone()[0]).encode()


def put_record(path: Path, data: bytes) -> None:
    """Another record of that trial, with a hash that fits."""
    from nas.storage.tables import seal

    with closing(sqlite3.connect(path)) as database, database:
        text = data.decode(errors="surrogateescape")
        (name,) = database.execute("SELECT name FROM nas_runs").fetchone()
        told = "UPDATE nas_trials SET record = CAST(? AS TEXT), sha256 = ? WHERE number = 0"
        database.execute(told, (data, seal(name, 0, text)))


def resume(folder: Path) -> None:
    """What a command that trains does before it trains."""
    from nas.storage import study_json
    from nas.storage.store import opened

    with opened(folder / "run", study_json.read(folder / "run")) as store:
        store.release()


def make_server(folder: Path) -> None:
    """A run whose trials lie on a server that doesn't answer."""
    make_run(folder)
    (folder / "run" / "study.db").unlink()
    (folder / "run" / "records.csv").unlink()
    text = '{"url": "postgresql://nobody@127.0.0.1:1/none", "run": 12345}'
    (folder / "run" / "storage.json").write_text(text)


def make_spool(folder: Path) -> None:
    """A run, and a result that its database couldn't take."""
    from nas.storage import spool
    from nas.storage.database import read_records

    make_run(folder)
    run = folder / "run"
    record = read_records(run)[0]
    name = sqlite3.connect(run / "study.db").execute("SELECT name FROM nas_runs").fetchone()[0]
    spool.keep(run, name, [record], {record.trial: b"\0" * 45})
    with closing(sqlite3.connect(run / "study.db")) as database, database:
        database.execute("DELETE FROM nas_trials WHERE number = ?", (record.trial,))
    (run / "spool" / f"{record.trial}-{record.attempts}.json").rename(run / "spool" / "x.json")
    for other in ("records.csv", "run.log", "weights"):  # they would tell of the trial
        shutil.rmtree(run / other) if other == "weights" else (run / other).unlink()


def make_latencies(folder: Path) -> None:
    """Two lines of measured latencies."""
    from nas.runner.latencies import TimedNetwork

    line = TimedNetwork(
        architecture="0123456789abcdef", inputs=(1, 8, 8), batch=1, milliseconds=0.5, spread=1.1, machine="x"
    )
    (folder / "latencies.jsonl").write_bytes((msgspec.json.encode(line) + b"\n") * 2)


def read_latencies(folder: Path) -> None:
    """As a search reads them, before it measures."""
    from nas.runner.latencies import Latencies

    Latencies(folder / "latencies.jsonl")._read()


def make_results(folder: Path) -> None:
    """What a final's reading of the test split said, and the log of it."""
    from nas.storage.finals import Evaluated, Reading, Results, write_results

    tested = Evaluated(trial=0, seed=1, sha256="0" * 64, images=16, error=0.25, outcomes=b"\xf0\x00")
    write_results(folder, Results(when="now", data="x", images=16, rows=False, trainings=1, tested=(tested,)))
    line = msgspec.json.encode(Reading(when="now", who="me", command="c", data="x", weights={"w": "0" * 64}))
    (folder / "test_access.jsonl").write_bytes(line + b"\n")


def read_final(folder: Path) -> None:
    """Results with their losses, and readings."""
    from nas.storage.finals import read_results, readings

    results = read_results(folder)
    for one in results.tested if results else ():
        results.losses(one)  # type: ignore[union-attr]
    readings(folder)


# Tables


TABLE = "space,depth,width,parameters,error,outcome\n" + "".join(
    f"{'ab'[n % 2]},{n % 5},{8 * (n % 7)},{1000 + n},{0.1 + n / 100},completed\n" for n in range(24)
)
ROWS = [
    {
        "net": {"depth": n % 5, "ws": [8, 16 + n]},
        "params": 1000 + n,
        "flops": 10 * n + 5,
        "test_ep_top1": [90] * 39 + [20 + n],
    }
    for n in range(12)
]


def make_table(folder: Path) -> None:
    """A table of anybody's."""
    (folder / "t.csv").write_text(TABLE)


def make_json_table(folder: Path) -> None:
    """Records as NDS has them."""
    (folder / "t.json").write_text(json.dumps({"Small": ROWS, "Large": ROWS}))


def read_table(folder: Path, name: str, error: str | None = None) -> None:
    """As `nas principles --table` and the page take it."""
    from nas.findings.tables import tables

    tables([folder / name], error)


def make_published(folder: Path) -> None:
    """What lies beside a table of published trials."""
    import studies

    (beside,) = (Path(studies.__file__).parent / "results").glob("fashion-mnist*.json")
    whole = json.loads(beside.read_bytes())
    first = dict(list(whole["runs"].items())[:2])
    (folder / "x.json").write_text(json.dumps({**whole, "runs": first}))


def read_published(folder: Path) -> None:
    """The description alone."""
    from nas.findings.results import described

    described(folder / "x.csv.gz")


# Data


def in_cache(folder: Path, name: str, target: str = "", resolution: int = 0) -> None:
    """A data set prepared in a cache of its own, loaded, and its test split read."""
    from nas import data

    before = os.environ.get("NAS_CACHE_DIR")
    os.environ["NAS_CACHE_DIR"] = str(folder / "cache")
    try:
        data.load(data.prepare(str(folder / name), resolution, target))
        data.unseal(str(folder / name), resolution, target)
    finally:
        if before is None:
            del os.environ["NAS_CACHE_DIR"]
        else:
            os.environ["NAS_CACHE_DIR"] = before


def make_csv_data(folder: Path) -> None:
    """A table with a target."""
    rows = "".join(f"{n % 7},{'xyz'[n % 3]},{n / 3:.2f},{n * n % 101}\n" for n in range(60))
    (folder / "d.csv").write_text("a,kind,b,target\n" + rows)


def make_npz(folder: Path) -> None:
    """Grey images of two classes."""
    images = np.random.default_rng(0).integers(0, 255, (24, 6, 6), dtype=np.uint8)
    np.savez(folder / "d.npz", images=images, labels=np.arange(24) % 2, classes=np.array(["a", "b"]))


def get_member(path: Path, member: str = "images.npy") -> bytes:
    """One file of an archive."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)


def put_member(path: Path, data: bytes, member: str = "images.npy") -> None:
    """Another file in an archive, its checksum fitting."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, old in members.items():
            archive.writestr(name, data if name == member else old)


def npz_bomb(shape: tuple[int, ...], sides: tuple[int, ...]) -> bytes:
    """An archive of many images that deflate well."""
    file = io.BytesIO()
    np.savez_compressed(file, images=np.zeros((*shape, *sides), np.uint8), labels=np.arange(shape[0]) % 2)
    return file.getvalue()


def npz_claim(shape: str) -> bytes:
    """An archive whose header claims a shape that it doesn't hold, as its directory does."""
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (117 - len(head) % 64 % 64) + "\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images.npy", npy)
        archive.writestr("labels.npy", npy)
    return file.getvalue()


def make_images(folder: Path, kind: str) -> None:
    """Two classes of small images in one format."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 3), dtype=np.uint8)
    for n, picture in enumerate(pixels):
        place = folder / "d" / "ab"[n % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{n}.{kind}")


def png_claim(width: int, height: int) -> bytes:
    """A PNG of one colour with so many pixels."""
    raw = zlib.compressobj(9)
    rows = b"".join(raw.compress(b"\0" + b"\0" * width) for _ in range(height)) + raw.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def make_idx(folder: Path) -> None:
    """MNIST's layout, a few images of it."""
    (folder / "images").write_bytes(struct.pack(">IIII", 0x803, 4, 28, 28) + bytes(4 * 28 * 28))
    (folder / "labels.gz").write_bytes(gzip.compress(struct.pack(">II", 0x801, 4) + bytes([0, 1, 2, 3])))


def put_gzip(path: Path, data: bytes) -> None:
    """The packed file beside it."""
    path.write_bytes(data)
    path.with_suffix(".gz").write_bytes(gzip.compress(data, 1))


def make_idx_gz(folder: Path) -> None:
    """The same, packed."""
    make_idx(folder)
    put_gzip(folder / "images", (folder / "images").read_bytes())


def read_archives(folder: Path, name: str, files: tuple[str, ...], part: Any = "train") -> None:
    """Files that are taken for a published data set: their hashes are believed to be these."""
    from unittest.mock import patch

    from nas.data.readers import archives
    from nas.data.readers.official import OFFICIAL

    official = OFFICIAL[name]
    known = tuple(
        replace(archive, file=file, algorithm="sha256", digest=hashlib.sha256((folder / file).read_bytes()).hexdigest())
        for archive, file in zip(official.train, files, strict=True)
    )
    with patch.object(archives, "data_dir", lambda: folder):
        archives.read(replace(official, train=known, test=known), part)


def make_emnist(folder: Path) -> None:
    """EMNIST's zip of gzipped files."""
    make_idx_gz(folder)
    with zipfile.ZipFile(folder / "e.zip", "w") as archive:
        archive.write(folder / "images.gz", "gzip/emnist-balanced-train-images-idx3-ubyte.gz")
        archive.write(folder / "labels.gz", "gzip/emnist-balanced-train-labels-idx1-ubyte.gz")


def make_cifar(folder: Path) -> None:
    """CIFAR-10's archive with two images in each file."""
    with tarfile.open(folder / "c.tar.gz", "w:gz") as archive:
        for number in range(1, 6):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/data_batch_{number}.bin")
            info.size = 2 * 3073
            archive.addfile(info, io.BytesIO(bytes(info.size)))


def make_cache(folder: Path) -> None:
    """A prepared data set."""
    make_npz(folder)
    in_cache(folder, "d.npz")
    (prepared,) = (folder / "cache" / "data").iterdir()
    prepared.rename(folder / "prepared")


def put_info(path: Path, data: bytes) -> None:
    """An info file whose own hash fits, if it can be read at all."""
    from nas.data.info import DataInfo, _stamp

    try:
        info = msgspec.json.decode(data, type=DataInfo)
        path.write_bytes(b'{"sha256": "%s", "info": %s}' % (_stamp(info).encode(), data))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        path.write_bytes(data)


def get_info(path: Path) -> bytes:
    """What the hash is of."""
    return msgspec.json.encode(msgspec.json.decode(path.read_bytes())["info"])


def reuse_cache(folder: Path) -> None:
    """What a warm start does: None where it is damaged."""
    from nas import data
    from nas.data.cache import reuse

    info = reuse(folder / "prepared")
    if info is not None:
        data.load(info)


def make_lock(folder: Path) -> None:
    """A run's lock, held by this process."""
    import fcntl

    (folder / "run.lock").write_text('{"pid": 1, "host": "x"}')
    HELD.append(os.open(folder, os.O_RDONLY))
    fcntl.flock(HELD[-1], fcntl.LOCK_EX)


HELD: list[int] = []
"""Locks of ours, for as long as the process lives."""


def read_lock(folder: Path) -> None:
    """Who works there."""
    from nas.storage.lock import coordinator

    if not coordinator(folder):
        raise ValueError("the folder must be locked")


JSON_BOMBS = {"zeros": lambda: bytes(64 * MEBIBYTE), "brackets": lambda: b"[" * MEBIBYTE}


def wide_csv(columns: int, rows: int) -> bytes:
    """A table of many columns."""
    return (",".join(f"c{n}" for n in range(columns)) + "\n" + (",".join("1" * columns) + "\n") * rows).encode()


# SVHN isn't among them: SciPy's reader of MATLAB files can crash, and only the file with the published hash reaches it.
READERS: tuple[Reader, ...] = (
    Reader(name="description", make=make_document, file="network.json", read=describe, tree=True, bombs=JSON_BOMBS),
    Reader(
        name="exported description",
        make=make_export,
        file="net/architecture.json",
        put=put_listed,
        read=load_export,
        tree=True,
    ),
    Reader(
        name="exported weights",
        make=make_export,
        file="net/model.safetensors",
        put=put_listed,
        read=load_export,
        bombs={"many tensors": lambda: many_tensors(900_000)},
    ),
    Reader(name="list of hashes", make=make_export, file="net/SHA256SUMS", read=load_export),
    Reader(name="curve", make=make_export, file="net/curve.json", put=put_listed, read=load_export, tree=True),
    Reader(
        name="weights of a run",
        make=make_weights,
        file="w.safetensors",
        read=load_weights,
        bombs={"many tensors": lambda: many_tensors(900_000)},
    ),
    Reader(name="checkpoint", make=make_checkpoint, file="c.checkpoint", read=read_checkpoint),
    Reader(
        name="study.json", make=make_run, file="run/study.json", put=put_study, read=look, tree=True, bombs=JSON_BOMBS
    ),
    Reader(
        name="study.json in study.db",
        make=make_run,
        file="run/study.db",
        get=get_manifest,
        put=put_manifest,
        read=glance,
        tree=True,
    ),
    Reader(name="record", make=make_run, file="run/study.db", get=get_record, put=put_record, read=look, tree=True),
    Reader(name="study.db", make=make_run, file="run/study.db", read=look),
    Reader(name="study.db resumed", make=make_run, file="run/study.db", read=resume, writes=True),
    Reader(name="storage.json", make=make_server, file="run/storage.json", read=look, tree=True, answer="refused"),
    Reader(name="spool", make=make_spool, file="run/spool/x.json", read=resume, tree=True, writes=True),
    Reader(name="run.lock", make=make_lock, file="run.lock", read=read_lock, tree=True),
    Reader(name="run.log", make=make_run, file="run/run.log", read=glance),
    Reader(name="records.csv", make=make_run, file="run/records.csv", read=glance),
    Reader(name="latencies", make=make_latencies, file="latencies.jsonl", read=read_latencies, tree=True),
    Reader(name="results of a final", make=make_results, file="results.json", read=read_final, tree=True),
    Reader(name="readings of the test split", make=make_results, file="test_access.jsonl", read=read_final, tree=True),
    Reader(name="published table", make=make_published, file="x.json", read=read_published, tree=True),
    Reader(
        name="table, CSV",
        make=make_table,
        file="t.csv",
        read=partial(read_table, name="t.csv"),
        bombs={"60,000 columns": lambda: wide_csv(60_000, 2)},
    ),
    Reader(
        name="table, JSON",
        make=make_json_table,
        file="t.json",
        read=partial(read_table, name="t.json", error="test_ep_top1_last"),
        tree=True,
        bombs={"zeros": lambda: bytes(64 * MEBIBYTE)},
    ),
    Reader(
        name="table, CSV packed",
        make=lambda folder: (folder / "t.csv.gz").write_bytes(gzip.compress(TABLE.encode())),
        file="t.csv.gz",
        read=partial(read_table, name="t.csv.gz"),
        bombs={"bomb": lambda: gzip.compress((TABLE + "a,1,8,1000,0.1,completed\n" * 8_000_000).encode(), 1)},
    ),
    Reader(
        name="table, JSON packed",
        make=lambda folder: (folder / "t.json.gz").write_bytes(gzip.compress(json.dumps(ROWS).encode())),
        file="t.json.gz",
        read=partial(read_table, name="t.json.gz", error="test_ep_top1_last"),
        bombs={"bomb": lambda: gzip.compress(b"[" + b'{"a":1,"error":0.5},' * 4_000_000 + b'{"a":1,"error":1}]', 9)},
    ),
    Reader(
        name="data, CSV",
        make=make_csv_data,
        file="d.csv",
        read=partial(in_cache, name="d.csv", target="target"),
        bombs={"60,000 columns": lambda: wide_csv(60_000, 4)},
    ),
    Reader(
        name="data, npz",
        make=make_npz,
        file="d.npz",
        read=partial(in_cache, name="d.npz"),
        bombs={
            "3 million images": lambda: npz_bomb((3_000_000,), (28, 28)),
            "claim": lambda: npz_claim("(1000000000000, 28, 28)"),
        },
    ),
    Reader(
        name="data, array of an npz",
        make=make_npz,
        file="d.npz",
        get=get_member,
        put=put_member,
        read=partial(in_cache, name="d.npz"),
    ),
    *(
        Reader(
            name=f"data, {kind.upper()}",
            make=partial(make_images, kind=kind),
            file=f"d/a/0.{kind}",
            read=partial(in_cache, name="d", resolution=8),
            bombs={"13,000 x 13,000": lambda: png_claim(13_000, 13_000), "8,000 x 8,000": lambda: png_claim(8000, 8000)}
            if kind == "png"
            else {},
        )
        for kind in ("png", "jpg", "webp", "bmp", "gif", "tif")
    ),
    Reader(
        name="data, IDX",
        make=make_idx_gz,
        file="images",
        put=put_gzip,
        read=partial(read_archives, name="mnist", files=("images.gz", "labels.gz")),
        bombs={"zeros": lambda: bytes(MEBIBYTE)},
    ),
    Reader(
        name="data, IDX packed",
        make=make_idx_gz,
        file="images.gz",
        read=partial(read_archives, name="mnist", files=("images.gz", "labels.gz")),
    ),
    Reader(
        name="data, EMNIST",
        make=make_emnist,
        file="e.zip",
        read=partial(read_archives, name="emnist", files=("e.zip",)),
    ),
    Reader(
        name="data, CIFAR-10",
        make=make_cifar,
        file="c.tar.gz",
        read=partial(read_archives, name="cifar10", files=("c.tar.gz",)),
    ),
    Reader(
        name="prepared data",
        make=make_cache,
        file="prepared/info.json",
        get=get_info,
        put=put_info,
        read=reuse_cache,
        tree=True,
        writes=True,
    ),
    Reader(name="prepared images", make=make_cache, file="prepared/train_images.bin", read=reuse_cache, writes=True),
)
