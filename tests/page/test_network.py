"""The panel of networks in a real browser, and the stairs that it draws."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from nas.layers import cost
from nas.models.formats.source import network_source
from tests.page.test_page import HOSTILE, INPUTS, Open, browser, needs_browser, report, settled, show, trials, usual

__all__ = ["browser", "show", "usual"]
VIOLATIONS = """async () => {
  const scrolls = [...document.querySelectorAll('#details *')].filter((e) =>
    ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1);
  return scrolls.filter((e) => e.tabIndex < 0).map((e) => e.className);
}"""


def pictured(**changes: Any) -> Any:
    """A run whose networks all have their stairs, and a folder to fetch them from."""
    first = dict(list(report().networks.items())[:2])
    own: dict[str, Any] = {"folder": "'my run'", "validating": 10_000, "networks": first}
    return report(**own | changes)


@needs_browser
def test_one_network_has_picture_rank_curve_and_lines(show: Open) -> None:
    """The panel shows widths, rank with ±, curve, the layer table or its command, and what brings the network home."""
    page = show(pictured())
    page.goto(page.url + "#trial=3")
    panel = page.locator("#details")
    panel.locator(".js-plotly-plot").wait_for()
    said = panel.inner_text()
    total, _, parts = str(panel.locator("svg.stairs").get_attribute("aria-label")).partition(": ")
    counts = {part: int(number) for part, number in re.findall(r"(\w+): (\d+) block", parts)}
    assert total == f"stem and {sum(counts.values()) - counts['stem']} blocks"
    assert "Rank " in said
    assert "by 10,000 validation images" in said
    assert " ± " in panel.locator(".ending strong").inner_text()
    lines = panel.locator(".copy code").all_inner_texts()
    assert lines == [
        "nas export 'my run' --trial 3 -o trial_3",
        'model = nas.load("trial_3")',
        "nas describe 'my run' --trial 3",
        "nas export 'my run' --trial 3 -o trial_3.py",
    ]
    page.goto(page.url.split("#")[0] + "#trial=0")
    panel.locator("summary", has_text="Layers").wait_for()
    assert "Convolution" in panel.inner_text()


@needs_browser
def test_the_panel_holds_the_source_of_a_best_network(show: Open) -> None:
    """The embedded source makes the very network with torch alone, also side by side; its button copies it."""
    run = pictured()
    networks = {trial: network_source(layer, INPUTS) for trial, layer in run.networks.items()}
    page = show(replace(run, sources=networks))
    page.goto(page.url + "#trial=0,1,3")
    panel = page.locator("#details")
    panel.locator("summary", has_text="Source of trial 0").click()
    assert panel.locator(".source").count() == 2
    assert panel.locator("h3", has_text="Source of trial 3").is_visible()
    source = panel.locator(".source pre").first
    names: dict[str, Any] = {"__name__": "net"}
    exec(str(source.text_content()), names)  # noqa: S102 - it is what a reader would do
    made = sum(parameter.numel() for parameter in names["Net"]().parameters())
    assert made == cost(run.networks[0], INPUTS).parameters
    panel.locator(".source button").first.click()
    panel.locator(".source button", has_text="ed").wait_for()


@pytest.mark.slow
@needs_browser
def test_a_line_is_copied_or_selected(show: Open) -> None:
    """The button beside a line copies it, or selects it where the browser keeps its clipboard shut."""
    page = show(pictured())
    page.goto(page.url + "#trial=3")
    page.locator("#details .copy button").first.click()
    page.locator("#details .copy button", has_text="ed").first.wait_for()


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("width", [360, 1400])
def test_networks_side_by_side(show: Open, width: int) -> None:
    """Up to four stand beside each other, differences on demand; one is put away, Escape closes all."""
    page = show(pictured(), width=width)
    page.locator("section:visible .trials").scroll_into_view_if_needed()
    trials(page).locator("tbody tr button, tbody tr").first.click()
    panel = page.locator("#details")
    page.goto(page.url.split("#")[0] + "#trial=3,5,8,4")
    panel.locator("h2", has_text="4 networks").wait_for()
    assert panel.locator(".network").count() == panel.locator("svg.stairs").count() == 4
    rows = panel.locator(".values-of tbody tr").count()
    panel.get_by_label("only what differs").check()
    settled(page)
    assert 0 < panel.locator(".values-of tbody tr").count() < rows
    assert page.evaluate(VIOLATIONS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    panel.get_by_label("Put trial 5 away").click()
    panel.locator("h2", has_text="3 networks").wait_for()
    assert page.url.endswith("#trial=3%2C8%2C4")
    page.keyboard.press("Escape")
    settled(page)
    assert not panel.is_visible()
    assert "trial" not in page.url


@pytest.mark.slow
@needs_browser
def test_hostile_networks_are_text_in_the_panel(show: Open) -> None:
    """Names, messages and parts of strangers are shown as text in the panel of several networks."""
    page = show(pictured(space=HOSTILE, message=HOSTILE, folder=HOSTILE))
    page.goto(page.url + "#trial=3,4")
    panel = page.locator("#details")
    panel.locator(".network").nth(1).wait_for()
    assert HOSTILE in panel.inner_text()
    assert page.locator("img[src=x]").count() == 0
