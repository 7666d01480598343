"""A trained network as a module of plain torch layers, and as the files that other runtimes read.

They take a batch of any size as `Model.preprocess` returns it, in float32, and return scores, or the standardised
target.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from nas.errors import Refused
from nas.models.document import Document, encode
from nas.models.model import Model, tensors_of
from nas.training.modules import build

OPSET = 18
"""Of ONNX: what runtimes have read since 2023."""
INPUT, OUTPUT = "input", "output"
DOCUMENT = "architecture.json"
"""The file inside a .pt2 that describes the network, as the one of a folder does."""
NEEDED = ("onnx", "onnxscript")


def plain(model: Model) -> nn.Module:
    """The same network anew, in evaluation mode, without whatever made its training fast."""
    module = build(model.document.layers, model.document.inputs)
    module.load_state_dict(tensors_of(model))
    return module.eval()


def program(model: Model) -> ExportedProgram:
    """The network as torch.export sees it, for batches of any size."""
    example = torch.zeros(2, *model.document.inputs)
    with torch.no_grad():
        return torch.export.export(plain(model), (example,), dynamic_shapes=({0: Dim("batch")},))


def torch_export(model: Model) -> bytes:
    """A .pt2: `torch.export.load(path).module()` computes without this program."""
    buffer = io.BytesIO()
    torch.export.save(program(model), buffer, extra_files={DOCUMENT: encode(model.current_document()).decode()})
    return buffer.getvalue()


def onnx(model: Model) -> bytes:
    """An ONNX file, with what its users need to know among its metadata."""
    require_onnx()
    example = torch.zeros(2, *model.document.inputs)
    with _quiet():
        written = torch.onnx.export(
            plain(model),
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamic_shapes=({0: Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    if written is None:
        raise AssertionError("torch.onnx.export returned no program")
    proto = written.model_proto
    for part in (proto.graph, *proto.functions):
        for node in (*part.node, *part.value_info):
            node.ClearField("metadata_props")  # where torch traced it: paths of this machine, half of the file
    for name, value in metadata(model.current_document()).items():
        proto.metadata_props.add(key=name, value=value)
    data: bytes = proto.SerializeToString()
    return data


def require_onnx() -> None:
    """Refuse where the libraries that write ONNX files are absent."""
    if absent := [name for name in NEEDED if find_spec(name) is None]:
        way = "pip install 'nas-atlas[onnx]'"
        raise Refused(f"an ONNX file needs {' and '.join(absent)}, not installed here", hint=way)


def metadata(document: Document) -> dict[str, str]:
    """What users of a file need, as texts: lists are JSON."""
    numbers = {"mean": document.mean, "std": document.std}
    if document.target:
        about: dict[str, object] = {
            "target": document.target,
            "target_mean": document.target_mean,
            "target_std": document.target_std,
            "features": [name for column in document.columns for name in column.features],
        }
    else:
        about = {"classes": document.classes}
    facts: dict[str, object] = {"architecture": document.architecture, "data": document.data}
    if document.validation and document.error is not None:
        facts["validation_error"] = document.error
    if document.test is not None:
        facts["test_error"] = document.test.error
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in {**numbers, **about, **facts}.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Torch's exporter tells of its own parts that will change; nobody here can change them."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
