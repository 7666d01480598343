"""`nas principles` and `nas report` on poor tables: refused or flagged with the reason, never a bare number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from nas.analysis import verdicts
from nas.study import against, among

ROWS = 40
Say = Callable[..., tuple[int, str, str]]


def csv(*columns: str, rows: int = ROWS, **cells: Callable[[int], object]) -> str:
    """A table with `error`, which wanders from 0.1 to 0.9, and the given columns."""
    known = {"error": lambda i: 0.1 + (7 * i % 11) / 14} | cells
    lines = [",".join(str(make(i)) for make in known.values()) for i in range(rows)]
    return "\n".join([",".join([*known, *columns]), *lines]) + "\n"


REFUSED = {
    "no error": ("err,width\n0.1,8\n", "has no column 'error'; it has err, width"),
    "no rows": ("error,width\n", "has no rows"),
    "nothing": ("", "can't be read as a table"),
    "empty error": (csv(error=lambda i: "NaN" if i == 3 else 0.5, width=lambda i: i), "1 of 40 rows have no error"),
    "infinite error": (csv(error=lambda i: "inf" if i == 3 else 0.5, width=lambda i: i), "1 of 40 rows have no error"),
    "text as error": (csv(error=lambda i: "bad" if i == 3 else 0.5, width=lambda i: i), "row 4 has 'bad' in 'error'"),
    "biased": (csv(width=lambda i: i, sampler=lambda _: "tpe"), "40 from sampler 'tpe'"),
    "pruned": (
        csv(width=lambda i: i, outcome=lambda i: "pruned" if i else "completed"),
        "39 of the 40 trials were pruned",
    ),
    "two widths": ("error,width,width\n0.1,8,9\n", "two columns of one name, 'width'"),
    "two errors": ("error,error\n0.1,8\n", "two columns of one name, 'error'"),
    "cells without a name": ("error,width\n0.1,8,9\n0.2,8,9\n", "rows have more cells than the 2 columns have names"),
    "errors alone": ("error\n0.1\n0.2\n", "no column of t holds numbers that vary"),
}
FLAGGED = {
    "equal errors": (csv(error=lambda _: 0.5, width=lambda i: i), "warning: no two errors differ"),
    "three rows": (csv(width=lambda i: i, rows=3), "warning: n = 3: too few rows for a correlation"),
    "gaps": (csv(width=lambda i: "" if i % 5 == 0 else i), "warning: 8 networks have no value of width"),
    "half biased": (
        csv(width=lambda i: i, sampler=lambda i: "tpe" if i % 2 else "random"),
        "warning: left out: 20 from sampler 'tpe'",
    ),
    "failures": (
        csv(
            error=lambda i: "inf" if i == 3 else 0.1 + i / 80,
            width=lambda i: i % 7,
            outcome=lambda i: "diverged" if i == 3 else "completed",
        ),
        "A failure enters means as the worst error of the table",
    ),
    "text in numbers": (
        csv(width=lambda i: "x" if i == 7 else i, depth=lambda i: i % 3),
        "1 of 40 cells of column 'width' are no numbers ('x') and count as missing",
    ),
    "texts in numbers": (
        csv(width=lambda i: "x" if i % 3 == 0 else i, depth=lambda i: i % 3),
        "left out: 'width', which holds 'x' among its numbers",
    ),
    "spaces": (csv(width=lambda i: i, space=lambda i: "AB"[i % 2]), "warning: 2 spaces are taken together: A, B"),
    "repeats": (
        csv(width=lambda i: i % 5, architecture=lambda i: i // 4),
        "warning: 30 rows have a network that an earlier row has",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_says_nothing_is_refused(say: Say, tmp_path: Path, name: str) -> None:
    """Both verbs end with 2 and the reason, and print no number; a table of errors alone has a page, but no rules."""
    text, reason = REFUSED[name]
    (tmp_path / "t.csv").write_text(text)
    code, out, err = say("principles", "--table", tmp_path / "t.csv")
    assert (code, out) == (2, "")
    assert reason in err
    if name in ("biased", "pruned", "errors alone"):
        return
    code, out, err = say("report", "--table", tmp_path / "t.csv")
    assert (code, out) == (2, "")
    assert reason in err
    assert not (tmp_path / "t.html").exists()


@pytest.mark.parametrize("name", ["biased", "pruned"])
def test_a_biased_sample_has_a_page_without_distributions(say: Say, tmp_path: Path, name: str) -> None:
    """What a search has chosen is shown, but for its distribution, with the reason in its place."""
    text, reason = REFUSED[name]
    (tmp_path / "t.csv").write_text(text)
    assert say("report", "--table", tmp_path / "t.csv")[0] == 0
    page = (tmp_path / "t.html").read_text()
    assert "No distribution is shown" in page
    assert reason.replace("'", "&#39;") in page


@pytest.mark.parametrize("name", FLAGGED)
def test_what_says_little_is_flagged(say: Say, tmp_path: Path, name: str) -> None:
    """A verdict is given with what must be said beside it."""
    text, said = FLAGGED[name]
    (tmp_path / "t.csv").write_text(text)
    code, out, _ = say("principles", "--table", tmp_path / "t.csv")
    assert code == 0
    assert said in out


def test_columns_named_like_ours_are_no_trap(say: Say, tmp_path: Path) -> None:
    """Texts under our names are columns of the file, and a column `error` isn't the one that is asked for."""
    text = csv(
        error=lambda _: "x",
        top1_err=lambda i: 0.1 + i % 7 / 10,
        parameters=lambda _: "5M",
        stratum=lambda _: "low",
        trial=lambda _: "q",
        width=lambda i: i,
    )
    (tmp_path / "t.csv").write_text(text)
    code, out, _ = say("principles", "--table", tmp_path / "t.csv", "--error", "top1_err")
    assert code == 0
    assert "errors from the column 'top1_err'" in out
    assert "n = 40" in out


def test_spaces_and_costs_may_have_other_names(say: Say, tmp_path: Path) -> None:
    """`--space` splits a table, numbers with their column's name before them, and `--cost` names multiply-adds."""
    (tmp_path / "t.csv").write_text(csv(bot=lambda i: 1 + i % 2, flops=lambda i: 1000 + i))
    words = ("--table", tmp_path / "t.csv", "--space", "bot")
    assert "all rules  2 spaces are taken together" in say("principles", *words)[1]
    assert say("report", *words, "--cost", "flops")[0] == 0
    page = (tmp_path / "t.html").read_text()
    assert "bot 1" in page
    assert "multiply_adds" in page
    code, _, err = say("report", *words[:2], "--cost", "flop")
    assert code == 2
    assert "has no column 'flop'" in err
    assert "--space belongs to tables" in say("principles", tmp_path, "--space", "bot")[2]


def test_samples_that_share_networks_are_refused_or_told() -> None:
    """Parts that overlap are refused; a network that both spaces hold is told, with what it would mean."""
    rows = pd.DataFrame({
        "space": ["A", "B"] * 20,
        "error": [0.1 + i % 9 / 20 for i in range(40)],
        "width": [i % 4 for i in range(40)],
        "architecture": [f"net {i // 2}" if i < 6 else f"own {i}" for i in range(40)],
    })  # fmt: skip
    (verdict,) = verdicts(rows, (against("A", "B", "A is better."),))
    assert any(warning.startswith("3 networks are in both samples") for warning in verdict.warnings)
    (alone,) = verdicts(rows.assign(architecture=range(40)), (among("width", 1, 2, "One is better."),))
    assert not any("networks are in both" in warning for warning in alone.warnings)
