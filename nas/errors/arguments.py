"""What people give to public functions and values: names and types checked in one place, and refused in words.

`checked` wraps a function or a method, `checked_fields` a dataclass, `Fields` is the metaclass of structs. What means
the same is taken: a list for a tuple, a text for a path and a path for a text, a number of numpy for Python's.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache, wraps
from os import PathLike, fspath
from pathlib import Path
from types import EllipsisType, NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, Unpack, cast, get_args, get_origin, get_type_hints

import msgspec

from nas.errors.kinds import Refused
from nas.errors.suggestions import near

LONGEST = 80
"""Characters of a value that a message shows."""
WORDS: Mapping[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("True or False", "True or False"),
    str: ("a text", "texts"),
    NoneType: ("None", "None"),
    Any: ("anything", "values"),
    Path: ("a path", "paths"),
    PathLike: ("a path", "paths"),
}
"""Kinds of values in words: one, and several."""
WAYS = {
    "Looks": "Looks(first=20, every=10)",
    "Strata": "Strata(cost='multiply_adds', count=10)",
    "SuccessiveHalving": "SuccessiveHalving(reduction_factor=3, min_epochs=1)",
    "Engine": "leave it out: processes of this machine train; 'ray': a cluster's nodes",
    "Grid": "Grid(values={'depth_1': (2, 4)})",
    "Integer": "Integer(low=1, high=8), Real(low=0.1, high=1.0) or Choice(options=(1, 2))",
    "Limits": "Limits(parameters=(0, 60_000))",
    "Model": "nas.load(FOLDER) or nas.create_model(NAME) gives one",
    "Recipe": "Recipe(data='digits', epochs=3), or Recipe().at('short')",
    "Record": "run.ranked(1) is the best network's, run.record(7) that of trial 7",
    "Rule": "larger('depth_1'), or against(SPACE, OTHER, STATEMENT), of nas.study",
    "Run": "nas.open(FOLDER) opens one",
    "Space": "spaces of ours lie in the package spaces: spaces.vgg.ALL[0]",
    "Study": "nas.Study(...) makes one; nas.run takes a name or a file of one, too",
    "When": "When(dimension='norm', values=('batch',))",
}
"""Name of a type -> what gives a value of it."""
F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


class Unsuited(Exception):
    """A value isn't of its kind."""


class Call(NamedTuple):
    """How something is called."""

    signature: inspect.Signature
    """Its parameters, without `self`."""
    kinds: Mapping[str, Any]
    """Name of a parameter -> its type, where that is known at run time."""


def checked(function: F, name: str = "") -> F:
    """The function, which refuses arguments that it doesn't have, lacks, or can't use."""

    @wraps(function)
    def called(*values: Any, **named: Any) -> Any:
        arguments = suited_arguments(name or function.__name__, _call(function), values, named)
        return function(*arguments.args, **arguments.kwargs)

    return cast(F, called)


def checked_method(function: F) -> F:
    """The method, in the same way; its first argument is its object."""

    @wraps(function)
    def called(own: Any, /, *values: Any, **named: Any) -> Any:
        arguments = suited_arguments(function.__qualname__, _call(function, bound=True), values, named)
        return function(own, *arguments.args, **arguments.kwargs)

    return cast(F, called)


def checked_fields(kind: C) -> C:
    """A dataclass, whose fields are checked where a value of it is made."""
    initialize = kind.__init__  # type: ignore[misc]

    @wraps(initialize)
    def begin(own: Any, /, *values: Any, **named: Any) -> None:
        arguments = suited_arguments(kind.__name__, _call(kind), values, named)
        initialize(own, *arguments.args, **arguments.kwargs)

    kind.__init__ = begin  # type: ignore[misc]
    return kind


class Fields(msgspec.StructMeta):
    """The type of structs whose fields are checked where a value is made; decoding has its own checks."""

    def __call__(self, *values: Any, **named: Any) -> Any:
        """A value of the struct."""
        arguments = suited_arguments(self.__name__, _call(self), values, named)
        return super().__call__(*arguments.args, **arguments.kwargs)


def suited_arguments(
    name: str, call: Call, values: tuple[Any, ...], named: Mapping[str, Any]
) -> inspect.BoundArguments:
    """The arguments of a call as its parameters have them; Refused with the parameter, the value, and what would do."""
    _require_known(name, call, values, named)
    arguments = call.signature.bind(*values, **named)
    variadic = {parameter.kind: parameter.name for parameter in call.signature.parameters.values()}
    many, rest = (variadic.get(kind) for kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD))
    for parameter, value in arguments.arguments.items():
        kind = call.kinds.get(parameter, Any)
        if parameter == rest:
            ready: Any = {n: _argument(name, n, each, call.kinds.get(n, kind)) for n, each in value.items()}
        elif parameter == many:
            ready = tuple(_argument(name, parameter, each, kind) for each in value)
        else:
            ready = _argument(name, parameter, value, kind)
        arguments.arguments[parameter] = ready
    return arguments


def _qualified(argument: str) -> str:
    """`recipe=Recipe` as it works where `nas` is imported, if it has the class."""
    name, _, kind = argument.partition("=")
    return f"{name}=nas.{kind}" if hasattr(sys.modules.get("nas"), kind) else argument


def _require_known(name: str, call: Call, values: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """Refuse names that there aren't, too many values without a name, and names that are missing."""
    parameters = call.signature.parameters.values()
    kinds = {parameter.kind for parameter in parameters}
    known = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        known += [each for each in call.kinds if each not in call.signature.parameters]
    open_ended = inspect.Parameter.VAR_KEYWORD in kinds and len(known) == len(call.signature.parameters) - 1
    all_names = ", ".join(known)
    if not open_ended and (unknown := [each for each in named if each not in known]):
        close = near(unknown[0], known)
        holder = _holder(call, unknown[0])
        guess = f"; did you mean {close[0]}?" if close and not holder else ""
        way = f"{_qualified(holder)}({unknown[0]}={_shown(named[unknown[0]])})" if holder else f"it takes {all_names}"
        raise Refused(f"{name} takes no {unknown[0]!r}{guess}", hint=way)
    unnamed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(values) > len(unnamed) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        most = f"at most {len(unnamed)} without a name" if unnamed else "names with all of its values"
        hint = f"{name}({', '.join([*unnamed, *(f'{each}=...' for each in known if each not in unnamed)][:5])})"
        raise Refused(f"{name} takes {most}, got {len(values)}: {_shown(values[len(unnamed)])}", hint=hint)
    if twice := [each for each in unnamed[: len(values)] if each in named]:
        raise Refused(f"{name} got {twice[0]} twice: {_shown(values[unnamed.index(twice[0])])} and by name")
    needed = [p.name for p in parameters if p.default is p.empty and p.name in known and p.kind != p.VAR_POSITIONAL]
    if missing := [each for each in needed if each not in named and each not in unnamed[: len(values)]]:
        kind = call.kinds.get(missing[0], Any)
        hint = _way(kind) or (f"{missing[0]}={_words(kind)}" if kind is not Any else f"it takes {all_names}")
        raise Refused(f"{name} needs {' and '.join(missing)}", hint=hint)


def _holder(call: Call, field: str) -> str:
    """The argument that takes a struct with such a field, as `recipe=Recipe`; empty where none does."""
    for parameter, kind in call.kinds.items():
        for option in (kind, *get_args(kind)):
            if field in getattr(option, "__struct_fields__", ()):
                return f"{parameter}={option.__name__}"
    return ""


def _argument(name: str, parameter: str, value: Any, kind: Any) -> Any:
    """One value as its parameter has it."""
    try:
        return suited(value, kind)
    except Unsuited:
        message = f"{name}: {parameter} must be {_words(kind)}, got {_shown(value)}{_near(value, kind)}"
        raise Refused(message, hint=_meant(parameter, value, kind) or _way(kind)) from None


def suited(value: Any, kind: Any) -> Any:
    """The value as a type has it; raises Unsuited where it is none of it."""
    if kind is Any or isinstance(kind, str | TypeVar):
        return value
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _suited_to_one(value, inside)
    if origin is Literal:
        return _require(value, any(type(value) is type(each) and value == each for each in inside))
    if _is_row(origin):
        return _suited_row(value, origin, inside)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _require(value, isinstance(value, Mapping))
        return {suited(name, inside[0]): suited(each, inside[1]) for name, each in value.items()}
    return _suited_single(value, origin or kind)


def _suited_to_one(value: Any, kinds: tuple[Any, ...]) -> Any:
    """The value as the first of several types has it, one that leaves it as it is before all."""
    ways = []
    for kind in kinds:
        try:
            ways.append(suited(value, kind))
        except Unsuited:
            continue
    if not ways:
        raise Unsuited
    return next((way for way in ways if way is value), ways[0])


def _is_row(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, Mapping | str)


def _suited_row(value: Any, origin: type, inside: tuple[Any, ...]) -> Any:
    """Several values: never the letters of a text, never the names of a dict, and in an order where one is needed."""
    _require(value, isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping))
    _require(value, origin is Collection or not isinstance(value, set | frozenset))
    each = list(value)
    if origin is tuple and EllipsisType not in map(type, inside):
        _require(value, len(each) == len(inside))
        return tuple(suited(one, kind) for one, kind in zip(each, inside, strict=True))
    row = [suited(one, inside[0] if inside else Any) for one in each]
    same = isinstance(value, tuple if origin is tuple else list | tuple) and all(map(_is_same, row, each))
    return value if same else tuple(row)


def _suited_single(value: Any, kind: Any) -> Any:
    """A value of a class, a number, a text, a path, or a function."""
    if getattr(value, "shape", None) == () and hasattr(value, "item") and kind in (int, float, bool, str):
        value = value.item()  # numpy's and torch's single numbers
    if kind in (None, NoneType):
        return _require(value, value is None)
    if kind is int:
        return _require(value, isinstance(value, int) and not isinstance(value, bool))
    if kind is float:
        return _require(value, isinstance(value, int | float) and not isinstance(value, bool))
    if kind is str and isinstance(value, PathLike):
        value = fspath(value)
    if kind is Path and isinstance(value, str):
        value = Path(value)
    if not isinstance(kind, type):
        return value
    if getattr(kind, "_is_protocol", False) and not issubclass(kind, PathLike):
        members = [name for name in vars(kind) if not name.startswith("_")]
        return _require(value, all(hasattr(value, name) for name in members))
    return _require(value, isinstance(value, kind))


def _require(value: Any, fits: bool) -> Any:
    if not fits:
        raise Unsuited
    return value


def _is_same(one: Any, other: Any) -> bool:
    return one is other


@cache
def _call(function: Callable[..., Any], bound: bool = False) -> Call:
    """Parameters of a function or of a class, and their types, those that only checkers import left out."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[bound:]
    kinds = {p.name: _kind(p.annotation, function) for p in parameters}
    for parameter in parameters:
        if get_origin(kinds[parameter.name]) is Unpack:
            kinds |= get_type_hints(get_args(kinds.pop(parameter.name))[0])
    return Call(signature.replace(parameters=parameters), kinds)


def _kind(annotation: Any, function: Callable[..., Any]) -> Any:
    """A type that may be written as a text; Any where it can't be known at run time."""
    if not isinstance(annotation, str):
        return Any if annotation is inspect.Parameter.empty else annotation
    function = inspect.unwrap(function)
    module = inspect.getmodule(function)
    try:
        holder = type("Holder", (), {"__annotations__": {"value": annotation}})
        return get_type_hints(holder, vars(module) if module else None)["value"]
    except (NameError, TypeError):
        return Any


def _words(kind: Any, several: bool = False) -> str:
    """A type as people say it: `a whole number or None`, `a list of texts`."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        numbers = [each for each in inside if not (each is int and float in inside)]
        *first, last = dict.fromkeys(_words(each, several) for each in numbers)
        return f"{', '.join(first)} or {last}" if first else last
    if origin is Literal:
        *first, last = map(repr, inside)
        return f"{', '.join(first)} or {last}" if first else last
    if origin is tuple and EllipsisType not in map(type, inside):
        return f"a tuple of {len(inside)} {_words(inside[0], several=True)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a dict of {_words(inside[0], several=True)} to {_words(inside[1], several=True)}"
    if _is_row(origin):
        row = "tuple" if origin is tuple else "list"
        return f"a {row} of {_words(inside[0], several=True)}"
    kind = origin or kind
    if kind in WORDS:
        return WORDS[kind][several]
    name = getattr(kind, "__name__", str(kind))
    if name == "Callable":
        return "functions" if several else "a function"
    return f"{name}s" if several else f"a {name}" if name[0] not in "AEIOU" else f"an {name}"


def _classes(kind: Any) -> list[str]:
    """Names of the classes in a type."""
    inside = get_args(kind)
    return [name for each in inside for name in _classes(each)] if inside else [getattr(kind, "__name__", "")]


def _way(kind: Any) -> str:
    """What gives a value of a type; empty where words say it all."""
    return next((WAYS[name] for name in _classes(kind) if name in WAYS), "")


def _meant(parameter: str, value: Any, kind: Any) -> str:
    """The argument as it was meant: a number that was written as a text, one value where several are taken."""
    for option in get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,):
        if option in (int, float, bool) and isinstance(value, str | float):
            with suppress(msgspec.ValidationError):
                return f"{parameter}={msgspec.convert(value, option, strict=False)!r}"
        inside = get_args(option)
        if _is_row(get_origin(option)) and (len(inside) == 1 or inside[1:] == (...,)):
            with suppress(Unsuited):
                suited(value, inside[0])
                return f"{parameter}=[{_shown(value) if len(repr(value)) <= LONGEST else 'IT'}]"
    return ""


def _near(value: Any, kind: Any) -> str:
    """The nearest of the texts that are allowed."""
    options = get_args(kind) if get_origin(kind) is Literal else ()
    close = near(value, options) if isinstance(value, str) and options else ()
    return f"; did you mean {close[0]!r}?" if close else ""


def _shown(value: Any) -> str:
    """A value in a line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
