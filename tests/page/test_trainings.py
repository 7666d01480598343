"""What the page shows of the course of a run in a real browser: curves, history, outcomes, limits."""

from __future__ import annotations

import pytest

from nas.findings.wording.limits import acceptance
from nas.page.page import html
from nas.sampling.window import Shift, Window
from nas.study.record import Epoch, Origin, Outcome
from tests.page.test_page import HOSTILE, Open, browser, drag, drawn, needs_browser, report, selected, show, usual

__all__ = ["browser", "show", "usual"]
HUNT = Origin(sampler="tpe", draws=3)


@needs_browser
def test_curves_name_the_best_and_show_how_trainings_ended(show: Open) -> None:
    """The whole run is pale, the best or the selected are in colour and named, failures end with a cross."""
    long = tuple(Epoch(number=i, loss=2 / i, error=0.5 / i, seconds=1.0) for i in (1, 2))
    page = show(report(curves=dict.fromkeys(range(48), long), folder="run"))
    kinds = "box.data.reduce((n, t) => ({...n, [t.meta]: (n[t.meta] ?? 0) + 1}), {})"
    assert drawn(page, "curves", kinds) == {"pale": 38, "curve": 10, "failed": 1}
    assert len(drawn(page, "curves", "box.layout.annotations.map(a => a.text)")) == 3
    page.goto(page.url.split("#")[0] + "#space=AnyNetX_A_3")
    page.wait_for_function("runOf(shown()).model.address.includes('space=')")
    assert drawn(page, "curves", kinds)["curve"] == 16


@needs_browser
def test_a_single_epoch_is_said_in_words(show: Open) -> None:
    """Where each training has one epoch no dots are drawn above it."""
    single = (Epoch(number=1, loss=2.0, error=0.25, seconds=1.0),)
    page = show(report(curves=dict.fromkeys(range(48), single)))
    page.locator("[id$=-curves]").scroll_into_view_if_needed()
    words = page.locator("[id$=-curves] .says", has_text="Each training has a single epoch")
    words.wait_for()
    assert "between 25.00 % and 25.00 % error" in words.inner_text()
    assert page.locator("[id$=-curves] .js-plotly-plot").count() == 0


@needs_browser
def test_a_search_begins_with_its_history(show: Open) -> None:
    """History stands before all other figures, its line is the lowest error so far, a drag selects trials."""
    run = report(origin=HUNT, folder="run", objectives=("error", "multiply_adds"))
    page = show(run)
    views = page.evaluate("[...document.querySelectorAll('section [data-view]')].map(b => b.dataset.view)")
    assert views[:2] == ["legend", "history"]
    line = drawn(page, "history", "box.figure.whole.data.find(t => t.meta === 'best').y")
    lowest = run.frame.sort_values("trial")["error"].cummin().dropna()
    assert line[:-1] == pytest.approx(sorted(lowest.unique(), reverse=True))
    assert page.locator("[data-view=history] .plot").count() == 2
    fronts = page.locator("[data-view=history] .plot").nth(1)
    assert fronts.evaluate("box => box.figure.whole.data.filter(t => t.meta === 'front').length") == 3
    drag(page, "history", (0.2, 0.05), (0.6, 0.98))
    low, high = page.url.split("trial=")[1].split("&")[0].split("..")
    errors = page.url.split("error=")[1].split("&")[0].split("..")
    frame = run.frame[run.frame["trial"].between(float(low), float(high))]
    frame = frame[frame["error"].between(*map(float, errors))]
    assert selected(page).startswith(f"Selected by looking: {len(frame)} of")


@needs_browser
@pytest.mark.parametrize("width", [360, 1400])
def test_outcomes_and_their_reasons(show: Open, width: int) -> None:
    """Bars count each outcome, reasons stand in a table with their first trial, names of strangers are text."""
    run = report(folder="run", message=HOSTILE)
    page = show(run, width=width)
    bars = drawn(page, "outcomes", "Object.fromEntries(box.data.map(t => [t.meta, t.y.reduce((a, b) => a + b, 0)]))")
    failed = int(run.frame["error"].isna().sum())
    assert bars == {"completed": len(run.frame) - failed, "failed": failed}
    table = page.locator("[data-view=outcomes] table", has_text="reason")
    assert HOSTILE in table.inner_text()
    assert "the loss exploded" in table.inner_text()
    table.locator("button").first.click()
    page.locator("#details h2", has_text="Trial 4").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_all_completed_is_a_sentence() -> None:
    """A run without failures has the section and no caption on failures; a plain table without failures has neither."""
    done = {"outcome": Outcome.COMPLETED, "message": ""}
    curve = (Epoch(number=1, loss=1.0, error=0.2, seconds=1.0),)
    run = html([report(folder="run", curve=curve, **done)])
    assert 'data-view="outcomes"' in run
    assert "a failure can't be trained" not in run
    assert 'data-view="outcomes"' not in html([report(curve=curve, **done)])


def test_limits_in_words() -> None:
    """What the limits change is said without terms of statistics, and options have no small and large."""
    shifts = tuple(
        Shift(dimension=name, mean_quantile=place, distance=1 - place)
        for name, place in (("width_1", 0.26), ("depth", 0.45), ("stem", 0.7), ("groups", 0.51))
    )
    window = Window(space="A", draws=100, accepted=10, refused={"parameters above": 90}, shifts=shifts)
    texts = acceptance(window, {"stem"})
    assert texts.rejected == ("90.0 % parameters above the limit",)
    assert {name: words for name, _, words in texts.shifts} == {
        "width 1": "much smaller than 74 % of the proposals",
        "depth": "slightly smaller than 55 % of the proposals",
        "stem": "other options than proposed",
        "groups": "as proposed",
    }
