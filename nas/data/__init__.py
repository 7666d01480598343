"""Data sets as tensors: training and validation data for every trial, and a test split that stays sealed.

    name or path --prepare--> DataInfo (a folder of raw files in the cache) --load--> Dataset (mapped tensors)
                 --unseal--> the test images or rows, for the final evaluation only

Images have classes; a table (`diabetes`, or a `.csv` with the name of its target) has a number to be predicted.
A source is read once, by the coordinator; workers map what it prepared.
"""

from __future__ import annotations

import logging

from nas.data.catalog import NAMES, find, meaning, require_one_meaning
from nas.data.features import Cell, Column, encoded
from nas.data.folders import cache_dir, data_dir
from nas.data.images import ImageSource
from nas.data.info import DataInfo, Task
from nas.data.loading import Dataset, Split, load
from nas.data.pictures import Images
from nas.data.readers.class_folders import UnusableImages
from nas.data.readers.official import OFFICIAL
from nas.data.source import Contents
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
    "examples",
    "fetch",
    "load",
    "prepare",
    "prepare_for",
    "require_one_meaning",
    "source_path",
    "unseal",
    "verify",
]


def prepare(name: str, resolution: int = 0, target: str = "", validation_size: int = 0) -> DataInfo:
    """Read a data set, cut its fixed validation split, and keep both in the cache; what is there already is checked.

    `resolution` is height and width of images in pixels, 0 for the size as stored; `target` names the column of a
    table that is to be predicted; `validation_size` images validate, 0 for as many as usual. To be called once, by the
    coordinator. A name of ours that is also a folder of images means ours, and the folder is mentioned.
    """
    meant = meaning(name)
    if namesake := meant.namesake:
        log.warning("%s: the data set is taken; ./%s takes the folder", namesake, name)
    return meant.source(target).prepared(resolution, validation_size)


def prepare_for(recipe: Recipe, resolution: int | None = None) -> DataInfo:
    """The data of a recipe, at its resolution or another one."""
    size = recipe.resolution if resolution is None else resolution
    return prepare(recipe.data, size, recipe.target, recipe.validation_size)


def unseal(name: str, resolution: int = 0, target: str = "") -> Split:
    """The sealed test images or rows, read from the source: for the final evaluation of finalists only, once.

    No other function returns them; searching, training, pruning and analysis must never call this one.
    """
    return find(name, target).sealed(resolution)


def fetch(name: str) -> None:
    """Download a data set's files into the data folder; those that are intact stay, and embedded ones need none."""
    meant = meaning(name)
    if not meant.ours:
        raise Refused(f"{meant.path} is a path of yours: there is nothing to download")
    if meant.ours in OFFICIAL:
        from nas.data.readers.downloads import fetch_archives

        fetch_archives(OFFICIAL[meant.ours])


def verify(name: str, target: str = "") -> str:
    """Read a data set's files through and check them; a sentence on what is intact, or every file that isn't."""
    try:
        return find(name, target).verify()
    except UnusableImages as error:
        raise error.whole() from error


def contents(name: str, target: str = "") -> Contents:
    """What a data set holds, split as it will be: classes with their counts, or the columns of a table."""
    return find(name, target).contents()


def examples(name: str, each: int) -> dict[str, Images]:
    """So many training images of every class, uint8 (count, channels, height, width); refused for a table."""
    source = find(name)
    if not isinstance(source, ImageSource):
        raise Refused(f"{name} is a table: it has no pictures")
    return source.examples(each)


def source_path(name: str) -> str:
    """Where the files of a data set are, or are expected."""
    return str(meaning(name).files)
