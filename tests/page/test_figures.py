"""The page's figures, pictures and texts as values, without a browser."""

from __future__ import annotations

import json
from math import inf, nan

import pandas as pd
import pytest

from nas.analysis import edf
from nas.findings.wording import numbers
from nas.layers import Convolution, Flatten, Linear, Repetition, Residual, Sequence
from nas.page import payload, style
from nas.page.figures import Curve, curve_figure, edf_figure, in_units
from nas.page.page import html
from nas.page.report import Report
from nas.page.scatter import cost_figure, dimension_figure
from nas.page.staircases import Stair, picture, scale, stairs
from nas.page.view import network_values
from nas.study.record import Epoch

STYLES = style.styles_of(["a", "b"])


def frame(**columns: list[object]) -> pd.DataFrame:
    """Eight networks of two spaces, one of them failed, with more columns."""
    errors = [0.1, 0.2, 0.15, 0.3, 0.12, 0.25, 0.5, nan]
    return pd.DataFrame({"trial": range(8), "space": ["a", "b"] * 4, "error": errors, **columns})


def test_edf_line_has_exact_steps() -> None:
    """A line rises behind each error by its share and stays below 100 % where networks failed."""
    figure = edf_figure([edf([0.1, 0.2, 0.2, None], name="a", guess=0.9)], {("a", 0.1): 7}, STYLES)
    line = next(trace for trace in figure.data if trace.meta == "edf")
    assert line.line.shape == "hv"
    assert list(line.x[1:3]) == [10.0, 20.0]
    assert list(line.y) == [0.0, 25.0, 75.0, 75.0]
    assert line.customdata[1] == 7


def test_edf_legend_counts_and_escapes() -> None:
    """A legend entry names n, lowest error, mean and failures, and a hostile name stays text."""
    figure = edf_figure([edf([0.1, None], name="<b>", guess=0.9)], {}, style.styles_of(["<b>"]))
    name = next(trace.name for trace in figure.data if trace.meta == "edf")
    assert name == "&lt;b&gt;: n 2, min 10.00 %, mean 50.00 %, 1 failed"


def test_a_long_legend_makes_room_for_itself() -> None:
    """A legend of many long names takes several rows, and the figure grows by them."""
    names = [f"norm, factorised label_smoothing={number}" for number in range(8)]
    assert style.legend_rows(names, 390) == 8
    assert style.legend_rows(["a"] * 7, 390) == 1
    assert style.legend_rows([], 390) == style.legend_rows(["a" * 500], 390) == 1
    rows = pd.DataFrame({"trial": range(8), "space": names, "error": [0.5] * 8, "width": range(1, 9)})
    tall, usual = (dimension_figure(t, "width", style.styles_of(t["space"])) for t in (rows, frame(width=[*range(8)])))
    assert tall.layout.height - usual.layout.height >= 6 * 20


def test_a_row_is_no_image() -> None:
    """Where the target is a number, costs and speeds are those of a row; elsewhere those of an image."""
    table = frame(multiply_adds=[1, 2] * 4, activations=[1, 2] * 4, images_per_second=[2e3] * 8)
    for task, noun in (("regression", "row"), ("classification", "image")):
        figure = in_units(cost_figure(table, "multiply_adds", STYLES, [0]), numbers.UNITS[task])
        assert figure.layout.xaxis.title.text == f"multiply-adds (a{'n' * (noun == 'image')} {noun})"
        figure = in_units(cost_figure(table, "activations", STYLES, [0]), numbers.UNITS[task])
        assert figure.layout.xaxis.title.text == f"activations (elements a{'n' * (noun == 'image')} {noun})"
        assert network_values(table.iloc[0].to_dict(), numbers.UNITS[task])["training speed"] == f"2.00 k {noun}s/s"
        columns = payload.table_payload(table, (), task)["columns"]
        assert columns[-1]["kind"] == {"row": "rows", "image": "rate"}[noun]


def test_edf_of_failures_only() -> None:
    """A space without a single trained network still has a line, at zero."""
    figure = edf_figure([edf([None, None], name="a", guess=0.9)], {}, STYLES)
    assert set(next(trace.y for trace in figure.data if trace.meta == "edf")) == {0.0}


def test_cost_figure_draws_points_failures_and_front() -> None:
    """Every network is one point, failures stand above all errors, and the front runs in steps."""
    table = frame(parameters=[10, 20, 30, 40, 50, 60, 70, 80])
    figure = cost_figure(table, "parameters", STYLES, front=[0])
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert sorted(place for trace in points for place in trace.customdata) == list(range(8))
    failed = next(trace for trace in points if trace.name.startswith("failed"))
    assert min(failed.y) > 50
    assert next(trace for trace in figure.data if trace.meta == "front").line.shape == "hv"
    assert figure.layout.xaxis.type == "log"


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0.001 * 3**i for i in range(8)] * 2, "log"), ([*range(16)], "linear"), (["x", "y"] * 8, None)],
)
def test_dimension_axis_follows_its_values(values: list[object], kind: str | None) -> None:
    """Values over decades get a logarithmic axis, other numbers a linear one, texts are drawn as groups."""
    if kind == "log":
        values = [*values[:8], *(float(str(v)) * 1.5 for v in values[8:])]
    table = pd.concat([frame(), frame()], ignore_index=True).assign(value=values)
    axis = dimension_figure(table, "value", STYLES).layout.xaxis
    assert axis.type == kind
    assert (axis.ticktext is not None) == (kind is None)


def test_few_values_are_groups_with_medians_that_count_failures() -> None:
    """A group whose networks mostly failed shows no median, for its median is a failure."""
    table = frame(value=[1, 1, 1, 1, 1, 1, 1, 2])
    medians = [trace for trace in dimension_figure(table, "value", STYLES).data if trace.meta == "median"]
    assert sorted(len(trace.x) for trace in medians) == [1, 1]


def test_many_points_use_webgl() -> None:
    """Above 5,000 points a figure is drawn by WebGL, below as SVG."""
    many = pd.concat([frame(parameters=[1] * 8)] * 700, ignore_index=True)
    assert {trace.type for trace in cost_figure(many, "parameters", STYLES, [0]).data} == {"scattergl", "scatter"}
    assert {trace.type for trace in cost_figure(many[:80], "parameters", STYLES, [0]).data} == {"scatter"}


def test_exploded_loss_is_a_gap() -> None:
    """An infinite loss is left out of a curve instead of being drawn."""
    epochs = tuple(Epoch(number=i, loss=loss, error=0.9, seconds=1.0) for i, loss in ((1, 2.0), (2, inf)))
    figure = curve_figure([Curve(rank=1, trial=0, space="a", place=0, epochs=epochs)], [], "loss", STYLES)
    assert list(figure.data[0].y) == [2.0, None]


def test_stairs_follow_named_stages() -> None:
    """Blocks of named stages are counted one by one; the head isn't a block."""
    block = Residual(branch=Convolution(width=8))
    network = Sequence(
        layers=(
            Sequence(name="stem", layers=(Convolution(width=4),)),
            Sequence(name="stage 1", layers=(Convolution(width=8), Repetition(layer=block, times=3))),
            Sequence(name="head", layers=(Flatten(), Linear(width=10))),
        )
    )
    expected = (Stair(part="stem", width=4, blocks=1), Stair(part="stage 1", width=8, blocks=3))
    assert stairs(network, (1, 4, 4)) == expected


@pytest.mark.parametrize(
    ("layers", "inputs", "widths"),
    [
        ((Convolution(width=4), Convolution(width=6), Flatten(), Linear(width=10)), (1, 4, 4), [4, 6]),
        ((Flatten(), Linear(width=32), Linear(width=16), Linear(width=10)), (1, 4, 4), [32, 16]),
    ],
)
def test_stairs_without_stages(layers: tuple[Linear, ...], inputs: tuple[int, ...], widths: list[int]) -> None:
    """Without named parts the convolutions are the blocks, without those the hidden linear layers."""
    assert [stair.width for stair in stairs(Sequence(layers=layers), inputs)] == widths


def test_pictures_share_their_scale() -> None:
    """Each block is one bar, and the same width is equally high in every picture."""
    wide, deep = (Stair(part="s", width=64, blocks=1),), (Stair(part="s", width=64, blocks=9),)
    axes = scale([wide, deep])
    (bar,), (bars,) = picture(wide, axes).bars, picture(deep, axes).bars
    assert (bar.path.count("M"), bars.path.count("M")) == (1, 9)
    assert bars.path.startswith(bar.path.split("H")[0])


def test_json_stays_in_its_element() -> None:
    """Characters that could end the element or a line are escaped, and the value comes back unchanged."""
    value = {"</script><!--": "& \u2028 \u2029 ' \""}
    text = payload.json_text(value)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value


def test_cells_are_plain_json() -> None:
    """Missing and infinite numbers are null, and integers beyond a script's precision are texts."""
    values = [nan, inf, None, pd.NA, pd.NaT, True, 2**60, 3, 0.5, "=cmd()"]
    assert [payload.cell(v) for v in values] == [None] * 5 + [True, str(2**60), 3, 0.5, "=cmd()"]


def test_spaces_look_different() -> None:
    """Twelve spaces are told apart by colour, marker or dash, and the order decides who gets what."""
    marks = style.styles_of(f"space {i}" for i in range(12))
    assert len({(mark.colour, mark.symbol, mark.dash) for mark in marks.values()}) == 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.percent(0.08734), "8.73 %"),
        (numbers.percent(None), "–"),
        (numbers.count(4_213_512), "4.214 M"),
        (numbers.count(999_999), "1 M"),
        (numbers.count(96), "96"),
        (numbers.duration(12.34), "12.3 s"),
        (numbers.duration(600), "10.0 min"),
        (numbers.rate(12_345, "rows/s"), "12.3 k rows/s"),
        (numbers.probability(0.00001), "< 0.001"),
        (numbers.plural(1, "network"), "1 network"),
    ],
)
def test_numbers_read_well(text: str, expected: str) -> None:
    """Numbers carry their unit and few digits."""
    assert text == expected


def report(table: pd.DataFrame) -> Report:
    """A run of which nothing is known but a table."""
    return Report(
        title="table",
        question="What helps?",
        settings={},
        classes=10,
        inputs=(1, 28, 28),
        total=len(table),
        frame=table,
        dimensions=("depth",),
        windows=(),
        curves={},
        networks={},
    )


def test_page_is_one_file_with_plotly_once() -> None:
    """Several runs share one copy of plotly, each script is allowed by its hash, and no data holds NaN."""
    text = html([report(frame(depth=[*range(8)]))] * 2)
    head = text[: text.index("<style>")].replace("&#39;", "'")
    assert text.count("plotly.js v") == 1
    assert head.count("'sha256-") == 2
    assert "default-src 'none'" in head
    assert "unsafe-eval" not in head
    data = [part.split("</script>")[0] for part in text.split('type="application/json"')[1:]]
    assert len(data) == 2
    assert not any(word in part for part in data for word in ("NaN", "Infinity"))
    assert all('"showSendToCloud":false' in part for part in data)


def test_table_of_another_tool() -> None:
    """A table with nothing but errors and one column still makes a page."""
    text = html([report(pd.DataFrame({"error": [0.1, 0.2, nan], "depth": [1, 2, 3], 7: ["x", "y", "z"]}))])
    assert 'data-figure="dimension"' in text
    assert 'data-figure="edf"' in text
