"""Where trainings run: worker processes of this machine, or this process itself."""

from nas.engines.base import Engine
from nas.engines.inline import InlineEngine
from nas.engines.local import LocalEngine

__all__ = ["Engine", "InlineEngine", "LocalEngine"]
