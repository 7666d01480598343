"""Colours of points and lines by any column, in a browser."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from nas.page.style import COLOURS
from nas.page.templates import file_text
from tests.page.test_figures import contrast
from tests.page.test_page import Open, needs_browser, report, settled
from tests.page.test_views import view

COLOURED = """view => runOf(shown()).views.find((each) => each.box.dataset.view === view).box
  .querySelector(".js-plotly-plot").figure.whole.data.filter((trace) => Array.isArray(trace.marker?.color))
  .flatMap((trace) => trace.customdata.map((row, i) => [row, trace.marker.color[i]]))"""


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("kind", ["costs", "column", "history"])
def test_a_number_colours_points(kind: str, show: Open) -> None:
    """Points have a place in one sequence by any column, told by a bar and kept in the address; without it, grey."""
    run = report(folder="run")
    page = show(run)
    page.locator(".colour select").select_option("bottleneck_1")
    view(page, kind)
    assert page.locator(".legend .ramp").count() == 1
    assert "doesn't exist" in page.locator(".legend .key").inner_text()
    again = page.context.new_page()
    again.goto(page.url)
    again.wait_for_selector("html[data-ready]")
    view(again, kind)
    assert again.locator(".colour select").input_value() == "bottleneck_1"
    colours = dict(again.evaluate(COLOURED, kind))
    assert colours == dict(page.evaluate(COLOURED, kind))
    values = run.frame["bottleneck_1"].astype(float)
    groups = {value: {colours[row] for row in colours if values[row] == value} for value in values.dropna().unique()}
    assert len(groups) == sum(map(len, groups.values())) == len(set.union(*groups.values()))
    assert {colour for row, colour in colours.items() if pd.isna(values[row])} <= {"#858585"}
    again.locator(".colour select").select_option("space")
    settled(again)
    assert again.evaluate(COLOURED, kind) == []
    assert "#" not in again.url


@pytest.mark.slow
@needs_browser
def test_texts_colour_points_and_lines(show: Open) -> None:
    """A column of texts has a colour of the palette for each frequent text, grey for rarer ones; each has its name."""
    run = report(each=20)
    kinds = pd.Series([f"kind {min(row // 7, 7)}" for row in range(60)])
    page = show(report(each=20, frame=run.frame.assign(kind=kinds)))
    page.goto(page.url + "#colour=kind")
    settled(page)
    key = page.locator(".legend .patch")
    assert key.count() == len(COLOURS) + 1
    assert key.last.inner_text() == "others"
    lines = page.evaluate("Array.from({ length: 60 }, (_, row) => colouring(runOf(shown()).model).of(row))")
    view(page, "costs")
    assert all(lines[row] == colour for row, colour in page.evaluate(COLOURED, "costs"))
    assert set(lines) == {*COLOURS, "#858585"}
    assert all(len({lines[row] for row in kinds.index[kinds == kind]}) == 1 for kind in kinds.unique())


@needs_browser
def test_the_sequence_of_colours_stands_out_from_both_grounds(show: Open) -> None:
    """Every colour of the sequence is 3 to 1 or more from the page and from cards, light and dark, and differs."""
    css = file_text("page.css")
    grounds = {ground for name in ("page", "card") for ground in re.findall(rf"--{name}: (#\w+);", css)}
    found = show().evaluate("Array.from({ length: 41 }, (_, i) => between(i / 40))")
    colours = ["#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)) for colour in found]
    assert min(contrast(colour, ground) for colour in colours for ground in grounds) >= 3
    assert len(set(colours)) == 41
