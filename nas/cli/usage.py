"""Words behind a verb that its parser refuses, as errors of ours: what is wrong, the value, and a way out."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join
from typing import Any

import typer

from nas.errors import Refused
from nas.errors.suggestions import near

WrongUsage: type[Any] = typer.BadParameter.__mro__[1]
"""What the parser raises where it refuses words."""
KINDS = {"a valid integer": "a whole number", "a valid number": "a number"}
"""What the parser calls kinds of values -> our words."""


def refused(error: Any, words: Sequence[str]) -> Refused:
    """What the parser says of these words, which follow the name of the program."""
    verb = error.ctx.command_path if error.ctx else "nas"
    listed = f"{verb} --help lists {'the verbs' if verb == 'nas' else 'arguments and options'}"
    if option := getattr(error, "option_name", ""):
        return _option_refused(error, option, verb, listed)
    name = getattr(getattr(error, "param", None), "opts", [""])[0]
    if name and not error.message:
        named = name if name.startswith("-") else error.param.metavar or name.upper()
        return Refused(f"{verb} needs {named}", hint=listed)
    if name:
        message = error.message.removeprefix("Input should be ").partition(", ")[0].rstrip(".")
        return Refused(
            f"{name} must be {KINDS.get(message, message)}, got {_value(error.param.opts, words)!r}", hint=listed
        )
    if "extra argument" in error.message:
        extra = error.message.partition("(")[2].strip("() ").removeprefix("s) (")
        return Refused(f"{verb} takes no further word, got {extra}", hint=listed)
    return Refused(error.format_message(), hint=listed)


def _option_refused(error: Any, option: str, verb: str, listed: str) -> Refused:
    """An option that a verb doesn't have, or that lacks its value."""
    if not hasattr(error, "possibilities"):
        return Refused(f"{option} takes a value, got none", hint=listed)
    known = [name for parameter in error.ctx.command.params for name in parameter.opts]
    field = option.strip("-").replace("-", "_")
    if "--set" in known and field in _fields():
        return Refused(f"{verb} has no option {option}", hint=f"--set {field}=VALUE")
    close = " or ".join(near(option, known, 2) or error.possibilities or ())
    guess = f"; did you mean {close}?" if close else ""
    return Refused(f"No such option: {option}{guess}", hint=listed)


def _fields() -> tuple[str, ...]:
    from nas.study import Recipe

    return Recipe.__struct_fields__


def _value(options: Sequence[str], words: Sequence[str]) -> str:
    """What was typed behind an option."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option in options:
            return value if equals else after
    return join(words)
