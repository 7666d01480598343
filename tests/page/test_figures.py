"""The page's pictures, marks and texts as values, without a browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import nan
from typing import Any

import pandas as pd
import pytest

from nas.findings.wording import numbers
from nas.layers import Convolution, Flatten, Linear, Repetition, Residual, Sequence
from nas.layers.staircases import Stair, stairs
from nas.page import payload, style
from nas.page.columns import column
from nas.page.page import html, network_values
from nas.page.payload import stairs_payload
from nas.page.report import Report
from nas.page.templates import file_text


def frame(**columns: list[object]) -> pd.DataFrame:
    """Eight networks of two spaces, one of them failed, with more columns."""
    errors = [0.1, 0.2, 0.15, 0.3, 0.12, 0.25, 0.5, nan]
    return pd.DataFrame({"trial": range(8), "space": ["a", "b"] * 4, "error": errors, **columns})


def test_stairs_follow_named_stages() -> None:
    """Blocks of named stages are counted one by one; the head isn't a block."""
    block = Residual(branch=Convolution(width=8))
    network = Sequence(
        layers=(
            Sequence(name="stem", layers=(Convolution(width=4),)),
            Sequence(name="stage 1", layers=(Convolution(width=8), Repetition(layer=block, times=3))),
            Sequence(name="head", layers=(Flatten(), Linear(width=10))),
        )
    )
    expected = (Stair(part="stem", width=4, blocks=1, edge=4), Stair(part="stage 1", width=8, blocks=3, edge=4))
    assert stairs(network, (1, 4, 4)) == expected


@pytest.mark.parametrize(
    ("layers", "inputs", "widths"),
    [
        ((Convolution(width=4), Convolution(width=6), Flatten(), Linear(width=10)), (1, 4, 4), [4, 6]),
        ((Flatten(), Linear(width=32), Linear(width=16), Linear(width=10)), (1, 4, 4), [32, 16]),
    ],
)
def test_stairs_without_stages(layers: tuple[Linear, ...], inputs: tuple[int, ...], widths: list[int]) -> None:
    """Without named parts the convolutions are the blocks, without those the hidden linear layers."""
    assert [stair.width for stair in stairs(Sequence(layers=layers), inputs)] == widths


def test_stairs_are_sent_as_numbers() -> None:
    """Each stair is four numbers, its part by its place among all parts; trials outside of the table are left out."""
    one = (Stair(part="stem", width=64, blocks=1, edge=28), Stair(part="stage 1", width=8, blocks=9, edge=7))
    other = (Stair(part="stage 1", width=16, blocks=2, edge=0),)
    assert stairs_payload({5: one, 6: other, 7: one}, {5: 0, 6: 1}) == {
        "parts": ["stem", "stage 1"],
        "rows": {0: [0, 64, 1, 28, 1, 8, 9, 7], 1: [1, 16, 2, 0]},
    }


def test_json_stays_in_its_element() -> None:
    """Characters that could end the element or a line are escaped, and the value comes back unchanged."""
    value = {"</script><!--": "& \u2028 \u2029 ' \""}
    text = payload.json_text(value)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.percent(0.08734), "8.73 %"),
        (numbers.percent(None), "–"),
        (numbers.count(4_213_512), "4.214 M"),
        (numbers.count(999_999), "1 M"),
        (numbers.count(96), "96"),
        (numbers.duration(12.34), "12.3 s"),
        (numbers.duration(600), "10.0 min"),
        (numbers.rate(12_345, "rows/s"), "12.3 k rows/s"),
        (numbers.probability(0.00001), "< 0.001"),
        (numbers.plural(1, "network"), "1 network"),
    ],
)
def test_numbers_read_well(text: str, expected: str) -> None:
    """Numbers carry their unit and few digits."""
    assert text == expected


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def styles_in(page: str) -> list[dict[str, str]]:
    """The spaces of a page's first run, as its script gets them."""
    data: dict[str, Any] = json.loads(page.split('id="data-1">')[1].split("</script>")[0])
    spaces: list[dict[str, str]] = data["spaces"]
    return spaces


def report(table: pd.DataFrame) -> Report:
    """A run of which nothing is known but a table."""
    return Report(
        title="table",
        question="What helps?",
        settings={},
        classes=10,
        inputs=(1, 28, 28),
        total=len(table),
        frame=table,
        dimensions=("depth",),
        windows=(),
        curves={},
        networks={},
    )


def test_a_row_is_no_image() -> None:
    """Where the target is a number, costs and speeds are those of a row; elsewhere those of an image."""
    table = frame(multiply_adds=[1, 2] * 4, activations=[1, 2] * 4, images_per_second=[2e3] * 8)
    for task, noun, article in (("regression", "row", "a"), ("classification", "image", "an")):
        assert numbers.UNITS[task]["multiply_adds"] == f"multiply-adds ({article} {noun})"
        assert numbers.UNITS[task]["activations"] == f"activations (elements {article} {noun})"
        assert network_values(table.iloc[0].to_dict(), numbers.UNITS[task])["training speed"] == f"2.00 k {noun}s/s"
        kind = column("images_per_second", table["images_per_second"], (), task)["kind"]
        assert kind == {"row": "rows", "image": "rate"}[noun]


def test_spaces_look_different_and_stand_out_from_both_grounds() -> None:
    """Twelve spaces are told apart by colour, marker or dash, each 3 to 1 or more from white and from the dark card."""
    marks = style.styles_of(f"space {i}" for i in range(12))
    assert len({(mark.colour, mark.symbol) for mark in marks.values()}) == 12
    assert len({(mark.colour, mark.dash) for mark in marks.values()}) == 12
    css = file_text("page.css")
    grounds = {ground for name in ("page", "card") for ground in re.findall(rf"--{name}: (#\w+);", css)}
    assert len(grounds) == 4
    assert min(contrast(mark.colour, ground) for mark in marks.values() for ground in grounds) >= 3


def test_marks_follow_the_study_and_stay() -> None:
    """A space has its marks by the study's order, whatever rows are there; of a table, by its name."""
    rows = pd.DataFrame({"trial": [0, 1], "space": ["b", "a"], "error": [0.1, 0.2], "depth": [1, 2]})
    own = styles_in(html([replace(report(rows), spaces=("c", "b", "a"))]))
    assert [space["name"] for space in own] == ["c", "b", "a"]
    assert own == styles_in(html([replace(report(rows[1:]), spaces=("c", "b", "a"))]))
    assert [space["name"] for space in styles_in(html([report(rows)]))] == ["a", "b"]


def test_page_is_one_file_with_plotly_once() -> None:
    """Several runs share one copy of plotly, each script is allowed by its hash, and no data holds NaN."""
    text = html([report(frame(depth=[*range(8)]))] * 2)
    head = text[: text.index("<style>")].replace("&#39;", "'")
    assert text.count("plotly.js (basic - minified) v") == 1
    assert head.count("'sha256-") == 2
    assert "default-src 'none'" in head
    assert "unsafe-eval" not in head
    data = [part.split("</script>")[0] for part in text.split('type="application/json"')[1:]]
    assert len(data) == 2
    assert not any(word in part for part in data for word in ("NaN", "Infinity"))
    assert '"showSendToCloud": false' in text or "showSendToCloud: false" in text


def test_table_of_another_tool() -> None:
    """A table with nothing but errors and one column still makes a page."""
    text = html([report(pd.DataFrame({"error": [0.1, 0.2, nan], "depth": [1, 2, 3], 7: ["x", "y", "z"]}))])
    assert 'data-view="edf"' in text
    assert 'data-view="table"' in text
