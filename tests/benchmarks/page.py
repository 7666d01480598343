"""The page: bytes, seconds to build it, CPU time of its main thread until it is ready and for a brush to all views.

Of brushes the CPU time of all tasks is told, and the longest of them on the clock (tasks below 50 ms aren't counted).

    python -m tests.benchmarks.page --rows 240,10000,46000 [--against CHECKOUT]

The table is the published one of the ladder, resampled to so many rows, with a fiftieth of them failed and, from 40,000
rows on, three errors of 1e9. `--against` builds the same page with another checkout of this program, for ratios in one
run. Times are of one browser on one machine: compare them within a run.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

ROOT = Path(__file__).parents[2]
LADDER = ROOT / "studies/results/anynet_ladder.csv.gz"
CHROMIUM = "/usr/bin/chromium"
HUGE_FROM = 40_000
BRUSHES = (0.19, 0.18, 0.17, 0.175, 0.2)
"""Upper ends of the errors that are selected one after another."""


def table(rows: int, path: Path) -> Path:
    """So many networks as a CSV file."""
    rng = np.random.default_rng(0)
    frame = pd.read_csv(LADDER).sample(rows, replace=rows > 240, random_state=0).reset_index(drop=True)
    frame["trial"] = np.arange(rows)
    if rows > 240:
        frame["error"] += rng.normal(0, 0.002, rows)
        frame["architecture"] = [f"{number:016x}" for number in range(rows)]
        frame.loc[frame.index % 50 == 7, ["error", "outcome"]] = [None, "diverged"]
    if rows >= HUGE_FROM:
        frame.loc[[1, 2, 3], "error"] = 1e9
    frame.to_csv(path, index=False)
    return path


def built(source: Path, page: Path, code: Path) -> float:
    """Seconds of CPU (user and system) of `nas report` with a checkout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "nas", "report", "--table", str(source), "-o", str(page)]
    subprocess.run(command, check=True, capture_output=True, cwd=code, env=os.environ | {"PYTHONPATH": str(code)})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def shown(page: Path, height: int) -> tuple[float, list[float], float]:
    """Seconds of the main thread until the page is ready, for each brush, and of the longest task among the brushes."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1440, "height": height})
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-ready]", timeout=120_000)
        ready, brushes = seconds(session), []
        tab.wait_for_timeout(1500)
        tab.evaluate(
            "window.longest = 0; new PerformanceObserver(found => found.getEntries()"
            ".forEach(task => (longest = Math.max(longest, task.duration)))).observe({type: 'longtask'})"
        )
        for end in BRUSHES if tab.evaluate("typeof runOf === 'function' && !!runOf(shown()).model") else ():
            start = seconds(session)
            tab.evaluate(f"runOf(shown()).model.set('error', range(-Infinity, {end}))")
            tab.wait_for_timeout(1500)
            brushes.append(seconds(session) - start)
        longest = float(tab.evaluate("longest")) / 1000
        browser.close()
    return ready, brushes, longest


def seconds(session: CDPSession) -> float:
    """CPU time of the main thread so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def brush_text(brushes: list[float], longest: float) -> str:
    """Least and largest CPU time of a brush, and the longest task."""
    return f"{1000 * min(brushes):.0f} to {1000 * max(brushes):.0f} ({1000 * longest:.0f})" if brushes else "-"


def main() -> None:
    """Print a row for each number of rows and checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="240,10000")
    parser.add_argument("--against", type=Path, action="append", default=[])
    options = parser.parse_args()
    say = sys.stdout.write
    say("  rows  code                 MB  built s  ready s  brush ms, screen of 900 px      of 6,000 px\n")
    with tempfile.TemporaryDirectory() as folder:
        for rows in map(int, options.rows.split(",")):
            source = table(rows, Path(folder) / "table.csv")
            for code in (ROOT, *options.against):
                page = Path(folder) / "page.html"
                cpu = built(source, page, code)
                (ready, screen, longest), (_, tall, longest_tall) = shown(page, 900), shown(page, 6000)
                times = [brush_text(screen, longest), brush_text(tall, longest_tall)]
                size = page.stat().st_size / 1e6
                say(f"{rows:6d}  {code.name:16}  {size:5.2f}  {cpu:7.1f}  {ready:7.2f}")
                say(f"  {times[0]:>26}  {times[1]:>20}\n")


if __name__ == "__main__":
    main()
