"""Classes of modules that aren't torch's, ours and those of other packages, as text that needs nothing but torch."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nas.errors import Refused

GIVEN = {"torch": torch, "nn": nn, "Tensor": Tensor}
"""What each source imports."""


def is_torchs(module: type[nn.Module]) -> bool:
    """Whether it is written as `nn.` and its name."""
    return getattr(nn, module.__name__, None) is module


def with_parts(module: type[nn.Module]) -> Iterator[type[nn.Module]]:
    """The classes of its file that it uses, then itself."""
    for name in _free_names(module):
        value = vars(sys.modules[module.__module__]).get(name)
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__module__:
            yield from with_parts(value)
        elif GIVEN.get(name, name) is not value:
            why = f"{module.__name__} uses {name}, which isn't torch, nn, Tensor or a module's class of its own file"
            raise Refused(f"no source can be written of this network: {why}", hint="import it inside the methods")
    yield module


def source_of(module: type[nn.Module]) -> str:
    """The class as it stands in its file."""
    try:
        return textwrap.dedent(inspect.getsource(module)).rstrip()
    except (OSError, TypeError) as error:
        raise Refused(f"no source can be written of this network: that of {module.__name__} is gone: {error}") from None


def _free_names(module: type[nn.Module]) -> list[str]:
    """Names that the class takes from its file, annotations left out, which nobody evaluates."""
    tree = ast.parse(source_of(module))
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, None)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | {module.__name__}
    for node in ast.walk(tree):
        match node:
            case ast.arg():
                own.add(node.arg)
            case ast.alias():
                own.add((node.asname or node.name).partition(".")[0])
            case ast.FunctionDef():
                own.add(node.name)
    return sorted({node.id for node in names} - own - {*dir(builtins)})
