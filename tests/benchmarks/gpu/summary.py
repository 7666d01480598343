"""What a session comes home with: a summary of all rows, those that are missing with the reason, and one archive."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tarfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import nas
from nas.files import write_atomically
from nas.training.devices import device_name
from tests.benchmarks.gpu.rows import NOT_BEGUN, Kept, Part, Row
from tests.benchmarks.gpu.session import Session, code

NOT_ASKED = "not asked for (--parts)"
ARCHIVED = ("*.json", "*.log", "run/*.json", "run/*.csv", "run/*.log", "run/study.db*")
UNTOLD = ("device", "code")
"""Facts that every row carries; the table has them once."""


def machine(device: str) -> dict[str, Any]:
    """What it ran on."""
    cuda = {"cuda": torch.version.cuda, "driver": smi()} if device == "cuda" else {}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "nas": nas.__version__, **cuda}
    return {"device": device_name(device), "cores": os.cpu_count(), **versions, "code": code()}


def smi() -> str:
    """What the driver says of the card."""
    words = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"unknown: {error}"


def told(part: Part, kept: Kept, *, asked: bool, seconds: float) -> dict[str, Any]:
    """A part in the summary: its rows, and why others are missing."""
    reasons = kept.missing(part)
    if not asked:
        reasons = {key: NOT_ASKED if reason == NOT_BEGUN else reason for key, reason in reasons.items()}
    rows = {key: kept.rows[key] for key in part.rows if key in kept.rows}
    older = {key: row for key, row in kept.rows.items() if key not in part.rows}  # of another network or recipe
    return {"rows": {**rows, **older}, "missing": reasons, "seconds": seconds}


def summary(
    session: Session, parts: Sequence[Part], kept: Mapping[str, Kept], spent: Mapping[str, float], facts: Row
) -> dict[str, Any]:
    """Facts of the machine, then all parts, then the same as text."""
    found = {
        part.name: told(part, kept[part.name], asked=part.name in spent, seconds=spent.get(part.name, 0.0))
        for part in parts
    }
    lines = [", ".join(f"{key} {value}" for key, value in facts.items())]
    for part in parts:
        lines += text(part, found[part.name], facts.get("code"))
    return {"machine": facts, "scale": asdict(session.scale), "parts": found, "text": lines}


def text(part: Part, found: Mapping[str, Any], code_now: str | None = None) -> list[str]:
    """A part as lines: its rows with their plain numbers, what follows from them, what is missing."""
    rows, missing = found["rows"], found["missing"]
    wanted = len(part.rows)
    lines = ["", f"{part.name}: {wanted - len(missing)} of {wanted} rows, {found['seconds']:.0f} s now"]
    width = max(map(len, rows), default=0)
    lines += [f"  {key:<{width}}  {'  '.join(numbers(row))}" for key, row in rows.items()]
    lines += [f"  > {line}" for line in concluded(part, rows)]
    if other := [key for key, row in rows.items() if code_now and row.get("code") != code_now]:
        lines.append(f"  measured with other sources than now (--again measures anew): {'; '.join(other)}")
    reasons: dict[str, list[str]] = defaultdict(list)
    for key, reason in missing.items():
        reasons[reason].append(key)
    return [*lines, *(f"  missing: {'; '.join(keys)}: {reason}" for reason, keys in reasons.items())]


def concluded(part: Part, rows: Mapping[str, Row]) -> list[str]:
    """What follows from the rows; a conclusion that can't be drawn doesn't cost the summary."""
    try:
        return part.conclusion(dict(rows))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        return [f"no conclusion: {type(error).__name__}: {error}"]


def numbers(row: Mapping[str, Any], before: str = "") -> list[str]:
    """Plain numbers and short words of a row, those of tables in it with both names."""
    found: list[str] = []
    for key, value in row.items():
        if isinstance(value, Mapping):
            found += numbers(value, f"{before}{key}.")
        elif isinstance(value, float):
            found.append(f"{before}{key} {value:.4g}")
        elif isinstance(value, int | str) and key not in UNTOLD:
            found.append(f"{before}{key} {value}")
    return found


def write(out: Path, folder: Path, whole: Mapping[str, Any]) -> None:
    """Two files: the summary, and all logs, parts and the study's records in one archive."""
    write_atomically(out / "summary.json", json.dumps(whole, indent=1).encode())
    unfinished = out / ".parts.tar.gz.partial"
    with tarfile.open(unfinished, "w:gz") as archive:
        for path in sorted(path for pattern in ARCHIVED for path in folder.glob(pattern)):
            archive.add(path, arcname=str(Path("parts") / path.relative_to(folder)))
    unfinished.replace(out / "parts.tar.gz")
