"""Data sets as tensors: training and validation data for every trial, and a test split that stays sealed.

    name or path --prepare--> DataInfo (a folder of raw files in the cache) --load--> Dataset (mapped tensors)
                 --unseal--> the test images or rows, for the final evaluation only

Images have classes; a table (`diabetes`, or a `.csv` with the name of its target) has a number to be predicted.
A source is read once, by the coordinator; workers map what it prepared.
"""

from __future__ import annotations

import logging

from nas.data.cache import prepared, target_size
from nas.data.catalog import EMBEDDED, NAMES, find, is_table, known, namesake, own_path, require_one_meaning, where
from nas.data.features import Cell, Column, encoded
from nas.data.folders import cache_dir, data_dir
from nas.data.info import DataInfo, Task
from nas.data.loading import Dataset, Split, in_memory, load
from nas.data.overview import Contents, of_images, of_table
from nas.data.source import Source
from nas.data.tables import TableSource, prepared_table, require_as_stored, sealed_rows, verify_table
from nas.errors import Refused
from nas.study import Recipe

log = logging.getLogger(__name__)

__all__ = [
    "NAMES",
    "Cell",
    "Column",
    "Contents",
    "DataInfo",
    "Dataset",
    "Split",
    "Task",
    "cache_dir",
    "contents",
    "data_dir",
    "encoded",
    "fetch",
    "load",
    "prepare",
    "prepare_for",
    "require_one_meaning",
    "source_path",
    "unseal",
    "verify",
]


def prepare(name: str, resolution: int = 0, target: str = "") -> DataInfo:
    """Read a data set, cut its fixed validation split, and keep both in the cache; what is there already is checked.

    `resolution` is height and width of images in pixels, 0 for the size as stored; `target` names the column of a
    table that is to be predicted. To be called once, by the coordinator. A name of ours that is also a folder of images
    means ours, and the folder is mentioned.
    """
    if said := namesake(name):
        log.warning("%s: the data set is taken; ./%s takes the folder", said, name)
    if is_table(name):
        table = table_source(name, target)
        require_as_stored(table, resolution)
        return prepared_table(table)
    source = image_source(name, target)
    return prepared(source, target_size(source, resolution))


def prepare_for(recipe: Recipe, resolution: int | None = None) -> DataInfo:
    """The data of a recipe, at its resolution or another one."""
    return prepare(recipe.data, recipe.resolution if resolution is None else resolution, recipe.target)


def unseal(name: str, resolution: int = 0, target: str = "") -> Split:
    """The sealed test images or rows, read from the source: for the final evaluation of finalists only, once.

    No other function returns them; searching, training, pruning and analysis must never call this one.
    """
    if is_table(name):
        table = table_source(name, target)
        require_as_stored(table, resolution)
        return sealed_rows(table)
    source = image_source(name, target)
    return in_memory(source.test(), target_size(source, resolution))


def fetch(name: str) -> None:
    """Download a data set's files into the data folder; those that are whole stay, and embedded ones need none."""
    entry = known(name)
    if not entry:
        raise Refused(f"{own_path(name)} is a path of yours: there is nothing to download")
    if entry in EMBEDDED:
        return
    from nas.data.readers.downloads import fetch_archives
    from nas.data.readers.official import OFFICIAL

    fetch_archives(OFFICIAL[entry])


def verify(name: str, target: str = "") -> str:
    """Read a data set's files through and check them; a sentence on what is whole."""
    return verify_table(table_source(name, target)) if is_table(name) else image_source(name, target).verify()


def contents(name: str, target: str = "") -> Contents:
    """What a data set holds, split as it will be: classes with their counts, or the columns of a table."""
    return of_table(table_source(name, target)) if is_table(name) else of_images(image_source(name, target))


def table_source(name: str, target: str) -> TableSource:
    """The table behind a name or a path; refused without the name of one of its columns as target."""
    if known(name):
        from nas.data.readers.diabetes import diabetes_source

        return diabetes_source(target)
    from nas.data.readers.csv_file import csv_source

    return csv_source(own_path(name), target)


def image_source(name: str, target: str) -> Source:
    """The images behind a name or a path; they have classes, so a target is refused."""
    source = find(name)
    if target:
        raise Refused(f"{source.name} holds images with classes: a target is for tables, got {target!r}")
    return source


def source_path(name: str) -> str:
    """Where the files of a data set are, or are expected."""
    return where(name)
