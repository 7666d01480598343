"""torchvision's networks as ours: the same weights in the same structure, checked layer by layer and on an image.

Both modules are walked in the order in which they register their layers, and those that have weights or statistics must
agree one by one in kind, shape and settings. torchvision's RegNet registers the projection of a block (`proj`) before
the branch beside it (`f`), ours after it; so a `proj` of theirs comes after its neighbours here. GoogLeNet's auxiliary
heads have no counterpart and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest

import torch
from torch import Tensor, nn
from torchvision import models

from nas.errors import Missing, Refused
from nas.models.prediction import evaluating
from nas.study import catalog
from nas.training.modules import build

CHECKED = (1, 3, 64, 64)
"""Shape of the image on which both networks must agree: a batch of one, large enough for AlexNet."""
TOLERANCE = 1e-5
"""Largest difference of two outputs, as a part of the largest output."""
BEHIND = ("proj",)
"""Children that come after those beside them."""
LEFT_OUT = ("aux1", "aux2")
"""Children without a counterpart."""
SAID = 200
"""Characters that are shown of what torch says about a state dict."""
TWIN = "{}_torchvision"
"""Name of ours where the paper's network and torchvision's differ."""


def load_torchvision(
    name: str,
    module: nn.Module | None = None,
    *,
    weights: Mapping[str, Tensor] | models.WeightsEnum | None = None,
    classes: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """Our module of the network that torchvision calls `name`, with torchvision's weights, in evaluation mode.

    The weights are those of `module`, or of a state dict, or published ones (a WeightsEnum, which torchvision may
    download), or random ones as torchvision draws them from `seed`. `classes` (default: as published) belongs to state
    dicts and random weights. Refused at the first layer where the structures disagree.
    """
    if module is not None and (weights is not None or classes is not None):
        raise Refused("give a module, or weights and classes, not both")
    if classes is not None and not (isinstance(classes, int) and classes > 0):
        raise Refused(f"classes must be a whole number of at least 1, got {classes!r}")
    if not isinstance(weights, Mapping | models.WeightsEnum | None):
        hint = "torchvision.models.get_weight('ResNet18_Weights.DEFAULT'), or a module's state_dict()"
        raise Refused(f"weights are a state dict or a WeightsEnum of torchvision, got {weights!r:.80}", hint=hint)
    theirs = _build(name, weights, classes, seed) if module is None else module
    if getattr(theirs, "transform_input", False):
        raise Refused(
            f"this {name} changes its input before the first layer (transform_input)",
            hint="build it with transform_input=False and give it images of mean 0.5 and standard deviation 0.5",
        )
    ours = _counterpart(name, theirs)
    _copy(name, ours, theirs)
    _require_equal(name, ours, theirs)
    return ours


def _build(
    name: str, weights: Mapping[str, Tensor] | models.WeightsEnum | None, classes: int | None, seed: int
) -> nn.Module:
    """torchvision's module of a name; the global generator stays as it was."""
    if name not in models.list_models(module=models):
        raise Refused(f"torchvision has no network {name!r}", hint="torchvision.models.list_models() lists all")
    if isinstance(weights, models.WeightsEnum):
        return _published(name, weights)
    settings = {} if classes is None else {"num_classes": classes}
    if name == "googlenet":
        settings |= {"aux_logits": False, "init_weights": weights is None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: nn.Module = models.get_model(name, **settings)
    if weights is not None:
        _load(name, module, weights)
    return module


def _published(name: str, weights: models.WeightsEnum) -> nn.Module:
    settings = {"transform_input": False} if name == "googlenet" else {}
    try:
        module: nn.Module = models.get_model(name, weights=weights, **settings)
    except TypeError as error:
        raise Refused(f"{weights} aren't weights of {name}: {error}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a file that hasn't its hash
        raise Missing(f"{weights} can't be had: {error}", hint=f"put {weights.url} into torch's cache") from None
    return module


def _load(name: str, module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """A state dict into torchvision's module; all of it must fit."""
    kept = {key: value for key, value in weights.items() if key.partition(".")[0] not in LEFT_OUT}
    try:
        module.load_state_dict(kept)
    except RuntimeError as error:
        _, *wrong = str(error).splitlines()
        summary = f"{wrong[0].strip():.{SAID}}" + (f" and {len(wrong) - 1} more lines" if wrong[1:] else "")
        hint = "give classes=, if it was made for others than published"
        raise Refused(f"the state dict isn't one of torchvision's {name}: {summary}", hint=hint) from None


def _counterpart(name: str, theirs: nn.Module) -> nn.Module:
    """Our module of the same name, its weights not yet set, with as many classes and where theirs is."""
    twin = TWIN.format(name)
    network = catalog.network(twin if twin in {known.name for known in catalog.networks()} else name)
    *_, (_, last) = _parametrised(theirs)
    classes = last.out_features if isinstance(last, nn.Linear) else network.classes
    parameter = next(theirs.parameters())
    ours = build(network.architecture.network(network.inputs, classes), network.inputs)
    return ours.to(parameter.device, parameter.dtype).eval()


def _copy(name: str, ours: nn.Module, theirs: nn.Module) -> None:
    """Weights and statistics of each layer; refused at the first that differs in kind, shape or settings."""
    nothing = ("", None)
    for number, pair in enumerate(zip_longest(_parametrised(ours), _parametrised(theirs), fillvalue=nothing), 1):
        (_, mine), (path, other) = pair
        if mine is None or other is None or str(mine) != str(other):
            difference = f"torchvision's is {f'{path}, {other}' if other else 'missing'}, ours is {mine or 'missing'}"
            raise Refused(f"layer {number} of {name} differs: {difference}")
        mine.load_state_dict(other.state_dict())


def _parametrised(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Path and module of every layer that has weights or statistics of its own."""
    if any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False)):
        yield path, module
    for name, child in sorted(module.named_children(), key=lambda named: named[0] in BEHIND):
        if name not in LEFT_OUT:
            yield from _parametrised(child, f"{path}.{name}" if path else name)


def _require_equal(name: str, ours: nn.Module, theirs: nn.Module) -> None:
    """Refuse a network that has the same layers and yet another output: they are joined otherwise."""
    parameter = next(theirs.parameters())
    image = torch.randn(CHECKED, generator=torch.Generator().manual_seed(0)).to(parameter.device, parameter.dtype)
    with torch.no_grad(), evaluating(theirs):
        expected, actual = theirs(image), ours(image)
    largest = float(expected.abs().max())
    if expected.shape != actual.shape or not torch.allclose(actual, expected, rtol=0, atol=TOLERANCE * largest):
        raise Refused(f"{name} has the layers of torchvision's, but not its output on an image of random pixels")
