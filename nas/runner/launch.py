"""The function behind `nas run`: a study, a folder, an engine, and a finished run."""

from __future__ import annotations

from collections.abc import Collection
from math import inf
from pathlib import Path

from nas.files import write_atomically
from nas.page.contents import write_report
from nas.runner.agreement import agreed
from nas.runner.coordinator import train
from nas.runner.display import looking_on
from nas.runner.signals import outliving_its_terminal
from nas.runner.task import EngineChoice, Observer, deadline_of, site_of
from nas.storage.layout import LOG, PAGE, TABLE
from nas.storage.location import named
from nas.storage.lock import require_free
from nas.storage.log import logged
from nas.storage.results import Run, csv, open_run
from nas.study import Study, catalog

RUNS = Path("runs")


@outliving_its_terminal()
def start(
    study: Study | str,
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    device: str = "auto",
    storage: str | None = None,
    engine: EngineChoice = None,
    ray_address: str = "",
    observer: Observer | None = None,
    quiet: bool = False,
    reference: str = "",
    max_seconds: float = inf,
    retry: Collection[str] = (),
) -> Run:
    """Run a study to its end in a folder (default `runs/<name>`), or resume the run that lies there.

    `study` is a value, or as on the command line a name of ours, `my_study.py`, `my_study.py:NAME` or `module:NAME`.
    `device` is `cpu`, `cuda` for all cards, `cuda:1` or `cuda:0,1` for some, or `auto`. `workers` are trainings side by
    side: processes on a CPU, by default one a core and a GiB of memory; on cards, over which they are spread,
    lanes of one process for each, by default 8, of which as many are used as fit into its memory. `engine` is `local`,
    or `ray` for the nodes of a Ray cluster: at `ray_address`, else the one that runs here or is started. After
    `max_seconds` no training is begun any more, and those that run get a few seconds to end. Finished trials whose
    outcome is in `retry` (`crashed`, `timed_out`, ...) are trained again. `storage` puts the trials of a new run on a
    server of PostgreSQL, `postgresql+psycopg://user@host/database`. Shows its progress, in a notebook as a bar, unless
    `quiet` or where an `observer` looks on. Writes `records.csv` and `report.html` when it is done or time is up.
    Raises Refused for a study, name or folder that can't be accepted, Missing without data or device, StorageFailed
    without disk, Interrupted after a signal.
    """
    if isinstance(study, str):
        reference = reference or catalog.reference(study)
        study = catalog.study(study)
    folder = Path(out) if out else RUNS / study.name
    server, deadline = named(storage), deadline_of(max_seconds)
    require_free(folder)
    site = site_of(folder, workers, device, engine, ray_address, looking_on(observer, quiet), deadline, server)
    with logged(folder / LOG):
        train(agreed(study, site, reference, retry), site)
    run = open_run(folder)
    write_atomically(folder / TABLE, csv(run).encode())
    write_report((run,), folder / PAGE)
    return run
