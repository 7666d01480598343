"""A figure of the page as a file for a paper: alone, on white, its text as text."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import studies
from nas.errors import Missing, Refused
from nas.page.page import html
from nas.page.paper import write_figure
from tests.page.test_page import CHROMIUM, needs_browser, report

TABLE = Path(studies.__file__).parent / "results" / "anynet_ladder.csv.gz"
NAMES = ["AnyNetX_A_3", "AnyNetX_B_3", "AnyNetX_C_3", "AnyNetX_D_3", "AnyNetX_E_3", "RegNetX_3"]
A4 = pytest.approx((594.95996, 841.91998), abs=1)
"""Points of a sheet."""
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], object]]:
    """Opens the page of a usual run at an address; as narrow as a figure, in a system that prefers dark."""
    from playwright.sync_api import sync_playwright

    path = tmp_path_factory.mktemp("paper") / "page.html"
    path.write_text(html([report()]), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 640, "height": 800}, color_scheme="dark")

        def opened(address: str) -> object:
            tab = context.new_page()
            tab.goto(f"{path.as_uri()}#{address}")
            tab.wait_for_selector("html[data-figure]", state="attached")
            return tab

        yield opened
        browser.close()


@needs_browser
@pytest.mark.parametrize(("name", "plots"), [("edf", 1), ("costs", 4), ("column", 1)])
def test_the_address_leaves_one_figure(page, name: str, plots: int) -> None:  # type: ignore[no-untyped-def]
    """`#figure=NAME` leaves that figure on white with a key of all spaces; nothing is wider than the window."""
    tab = page(f"figure={name}")
    assert tab.evaluate("document.documentElement.dataset.figure") == "true"
    assert tab.locator("h2, nav, dialog, .card").count() == 0
    assert tab.locator("div.plot:visible .main-svg >> nth=0").count() == 1
    assert tab.evaluate("document.querySelectorAll('div.plot').length") == plots
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.locator(".key text").all_text_contents() == ["AnyNetX_A_3", "AnyNetX_B_3", "AnyNetX_C_3"]
    assert tab.locator("button:visible, select:visible, input:visible, p:visible").count() == 0
    assert tab.evaluate("[...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().right <= 641)")


@needs_browser
def test_nothing_is_wider_than_a_sheet(page) -> None:  # type: ignore[no-untyped-def]
    """Before it prints, a wide window draws every figure as narrow as an A4 sheet between its margins."""
    tab = page("figure=nothing")
    tab.set_viewport_size({"width": 1400, "height": 900})
    tab.goto(tab.url.split("#")[0] + "?")
    tab.wait_for_selector("html[data-ready]")
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    widths = tab.evaluate("[...document.querySelectorAll('section div.plot .main-svg')].map(e => e.clientWidth)")
    assert len(widths) > 5
    assert max(widths) <= 190 / 25.4 * 96


CUT = """[...document.querySelectorAll("main *")].filter(e => {
  if (!e.checkVisibility() || e.closest("svg, .unseen")) return false;
  const box = e.getBoundingClientRect(), clips = getComputedStyle(e).overflowX !== "visible";
  return box.right > innerWidth + 1 || box.left < -1 || (clips && e.scrollWidth > e.clientWidth + 1);
}).map(e => `${e.tagName} ${e.className}: ${e.textContent.slice(0, 60)}`)"""


@needs_browser
def test_a_sheet_cuts_nothing(page) -> None:  # type: ignore[no-untyped-def]
    """Of A4 at a printer's usual margins no table, text or figure is cut, and the page is a few sheets long."""
    tab = page("figure=nothing")
    tab.goto(tab.url.split("#")[0] + "?")
    tab.wait_for_selector("html[data-ready]")
    sheet = tab.pdf(format="A4", print_background=True)
    sheets = [tuple(map(float, size.split())) for size in re.findall(rb"/MediaBox \[0 0 ([\d. ]+)\]", sheet)]
    assert 3 < len(sheets) < 12
    assert all(size == A4 for size in sheets)
    tab.set_viewport_size({"width": 718, "height": 1000})
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("table.cells:visible, table.best:visible, .trials table:visible").count() == 3
    assert tab.locator(".entries .numbers").first.inner_text().startswith("16, mean")
    assert tab.evaluate(CUT) == []


@needs_browser
def test_a_figure_is_one_svg_with_text(page) -> None:  # type: ignore[no-untyped-def]
    """Several plots become one SVG of the window's width, each in its place, with texts that can be searched."""
    tab = page("figure=costs")
    root = ElementTree.fromstring(tab.evaluate("svgOf(document.body.firstElementChild)"))  # noqa: S314 - our own
    inner = [child for child in root if child.tag.endswith("svg")]
    assert float(root.get("width", "0")) == 640
    assert len({(child.get("x"), child.get("y")) for child in inner}) == len(inner) == 5
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"validation error (%)", "parameters", "AnyNetX_B_3"} <= {*texts}


@needs_browser
def test_a_selection_goes_with_a_figure(page) -> None:  # type: ignore[no-untyped-def]
    """The rest of the address selects, as on the page; a name without a figure is told."""
    assert page("figure=nothing").evaluate("document.documentElement.dataset.figure") == "false"
    assert page("figure=table").evaluate("document.documentElement.dataset.figure") == "false"
    tab = page("figure=edf&space=AnyNetX_A_3")
    assert tab.evaluate("runOf(shown()).model.selectedRows") == 16


@needs_browser
@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_a_figure_is_written(tmp_path: Path, ending: str) -> None:
    """A file of each kind: names of spaces in the SVG, no picture in the PDF, two pixels each in the PNG."""
    pytest.importorskip("choreographer")
    path = tmp_path / f"edf{ending}"
    write_figure("edf", path, table_files=[TABLE], width=100)
    data = path.read_bytes()
    if ending == ".svg":
        assert all(name in data.decode() for name in NAMES)
    elif ending == ".pdf":
        assert data.startswith(b"%PDF")
        assert b"/Image" not in data.replace(b"/ImageB", b"").replace(b"/ImageC", b"").replace(b"/ImageI", b"")
    else:
        assert struct.unpack(">I", data[16:20]) == (2 * 378,)


@needs_browser
def test_names_of_figures_come_with_a_refusal(tmp_path: Path) -> None:
    """A name that no figure has is refused with those that there are; nothing is written."""
    pytest.importorskip("choreographer")
    with pytest.raises(Refused, match="the page has no figure 'nothing & more'") as refusal:
        write_figure("nothing & more", tmp_path / "x.svg", table_files=[TABLE])
    assert refusal.value.hint == "it has edf, costs, column"
    assert not (tmp_path / "x.svg").exists()


def test_a_machine_without_a_browser_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where choreographer finds no Chrome, the way out is said."""
    choreographer = pytest.importorskip("choreographer")
    errors = pytest.importorskip("choreographer.errors")

    def absent() -> object:
        raise errors.ChromeNotFoundError

    monkeypatch.setattr(choreographer, "Browser", absent)
    with pytest.raises(Missing, match="there is no Chrome or Chromium on this machine") as refusal:
        write_figure("edf", tmp_path / "x.svg", table_files=[TABLE])
    assert "choreo_get_chrome" in refusal.value.hint


def test_what_a_figure_needs_is_said(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another ending, or a machine without the library, is refused with the way out."""
    assert say("figure", "edf", TABLE, "-o", tmp_path / "x.gif")[2].startswith(
        "nas: a figure is written as .svg, .pdf or .png, not 'x.gif'"
    )
    monkeypatch.setattr("nas.page.paper.find_spec", lambda name: None)
    code, _, err = say("figure", "edf", TABLE, "-o", tmp_path / "x.svg")
    assert (code, len(err.splitlines())) == (2, 2)
    assert "pip install 'nas-atlas[figure]'" in err
