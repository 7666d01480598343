"""Another norm throughout a network."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from nas.errors import Refused
from nas.layers import Layer, Normalisation, Sequence, Shape, identity, norm_named, to_json, with_norm
from nas.study import catalog
from tests.toys.trees import cases

LAYER = Normalisation(kind="layer")


def published(name: str) -> Layer:
    """A network as it was published."""
    network = catalog.network(name)
    return network.architecture.network(network.inputs, network.classes)


@pytest.mark.parametrize("name", ["lenet_bn", "resnet_20", "densenet_d2l", "regnet_x_400mf"])
def test_all_norms_are_replaced(name: str) -> None:
    """No other norm is left, nothing else changes, and the way back leads to the same network."""
    network = published(name)
    changed = with_norm(network, LAYER)
    assert b'{"type":"normalisation"}' not in to_json(changed)
    assert to_json(changed).count(b'"kind":"layer"') == to_json(network).count(b'{"type":"normalisation"}') > 0
    assert with_norm(changed, Normalisation()) == network


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_any_tree_is_changed_or_refused(case: tuple[Layer, Shape]) -> None:
    """Whatever the tree, there is one norm in it afterwards, or there was none."""
    layer, _ = case
    try:
        changed = with_norm(layer, LAYER)
    except Refused:
        assert b"normalisation" not in to_json(layer).replace(b'{"type":"normalisation","kind":"none"', b"")
    else:
        assert identity(with_norm(changed, LAYER)) == identity(changed)


def test_a_network_without_norms_has_none_to_replace() -> None:
    """It is refused, for where norms would belong isn't known."""
    for layer in (published("lenet"), Sequence(), Normalisation(kind="none")):
        with pytest.raises(Refused, match="has no norm that another could replace"):
            with_norm(layer, LAYER)


def test_norms_have_names() -> None:
    """A kind is its own name, and `group` has its number of groups behind a colon."""
    assert norm_named("layer") == LAYER
    assert norm_named("group") == Normalisation(kind="group")
    assert norm_named("group:8") == Normalisation(kind="group", groups=8)


@pytest.mark.parametrize("text", ["", "batchnorm", "layer:2", ":8"])
def test_unknown_norms_are_refused(text: str) -> None:
    """With the kinds that there are."""
    with pytest.raises(Refused, match="there is no norm") as refused:
        norm_named(text)
    assert "instance" in (refused.value.hint or "")


@pytest.mark.parametrize("text", ["group:", "group:x", "group:0", "group:-2"])
def test_groups_are_whole_numbers(text: str) -> None:
    """Of at least 1."""
    with pytest.raises(Refused, match="takes a number of groups of at least 1"):
        norm_named(text)
