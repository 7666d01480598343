"""The verbs that look at spaces and networks; they need neither run nor data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.look import Json
from nas.cli.show import emit_json, emit_table, number, percent

if TYPE_CHECKING:
    from nas.layers import Layer, Shape
    from nas.space import Dimension, Space

IMAGE, CLASSES = "1x28x28", 10
ARCHITECTURE = "architecture.json"
DRAWN = 400
"""Random networks from which a space's costs are shown."""


def spaces(
    name: Annotated[str | None, typer.Argument(help="One space; all are listed without it.")] = None,
    json: Json = False,
) -> None:
    """List spaces and published networks; of one space: dimensions, exact size, costs."""
    from nas import names

    if name is None:
        _list_spaces(json)
        return
    from nas.errors import Refused
    from nas.space import Space

    found = names.space_or_network(name)
    if not isinstance(found, Space):
        raise Refused(f"{name} is a network, not a space", hint=f"nas describe {name}")
    _show_space(found, json)


def describe(
    name: Annotated[str, typer.Argument(help="A published network, an exported folder, or an architecture.json.")],
    shape: Annotated[
        str | None, typer.Option(help=f"Channels x height x width (default: published, else {IMAGE}).")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Outputs (default: published, else 10).", min=1)] = None,
    json: Json = False,
) -> None:
    """The layer table of a network with its totals."""
    from nas.layers import cost, rows, shape_text

    layer, inputs, source = _network(name, shape, classes)
    total, lines = cost(layer, inputs), rows(layer, inputs)
    if json:
        emit_json(
            name=name,
            inputs=inputs,
            parameters=total.parameters,
            multiply_adds=total.multiply_adds,
            activations=total.activations,
            memory=total.memory,
            layers=lines,
        )
        return
    emit_table(
        ("part", "layer", "settings", "times", "output", "parameters", "multiply-adds", "activations"),
        [
            (
                row.part,
                row.kind,
                row.settings,
                f"x{row.times}" if row.times > 1 else "",
                shape_text(row.output),
                f"{row.cost.parameters:,}",
                f"{row.cost.multiply_adds:,}",
                f"{row.cost.activations:,}",
            )
            for row in lines
        ],
        left=3,
    )
    typer.echo(f"\n{name} at {shape_text(inputs)}{f' ({source})' if source else ''}")
    typer.echo(f"  parameters     {total.parameters:>15,}")
    typer.echo(f"  multiply-adds  {total.multiply_adds:>15,} for one image")
    typer.echo(f"  activations    {total.activations:>15,} for one image, outputs of convolutions and linear layers")
    typer.echo(f"  memory         {total.memory:>15,} bytes to train on one image in float32 (estimate)")


def _list_spaces(json: bool) -> None:
    from nas import names

    spaces, networks = names.spaces(), names.networks()
    if json:
        emit_json(
            spaces=[{"name": s.name, "dimensions": len(s.dimensions), "size": s.size()} for s in spaces],
            networks=[{"name": n.name, "inputs": n.inputs, "classes": n.classes} for n in networks],
        )
        return
    lines = [(s.name, str(len(s.dimensions)), _size_text(s)) for s in spaces]
    emit_table(("space", "dimensions", "points"), lines)
    typer.echo(f"\n{len(networks)} published networks (nas describe NAME):")
    for network in networks:
        typer.echo(f"  {network.name}")


def _show_space(space: Space, json: bool) -> None:
    from nas.space import sentence

    quantiles, share = _costs(space)
    if json:
        import msgspec

        emit_json(
            name=space.name,
            dimensions={n: msgspec.to_builtins(d) for n, d in space.dimensions.items()},
            requirements=[sentence(r) for r in space.requirements],
            size=space.size(),
            accepted=share,
            costs=quantiles,
            source=space.source,
        )
        return
    typer.echo(f"{space.name}: {_size_text(space)} points" + (f" ({space.source})" if space.source else ""))
    emit_table(("dimension", "values"), [(n, _values_text(d)) for n, d in space.dimensions.items()], left=2)
    for requirement in space.requirements:
        typer.echo(f"requires: {sentence(requirement)}")
    typer.echo(f"\n{DRAWN} random points at {IMAGE}, {CLASSES} classes; {percent(share)} obey requirements and shapes")
    header = ("", "5 %", "25 %", "median", "75 %", "95 %")
    emit_table(header, [(n, *map(number, values)) for n, values in quantiles.items()])


def _costs(space: Space) -> tuple[dict[str, list[float]], float]:
    """Quantiles of each cost over random networks, and the share of draws that are networks at all."""
    import numpy as np

    from nas.cost import Limits
    from nas.sampling import Gate, draw
    from nas.space.law import Law

    gate = Gate(space=space, limits=Limits(), inputs=(1, 28, 28), classes=CLASSES)
    law = Law(space)
    drawn = [draw(gate, law, 0, number) for number in range(DRAWN)]
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    costs = {
        name: np.quantile([getattr(p.network.cost, name) for p in drawn], levels).tolist()
        for name in ("parameters", "multiply_adds", "activations")
    }
    return costs, DRAWN / sum(p.draws for p in drawn)


def _size_text(space: Space) -> str:
    """The number of points: exact, or as good as it can be known."""
    size = space.size()
    if size is not None:
        return f"{size:,}"
    return _estimate(space) if space.unconstrained_size() is not None else "continuous"


def _estimate(space: Space) -> str:
    """Points under requirements that can't be counted: the share of random points that obey them, with its interval."""
    from scipy.stats import binomtest

    from nas.sampling.maps import generator
    from nas.space.law import Law

    full = space.unconstrained_size() or 0
    law = Law(space)
    points = law.points(generator(0).random((10_000, len(law.names))))
    interval = binomtest(sum(map(space.allows, points)), len(points)).proportion_ci()
    return f"{full * interval.low:.3g} to {full * interval.high:.3g} (95 %)"


def _values_text(dimension: Dimension) -> str:
    from nas.space import Choice, Integer

    law = "" if isinstance(dimension, Choice) or not dimension.log else ", log-uniform"
    when = f", where {dimension.when.dimension} is {dimension.when.values}" if dimension.when else ""
    if isinstance(dimension, Choice):
        return ", ".join(map(str, dimension.options)) + when
    unit = f" in multiples of {dimension.unit}" if isinstance(dimension, Integer) and dimension.unit > 1 else ""
    return f"{dimension.low} to {dimension.high}{unit}{law}{when}"


def _network(name: str, shape: str | None, classes: int | None) -> tuple[Layer, Shape, str]:
    """The layer tree, its input shape and its source."""
    if name.endswith(".json") or Path(name, ARCHITECTURE).is_file():
        return _saved(Path(name) if name.endswith(".json") else Path(name, ARCHITECTURE), shape)
    from nas import names

    found = names.network(name)
    inputs = _shape(shape) if shape else found.inputs
    return found.architecture.network(inputs, classes or found.classes), inputs, found.source


def _saved(path: Path, shape: str | None) -> tuple[Layer, Shape, str]:
    from nas.document import decode
    from nas.errors import Refused

    if not path.is_file():
        raise Refused(f"there is no file {path}")
    document = decode(path.read_bytes())
    return document.layers, _shape(shape) if shape else document.inputs, document.study


def _shape(text: str) -> Shape:
    from nas.errors import Refused

    try:
        shape = tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        shape = ()
    if len(shape) not in (1, 3) or min(shape) < 1 or max(shape) > 2**16:
        raise Refused(f"a shape is written channels x height x width, such as {IMAGE}, got {text!r}")
    return shape
