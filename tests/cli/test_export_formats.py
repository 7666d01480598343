"""The verbs that export in formats of others, and that verify from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Say = Callable[..., tuple[int, str, str]]
SHORT = ("--data", "digits", "--epochs", "1", "--train-size", "100", "--batch-size", "50", "-o", "net")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are made where the test is."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_the_ending_tells_the_format(say: Say, tmp_path: Path) -> None:
    """The folder of a training becomes source, torch.export, or a folder again; a line says how it is used."""
    assert say("train", "lenet_bn", *SHORT)[0] == 0
    code, out, _ = say("export", "net", "-o", "plain.py")
    assert (code, out.splitlines()[1]) == (0, "in Python, beside plain.safetensors: import plain; plain.load()")
    assert say("export", "net", "-o", "net.pt2", "--format", "torch-export")[0] == 0
    assert say("export", "net", "-o", "copy")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"net", "copy", "plain.py", "plain.safetensors", "net.pt2"}
    assert say("verify", "copy", "--data", "digits")[0] == 0
    code, _, err = say("verify", "copy", "--data", "elsewhere")
    assert code == 2
    assert "no data set or path is called 'elsewhere'" in err
    code, _, err = say("export", "net", "-o", "net.pt2")
    assert code == 2
    assert "net.pt2 exists" in err
    code, _, err = say("export", "net", "-o", "other.py", "--rank", "1")
    assert code == 2
    assert "net holds one network: --rank, --trial and --study are for runs" in err
    code, _, err = say("export", "net", "-o", "net.pth", "--format", "onnx")
    assert code == 2
    assert "ends in .onnx, got net.pth" in err
    assert "-o net.onnx" in err


def test_names_of_files_are_no_folders(say: Say, tmp_path: Path) -> None:
    """A training isn't kept under the name of a file, nor an export under that of another format."""
    for name in ("net.onnx", "net.pth"):
        code, _, err = say("train", "lenet_bn", *SHORT[:-1], name)
        assert code == 2
        assert f"{name} is the name of a file\n  -> -o net; then nas export net -o FILE" in err
    assert say("train", "lenet_bn", *SHORT)[0] == 0
    code, _, err = say("export", "net", "-o", "net.tflite")
    assert code == 2
    assert ".py, .onnx, .pt2 do\n  -> -o net.pt2, for one; --format folder" in err
    assert {path.name for path in tmp_path.iterdir()} == {"net"}


def test_what_is_no_export_has_a_way_out(say: Say, tmp_path: Path) -> None:
    """An empty folder, none at all and a file are told how an exported network is made."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for place in ("empty", "nothing", "file"):
        code, _, err = say("verify", place)
        assert code == 2
        assert "-> nas export RUN -o DIR makes one" in err
