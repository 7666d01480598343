"""What was discovered -> Python source of a study that puts it to the test: the space and the smaller one, anew."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from nas.analysis.discovery.candidates import Tied
from nas.analysis.discovery.discovery import Discovery, Found
from nas.analysis.discovery.narrowing import Step, narrowed, once_more, refined_name, steps
from nas.data.catalog import known
from nas.errors import Refused
from nas.space import Chain, Space
from nas.study import Part, Rule, Spaces, Study, catalog

PUBLIC = ("nas.space", "nas.study")
"""Modules from which a study imports our own types, the first that has one."""
ORDERS = {"rises": "rising", "falls": "falling"}
"""Orders that have a function of their own."""
WIDTH = 118


def study_file(study: Study, space: Space, discovery: Discovery) -> str:
    """Source of a study of the space and of what discovery left of it, as `study` trains them, with a fresh seed.

    Fresh networks are an honest test of all findings at once. A space from a file of the user is imported from there,
    so the new file belongs beside it. Refused where nothing was found that makes the space smaller.
    """
    helping = [finding for finding in discovery.found if finding.helps or finding.free]
    varied = [
        finding for finding in helping if isinstance(finding.condition, Part) and finding.condition.column in study.vary
    ]
    changes = steps(space, [finding for finding in helping if finding not in varied])
    if not changes:
        raise Refused(
            f"nothing was found that makes {space.name} smaller",
            hint=f"{discovery.n_explored + discovery.n_confirming} networks were explored; more may show it",
        )
    vary = {
        **study.vary,
        **narrowed(study.vary, [finding.condition for finding in varied if isinstance(finding.condition, Part)]),
    }
    writer = _Writer()
    base = writer.space(space, study)
    chain = "\n    ".join(f".{writer.step(step)}" for step in changes)
    settings = "".join(f"    {name}={text},\n" for name, text in _settings(writer, study, space, vary))
    return "\n".join(
        (
            f'"""{_docstring(study, space, discovery, helping)}"""\n',
            *writer.imported(),
            f"\nSPACE = {base}",
            f"REFINED = (\n    SPACE{chain}\n    .named({_text(refined_name(space))})\n)",
            f"STUDY = Study(\n{settings})\n",
        )
    )


def neighbours(source: str) -> list[Path]:
    """Files of the user that a written study imports, which it has to lie beside."""
    files = {
        catalog.imported_as(name): module.__file__
        for name, module in sys.modules.items()
        if catalog.imported_as(name) != name
    }
    return [
        Path(file).resolve()
        for name, file in files.items()
        if file and re.search(rf"^(import|from) {re.escape(name)}\b", source, re.MULTILINE)
    ]


def _settings(writer: _Writer, study: Study, space: Space, vary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields of the new study as source, those at their defaults left out."""
    smaller = refined_name(space)
    rule = Rule(
        name="refined",
        statement=f"What was found in {space.name} by {study.name} makes its networks better.",
        contrast=Spaces(first=smaller, reference=space.name),
    )
    values: dict[str, Any] = {
        "name": once_more(study.name, "_refined", "_"),
        "question": f"Are the networks of the refined {space.name} better than those of the whole?",
        "samples": study.samples,
        "recipe": msgspec.structs.replace(study.recipe, data=_place(study.recipe.data)),
        "vary": dict(vary),
        "grid": study.grid,
        "limits": study.limits,
        "strata": study.strata,
        "seed": study.seed + 1,
        "max_trial_seconds": study.max_trial_seconds,
        "rules": () if study.grid.values else (rule,),
        "looks": None if study.grid.values else study.looks,
    }
    for name, value in values.items():
        if name == "samples":
            yield "spaces", "(SPACE, REFINED)"
        if name in ("name", "question", "samples", "recipe") or value != _default(Study, name):
            yield name, writer.value(value)
    writer.uses("nas.study", "Study")


def _docstring(study: Study, space: Space, discovery: Discovery, helping: list[Found]) -> str:
    """What was found, with its numbers."""
    n = discovery.n_explored + discovery.n_confirming
    lines = [
        f"Are the networks of {space.name} better where they obey what was found in {study.name}?\n",
        f"Source: {n:,} random networks, {discovery.tried} candidates scored on {discovery.n_explored:,} of them, the "
        f"best confirmed on the other {discovery.n_confirming:,}:",
        *(_line(finding) for finding in helping),
        "What would count as an answer: P(better) and the shift with their intervals, between fresh networks of both.",
        f"Expected time: {2 * study.samples} networks, each as long as one of {study.name}.",
    ]
    text = "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in lines if line)
    return text.replace("\\", "\\\\").replace('"', "'").replace("?\n", "?\n\n", 1) + "\n"


def _line(finding: Found) -> str:
    """A finding as a line of a list."""
    verdict = finding.verdict
    what = finding.name
    if isinstance(finding.condition, Tied):
        near = "equal" if finding.condition.exact else "nearly equal"
        helps = "costs nothing" if finding.free else "helps"
        what = f"one {finding.condition.group} for all {helps}: {near} against others"
    sides = f"{verdict.n_first} against {verdict.n_second} networks"
    return f"* {what}: {verdict.effect:+.4f} [{verdict.low:+.4f}, {verdict.high:+.4f}], {sides}."


@dataclass
class _Writer:
    """Values as source, and the imports that this takes."""

    imports: set[tuple[str, str]] = field(default_factory=set)

    def uses(self, module: str, name: str) -> str:
        """A name of a module, imported; the name as source."""
        self.imports.add((module, name))
        return name

    def imported(self) -> list[str]:
        """The lines that import all of it, one a module."""
        by_module: dict[str, list[str]] = {}
        for module, name in sorted(self.imports):
            by_module.setdefault(module, []).append(name)
        return [
            f"from {module} import {', '.join(names)}" if names != [""] else f"import {module}"
            for module, names in by_module.items()
        ]

    def step(self, step: Step) -> str:
        """A change of a space as a method's call."""
        if step.share:
            return f"share({_text(step.share)})"
        if step.restrict is not None:
            name, dimension = step.restrict
            return f"restrict({name}={self.value(dimension)})"
        if step.bound is not None:
            ends = {"low": step.bound.low, "high": step.bound.high}
            stated = [f"{name}={self.value(end)}" for name, end in ends.items() if end is not None]
            return f"bound({', '.join([_text(step.bound.column), *stated])})"
        return f"require({self.value(step.require)})"

    def space(self, space: Space, study: Study) -> str:
        """A space by the name that it has in a module, else written out."""
        for module in _modules(space, study):
            if path := _path(module, space):
                return self.inside(module.__name__, path)
        return self.value(space)

    def inside(self, module: str, path: str) -> str:
        """What a path leads to in a module."""
        importable = _importable(module)
        parent, _, own = importable.rpartition(".")
        return f"{self.uses(parent, own) if parent else self.module(importable)}.{path}"

    def module(self, name: str) -> str:
        """A module that lies in no package."""
        self.imports.add((name, ""))
        return name

    def value(self, value: Any) -> str:
        """Any value of a study as source; refused where it has none."""
        if isinstance(value, partial):
            bound = [*map(self.value, value.args), *(f"{name}={self.value(v)}" for name, v in value.keywords.items())]
            self.uses("functools", "partial")
            return f"partial({', '.join([self.value(value.func), *bound])})"
        if isinstance(value, tuple):
            parts = [self.value(part) for part in value]
            if any("\n" in part for part in parts):
                return "".join(["(", *("\n        " + part.replace("\n", "\n    ") + "," for part in parts), "\n    )"])
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        if isinstance(value, Mapping):
            return f"{{{', '.join(f'{_text(name)}: {self.value(v)}' for name, v in value.items())}}}"
        if isinstance(value, Chain) and value.relation in ORDERS:
            return f"{self.uses('nas.space', ORDERS[value.relation])}({_text(value.group)})"
        if isinstance(value, msgspec.Struct) or (is_dataclass(value) and not isinstance(value, type)):
            return self.record(value)
        if isinstance(value, str):
            return _text(value)
        if value is None or isinstance(value, bool | int | float):
            return f"{value:_}" if type(value) is int else repr(value)
        return self.function(value)

    def record(self, value: Any) -> str:
        """A struct with the fields that aren't at their defaults."""
        kind = type(value)
        every = [f.name for f in fields(value)] if is_dataclass(value) else list(value.__struct_fields__)
        given = {name: getattr(value, name) for name in every if getattr(value, name) != _default(kind, name)}
        place = next((module for module in PUBLIC if getattr(sys.modules.get(module), kind.__name__, None) is kind), "")
        name = self.uses(place, kind.__name__) if place else self.inside(kind.__module__, kind.__qualname__)
        arguments = [f"{field}={self.value(v)}" for field, v in given.items()]
        if sum(map(len, arguments)) < WIDTH - 30:
            return f"{name}({', '.join(arguments)})"
        return f"{name}(\n        {f',{chr(10)}        '.join(arguments)},\n    )"

    def function(self, value: Callable[..., Any]) -> str:
        """A function by its name in its module; refused where it has none there."""
        path = getattr(value, "__qualname__", "")
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", path):
            raise Refused(f"{value!r} can't be written down", hint="give it a name at the top of a module")
        return self.inside(value.__module__, path)


def _place(data: str) -> str:
    """A data set's name, or its path in full, so that it is found from any folder."""
    path = Path(data).expanduser()
    return data if known(data) or not data or not path.exists() else str(path.resolve())


def _text(value: str) -> str:
    """A text in double quotes where that needs no escape."""
    return f'"{value}"' if value.isprintable() and not {'"', "\\"} & set(value) else repr(value)


def _default(kind: type, name: str) -> Any:
    """The default of a field; a value that equals nothing where it has none."""
    if issubclass(kind, msgspec.Struct):
        described = {f.name: f for f in msgspec.structs.fields(kind)}[name]
        return described.default_factory() if callable(described.default_factory) else described.default
    own = kind.__dataclass_fields__[name]  # type: ignore[attr-defined]
    return own.default_factory() if callable(own.default_factory) else own.default


def _modules(space: Space, study: Study) -> Iterator[ModuleType]:
    """Where a space may have a name: beside its decoder, then among the families that come with this program."""
    decode = space.decode.func if isinstance(space.decode, partial) else space.decode
    if decode.__module__ in sys.modules:
        yield sys.modules[decode.__module__]
    yield from catalog.family_modules()


def _path(module: ModuleType, space: Space) -> str:
    """How a module calls a space, itself or a field of a named tuple; empty where it doesn't."""
    for name, value in vars(module).items():
        if isinstance(value, Space) and value == space:
            return name
        for part in getattr(value, "_fields", ()) if isinstance(value, tuple) else ():
            if getattr(value, part) == space:
                return f"{name}.{part}"
    return ""


def _importable(module: str) -> str:
    """The name under which another file imports a module."""
    name = catalog.imported_as(module)
    if not all(part.isidentifier() for part in name.split(".")) or (name != module and "." in name):
        raise Refused(
            f"{name}.py can't be imported from another file, for that is no name in Python",
            hint=f"rename it {re.sub(r'[^A-Za-z0-9]', '_', name)}.py",
        )
    if name == "__main__":
        raise Refused("what is defined in the program itself can't be imported", hint="put it into a file of its own")
    return name
