"""The verb that trains some networks of a run longer and with other seeds, and says what that changes."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import Device, EngineName, Folder, Json, MaxSeconds, OwnStudy, RayAddress, Workers
from nas.cli.source import study_or_spaces
from nas.cli.terminal import emit_head, emit_json, emit_table, emit_text, say
from nas.storage.layout import TABLE

if TYPE_CHECKING:
    from nas.findings.audits import Audit


def audit(
    folder: Folder,
    networks: Annotated[
        int | None, typer.Option(help="Networks trained again, as many of each space (default: 24); more extend it.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Further trainings of each with other seeds, as long as the run's (default: 1).")
    ] = None,
    longer: Annotated[
        int | None, typer.Option(help="Times the epochs of the run for the longer training (default: 4).")
    ] = None,
    study: OwnStudy = None,
    workers: Workers = None,
    device: Device = "auto",
    engine: EngineName = "local",
    ray_address: RayAddress = "",
    max_seconds: MaxSeconds = inf,
    json: Json = False,
) -> None:
    """Train some networks of a run longer and with other seeds: does the order hold, and would verdicts change?"""
    from nas.cli.live.progress import view
    from nas.runner.audits import audit as train_again

    with view() as observer:
        result = train_again(
            folder,
            networks=networks,
            seeds=seeds,
            longer=longer,
            study=study_or_spaces(study),
            workers=workers,
            device=device,
            engine=engine,
            ray_address=ray_address,
            observer=observer,
            max_seconds=max_seconds,
        )
    if json:
        _emit_json(result)
    else:
        _show(result, folder)


def _show(result: Audit, folder: Path) -> None:
    """The numbers of all networks, the table of rules, and a sentence for each."""
    from nas.findings.wording.audits import HEADER

    emit_head(result.title, result.head, result.notes)
    if result.rows:
        say("")
        emit_table(HEADER, [row.cells for row in result.rows], left=2)
        say("")
    for row in result.rows:
        emit_text(row.sentence, hang=2)
    say(f"\ntable    {folder / 'audit' / TABLE}")


def _emit_json(result: Audit) -> None:
    """What other programs may rely on: `tau`, `regret`, `noise`, `verdicts`."""
    from msgspec.structs import asdict

    agreement = result.agreement
    emit_json(
        study=result.title,
        trained=result.fidelity,
        longer=result.longer,
        n=agreement.n,
        of=result.of,
        tau={**asdict(agreement.tau.coefficient), "n": agreement.n, "unit": "correlation"},
        regret={**asdict(agreement.regret), "n": agreement.n, "unit": "error"},
        failures={"short": agreement.failures_short, "long": agreement.failures_long},
        luck=None if result.again is None else {**asdict(result.again.tau.coefficient), "n": result.again.n},
        noise=None if result.noise is None else {**asdict(result.noise), "unit": "error"},
        images_and_seeds=result.parts,
        verdicts=[{**asdict(verdict), "unit": _unit(verdict.measure)} for verdict in result.verdicts],
        networks=result.networks,
        notes=result.notes,
    )


def _unit(measure: str) -> str:
    return "correlation" if measure == "rank correlation" else "error"
