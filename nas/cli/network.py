"""The network that a verb speaks of: published, exported or saved, at a requested input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.layers import Layer, Shape, Smallest, Summary

IMAGE = "1x28x28"
MOST_PIXELS = 2**16
"""Largest edge of an image that is described."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network that is described."""

    name: str
    """As it was given."""
    build: Callable[[Shape], Layer]
    """Its layer tree for an input."""
    published: Shape
    """The input that it was made for."""
    inputs: Shape
    """The requested input."""
    source: str
    """Where it comes from."""

    def normed(self, norm: str) -> Subject:
        """With another norm throughout, as `layer` or `group:8`; Refused where it has none."""
        from nas.layers import norm_named, with_norm

        other = norm_named(norm)
        return replace(self, build=lambda inputs: with_norm(self.build(inputs), other))

    def summary(self) -> Summary:
        """Its costs; an invalid input is refused with the smallest valid one."""
        from nas.errors import ImpossibleShape
        from nas.layers import shape_text, summary

        try:
            return summary(self.build(self.inputs), self.inputs)
        except ImpossibleShape as impossible:
            smallest = self.smallest()
            hint = f"its published input is {shape_text(self.published)}"
            if smallest:
                hint = f"the smallest square input of {self.name} is {shape_text(smallest.shape)}"
            raise ImpossibleShape(
                f"{self.name} can't take {shape_text(self.inputs)}: {impossible}", hint=hint
            ) from None

    def smallest(self) -> Smallest | None:
        """The smallest square image of the requested channels; None for vectors."""
        from nas.layers import smallest_input

        if not len(self.inputs) == len(self.published) == 3:
            return None
        return smallest_input(self.build, self.inputs[0], max(self.published[1:]))


def find(name: str, shape: str | None, classes: int | None) -> Subject:
    """The network of a name, a folder or a file."""
    from nas.models.folder import ARCHITECTURE, exported

    file = Path(name) if name.endswith(".json") else exported(name) / ARCHITECTURE
    if name.endswith(".json") or file.is_file():
        return _saved(name, file, shape)
    from nas.errors import Refused
    from nas.storage.layout import STUDY
    from nas.study import catalog

    if Path(name, STUDY).is_file():
        raise Refused(f"{name} is the folder of a run", hint=join(["nas", "describe", name, "--trial", "0"]))
    network = catalog.network(name)
    outputs = classes or network.classes
    return Subject(
        name=name,
        build=lambda inputs: network.architecture.network(inputs, outputs),
        published=network.inputs,
        inputs=_shape(shape) if shape else network.inputs,
        source=network.source,
    )


def of_trial(folder: str, trial: int, shape: str | None, classes: int | None, study: str | None) -> Subject:
    """The network of a run's trial, from its kept weights or from the code of its study."""
    from nas.cli.source import study_or_spaces
    from nas.runner.winners import found_again
    from nas.storage.results import open_run

    run = open_run(Path(folder))
    record, info = run.record(trial), run.manifest.data
    kept = run.layer(record) if classes is None else None
    outputs = classes or info.outputs
    network = partial(_same, kept) if kept else found_again(run, record, study_or_spaces(study))[0].network
    edge = int(record.point.get("resolution", 0))
    trained = (info.shape[0], edge, edge) if edge else info.shape

    return Subject(
        name=f"trial {trial} of {folder}",
        build=lambda inputs: network(inputs, outputs),
        published=trained,
        inputs=_shape(shape) if shape else trained,
        source=record.space,
    )


def _same(layer: Layer, inputs: Shape, classes: int) -> Layer:
    """A layer tree that is kept, whatever is requested."""
    return layer


def _saved(name: str, path: Path, shape: str | None) -> Subject:
    from nas.errors import Refused, path_text
    from nas.models.document import decode_file

    if not path.is_file():
        raise Refused(f"there is no file {path_text(path)}")
    document = decode_file(path, path.read_bytes())
    return Subject(
        name=name,
        build=lambda _: document.layers,
        published=document.inputs,
        inputs=_shape(shape) if shape else document.inputs,
        source=document.study,
    )


def _shape(text: str) -> Shape:
    from nas.errors import Refused

    try:
        shape = tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        shape = ()
    if len(shape) not in (1, 3) or min(shape) < 1 or max(shape) > MOST_PIXELS:
        raise Refused(f"a shape is channels x height x width, such as {IMAGE}, or a number of features, got {text!r}")
    return shape
