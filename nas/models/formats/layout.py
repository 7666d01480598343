"""Python text as `ruff format` leaves it: calls that fit on a line, or an argument a line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from nas.errors import readable

LINE = 88
"""Columns; what ruff and black take without being told."""


@dataclass(frozen=True)
class Call:
    """A call, or with `[` a list, or without a name a tuple."""

    name: str
    arguments: tuple[Code, ...] = ()
    brackets: str = "()"


@dataclass(frozen=True)
class Keyword:
    """An argument with its name."""

    name: str
    value: str


@dataclass(frozen=True)
class Loop:
    """Several of one call, spread among the arguments around them."""

    call: Call
    times: int
    variable: str = "_"


Code = str | Keyword | Call | Loop


def flat(code: Code) -> str:
    """On one line."""
    match code:
        case str():
            return code
        case Keyword():
            return f"{code.name}={code.value}"
        case Loop():
            return f"*[{flat(code.call)} {_for(code)}]"
        case Call():
            inner = ", ".join(map(flat, code.arguments))
            comma = "," if not code.name and code.brackets == "()" and len(code.arguments) == 1 else ""
            return f"{code.name}{code.brackets[0]}{inner}{comma}{code.brackets[1]}"


def lines(code: Code, indent: int, before: str = "", after: str = "") -> list[str]:
    """With what stands before and behind it; broken where it doesn't fit."""
    space = " " * indent
    whole = f"{space}{before}{flat(code)}{after}"
    if len(whole) <= LINE or isinstance(code, str | Keyword) or (isinstance(code, Call) and not code.arguments):
        return [whole]
    if isinstance(code, Loop):
        inside = f"{space}    {flat(code.call)} {_for(code)}"
        broken = [*lines(code.call, indent + 4), f"{space}    {_for(code)}"]
        return [f"{space}{before}*[", *([inside] if len(inside) <= LINE else broken), f"{space}]{after}"]
    inner = [line for argument in code.arguments for line in lines(argument, indent + 4, after=",")]
    return [f"{space}{before}{code.name}{code.brackets[0]}", *inner, f"{space}{code.brackets[1]}{after}"]


def signature(name: str, parameters: Sequence[str], result: str, indent: int) -> list[str]:
    """The first line or lines of a function."""
    whole = f"{' ' * indent}def {name}({', '.join(parameters)}) -> {result}:"
    if len(whole) <= LINE:
        return [whole]
    space = " " * indent
    return [f"{space}def {name}(", *(f"{space}    {p}," for p in parameters), f"{space}) -> {result}:"]


def docstring(text: str, indent: int) -> list[str]:
    """A docstring, wrapped; whatever the text holds, it stays inside."""
    space = " " * indent
    paragraphs = readable(text).replace('"', "'").splitlines()
    wrapped = [
        line.replace("\\", "\\\\")
        for number, paragraph in enumerate(paragraphs)
        for line in _wrapped(paragraph, LINE - indent - 3 * (not number) - 3 * (len(paragraphs) == 1))
    ]
    if len(wrapped) == 1:
        return [f'{space}"""{wrapped[0]}"""']
    inner = [f"{space}{line}".rstrip() for line in wrapped[1:]]
    return [f'{space}"""{wrapped[0]}', *inner, f'{space}"""']


def _wrapped(paragraph: str, width: int) -> list[str]:
    """Lines of a paragraph; in a list of names and values the values stay below one another."""
    named = re.match(r"\w[\w -]*? {2,}", paragraph)
    return textwrap.wrap(paragraph, width, subsequent_indent=" " * (named.end() if named else 0)) or [""]


def literal(text: str) -> str:
    """A text in the quotes that ruff prefers."""
    written = repr(text)
    return written if '"' in text or written[0] == '"' else f'"{written[1:-1]}"'


def constant(values: Sequence[float | str]) -> Call:
    """A tuple of numbers or texts."""
    return Call("", tuple(literal(value) if isinstance(value, str) else repr(value) for value in values))


def _for(loop: Loop) -> str:
    return f"for {loop.variable} in range({loop.times})"
