"""Points on a canvas over plotly's axes lie where these say, whatever happens to the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.analysis.selection import networks_of
from nas.findings.wording.numbers import measured
from nas.page.page import html
from tests.page.test_page import drawn, needs_browser, report, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, needs_browser]
Open = Callable[..., "Page"]
APART = """() => {
  const sheets = [...document.querySelectorAll("canvas.cloud")].filter((sheet) => sheet.clientWidth);
  return Math.max(...sheets.flatMap((sheet) => {
    const parts = [sheet, sheet.parentElement.querySelector(".nsewdrag")];
    const [own, axes] = parts.map((part) => part.getBoundingClientRect());
    return ["x", "y", "width", "height"].map((side) => Math.abs(own[side] - axes[side]));
  }));
}"""
"""Pixels by which a canvas and the axes below it are apart at most."""
WHERE = """(() => {
  const { sheet, place, traces } = box.figure.canvas;
  const ground = sheet.getBoundingClientRect();
  const { x, y } = traces.find((trace) => trace.customdata?.length);
  return [ground.x + place[0](x[0]), ground.y + place[1](y[0])];
})()"""
"""Where a point of a cloud is on the screen."""
BELOW = """(box, [clientX, clientY]) => {
  const row = box.figure.canvas.nearest({ clientX, clientY });
  return row === undefined ? null : box.figure.hover(row)[0];
}"""
"""The first line of the label of what is at a place."""


def test_points_stay_on_their_axes_in_other_windows_and_after_printing(show: Open) -> None:
    """The canvas lies on the area of plotly's axes, in a smaller window and when a printed page is looked at again."""
    page = show()
    drawn(page, "costs", "1")
    assert page.evaluate(APART) < 1.5
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_timeout(400)
    drawn(page, "costs", "1")
    assert page.evaluate(APART) < 1.5
    page.pdf()
    settled(page)
    assert page.evaluate(APART) < 1.5


def test_points_stay_on_their_axes_behind_another_tab(show: Open, tmp_path: Path) -> None:
    """A window that grows while another run is shown, and then this one."""
    page = show()
    both = tmp_path / "both.html"
    both.write_text(html([report(), report()]))
    page.goto(both.as_uri())
    page.wait_for_selector("html[data-ready]")
    drawn(page, "costs", "1")
    page.locator("[role=tab]").nth(1).click()
    page.set_viewport_size({"width": 760, "height": 900})
    page.wait_for_timeout(400)
    page.locator("[role=tab]").nth(0).click()
    drawn(page, "costs", "1")
    assert page.evaluate(APART) < 1.5


def test_axes_cannot_be_dragged_from_under_their_points(show: Open) -> None:
    """A drag over the labels of an axis leaves its ends as they are."""
    page = show()
    ends = "JSON.stringify([box.layout.xaxis.range, box.layout.yaxis.range])"
    before = drawn(page, "costs", ends)
    area = page.locator("[data-view=costs] .nsewdrag").first.bounding_box()
    assert area
    for dx, dy in ((0.5 * area["width"], area["height"] + 12), (-20, 0.5 * area["height"])):
        page.mouse.move(area["x"] + dx, area["y"] + dy)
        page.mouse.down()
        page.mouse.move(area["x"] + dx + 40, area["y"] + dy + 40, steps=4)
        page.mouse.up()
    settled(page)
    assert drawn(page, "costs", ends) == before


def test_a_selection_from_zero_is_drawn_on_a_logarithmic_axis(show: Open) -> None:
    """Its rectangle begins beyond the left end."""
    page = show()
    page.goto(page.url.split("#")[0] + "#multiply_adds=0..1000000")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    drawn(page, "costs", "1")
    corner = "box.figure.canvas.sheet.getContext('2d').getImageData(2, 2, 1, 1).data[3]"
    assert drawn(page, "costs", corner) > 0
    page.goto(page.url.split("#")[0] + "#multiply_adds=100000000..1000000000000")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert drawn(page, "costs", corner) == 0


def test_the_panel_knows_what_the_list_knows_of_a_network_with_several_trainings(show: Open) -> None:
    """Mean, ± and number of trainings are the same in both, also where one of the trainings failed."""
    frame = report().frame
    again = frame.assign(repeat=[0, 1] * (len(frame) // 2), architecture=[f"n{i // 2}" for i in range(len(frame))])
    again["space"] = again["space"].iloc[0]
    best = int(again["error"].idxmin())
    again.loc[best ^ 1, ["error", "outcome"]] = [None, "diverged"]
    again.attrs["guess"] = 0.9
    found = networks_of(again, 10_000).loc[best]
    assert found["trainings"] == 2
    page = show(report(frame=again, validating=10_000))
    page.evaluate(f"runOf(shown()).model.choose({best})")
    settled(page)
    words = page.locator("#details").inner_text()
    assert measured(found["mean"], found["half"]) in re.sub(r"\s", " ", words)
    assert "2 trainings" in words


def test_the_label_follows_what_a_redraw_brings_below_the_pointer(show: Open) -> None:
    """Where its point has moved away a label goes, or names the point that has come."""
    page = show()
    box = "[data-view=column] .js-plotly-plot"
    menu = page.locator("section:visible [data-view=column] select").first
    names = menu.locator("option").evaluate_all("options => options.map((option) => option.value)")
    x, y = drawn(page, "column", WHERE)
    page.mouse.move(x, y)
    tip = page.locator(".tip")
    assert tip.is_visible()
    for name in reversed(names):
        menu.select_option(name)
        settled(page)
        below = page.locator(f"section:visible {box}").first.evaluate(BELOW, [x, y])
        assert (tip.locator("strong").inner_text() if tip.is_visible() else None) == below
