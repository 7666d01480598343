"""The page for those who can't see or point: axe-core's rules, and every action by keyboard."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from nas.findings.tables import tables
from nas.page.contents import reports_of_tables
from nas.page.page import html
from tests.page.test_page import Open, drawn, needs_browser, report, selected, settled, trials

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CHROMIUM = Path("/usr/bin/chromium")
AXE = "axe-core@4.14.1"
NPM = shutil.which("npm")

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core from npm; skips where it can't be had."""
    folder = tmp_path_factory.mktemp("axe")
    if NPM is None or subprocess.run([NPM, "pack", AXE], cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip("npm can't get axe-core")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file
        return file.read().decode()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a table of two spaces."""
    folder = tmp_path_factory.mktemp("page")
    rows = range(40)
    errors = [0.1 + 0.003 * row for row in rows]
    columns = {"width": [8 + row % 7 for row in rows], "kind": ["ab"[row % 2] for row in rows]}
    costs = {"parameters": [1000 + 90 * row for row in rows]}
    frame = pd.DataFrame({"error": errors, "space": ["one", "two"] * 20, **columns, **costs})
    frame.to_csv(folder / "table.csv", index=False)
    path = folder / "page.html"
    path.write_text(html(reports_of_tables(tables([folder / "table.csv"]))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with failures and curves, of two objectives."""
    path = tmp_path_factory.mktemp("page") / "run.html"
    run = report(
        folder="run", validating=1000, objectives=("error", "parameters"), sources={3: "from torch import nn\n" * 60}
    )
    path.write_text(html([run]), encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "width", "scheme"),
    [
        ("page_file", 360, "dark"),
        ("run_file", 1400, "light"),
        pytest.param("page_file", 1400, "light", marks=pytest.mark.long),
        pytest.param("run_file", 360, "dark", marks=pytest.mark.long),
    ],
)
def test_axe_finds_nothing_serious(
    axe: str, file: str, width: int, scheme: Any, request: pytest.FixtureRequest
) -> None:
    """No rule of axe-core is broken seriously, with all of three networks open, wide and light, narrow and dark."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(request.getfixturevalue(file).as_uri())
        page.wait_for_selector("html[data-ready]")
        for view in page.locator("section [data-view]").all():
            view.scroll_into_view_if_needed()
            page.wait_for_timeout(60)
        page.add_script_tag(content=axe)
        page.evaluate("location.hash = '#trial=3,5,9'")
        page.locator("#details .network").nth(2).wait_for()
        page.locator("#details details").evaluate_all("all => all.forEach((part) => (part.open = true))")
        found = page.evaluate("axe.run()")["violations"]
        browser.close()
    assert [(v["id"], v["nodes"][0]["html"][:80]) for v in found if v["impact"] in ("serious", "critical")] == []


@pytest.mark.slow
def test_everything_is_done_by_keyboard(page_file: Path) -> None:
    """Without a pointer a space is left out, a range set, the table sorted, a network opened, all shown."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.wait_for_selector("html[data-ready]")
        page.keyboard.press("Tab")
        settled(page)
        assert page.evaluate("document.activeElement.className") == "skip"
        page.locator(".entries input").first.focus()
        page.keyboard.press("Space")
        settled(page)
        assert "space=two" in page.evaluate("location.hash")
        page.get_by_label("width from").focus()
        page.keyboard.type("10")
        page.keyboard.press("Enter")
        settled(page)
        assert "width=10.." in page.evaluate("location.hash")
        page.locator(".trials").scroll_into_view_if_needed()
        page.locator(".trials th button", has_text="error").focus()
        page.keyboard.press("Enter")
        settled(page)
        page.locator(".trials tbody button").first.focus()
        page.keyboard.press("Enter")
        settled(page)
        assert page.locator("#details").is_visible()
        page.keyboard.press("Escape")
        settled(page)
        assert not page.locator("#details").is_visible()
        page.get_by_role("button", name="show all").focus()
        page.keyboard.press("Enter")
        settled(page)
        assert page.evaluate("location.hash") == ""
        browser.close()


def pressed(page: Page, box: Locator, *keys: str) -> None:
    """Puts the focus on an element, presses keys there, and waits until all is drawn."""
    box.focus()
    for key in keys:
        page.keyboard.press(key)
    settled(page)


@needs_browser
def test_the_skip_link_leads_past_tabs_and_buttons(show: Open) -> None:
    """The first stop of the keyboard is the link to the findings; from there the next stop lies in them."""
    page = show(report(), report(title="second"))
    page.keyboard.press("Tab")
    link = page.locator(":focus")
    assert link.inner_text() == "Skip to the findings"
    assert link.bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.slow
@needs_browser
def test_networks_are_opened_and_compared_by_keyboard(show: Open) -> None:
    """A best network opens, one of the table stands beside it with Shift, only differences show, each is put away."""
    page = show(report(folder="run", validating=1000))
    best, panel = page.locator(".best tbody button").first, page.locator("#details")
    pressed(page, best, "Enter")
    assert panel.locator("h2").inner_text() == best.inner_text().capitalize()
    trials(page)
    other = page.locator(".trials tbody tr:not(.open) button").first
    pressed(page, other, "Shift+Enter")
    assert panel.locator("h2").inner_text() == "2 networks"
    rows = panel.locator(".values-of tbody tr").count()
    pressed(page, panel.get_by_label("only what differs"), "Space")
    assert 0 < panel.locator(".values-of tbody tr").count() < rows
    pressed(page, panel.locator(".network .close").first, "Enter")
    assert panel.locator(".network").count() == 1
    page.keyboard.press("Escape")
    settled(page)
    assert not panel.is_visible()
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.slow
@needs_browser
def test_filters_menus_columns_pages_and_tabs_by_keyboard(show: Open) -> None:
    """Words select, a column is added, the table turns, a figure changes its column, tabs and colours change."""
    page = show(report(each=20), report(title="second"))
    table = trials(page)
    table.locator("input[type=search]").focus()
    page.keyboard.type("diverged")
    assert "selected, of 60" in table.locator("output").inner_text() or "6 of 60" in selected(page)
    pressed(page, page.locator("section:visible").get_by_role("button", name="show all"), "Enter")
    pressed(page, table.locator(".chooser summary"), "Enter")
    columns = table.locator("th").count()
    pressed(page, table.locator(".choices label", has_text="seed").locator("input"), "Space")
    assert table.locator("th").count() == columns + 1
    pressed(page, table.locator("[data-turn=next]"), "Enter")
    assert "51–60 of 60" in table.locator("output").inner_text()
    drawn(page, "column", "1")
    menu = page.locator("section:visible [data-view=column] select")
    before = menu.input_value()
    pressed(page, menu, "ArrowDown")
    assert menu.input_value() != before
    title = drawn(page, "column", "box.layout.xaxis.title.text")
    assert title.split(" (")[0] == menu.locator("option:checked").inner_text()
    pressed(page, page.locator("section:visible [data-view=edf] summary"), "Enter")
    assert page.locator("section:visible [data-view=edf] .numbers tbody tr").count() == 3
    pressed(page, page.locator(".scheme"), "Enter")
    assert page.evaluate("document.documentElement.dataset.scheme") == "dark"
    pressed(page, page.get_by_role("tab").first, "ArrowRight")
    assert page.locator(".title:visible").inner_text() == "second"
    assert page.evaluate("document.activeElement.textContent") == "second"
