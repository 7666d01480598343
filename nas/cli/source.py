"""What the verbs about rules read: runs and tables, rules and columns, as the command line names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

from nas.errors import Refused, path_text

if TYPE_CHECKING:
    from nas.findings.tables import Tables
    from nas.space import Space
    from nas.storage.results import Run
    from nas.study import Rule, Study


@dataclass(frozen=True, kw_only=True)
class RunsAndTables:
    """Folders of runs, and files of tables with the columns that say what they hold."""

    verb: str
    """That reads them; it stands in hints."""
    places: Sequence[Path]
    """Folders and files, at least one."""
    table: bool
    """Whether files are tables; else they are refused."""
    error: str | None = None
    """Column of errors in the tables."""
    accuracy: bool = False
    """Whether that column holds accuracies."""
    guess: float | None = None
    """Error of guessing."""
    study: Study | None = None
    """The study behind the tables, whose data tell the error of guessing where nothing else does."""
    space: str | None = None
    """Column of the tables whose values are taken for spaces."""
    cost: str | None = None
    """Column of the tables that holds multiply-adds."""

    def __post_init__(self) -> None:
        """Refuse columns of tables where there are none."""
        options = {"--error COLUMN": self.error, "--space COLUMN": self.space, "--cost COLUMN": self.cost}
        for option, value in {**options, "--accuracy": self.accuracy or None, "--guess SHARE": self.guess}.items():
            if value is not None and not self.table:
                name = option.split()[0]
                raise Refused(f"{name} belongs to tables", hint=f"nas {self.verb} --table FILE {option}")

    @property
    def folders(self) -> list[Path]:
        """Folders of runs; a file without --table is refused."""
        if not self.table and (file := next((place for place in self.places if place.is_file()), None)):
            raise Refused(
                f"{path_text(file)} is a file, not the folder of a run",
                hint=join(["nas", self.verb, "--table", str(file)]),
            )
        return [place for place in self.places if not self.table or place.is_dir()]

    @property
    def files(self) -> list[Path]:
        """Files of tables."""
        return [place for place in self.places if self.table and not place.is_dir()]

    def read(self) -> list[Run | Tables]:
        """Each run, then all tables together."""
        from nas.storage.results import open_run

        read: list[Run | Tables] = [open_run(folder) for folder in self.folders]
        if self.files:
            read.append(self._tables())
        return read

    def _tables(self) -> Tables:
        from dataclasses import replace

        from nas.findings.samples import guessing
        from nas.findings.tables import tables

        read = tables(self.files, self.error, accuracy=self.accuracy, guess=self.guess, space=self.space)
        return read if read.guess is not None else replace(read, guess=guessing(self.study))

    def read_one(self) -> Run | Tables:
        """The one run, or all tables together; refused where there are more."""
        if len(self.folders) + bool(self.files) > 1:
            places = ", ".join(map(str, self.places))
            raise Refused(f"{self.verb} takes one place, or several files of tables, got {places}")
        return self.read()[0]


def column_names(text: str | None) -> list[str] | None:
    """The names of --columns; quotes keep a comma inside a name."""
    import csv

    if text is None:
        return None
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]


def study_named(name: str | None) -> Study | None:
    """The study of this name; None where none is named."""
    from nas.study import catalog

    return catalog.study(name) if name else None


def study_or_spaces(name: str | None) -> Study | tuple[Space, ...] | None:
    """The study behind a run or, of a search, its spaces; None where none is named."""
    from nas.study.search import named

    return named(name) if name else None


def drawn_by(study: Study | None) -> tuple[str, ...] | None:
    """What a named study draws: columns that are held fixed while one of them is asked about."""
    if study is None:
        return None
    dimensions = (dimension for space in study.spaces for dimension in space.dimensions)
    return tuple(dict.fromkeys([*dimensions, *study.vary, *study.grid.values]))


def rules_of(
    study: Study | None, spaces: str | None = None, columns: Sequence[str] | None = None
) -> tuple[Rule, ...] | None:
    """The rules of a named study, or one rule on two spaces; None for neither, refused where there are none.

    Of a study that is named beside columns only what it draws is taken.
    """
    if spaces is not None:
        from nas.study import against

        names = column_names(spaces) or []
        if len(names) != 2 or study is not None:
            given = "also --study" if study is not None else spaces or "nothing"
            raise Refused(f"--against takes the names of two spaces and no --study, got {given}", hint="--against A,B")
        first, reference = names
        return (against(first, reference, f"{first} is better than {reference}."),)
    if columns is not None:
        return None
    if study is not None and not study.rules:
        raise Refused(f"study {study.name!r} declares no rules")
    return study.rules if study else None
