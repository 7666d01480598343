"""Reports of runs -> one HTML file that works offline: figures, tables and data inside, no request to any host."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from nas.analysis import edfs, pareto, top
from nas.errors import Refused
from nas.findings.leaders import optimism_text, trainings_text
from nas.findings.wording.audits import LONGER
from nas.findings.wording.numbers import UNITS, spoken
from nas.findings.wording.rules import HEADER
from nas.page.figures import Curve, curve_figure, edf_figure, in_units
from nas.page.matrix import matrix
from nas.page.payload import curves_payload, figure_payload, json_text, layers_payload, table_payload
from nas.page.report import Report
from nas.page.scatter import cost_figure, dimension_figure
from nas.page.staircases import Picture, picture, scale, stairs
from nas.page.story import story
from nas.page.style import CONFIG, Styles, styles_of
from nas.page.templates import file_text, rendered
from nas.page.view import acceptance, network_values

COSTS = ("multiply_adds", "parameters", "activations", "seconds")
"""Columns that error is drawn against, where the table has them."""
TOP = 10
"""Best networks shown."""
SCRIPTS = ("format.js", "figures.js", "table.js", "details.js", "script.js")
Figures = dict[str, dict[str, go.Figure]]
"""Name of a figure -> choice of its menu -> drawing."""


def html(reports: Sequence[Report]) -> str:
    """One self-contained file, with a tab for each report if there are several."""
    frames = [_prepared(report.frame) for report in reports]
    styles = styles_of(str(space) for frame in frames for space in frame["space"])
    sections = [_section(report, frame, styles) for report, frame in zip(reports, frames, strict=True)]
    script = "\n".join(file_text(name) for name in SCRIPTS)
    plotly = get_plotlyjs()
    webgl = any(trace["type"] == "scattergl" for section in sections for trace in _traces(section["figures"]))
    return rendered(
        "template.html.j2",
        sections=sections,
        styles=styles,
        rule_header=HEADER,
        audit_header=LONGER,
        policy=_policy([plotly, script], webgl=webgl),
        scripts=[Markup(plotly), Markup(script)],  # noqa: S704 - our own file and plotly's
    )


def _section(report: Report, frame: pd.DataFrame, styles: Styles) -> dict[str, Any]:
    """The values of the template for one run."""
    places = {int(trial): place for place, trial in zip(frame.index, frame["trial"], strict=True)}
    best = top(frame, TOP)
    units = UNITS[report.task]
    curves = _leading_curves(report, best, places)
    distribution = _distribution(report, frame, styles)
    figures: Figures = distribution.pop("figures") | _scatters(report, frame, styles, places)
    if curves:
        led = {curve.trial for curve in curves}
        others = [epochs for trial, epochs in report.curves.items() if epochs and trial not in led]
        for value in ("error", "loss"):
            figures[f"curve-{value}"] = {"only": curve_figure(curves, others, value, styles)}
    figures = {
        name: {choice: in_units(figure, units) for choice, figure in choices.items()}
        for name, choices in figures.items()
    }
    return distribution | {
        "report": report,
        "story": story(report, frame, distribution.pop("sample")),
        "finished": len(frame),
        "windows": [acceptance(window) for window in report.windows],
        "best": _best_networks(report, frame, best, places),
        "optimism": _optimism(report, frame),
        "figures": figures,
        "menus": {name: [(choice, spoken(choice)) for choice in choices] for name, choices in figures.items()},
        "data": _data(report, frame, styles, places, figures),
    }


def _prepared(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with rows numbered from 0, errors as numbers, and the columns that every part needs."""
    ready = frame.reset_index(drop=True).rename(columns=str)
    ready = ready.loc[:, ~ready.columns.duplicated()]
    errors = pd.to_numeric(ready["error"], errors="coerce").astype(float)
    ready["error"] = errors.replace([float("inf"), float("-inf")], float("nan"))
    ready["space"] = ready["space"].astype(str) if "space" in ready else "all"
    if "trial" not in ready:
        ready.insert(0, "trial", range(len(ready)))
    if "outcome" not in ready:
        ready["outcome"] = ready["error"].map(lambda error: "failed" if pd.isna(error) else "completed")
    return ready


def _distribution(report: Report, frame: pd.DataFrame, styles: Styles) -> dict[str, Any]:
    """EDFs and comparisons, or the reason why there are none."""
    try:
        sample = edfs(frame, guess=report.guess)
    except Refused as refusal:
        return {"figures": {}, "sample": (), "refusal": f"{refusal}; {refusal.hint}", "left_out": 0}
    keys = zip(frame["space"].astype(str), frame["error"], strict=True)
    places = {key: place for place, key in reversed(list(enumerate(keys)))}
    pairs = report.rules.pairs if report.rules else {}
    return {
        "sample": sample,
        "matrix": matrix(sample if len(frame) and frame["error"].notna().any() else (), pairs),
        "figures": {"edf": {"only": edf_figure(sample, places, styles)}} if sample else {},
        "refusal": "",
        "left_out": len(frame) - sum(edf.n for edf in sample),
    }


def _scatters(report: Report, frame: pd.DataFrame, styles: Styles, places: Mapping[int, int]) -> Figures:
    """Error against every cost and every dimension that the table knows."""
    trained = frame[frame["error"].notna()]
    costs, dimensions = {}, {}
    for column in COSTS:
        if column in trained and (trained[column] > 0).any():
            front = [places[int(trial)] for trial in pareto(frame[frame[column] > 0], column)["trial"]]
            costs[column] = cost_figure(frame, column, styles, front)
    for column in report.dimensions:
        if column in trained and trained[column].notna().any():
            dimensions[column] = dimension_figure(frame, column, styles)
    return {name: drawn for name, drawn in (("cost", costs), ("dimension", dimensions)) if drawn}


def _leading_curves(report: Report, best: pd.DataFrame, places: Mapping[int, int]) -> list[Curve]:
    rows = zip(range(1, len(best) + 1), best["trial"].astype(int), best["space"], strict=True)
    return [
        Curve(rank=rank, trial=trial, space=space, place=places[trial], epochs=tuple(report.curves[trial]))
        for rank, trial, space in rows
        if report.curves.get(trial)
    ]


def _optimism(report: Report, frame: pd.DataFrame) -> str:
    """What choosing the best is worth."""
    return optimism_text(top(frame, len(frame))["error"].astype(float).tolist(), report.validating)


def _best_networks(
    report: Report, frame: pd.DataFrame, best: pd.DataFrame, places: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Row, texts and picture of the best networks, in order."""
    trials = [int(trial) for trial in best["trial"]]
    done = frame[frame["error"].notna()]
    again = done.groupby("architecture")["error"].apply(list) if "architecture" in done else done
    steps = {trial: stairs(report.networks[trial], report.inputs) for trial in trials if trial in report.networks}
    axes = scale(steps.values())
    pictures: dict[int, Picture] = {trial: picture(own, axes) for trial, own in steps.items() if own}
    return [
        {
            "trial": trial,
            "place": places[trial],
            "space": str(row["space"]),
            "architecture": str(row.get("architecture", "")),
            "values": network_values(row, UNITS[report.task], report.validating)
            | ({"trainings": trainings_text(again[row["architecture"]])} if len(again) < len(done) else {}),
            "picture": pictures.get(trial),
        }
        for trial, row in zip(trials, best.to_dict("records"), strict=True)
    ]


def _data(report: Report, frame: pd.DataFrame, styles: Styles, places: Mapping[int, int], figures: Figures) -> Markup:
    """What the script reads, as JSON that can't leave its element."""
    drawn = {
        name: {choice: figure_payload(figure) for choice, figure in choices.items()}
        for name, choices in figures.items()
    }
    payload = table_payload(frame, report.dimensions, report.task) | {
        "curves": curves_payload(report.curves, places),
        "layers": layers_payload(report.networks, report.inputs, places),
        "colours": {space: style.colour for space, style in styles.items()},
        "figures": drawn,
        "config": CONFIG,
        "units": UNITS[report.task],
    }
    return Markup(json_text(payload))  # noqa: S704 - json_text escapes


def _traces(figures: Figures) -> list[Any]:
    return [trace for choices in figures.values() for figure in choices.values() for trace in figure.data]


def _policy(scripts: Sequence[str], *, webgl: bool) -> str:
    """A policy that lets nothing in but our scripts, by hash.

    Styles are allowed inline, because plotly writes its own at run time; WebGL figures compile their shaders with eval.
    """
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    evaluation = " 'unsafe-eval'" if webgl else ""
    return (
        f"default-src 'none'; script-src {hashes}{evaluation}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
