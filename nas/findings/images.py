"""Which validation images decide between two spaces or two networks of a run, and which are hard for nearly all.

Every completed training keeps which images it got wrong; nothing is known of what it took them for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from nas.analysis import ImagesAndSeeds, PairedErrors, images_and_seeds, paired
from nas.errors import NasError, Refused
from nas.findings.same_images import over_seeds, repeated
from nas.findings.wording.images import (
    HEADER,
    group_title,
    hardest_text,
    image_cells,
    pair_text,
    parts_text,
    side_text,
)
from nas.findings.wording.numbers import plural, shortened
from nas.layers.display import html_table, notebook
from nas.storage.results import Run, open_run, require_validated
from nas.storage.wrong_images import Wrong

if TYPE_CHECKING:
    import pandas as pd

    from nas.data import DataInfo

NEARLY = 0.9
"""Share of all trainings from which on an image counts as wrong in nearly all."""
TOP = 8
"""Images of each kind that are shown unless it is said."""


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One validation image and who gets it wrong."""

    image: int
    """Its place in the validation split, counted from 0."""
    label: str
    """Its class; empty where the data isn't at hand."""
    first: int
    """Trainings of the first side that are wrong."""
    second: int
    """Trainings of the second side that are wrong."""
    wrong: int
    """Trainings of the whole run that are wrong."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A space or a network."""

    name: str
    """Of the space, or of the trial with its space."""
    trials: tuple[int, ...]
    """Its completed trainings."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """The images of a run by who gets them wrong."""

    title: str
    """Name of the study."""
    first: Side
    """One side."""
    second: Side
    """The other."""
    counts: NDArray[np.int64] = field(repr=False)
    """Trainings of the first side, of the second and of the whole run that get each image wrong, (3, images)."""
    trainings: int
    """Completed trainings of the whole run."""
    labels: tuple[str, ...] = field(repr=False)
    """Class of each image; empty texts where the data isn't at hand."""
    info: DataInfo | None = field(repr=False)
    """The prepared data; None where it isn't at hand."""
    pair: PairedErrors | None
    """The two trainings on the same images; None for spaces."""
    over_seeds: PairedErrors | None
    """All trainings of these two networks, in the run and its audit; None unless both have several."""
    parts: ImagesAndSeeds | None
    """What images and seeds add to an error; None where no network was trained twice."""
    notes: tuple[str, ...]
    """What must be said beside all of it."""

    @property
    def first_wrong(self) -> NDArray[np.intp]:
        """Images that the first side gets wrong more often than the second, the clearest first."""
        return self._decisive(self._difference)

    @property
    def second_wrong(self) -> NDArray[np.intp]:
        """Images that the second side gets wrong more often than the first, the clearest first."""
        return self._decisive(-self._difference)

    @property
    def hardest(self) -> NDArray[np.intp]:
        """Images that nearly all trainings get wrong, the hardest first: their labels may be wrong."""
        order = np.argsort(-self.counts[2], kind="stable")
        hard: NDArray[np.intp] = order[self.counts[2][order] >= NEARLY * self.trainings]
        return hard

    @property
    def _difference(self) -> NDArray[np.int64]:
        """Share of the first side that is wrong less that of the second, times the trainings of both: whole numbers."""
        first, second = len(self.first.trials), len(self.second.trials)
        difference: NDArray[np.int64] = self.counts[0] * second - self.counts[1] * first
        return difference

    def _decisive(self, difference: NDArray[np.int64]) -> NDArray[np.intp]:
        """Of equal ones that comes first which fewer trainings of the run get wrong."""
        order = np.lexsort((self.counts[2], -difference))
        decisive: NDArray[np.intp] = order[difference[order] > 0]
        return decisive

    @property
    def head(self) -> tuple[tuple[str, str], ...]:
        """What all numbers rest on, and the numbers that aren't of single images: name and text."""
        n, hard = self.counts.shape[1], len(self.hardest)
        lines = [
            ("first", side_text(self.first.name, len(self.first.trials), len(self.first_wrong))),
            ("second", side_text(self.second.name, len(self.second.trials), len(self.second_wrong))),
            ("hardest", hardest_text(hard, n, self.trainings)),
        ]
        if self.pair:
            lines.append(("paired", pair_text(self.pair)))
        if self.over_seeds:
            lines.append(("over seeds", pair_text(self.over_seeds)))
        if self.parts:
            lines.append(("seeds", parts_text(self.parts)))
        return tuple(lines)

    def groups(self, top: int = TOP) -> tuple[tuple[str, tuple[Image, ...]], ...]:
        """Title and at most so many images of each kind."""
        kinds = (
            (group_title(self.first.name, self.second.name, single=bool(self.pair)), self.first_wrong),
            (group_title(self.second.name, self.first.name, single=bool(self.pair)), self.second_wrong),
            ("wrong in nearly all trainings of the run: is the label right?", self.hardest),
        )
        return tuple((title, tuple(self._image(int(place)) for place in places[:top])) for title, places in kinds)

    def cells(self, image: Image) -> tuple[str, ...]:
        """An image as texts below `HEADER`."""
        sizes = len(self.first.trials), len(self.second.trials), self.trainings
        return image_cells(image.image, image.label, (image.first, image.second, image.wrong), sizes)

    def table(self) -> pd.DataFrame:
        """One row an image, in the order of the validation split: its label, and how many get it wrong."""
        import pandas as pd

        return pd.DataFrame([msgspec.structs.asdict(self._image(place)) for place in range(self.counts.shape[1])])

    def sentences(self) -> tuple[str, ...]:
        """The numbers that aren't of single images, in words."""
        return tuple(text for _, text in self.head)

    def _image(self, place: int) -> Image:
        first, second, wrong = map(int, self.counts[:, place])
        return Image(image=place, label=self.labels[place], first=first, second=second, wrong=wrong)

    def _repr_html_(self) -> str:
        """What a notebook shows: numbers, and a table of each kind of images."""
        tables = [html_table(HEADER, map(self.cells, images), title) for title, images in self.groups()]
        return notebook(self.title, self.head, self.notes, "".join(tables), ())


def images(source: Run | Path | str, first: str | int | None = None, second: str | int | None = None) -> Images:
    """The images on which two sides differ most: names of spaces or numbers of trials, else the best two networks.

    Refused for a run that predicts a number, and for one that doesn't hold which images are wrong.
    """
    run = source if isinstance(source, Run) else open_run(source)
    wrong = _required(run)
    sides = _sides(run, wrong, first, second)
    flags = [np.array([wrong[trial] for trial in side.trials]) for side in sides]
    single = all(isinstance(named, int) for named in _resolved(run, first, second))
    several = repeated(run)
    info, labels, notes = _labels(run)
    return Images(
        title=run.manifest.study.name,
        first=sides[0],
        second=sides[1],
        counts=np.array([flags[0].sum(0), flags[1].sum(0), sum(w.astype(np.int64) for w in wrong.values())]),
        trainings=len(wrong),
        labels=labels,
        info=info,
        pair=paired(flags[0][0], flags[1][0]) if single else None,
        over_seeds=over_seeds(run, [side.trials[0] for side in sides], several) if single else None,
        parts=images_and_seeds(list(several.values())) if several else None,
        notes=(*_notes(run, wrong, first, single=single), *notes),
    )


def _required(run: Run) -> Mapping[int, Wrong]:
    """The wrong images of a run's trainings; refused where there are none."""
    if run.manifest.data.target:
        raise Refused(
            f"{run.folder} predicts a number, so that no image is right or wrong",
            hint=f"nas report {quote(str(run.folder))} shows its errors",
        )
    require_validated(run)
    if not run.best:
        raise Refused("no network has been completed yet", hint=f"nas status {quote(str(run.folder))} says why")
    if not run.wrong_images:
        raise Refused(
            f"{run.folder} doesn't hold which images its networks got wrong: an older version trained it",
            hint="a new run, or an audit of this one, keeps them",
        )
    return run.wrong_images


def _resolved(run: Run, first: str | int | None, second: str | int | None) -> tuple[str | int, str | int]:
    """The two sides as named, numbers of trials as numbers; the best two networks where none is named."""
    if (first is None) != (second is None):
        raise Refused("first and second go together: one side alone was named", hint="--first 12 --second 7")
    if first is not None and second is not None:
        one, other = (_named(run, side) for side in (first, second))
        if one == other:
            raise Refused(f"first and second must differ, got {one} twice")
        return one, other
    kept = [record.trial for record in run.best if record.trial in run.wrong_images][:2]
    if len(kept) < 2:
        raise Refused(f"two networks are needed, and {run.folder} holds the wrong images of {len(kept)}")
    return kept[0], kept[1]


def _named(run: Run, side: str | int) -> str | int:
    """The name of a space or the number of a trial; refused where the run has neither."""
    spaces = list(dict.fromkeys(record.space for record in run.records))
    if isinstance(side, str) and side in spaces:
        return side
    if isinstance(side, str) and not side.isdecimal():
        raise Refused(
            f"{side!r} is neither a space of the run nor the number of a trial", hint=f"spaces: {shortened(spaces, 8)}"
        )
    return int(side)


def _sides(run: Run, wrong: Mapping[int, Wrong], first: str | int | None, second: str | int | None) -> Sequence[Side]:
    return [_side(run, wrong, named) for named in _resolved(run, first, second)]


def _side(run: Run, wrong: Mapping[int, Wrong], named: str | int) -> Side:
    if isinstance(named, str):
        trials = tuple(r.trial for r in run.records if r.space == named and r.trial in wrong)
        if not trials:
            raise Refused(f"no network of {named} has been completed with its wrong images")
        return Side(name=named, trials=trials)
    record = run.record(named)
    if named not in wrong:
        why = "its wrong images weren't kept" if record.error is not None else record.outcome.sentence
        raise Refused(f"trial {named} can't be compared: {why}", hint="nas best names networks that can")
    return Side(name=f"trial {named} ({record.space})", trials=(named,))


def _labels(run: Run) -> tuple[DataInfo | None, tuple[str, ...], list[str]]:
    """The data of a run and the class of each validation image; without the data empty texts and a note."""
    from nas import data

    unknown = ("",) * run.manifest.data.validation
    try:
        info = data.prepare_for(run.manifest.study.recipe)
    except NasError as trouble:
        return None, unknown, [f"The images themselves aren't at hand: {trouble}"]
    if info.key != run.manifest.data.key:
        return None, unknown, [f"{info.name} isn't the data set any more that the run was trained on"]
    return info, tuple(info.classes[label] for label in data.load(info).validation.labels.tolist()), []


def _notes(run: Run, wrong: Mapping[int, Wrong], first: str | int | None, *, single: bool) -> list[str]:
    notes = ["Known is who is wrong, not what an image was taken for"]
    if first is None:
        notes.append("The two networks are the best by these very images, which flatters the first a little")
    elif not single:
        notes.append("With few trainings a side, single images differ by chance, too")
    missing = sum(record.error is not None for record in run.records) - len(wrong)
    if missing:
        notes.append(f"{plural(missing, 'completed trial')} of the run hold no wrong images and don't count")
    return notes
