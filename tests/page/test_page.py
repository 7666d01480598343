"""The page of a run in a real browser: what it shows, that it asks nobody for anything, that it obeys clicks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from nas.analysis import edfs
from nas.findings.wording import numbers as texts
from nas.layers import cost, identity
from nas.layers.staircases import stairs
from nas.page.page import html
from nas.page.report import Report
from nas.sampling.window import Shift, Window
from nas.space import Space
from nas.space.distribution import Distribution
from nas.study.record import Epoch, Origin, Outcome, Record
from nas.study.table import table
from spaces.anynet import X3

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = Path("/usr/bin/chromium")
INPUTS = (1, 28, 28)
HOSTILE = "</script><img src=x onerror=alert(1)>"
Open = Callable[..., "Page"]
needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium")


def record(of: Space, trial: int, rng: np.random.Generator, **changes: Any) -> Record:
    """A trial as a run would record it; its error is invented from its depth."""
    distribution = Distribution(of)
    point = distribution.points(rng.random((1, len(distribution.names))))[0]
    architecture = of.architecture(point)
    network = architecture.network(INPUTS, 10)
    final = 0.08 + 0.002 * int(architecture.facts()["blocks"]) + 0.05 * rng.random() ** 2
    curve = tuple(Epoch(number=i, loss=2 / i, error=final + 0.3 / i - 0.1, seconds=2.0) for i in (1, 2, 3))
    failed = trial % 10 == 4
    known = Record(
        trial=trial,
        space=of.name,
        architecture=identity(network),
        point=point,
        facts=dict(architecture.facts()),
        cost=cost(network, INPUTS),
        origin=Origin(sampler="random", draws=3),
        seed=int(rng.integers(2**62)),
        outcome=Outcome.DIVERGED if failed else Outcome.COMPLETED,
        message="loss is nan" if failed else "",
        curve=curve[:1] if failed else curve,
        seconds=6.5 + trial,
        images_per_second=12_345.0,
    )
    return replace(known, **changes)


def report(spaces: tuple[Space, ...] = X3[:3], each: int = 16, **changes: Any) -> Report:
    """A run of these spaces; changes apply to every record but for those of Report itself."""
    rng = np.random.default_rng(1)
    own = {name: changes.pop(name) for name in list(changes) if name in Report.__dataclass_fields__}
    records = [record(spaces[t % len(spaces)], t, rng, **changes) for t in range(each * len(spaces))]
    points = {r.trial: spaces[r.trial % len(spaces)].architecture(r.point) for r in records}
    networks = {trial: architecture.network(INPUTS, 10) for trial, architecture in points.items()}
    shifts = (Shift(dimension="width_1", mean_quantile=0.3, distance=0.4),)
    settings: dict[str, Any] = {
        "title": "anynet ladder",
        "question": "Do the rules of AnyNet help?",
        "settings": {"data": "fashion-mnist", "epochs": "3"},
        "classes": 10,
        "inputs": INPUTS,
        "total": len(records),
        "frame": table(records),
        "dimensions": tuple(dict.fromkeys(name for space in spaces for name in space.dimensions)),
        "windows": (Window(space=spaces[0].name, draws=99, accepted=9, refused={"shape": 90}, shifts=shifts),),
        "curves": {r.trial: r.curve for r in records},
        "networks": networks,
        "stairs": {trial: stairs(network, INPUTS) for trial, network in networks.items()},
    }
    return Report(**settings | own)


@pytest.fixture(scope="module")
def usual() -> str:
    """The page of a usual run."""
    return html([report()])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def show(browser: Browser, usual: str, tmp_path: Path) -> Iterator[Open]:
    """Opens a page of reports, or of the usual one; afterwards it must have logged no error and asked no host."""
    faults: list[str] = []
    contexts = []

    def opened(*reports: Report, width: int = 1400, scheme: Any = "light") -> Page:
        path = tmp_path / "page.html"
        path.write_text(html(reports) if reports else usual, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else faults.append(r.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def settled(page: Page) -> None:
    """Waits until what the last click or key changed is drawn: that happens in the next frames."""
    page.evaluate(
        "new Promise(done => { const wait = () => requestAnimationFrame(() => shown() && runOf(shown()).later ? wait() "
        ": done()); requestAnimationFrame(wait); })"
    )


def drawn(page: Page, figure: str, expression: str) -> Any:
    """A value of a view's first figure, which the expression calls `box`; the view is brought on screen."""
    middle = "box => box.scrollIntoView({block: 'center'})"
    page.locator(f"section:visible [data-view={figure}]").first.evaluate(middle)
    plot = page.locator(f"section:visible [data-view={figure}] .js-plotly-plot").first
    plot.wait_for()
    plot.evaluate(middle)
    settled(page)
    return plot.evaluate(f"box => {expression}")


def selected(page: Page) -> str:
    """What the page says of the selection, once it is drawn."""
    settled(page)
    return page.locator("section:visible .state output").inner_text()


def drag(page: Page, figure: str, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """Drags over the first figure of a view, from one place to another in shares of its area."""
    drawn(page, figure, "1")
    box = page.locator(f"section:visible [data-view={figure}] .nsewdrag").first.bounding_box()
    assert box
    for x, y, act in ((*start, page.mouse.down), (*stop, page.mouse.up)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        act()
    page.wait_for_url(re.compile("#.*="))


def heading(page: Page, name: str) -> Locator:
    """The button that sorts the table of trials by a column."""
    return page.locator(".trials th button", has_text=re.compile(f"^{name}$"))


def trials(page: Page) -> Locator:
    """The table of trials of the shown run, brought on screen and drawn."""
    shown = page.locator("section:visible .trials")
    shown.scroll_into_view_if_needed()
    shown.locator("tbody tr").first.wait_for()
    settled(page)
    return shown


def cells(page: Page, column: int) -> list[str]:
    """Texts of one column of the table of trials, as shown."""
    return trials(page).locator(f"tbody tr td:nth-child({column})").all_inner_texts()


ARMS = ("plain", "norm", "norm, factorised", "norm, residual_and_very_long_names")


@needs_browser
def test_many_arms_with_long_names_fit(show: Open) -> None:
    """No table of ten arms is cut, and figures keep room for their points."""
    arms = [X3[0].named(f"{arm} label_smoothing={value}") for arm in ARMS for value in (0, 0.1)]
    page = show(report((*arms, X3[0], X3[1]), each=4))
    cut = "boxes => boxes.map(b => [b.firstElementChild.className, b.scrollWidth - b.clientWidth])"
    over = dict(page.locator("section > .card > .scroll").evaluate_all(cut))
    assert {name: over[name] for name in ("windows", "best")} == {"windows": 0, "best": 0}
    for figure in ("edf", "costs"):
        assert drawn(page, figure, "box._fullLayout._size.h") >= 200


@needs_browser
def test_page_shows_every_part(show: Open) -> None:
    """All parts of a finished run are drawn, and the EDF has one line a space."""
    page = show()
    assert drawn(page, "edf", "box.data.filter(t => t.meta === 'edf').length") == 3
    assert drawn(page, "costs", "box.figure.whole.data.filter(t => t.meta === 'front').length") == 1
    assert page.locator("[data-view=costs] .plot").count() == 4
    assert drawn(page, "curves", "box.data.filter(t => t.meta === 'curve').length") == 10
    assert page.locator(".matrix td.untested").count() == 3
    assert page.locator(".best tbody tr").count() == page.locator("figure [data-view=stairs]").count() == 10
    assert "The best of 43 networks has" in page.locator("h1").inner_text()
    assert "5 failures (5 diverged: the loss exploded" in page.locator(".how").inner_text()


@pytest.mark.slow
@needs_browser
def test_hover_shows_the_architecture_and_click_opens_it(show: Open) -> None:
    """A point says which network it is, and a click on it opens the details of that network."""
    page = show()
    assert drawn(page, "costs", "1")
    x, y = page.evaluate(
        """() => {
          const {canvas, whole} = document.querySelector("[data-view=costs] .plot").figure;
          const ground = canvas.sheet.getBoundingClientRect(), trace = whole.data.find(({mode}) => mode === "markers");
          return [ground.x + canvas.place[0](trace.x[3]), ground.y + canvas.place[1](trace.y[3])];
        }"""
    )
    page.mouse.move(x, y)
    label = page.locator(".tip")
    label.wait_for()
    words = str(label.text_content())
    assert all(word in words for word in ("trial", "AnyNetX", "depths: ", "widths: ", "multiply-adds", "error"))
    page.mouse.click(x, y)
    settled(page)
    title = page.locator("#details h2").inner_text()
    assert f"{title.lower()} ·" in words


@pytest.mark.slow
@needs_browser
def test_a_drag_selects_for_all_views_and_the_address_keeps_it(show: Open) -> None:
    """Counts after a brush equal pandas on the same rows, and a fresh page of that address shows the same."""
    run = report()
    page = show(run)
    drag(page, "costs", (0.1, 0.3), (0.6, 0.98))
    said = selected(page)
    assert said.startswith("Selected")
    ends = [part.split("..") for part in re.findall(r"=([^&]+)", page.url)]
    (low, high), (least, most) = [(float(low), float(high)) for low, high in ends]
    rows = run.frame[run.frame["multiply_adds"].between(low, high) & run.frame["error"].between(least, most)]
    assert 0 < len(rows) < len(run.frame)
    assert said == f"Selected by looking: {len(rows)} of {len(run.frame)} networks"
    assert f"of {len(rows)} selected" in trials(page).locator("output").inner_text()
    again = page.context.new_page()
    again.goto(page.url)
    again.wait_for_selector("html[data-ready]")
    assert selected(again) == said
    page.get_by_role("button", name="show all").click()
    assert "selects" in selected(page)
    assert "#" not in page.url


@pytest.mark.slow
@needs_browser
def test_a_change_is_drawn_over_several_frames(show: Open) -> None:
    """Views that take long share no frame, so that the page hears what comes next; the one pointed at is the first."""
    page = show()
    page.locator("[data-view=rail]").hover()
    settled(page)
    page.evaluate(
        """() => {
          window.drawn = []; window.frame = 0;
          const next = () => { frame++; requestAnimationFrame(next); };
          next();
          for (const { box, view } of runOf(shown()).views) view.draw = () => {
            drawn.push([box.dataset.view, frame]);
            for (const end = performance.now() + 50; performance.now() < end; );
          };
          for (const each of runOf(shown()).views) each.near = true;
          runOf(shown()).model.set("error", range(0, 0.2));
        }"""
    )
    settled(page)
    drawn_ = page.evaluate("drawn")
    assert drawn_[0][0] == "rail"
    assert len(drawn_) > 5
    frames = [frame for _, frame in drawn_]
    assert len(set(frames)) == len(frames)


@needs_browser
def test_the_legend_keeps_spaces_and_says_means(show: Open) -> None:
    """A check box leaves a space out of every view, and its means are those of pandas, failures as guessing."""
    run = report()
    page = show(run)
    mean = run.frame.loc[run.frame["space"] == "AnyNetX_B_3", "error"].fillna(0.9).mean()
    assert f"mean {100 * mean:.2f} %" in page.locator(".entries label", has_text="AnyNetX_B_3").inner_text()
    page.locator(".entries label", has_text="AnyNetX_A_3").locator("input").uncheck()
    assert selected(page) == "Selected by looking: 32 of 48 networks"
    assert "space=AnyNetX_B_3&space=AnyNetX_C_3" in page.url


@needs_browser
def test_trainings_are_counted_apart_from_networks(show: Open) -> None:
    """Where networks were trained with several seeds the legend counts both; points, lines, cells are trainings."""
    frame = report().frame
    networks = len(frame) // 2
    twice = pd.concat([frame.iloc[:networks]] * 2, ignore_index=True).assign(repeat=[0] * networks + [1] * networks)
    twice["architecture"] = [f"n{i % networks}" for i in twice.index]
    twice["trial"] = twice.index
    page = show(report(frame=twice))
    assert f"{len(frame)} trainings of {networks} networks; dragging over a figure selects" in page.inner_text("body")
    drawn(page, "costs", "1")
    words = page.inner_text("body")
    assert all(
        said in words for said in ("Every point is a training", "Every line is a training", "selected trainings")
    )
    assert not re.search("Every (point|line) is a network", words)
    name = page.locator("[data-view=column] [role=img]").get_attribute("aria-label")
    assert "trainings" in str(name)


@pytest.mark.slow
@needs_browser
def test_histograms_select_by_pointer_and_keyboard(show: Open) -> None:
    """Ends that are written select what pandas finds, and so does a drag."""
    run = report()
    page = show(run)
    page.locator("[data-view=rail]").scroll_into_view_if_needed()
    start = page.get_by_label("depth 1 from")
    start.fill("3")
    start.press("Enter")
    rows = run.frame[run.frame["depth_1"] >= 3]
    assert selected(page) == f"Selected by looking: {len(rows)} of {len(run.frame)} networks"
    end = page.get_by_label("error (%) to")
    end.fill("14")
    end.press("Enter")
    rows = rows[rows["error"] <= 0.14]
    assert selected(page) == f"Selected by looking: {len(rows)} of {len(run.frame)} networks"
    box = page.locator(".rail svg").nth(2).bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20, steps=4)
    page.mouse.up()
    settled(page)
    assert "depth_2=" in page.url


@pytest.mark.slow
@needs_browser
def test_error_against_any_column(show: Open) -> None:
    """Numbers stand to scale with medians of each space, texts as categories; a drag over categories selects them."""
    page = show()
    drawn(page, "column", "1")
    menu = page.locator("[data-view=column] select")
    menu.select_option("bottleneck_1")
    assert drawn(page, "column", "box.layout.xaxis.title.text") == "bottleneck 1"
    assert drawn(page, "column", "box.layout.xaxis.type") in ("linear", "log")
    menu.select_option("bottlenecks" if "bottlenecks" in menu.inner_html() else "outcome")
    assert drawn(page, "column", "box.layout.xaxis.ticktext.length > 1")
    drag(page, "column", (0.02, 0.05), (0.5, 0.95))
    assert selected(page).startswith("Selected")


@pytest.mark.slow
@needs_browser
def test_expressions_columns_and_csv(show: Open, tmp_path: Path) -> None:
    """An expression selects for all views, a fault in one says why, columns are chosen, the selection is saved."""
    run = report()
    page = show(run)
    table_ = trials(page)
    search = table_.locator("input[type=search]")
    search.fill("error < 14% and blocks > 10")
    rows = run.frame[(run.frame["error"] < 0.14) & (run.frame["blocks"] > 10)]
    assert 0 < len(rows) < len(run.frame)
    assert selected(page) == f"Selected by looking: {len(rows)} of {len(run.frame)} networks"
    with page.expect_download() as download:
        table_.locator("[data-csv]").click()
    download.value.save_as(tmp_path / "selection.csv")
    saved = pd.read_csv(tmp_path / "selection.csv")
    assert saved["trial"].tolist() == rows["trial"].tolist()
    assert saved["error"].tolist() == rows["error"].tolist()
    search.fill("blocks >")
    settled(page)
    assert "what?" in table_.locator(".fault").inner_text()
    table_.locator(".chooser summary").click()
    before = table_.locator("th").count()
    table_.locator(".choices label", has_text="seed").locator("input").check()
    settled(page)
    assert table_.locator("th").count() == before + 1


@needs_browser
def test_a_button_turns_light_into_dark(show: Open) -> None:
    """The page and its figures change their colours by a button, whatever the system prefers."""
    page = show()
    page.get_by_role("button", name="in dark colours").click()
    assert drawn(page, "edf", "box.layout.font.color") == "#e5e8ec"
    page.get_by_role("button", name="in light colours").click()
    assert drawn(page, "edf", "box.layout.font.color") == "#1b2027"


@pytest.mark.slow
@needs_browser
def test_few_networks_are_dots_and_a_pointed_space_has_a_band(show: Open) -> None:
    """Below eight networks a space is a strip of dots; the band of a space is drawn while it is pointed at."""
    page = show(report(each=4))
    assert drawn(page, "edf", "box.data.map(t => t.meta)") == ["strip"] * 3
    assert "fewer than 8" in page.locator("[data-view=edf] .says").inner_text()
    page = show()
    assert drawn(page, "edf", "box.data.filter(t => t.meta === 'band').length") == 0
    page.locator(".entries input").first.focus()
    selected(page)
    assert drawn(page, "edf", "box.data.filter(t => t.meta === 'band').length") == 2
    assert drawn(page, "edf", "box.layout.annotations.length") == 3


@needs_browser
def test_what_learned_nothing_counts_as_failed(show: Open) -> None:
    """A network that isn't better than guessing ends the line of its space below 100 %, as in the analysis."""
    run = report(X3[:1])
    rows = run.frame.assign(error=run.frame["error"].where(run.frame["trial"] != 1, 0.89))
    page = show(report(X3[:1], frame=rows))
    sample = edfs(rows, guess=0.9)[0]
    assert sample.failures == 3
    last = drawn(page, "edf", "box.data.find(t => t.meta === 'edf').y.at(-1)")
    assert last == pytest.approx(1 - sample.failures / sample.n)
    assert f"mean {100 * sample.mean:.2f} %" in page.locator(".entries label").inner_text()


@pytest.mark.slow
@needs_browser
def test_an_address_opens_a_network_or_a_part(show: Open) -> None:
    """`#trial=3` opens that network, and the part of a second run shows that run."""
    page = show(report(), report(X3[2:4], title="second"))
    page.goto(page.url.split("#")[0] + "#trial=3")
    page.locator("#details h2", has_text="Trial 3").wait_for()
    page.goto(page.url.split("#")[0] + "#run-2-trials")
    page.locator(".title:visible", has_text="second").wait_for()
    page.goto(page.url.split("#")[0] + "#run=2&trial=5")
    page.locator("#details h2", has_text="Trial 5").wait_for()


@pytest.mark.slow
@needs_browser
def test_table_sorts_filters_and_turns(show: Open) -> None:
    """The header sorts both ways with failures last, the filter finds words, the buttons turn pages of 50."""
    page = show(report(each=20))
    header = heading(page, "error")
    header.click()
    settled(page)
    rising = cells(page, 3)
    assert rising == sorted(rising, key=lambda text: float(text.split()[0]))
    header.click()
    settled(page)
    assert float(cells(page, 3)[0].split()[0]) > float(rising[-1].split()[0])
    page.locator("[data-turn=next]").click()
    settled(page)
    assert cells(page, 3)[-1] == "–"
    page.locator("input[type=search]").fill("diverged anynetx_a")
    settled(page)
    assert set(cells(page, 4)) == {"diverged"}
    assert set(cells(page, 2)) == {"AnyNetX_A_3"}
    assert "selected, of 60" in trials(page).locator("output").inner_text()


@pytest.mark.slow
@needs_browser
def test_row_opens_details_and_escape_closes_them(show: Open) -> None:
    """A click on a row shows all that is known of its trial, and Escape gives the page back."""
    page = show()
    trials(page).locator("tbody tr.failed").first.click()
    settled(page)
    panel = page.locator("#details")
    assert panel.locator("h2").inner_text() == "Trial 4"
    for words in ("the loss exploded or was no number: loss is nan", "multiply-adds", "Convolution"):
        assert words in panel.inner_text()
    page.keyboard.press("Escape")
    settled(page)
    assert not panel.is_visible()


@needs_browser
def test_both_tables_write_numbers_alike(show: Open) -> None:
    """Python and the script write the same text for the same number."""
    page = show(report(X3[:1], each=5))
    numbers = [0.0, 0.5, 7.04, 99.96, 100.4, 999.6, 1234.5, 99_960.0, 4_213_512.0, 3.2e9]
    for name, write in (("count", texts.count), ("duration", texts.duration)):
        assert page.evaluate(f"numbers => numbers.map({name})", numbers) == [write(number) for number in numbers]
    rates = page.evaluate("numbers => numbers.map(number => rate(number, 'images'))", numbers)
    assert rates == [texts.rate(number, "images/s") for number in numbers]


@pytest.mark.slow
@needs_browser
def test_hostile_names_are_inert(show: Open) -> None:
    """Markup and formulas in titles, spaces, facts and messages are shown as text and never run."""
    facts = {HOSTILE: HOSTILE, "formula": "=cmd()", "blocks": 3}
    hostile = report(space=HOSTILE, facts=facts, message=HOSTILE, title=HOSTILE, question=HOSTILE)
    page = show(hostile, hostile)
    assert page.locator(".title").first.inner_text() == HOSTILE
    assert set(cells(page, 2)) == {HOSTILE}
    trials(page).locator("tbody tr").first.click()
    settled(page)
    assert HOSTILE in page.locator("#details").inner_text()
    assert "=cmd()" in page.locator("#details").inner_text()
    assert page.locator("img[src=x]").count() == 0


@needs_browser
@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1400, "dark")])
def test_fits_narrow_and_dark(show: Open, width: int, scheme: str) -> None:
    """The body never scrolls sideways, and figures take the colours of the page."""
    page = show(width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()")
    assert drawn(page, "edf", "box.layout.font.color") == ink
    assert (ink == "#e5e8ec") == (scheme == "dark")


@pytest.mark.slow
@needs_browser
def test_colours_follow_the_system_and_the_printer(show: Open) -> None:
    """Figures are drawn again when the system turns dark, and light and narrow for paper."""
    page = show(report(X3[:1]))
    page.emulate_media(color_scheme="dark")
    assert drawn(page, "edf", "box.layout.font.color") == "#e5e8ec"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert drawn(page, "edf", "box.layout.font.color") == "#1b2027"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert drawn(page, "edf", "box.layout.font.color") == "#e5e8ec"


@pytest.mark.slow
@needs_browser
def test_ten_thousand_rows_stay_usable(show: Open) -> None:
    """A page of 10,000 trials opens, sorts and filters; only fifty rows are in the document."""
    small = report(X3[:2], each=20)
    rows = small.frame.iloc[np.arange(10_000) % len(small.frame)].assign(trial=range(10_000))
    page = show(report(frame=rows, total=10_000, dimensions=("depth_1",)))
    assert len(cells(page, 1)) == 50
    heading(page, "trial").click()
    assert cells(page, 1)[0] == "9999"
    page.locator("input[type=search]").fill("diverged")
    assert "selected, of 10,000" in trials(page).locator("output").inner_text()
    assert drawn(page, "costs", "box.figure.whole.data.reduce((sum, trace) => sum + trace.x.length, 0)") < 900


@needs_browser
def test_adaptive_run_shows_the_reason_and_no_edf(show: Open) -> None:
    """A run of an adaptive sampler has no EDF and no comparisons, and says why; its best networks are shown."""
    page = show(report(origin=Origin(sampler="tpe", draws=1)))
    assert page.locator("[data-view=edf]").count() == page.locator(".matrix").count() == 0
    assert "48 from sampler 'tpe'" in page.locator(".refusal").inner_text()
    assert page.locator(".best tbody tr").count() == 10


@needs_browser
def test_run_without_a_trained_network(show: Open) -> None:
    """A run whose trials all failed still shows its failures and its table."""
    page = show(report(outcome=Outcome.OUT_OF_MEMORY, curve=()))
    assert "48 failures (48 out of memory: the device had too little memory)" in page.locator("h1").inner_text()
    assert page.locator(".best").count() == 0
    assert trials(page).locator("tr.failed").count() == 48


@needs_browser
def test_empty_run(show: Open) -> None:
    """A run that has just begun says so."""
    page = show(report(frame=table([]), total=48, curves={}, networks={}, windows=()))
    assert "No trial is finished yet" in page.locator("h1").inner_text()


@needs_browser
def test_single_space_and_unfinished_run(show: Open) -> None:
    """One space is drawn without comparisons, and an unfinished run shows how far it is."""
    page = show(report(X3[4:], total=48))
    assert page.locator("[data-view=edf]").is_visible()
    assert page.locator(".matrix").count() == 0
    assert "16 of 48 trials" in page.locator(".progress").inner_text()


@needs_browser
def test_several_runs_are_tabs(show: Open) -> None:
    """Only the chosen run is shown and drawn, and a space keeps its colour in all of them."""
    page = show(report(), report(X3[2:4], title="second"))
    page.get_by_role("tab", name="second").click()
    page.wait_for_selector("html[data-ready=run-2]")
    assert page.locator(".title:visible").inner_text() == "second"
    assert drawn(page, "edf", "box.data.find(t => t.meta === 'edf').line.color") == "#009e73"


@needs_browser
@pytest.mark.parametrize("searched", [False, True])
def test_the_contents_name_all_parts_in_their_order(searched: bool, show: Open) -> None:
    """Contents and parts have one order, also of a search, whose history stands first; a link leads to its part."""
    run = report(folder="run")
    if searched:
        run = dataclasses.replace(run, frame=run.frame.assign(sampler="tpe"))
    page = show(run)
    links = page.locator("nav.contents a").evaluate_all("all => all.map((link) => link.hash.slice(1))")
    assert links == page.locator("section.run .card").evaluate_all("all => all.map((card) => card.id)")
    assert links[0] == ("run-1-history" if searched else "run-1-edf")
    assert len(links) > 10
    page.locator("nav.contents a", has_text="Best networks").click()
    assert page.locator("#run-1-best").evaluate("card => Math.abs(card.getBoundingClientRect().top) < 80")


@pytest.mark.slow
@needs_browser
def test_failures_are_spoken_of_where_there_are_any(show: Open) -> None:
    """What a failure counts as in means is said of a run with failures, and of no other."""
    run = report()
    assert "In means a failure counts as guessing (90\u00a0% error)" in show(run).locator("#run-1-edf").inner_text()
    whole = dataclasses.replace(run, frame=run.frame[run.frame["error"].notna()])
    assert "ailure" not in show(whole).locator("#run-1-edf").inner_text()
