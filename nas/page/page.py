"""Reports of runs -> one HTML file that works offline: figures, tables and data inside, no request to any host."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from nas.analysis import compare_all, edfs, top
from nas.analysis.columns import BETTER
from nas.analysis.selection import may_enter
from nas.data import Task
from nas.errors import Refused
from nas.findings.wording.numbers import UNITS
from nas.findings.wording.rules import HEADER, RuleRow
from nas.layers import Layer
from nas.page.columns import column, packed
from nas.page.payload import COSTS, curves_payload, hover, json_text, layers_payload, shown
from nas.page.staircases import Picture, picture, scale, stairs
from nas.page.style import Styles, styles_of
from nas.page.templates import file_text, rendered
from nas.page.view import acceptance, network_values, pair, sentence, tiles
from nas.sampling.window import Window
from nas.study.record import SENTENCES, Epoch

TOP = 10
"""Best networks shown."""
PARTS = (
    *("format", "data", "ticks", "edf", "front", "medians", "search", "csv", "model", "figure", "cloud"),
    *("scale", "editor"),
)
"""Files of the script that the others build on, in order."""
VIEWS = ("legend", "edf", "rail", "costs", "column", "parallel", "curves", "table", "panel")
"""Files of the views; each sees the parts, and nothing of another view."""
PLOTLY = "bundle/plotly-basic.min.js"


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Verdicts on rules, as texts, or the reason why there are none."""

    rows: tuple[RuleRow, ...] = ()
    """One a rule."""
    notes: tuple[str, ...] = ()
    """What all of them rest on."""
    refusal: str = ""
    """Why there are none."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the page shows of one run."""

    title: str
    """Name of the study."""
    question: str
    """What the study asks, as a sentence."""
    settings: Mapping[str, str]
    """The settings, as shown: data, recipe, limits, sampler, seed, versions."""
    total: int
    """Trials planned."""
    frame: pd.DataFrame
    """The columns of `nas.study.table`, then one column for each dimension and attribute."""
    dimensions: tuple[str, ...]
    """Columns that error is drawn against; numbers or texts."""
    spaces: tuple[str, ...] = ()
    """All spaces in the order of the study, which decides their marks; those of the table follow by name."""
    classes: int | None = None
    """Number of classes; guessing has an error of 1 - 1/classes. 0 where the target is a number, None if unknown."""
    guessing: float | None = None
    """Error of guessing where no number of classes tells it; None if unknown."""
    inputs: tuple[int, ...] = ()
    """Shape of one input; empty if unknown."""
    windows: tuple[Window, ...] = ()
    """What the limits did to each space; may be empty."""
    curves: Mapping[int, tuple[Epoch, ...]] = field(default_factory=dict)
    """Trial -> its epochs, of the best networks at least; may be empty."""
    networks: Mapping[int, Layer] = field(default_factory=dict)
    """Trial -> layer tree, of the best networks; may be empty."""
    task: Task = "classification"
    """What the networks are to get right: decides the units of error and loss."""
    note: str = ""
    """What this page can't show, and why; empty for a run."""
    first_two: str = ""
    """Whether the best two networks can be told apart, as a sentence; empty where that isn't known."""
    rules: Verdicts | None = None
    """What the run says of its study's rules; None where it declares none."""

    @property
    def known_guess(self) -> float | None:
        """Error of guessing a class, or the mean of the target; None where nothing tells it."""
        if self.task == "regression":
            return 1.0
        return self.guessing if self.classes is None else 1 - 1 / self.classes

    @property
    def guess(self) -> float:
        """Error at which a failure enters means: of guessing, else the table's worst."""
        if self.known_guess is not None:
            return self.known_guess
        return float(self.frame["error"].max()) if self.frame["error"].notna().any() else 1.0


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
        rule_header=HEADER,
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
    return _distribution(report, frame) | {
        "report": report,
        "sentence": " ".join(filter(None, (sentence(frame, report.total), UNITS[report.task]["note"]))),
        "tiles": tiles(frame, report.total),
        "finished": len(frame),
        "windows": [acceptance(window) for window in report.windows],
        "best": _best_networks(report, best, places),
        "trained": int(frame["error"].notna().sum()),
        "curves": any(report.curves.get(int(trial)) for trial in best["trial"]),
        "costs": any(name in frame and (frame[name] > 0).any() for name in COSTS),
        "data": _data(report, frame, best, styles, places),
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


def _spaces(report: Report, frame: pd.DataFrame) -> list[str]:
    """The spaces of a report in the order of their marks."""
    return list(dict.fromkeys((*report.spaces, *sorted(frame["space"].unique()))))


def _distribution(report: Report, frame: pd.DataFrame) -> dict[str, Any]:
    """Whether distributions are drawn and how they compare, or the reason why they aren't."""
    try:
        sample = edfs(frame, guess=report.known_guess)
    except Refused as refusal:
        return {"drawn": False, "pairs": [], "warnings": [], "refusal": f"{refusal}; {refusal.hint}", "left_out": 0}
    compared = compare_all(sample)
    return {
        "drawn": bool(sample),
        "pairs": [pair(comparison) for comparison in compared],
        "warnings": list(dict.fromkeys(warning for comparison in compared for warning in comparison.warnings)),
        "refusal": "",
        "left_out": len(frame) - sum(edf.n for edf in sample),
    }


def _best_networks(report: Report, best: pd.DataFrame, places: Mapping[int, int]) -> list[dict[str, Any]]:
    """Row, texts and picture of the best networks, in order."""
    trials = [int(trial) for trial in best["trial"]]
    steps = {trial: stairs(report.networks[trial], report.inputs) for trial in trials if trial in report.networks}
    axes = scale(steps.values())
    pictures: dict[int, Picture] = {trial: picture(own, axes) for trial, own in steps.items() if own}
    return [
        {
            "trial": trial,
            "place": places[trial],
            "space": str(row["space"]),
            "architecture": str(row.get("architecture", "")),
            "values": network_values(row, UNITS[report.task]),
            "picture": pictures.get(trial),
        }
        for trial, row in zip(trials, best.to_dict("records"), strict=True)
    ]


def _data(report: Report, frame: pd.DataFrame, best: pd.DataFrame, styles: Styles, places: Mapping[int, int]) -> Markup:
    """What the script reads, as JSON that can't leave its element."""
    enters = may_enter(frame)
    payload = {
        "rows": len(frame),
        "columns": [column(name, frame[name], report.dimensions, report.task) for name in frame.columns],
        "spaces": [{"name": name} | asdict(styles[name]) for name in _spaces(report, frame)],
        "enters": None if enters.all() else packed(enters.to_numpy(), "u1"),
        "guess": report.guess,
        "worst": None if report.known_guess is None else BETTER * report.known_guess,
        "shown": shown(frame, report.dimensions),
        "hover": hover(frame, report.dimensions),
        "best": [places[int(trial)] for trial in best["trial"]],
        "curves": curves_payload(report.curves, places),
        "layers": layers_payload(report.networks, report.inputs, places),
        "outcomes": {str(outcome): words for outcome, words in SENTENCES.items()},
        "units": UNITS[report.task],
    }
    return Markup(json_text(payload))  # noqa: S704 - json_text escapes


def _policy(scripts: Sequence[str]) -> str:
    """A policy that lets nothing in but our scripts, by hash; styles are inline, because plotly writes its own."""
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
