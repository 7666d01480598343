"""The verb that shows spaces; it needs neither run nor data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import completion
from nas.cli.network import IMAGE
from nas.cli.options import Json
from nas.cli.terminal import emit_json, emit_table, emit_text, say
from nas.findings.wording.numbers import count, percent

if TYPE_CHECKING:
    from nas.space import Dimension, Space

CLASSES = 10
ROUNDED = 10**15
"""Numbers of points from here on are rounded in the list of all spaces."""
DRAWN = 400
"""Random networks from which a space's costs are shown."""


def spaces(
    name: Annotated[
        str | None,
        typer.Argument(help="One space; all are listed without it.", autocompletion=completion.spaces_and_networks),
    ] = None,
    json: Json = False,
) -> None:
    """List spaces and published networks; of one space: dimensions, exact size, costs."""
    from nas.study import catalog

    if name is None:
        _list_spaces(json)
        return
    from nas.errors import Refused
    from nas.space import Space

    space = catalog.space_or_network(name)
    if not isinstance(space, Space):
        raise Refused(f"{name} is a network, not a space", hint=f"nas describe {name}")
    _show_space(space, json)


def _list_spaces(json: bool) -> None:
    """Spaces and published networks by family, at the input that each was made for."""
    from nas.layers import shape_text
    from nas.study import catalog

    families = catalog.families().items()
    spaces = [(family, space) for family, (own, _) in families for space in own]
    networks = [(family, network, _parameters(network)) for family, (_, own) in families for network in own]
    if json:
        emit_json(
            spaces=[
                {"name": s.name, "family": f, "dimensions": len(s.dimensions), "size": s.size()} for f, s in spaces
            ],
            networks=[
                {"name": n.name, "family": f, "inputs": n.inputs, "classes": n.classes, "parameters": p}
                for f, n, p in networks
            ],
        )
        return
    lines = [(f, s.name, str(len(s.dimensions)), _bound_text(s)) for f, s in spaces]
    emit_table(("family", "space", "dimensions", "points"), lines, left=2)
    say("")
    lines = [(f, n.name, f"{shape_text(n.inputs)} -> {n.classes:,}", f"{p:,}") for f, n, p in networks]
    emit_table(("family", "network", "published for", "parameters"), lines, left=2)
    say("\nnas spaces SPACE shows one of the spaces, nas describe NETWORK... networks")


def _parameters(network: Any) -> int:
    """Of a published network at its published input."""
    from nas.layers import cost

    return cost(network.architecture.network(network.inputs, network.classes), network.inputs).parameters


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
    emit_text(f"{space.name}: {_size_text(space)}" + (f" ({space.source})" if space.source else ""))
    emit_table(("dimension", "values"), [(n, _values_text(d)) for n, d in space.dimensions.items()], left=2)
    for requirement in space.requirements:
        emit_text(f"requires: {sentence(requirement)}")
    say("")
    emit_text(f"{DRAWN} random points at {IMAGE}, {CLASSES} classes; {percent(share)} obey requirements and shapes")
    header = ("", "5 %", "25 %", "median", "75 %", "95 %")
    emit_table(header, [(n, *map(count, values)) for n, values in quantiles.items()])


def _costs(space: Space) -> tuple[dict[str, list[float]], float]:
    """Quantiles of each cost over random networks, and the share of proposals that are networks at all."""
    import numpy as np

    from nas.sampling import Filter, draw
    from nas.space.distribution import Distribution
    from nas.study import Limits

    filter_ = Filter(space=space, limits=Limits(), inputs=(1, 28, 28), classes=CLASSES)
    distribution = Distribution(space)
    drawn = [draw(filter_, distribution, 0, number) for number in range(DRAWN)]
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
        return f"{size:,} points"
    return f"{_estimate(space)} points" if space.unconstrained_size() is not None else "continuous"


def _bound_text(space: Space) -> str:
    """The number of points, rounded if it is long, or without drawing any what it can't exceed."""
    size, full = space.size(), space.unconstrained_size()
    if size is not None:
        return f"{size:,}" if size < ROUNDED else f"about {size:.3g}"
    return f"at most {full:.3g}" if full is not None else "continuous"


def _estimate(space: Space) -> str:
    """Points under requirements that can't be counted: the share of random points that obey them, with its interval."""
    from scipy.stats import binomtest

    from nas.sampling.rejection import generator
    from nas.space.distribution import Distribution

    full = space.unconstrained_size() or 0
    distribution = Distribution(space)
    points = distribution.points(generator(0).random((10_000, len(distribution.names))))
    interval = binomtest(sum(map(space.allows, points)), len(points)).proportion_ci()
    return f"{full * interval.low:.3g} to {full * interval.high:.3g} (95 %)"


def _values_text(dimension: Dimension) -> str:
    from nas.space import in_words

    when = f"; only where {dimension.when.sentence}" if dimension.when else ""
    return in_words(dimension) + when
