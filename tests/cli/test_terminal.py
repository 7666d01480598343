"""Tables and words in a terminal: nothing is cut, and nothing is wider than it."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.cli import main
from nas.cli.terminal import emit_table, emit_text, terminal_width
from nas.runner.progress import Snapshot, line

HEADER = ("part", "settings", "times", "parameters", "bytes")
ROWS = (
    ("stem", "3x3, 32, stride 2, 8 groups", "", "1,024", "4.096 k"),
    ("head", "10", "x2", "640", "2.56 k"),
)


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """The lines of the table at a width: shown(80, left=2)."""

    def call(columns: int, **options: object) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        emit_table(HEADER, ROWS, **options)  # type: ignore[arg-type]
        return capsys.readouterr().out.splitlines()

    return call


def test_a_wide_terminal_shows_all_in_one_table(shown) -> None:  # type: ignore[no-untyped-def]
    """Text stands to the left, numbers to the right, each column as wide as its longest cell."""
    expected = [
        "part  settings                     times  parameters    bytes",
        "----  ---------------------------  -----  ----------  -------",
        "stem  3x3, 32, stride 2, 8 groups              1,024  4.096 k",
        "head  10                              x2         640   2.56 k",
    ]
    assert shown(61, left=2, spare=("bytes", "part")) == expected


def test_without_a_terminal_lines_have_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pipes and files tables aren't folded, so that other programs can read them."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "__stdout__", None)
    assert terminal_width() >= 1_000


def test_a_narrow_terminal_leaves_out_what_may_be(shown) -> None:  # type: ignore[no-untyped-def]
    """Spare columns go one after another until the rest fits, and a line names them in the order of the table."""
    first, second = shown(60, left=2, spare=("bytes", "part"))[0], shown(47, left=2, spare=("bytes", "part"))
    assert first.split() == ["part", "settings", "times", "parameters"]
    assert second[0].split() == ["settings", "times", "parameters"]
    assert " ".join(second[4:]) == "left out, the terminal is too narrow: part, bytes (--json has all)"


def test_a_narrow_terminal_wraps_the_last_text(shown) -> None:  # type: ignore[no-untyped-def]
    """Where nothing may be left out, text goes on in a line below, between words."""
    assert shown(54, left=2) == [
        "part  settings              times  parameters    bytes",
        "----  --------------------  -----  ----------  -------",
        "stem  3x3, 32, stride 2, 8              1,024  4.096 k",
        "      groups",
        "head  10                       x2         640   2.56 k",
    ]


def test_a_very_narrow_terminal_gets_blocks(shown) -> None:  # type: ignore[no-untyped-def]
    """Columns that don't fit beside the first ones stand below, beside the first ones again."""
    assert shown(24, left=1) == [
        "part                     settings",
        "----  ---------------------------",
        "stem  3x3, 32, stride 2, 8 groups",
        "head                           10",
        "",
        "part  times  parameters",
        "----  -----  ----------",
        "stem              1,024",
        "head     x2         640",
        "",
        "part    bytes",
        "----  -------",
        "stem  4.096 k",
        "head   2.56 k",
    ]


@settings(max_examples=100, deadline=None)
@given(
    columns=st.integers(30, 130),
    rows=st.lists(st.lists(st.text("ab ", max_size=12), min_size=6, max_size=6), min_size=1, max_size=4),
    left=st.integers(1, 6),
)
def test_nothing_is_lost(columns: int, rows: list[list[str]], left: int) -> None:
    """At any width every word of every cell is shown."""
    header = [f"h{number}" for number in range(6)]
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setattr("nas.cli.terminal.typer.echo", lambda text, **_: said.append(text))
        emit_table(header, rows, left=left)
    words = " ".join(said).split()
    wanted = [word for row in [header, *rows] for cell in row for word in cell.split()]
    assert not [word for word in set(wanted) if words.count(word) < wanted.count(word)]


def test_words_are_wrapped_between_them(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence longer than a line goes on below, indented."""
    monkeypatch.setenv("COLUMNS", "20")
    emit_text("  memory  12 bytes to train on one image-like thing", hang=10)
    assert capsys.readouterr().out.splitlines() == [
        "  memory  12 bytes",
        "          to train",
        "          on one",
        "          image-like",
        "          thing",
    ]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "words",
    [
        ("spaces",),
        ("spaces", "VGG"),
        ("spaces", "LeNet"),
        ("describe", "lenet"),
        ("describe", "alexnet"),
        ("describe", "resnext50_32x4d"),
        ("describe", "lenet", "alexnet", "wide_resnet50_2"),
    ],
)
def test_no_line_is_wider_than_the_terminal(
    words: tuple[str, ...], columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a newcomer looks at first fits at the usual widths."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["nas", *words])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out.splitlines()
    assert len(said) > 5
    assert max(map(len, said)) <= columns, max(said, key=len)


@pytest.mark.parametrize(
    ("seconds", "epochs", "left", "said"),
    [
        (3.0, (), None, "0/3 trials · starting workers"),
        (180.0, ((0, 60), (0, 60)), None, "0/3 trials · 2 being trained for 3.0 min so far, 0 of 60 epochs"),
        (900.0, (), None, "0/3 trials · 2 being trained for 15.0 min so far"),
        (
            900.0,
            ((21, 60), (23, 60)),
            7200.0,
            "0/3 trials · 2 being trained for 15.0 min so far, 21 to 23 of 60 epochs, about 2.0 h left",
        ),
    ],
)
def test_long_first_trainings_are_said(
    seconds: float, epochs: tuple[tuple[int, int], ...], left: float | None, said: str
) -> None:
    """Until the first training is over its command says how far it is, not that it still starts."""
    state = Snapshot(
        total=3,
        outcomes={},
        running=2,
        epochs=epochs,
        workers=2,
        elapsed=seconds,
        per_hour=None,
        left=left,
        best=None,
    )
    assert line(state) == said
