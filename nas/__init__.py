"""Sample spaces of networks, find the design rules that hold in them, and export the best networks.

    Space --sample--> point --decode--> Architecture --network--> layer tree --module--> nn.Module
          --train--> Record --> table --> analysis --> figures --> report, models

`nas.plan(study)` says how many networks its rules need, `nas.run(study)` trains, `nas.open(folder)` looks at a run,
`nas.report` draws its page, `nas.principles` tests design rules on it, `nas.discover` looks for others, `nas.audit`
trains some of its networks longer, `nas.compare` puts searches side by side, `nas.train` trains one network,
`nas.network_of(run, trial)` is one of a run, `nas.export` exports a network, and `nas.load(folder)` brings it back as a
torch module, which `nas.save(model, path)` writes in other formats; `nas.load_torchvision(name)` is one with
torchvision's weights.
Names load what they need when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.errors import NasError
    from nas.findings.audits import Audit
    from nas.findings.discovery import Discovered
    from nas.findings.discovery import discovered as discover
    from nas.findings.planning import Planned, plan
    from nas.findings.principles import Principles, principles
    from nas.findings.searches import Searches, compare
    from nas.layers.base import Cost
    from nas.models.formats.writing import save
    from nas.models.model import Model, load
    from nas.models.torchvision import load_torchvision
    from nas.page.contents import write_report as report
    from nas.runner.audits import audit
    from nas.runner.launch import start as run
    from nas.runner.networks import network_of, train
    from nas.runner.winners import export
    from nas.space import Choice, Integer, Real, Space
    from nas.storage.results import Run
    from nas.storage.results import open_run as open  # noqa: A004
    from nas.study import Grid, Limits, Recipe, Study, SuccessiveHalving
    from nas.study.record import Epoch, Origin, Outcome, Record

__version__ = "0.1.0"

_PLACES = {
    "Audit": ("nas.findings.audits", "Audit"),
    "Choice": ("nas.space", "Choice"),
    "Cost": ("nas.layers.base", "Cost"),
    "Discovered": ("nas.findings.discovery", "Discovered"),
    "Epoch": ("nas.study.record", "Epoch"),
    "Grid": ("nas.study", "Grid"),
    "SuccessiveHalving": ("nas.study", "SuccessiveHalving"),
    "Integer": ("nas.space", "Integer"),
    "Limits": ("nas.study", "Limits"),
    "Model": ("nas.models.model", "Model"),
    "NasError": ("nas.errors", "NasError"),
    "Origin": ("nas.study.record", "Origin"),
    "Outcome": ("nas.study.record", "Outcome"),
    "Planned": ("nas.findings.planning", "Planned"),
    "Principles": ("nas.findings.principles", "Principles"),
    "Real": ("nas.space", "Real"),
    "Recipe": ("nas.study", "Recipe"),
    "Record": ("nas.study.record", "Record"),
    "Run": ("nas.storage.results", "Run"),
    "Searches": ("nas.findings.searches", "Searches"),
    "Space": ("nas.space", "Space"),
    "Study": ("nas.study", "Study"),
    "audit": ("nas.runner.audits", "audit"),
    "compare": ("nas.findings.searches", "compare"),
    "discover": ("nas.findings.discovery", "discovered"),
    "export": ("nas.runner.winners", "export"),
    "load": ("nas.models.model", "load"),
    "network_of": ("nas.runner.networks", "network_of"),
    "load_torchvision": ("nas.models.torchvision", "load_torchvision"),
    "open": ("nas.storage.results", "open_run"),
    "plan": ("nas.findings.planning", "plan"),
    "principles": ("nas.findings.principles", "principles"),
    "report": ("nas.page.contents", "write_report"),
    "run": ("nas.runner.launch", "start"),
    "save": ("nas.models.formats.writing", "save"),
    "train": ("nas.runner.networks", "train"),
}
"""Public name -> module and name there."""

__all__ = [
    "Audit",
    "Choice",
    "Cost",
    "Discovered",
    "Epoch",
    "Grid",
    "Integer",
    "Limits",
    "Model",
    "NasError",
    "Origin",
    "Outcome",
    "Planned",
    "Principles",
    "Real",
    "Recipe",
    "Record",
    "Run",
    "Searches",
    "Space",
    "Study",
    "SuccessiveHalving",
    "audit",
    "compare",
    "discover",
    "export",
    "load",
    "load_torchvision",
    "network_of",
    "open",
    "plan",
    "principles",
    "report",
    "run",
    "save",
    "train",
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
