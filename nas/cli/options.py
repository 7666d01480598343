"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass


Folder = Annotated[Path, typer.Argument(help="Folder of a run.")]


Json = Annotated[bool, typer.Option("--json", help="One JSON object for programs.")]
