"""Data sets as tensors: training and validation images for every trial, and a test split that stays sealed.

    name or path --prepare--> DataInfo (a folder of raw files in the cache) --load--> Dataset (mapped tensors)
                 --unseal--> the test images, for the final evaluation only

A source is read once, by the coordinator; workers map what it prepared.
"""

from __future__ import annotations

from nas.data.cache import prepared, target_size
from nas.data.folders import cache_dir, data_dir
from nas.data.info import DataInfo
from nas.data.loading import Dataset, Split, in_memory, load
from nas.data.sources import NAMES, find, known, own_path, where
from nas.errors import Refused

__all__ = [
    "NAMES",
    "DataInfo",
    "Dataset",
    "Split",
    "cache_dir",
    "data_dir",
    "fetch",
    "load",
    "prepare",
    "source_path",
    "unseal",
    "verify",
]


def prepare(name: str, resolution: int = 0) -> DataInfo:
    """Read a data set, cut its fixed validation split, and keep both in the cache; what is there already is checked.

    `resolution` is height and width in pixels, 0 for the size as stored. To be called once, by the coordinator.
    """
    source = find(name)
    return prepared(source, target_size(source, resolution))


def unseal(name: str, resolution: int = 0) -> Split:
    """The sealed test images, read from the source: for the final evaluation of finalists only, once.

    No other function returns test images; searching, training, pruning and analysis must never call this one.
    """
    source = find(name)
    return in_memory(source.test(), target_size(source, resolution))


def fetch(name: str) -> None:
    """Download a data set's files into the data folder; those that are whole stay, and `digits` needs none."""
    entry = known(name)
    if not entry:
        raise Refused(f"{own_path(name)} is a path of yours: there is nothing to download")
    if entry == "digits":
        return
    from nas.data.downloads import fetch_archives
    from nas.data.official import OFFICIAL

    fetch_archives(OFFICIAL[entry])


def verify(name: str) -> str:
    """Read a data set's files through and check them; a sentence on what is whole."""
    return find(name).verify()


def source_path(name: str) -> str:
    """Where the files of a data set are, or are expected."""
    return where(name)
