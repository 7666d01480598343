"""docs/api.md, made from the docstrings of the public names: `python -m tests.reference` writes it anew.

nas.__all__ and the faces of nas.layers, nas.space, nas.study --source--> syntax trees --entries--> Markdown
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import nas
from nas.layers import Node
from nas.study.table import COLUMNS

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
LONGEST = 100
"""Characters of a signature on one line."""
HEAD = """# API reference

Made from the docstrings by `python -m tests.reference`; a test holds it up to date.
Errors are shares of wrong images, for a number RMSE over the target's standard deviation.
Shapes are channels x height x width, or features, without the batch.
What a caller can cause raises `nas.NasError` or one of its kinds in `nas.errors`: `Refused` (also a ValueError) with
`ImpossibleShape` and `EmptyWindow`, `Missing`, `StorageFailed`, `MachineFailed`, `Interrupted`.
Messages say the rule, the value and a way out.
"""
FACES = {
    "nas.layers": "Layers: nodes of a network, and what is computed from them",
    "nas.space": "Spaces: dimensions and requirements",
    "nas.study": "Studies: what belongs to one",
}
"""Packages whose names are public, too."""
COLUMNS_HEAD = """## Columns of tables

Of `run.table()`, `nas table` and `records.csv`: these, then what was drawn (dimensions of the space, fields
of the recipe), in files `guess` (the error of guessing, from which on a network has failed to learn), then attributes
of architectures.
"""


def page() -> str:
    """The whole page."""
    values = {f"nas.{name}": getattr(nas, name) for name in nas.__all__}
    parts = [HEAD, _contents()]
    parts += ["## Functions\n", *(entry(name, value) for name, value in values.items() if inspect.isfunction(value))]
    parts += ["## Types\n", *(entry(name, value) for name, value in values.items() if inspect.isclass(value))]
    for face, title in FACES.items():
        parts += [f"## {title}\n", *_face(importlib.import_module(face), set(map(id, values.values())))]
    parts += [COLUMNS_HEAD, "".join(f"- `{name}`: {text}\n" for name, text in COLUMNS.items())]
    return "\n".join(parts)


def _contents() -> str:
    titles = ["Functions", "Types", *FACES.values(), "Columns of tables"]
    return "".join(f"- [{title}](#{_anchor(title)})\n" for title in titles)


def _anchor(title: str) -> str:
    """The name of a heading in an address, as GitHub makes it."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def _face(module: ModuleType, shown: set[int]) -> Iterator[str]:
    """Classes and functions of a package that aren't shown yet."""
    for name in module.__all__:
        value = getattr(module, name)
        if id(value) not in shown and (inspect.isclass(value) or inspect.isfunction(value)):
            yield entry(f"{module.__name__}.{name}", value)


def entry(name: str, value: Any) -> str:
    """A function, or a class with its fields and methods."""
    node = definition(value)
    text = f"### `{name}`\n\n"
    if isinstance(node, ast.FunctionDef):
        home = vars(inspect.getmodule(inspect.unwrap(value)))
        return text + f"```text\n{signature(node, name.rpartition('.')[2], home)}\n```\n\n{_doc(node)}\n"
    fields, methods = list(_fields(value)), list(_methods(value))
    text += f"{_doc(node)}\n"
    text += "\n" + "".join(fields) if fields else ""
    return text + ("\n" + "".join(methods) if methods else "")


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text())


def definition(value: Any) -> ast.ClassDef | ast.FunctionDef:
    """The piece of source that defines a class or function."""
    value = inspect.unwrap(value)
    for node in _tree(inspect.getsourcefile(value) or "").body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == value.__name__:
            return node
    raise LookupError(f"{value} isn't defined at the top of its file")


def _own_classes(value: type) -> Iterator[tuple[ast.ClassDef, Mapping[str, Any]]]:
    """The class and those of ours that it is made from, these first, each with the names of its file.

    Of layers, what all of them have stands in the entry of Node.
    """
    for base in reversed(value.__mro__):
        ours = base.__module__.partition(".")[0] == "nas" and (base is value or not issubclass(base, Node))
        node = definition(base) if ours else None
        if isinstance(node, ast.ClassDef):
            yield node, vars(sys.modules[base.__module__])


def _fields(value: type) -> Iterator[str]:
    """Annotated names with their types, defaults and docstrings; members of an enumeration with their values."""
    for node, home in _own_classes(value):
        for field, following in zip(node.body, [*node.body[1:], None], strict=True):
            match field:
                case ast.AnnAssign(target=ast.Name(id=name)) if not _hidden(name, ast.unparse(field.annotation)):
                    typed = f"{name}: {ast.unparse(field.annotation)}"
                    yield _item(typed + _default(field.value, home), _string(following))
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str())) if name.isupper():
                    yield _item(f"{name} = {ast.unparse(field.value)}", _string(following))


def _hidden(name: str, annotation: str) -> bool:
    return name.startswith("_") or "ClassVar" in annotation


def _string(node: ast.stmt | None) -> str:
    """The docstring of the field before it."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
        case _:
            return ""


def _methods(value: type) -> Iterator[str]:
    """Public methods and properties, those of the class itself in place of its bases'."""
    found: dict[str, tuple[ast.FunctionDef, Mapping[str, Any]]] = {}
    for kind, home in _own_classes(value):
        own = (part for part in kind.body if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"))
        found |= {part.name: (part, home) for part in own}
    for name, (node, home) in found.items():
        marks = [ast.unparse(mark) for mark in node.decorator_list]
        if any("property" in mark for mark in marks):
            yield _item(f"{name}: {ast.unparse(node.returns) if node.returns else ''}", _doc(node))
        else:
            yield _item(signature(node, name, home, longest=10_000), _doc(node))


def _item(code: str, text: str) -> str:
    """One entry of a list; further paragraphs belong to it."""
    first, *rest = (text or "").split("\n\n")
    further = "".join(f"\n{textwrap.indent(paragraph, '  ')}\n" for paragraph in rest)
    return f"- `{code}`{': ' if first else ''}{' '.join(first.split())}\n{further}"


def _doc(node: ast.ClassDef | ast.FunctionDef) -> str:
    return ast.get_docstring(node) or ""


def signature(node: ast.FunctionDef, name: str, home: Mapping[str, Any], longest: int = LONGEST) -> str:
    """As it is written, on one line or with a line for each argument; `self` is left out."""
    own = [text for text in _arguments(node.args, home) if text not in ("self", "cls")]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    whole = f"{name}({', '.join(own)}){returns}"
    if len(whole) <= longest:
        return whole
    return "\n".join([f"{name}(", *(f"    {text}," for text in own), f"){returns}"])


def _arguments(arguments: ast.arguments, home: Mapping[str, Any]) -> Iterator[str]:
    """Each with type and default."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    for argument, default in zip(plain, defaults, strict=True):
        yield f"{_argument(argument)}{_default(default, home)}"
    if arguments.vararg:
        yield f"*{_argument(arguments.vararg)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield f"{_argument(argument)}{_default(default, home)}"
    if arguments.kwarg:
        yield f"**{_argument(arguments.kwarg)}"


def _argument(argument: ast.arg) -> str:
    return argument.arg + (f": {ast.unparse(argument.annotation)}" if argument.annotation else "")


def _default(value: ast.expr | None, home: Mapping[str, Any]) -> str:
    """` = ` and a default as its reader would write it: constants of the file by their values."""
    match value:
        case None:
            return ""
        case ast.Call(func=ast.Name(id="field") | ast.Attribute(attr="field"), keywords=words):
            given = {word.arg: word.value for word in words}
            made = ast.Call(given["default_factory"], [], []) if "default_factory" in given else given.get("default")
            return _default(made, home)
        case ast.Name(id=name) if isinstance(home.get(name), bool | int | float | str | tuple):
            return f" = {home[name]!r}"
        case _:
            return f" = {ast.unparse(value)}"


if __name__ == "__main__":
    PAGE.write_text(page())
