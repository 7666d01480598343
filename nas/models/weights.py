"""Weights on disk: safetensors files that carry their network's document; nothing in them is ever executed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from nas.errors import Refused
from nas.files import write_atomically
from nas.layers import cost, rows
from nas.layers.leaves import PER_INPUT
from nas.models.document import Document, decode, encode
from nas.training.names import by_position

DOCUMENT = "document"
FLOAT_BYTES = 4
LARGEST_HEADER = 2**24
"""Bytes that the names and shapes in a file may take."""
LARGEST_OUTPUT = 2**28
"""Most elements that a layer makes of one input: a gigabyte."""
NORM, STATISTICS = "Normalisation", 2
"""The one layer that keeps numbers which aren't trained, and how many of them a channel."""
WITHOUT_STATISTICS = ("none", *PER_INPUT)
"""Kinds of it that keep none; its settings begin with the kind."""


def write(module: nn.Module, document: Document, path: Path) -> str:
    """Write weights and document atomically; the SHA-256 of the file."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    return write_atomically(path, save(tensors, {DOCUMENT: encode(document).decode()}))


def read_document(path: Path) -> Document:
    """The document of a weights file, without its tensors."""
    with opened(path) as file:
        metadata = file.metadata() or {}
    if DOCUMENT not in metadata:
        raise Refused(f"{path} carries no description of its network")
    return decode(metadata[DOCUMENT])


def portable(module: nn.Module) -> dict[str, Tensor]:
    """The tensors of a module as files hold them: on the CPU, in one piece, floats in single precision."""
    tensors = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    return {n: (t.float() if t.is_floating_point() else t).contiguous() for n, t in tensors.items()}


def fingerprint(module: nn.Module) -> str:
    """SHA-256 over names, shapes and numbers of a module's tensors, as files hold them."""
    total = hashlib.sha256()
    for name, tensor in portable(module).items():
        total.update(f"{name} {tuple(tensor.shape)}".encode())
        total.update(tensor.numpy().data)
    return total.hexdigest()


def misfit(module: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """Name of the first tensor that a module lacks, or has in another shape or type; empty if all fit."""
    expected = module.state_dict()
    odd = [
        n for n, t in expected.items() if n not in tensors or tensors[n].shape != t.shape or tensors[n].dtype != t.dtype
    ]
    return next(iter([*odd, *(set(tensors) - set(expected))]), "")


def load_into(module: nn.Module, document: Document, path: Path) -> None:
    """Fill a module of this document with the tensors of a file; names, shapes and types must agree exactly.

    In older files the parts of rows have numbers in place of names.
    """
    expected = module.state_dict()
    names = {by_position(module, name): name for name in expected}
    tensors: dict[str, Tensor] = {}
    with opened(path) as file:
        stored = {names.get(name, name): name for name in file.keys()}  # noqa: SIM118 -- not a mapping
        odd = min(expected.keys() - stored.keys(), default=min(stored.keys() - expected.keys(), default=""))
        if not odd:
            tensors = {name: file.get_tensor(key) for name, key in stored.items()}
    if odd := odd or misfit(module, tensors):
        how = f"{odd!r} is missing, extra or of another shape or type"
        raise Refused(f"{path} doesn't fit the network {document.architecture}: {how}")
    module.load_state_dict(tensors)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A safetensors file, refused where it is none or where its names and shapes alone take much memory."""
    try:
        with path.open("rb") as start:
            header = int.from_bytes(start.read(8), "little")
        if LARGEST_HEADER < header < path.stat().st_size:
            raise Refused(f"{path} has a header of {header:,} bytes, at most {LARGEST_HEADER:,} are read")
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise Refused(f"{path} is no safetensors file: {error}") from None


def require_plausible(document: Document, path: Path) -> None:
    """Refuse a network that its file couldn't hold, or memory not compute, before it is built."""
    parameters = cost(document.layers, document.inputs).parameters
    table = rows(document.layers, document.inputs)
    largest = max((prod(row.output) for row in table), default=0)
    if largest > LARGEST_OUTPUT:
        raise Refused(
            f"a layer of {path.parent} makes {largest:,} numbers of one input, at most {LARGEST_OUTPUT:,} are"
        )
    norms = [row for row in table if row.kind == NORM and not row.settings.startswith(WITHOUT_STATISTICS)]
    needed = FLOAT_BYTES * (parameters + sum(STATISTICS * row.times * row.output[0] for row in norms))
    if needed > path.stat().st_size:
        raise Refused(f"{path} has {path.stat().st_size:,} bytes, its network needs {needed:,}")


def torch_version() -> str:
    """Version of torch, for documents."""
    return str(torch.__version__)
