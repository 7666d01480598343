"""Columns that were measured in the training, under whatever name: they differ between the seeds of one network.

Without them rows repeat, one a seed; with them hardly any does. What was chosen is equally frequent under all seeds,
and what was measured is so only by chance: that orders the columns, so that thousands of them are tried once each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.findings.columns.names import is_seed

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.int64]
"""A whole number a row, from 0 on: equal where rows are."""
NEARLY = 0.9
"""How near to the largest share of rows that repeat over the seeds is enough."""
LEAST_NETWORKS, MOST_ALIKE = 5, 2
"""Fewer networks that repeat, or more of them that are alike on average, may do so by coincidence."""
CROSSED = 0.9
"""What has the same several values in more of the networks than this share was chosen: each is tried with them all."""


def measured_columns(frame: pd.DataFrame, key: Sequence[str]) -> tuple[str, ...]:
    """The fewest columns of numbers in `key` without which rows repeat over the seeds; none where they never do."""
    found = (_measured(frame.loc[rows, list(key)], seeds) for rows, seeds in _seedings(frame))
    return next(filter(None, found), ())


def _seedings(frame: pd.DataFrame) -> Iterator[tuple[NDArray[np.bool_], Codes]]:
    """Rows with frequent seeds, and the seed of each: of all columns of seeds together, then of each alone."""
    columns = [_codes(frame[name]) for name in frame if is_seed(str(name))]
    varied = [seeds for seeds in columns if 1 < _count(seeds) <= len(frame) / 2]
    for seeds in [_together(varied, len(frame)), *varied][: 1 if len(varied) < 2 else None]:
        counts = np.bincount(seeds)
        often = counts >= counts.max(initial=0) / 2
        if 1 < often.sum() <= len(frame) / 2:
            rows = often[seeds]
            yield rows, _numbered(seeds[rows])


def _measured(frame: pd.DataFrame, seeds: Codes) -> tuple[str, ...]:
    """The columns that were measured, by one numbering of seeds."""
    from pandas.api.types import is_numeric_dtype

    codes = {str(name): _codes(frame[name]) for name in frame}
    numeric = {name: own for name, own in codes.items() if is_numeric_dtype(frame[name]) and own.any()}
    texts = _together([own for name, own in codes.items() if name not in numeric], len(frame))
    networks, left = _networks(texts, numeric, seeds)
    even = _even(networks, seeds)
    return () if any(_is_crossed(numeric[name][even], networks[even]) for name in left) else left


def _networks(texts: Codes, numeric: Mapping[str, Codes], seeds: Codes) -> tuple[Codes, tuple[str, ...]]:
    """Rows by network, and the columns that were left out of it: none where rows don't repeat."""
    order = sorted(numeric, key=lambda name: _unevenness(numeric[name], seeds))
    shares = _shares(texts, [numeric[name] for name in order], seeds)
    enough = NEARLY * max(shares)
    if not enough:
        return texts, ()
    place = max(place for place, share in enumerate(shares) if share >= enough)
    networks = _together([texts, *(numeric[name] for name in order[:place])], len(seeds))
    left = []
    for name in order[place:]:
        finer = _finer(networks, numeric[name])
        if _count(finer) == _count(networks) or _repeated(finer, seeds) >= enough:
            networks = finer
        else:
            left.append(name)
    return networks, tuple(name for name in numeric if name in left)


def _shares(groups: Codes, columns: Sequence[Codes], seeds: Codes) -> list[float]:
    """Share of the rows that repeat over the seeds in groups, and in those that each further column makes of them."""
    shares = [_repeated(groups, seeds)]
    for own in columns:
        before, groups = _count(groups), _finer(groups, own)
        shares.append(shares[-1] if _count(groups) == before else _repeated(groups, seeds))
        if 4 * _count(groups) > 3 * len(seeds):  # half of the rows can't be in groups of two any more
            break
    return shares


def _repeated(groups: Codes, seeds: Codes) -> float:
    """Share of the rows in groups with all seeds; 0 where that may be a coincidence, the likelier the larger they are.

    A network that was drawn twice has each seed twice.
    """
    even = _even(groups, seeds)
    networks = len(np.unique(groups[even]))
    if networks < LEAST_NETWORKS:
        return 0.0
    alike = even.sum() / (networks * _count(seeds))
    share = float(even.mean())
    return share if alike <= MOST_ALIKE and share >= 1 - 1 / (2 * alike) else 0.0


def _unevenness(own: Codes, seeds: Codes) -> float:
    """Chi-squared of values against seeds by its degrees of freedom: 0 of what was chosen, about 1 of what wasn't."""
    pairs, counts = np.unique(own * _count(seeds) + seeds, return_counts=True)
    values = np.bincount(own)
    expected = values[pairs // _count(seeds)] * np.bincount(seeds)[pairs % _count(seeds)] / len(seeds)
    return float((counts**2 / expected).sum() - len(seeds)) / ((len(values) - 1) * (_count(seeds) - 1))


def _even(groups: Codes, seeds: Codes) -> NDArray[np.bool_]:
    """Which rows are in a group with all seeds, each equally often."""
    pairs, counts = np.unique(groups * _count(seeds) + seeds, return_counts=True)
    owners = pairs // _count(seeds)
    most = np.maximum.reduceat(counts, np.flatnonzero(np.diff(owners, prepend=-1)))
    even: NDArray[np.bool_] = most * _count(seeds) == np.bincount(groups)
    return even[groups]


def _is_crossed(own: Codes, networks: Codes) -> bool:
    """Whether nearly all networks of the usual size have the same several values, for each is tried with them."""
    sizes = np.bincount(networks)
    usual = sizes[networks] == np.bincount(sizes[networks]).argmax()
    order = np.lexsort((own[usual], networks[usual]))
    values = own[usual][order].reshape(len(np.unique(networks[usual])), -1)
    sets, counts = np.unique(values, axis=0, return_counts=True)
    return bool((counts[sets[:, 0] < sets[:, -1]] > CROSSED * len(values)).any())


def _codes(cells: pd.Series[Any]) -> Codes:
    """Equal cells as one number, all missing ones as another."""
    import pandas as pd

    return pd.factorize(cells, use_na_sentinel=False)[0].astype(np.int64)


def _numbered(values: Codes) -> Codes:
    """Equal values as one number, from 0 on."""
    import pandas as pd

    return pd.factorize(values)[0].astype(np.int64)


def _finer(groups: Codes, own: Codes) -> Codes:
    """The groups, each parted by a column."""
    return _numbered(groups * _count(own) + own)


def _together(columns: Sequence[Codes], rows: int) -> Codes:
    """Rows that are equal in all of these columns as one number."""
    groups = np.zeros(rows, np.int64)
    for own in columns:
        groups = _finer(groups, own)
    return groups


def _count(codes: Codes) -> int:
    """How many numbers there are."""
    return int(codes.max(initial=-1)) + 1
