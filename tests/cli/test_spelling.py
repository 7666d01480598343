"""How verbs and options were spelled before: answered with the new command line, or accepted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

from nas.cli.app import MOVED, app

Say = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--plan", "quickstart", "--effect", "0.05"), "nas plan quickstart --effect 0.05"),
        (("--table", "a b.csv", "--plan", "--columns=x,y"), "nas plan --table 'a b.csv' --columns=x,y"),
        (("my runs/a", "--discover", "-o", "it's.py"), """nas discover 'my runs/a' -o 'it'"'"'s.py'"""),
        (("--discover", "--plan", "runs/a"), "nas discover runs/a"),
    ],
)
def test_what_became_a_verb_is_answered_with_it(say: Say, words: tuple[str, ...], hint: str) -> None:
    """The hint is the command line to type, with all other words as they were, quoted for a shell."""
    code, out, message = say("principles", *words)
    assert (code, out) == (2, "")
    assert "is a verb of its own now" in message
    assert message.endswith(f"-> {hint}\n")


def test_options_that_the_verb_lacks_are_named(say: Say) -> None:
    """A margin belongs to verdicts, so the new verb hasn't any, which is said beside the command line."""
    code, _, message = say("principles", "runs/a", "--plan", "--delta=0.5")
    assert (code, message.splitlines()[0]) == (2, "nas: --plan is a verb of its own now, which has no --delta")


def test_what_became_a_verb_is_one() -> None:
    """Every verb that hints name exists, and no verb has an option that is said to have moved."""
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    assert set(MOVED.values()) <= set(verbs)
    for verb, option in MOVED:
        assert option not in [name for parameter in verbs[verb].params for name in parameter.opts]


def test_outputs_are_spelled_alike() -> None:
    """What a verb writes to is named by --out or -o, and by nothing else."""
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    writes = {name: p.opts for name, verb in verbs.items() for p in verb.params if {"-o", "--output"} & {*p.opts}}
    assert set(writes) == {
        *(
            "run",
            "search",
            "table",
            "report",
            "discover",
            "compare",
            "replay",
            "images",
            "figure",
            "export",
            "train",
            "data",
        )
    }
    assert all(spelled == ["--out", "-o"] for spelled in writes.values())


@pytest.mark.parametrize("option", ["--output FILE", "--output=FILE", "--out FILE", "--out=FILE", "-o FILE"])
def test_output_is_still_accepted(say: Say, tmp_path: Path, option: str) -> None:
    """Commands with --output, as it was called before, still work."""
    (tmp_path / "few.csv").write_text("error,depth\n0.1,1\n0.2,2\n0.3,3\n")
    page = tmp_path / "page.html"
    words = option.replace("FILE", str(page)).split()
    assert say("report", "--table", tmp_path / "few.csv", *words)[0] == 0
    assert page.is_file()
