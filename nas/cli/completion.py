"""What Tab offers in a shell for an argument: names of ours, run folders; paths are the shell's own where nothing fits.

Called on every Tab, so nothing here loads torch, and whatever goes wrong offers nothing and says nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

Offer = Callable[[str], list[str]]
RUNS = "runs"
"""Where runs are by default."""


def _offering(names: Callable[[str], Iterable[str]]) -> Offer:
    """Of the names those that go on as was typed, in their order."""

    @wraps(names)
    def offered(incomplete: str) -> list[str]:
        before = logging.root.manager.disable
        logging.disable()  # packages that are left out, which a verb warns of
        try:
            with suppress(Exception):
                return [name for name in names(incomplete) if name.startswith(incomplete)]
            return []
        finally:
            logging.disable(before)

    return offered


@_offering
def studies(incomplete: str) -> Iterable[str]:
    """Names of studies."""
    from nas.study import catalog

    return catalog.studies()


@_offering
def spaces_and_networks(incomplete: str) -> Iterable[str]:
    """Names of spaces, then of published networks."""
    return [*_names("spaces"), *_names("networks")]


@_offering
def networks(incomplete: str) -> Iterable[str]:
    """Names of published networks, then of winners, then run folders."""
    from nas.models.folder import winners

    return [*_names("networks"), *winners(), *_runs(incomplete)]


@_offering
def runs(incomplete: str) -> Iterable[str]:
    """Folders of runs beside one another where the path leads that was begun, and the default ones."""
    return _runs(incomplete)


@_offering
def studies_and_runs(incomplete: str) -> Iterable[str]:
    """Names of studies, then run folders."""
    return [*studies(incomplete), *_runs(incomplete)]


@_offering
def data_sets(incomplete: str) -> Iterable[str]:
    """Names of data sets."""
    from nas.data.catalog import NAMES

    return NAMES


@_offering
def recipe_fields(incomplete: str) -> Iterable[str]:
    """Fields of the recipe, to be followed by a value."""
    from nas.study import Recipe

    return [f"{name}=" for name in Recipe.__struct_fields__]


def _names(kind: str) -> list[str]:
    from nas.study import catalog

    values: Iterable[Any] = getattr(catalog, kind)()
    return [value.name for value in values]


def _runs(incomplete: str) -> list[str]:
    begun = incomplete.rpartition("/")[0]
    places = [Path(begun or ("/" if incomplete.startswith("/") else "."))] + [Path(RUNS)] * (not begun)
    return sorted({str(file.parent) for place in places for file in place.glob("*/study.json")})
