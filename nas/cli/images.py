"""The verb that shows the images which decide between two spaces or two networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import Folder, Json
from nas.cli.terminal import emit_head, emit_json, emit_table, say

if TYPE_CHECKING:
    from nas.findings.images import Images


def images(
    folder: Folder,
    first: Annotated[
        str | None, typer.Option(metavar="SIDE", help="A space or the number of a trial (default: the best network).")
    ] = None,
    second: Annotated[
        str | None, typer.Option(metavar="SIDE", help="The other side (default: the second best network).")
    ] = None,
    top: Annotated[int | None, typer.Option(help="Images of each kind (default: 8, on a page 24).", min=1)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="A page with the images themselves.")
    ] = None,
    json: Json = False,
) -> None:
    """Which validation images decide between two spaces or networks, and which nearly all get wrong."""
    from nas.files import write_atomically
    from nas.findings.images import TOP
    from nas.findings.images import images as found
    from nas.page.images import PICTURES, page

    result = found(folder, first, second)
    if out is not None:
        write_atomically(out, page(result, top or PICTURES).encode())
        say(str(out), err=True)
    if json:
        _emit(result, top or TOP)
    else:
        _show(result, top or TOP)


def _show(result: Images, top: int) -> None:
    """What the numbers rest on, then a table of each kind of images."""
    from nas.findings.wording.images import HEADER

    emit_head(result.title, result.head, result.notes)
    for title, rows in result.groups(top):
        say(f"\n{title}\n")
        if rows:
            emit_table(HEADER, map(result.cells, rows), left=2)
        else:
            say("  none")


def _emit(result: Images, top: int) -> None:
    """All numbers for programs; images by their place in the validation split."""
    first_wrong, second_wrong, hardest = (rows for _, rows in result.groups(top))
    emit_json(
        first={"name": result.first.name, "trials": result.first.trials},
        second={"name": result.second.name, "trials": result.second.trials},
        trainings=result.trainings,
        n=result.counts.shape[1],
        first_wrong=first_wrong,
        second_wrong=second_wrong,
        hardest=hardest,
        paired=result.pair,
        over_seeds=result.over_seeds,
        images_and_seeds=result.parts,
        notes=result.notes,
    )
