"""The verbs that export networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import Device, Json, OwnStudy
from nas.cli.source import study_or_spaces
from nas.cli.terminal import emit_json, say
from nas.findings.wording.numbers import percent

if TYPE_CHECKING:
    from nas.models.document import Document


def export(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of a run, or of an exported network, or a winner.", autocompletion=completion.runs),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the network, or a file: .py, .onnx, .pt2.")],
    rank: Annotated[int | None, typer.Option(help="Rank among the best networks, from 1 (default: 1).")] = None,
    trial: Annotated[int | None, typer.Option(help="Number of a trial instead.")] = None,
    final: Annotated[
        bool, typer.Option("--final", help="A finalist, trained and tested by `nas final`; --rank is among these.")
    ] = False,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="folder, source, onnx or torch-export (default: by the ending of --out)."),
    ] = None,
    study: OwnStudy = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Export a network: a folder of plain files, or torch source, ONNX, torch.export."""
    from nas.errors import Refused
    from nas.models.folder import ARCHITECTURE, exported
    from nas.runner.winners import export as export_network
    from nas.storage.results import open_run

    if rank is not None and trial is not None:
        raise Refused("give --rank or --trial, not both")
    if final:
        _finalist(folder, out, rank, trial, format_, json)
        return
    folder = exported(folder)
    if (folder / ARCHITECTURE).is_file():
        if (rank, trial, study) != (None, None, None):
            raise Refused(f"{folder} holds one network: --rank, --trial and --study are for runs")
        _converted(folder, out, format_, json)
        return
    run = open_run(folder)
    record = run.record(trial) if trial is not None else run.ranked(1 if rank is None else rank)
    if run.weights(record) is None:
        say(f"the weights of trial {record.trial} weren't kept: training it again", err=True)
    model = export_network(run, record, out, study=study_or_spaces(study), device=device, format=format_)
    error = model.document.error
    _tell(out, model.document, f" (trial {record.trial}), validation error {percent(error)}", json)
    if error != record.error:
        say(f"trained again here it has another error than recorded ({percent(record.error)})", err=True)


def _finalist(folder: Path, out: Path, rank: int | None, trial: int | None, format_: str | None, json: bool) -> None:
    """Export a finalist, with the weights of its first seed."""
    from nas.errors import Refused
    from nas.findings.finals import open_final

    if trial is not None:
        raise Refused("--final takes --rank, the rank among the finalists", hint=f"nas final {folder} shows them")
    document = open_final(folder).export(out, 1 if rank is None else rank, format_).document
    test = document.test
    said = "" if test is None else f", test error {percent(test.error)} (mean of {test.seeds}: {percent(test.mean)})"
    _tell(out, document, f" (trial {document.trial}){said}", json)


def _converted(folder: Path, out: Path, format_: str | None, json: bool) -> None:
    """An exported network in another format."""
    from nas.models.formats.writing import save
    from nas.models.model import load

    model = load(folder)
    save(model, out, format_)
    error, split = model.metrics["error"], model.metrics["error_split"]
    known = f"{split} error {percent(error)}" if isinstance(error, float) else "no error known"
    _tell(out, model.document, f", {known}", json)


def _tell(out: Path, document: Document, said: str, json: bool) -> None:
    """What was exported and how it is used, in words or as JSON: errors are those that the network's folder records."""
    if not json:
        say(f"{out}: {document.architecture}{said}\n{_use(out)}")
        return
    test = document.test
    emit_json(
        out=out,
        architecture=document.architecture,
        trial=document.trial,
        error=document.error,
        validation=document.validation,
        test=None if test is None else {"error": test.error, "mean": test.mean, "seeds": test.seeds},
        use=_use(out),
    )


def _use(out: Path) -> str:
    """How a file or a folder is used."""
    return {
        ".py": f"in Python, beside {out.with_suffix('.safetensors').name}: import {out.stem}; {out.stem}.load()",
        ".onnx": f"in Python: onnxruntime.InferenceSession({str(out)!r})",
        ".pt2": f"in Python: torch.export.load({str(out)!r}).module()",
    }.get(out.suffix, f"in Python: nas.load({str(out)!r})")


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of an exported network, or a winner.")],
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where its data are now, if not where they were."),
    ] = None,
    json: Json = False,
) -> None:
    """Check an exported network: its hashes, then its validation error again."""
    from nas.errors import NasError
    from nas.models.exports import verify as check
    from nas.models.folder import exported

    folder, lines = exported(folder), list[str]()
    reproduced = check(folder, lines.append if json else say, data)
    if json:
        emit_json(folder=folder, reproduced=reproduced, checks=lines)
    if not reproduced:
        raise NasError(f"{folder} doesn't reproduce its recorded error", hint="another torch or processor may be why")
