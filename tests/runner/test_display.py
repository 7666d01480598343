"""A training that a notebook runs: the curves grow below its cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import nas
from nas.engines import InlineEngine
from nas.runner.display import PLOTLY, watcher
from tests.toys.spaces import STUDY

CELL = """
import nas
recipe = nas.Recipe(data="digits", epochs=3, train_size=200, batch_size=50, learning_rate=0.05)
model = nas.train("lenet_bn", recipe, device="cpu")
assert len(model.curve) == 3
"""


@pytest.mark.slow
def test_a_notebook_shows_the_curves_of_the_last_epoch(tmp_path: Path) -> None:
    """A cell that trains has one figure, which was drawn anew after each epoch, and the line on it as plain text."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(book, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    (shown,) = [output for output in book.cells[0].outputs if output.output_type == "display_data"]
    assert shown.data["text/plain"].startswith("epoch 3/3: loss ")
    lines = {(line["name"], line["yaxis"]): len(line["x"]) for line in shown.data[PLOTLY]["data"]}
    assert lines == {("validation", "y"): 3, ("training", "y"): 3, ("validation", "y2"): 3, ("training", "y2"): 3}


def test_no_notebook_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere nothing is drawn, and nothing is said."""
    assert watcher("lenet", 3) is None
    assert capsys.readouterr() == ("", "")


RUN = """
import nas
study = nas.Study(name="small", question="?", spaces=({spaces},), samples=2, recipe={recipe})
nas.run(study, workers=1, device="cpu"{more})
"""


@pytest.mark.slow
@pytest.mark.parametrize(("more", "bars"), [("", 1), pytest.param(", quiet=True", 0, marks=pytest.mark.long)])
def test_a_notebook_shows_a_run_as_a_bar(more: str, bars: int, tmp_path: Path) -> None:
    """A cell that runs a study has one bar, which ends full, with the line on it as plain text; none on request."""
    recipe = 'nas.Recipe(data="digits", epochs=1, train_size=200, batch_size=50)'
    source = RUN.format(spaces="__import__('spaces').lenet.ALL[0]", recipe=recipe, more=more)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(book, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    shown = [output for output in book.cells[0].outputs if output.output_type == "display_data"]
    assert len(shown) == bars
    for output in shown:
        assert output.data["text/plain"].startswith("2/2 trials")
        assert 'value="2" max="2"' in output.data["text/html"]


def test_a_run_shows_lines_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a notebook lines go to stderr, the last one when all is done; nothing where it is to be quiet."""
    study = replace(STUDY, samples=1)
    nas.run(study, out=tmp_path / "told", engine=InlineEngine())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("2/2 trials")
    nas.run(study, out=tmp_path / "quiet", engine=InlineEngine(), quiet=True)
    assert capsys.readouterr() == ("", "")
