"""Map spaces of networks, find the design rules that hold in them, and hand over the best networks.

    Space --sample--> point --decode--> Architecture --network--> layer tree --module--> nn.Module
          --train--> Record --> table --> analysis --> figures --> report, models

`nas.run(study)` trains, `nas.open(folder)` looks at a run, `nas.report` draws its page, `nas.principles` tests design
rules on it, `nas.discover` looks for others, `nas.audit` trains some of its networks longer, `nas.compare` puts
searches side by side, `nas.export` hands a network over, and `nas.load(folder)` brings it back as a torch module;
`nas.load_torchvision(name)` does so with torchvision's weights. Names load what they need when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.auditing import audit
    from nas.audits import Audit
    from nas.discovering import Discovered
    from nas.discovering import discovered as discover
    from nas.errors import NasError
    from nas.exporting import export
    from nas.findings import Principles, principles
    from nas.halving import Halving
    from nas.launch import start as run
    from nas.layers.base import Cost
    from nas.limits import Limits
    from nas.models import Model, load
    from nas.recipe import Recipe
    from nas.record import Epoch, Origin, Outcome, Record
    from nas.reporting import write_report as report
    from nas.results import Run
    from nas.results import open_run as open  # noqa: A004
    from nas.searching import Searches, compare
    from nas.space import Choice, Integer, Real, Space
    from nas.study import Grid, Study
    from nas.torchvision_weights import load_torchvision

__version__ = "0.1.0"

_PLACES = {
    "Audit": ("nas.audits", "Audit"),
    "Choice": ("nas.space", "Choice"),
    "Cost": ("nas.cost", "Cost"),
    "Discovered": ("nas.discovering", "Discovered"),
    "Epoch": ("nas.record", "Epoch"),
    "Grid": ("nas.study", "Grid"),
    "Halving": ("nas.halving", "Halving"),
    "Integer": ("nas.space", "Integer"),
    "Limits": ("nas.cost", "Limits"),
    "Model": ("nas.models", "Model"),
    "NasError": ("nas.errors", "NasError"),
    "Origin": ("nas.record", "Origin"),
    "Outcome": ("nas.record", "Outcome"),
    "Principles": ("nas.findings", "Principles"),
    "Real": ("nas.space", "Real"),
    "Recipe": ("nas.recipe", "Recipe"),
    "Record": ("nas.record", "Record"),
    "Run": ("nas.results", "Run"),
    "Searches": ("nas.searching", "Searches"),
    "Space": ("nas.space", "Space"),
    "Study": ("nas.study", "Study"),
    "audit": ("nas.auditing", "audit"),
    "compare": ("nas.searching", "compare"),
    "discover": ("nas.discovering", "discovered"),
    "export": ("nas.exporting", "export"),
    "load": ("nas.models", "load"),
    "load_torchvision": ("nas.torchvision_weights", "load_torchvision"),
    "open": ("nas.results", "open_run"),
    "principles": ("nas.findings", "principles"),
    "report": ("nas.reporting", "write_report"),
    "run": ("nas.launch", "start"),
}
"""Public name -> module and name there."""

__all__ = [
    "Audit",
    "Choice",
    "Cost",
    "Discovered",
    "Epoch",
    "Grid",
    "Halving",
    "Integer",
    "Limits",
    "Model",
    "NasError",
    "Origin",
    "Outcome",
    "Principles",
    "Real",
    "Recipe",
    "Record",
    "Run",
    "Searches",
    "Space",
    "Study",
    "audit",
    "compare",
    "discover",
    "export",
    "load",
    "load_torchvision",
    "open",
    "principles",
    "report",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load what a public name stands for."""
    if name not in _PLACES:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
