"""The application: its verbs, how they were spelled before, and how errors are shown."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from shlex import join
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand

from nas.cli import (
    audit,
    compare,
    describe,
    discover,
    export,
    final,
    images,
    machine,
    principles,
    run,
    search,
    status,
    train,
)
from nas.cli.listing import spaces, studies
from nas.cli.live import dashboard, watch
from nas.cli.terminal import UnheardError, say
from nas.cli.usage import WrongUsage, refused
from nas.errors import NasError, Once, ReadableFormatter, Refused, StorageFailed
from nas.training.cpu_quota import cpu_quota

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


app = typer.Typer(
    name="nas",
    help="Sample spaces of convolutional networks, find the design rules that hold, import the best networks.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS: dict[str, tuple[Callable[..., None], ...]] = {
    "Before a run": (studies.studies, spaces.spaces, describe.describe, machine.data, principles.plan),
    "A run": (run.run, search.search, watch.status, dashboard.dashboard, audit.audit),
    "Its results": (
        status.table,
        status.best,
        status.report,
        status.figure,
        principles.principles,
        discover.discover,
        compare.compare,
        images.images,
        compare.replay,
    ),
    "Its networks": (final.final, export.export, export.verify),
    "One network": (train.train,),
    "When something doesn't work": (machine.doctor,),
}
"""From a space to an exported network, in the order in which they are used."""
for group, verbs in VERBS.items():
    for verb in verbs:
        app.command(cls=Verb, rich_help_panel=group)(verb)


def _show_version(requested: bool) -> None:
    if requested:
        from nas.study.catalog import release

        say(release())
        raise typer.Exit


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks and all log messages."),
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
    ),
) -> None:
    """What holds for all verbs."""
    shown = logging.StreamHandler()
    shown.setLevel(logging.DEBUG if debug else logging.WARNING)  # a run logs more than that to its file
    shown.setFormatter(ReadableFormatter("%(levelname)s %(message)s"))
    shown.addFilter(Once())
    logging.basicConfig(level=shown.level, handlers=[shown])


def main() -> None:
    """Run the command line; errors that a user can cause are a few lines on stderr and an exit code."""
    if cpu_quota():  # which libraries don't know: they would start a thread for each core of the machine
        from nas.training import devices

        os.environ.update({name: str(devices.cores()) for name in devices.THREADS if name not in os.environ})
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except WrongUsage as error:
        if len(sys.argv) < 2:  # its message is the help
            error.show()
            sys.exit(error.exit_code)
        _fail(refused(error, sys.argv[1:]))
    except typer.Abort:
        sys.exit(1)
    except NasError as error:
        _fail(error)
    except UnheardError:
        sys.exit(0)  # the reader has what it wanted
    except OSError as error:
        failed = StorageFailed(f"{error.filename or 'a file'} can't be used: {error.strerror or error}")
        if "--debug" in sys.argv:
            raise
        _fail(failed)


def _fail(error: NasError) -> NoReturn:
    """Say what is wrong and the way out, and end with its exit code."""
    if "--debug" in sys.argv:
        raise error
    say(f"nas: {error}", err=True)
    if error.hint:
        say(f"  -> {error.hint}", err=True)
    sys.exit(error.exit_code)
