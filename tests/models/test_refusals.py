"""Exports that aren't what they claim: refused with the reason, before anything is built, and nothing executed."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

import nas
from nas.engines import InlineEngine
from nas.errors import Missing, NasError, Refused
from nas.files import digest
from nas.layers import Layer, identity
from nas.models.document import Document, decode, encode
from nas.models.folder import ARCHITECTURE, CARD, SUMS, WEIGHTS
from nas.models.model import Model
from tests.toys.spaces import STUDY as TOY

Entries = dict[str, Any]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best network of a small run, exported; tests don't write to it."""
    folder = tmp_path_factory.mktemp("models")
    run = nas.run(TOY, out=folder / "run", engine=InlineEngine())
    nas.export(run, run.ranked(1), folder / "best")
    return folder / "best"


@pytest.fixture
def model(exported: Path) -> Model:
    """It, loaded."""
    return nas.load(exported)


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    """A copy of the folder that may be changed."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def resum(folder: Path) -> None:
    """List the hashes of the files as they are."""
    names = (ARCHITECTURE, WEIGHTS, CARD)
    (folder / SUMS).write_text("".join(f"{digest(folder / name)}  {name}\n" for name in names))


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "..", ".", "a/b", "./model.safetensors", "sub/../model.safetensors"]
)
def test_names_outside_the_folder_are_refused(copied: Path, name: str) -> None:
    """A list of hashes that names a path is refused, whether the file exists or not."""
    (copied.parent / "secret").write_text("x")
    with (copied / SUMS).open("a") as file:
        file.write(f"{digest(copied.parent / 'secret')}  {name}\n")
    with pytest.raises(NasError, match=r"outside the folder|is missing"):
        nas.load(copied)


def test_broken_lists_of_hashes_are_refused(copied: Path) -> None:
    """A list that is none, too long, incomplete or missing, and a missing file, are errors with the name."""
    lines = (copied / SUMS).read_text().splitlines(keepends=True)
    for text, said in (
        ("hello\n", "no list of SHA-256 hashes: 'hello'"),
        (lines[0], r"SHA256SUMS doesn't list model\.safetensors"),
        (lines[1], r"SHA256SUMS doesn't list architecture\.json"),
        ("x" * 100_000, "has 100,000 bytes, at most 65,536 are read"),
    ):
        (copied / SUMS).write_text(text)
        with pytest.raises(Refused, match=said):
            nas.load(copied)
    (copied / SUMS).write_text("".join(lines))
    (copied / CARD).unlink()
    with pytest.raises(Missing, match=r"card\.md is missing"):
        nas.load(copied)
    (copied / SUMS).unlink()
    with pytest.raises(Refused, match="is no exported network: it has no SHA256SUMS"):
        nas.load(copied)
    with pytest.raises(Refused, match="there is no folder"):
        nas.load(copied / "missing")


def wide(entries: Entries, folder: Path) -> None:
    """A network of a trillion parameters."""
    entries["layers"]["layers"] = [
        {"type": "flatten"},
        {"type": "linear", "width": 2**20},
        {"type": "linear", "width": 2**20},
        {"type": "linear", "width": 10},
    ]


def statistical(entries: Entries, folder: Path) -> None:
    """A network of 10 MB whose norms would take 190 GB of statistics."""
    norm = {"type": "repetition", "layer": {"type": "normalisation", "affine": False}, "times": 90_000}
    entries["inputs"] = [2**18, 1, 1]
    entries["mean"] = entries["std"] = [1] * 2**18
    entries["layers"]["layers"] = [norm, {"type": "flatten"}, *entries["layers"]["layers"][-1:]]
    with (folder / WEIGHTS).open("ab") as file:
        file.truncate(2**24)  # as large as its parameters


def nested(entries: Entries, folder: Path) -> None:
    """Sequences in sequences."""
    for _ in range(70):
        entries["layers"] = {"type": "sequence", "layers": [entries["layers"]]}


HUGE, SMALL = ({"type": "adaptivepooling", "size": size} for size in (2**20, 16))
"""Pools to a terabyte, and back."""
HOSTILE: dict[str, tuple[Callable[[Entries, Path], object], str]] = {
    "wide": (wide, r"its network needs 4,\d{3},\d{3},\d{3},\d{3}"),
    "statistical": (statistical, r"its network needs 188,\d{3},\d{3},\d{3}"),
    "nested": (nested, "nested"),
    "later version": (
        lambda e, _: e.update(schema_version=2, invented_later=1),
        "schema version 2, this program reads 1; update",
    ),
    "unknown key": (lambda e, _: e.update(run="rm -rf /"), "unknown field `run`"),
    "unknown layer": (lambda e, _: e["layers"]["layers"].append({"type": "exec"}), "Invalid value 'exec'"),
    "huge number": (lambda e, _: e["layers"]["layers"][0].update(width=10**30), "description"),
    "huge input": (lambda e, _: e.update(inputs=[1, 2**40, 2**40]), "inputs must be channels, height and width"),
    "negative input": (lambda e, _: e.update(inputs=[1, -16, -16]), "inputs must be channels, height and width"),
    "no input": (lambda e, _: e.update(inputs=[]), "inputs must be channels, height and width"),
    "other classes": (lambda e, _: e.update(classes=["0", "1"]), "10 outputs for 2 classes"),
    "no mean": (lambda e, _: e.update(mean=[]), "mean and std must be given for 1 channels"),
    "zero std": (lambda e, _: e.update(std=[0.0]), "std above 0"),
    "huge output": (
        lambda e, _: e["layers"]["layers"].insert(0, {"type": "sequence", "layers": [HUGE, SMALL]}),
        "makes .* numbers of one input, at most",
    ),
    "other name": (lambda e, _: e.update(architecture="0" * 16), "description is of network 0000000000000000"),
    "other width": (lambda e, _: e["layers"]["layers"][0].update(width=3), "doesn't fit the network"),
}


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Four gigabytes of addresses more than now: what would allocate terabytes fails."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 4 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_descriptions_are_refused(copied: Path, case: str) -> None:
    """A description that its weights can't fill, or that isn't one, is refused with the reason before it is built."""
    change, said = HOSTILE[case]
    entries = json.loads((copied / ARCHITECTURE).read_text())
    change(entries, copied)
    if case != "other name":
        with suppress(msgspec.ValidationError, RecursionError):
            entries["architecture"] = identity(msgspec.convert(entries["layers"], Layer))
    (copied / ARCHITECTURE).write_text(json.dumps(entries))
    resum(copied)
    with pytest.raises(Refused, match=said):
        nas.load(copied)


def test_what_is_no_file_is_not_waited_for(copied: Path) -> None:
    """A pipe, and a device without end, in the place of a list of hashes are refused."""
    (copied / SUMS).unlink()
    os.mkfifo(copied / SUMS)
    with pytest.raises(Refused, match="SHA256SUMS is no file"):
        nas.load(copied)
    (copied / SUMS).unlink()
    (copied / SUMS).symlink_to("/dev/zero")
    with pytest.raises(Refused, match="SHA256SUMS is no file"):
        nas.load(copied)


def test_torn_and_oversized_descriptions_are_refused(copied: Path, model: Model) -> None:
    """Half a description, one of five megabytes, brackets without end and bytes that are no text are refused."""
    whole = encode(model.document)
    for data in (whole[: len(whole) // 2], b" " * 5 * 2**20 + whole, b"[" * 100_000, b"\xff" + whole, b""):
        with pytest.raises(Refused):
            decode(data)
        (copied / ARCHITECTURE).write_bytes(data)
        resum(copied)
        with pytest.raises(Refused):
            nas.load(copied)


def test_a_description_comes_back_equal(model: Model) -> None:
    """What is written of a network is read back equal, numbers to the bit."""
    document = msgspec.structs.replace(model.document, error=0.1 + 0.2)
    assert decode(encode(document)) == document
    assert isinstance(decode(encode(document).decode()), Document)


class Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_pickles_are_never_read(copied: Path, writer: str) -> None:
    """A pickle that bears the name of the weights is refused, and nothing in it is executed."""
    mark = copied.parent / "executed"
    if writer == "pickle":
        (copied / WEIGHTS).write_bytes(pickle.dumps(Payload(mark)) + bytes(100_000))
    else:
        torch.save({"0.weight": torch.zeros(100_000), "x": Payload(mark)}, copied / WEIGHTS)
    resum(copied)
    with pytest.raises(Refused, match=r"model\.safetensors is no safetensors file"):
        nas.load(copied)
    assert not mark.exists()


def test_weights_must_fit_exactly(copied: Path) -> None:
    """A missing, an extra, a reshaped and a retyped tensor are refused with the tensor's name."""
    whole = load_file(copied / WEIGHTS)
    name = next(name for name in whole if name.endswith("conv.weight"))
    padding = {"padding": torch.zeros(10_000)}
    changes: list[tuple[dict[str, torch.Tensor], str]] = [
        ({k: v for k, v in whole.items() if k != name} | padding, name),
        ({**whole, "extra": torch.zeros(1)}, "extra"),
        ({**whole, name: whole[name].flatten()}, name),
        ({**whole, name: whole[name].double()}, name),
    ]
    for tensors, odd in changes:
        save_file(tensors, copied / WEIGHTS)
        resum(copied)
        with pytest.raises(Refused, match=f"doesn't fit the network .*'{odd}' is missing, extra or of another shape"):
            nas.load(copied)


def test_a_file_of_names_alone_is_refused(copied: Path) -> None:
    """Hundreds of thousands of empty tensors are refused by the size of their names, before these are read."""
    whole = (copied / WEIGHTS).read_bytes()
    length = int.from_bytes(whole[:8], "little")
    names = {f"{place:064d}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for place in range(140_000)}
    header = json.dumps(json.loads(whole[8 : 8 + length]) | names).encode()
    (copied / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header + whole[8 + length :])
    resum(copied)
    with pytest.raises(Refused, match=r"has a header of [\d,]+ bytes, at most 16,777,216 are read"):
        nas.load(copied)
