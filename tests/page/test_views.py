"""Parallel coordinates, pairs of dimensions, importance and efficiency, in a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from nas.analysis import edf, edfs, efficiency, importances
from nas.page.report import Compared, Story, Table
from nas.page.whole_run import importance, searched
from nas.study.record import Origin
from nas.study.table import table
from spaces.anynet import X3
from tests.page.test_page import Open, drawn, needs_browser, report, selected, settled

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

BESIDE = 1.13
"""Share of an axis at which a failure lies."""
NOWHERE = -0.13
"""Share of an axis at which what doesn't exist lies."""


def view(page: Page, name: str) -> Locator:
    """The first view of that name, on screen and drawn."""
    box = page.locator(f"section:visible [data-view={name}]").first
    for _ in range(3):  # what lies above is drawn on the way, and grows
        box.evaluate("box => box.scrollIntoView({block: 'center'})")
        settled(page)
    return box


def brush(page: Page, column: str, start: float, stop: float) -> None:
    """Drags along an axis of the parallel coordinates, between two shares of its length."""
    axis = view(page, "parallel").locator(f".axis[data-column='{column}']")
    axis.evaluate("axis => axis.scrollIntoView({block: 'nearest', inline: 'center'})")
    spine = axis.locator(".spine").bounding_box()
    assert spine
    x, height = spine["x"] + spine["width"] / 2, spine["height"]
    for share, act in ((start, page.mouse.down), (stop, page.mouse.up)):
        page.mouse.move(x, spine["y"] + (1 - share) * height, steps=4)
        act()
    settled(page)


def number(said: str) -> int:
    """How many networks a selection holds, by its sentence."""
    return int(said.split(": ")[1].split(" ")[0].replace(",", ""))


def ends(page: Page, column: str) -> tuple[float, float, bool]:
    """Low and high end of a column's filter, and whether what has no value passes, by the page's model."""
    settled(page)
    words = f"(f => [String(f.low), String(f.high), f.missing])(runOf(shown()).model.filters.get('{column}'))"
    low, high, missing = page.evaluate(words)
    return float(low.replace("Infinity", "inf")), float(high.replace("Infinity", "inf")), missing


def axes(page: Page) -> list[str]:
    """The columns of the parallel coordinates, from left to right."""
    settled(page)
    names: list[str] = page.locator(".axis").evaluate_all("boxes => boxes.map(box => box.dataset.column)")
    return names


@pytest.mark.slow
@needs_browser
def test_a_brush_along_axes_selects_what_pandas_finds(show: Open) -> None:
    """Counts after two brushes equal pandas on the same rows, and a fresh page of that address shows the same."""
    run = report()
    page = show(run)
    brush(page, "width_1", 0.2, 0.8)
    low, high, missing = ends(page, "width_1")
    rows = run.frame[run.frame["width_1"].between(low, high)]
    assert not missing
    assert 0 < len(rows) < len(run.frame)
    assert number(selected(page)) == len(rows)
    brush(page, "error", 0.1, 0.7)
    low, high, missing = ends(page, "error")
    rows = rows[rows["error"].between(low, high)]
    assert len(rows) > 0
    assert number(selected(page)) == len(rows)
    assert f"of {len(rows)} of 48 networks" in str(view(page, "parallel").locator("canvas").get_attribute("aria-label"))
    again = page.context.new_page()
    again.goto(page.url)
    again.wait_for_selector("html[data-ready]")
    assert selected(again) == selected(page)
    assert view(again, "parallel").locator(".kept").count() == 2


@pytest.mark.slow
@needs_browser
def test_a_brush_to_the_edge_keeps_what_lies_on_it(show: Open) -> None:
    """To an end of an axis a brush is open; only beyond it does it take failures, or what doesn't exist."""
    run = report()
    page = show(run)
    brush(page, "error", 0.5, 1.03)
    low, high, missing = ends(page, "error")
    assert (high, missing) == (float("inf"), False)
    assert number(selected(page)) == (run.frame["error"] >= low).sum()
    brush(page, "error", 0.5, BESIDE)
    assert number(selected(page)) == (run.frame["error"] >= low).sum() + run.frame["error"].isna().sum()
    brush(page, "error", 1.08, BESIDE + 0.03)
    assert number(selected(page)) == run.frame["error"].isna().sum()
    brush(page, "error", 0.5, 0.501)
    assert "selects" in selected(page)


@pytest.mark.slow
@needs_browser
def test_what_does_not_exist_has_a_place_of_its_own(show: Open) -> None:
    """A conditional dimension's empty cells lie below its axis, and a brush there selects them alone."""
    frame = report().frame.assign(heads=lambda f: pd.Series([2.0, None, 4.0] * 16), one=[3.0, None] * 24)
    run = report(frame=frame, dimensions=("heads", "one", "depth_1"))
    page = show(run)
    brush(page, "heads", NOWHERE - 0.03, NOWHERE + 0.04)
    assert number(selected(page)) == frame["heads"].isna().sum() == 16
    assert "doesn't exist" in view(page, "parallel").inner_text()
    again = page.context.new_page()
    again.goto(page.url)
    again.wait_for_selector("html[data-ready]")
    assert number(selected(again)) == 16
    brush(page, "heads", NOWHERE - 0.03, 0.5)
    assert number(selected(page)) == (frame["heads"].isna() | (frame["heads"] <= 3)).sum()
    page.get_by_role("button", name="show all").click()
    brush(page, "one", 0.3, 1.1)
    assert number(selected(page)) == frame["one"].notna().sum()


@pytest.mark.slow
@needs_browser
def test_axes_are_moved_chosen_and_filtered_by_the_keyboard(show: Open) -> None:
    """Arrow keys move an axis and keep the focus, inputs below it select, a box adds an axis; the address has them."""
    run = report()
    page = show(run)
    view(page, "parallel")
    before = axes(page)
    assert before[-1] == "error"
    assert len(before) <= 12
    page.locator(f".axis[data-column={before[0]}] .name").focus()
    page.keyboard.press("ArrowRight")
    assert axes(page)[:2] == [before[1], before[0]]
    page.keyboard.press("ArrowRight")
    assert axes(page)[2] == before[0]
    column = run.frame[before[0]]
    editor = page.locator(".parallel .editor")
    editor.locator("input").first.fill(str(column.median()))
    editor.locator("input").first.press("Enter")
    editor.locator("input").first.blur()
    assert number(selected(page)) == (column >= column.median()).sum()
    page.locator(f".axis[data-column={before[0]}] .name").focus()
    page.keyboard.press("Delete")
    assert "selects" in selected(page)
    page.locator(".parallel .chooser summary").press("Enter")
    page.locator(".parallel .choices input[data-column=parameters]").press("Space")
    assert axes(page)[-2:] == ["parameters", "error"]
    again = page.context.new_page()
    again.goto(page.url)
    again.wait_for_selector("html[data-ready]")
    view(again, "parallel")
    assert axes(again) == axes(page)
    again.goto(page.url.split("#")[0] + "#axis=error&axis=nothing&axis=depth_1")
    settled(again)
    assert axes(again) == ["error", "depth_1"]


@needs_browser
def test_a_line_under_the_pointer_says_what_it_is_and_a_click_opens_it(show: Open) -> None:
    """Near a line the page names its network, a click opens it, and its line is brought out."""
    page = show()
    box = view(page, "parallel")
    spines = [box.locator(".axis .spine").nth(place).bounding_box() for place in (0, 1)]
    words = "(v => (v.axes[0].shares[7] + v.axes[1].shares[7]) / 2)"
    share = page.evaluate(f"{words}(runOf(shown()).views.find(v => v.box.dataset.view === 'parallel').view)")
    assert spines[0]
    assert spines[1]
    x = (spines[0]["x"] + spines[1]["x"]) / 2
    y = spines[0]["y"] + (1 - share) * spines[0]["height"]
    page.mouse.move(x, y)
    named = page.locator(".tip strong").inner_text().split(" ")[1]
    page.mouse.click(x, y)
    page.locator("#details h2", has_text=f"Trial {named}").wait_for()
    assert f"trial={named}" in page.url
    assert box.locator(".over path").count() >= 1


@needs_browser
def test_paper_shows_all_axes(show: Open) -> None:
    """On paper the axes share the sheet's width, where a narrow screen scrolls."""
    page = show(width=400)
    wide = "b => [b.querySelector('.scroll').clientWidth, b.querySelector('.scroll').scrollWidth]"
    seen, whole = view(page, "parallel").evaluate(wide)
    assert whole > seen
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    seen, whole = view(page, "parallel").evaluate(wide)
    assert whole <= seen


@needs_browser
def test_an_axis_is_moved_by_dragging_its_name(show: Open) -> None:
    """An axis stands where its name is dropped, and its lines with it."""
    page = show()
    view(page, "parallel")
    before = axes(page)
    first, third = (page.locator(f".axis[data-column={name}] .name").bounding_box() for name in (before[0], before[2]))
    assert first
    assert third
    page.mouse.move(first["x"] + first["width"] / 2, first["y"] + 30)
    page.mouse.down()
    page.mouse.move(third["x"] + third["width"] / 2, third["y"] + 30, steps=5)
    page.mouse.up()
    assert axes(page)[:3] == [before[1], before[2], before[0]]


@pytest.mark.slow
@needs_browser
def test_parallel_coordinates_of_ten_thousand_draw_a_sample(show: Open) -> None:
    """At most 2,000 lines are drawn, and the page says so."""
    small = report(each=20)
    rows = small.frame.iloc[[i % len(small.frame) for i in range(10_000)]].assign(trial=range(10_000))
    page = show(report(frame=rows, total=10_000))
    box = view(page, "parallel")
    assert "1,500 of 10,000 lines are drawn" in box.inner_text()


@pytest.mark.slow
@needs_browser
def test_cells_of_two_dimensions_hold_the_medians_of_the_selection(show: Open) -> None:
    """Each cell's number and median equal pandas on the selected rows, failures as the worst; others are empty."""
    run = report()
    page = show(run)
    page.goto(page.url + "#space=AnyNetX_A_3&space=AnyNetX_B_3")
    box = view(page, "pairs")
    box.get_by_label("Columns", exact=True).select_option("space")
    box.get_by_label("Rows", exact=True).select_option("bottleneck_1")
    settled(page)
    rows = run.frame[run.frame["space"].isin(["AnyNetX_A_3", "AnyNetX_B_3"])]
    there = rows["bottleneck_1"].map(lambda value: "doesn't exist" if pd.isna(value) else f"{value:g}")
    rows = rows.assign(error=rows["error"].fillna(9), there=there)
    heads, found = box.locator("thead th").all_inner_texts(), {}
    for line in box.locator("tbody tr").all():
        name, *texts = line.locator("th, td").all_inner_texts()
        found |= {(name, space): text for space, text in zip(heads, texts, strict=True)}
    groups = rows.groupby(["there", "space"])["error"]
    assert {key for key, text in found.items() if text != "no network"} == set(groups.groups)
    for key, errors in groups:
        middle = errors.median()
        assert found[key].split() == [f"{100 * middle:.1f}" if middle < 1 else "failed", str(len(errors))]
    box.locator("tbody strong").first.hover()
    assert "lowest error" in page.locator(".tip").inner_text()


@pytest.mark.slow
@needs_browser
def test_importance_and_efficiency_show_the_numbers_of_the_analysis(show: Open) -> None:
    """Shares and expected errors are those of Python, and no selection moves them."""
    run = report(X3[:2], each=24)
    page = show(run)
    box = view(page, "importance")
    assert "24 networks." in box.inner_text()
    assert "less than five networks" in box.inner_text()
    rows = run.frame[run.frame["space"] == "AnyNetX_B_3"]
    varying = [name for name in run.dimensions if rows[name].nunique(dropna=False) > 1]
    first = importances(rows, varying, resamples=1)[0]
    table = box.get_by_role("table", name="AnyNetX_B_3")
    assert table.locator("tr").first.inner_text().split("\t")[0] == first.column.replace("_", " ")
    assert table.locator("tr td.number").first.inner_text().startswith(f"{100 * first.share.estimate:.0f} % (")
    before = box.inner_text()
    curve = view(page, "efficiency")
    curve.locator("summary").click()
    curve.locator("tbody tr").first.wait_for()
    said = curve.locator("tbody tr").all_inner_texts()
    expected = efficiency(edfs(rows, guess=0.9)[0])
    ends = expected.best[1]
    percents = [f"{100 * value:.2f} %" for value in (ends.estimate, ends.low, ends.high)]
    assert ["AnyNetX_B_3", "2", *percents, "24"] in [line.split("\t") for line in said]
    page.evaluate("runOf(shown()).model.set('error', range(0, 0.2))")
    assert view(page, "importance").inner_text() == before
    assert curve.locator("tbody tr").all_inner_texts() == said


@pytest.mark.slow
@needs_browser
def test_too_few_networks_have_no_importance(show: Open) -> None:
    """Below 20 networks of a space the page says why there is none; an adaptive run has neither part."""
    page = show()
    assert "importance needs at least 20 networks, got 16" in view(page, "importance").inner_text()
    page = show(report(origin=Origin(sampler="tpe", draws=1)))
    assert page.locator("[data-view=importance], [data-view=efficiency]").count() == 0


@pytest.mark.slow
@needs_browser
def test_searches_are_drawn_with_their_bands(show: Open) -> None:
    """A strategy is a line of its numbers with name and n, its band is clipped to the axis, one search has none."""
    spent, mean = [1e6, 2e6, 3e6], [0.3, 0.2, 0.15]
    curves = [
        {"name": "random", "n": 3, "spent": spent, "mean": mean, "low": [0.28, 0.18, 0.01], "high": [0.9, 0.22, 0.17]},
        {"name": "tpe", "n": 1, "spent": spent, "mean": [0.3, 0.16, 0.12], "low": [None] * 3, "high": [None] * 3},
    ]
    story = Story(headline="Nothing is decided", lines=(), how=())
    numbers = {"title": "lowest error", "compute": "compute: multiply-adds", "curves": curves}
    ends = Table(title="lowest error", header=("strategy", "in the end"), rows=(("random", "15 %"), ("tpe", "12 %")))
    compared = Compared(story=story, tables=(ends,), curves=(numbers,))
    page = show(replace(report(frame=table([]), total=0, curves={}), spaces=("random", "tpe"), compared=compared))
    assert drawn(page, "searches", "box.data.filter(t => t.meta === 'mean').map(t => [...t.y])") == [
        curve["mean"] for curve in curves
    ]
    assert drawn(page, "searches", "box._fullLayout.yaxis.type") == "log"
    low, high = drawn(page, "searches", "box._fullLayout.yaxis.range.map(end => 10 ** end)")
    band = drawn(page, "searches", "box.data.filter(t => t.meta === 'band').map(t => [...t.y])")
    assert len(band) == 2
    assert all(low - 1e-9 <= value <= high + 1e-9 for line in band for value in line)
    box = view(page, "searches")
    assert "random (3)" in box.locator(".note").first.inner_text()
    box.locator("summary").click()
    assert box.locator("tbody tr").first.inner_text().split("\t") == ["random", "30.00 %", "20.00 %", "15.00 %"]


def test_what_only_failed_was_not_searched() -> None:
    """A space without a trained network, or with fewer than eight, has no expected best."""
    errors = [0.1 + 0.01 * i for i in range(8)]
    sample = (
        edf(errors, name="a", guess=0.9),
        edf([np.inf] * 9, name="b", guess=0.9),
        edf([0.1] * 7, name="c", guess=0.9),
    )
    assert [(curve["name"], curve["draws"]) for curve in searched(sample)] == [("a", (1, 2))]


def test_importance_of_many_networks_is_sampled() -> None:
    """Of 3,000 networks of a space 300 are enough, drawn in the same way each time, and the numbers say so."""
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({"space": "a", "x": generator.random(3000), "y": generator.random(3000), "z": 1})
    frame["error"] = 0.2 + 0.1 * frame["x"]
    frame.loc[0, "y"] = np.inf
    numbers = importance(frame, ("x", "y", "z"))
    (space,) = numbers["spaces"]
    assert (space["n"], space["all"]) == (300, 3000)
    assert [column["title"] for column in space["columns"]] == ["x", "y"]
    assert space["columns"][0]["share"][0] > 0.9
    assert numbers == importance(frame, ("x", "y", "z"))


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1400, "light")])
def test_views_of_hostile_names_fit(show: Open, width: int, scheme: str) -> None:
    """Names that are markup, blank, very long or an object's own are text in every view, and nothing is cut off."""
    names = ("<img src=x onerror=alert(1)>", "__proto__", "constructor", "long " * 60, " ", "\u202eright")
    frame = report(each=24).frame.assign(**{name: [float(i % 7) for i in range(72)] for name in names})
    frame["space"] = frame["space"].replace({"AnyNetX_A_3": names[0], "AnyNetX_B_3": names[3]})
    page = show(report(frame=frame, dimensions=(*names, "depth_1"), total=72), width=width, scheme=scheme)
    for name in ("parallel", "pairs", "importance", "efficiency"):
        assert view(page, name).inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert set(names) <= set(axes(page))
    view(page, "pairs").get_by_label("Rows", exact=True).select_option("__proto__")
    brush(page, "__proto__", 0.5, 1.1)
    assert f"{(frame['__proto__'] >= 3).sum()} of 72 networks are selected" in view(page, "parallel").inner_text()
