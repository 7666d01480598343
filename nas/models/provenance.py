"""The data that a network was trained on, found again by their content wherever somebody works now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from nas import data
from nas.data import DataInfo
from nas.data.catalog import known
from nas.errors import Missing, NasError, Refused
from nas.models.document import Document


def data_of(document: Document, folder: Path, place: str | None = None) -> DataInfo:
    """The prepared data of a network, at `place`, or where they were: as named, or from a folder above its own.

    Raises Missing where nothing lies, NasError where only other data do.
    """
    places = [place] if place is not None else list(_places(document.data, folder))
    others: list[str] = []
    for candidate in places:
        info = _prepared(candidate, document, sure=place is not None)
        if info and info.key == document.data_key:
            return info
        where = "" if candidate == document.data else f" in {candidate}"
        others += [f"{info.key}{where}"] if info else []
    way = f"nas verify {folder} --data PATH names the place of the right ones"
    if not others:
        raise Missing(
            f"{document.data} isn't found from here: the network was trained on {document.data_key}", hint=way
        )
    raise NasError(
        f"{document.data} is another data set than the one trained on: {others[0]}, not {document.data_key}", hint=way
    )


def _places(name: str, folder: Path) -> Iterator[str]:
    """Where data of a name may be: a path of the user's own may have been relative to any folder above."""
    yield name
    if known(name) or Path(name).expanduser().is_absolute():
        return
    for above in (folder.resolve(), *folder.resolve().parents):
        yield str(above / name)


def _prepared(place: str, document: Document, *, sure: bool) -> DataInfo | None:
    """The data of a place; None where there are none, or none of this kind, unless somebody named it."""
    if not sure and not known(place) and not Path(place).expanduser().exists():
        return None
    if document.recipe is None:
        return None
    try:
        info = data.prepare_for(msgspec.structs.replace(document.recipe, data=place))
    except Refused:
        if sure:
            raise
        return None
    return info if document.validation else info.all_training
