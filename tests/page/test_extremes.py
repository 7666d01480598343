"""The page of one network and of very many, of huge errors and of too many columns: what is left out is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from spaces.anynet import X3
from tests.page.test_page import Open, drawn, heading, needs_browser, report, selected, settled, trials

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOUCHING = """() => {
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1
    || b.bottom <= a.top + 1;
  const groups = [...document.querySelectorAll("div.plot:not([hidden])")]
    .flatMap(plot => ["x", "y"].map(axis => [...plot.querySelectorAll(`.${axis}tick text`)]));
  groups.push(...[...document.querySelectorAll(".axis")].map(axis => [...axis.querySelectorAll("text")]));
  groups.push(...[...document.querySelectorAll("svg.stairs")].map(picture => [...picture.querySelectorAll("text")]));
  return [groups.flat().length, groups.flatMap(texts => texts.flatMap((one, i) => texts.slice(i + 1)
    .filter(other => !apart(one.getBoundingClientRect(), other.getBoundingClientRect()))
    .map(other => `${one.closest("[data-view]").dataset.view}: ${one.textContent} | ${other.textContent}`)))];
}"""
"""How many labels there are, and which pairs of an axis or a picture touch."""


def drawn_whole(page: Page) -> None:
    """Draws all views, those below the screen too."""
    page.evaluate("runOf(shown()).redraw(true)")
    settled(page)


def resampled(rows: int) -> pd.DataFrame:
    """So many trials of two spaces."""
    small = report(X3[:2], each=20).frame
    return small.iloc[np.arange(rows) % len(small)].assign(trial=range(rows)).reset_index(drop=True)


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("rows", [1, 24, 10_000])
def test_no_two_labels_of_an_axis_touch(show: Open, rows: int) -> None:
    """The boxes of all labels of an axis are apart in every view, wide and narrow; nothing is wider than the page."""
    frame = resampled(rows)
    page = show(report(X3[:2], each=20, frame=frame, total=rows))
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 900})
        drawn_whole(page)
        labels, touching = page.evaluate(TOUCHING)
        assert labels > (10 if rows == 1 else 60)
        assert touching == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@needs_browser
def test_a_window_that_narrows_leaves_no_figure_wider_than_the_page(show: Open) -> None:
    """Nothing scrolls sideways, not even before a figure is drawn again, which it is as soon as it is on screen."""
    page = show(report(X3[:2], each=20, frame=resampled(24), total=24))
    page.set_viewport_size({"width": 1440, "height": 900})
    drawn_whole(page)
    page.set_viewport_size({"width": 360, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for view in ("edf", "costs"):
        drawn(page, view, "1")
        fits = "box => box.clientWidth === box.querySelector('.main-svg').clientWidth && box.clientWidth < 360"
        figure = page.locator(f"[data-view={view}] .js-plotly-plot").first.element_handle()
        page.wait_for_function(fits, arg=figure)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.slow
@needs_browser
def test_an_axis_that_is_cut_says_so(show: Open) -> None:
    """A line that ends below 100 % without failures ends at an axis whose note counts the errors beyond it."""
    frame = resampled(40)
    frame["error"] = [0.1 + 0.002 * i for i in range(38)] + [0.7, 0.8]
    page = show(report(X3[:2], frame=frame, total=40))
    end = drawn(page, "edf", "box.layout.xaxis.range[1]")
    beyond = int((frame["error"] >= end).sum())
    assert beyond == 2
    note = page.locator("[data-view=edf] .says").inner_text()
    assert note == f"The axis ends at {100 * end:.2f} %: 2 higher errors lie to its right."
    frame["error"] = [0.1 + 0.002 * i for i in range(40)]
    page = show(report(X3[:2], frame=frame, total=40))
    assert drawn(page, "edf", "box.layout.xaxis.range[1]") > frame["error"].max()
    assert page.locator("[data-view=edf] .says").inner_text() == ""


@pytest.mark.slow
@needs_browser
def test_marks_of_a_space_are_those_of_the_finished_run(show: Open) -> None:
    """Colour, symbol and dash are the same while a run has trials of one space and when it has all."""
    names = tuple(space.name for space in X3[:3])
    whole = replace(report(), spaces=names)
    early = replace(whole, frame=whole.frame[whole.frame["space"] == names[2]].head(9), total=48)
    reversed_ = replace(whole, frame=whole.frame.iloc[::-1])
    marks = "runOf(shown()).model.spaces"
    lines = "Object.fromEntries(box.data.filter(t => t.meta === 'edf').map(t => [t.name, [t.line.color, t.line.dash]]))"
    after = show(whole)
    finished, expected = drawn(after, "edf", lines), after.evaluate(marks)
    assert [space["name"] for space in expected] == list(names)
    for run in (early, reversed_):
        page = show(run)
        assert page.evaluate(marks) == expected
        own = drawn(page, "edf", lines)
        assert own == {name: finished[name] for name in own} != {}


@pytest.mark.slow
@needs_browser
def test_three_errors_of_a_billion_among_46_000_rule_nothing(show: Open) -> None:
    """The page opens, draws the usual errors at their scale, counts those that it doesn't draw, and selects."""
    frame = resampled(46_000)
    frame.loc[[1, 2, 3], "error"] = 1e9
    run = report(X3[:2], frame=frame, total=46_000, dimensions=("depth_1", "width_1"), classes=None)
    page = show(run)
    usual = frame.loc[frame["error"] < 1, "error"]
    low, high = drawn(
        page, "costs", "box._fullLayout.yaxis.range.map(v => box._fullLayout.yaxis.type === 'log' ? 10 ** v : v)"
    )
    assert 0 < low < usual.min() < usual.max() < high < 1
    assert "points are drawn" in page.locator("[data-view=costs] .says").first.inner_text()
    assert "3 with errors above the axis aren't drawn" in page.locator("[data-view=costs] .says").first.inner_text()
    assert "3 higher errors lie to its right" in page.locator("[data-view=edf] .says").inner_text()
    page.evaluate("runOf(shown()).model.set('error', range(1, Infinity))")
    assert selected(page) == "Selected by looking: 3 of 46,000 networks"
    heading(page, "error").click()
    assert "of 3 selected, of 46,000" in trials(page).locator("output").inner_text().replace("1–3 ", "")


@pytest.mark.slow
@needs_browser
def test_two_thousand_columns_are_offered_in_part(show: Open) -> None:
    """Of 2,000 columns menus, histograms and table offer a part and say so; expressions and the file have all."""
    frame = resampled(200)
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.integers(0, 9, (200, 2000)), columns=[f"choice {i}" for i in range(2000)])
    page = show(report(X3[:2], frame=pd.concat([frame, wide], axis=1), total=200, dimensions=tuple(wide.columns)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 1400
    for words in ("of 2,0", "columns"):
        assert words in page.locator("[data-view=rail] > button").inner_text()
    assert "The first 400 of 2,0" in str(trials(page).locator(".choices").text_content())
    box = page.locator("[data-view=parallel]")
    assert "The first 150 of" in str(box.locator(".choices").text_content())
    page.locator("input[type=search]").fill('"choice 1999" >= 4')
    assert selected(page) == f"Selected by looking: {(wide['choice 1999'] >= 4).sum()} of 200 networks"


@needs_browser
def test_empty_cells_are_counted(show: Open) -> None:
    """Networks without a value of the column aren't drawn against it, but counted, and spaces that have none named."""
    frame = resampled(40).assign(heads=[float(i % 3) if i % 4 == 0 else None for i in range(40)])
    page = show(report(X3[:2], frame=frame, total=40, dimensions=("heads", "depth_1")))
    drawn(page, "column", "1")
    page.locator("[data-view=column] select").select_option("heads")
    settled(page)
    lacking = set(frame["space"]) - set(frame.loc[frame["heads"].notna(), "space"])
    note = page.locator("[data-view=column] .says").inner_text().replace("\u2068", "").replace("\u2069", "")
    assert f"30 networks without heads aren't drawn, among them all of {min(lacking)}." in note
    page.locator("[data-view=column] select").select_option("depth_1")
    settled(page)
    assert "without" not in page.locator("[data-view=column] .says").inner_text().replace("without a usable", "")


@pytest.mark.slow
@needs_browser
def test_gaps_are_points(show: Open) -> None:
    """The difference of two errors is written in points, and selected by points."""
    frame = resampled(40).assign(gap=[0.001 * i - 0.005 for i in range(40)])
    page = show(report(X3[:2], frame=frame, total=40, dimensions=("depth_1",)))
    page.goto(page.url.split("#")[0] + "#trial=7")
    assert page.locator("#details tr", has_text="gap").locator("td").inner_text() == "0.20 points"
    page.keyboard.press("Escape")
    page.locator("[data-view=rail] > button").click()
    start = page.get_by_label("gap (points) from")
    start.fill("1")
    start.press("Enter")
    assert selected(page) == f"Selected by looking: {(frame['gap'] >= 0.01).sum()} of 40 networks"
    page.locator("[data-view=column] select").select_option("gap")
    assert drawn(page, "column", "box.layout.xaxis.title.text") == "generalization gap (points)"


@pytest.mark.slow
@needs_browser
def test_names_at_lines_are_isolated(show: Open) -> None:
    """A name that turns what follows, and a blank one, are the texts at their lines and in notes, each by itself."""
    frame = resampled(40)
    frame["space"] = frame["space"].map(dict(zip(frame["space"].unique(), ("\u202eright", " "), strict=True)))
    page = show(report(X3[:2], frame=frame, total=40))
    texts = drawn(page, "edf", "box.layout.annotations.map(a => a.text)")
    assert set(texts) == {"\u2068\u202eright\u2069", "\u2068(blank)\u2069"}
