"""Arguments and options that several verbs share: spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TABLES, MACHINE = "Tables", "Machine and time"
"""Groups of options in the help."""

Folder = Annotated[Path, typer.Argument(help="Folder of a run.")]
Places = Annotated[
    list[Path], typer.Argument(metavar="DIR...", help="Folders of runs; with --table also files of tables.")
]
AsTable = Annotated[
    bool,
    typer.Option(
        "--table", help="Files among them are tables: .csv, .parquet, .json, ours or anybody's.", rich_help_panel=TABLES
    ),
]
ErrorColumn = Annotated[
    str | None,
    typer.Option(
        "--error", metavar="COLUMN", help="Column of errors in the tables (default: error).", rich_help_panel=TABLES
    ),
]
SpaceColumn = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="COLUMN",
        help="Column of the tables whose values are taken for spaces.",
        rich_help_panel=TABLES,
    ),
]
RuleColumns = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B,...", help="One rule a column in place of the run's: larger is better."),
]
RulesOf = Annotated[
    str | None, typer.Option("--study", metavar="NAME", help="Take the rules of this study in place of the run's.")
]
OwnStudy = Annotated[
    str | None,
    typer.Option("--study", metavar="NAME", help="The run's study, where it was run from a file or a program."),
]
Delta = Annotated[
    float | None, typer.Option("--delta", help="Smallest difference that matters, in the unit of the errors.")
]
Workers = Annotated[
    int | None, typer.Option(help="Trainings at once (default: one a core, 8 a card).", rich_help_panel=MACHINE)
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda (all cards), cuda:1, cuda:0,1.", rich_help_panel=MACHINE)]
MaxSeconds = Annotated[
    float,
    typer.Option(help="Begin no training after so long; the same command resumes.", min=0, rich_help_panel=MACHINE),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object for programs.")]
