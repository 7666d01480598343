"""One session on a GPU: launch ceiling, tests, convolutions, lanes, speed against the book's loop, a whole study.

    python -m tests.benchmarks.gpu --out DIR                       what is still missing, in less than ten minutes
    python -m tests.benchmarks.gpu --out DIR --parts study --lanes 16 --budget 440
    python -m tests.benchmarks.gpu --out DIR --quick --device cpu --budget 120    a rehearsal of all parts

Run it again until nothing is missing: what was measured lies in `.gpu/` of the repository and isn't measured again
unless asked (`--again`). DIR gets `summary.json` and `parts.tar.gz`, after each part. Parts share the budget in order:
each gets what it is expected to take, one that ends early leaves its time to the next, one that hangs is killed.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import resource
import signal
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from nas.errors import NasError
from nas.training import devices
from tests.benchmarks.gpu import (
    BEGUN,
    accuracy,
    book,
    convolutions,
    exactness,
    lanes,
    networks,
    probe,
    study,
    tests,
)
from tests.benchmarks.gpu.command import UNUSABLE, Command, forget, grace, made, measuring, started
from tests.benchmarks.gpu.rows import Clock, Kept, Part, measure
from tests.benchmarks.gpu.session import ROOT, Session, code, subject
from tests.benchmarks.gpu.summary import machine, summary, write

PARTS = {
    "probe": probe.part,
    "tests": tests.part,
    "convolutions": convolutions.part,
    "networks": networks.part,
    "lanes": lanes.part,
    "book": book.part,
    "exactness": exactness.part,
    "study": study.part,
    "accuracy": accuracy.part,
}
"""In their order."""
STACKS = 120
"""Seconds after which a part tells where it is, and again after as many."""


def main() -> None:
    """Measure what was asked for."""
    parser = options()
    asked = parser.parse_args()
    try:
        session = Session(
            device=devices.device(asked.device).kind,
            work=asked.work.resolve(),
            quick=asked.quick,
            data=asked.data,
            lanes=asked.lanes,
            network=asked.network,
            changes=dict(asked.recipe),
        )
        subject(session.network)
        parts = {name: make(session) for name, make in PARTS.items()}
    except (NasError, ValueError) as error:
        parser.error("; ".join(filter(None, [str(error), getattr(error, "hint", "")])))
    if asked.part:
        sys.exit(one(session, parts[asked.part], asked.deadline))
    whole(session, parts, asked)


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = partial(parser.add_argument)
    add("--out", type=Path, default=Path("gpu"), help="folder for summary.json and parts.tar.gz (default: gpu)")
    add("--work", type=Path, default=ROOT / ".gpu", help="folder in which measurements go on (default: .gpu)")
    add("--budget", type=float, default=540.0, help="seconds for the whole command (default: 540)")
    add("--quick", action="store_true", help="as little as possible")
    add("--again", action="store_true", help="measure again what there is")
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    add("--device", default="cuda", choices=("cuda", "cpu"), help="cpu is a rehearsal")
    add("--data", default="", help="data set (default: fashion-mnist; digits when quick)")
    add("--lanes", type=int, default=devices.LANES, help="of study and exactness")
    add("--network", default="RegNetX32 28x28", help="that `accuracy` trains")
    add("--recipe", nargs="*", type=change, default=[], metavar="FIELD=VALUE", help="how `accuracy` trains it")
    add("--part", choices=PARTS, help=argparse.SUPPRESS)
    add("--deadline", type=float, default=0.0, help=argparse.SUPPRESS)
    return parser


def change(text: str) -> tuple[str, Any]:
    """A field of the recipe and its value."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def one(session: Session, part: Part, deadline: float) -> int:
    """Measure one part in this process."""
    faulthandler.dump_traceback_later(STACKS, repeat=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    facts = {"device": devices.device_name(session.device), "code": code()}
    kept = Kept.read(session.folder / f"{part.name}.json")
    usable = partial(devices.usable, session.device)
    with nullcontext() if part.name == "book" else devices.one_thread():  # the book's loop has torch's own threads
        return 0 if measure(part, kept, Clock(deadline=deadline), facts, usable) else UNUSABLE


def whole(session: Session, parts: dict[str, Part], asked: argparse.Namespace) -> None:
    """All parts that were asked for; the summary is written after each."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the part in hand ends, too
    out, folder = made(asked.out.resolve()), made(session.folder)
    chosen = [part for name, part in parts.items() if name in asked.parts]
    if asked.again:
        forget(session, chosen)
    clock = Clock(deadline=BEGUN + measuring(asked.budget))
    starter = partial(started, session, [*sys.argv[1:], "--work", str(session.work)])
    command = Command(session=session, clock=clock, grace=grace(asked.budget), start=starter)
    facts = machine(session.device)

    def told() -> list[str]:
        kept = {name: command.kept(part) for name, part in parts.items()}
        found = summary(session, list(parts.values()), kept, command.spent, facts)
        write(out, folder, found)
        return list(found["text"])

    command.run(chosen, told)
    sys.stdout.write("\n".join(told()) + "\n")


if __name__ == "__main__":
    main()
