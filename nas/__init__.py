"""Sample spaces of networks, find the design rules that hold in them, and export the best networks.

    Space --sample--> point --decode--> Architecture --network--> layer tree --module--> nn.Module
          --train--> Record --> table --> analysis --> figures --> report, models

`nas.plan(study)` says how many networks its rules need, `nas.run(study)` trains, `nas.search(space, minutes=20)`
searches without a study, `nas.open(folder)` looks at a run, `nas.report` draws its page, `nas.principles` tests design
rules on it, `nas.discover` looks for others, `nas.audit` trains some of its networks longer, `nas.final` trains and
tests the best ones, `nas.compare` puts searches side by side, `nas.replay` lets samplers search `nas.results`, the
table of all published trials, `nas.images` finds the images on which networks differ, `nas.train` trains one network,
`nas.network_of(run, trial)` is one of a run, `nas.export` exports a network, and `nas.load(folder)` brings it back as a
torch module, which `nas.save(model, path)` writes in other formats; `nas.load_torchvision(name)` does so with
torchvision's weights, `nas.create_model(name)` makes a network that `nas.list_models()` lists.
Names load what they need when they are first used.
"""

from functools import cache
from importlib import import_module
from inspect import isfunction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.errors import NasError
    from nas.findings.audits import Audit
    from nas.findings.discovery import Discovered
    from nas.findings.discovery import discovered as discover
    from nas.findings.finals import Final
    from nas.findings.images import Images, images
    from nas.findings.planning import Planned, plan
    from nas.findings.principles import Principles, principles
    from nas.findings.replay import replay
    from nas.findings.results import Results, results
    from nas.findings.searches import Searches, compare
    from nas.layers.base import Cost
    from nas.models.formats.writing import save
    from nas.models.model import Model, load
    from nas.models.prediction import Prediction
    from nas.models.registry import create_model, list_models
    from nas.models.torchvision import load_torchvision
    from nas.page.contents import write_report as report
    from nas.runner.audits import audit
    from nas.runner.finals import final
    from nas.runner.launch import start as run
    from nas.runner.networks import network_of, train
    from nas.runner.search import search
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
    "Final": ("nas.findings.finals", "Final"),
    "Grid": ("nas.study", "Grid"),
    "SuccessiveHalving": ("nas.study", "SuccessiveHalving"),
    "Images": ("nas.findings.images", "Images"),
    "Integer": ("nas.space", "Integer"),
    "Limits": ("nas.study", "Limits"),
    "Model": ("nas.models.model", "Model"),
    "NasError": ("nas.errors", "NasError"),
    "Origin": ("nas.study.record", "Origin"),
    "Outcome": ("nas.study.record", "Outcome"),
    "Planned": ("nas.findings.planning", "Planned"),
    "Prediction": ("nas.models.prediction", "Prediction"),
    "Principles": ("nas.findings.principles", "Principles"),
    "Real": ("nas.space", "Real"),
    "Recipe": ("nas.study", "Recipe"),
    "Record": ("nas.study.record", "Record"),
    "Results": ("nas.findings.results", "Results"),
    "Run": ("nas.storage.results", "Run"),
    "Searches": ("nas.findings.searches", "Searches"),
    "Space": ("nas.space", "Space"),
    "Study": ("nas.study", "Study"),
    "audit": ("nas.runner.audits", "audit"),
    "compare": ("nas.findings.searches", "compare"),
    "create_model": ("nas.models.registry", "create_model"),
    "discover": ("nas.findings.discovery", "discovered"),
    "export": ("nas.runner.winners", "export"),
    "images": ("nas.findings.images", "images"),
    "final": ("nas.runner.finals", "final"),
    "list_models": ("nas.models.registry", "list_models"),
    "load": ("nas.models.model", "load"),
    "network_of": ("nas.runner.networks", "network_of"),
    "load_torchvision": ("nas.models.torchvision", "load_torchvision"),
    "open": ("nas.storage.results", "open_run"),
    "plan": ("nas.findings.planning", "plan"),
    "principles": ("nas.findings.principles", "principles"),
    "replay": ("nas.findings.replay", "replay"),
    "report": ("nas.page.contents", "write_report"),
    "results": ("nas.findings.results", "results"),
    "run": ("nas.runner.launch", "start"),
    "search": ("nas.runner.search", "search"),
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
    "Final",
    "Grid",
    "Images",
    "Integer",
    "Limits",
    "Model",
    "NasError",
    "Origin",
    "Outcome",
    "Planned",
    "Prediction",
    "Principles",
    "Real",
    "Recipe",
    "Record",
    "Results",
    "Run",
    "Searches",
    "Space",
    "Study",
    "SuccessiveHalving",
    "audit",
    "compare",
    "create_model",
    "discover",
    "export",
    "final",
    "images",
    "list_models",
    "load",
    "load_torchvision",
    "network_of",
    "open",
    "plan",
    "principles",
    "replay",
    "report",
    "results",
    "run",
    "save",
    "search",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load what a public name stands for."""
    if name not in _PLACES:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    try:
        value = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] in ("nas", "spaces", "studies"):
            raise
        told = f"nas.{name} needs {error.name}, which isn't installed: pip install it, or nas-atlas without --no-deps"
        raise ModuleNotFoundError(told, name=error.name) from error
    return _checked(value, f"nas.{name}") if isfunction(value) else value


@cache
def _checked(function: Any, name: str) -> Any:
    """A public function, the same each time, which refuses arguments of other names and types."""
    from nas.errors.arguments import checked

    return checked(function, name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
