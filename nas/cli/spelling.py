"""Spellings of older versions: what has moved is answered with the new command line, what was renamed is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join
from typing import Any

from typer.core import TyperCommand

from nas.errors import Refused

MOVED = {("principles", "--plan"): "plan", ("principles", "--discover"): "discover"}
"""Verb and former option -> the verb that it is now."""
RENAMED = {"--output": "--out"}
"""Former option -> the option that it is now."""


class Verb(TyperCommand):
    """A verb that understands how it was spelled before."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words behind the verb, those of older versions, too."""
        for word in args:
            if verb := MOVED.get((str(self.name), word)):
                rest = [other for other in args if (self.name, other) not in MOVED]
                known = {option for parameter in ctx.parent.command.commands[verb].params for option in parameter.opts}
                options = [other.partition("=")[0] for other in rest if other.startswith("--")]
                unknown = ", ".join(option for option in options if option not in known)
                message = f"{word} is a verb of its own now" + (f", which has no {unknown}" if unknown else "")
                raise Refused(message, hint=join(["nas", verb, *rest]))
        return super().parse_args(ctx, _renamed(args))


def _renamed(words: Sequence[str]) -> list[str]:
    """The words with options as they are spelled now, with `=VALUE` or without."""
    parts = (word.partition("=") for word in words)
    return ["".join((RENAMED.get(option, option), *value)) for option, *value in parts]
