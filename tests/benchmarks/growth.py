"""What a run costs its coordinator, at 100, 1,000 and 10,000 trials: no training is done, only what surrounds it.

    python tests/benchmarks/growth.py [--trials 100 1000 10000] [--workers 16] [--samples 2000] [--json FILE]

One part runs whole studies of AnyNetX A (16 dimensions) in this process with an engine that answers at once, each in
an interpreter of its own, and measures the coordinator's CPU time, peak memory, and the verbs on the finished run. The
other runs one-second trials on real worker processes that sleep.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MEBIBYTE = 2**20
EXTRA = 16
"""Trials by which a finished run is extended, to see how soon it goes on."""
WINDOWS = ((500, 1500), (9000, 10_000))
"""Stretches of trials whose cost is compared."""


def study(samples: int) -> Any:
    """AnyNetX A with its 16 dimensions, no limits, on the embedded digits."""
    from nas.study import Recipe, Study
    from spaces import anynet

    return Study(
        name="growth",
        question="What does a trial cost?",
        spaces=(anynet.X[0],),
        samples=samples,
        recipe=Recipe(data="digits"),
    )


def toy_engine() -> Any:
    """An engine of this process that answers at once, without loading torch."""
    from nas.engines import InlineEngine
    from nas.engines.messages import Result
    from tests.toys.sleepers import made_up

    class Toy(InlineEngine):
        """Makes results up."""

        def wait(self, seconds: float) -> list[Result]:
            """At once."""
            jobs, self._jobs = self._jobs, []
            return [made_up(job) for job in jobs]

    return Toy()


def peak() -> float:
    """Most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEBIBYTE


def whole(folder: Path, trials: int) -> dict[str, Any]:
    """A whole run in this process: CPU and wall time a trial, over stretches, and memory."""
    from nas.runner.task import Site
    from nas.training.devices import CPU
    from tests.toys.runs import trained

    marks: dict[int, float] = {}
    began = time.monotonic()

    def mark(snapshot: Any, record: object) -> None:
        marks[snapshot.done] = time.process_time()

    trained(study(trials), Site(folder=folder, engine=toy_engine(), device=CPU, observer=mark))
    first, last = min(marks), max(marks)
    stretches = {
        f"cpu_ms_a_trial_{low}_to_{high}": 1000 * (marks[high] - marks[low]) / (high - low)
        for low, high in WINDOWS
        if high <= trials
    }
    return {
        "seconds": time.monotonic() - began,
        "cpu_ms_a_trial": 1000 * (marks[last] - marks[first]) / (last - first),
        **stretches,
        "peak_mib": peak(),
    }


def resumed(folder: Path, trials: int) -> dict[str, Any]:
    """Extend a finished run: when the first new training is handed out, in seconds since this process began."""
    import psutil

    from nas.runner.task import Site
    from nas.training.devices import CPU
    from tests.toys.runs import trained

    engine = toy_engine()
    submit, moments = engine.submit, []
    engine.submit = lambda job: (moments.append(time.time()), submit(job))
    trained(study(trials + EXTRA), Site(folder=folder, engine=engine, device=CPU))
    return {"seconds_to_first_job": moments[0] - psutil.Process().create_time(), "peak_mib": peak()}


def sampling(folder: Path, trials: int) -> dict[str, Any]:
    """Asking and telling alone, without network, storage and engine: milliseconds of CPU a trial."""
    from nas.sampling import Plan

    plan = Plan(study(trials), (1, 8, 8), 10)
    began = time.process_time()
    for trial in range(trials):
        plan.propose(trial)
        plan.tell(trial, 0.5)
    return {"cpu_ms_a_trial": 1000 * (time.process_time() - began) / trials, "peak_mib": peak()}


def sleeping(folder: Path, trials: int, workers: int) -> dict[str, Any]:
    """One-second trials on processes that sleep: wall time from the moment all are ready, against the ideal."""
    from nas.engines import LocalEngine
    from nas.runner.task import Site
    from nas.training.devices import CPU
    from tests.toys.runs import trained
    from tests.toys.sleepers import EPOCH, MODULE

    asked = study(trials)
    asked = replace(asked, recipe=type(asked.recipe)(data="digits", epochs=round(1 / EPOCH)))
    marks: dict[str, tuple[float, float]] = {}

    def mark(name: str) -> None:
        marks[name] = (time.monotonic(), time.process_time())

    class Ready(LocalEngine):
        """Begins when all workers are there."""

        def __enter__(self) -> Ready:
            mark("start")
            super().__enter__()
            while not all(worker.ready for worker in self._workers):
                self.wait(0.1)
            mark("ready")
            return self

        def __exit__(self, *exception: object) -> None:
            mark("end")
            super().__exit__(*exception)

    trained(asked, Site(folder=folder, engine=Ready(workers, module=MODULE), device=CPU))
    wall, cpu = (end - ready for end, ready in zip(marks["end"], marks["ready"], strict=True))
    ideal = trials / workers
    return {
        "workers": workers,
        "startup_seconds": marks["ready"][0] - marks["start"][0],
        "seconds": wall,
        "ideal_seconds": ideal,
        "times_ideal": wall / ideal,
        "cpu_ms_a_trial": 1000 * cpu / trials,
        "peak_mib": peak(),
    }


PARTS = {"whole": whole, "resumed": resumed, "sampling": sampling}


def apart(part: str, folder: Path, trials: int, *more: str) -> dict[str, Any]:
    """One part in an interpreter of its own, so that its memory and CPU time are its own."""
    words = [sys.executable, __file__, "--part", part, "--folder", str(folder), "--trials", str(trials), *more]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment())
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def verb(*words: str) -> dict[str, Any]:
    """A command of the command line: its wall time and its peak memory."""
    began = time.monotonic()
    code = "import resource, sys; from nas.cli.app import app; app(sys.argv[1:], standalone_mode=False)\n"
    code += "print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, capture_output=True, text=True, env=environment()
    )
    kibibytes = int(done.stderr.split("PEAK ")[-1])
    return {"seconds": time.monotonic() - began, "peak_mib": kibibytes * 1024 / MEBIBYTE}


def environment() -> dict[str, str]:
    """With this checkout first on the path."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for runs."""
    folder = Path(tempfile.mkdtemp(prefix="nas-growth-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def measured(trials: int) -> dict[str, Any]:
    """Everything at one size."""
    with scratch() as folder:
        run, page = folder / "run", folder / "page.html"
        found = {"trials": trials, "sampling": apart("sampling", run, trials), "run": apart("whole", run, trials)}
        found["database_mib"] = (run / "study.db").stat().st_size / MEBIBYTE
        found["status"] = verb("status", str(run))
        found["table"] = verb("table", str(run), "-o", str(folder / "x.csv"))
        found["report"] = verb("report", str(run), "-o", str(page))
        found["report"]["page_mib"] = page.stat().st_size / MEBIBYTE
        found["resume"] = apart("resumed", run, trials)
    return found


def flat(found: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Nested numbers under names with dots."""
    lines: dict[str, float] = {}
    for name, value in found.items():
        lines |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return lines


def shown(sizes: list[dict[str, Any]]) -> str:
    """A table: one line a figure, one column a size."""
    columns = [flat(size) for size in sizes]
    names = dict.fromkeys(name for column in columns for name in column)
    lines = []
    for name in names:
        cells = [f"{column[name]:>12,.2f}" if name in column else " " * 12 for column in columns]
        lines.append(f"{name:<36}{''.join(cells)}")
    return "\n".join(lines)


def verdicts(sizes: list[dict[str, Any]], asleep: dict[str, Any]) -> str:
    """What was promised beside what was measured."""
    largest = sizes[-1] if sizes else {}
    run = largest.get("run", {})
    growth = [
        run[f"cpu_ms_a_trial_{low}_to_{high}"] for low, high in WINDOWS if f"cpu_ms_a_trial_{low}_to_{high}" in run
    ]
    promises = [
        ("wall time, of ideal", asleep.get("times_ideal"), 1.05),
        ("CPU a trial with workers, ms", asleep.get("cpu_ms_a_trial"), 25.0),
        ("cost a trial, last 1,000 of first", growth[1] / growth[0] if len(growth) == 2 else None, 1.2),
        ("status, s", largest.get("status", {}).get("seconds"), 3.0),
        ("table, s", largest.get("table", {}).get("seconds"), 15.0),
        ("resume to first job, s", largest.get("resume", {}).get("seconds_to_first_job"), 25.0),
    ]
    known = [(name, value, most) for name, value, most in promises if value is not None]
    return "\n".join(
        f"{'kept  ' if v <= most else 'BROKEN'} {name:<36} {v:8.2f} (at most {most:g})" for name, v, most in known
    )


def say(text: str) -> None:
    """To the terminal."""
    print(text)  # noqa: T201 -- a benchmark prints


def main() -> None:
    """Measure what was asked for; print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--samples", type=int, default=2000, help="one-second trials with workers; 0 for none")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part == "sleeping":
        say(json.dumps(sleeping(asked.folder, asked.trials[0], asked.workers)))
    elif asked.part:
        say(json.dumps(PARTS[asked.part](asked.folder, asked.trials[0])))
    else:
        sizes = [measured(trials) for trials in asked.trials]
        say(shown(sizes))
        asleep = {}
        if asked.samples:
            with scratch() as folder:
                asleep = apart("sleeping", folder / "run", asked.samples, "--workers", str(asked.workers))
            say(f"\n{asked.samples} one-second trials\n{shown([asleep])}")
        say(f"\n{verdicts(sizes, asleep)}")
        if asked.json:
            asked.json.write_text(json.dumps({"sizes": sizes, "sleeping": asleep}, indent=2))


if __name__ == "__main__":
    main()
