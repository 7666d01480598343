"""The verb that says what networks cost, layer by layer or side by side; it needs neither run nor data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.network import IMAGE, Subject, find, of_trial
from nas.cli.options import Json, Norm, OwnStudy
from nas.cli.terminal import emit_json, emit_table, emit_text, say
from nas.findings.wording.numbers import count, milliseconds, percent

if TYPE_CHECKING:
    from nas.layers import Row, Shares, Smallest, Summary
    from nas.models.latency import Latency

BYTES = ("parameter bytes", "bytes alive", "bytes kept")
"""Columns of the layer table that follow the others."""
SPARE = ("bytes kept", "bytes alive", "parameter bytes", "activations", "part")
"""Left out on narrow terminals, the first one first."""
NOTE = 39
"""Characters before the note on a total."""
SIDE_BY_SIDE = (
    "network",
    "input",
    "parameters",
    "multiply-adds",
    "activations",
    "parameter bytes",
    "inference bytes",
    "training bytes",
    "convolutions",
    "linear",
    "smallest",
)
ON_CPU = ", one thread, its processor time; in brackets how much slower the third-fastest round was"


def describe(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Published networks, winners, exported folders, files architecture.json, or a run with --trial; "
            "several are compared.",
            autocompletion=completion.networks,
        ),
    ],
    compare: Annotated[
        bool, typer.Option("--compare", help="Totals side by side in one table, also of a single network.")
    ] = False,
    shape: Annotated[
        str | None, typer.Option(help=f"Channels x height x width, or features (default: published, else {IMAGE}).")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Outputs (default: published, else 10).", min=1)] = None,
    norm: Norm = None,
    trial: Annotated[int | None, typer.Option(help="Number of a trial of the run whose folder is named.")] = None,
    study: OwnStudy = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="Measure milliseconds for one image and for 128, in place of the tables.")
    ] = False,
    device: Annotated[str, typer.Option(help="For --latency: cpu, cuda, cuda:1.")] = "cpu",
    json: Json = False,
) -> None:
    """The layer table of a network with its totals, or the totals of several: nas describe alexnet vgg11."""
    from nas.errors import Refused
    from nas.layers import HEADER

    if device != "cpu" and not latency:
        raise Refused(f"--device says where latency is measured, got {device} without it", hint="--latency")
    if trial is None and study is not None:
        raise Refused(f"--study says where a trial's code is, got {study} without a trial", hint="--trial NUMBER")
    subjects = [find(n, shape, classes) if trial is None else of_trial(n, trial, shape, classes, study) for n in names]
    subjects = subjects if norm is None else [subject.normed(norm) for subject in subjects]
    if latency:
        _time(subjects, device, json)
        return
    if compare or len(subjects) > 1:
        _compare(subjects, json)
        return
    subject = subjects[0]
    summary, smallest = subject.summary(), subject.smallest()
    if json:
        emit_json(**_as_json(subject, summary, smallest), memory=summary.cost.memory, layers=summary.layers)
        return
    emit_table((*HEADER, *BYTES), [_cells(row) for row in summary.layers], left=3, spare=SPARE)
    _show_totals(subject, summary, smallest)


def _show_totals(subject: Subject, summary: Summary, smallest: Smallest | None) -> None:
    from nas.layers import shape_text

    total, size = summary.cost, summary.bytes
    each = "for one image" if len(subject.inputs) == 3 else "for one example"
    say("")
    emit_text(f"{subject.name} at {shape_text(subject.inputs)}{f' ({subject.source})' if subject.source else ''}")
    for name, value, note in (
        ("parameters", total.parameters, ""),
        ("multiply-adds", total.multiply_adds, each),
        ("activations", total.activations, f"{each}, outputs of convolutions and linear layers"),
        ("bytes of parameters", size.parameters, "in float32, as all bytes here"),
        ("bytes for inference", size.inference, f"the most that is alive at once {each}, beside the parameters"),
        ("bytes for training", size.training, f"outputs of all layers, kept for the backward pass, {each}"),
        ("memory", total.memory, f"bytes to train, {each}: outputs, parameters, gradients, momentum (estimate)"),
    ):
        emit_text(f"  {name:<20} {value:>15,} {note}".rstrip(), hang=NOTE)
    emit_text(f"  convolutions hold {_share_text(summary.shares, 'convolutions')}", hang=4)
    emit_text(f"  linear layers hold {_share_text(summary.shares, 'linear')}", hang=4)
    if len(subject.inputs) == len(subject.published) == 3:
        emit_text(f"  smallest square input: {_smallest_text(smallest)}", hang=4)


def _time(subjects: list[Subject], name: str, json: bool) -> None:
    """One line a network: milliseconds for one image and for a batch, and by how much the fastest rounds differ."""
    from nas.models.latency import WITHIN
    from nas.sampling.filter import BATCH
    from nas.training import devices

    place = devices.device(name)
    with devices.first_card(place):
        where = devices.device_name(place.kind)
        timed = [(subject, *_timed(subject, place.kind, BATCH)) for subject in subjects]
    if json:
        names = ("name", "inputs", "device", "one", f"batch_of_{BATCH}")
        rows = [(subject.name, subject.inputs, where, one, batch) for subject, one, batch in timed]
        emit_json(networks=[dict(zip(names, row, strict=True)) for row in rows])
        return
    header = ("network", "input", "multiply-adds", "ms", f"ms for {BATCH}", "images/s")
    emit_table(header, [_times(*row, BATCH) for row in timed], left=1)
    say("")
    emit_text(f"{where}: float32, plain torch modules, the fastest call{ON_CPU if place.kind == 'cpu' else ''}")
    if any(time.spread > WITHIN for _, *times in timed for time in times):
        emit_text(f"the fastest rounds differ by more than {percent(WITHIN)}: something else keeps the machine busy")


def _timed(subject: Subject, device: str, batch: int) -> tuple[Latency, Latency]:
    """The latency of a network for one image and for a batch; an input that it can't take is refused."""
    from nas.models.latency import latency

    subject.summary()
    layer = subject.build(subject.inputs)
    return latency(layer, subject.inputs, 1, device), latency(layer, subject.inputs, batch, device)


def _times(subject: Subject, one: Latency, many: Latency, batch: int) -> tuple[str, ...]:
    from nas.layers import shape_text

    cells = [f"{milliseconds(time.milliseconds)} (+{percent(time.spread)})" for time in (one, many)]
    multiply_adds = count(subject.summary().cost.multiply_adds)
    return subject.name, shape_text(subject.inputs), multiply_adds, *cells, f"{1e3 * batch / many.milliseconds:,.0f}"


def _compare(subjects: list[Subject], json: bool) -> None:
    """One line a network; one that can't take its input has its reason instead."""
    from nas.errors import ImpossibleShape
    from nas.layers import shape_text

    lines: list[tuple[str, ...]] = []
    networks: list[dict[str, object]] = []
    reasons: list[ImpossibleShape] = []
    for subject in subjects:
        try:
            summary, smallest = subject.summary(), subject.smallest()
        except ImpossibleShape as impossible:
            reasons.append(impossible)
            lines.append((subject.name, shape_text(subject.inputs), *["-"] * (len(SIDE_BY_SIDE) - 2)))
            networks.append({"name": subject.name, "inputs": subject.inputs, "impossible": str(impossible)})
        else:
            lines.append(_line(subject, summary, smallest))
            networks.append(_as_json(subject, summary, smallest))
    if len(reasons) == len(subjects):
        raise reasons[0]
    if json:
        emit_json(networks=networks)
        return
    emit_table(SIDE_BY_SIDE, lines, left=1)
    say("")
    emit_text("for one image; bytes in float32; convolutions and linear: shares of parameters / multiply-adds")
    for reason in reasons:
        emit_text(f"{reason}; {reason.hint}" if reason.hint else str(reason))


def _as_json(subject: Subject, summary: Summary, smallest: Smallest | None) -> dict[str, object]:
    """What programs get of one network, layers aside."""
    return {
        "name": subject.name,
        "inputs": subject.inputs,
        "parameters": summary.cost.parameters,
        "multiply_adds": summary.cost.multiply_adds,
        "activations": summary.cost.activations,
        "bytes": summary.bytes,
        "shares": summary.shares,
        "smallest_input": smallest,
    }


def _cells(row: Row) -> tuple[str, ...]:
    return *row.cells, *(count(n) for n in (row.bytes.parameters, row.bytes.inference, row.bytes.training))


def _line(subject: Subject, summary: Summary, smallest: Smallest | None) -> tuple[str, ...]:
    from nas.layers import shape_text

    counts = (summary.cost.parameters, summary.cost.multiply_adds, summary.cost.activations)
    sizes = (summary.bytes.parameters, summary.bytes.inference, summary.bytes.training)
    parameters, work = summary.shares.parameters, summary.shares.multiply_adds
    return (
        subject.name,
        shape_text(subject.inputs),
        *(f"{count:,}" for count in counts),
        *map(count, sizes),
        f"{100 * parameters.convolutions:.1f} / {100 * work.convolutions:.1f} %",
        f"{100 * parameters.linear:.1f} / {100 * work.linear:.1f} %",
        shape_text(smallest.shape) if smallest else "-",
    )


def _share_text(shares: Shares, kind: str) -> str:
    parameters, work = (getattr(share, kind) for share in (shares.parameters, shares.multiply_adds))
    return f"{percent(parameters)} of the parameters and {percent(work)} of the multiply-adds"


def _smallest_text(smallest: Smallest | None) -> str:
    from nas.layers import shape_text

    if smallest is None:
        return "none"
    channels, edge, _ = smallest.shape
    less = shape_text((channels, edge - 1, edge - 1))
    return shape_text(smallest.shape) + (f"; at {less} {smallest.reason}" if smallest.reason else "")
