"""How `nas principles --discover` looks: what was tried, what survived, and the smaller space as a file."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from nas.cli.terminal import emit_json, emit_table, emit_text, say

if TYPE_CHECKING:
    from nas.findings.discovery import Discovered


def emit_discovery(found: Discovered, out: Path | None, json: bool) -> None:
    """Show what was found, and write the study that tests it; where nothing makes the space smaller there is none."""
    if found.study is not None and not found.smaller:
        out = None
    if out is not None:
        found.write(out)
    if not json:
        _show(found, out)
        return
    rows = [{**row, "n": row["n_first"] + row["n_second"]} for row in found.table().to_dict("records")]
    emit_json(
        principles=rows,
        space=found.space,
        tried=found.discovery.tried,
        n_explored=found.discovery.n_explored,
        n_confirming=found.discovery.n_confirming,
        smaller=found.smaller,
        notes=found.notes,
        file=str(out) if out else None,
    )


def _show(found: Discovered, out: Path | None) -> None:
    from nas.findings.wording.rules import HEADER

    say(found.title)
    for name, text in found.head:
        emit_text(f"  {name:<8} {text}", hang=11)
    for note in found.notes:
        emit_text(f"  note     {note}", hang=11)
    say("")
    if not found.rows:
        tried = found.discovery.tried
        reason = "No candidate stood out in the explored half" if tried else "No rule splits so few networks"
        say(f"{reason}, so there was nothing to confirm and there is no next study.")
        return
    emit_table(HEADER, [(row.name, row.verdict, *row.cells) for row in found.rows], left=2)
    say("")
    for row in found.rows:
        emit_text(row.sentence, hang=2)
        for warning in row.warnings:
            emit_text(f"  warning: {warning}", hang=4)
    say("")
    _show_smaller(found, out)


def _show_smaller(found: Discovered, out: Path | None) -> None:
    """What the findings leave of the space, and how to go on."""
    if found.study is None:
        say("Which study the rows are from isn't known (--study NAME), so no smaller space is made of it.")
    elif not found.smaller:
        say(f"Nothing was confirmed that makes {found.space} smaller, so there is no next study.")
    else:
        say(f"{found.space}, refined: {'; '.join(found.smaller)}")
        on = f"nas run {quote(str(out))}" if out else "-o FILE.py writes a study that"
        say(f"{on} trains fresh networks of both" + (", which is the honest test" if out else ""))
