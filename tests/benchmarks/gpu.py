"""One session on a GPU: tests, speed against the book's loop, packing, a whole study.

    python -m tests.benchmarks.gpu --out DIR                 all parts, about half an hour
    python -m tests.benchmarks.gpu --out DIR --parts speed packing --seconds 300
    python -m tests.benchmarks.gpu --out DIR --quick         a smoke test, minutes on a CPU

Each part is a process of its own and leaves PART.json and PART.log in DIR, whatever becomes of the others;
summary.json has all of them. `study` goes on where it was stopped if DIR is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import torch

import nas
from nas import data
from nas.data import Dataset
from nas.engines import LocalEngine
from nas.engines.messages import Job, Result
from nas.study import Recipe, Study
from nas.study.record import Outcome
from nas.training import devices
from nas.training.cuda_graphs import aside
from nas.training.devices import device_name, one_thread
from nas.training.loop import Training, initial, on_device, train
from spaces import anynet
from studies.anynet_ladder import STUDY as LADDER
from tests.benchmarks import book, networks, ours
from tests.benchmarks.networks import Subject

ROOT = Path(__file__).parents[2]
FLOPS = 6
"""Floating-point operations of a training step for each multiply-add: two forward, four backward."""
EDGES = (2048, 4096, 8192)
"""Of the square matrices whose product shows the device's peak; the fastest counts."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured."""

    data: str = "fashion-mnist"
    """Data set; it must lie on the machine."""
    images: int = 25_600
    """Training images of an epoch, but for the study."""
    pairs: int = 5
    """Alternating measurements of each network."""
    subjects: tuple[str, ...] = (
        "RegNetX32 28x28",
        "RegNetX32 96x96",
        "AnyNetX_A_3 0",
        "AnyNetX_A_3 4",
        "AnyNetX_E_3 1",
        "RegNetX_3 2",
    )
    """Networks that are trained one at a time."""
    packings: tuple[tuple[int, int], ...] = ((1, 1), (1, 2), (1, 4), (1, 8), (1, 16), (2, 1), (4, 1), (2, 4))
    """Processes and lanes of each."""
    rounds: int = 2
    """Trainings of each network of the sample in one packing."""
    sample: int = 24
    """Networks of the sample that are packed."""
    samples: int = 500
    """Networks of the study."""
    epochs: int = 10
    """Of the study, on all images."""
    train_size: int = 0
    """Training images of the study; 0 for all."""


QUICK = Scale(
    data="digits",
    images=256,
    pairs=1,
    subjects=("RegNetX32 28x28", "AnyNetX_A_3 0"),
    packings=((1, 1), (1, 2), (2, 1)),
    rounds=1,
    sample=3,
    samples=3,
    epochs=1,
    train_size=256,
)


@dataclass(frozen=True, kw_only=True)
class Session:
    """What all parts are told."""

    scale: Scale
    """How much is measured."""
    out: Path
    """Where results go."""
    device: str
    """`cuda`, or `cpu` for a smoke test."""
    lanes: int
    """Of the study."""
    seconds: float
    """After which the study begins no network any more."""

    @property
    def recipe(self) -> Recipe:
        """One epoch at the device's own precision."""
        precision = devices.precision(self.device)
        return Recipe(data=self.scale.data, train_size=self.scale.images, epochs=1, flip=True, precision=precision)


def tests(session: Session) -> dict[str, Any]:
    """The tests that need a GPU; what they say is in tests.log."""
    words = [sys.executable, "-m", "pytest", "-v", "-rA", "tests/training/test_cuda.py", "tests/engines/test_lanes.py"]
    return {"status": subprocess.run(words, cwd=ROOT, check=False).returncode}


def speed(session: Session) -> dict[str, Any]:
    """One network at a time, in turns: the book's loop, our steps launched one by one, our steps as a graph."""
    wanted = [subject for subject in (*networks.book(), *networks.sample()) if subject.name in session.scale.subjects]
    return {"peak_flops": peak(torch.device(session.device)), "networks": [compared(session, s) for s in wanted]}


def compared(session: Session, subject: Subject) -> dict[str, Any]:
    """Images a second of each way, all measurements, and ratios of medians."""
    device = torch.device(session.device)
    info = data.prepare(session.scale.data, subject.resolution)
    source, dataset = data.prepare(session.scale.data), data.load(info, session.scale.images)
    dataset = replace(dataset, train=on_device(dataset.train, device), validation=on_device(dataset.validation, device))
    question = book.Question(
        layer=subject.layer, info=source, resolution=subject.resolution, images=session.scale.images, batch_size=128
    )
    ways: dict[str, Callable[[], float]] = {
        "book": lambda: book_speed(question, device),
        "eager": lambda: our_speed(subject, dataset, session.recipe, device, graph=False),
        "graph": lambda: our_speed(subject, dataset, session.recipe, device, graph=True),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(session.scale.pairs):
        for name, way in ways.items():
            found[name].append(way())
    medians = {name: statistics.median(values) for name, values in found.items()}
    curves = [train(subject.layer, session.recipe, dataset, 1, device).curve[-1] for _ in range(2)]
    return tell(
        {
            "network": subject.name,
            "multiply_adds": subject.multiply_adds,
            "images_per_second": found,
            "medians": medians,
            "graph_to_book": medians["graph"] / medians["book"],
            "graph_to_eager": medians["graph"] / medians["eager"],
            "repeated": [(epoch.loss, epoch.error) for epoch in curves],
        }
    )


def our_speed(subject: Subject, dataset: Dataset, recipe: Recipe, device: torch.device, *, graph: bool) -> float:
    """Images a second of the second epoch: libraries have chosen, the graph is recorded."""
    with aside(device):
        generator = torch.Generator().manual_seed(0)
        module = initial(subject.layer, dataset.info.shape, recipe, generator)
        longer = msgspec.structs.replace(recipe, epochs=2)
        training = Training(module, dataset.train, dataset.info, longer, device, graph=graph)
        training.epoch(generator)
        begun = time.perf_counter()
        training.epoch(generator)
        return training.images / (time.perf_counter() - begun)


def book_speed(question: book.Question, device: torch.device) -> float:
    """Images a second of the book's loop on a device, from the first batch delivered."""
    module = book.plain(question).to(device)
    loader = book.batches(data.load(question.info, question.images).train, question, shuffle=True)
    book.train_epoch(module, loader, device, most=book.WARM_UP)
    return book.train_epoch(module, loader, device)


def peak(device: torch.device) -> float:
    """Floating-point operations a second of a matrix product in bfloat16; on a CPU of small float32 ones."""
    edges, dtype = (EDGES, torch.bfloat16) if device.type == "cuda" else ((512,), torch.float32)
    fastest = 0.0
    for edge in edges:
        left, right = torch.randn(2, edge, edge, device=device).to(dtype)
        calls = 20
        for repeat in range(4):
            begun = time.perf_counter()
            for _ in range(calls):
                product = left @ right
            product[0, 0].item()
            if repeat:
                fastest = max(fastest, 2 * edge**3 * calls / (time.perf_counter() - begun))
    return fastest


def packing(session: Session) -> dict[str, Any]:
    """The sample trained side by side, in lanes and in processes: training images a second of wall time."""
    info = data.prepare(session.scale.data, 28)
    top = peak(torch.device(session.device))
    return {"peak_flops": top, "packings": [packed(session, p, n, info, top) for p, n in session.scale.packings]}


def packed(session: Session, processes: int, lanes: int, info: data.DataInfo, top: float) -> dict[str, Any]:
    """One way to pack, after a training of each lane that isn't counted."""
    sample = networks.sample()[: session.scale.sample]
    recipe = msgspec.structs.replace(session.recipe, epochs=2)
    subjects = list(sample) * session.scale.rounds
    jobs = [ours.job(subject, recipe, info, seed, session.device) for seed, subject in enumerate(subjects)]
    log = session.out / f"packing-{processes}x{lanes}.log"
    cards = [devices.visible(0)] * processes if session.device == "cuda" else []
    with LocalEngine(processes * lanes, processes=processes, cards=cards, log=log) as engine:
        answered(engine, [msgspec.structs.replace(jobs[0], seed=n, trial=n) for n in range(2 * processes * lanes)])
        begun = time.perf_counter()
        results = answered(engine, jobs)
        seconds = time.perf_counter() - begun
    done = [r for r in results if r.outcome in (Outcome.COMPLETED, Outcome.DIVERGED)]
    images = recipe.epochs * session.scale.images * len(done)
    operations = FLOPS * recipe.epochs * session.scale.images * sum(subjects[r.trial].multiply_adds for r in done)
    return tell(
        {
            "processes": processes,
            "lanes": lanes,
            "networks": len(jobs),
            "outcomes": sorted(str(result.outcome) for result in results if result not in done),
            "seconds": seconds,
            "images_per_second": images / seconds,
            "share_of_peak": operations / seconds / top,
            "errors": [result.curve[-1].error if result.curve else None for result in results],
        }
    )


def answered(engine: LocalEngine, jobs: list[Job]) -> list[Result]:
    """All results, by trial."""
    waiting, results = list(jobs), list[Result]()
    while len(results) < len(jobs):
        while waiting and engine.free:
            engine.submit(waiting.pop(0))
        results += engine.wait(60)
    return sorted(results, key=lambda result: result.trial)


def study(session: Session) -> dict[str, Any]:
    """Random AnyNets of the ladder's window, trained as the book trains: wall time, and what became of them."""
    scale = session.scale
    asked = Study(
        name="gpu",
        question="How long does a study of the paper's size take on one GPU?",
        spaces=(anynet.X3[0],),
        samples=scale.samples,
        recipe=Recipe(data=scale.data, train_size=scale.train_size, resolution=28, epochs=scale.epochs, flip=True),
        limits=LADDER.limits,
    )
    begun = time.perf_counter()
    run = nas.run(
        asked,
        out=session.out / "run",
        device="cuda:0" if session.device == "cuda" else session.device,
        workers=session.lanes if session.device == "cuda" else None,
        max_seconds=session.seconds,
    )
    seconds = time.perf_counter() - begun
    return tell(
        {
            "lanes": session.lanes,
            "seconds": seconds,
            "networks": len(run.records),
            "of": asked.total,
            "outcomes": {str(outcome): count for outcome, count in run.outcomes.items()},
            "seconds_a_network": seconds / max(1, len(run.records)),
            "best_error": min((r.error for r in run.records if r.error is not None), default=None),
        }
    )


PARTS: dict[str, Callable[[Session], dict[str, Any]]] = {
    "tests": tests,
    "speed": speed,
    "packing": packing,
    "study": study,
}


def tell(found: dict[str, Any]) -> dict[str, Any]:
    """Print what was found, and hand it on."""
    print(json.dumps(found), flush=True)  # noqa: T201
    return found


def machine(device: str) -> dict[str, Any]:
    """What it ran on."""
    cuda = {"cuda": torch.version.cuda, "driver": smi()} if device == "cuda" else {}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "nas": nas.__version__, **cuda}
    return {"device": device_name(device), "cores": os.cpu_count(), **versions}


def smi() -> str:
    """What the driver says of the card."""
    words = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"unknown: {error}"


def all_parts(names: list[str], out: Path, words: list[str]) -> dict[str, Any]:
    """Each part in a process of its own."""
    found: dict[str, Any] = {}
    for name in names:
        tell({"part": name})
        begun = time.perf_counter()
        with (out / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "tests.benchmarks.gpu", *words, "--part", name]
            status = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        result = json.loads((out / f"{name}.json").read_text()) if status == 0 else (out / f"{name}.log").read_text()
        found[name] = {"status": status, "seconds": time.perf_counter() - begun, "result": result}
        (out / "summary.json").write_text(json.dumps(found, indent=1))
    return found


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="as little as possible")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--data", help="data set (default: fashion-mnist; digits when quick)")
    parser.add_argument("--lanes", type=int, default=devices.LANES, help="of the study")
    parser.add_argument("--seconds", type=float, default=inf, help="the study begins no network after so long")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    out, device = asked.out.resolve(), devices.device(asked.device).kind
    out.mkdir(parents=True, exist_ok=True)
    scale = QUICK if asked.quick else Scale()
    scale = replace(scale, data=asked.data) if asked.data else scale
    if asked.part:
        session = Session(scale=scale, out=out, device=device, lanes=asked.lanes, seconds=asked.seconds)
        with one_thread():
            (out / f"{asked.part}.json").write_text(json.dumps(PARTS[asked.part](session), indent=1))
        return
    about = tell({**machine(device), "scale": asdict(scale)})
    (out / "machine.json").write_text(json.dumps(about, indent=1))
    tell(all_parts(asked.parts, out, [*sys.argv[1:], "--out", str(out)]))


if __name__ == "__main__":
    main()
