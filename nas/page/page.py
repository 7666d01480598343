"""Reports of runs -> one HTML file that works offline: figures, tables and data inside, no request to any host."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd
from markupsafe import Markup
from pandas.api.types import is_numeric_dtype

from nas.analysis import edfs, top
from nas.analysis.selection import BETTER, may_enter, networks_of, several
from nas.errors import Refused
from nas.findings.same_images import optimism_of
from nas.findings.wording.audits import LONGER
from nas.findings.wording.images import trainings_text
from nas.findings.wording.limits import acceptance
from nas.findings.wording.matrix import matrix
from nas.findings.wording.numbers import UNITS, count, duration, measured, rate, spoken
from nas.findings.wording.rules import shown as shown_rules
from nas.page.columns import column, packed
from nas.page.payload import COSTS, curves_payload, hover, json_text, layers_payload, shown, stairs_payload
from nas.page.report import Report
from nas.page.story import story, unit
from nas.page.style import COLOURS, Styles, styles_of
from nas.page.templates import file_text, rendered
from nas.page.whole_run import whole_run
from nas.study.record import SENTENCES

TOP = 10
"""Best networks shown."""
PARTS = (
    *("format", "data", "ticks", "edf", "front", "medians", "search", "csv", "model", "canvas", "figure", "cloud"),
    *("paper", "scale", "editor", "bins", "outcomes", "standing", "stairs", "colours", "copy"),
)
"""Files of the script that the others build on, in order."""
VIEWS = (
    *("legend", "edf", "rail", "costs", "column", "parallel", "pairs", "importance", "efficiency"),
    *("history", "stairs", "curves", "outcomes", "searches", "table", "panel"),
)
"""Files of the views; each sees the parts, and nothing of another view."""
PLOTLY = "bundle/plotly-basic.min.js"


def html(reports: Sequence[Report]) -> str:
    """One self-contained file, with a tab for each report if there are several."""
    frames = [_prepared(report.frame) for report in reports]
    styles = styles_of(space for report, frame in zip(reports, frames, strict=True) for space in _spaces(report, frame))
    sections = [_section(report, frame, styles) for report, frame in zip(reports, frames, strict=True)]
    scripts = [file_text(PLOTLY), script()]
    return rendered(
        "template.html.j2",
        sections=sections,
        styles=styles,
        shown=shown_rules,
        audit_header=LONGER,
        policy=_policy(scripts),
        scripts=[Markup(text) for text in scripts],  # noqa: S704 - our own files and plotly's
    )


def script() -> str:
    """Our script: the parts, then each view in a block of its own, then what brings them to life."""
    parts = [file_text(f"script/{name}.js") for name in PARTS]
    views = [f"{{\n{file_text(f'script/views/{name}.js')}}}\n" for name in VIEWS]
    return "\n".join(('"use strict";', *parts, "const VIEWS = {};", *views, file_text("script/main.js")))


def _section(report: Report, frame: pd.DataFrame, styles: Styles) -> dict[str, Any]:
    """The values of the template for one run."""
    places = {int(trial): place for place, trial in zip(frame.index, frame["trial"], strict=True)}
    best = top(frame, TOP)
    distribution = _distribution(report, frame)
    unmoved = whole_run(frame, report.dimensions, distribution["sample"])
    return distribution | {
        "report": report,
        "story": story(report, frame, distribution["sample"]),
        "finished": len(frame),
        "windows": [acceptance(window, _texts(frame)) for window in report.windows],
        "best": _best_networks(report, frame, best, places),
        "optimism": optimism_of(top(frame, len(frame))["error"].astype(float).tolist(), report.validating),
        "curves": any(report.curves.values()),
        "curved": any(len(epochs) > 1 for epochs in report.curves.values()),
        "unfinished": bool(frame["error"].isna().any()),
        "costs": any(name in frame and (frame[name] > 0).any() for name in COSTS),
        "searched": unmoved["searched"],
        "unit": unit(frame),
        "data": _data(report, frame, best, styles, places, unmoved),
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


def _networks(frame: pd.DataFrame, images: int) -> dict[str, str]:
    """For each row the mean error of its network's trainings, half its interval, and how many they are."""
    found = networks_of(frame, images)
    return {
        "means": packed(found["mean"].to_numpy(), "f8"),
        "halves": packed(found["half"].to_numpy(), "f4"),
        "trainings": packed(found["trainings"].to_numpy(), "i4"),
    }


def _texts(frame: pd.DataFrame) -> list[str]:
    """Columns whose values have no order."""
    return [name for name in frame.columns if not is_numeric_dtype(frame[name])]


def _spaces(report: Report, frame: pd.DataFrame) -> list[str]:
    """The spaces of a report in the order of their marks."""
    return list(dict.fromkeys((*report.spaces, *sorted(frame["space"].unique()))))


def _distribution(report: Report, frame: pd.DataFrame) -> dict[str, Any]:
    """Whether distributions are drawn and how they compare, or the reason why they aren't."""
    try:
        sample = edfs(frame, guess=report.known_guess)
    except Refused as refusal:
        return {"drawn": False, "sample": (), "refusal": f"{refusal}; {refusal.hint}", "left_out": 0}
    trained = sample if frame["error"].notna().any() else ()
    return {
        "drawn": bool(sample),
        "sample": sample,
        "matrix": matrix(trained, report.rules.pairs if report.rules else {}),
        "refusal": "",
        "left_out": len(frame) - sum(edf.n for edf in sample),
    }


def _best_networks(
    report: Report, frame: pd.DataFrame, best: pd.DataFrame, places: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Row, texts and picture of the best networks, in order."""
    trials = [int(trial) for trial in best["trial"]]
    done = frame[frame["error"].notna()]
    halves = networks_of(frame, report.validating, best)["half"]
    again = done.groupby("architecture")["error"].apply(list) if "architecture" in done else done
    return [
        {
            "trial": trial,
            "place": places[trial],
            "space": str(row["space"]),
            "architecture": str(row.get("architecture", "")),
            "values": network_values(row, UNITS[report.task], halves.get(places[trial]))
            | ({"trainings": trainings_text(again[row["architecture"]])} if len(again) < len(done) else {}),
            "pictured": bool(report.stairs.get(trial)),
        }
        for trial, row in zip(trials, best.to_dict("records"), strict=True)
    ]


def network_values(row: Mapping[Any, Any], units: Mapping[str, str], half: float | None = None) -> dict[str, str]:
    """Column title -> text for one of the best networks; columns that the table lacks are left out."""
    timed = "latency_ms" in row and not pd.isna(row["latency_ms"])  # only where it was limited or made small
    writers: Mapping[str, Callable[[float | None], str]] = {
        "error": partial(measured, half=half),
        **({"latency_ms": lambda value: f"{value:.3g} ms"} if timed else {}),
        **dict.fromkeys(("parameters", "multiply_adds", "activations"), count),
        "seconds": duration,
        "images_per_second": partial(rate, unit=units["speed"]),
    }
    values = {name: None if pd.isna(row[name]) else float(row[name]) for name in writers if name in row}
    return {spoken(name): writers[name](value) for name, value in values.items()}


def _data(
    report: Report,
    frame: pd.DataFrame,
    best: pd.DataFrame,
    styles: Styles,
    places: Mapping[int, int],
    unmoved: Mapping[str, Any],
) -> Markup:
    """What the script reads, as JSON that can't leave its element."""
    enters = may_enter(frame)
    payload = {
        "rows": len(frame),
        "unit": unit(frame),
        "columns": [column(name, frame[name], report.dimensions, report.task) for name in frame.columns],
        "palette": COLOURS,
        "spaces": [{"name": name} | asdict(styles[name]) for name in _spaces(report, frame)],
        "enters": None if enters.all() else packed(enters.to_numpy(), "u1"),
        "guess": report.guess,
        "worst": None if report.known_guess is None else BETTER * report.known_guess,
        "shown": shown(frame, report.dimensions),
        "hover": hover(frame, report.dimensions),
        "best": [places[int(trial)] for trial in best["trial"]],
        "curves": curves_payload(report.curves, places),
        "layers": layers_payload(report.networks, report.inputs, places),
        "sources": {places[trial]: text for trial, text in report.sources.items() if trial in places},
        "stairs": stairs_payload(report.stairs, places),
        "folder": report.folder,
        "objectives": report.objectives,
        "validating": report.validating,
        "networks": _networks(frame, report.validating) if several(frame) else None,
        "outcomes": {str(outcome): words for outcome, words in SENTENCES.items()},
        "units": UNITS[report.task],
        "searches": report.compared.curves if report.compared else (),
    }
    return Markup(json_text(payload | dict(unmoved)))  # noqa: S704 - json_text escapes


def _policy(scripts: Sequence[str]) -> str:
    """A policy that lets nothing in but our scripts, by hash; styles are inline, because plotly writes its own."""
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
