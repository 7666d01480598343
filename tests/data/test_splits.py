"""Splits and orders: stratified, disjoint, nested, and the same for ever."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data.splits import cut, even_order, quotas, shuffled, spread

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=9)


@given(COUNTS)
def test_every_prefix_is_balanced(counts: list[int]) -> None:
    """However uneven the classes, each is within one image of its share in every prefix."""
    places = spread(counts)
    so_far = np.stack([np.cumsum(places == c) for c in range(len(counts))])
    shares = np.outer(np.array(counts) / sum(counts), np.arange(1, len(places) + 1))
    assert np.abs(so_far - shares).max() < 1
    assert np.bincount(places).tolist() == counts


def test_a_class_without_images_takes_no_place() -> None:
    """Labels that skip a number leave the order of the others balanced."""
    assert np.bincount(spread([3, 0, 3]), minlength=3).tolist() == [3, 0, 3]


@given(COUNTS, st.fractions(0, 1, max_denominator=50))
def test_quotas_follow_the_share(counts: list[int], share: Fraction) -> None:
    """What is held back is within one of each class's share, and in all the share rounded down."""
    held = quotas(counts, share)
    assert all(abs(quota - count * share) < 1 for quota, count in zip(held, counts, strict=True))
    assert sum(held) == int(sum(counts) * share)


@given(COUNTS, st.integers(0, 5))
def test_cut_is_a_partition(counts: list[int], seed: int) -> None:
    """Every image is on exactly one side of a cut."""
    labels = np.repeat(np.arange(len(counts)), counts)
    rest, held = cut(labels, Fraction(1, 5), seed)
    assert sorted([*rest, *held]) == list(range(len(labels)))


def test_even_order_keeps_its_positions() -> None:
    """Ordering some positions returns these positions, classes in turn."""
    labels = np.repeat(np.arange(3), 10)
    positions = np.arange(0, 30, 2)
    order = even_order(labels, positions, seed=1)
    assert sorted(order) == positions.tolist()
    assert labels[order].tolist() == [0, 1, 2] * 5


def test_shuffled_is_fixed_for_ever() -> None:
    """A seed's order is the one it had when the splits were first cut."""
    assert shuffled(12, 20_170_826).tolist() == [3, 4, 0, 2, 6, 10, 8, 11, 9, 1, 7, 5]
    assert hashlib.sha256(shuffled(60_000, 20_170_826).astype("<i8").tobytes()).hexdigest()[:16] == "7edf0c738fe6b618"


@pytest.mark.parametrize("seed", [0, 1])
def test_seeds_give_different_orders(seed: int) -> None:
    """Another seed is another order of the same numbers."""
    assert sorted(shuffled(50, seed)) == list(range(50))
    assert shuffled(50, seed).tolist() != shuffled(50, seed + 1).tolist()
