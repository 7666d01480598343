"""Damaged and hostile files: what once ended in a traceback, and a few new ones of every kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.cases import Batch, Bench, Case, cases, content
from tests.fuzz.guided import Guide
from tests.fuzz.mutations import changed_bytes, changed_tree
from tests.fuzz.readers import READERS, Reader

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
FEW = 6
"""New files of each kind."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_no_file_ends_in_a_traceback(reader: Reader, tmp_path: Path) -> None:
    """Changed by chance, or once the cause of a traceback: it is accepted or refused, in bounded time and memory."""
    bench, bombs = Bench(reader, tmp_path), len(reader.bombs)
    files = [content(reader, bench.original, bombs + number, 0) for number in range(FEW)]
    files += [path.read_bytes() for path in sorted(CORPUS.glob(f"{reader.slug}.*"))]
    failed = [case for number, data in enumerate(files) if (case := bench.read(number, data)).outcome == "failed"]
    assert not failed


def test_every_kept_file_has_a_reader() -> None:
    """The files of the corpus are small, and each is named after a reader that reads it."""
    kept = list(CORPUS.iterdir())
    assert kept
    assert {path.name.split(".")[0] for path in kept} <= {reader.slug for reader in READERS}
    assert all(path.stat().st_size <= 2000 for path in kept)
    assert len({reader.slug for reader in READERS}) == len(READERS)


def read_number(folder: Path) -> None:
    """A reader with a hole for each way of failing."""
    from nas.errors import Refused

    text = (folder / "n").read_bytes()
    if text == b"hang":
        while True:
            pass
    if text == b"huge":
        len(b"x" * 10**8)
    if text == b"bad":
        raise KeyError("bad")
    if not text.isdigit():
        raise Refused("no number")


def holes(*texts: bytes) -> Reader:
    """That reader, whose first files are these."""
    bombs: dict[str, Callable[[], bytes]] = {str(n): partial(bytes, text) for n, text in enumerate(texts)}
    return Reader(
        name="n", make=lambda folder: (folder / "n").write_bytes(b"1"), file="n", read=read_number, bombs=bombs
    )


def test_what_is_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracebacks and too much memory fail, refusals don't; after a case that ends its process the rest follows."""
    monkeypatch.setattr("tests.fuzz.cases.MOST_SECONDS", 0.5)
    monkeypatch.setattr("tests.fuzz.cases.MOST_MEMORY", 5 * 10**7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from Python 3.12 on: of a fork beside threads
        done = list(cases(Batch(reader=holes(b"5", b"bad", b"hang", b"x", b"huge"), count=5, keep=tmp_path)))
    assert [case.outcome for case in done] == ["accepted", "failed", "failed", "refused", "failed"]
    assert "KeyError" in done[1].error
    assert "CPU" in done[2].error
    assert "MB" in done[4].error
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"bad", b"hang", b"huge"]


def test_changes_follow_from_the_seed() -> None:
    """The same seed changes a file in the same way; no change of JSON fails, whatever it is made of."""
    original = b'{"a": [1, 2.5, {"b": null}], "c": "text"}'
    for change in (changed_tree, changed_bytes):
        some = [[change(original, Random(seed)) for seed in range(200)] for _ in range(2)]  # noqa: S311
        assert some[0] == some[1]
        assert len(set(some[0])) > 100


def test_a_guide_keeps_what_reaches_new_lines() -> None:
    """A file that leads through code which none before reached is changed again; a second such file isn't kept."""
    from nas.files import separator, with_point

    guide = Guide(b"a", 0)
    for data, call in ((b"b", separator), (b"c", separator), (b"d", with_point)):
        with guide.watching(data):
            call("1,5")
    assert guide.pool == [b"a", b"b", b"d"]
    assert Case(number=0, outcome="accepted").steps == 0
