"""The verbs that show this machine: its data, versions, devices and settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import completion
from nas.cli.options import Json
from nas.cli.terminal import emit_json, emit_table, say

if TYPE_CHECKING:
    from nas.data import Contents


def data(
    name: Annotated[
        str | None,
        typer.Argument(help="A data set or path; all are listed without it.", autocompletion=completion.data_sets),
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download it.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check that it is intact.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Print where it is or should be.")] = False,
    target: Annotated[str, typer.Option(help="Column of a .csv that is to be predicted.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="A page with a few images of each class.")
    ] = None,
    json: Json = False,
) -> None:
    """Where the data is, whether it is intact, and what it holds: classes or columns, shape, splits, a few pictures."""
    from nas import data as datasets
    from nas.errors import Refused

    if name is None and (fetch or verify or path or out):
        raise Refused(
            "--fetch, --verify, --path and --out need the name of a data set", hint="nas data fashion-mnist --fetch"
        )
    if name is None:
        states = {n: _data_state(n) for n in datasets.NAMES}
        if json:
            emit_json(data=states)
        else:
            emit_table(("data set", "state"), states.items(), left=2)
        return
    datasets.require_one_meaning(name)
    if fetch:
        datasets.fetch(name)
    if json and (path or verify):
        where = {"path": datasets.source_path(name)} if path else {}
        emit_json(name=name, **where, **({"verified": datasets.verify(name, target)} if verify else {}))
        return
    if path:
        say(datasets.source_path(name))
    if verify:
        say(f"{name}: {datasets.verify(name, target)}")
    if out is not None:
        _write_page(name, out)
    if not (path or verify):
        _show_contents(datasets.contents(name, target), json)


def _write_page(name: str, out: Path) -> None:
    from nas.files import write_atomically
    from nas.page.images import data_page

    write_atomically(out, data_page(name).encode())
    say(str(out), err=True)


def _show_contents(contents: Contents, json: bool) -> None:
    """Shape and splits, then classes or columns."""
    import msgspec

    if json:
        emit_json(**msgspec.to_builtins(contents))
        return
    total = f"{sum(contents.splits.values()):,}"
    if contents.columns:
        say(f"{contents.name}: {total} rows of {len(contents.columns)} columns, {contents.shape[0]} features")
    else:
        say(f"{contents.name}: {total} images of {contents.shape_text}")
        if contents.sizes:
            say(f"sizes: {contents.sizes_text}")
    say("splits: " + ", ".join(f"{split} {count:,}" for split, count in contents.splits.items()))
    for subject, lines in contents.remarks.items():
        say(f"{subject}: " + "\n  ".join(lines))
    if contents.columns:
        say(f"target: {contents.target}\n")
        emit_table(("column", "holds"), contents.columns.items(), left=2)
    else:
        say()
        rows = [(name, *(f"{count:,}" for count in counts.values())) for name, counts in contents.classes.items()]
        emit_table(("class", *contents.splits), rows)


def doctor(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="A run: check its files and set aside what is damaged.",
            autocompletion=completion.runs,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Versions, devices, data and settings; of a run: which of its files are intact, and what became of the others."""
    if folder is not None:
        _check(folder, json)
        return
    report = _report()
    if json:
        emit_json(**report)
        return
    for section, entries in report.items():
        say(section)
        for name, value in entries.items():
            say(f"  {name:<18} {value}")


def _check(folder: Path, json: bool) -> None:
    """Check the files of a run."""
    import msgspec

    from nas.storage.repair import repaired

    found = repaired(folder)
    if json:
        emit_json(folder=str(folder), whole=found.whole, **msgspec.to_builtins(found))
        return
    say(f"study.json  {found.study or 'intact'}")
    say(f"records     {found.records:,} intact" + (f", {len(found.damaged):,} damaged" if found.damaged else ""))
    for trial, what in found.damaged.items():
        say(f"            trial {trial} waits again; {what}")
    say(f"weights     {found.weights:,} files intact")
    for name in found.set_aside:
        say(f"set aside   {name}")
    if found.leftovers:
        say(f"removed     {found.leftovers:,} half-written files")
    if found.damaged and found.command:
        say(f"next        {found.command}")


def _data_state(name: str) -> str:
    from nas import data as datasets
    from nas.errors import NasError

    try:
        return datasets.verify(name)
    except NasError as error:
        return f"{error}".split("\n")[0]


def _report() -> dict[str, dict[str, Any]]:
    """What matters when something doesn't work."""
    import os
    import platform
    from importlib.metadata import version

    from nas import data as datasets
    from nas.errors import NasError
    from nas.study.catalog import release
    from nas.training import devices
    from nas.training.cpu_quota import cpu_quota
    from nas.training.memory_limit import memory_limit

    libraries = ("torch", "torchvision", "optuna", "pandas", "plotly", "numpy", "scipy", "msgspec", "safetensors")
    reason = devices.why_no_cuda()
    try:
        own = ", ".join(("spaces", "studies")) + f" beside nas: {bool(_siblings())}"
    except NasError as error:
        own = str(error)
    settings = {
        variable: f"{folder} ({'environment' if variable in os.environ else 'default'})"
        for variable, folder in (("NAS_DATA_DIR", datasets.data_dir()), ("NAS_CACHE_DIR", datasets.cache_dir()))
    }
    return {
        "versions": {"nas": release(), "python": platform.python_version(), **{n: version(n) for n in libraries}},
        "devices": {
            "cuda": reason or "usable",
            "processor": devices.processor(),
            "cards": ", ".join(f"cuda:{n} {name}" for n, name in enumerate(devices.card_names())) or "none",
            "workers": devices.workers(None, devices.CPU),
            "cpu quota": str(cpu_quota() or "none"),
            "memory": str(memory_limit()),
        },
        "settings": settings,
        "packages": {"own": own},
        "data": {name: _data_state(name) for name in datasets.NAMES},
    }


def _siblings() -> tuple[Any, ...]:
    from nas.study import catalog

    return (catalog.spaces(), catalog.studies())
