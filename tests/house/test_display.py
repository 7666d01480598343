"""What a value shows of itself in a terminal and in a notebook."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import pytest

import nas
from nas.analysis import edf
from nas.layers import Sequence, from_json, summary, to_json
from nas.layers.base import Cost
from nas.space import Choice, Integer, When
from nas.study import catalog
from nas.study.record import Epoch, Origin, Outcome, Record
from nas.study.stored import qualified
from spaces import ALL, NETWORKS

TOY = catalog.study("quickstart")
HOSTILE = '<script>alert("1")</script>' + "x" * 300 + "\n" * 30
WHEN = When(dimension=HOSTILE, values=(HOSTILE,))
LARGEST_HTML, LONGEST_REPR = 20_000, 400
RECORD = Record(
    trial=12,
    space="VGG",
    architecture="0123456789abcdef",
    point={"depth": 3, "norm": "batch"},
    facts={"widths": "8,16"},
    cost=Cost(parameters=4_000, multiply_adds=2_000_000),
    origin=Origin(sampler="random", draws=2),
    seed=1,
    outcome=Outcome.COMPLETED,
    curve=tuple(Epoch(number=n, loss=1.0, error=0.125, seconds=1.0) for n in range(1, 200)),
)
DEEP = max(NETWORKS, key=lambda network: network.architecture.network(network.inputs, network.classes).leaves)
TREE = DEEP.architecture.network(DEEP.inputs, DEEP.classes)
SHOWN = {
    "record": RECORD,
    "hostile record": msgspec.structs.replace(
        RECORD, space=HOSTILE, message=HOSTILE, point={HOSTILE: HOSTILE}, device=HOSTILE, outcome=Outcome.FAILED
    ),
    "space": max(ALL, key=lambda space: len(space.dimensions)),
    "hostile space": replace(
        ALL[0],
        name=HOSTILE.replace("/", ""),
        source=HOSTILE,
        dimensions={
            HOSTILE: Choice(options=(HOSTILE,)),
            "b": Integer(low=1, high=2, when=WHEN),
        },
    ),
    "study": catalog.study("families"),
    "hostile study": replace(TOY, name=HOSTILE.replace("/", ""), question=HOSTILE),
    "distribution": edf([k / 5_000 for k in range(5_000)] + [None] * 9, name="VGG", guess=0.9),
    "hostile distribution": edf([0.5, None], name=HOSTILE, guess=0.9, left_out=HOSTILE),
    "only failures": edf([None, None], name="VGG", guess=0.9),
    "network": DEEP,
    "layers": TREE,
    "hostile layers": Sequence(layers=(TREE,), name=HOSTILE),
    "layer table": summary(TREE, DEEP.inputs),
}


class Balanced(HTMLParser):
    """Fails where an element is closed that isn't the last one opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """One more element is open."""
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It must be the last one."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", SHOWN)
def test_a_value_shows_itself_in_a_line_and_in_a_small_part_of_a_notebook(name: str) -> None:
    """A terminal has one short line; a notebook has balanced HTML below 20 kB, names as text, no own colours."""
    shown, html = repr(SHOWN[name]), SHOWN[name]._repr_html_()
    assert len(shown) <= LONGEST_REPR
    assert "\n" not in shown
    assert len(html) < LARGEST_HTML
    assert "<script" not in html
    assert ("&lt;script" in html) == ("hostile" in name)
    assert not Balanced(html).open
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb", html)


def test_a_model_is_a_line() -> None:
    """Even a network of many layers is a line in a terminal; its modules are a word away."""
    shown = repr(nas.create_model("resnet50", num_classes=3))
    assert len(shown) <= LONGEST_REPR
    assert "\n" not in shown
    assert "3x224x224 -> 3, 23,514,179 parameters" in shown


def test_a_distribution_draws_its_steps() -> None:
    """The curve of three networks and a failure rises by a quarter at each error, and ends below the top."""
    shown = edf([0.25, 0.5, 0.75, None], name="toy", guess=0.9)
    assert repr(shown) == "<Edf 'toy': n = 4, 1 failure, mean error 0.6>"
    html = shown._repr_html_()
    assert 'd="M0 90H0V67.5H120V45H240V22.5H240"' in html
    assert "n = 4, 1 failure, mean error 0.6" in html
    assert all(f">{end}</text>" in html for end in ("0.25", "0.75"))


def test_a_space_shows_points_dimensions_and_conditions() -> None:
    """The heading has the exact number of points, each dimension a row with its values and its condition."""
    space = next(space for space in ALL if space.name == "VGG")
    html = space._repr_html_()
    assert "blocks is 3" in html
    assert all(f"<td>{name}</td>" in html for name in space.dimensions)
    free = replace(space, dimensions={"depth": Integer(low=1, high=3)}, requirements=())
    assert "VGG: 3 points" in free._repr_html_()
    assert repr(free) == "<Space 'VGG': 1 dimension (depth)>"


def test_a_published_network_shows_the_layer_table() -> None:
    """It has the rows of `nas describe`, shapes and costs among them; a tree alone, which knows no input, has none."""
    network = catalog.network("lenet")
    assert repr(network) == "<Network 'lenet': LeNet, 1x28x28 -> 10>"
    assert "<td>6x28x28</td><td>156</td><td>117,600</td>" in network._repr_html_()
    layers = network.architecture.network(network.inputs, network.classes)
    assert repr(layers) == "<Sequence: 12 layers>"
    assert "<td>convolutions</td><td>Convolution</td><td>5x5, 6, bias</td><td></td>" in layers._repr_html_()


def test_a_tree_shows_repetitions_and_branches() -> None:
    """The outline multiplies what is repeated, and has every leaf once."""
    rows = list(TREE.outline())
    assert sum(int(times[1:] or 1) for *_, times in rows) == TREE.leaves - _empty(TREE)


def _empty(layer: nas.layers.Layer) -> int:
    """Leaves that are counted for empty sequences."""
    if not hasattr(layer, "children"):
        return 0
    children = list(layer.children())
    return sum(times * _empty(child) for _, child, times in children) if children else 1


def test_what_is_stored_of_a_tree_is_its_identity() -> None:
    """A tree that is bound to a space's decoder is compared by its content, not by the line that it shows."""
    from functools import partial

    stem = from_json(to_json(TREE))
    assert qualified(partial(print, stem)) == qualified(partial(print, TREE))
    assert qualified(partial(print, TREE)) != qualified(partial(print, Sequence(layers=(TREE, TREE))))


def test_a_recipe_shows_what_differs_from_the_default() -> None:
    """A recipe and limits show only the fields that were set."""
    assert repr(nas.Recipe(epochs=3)) == "Recipe(epochs=3)"
    assert repr(nas.Limits(parameters=(0, 5))) == "Limits(parameters=(0, 5))"


def test_a_study_shows_question_and_settings() -> None:
    """A notebook has the question, the spaces, the recipe, the limits and the sampler."""
    html = TOY._repr_html_()
    for text in (TOY.question, TOY.spaces[0].name, "epochs", "limits", "random, seed"):
        assert text in html
