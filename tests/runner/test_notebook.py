"""A training that a notebook runs: the curves grow below its cell."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from nas.runner.notebook import PLOTLY, watcher

CELL = """
import nas
recipe = nas.Recipe(data="digits", epochs=3, train_size=200, batch_size=50, learning_rate=0.05)
model = nas.train("lenet_bn", recipe, device="cpu")
assert len(model.curve) == 3
"""


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
