"""The verbs that look at this machine: its data, versions, devices and settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas.cli.look import Json
from nas.cli.show import emit_json, emit_table


def data(
    name: Annotated[str | None, typer.Argument(help="A data set or path; all are listed without it.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download it.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check that it is whole.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Print where it is or should be.")] = False,
    target: Annotated[str, typer.Option(help="Column of a .csv that is to be predicted.")] = "",
) -> None:
    """Where the data is, and whether it is whole."""
    from nas import data as datasets
    from nas.errors import Refused

    if name is None and (fetch or verify or path):
        raise Refused("--fetch, --verify and --path need the name of a data set", hint="nas data fashion-mnist --fetch")
    if name is None:
        emit_table(("data set", "state"), [(n, _data_state(n)) for n in datasets.NAMES], left=2)
        return
    if fetch:
        datasets.fetch(name)
    if path:
        typer.echo(datasets.source_path(name))
    if verify or not path:
        typer.echo(f"{name}: {datasets.verify(name, target)}")


def doctor(json: Json = False) -> None:
    """Versions, devices, data, and which setting comes from where."""
    facts = _facts()
    if json:
        emit_json(**facts)
        return
    for section, entries in facts.items():
        typer.echo(section)
        for name, value in entries.items():
            typer.echo(f"  {name:<18} {value}")


def _data_state(name: str) -> str:
    from nas import data as datasets
    from nas.errors import NasError

    try:
        return datasets.verify(name)
    except NasError as error:
        return f"{error}".split("\n")[0]


def _facts() -> dict[str, dict[str, Any]]:
    """What matters when something doesn't work."""
    import os
    import platform
    from importlib.metadata import version

    from nas import __version__, devices
    from nas import data as datasets
    from nas.errors import NasError

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
        "versions": {"nas": __version__, "python": platform.python_version(), **{n: version(n) for n in libraries}},
        "devices": {
            "cuda": reason or "usable",
            "processor": devices.processor(),
            "workers": devices.workers(None, "cpu"),
        },
        "settings": settings,
        "packages": {"own": own},
        "data": {name: _data_state(name) for name in datasets.NAMES},
    }


def _siblings() -> tuple[Any, ...]:
    from nas import names

    return (names.spaces(), names.studies())
