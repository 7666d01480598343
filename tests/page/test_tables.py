"""The page of anybody's tables: what it shows, what it says that it can't show, and where it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import nas
from nas.errors import Refused
from nas.findings.tables import Tables, tables
from nas.page.contents import MOST_SPACES, reports_of_tables
from nas.page.page import html
from nas.page.report import Report
from tests.page.test_page import settled

CHROMIUM = Path("/usr/bin/chromium")
Write = Callable[..., Path]
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a table: a column for each name, a row for each value."""

    def written(name: str = "search.csv", /, **columns: list[object]) -> Path:
        rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        path = tmp_path / name
        path.write_text("\n".join(rows) + "\n")
        return path

    return written


def usual(write: Write, name: str = "search.csv", **more: list[object]) -> Path:
    """Forty networks of two widths, the wide ones better."""
    columns: dict[str, list[object]] = {
        "id": [*range(1, 41)],
        "error": [round(0.3 + 0.001 * i - 0.1 * (i % 2), 4) for i in range(40)],
        "width": [(8, 16)[i % 2] for i in range(40)],
        "kind": ["ab"[i // 20] for i in range(40)],
        "name": [f"network {i}" for i in range(40)],
        "constant": [1] * 40,
    }
    return write(name, **columns | more)


def report(*paths: Path) -> Report:
    """What the page gets."""
    (only,) = reports_of_tables(tables(paths))
    return only


def test_the_page_lies_beside_the_table_and_says_what_it_lacks(write: Write, say: Say) -> None:
    """`report --table FILE` writes FILE.html, which says that there are no curves and pictures, and has none."""
    path = usual(write)
    assert say("report", "--table", path) == (0, f"{path.with_suffix('.html')}\n", "")
    page = path.with_suffix(".html").read_text()
    assert "there are no curves, layers and pictures of networks" in page
    assert "40 rows, errors from the column" in page
    assert 'data-view="edf"' in page
    assert 'data-view="curves"' not in page
    assert 'data-view="stairs"' not in page


def test_the_column_of_errors_is_named(write: Write, say: Say, tmp_path: Path) -> None:
    """A table of other names needs --error, which belongs to tables; -o says where the page goes."""
    path = write("t.csv", top1_err=[34.5, 36.0, 40.0], w=[8, 16, 24])
    code, _, message = say("report", "--table", path)
    assert (code, "--error COLUMN" in message) == (2, True)
    assert say("report", "--table", path, "--error", "top1_err", "-o", tmp_path / "p.html")[0] == 0
    assert "The best of 3 networks has 34.50\u00a0% validation error" in (tmp_path / "p.html").read_text()
    assert say("report", tmp_path, "--error", "top1_err")[0] == 2


def test_a_file_without_the_option_is_told_of_it(write: Write, say: Say) -> None:
    """A file where a folder belongs is refused with the way out, and a folder that is no run as before."""
    path = usual(write)
    code, _, message = say("report", path)
    assert (code, f"nas report --table {path}" in message) == (2, True)
    code, _, message = say("report", "--table", path.parent)
    assert (code, "is not the folder of a run" in message) == (2, True)
    with pytest.raises(Refused, match="nothing to report"):
        nas.report([], path)


def test_error_is_drawn_against_columns_that_say_something(write: Write) -> None:
    """Constants, counters of rows and names of single networks aren't choices."""
    assert report(usual(write)).dimensions == ("width", "kind")


def test_several_tables_are_compared(write: Write) -> None:
    """Two tables without spaces are two spaces of one part of the page, with a comparison."""
    page = html([report(usual(write, "first.csv"), usual(write, "second.csv"))])
    assert "What do 80 networks of 2 spaces show?" in page
    assert page.count('class="run"') == 1
    assert "How often does one space beat another?" in page


def test_adaptive_samples_have_no_distribution(write: Write) -> None:
    """A column `sampler` of a search is the reason why no distribution is shown."""
    page = html([report(usual(write, sampler=["tpe"] * 40))])
    assert 'data-view="edf"' not in page
    assert "40 from sampler &#39;tpe&#39;" in page


def test_failures_count_as_the_worst_of_the_table(write: Write) -> None:
    """Nobody knows how many classes a table is about: a failure enters means as the worst error that is in it."""
    path = write("t.csv", error=[0.25, "", 0.5], outcome=["completed", "diverged", "completed"])
    page = html([report(path)])
    assert "1 failure (1 diverged: the loss exploded or was no number)" in page
    assert "In means a failure counts as the worst network of the table (50\u00a0% error)" in page


def test_one_row_and_only_failures_are_pages(write: Write) -> None:
    """The smallest tables are drawn as well."""
    assert "The one trained network has 25.00\u00a0%" in html([report(write("one.csv", error=[0.25], width=[8]))])
    failed = write("failed.csv", error=["", ""], outcome=["crashed", "timed_out"], width=[8, 9])
    assert "No network was trained to its last epoch: 2 failures (1 crashed" in html([report(failed)])


def test_too_many_spaces_are_refused(write: Write) -> None:
    """Where nearly every row names a space of its own nothing could be compared."""
    many = write("t.csv", error=[0.5] * (MOST_SPACES + 1), space=[f"s{i}" for i in range(MOST_SPACES + 1)])
    with pytest.raises(Refused, match="25 spaces, at most 24"):
        report(many)


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium")
def test_a_browser_draws_it(write: Write, tmp_path: Path) -> None:
    """The page of a hostile foreign table draws its figures, opens a row, logs no fault and runs nothing."""
    from playwright.sync_api import sync_playwright

    hostile = ["</script><img src=x onerror=alert(1)>", "=cmd()"] * 20
    found: Tables = tables([usual(write, space=hostile)])
    (tmp_path / "page.html").write_text(html(reports_of_tables(found)), encoding="utf-8")
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector("html[data-ready]")
        assert page.locator("[data-view=edf] .js-plotly-plot").count() == 1
        page.locator(".trials").scroll_into_view_if_needed()
        page.locator(".trials tbody tr").first.click()
        settled(page)
        assert "network 0" in page.locator("#details").inner_text()
        assert page.locator("img[src=x]").count() == 0
        browser.close()
    assert faults == []
