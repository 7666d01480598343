"""The layer tree as a torch module: one fold, the only place where layers meet torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from nas import layers
from nas.errors import Refused, code_of_others
from nas.layers import Layer, Shape, output_shape, shape_text
from nas.study.recipe import Initialization
from nas.training.names import names_of


class PartialNorm(nn.Module):
    """Normalisation that only centres or only scales.

    Over the batch and, for images, over positions.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        width: int,
        *,
        centre: bool,
        affine: bool,
        epsilon: float,
        momentum: float,
    ) -> None:
        super().__init__()
        self.centre, self.epsilon, self.momentum = centre, epsilon, momentum
        self.weight = nn.Parameter(torch.ones(width)) if affine else None
        self.bias = nn.Parameter(torch.zeros(width)) if affine else None
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Statistics of the batch in training, running ones in evaluation."""
        axes = [0, *range(2, x.dim())]
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if self.training:
            exact = x.to(self.running_mean.dtype)
            variance, mean = torch.var_mean(exact, axes, correction=0)
            count = x.numel() // x.shape[1]
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                unbiased = variance * count / max(1, count - 1)
                self.running_var.lerp_(unbiased, self.momentum)
        else:
            mean, variance = self.running_mean, self.running_var
        scale = torch.rsqrt(variance + self.epsilon).view(shape)
        y = x - mean.view(shape) if self.centre else x * scale
        if self.weight is not None and self.bias is not None:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(x.dtype)


class Residual(nn.Module):
    """Branch plus shortcut."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Both see the same input."""
        return cast(Tensor, self.shortcut(x) + self.branch(x))


class Concatenation(nn.Module):
    """Branches joined along the channels."""

    def __init__(self, branches: list[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """All see the same input."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class DenseConcatenation(nn.Module):
    """The input joined with what the branch makes of it."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """The input comes first."""
        return torch.cat([x, self.branch(x)], 1)


class OwnDropout(nn.Dropout):
    """Dropout that draws from a generator of its network's; a network has it only while it is trained."""

    generator: torch.Generator

    def forward(self, x: Tensor) -> Tensor:
        """The same numbers as torch's where the generators have the same seed, on a CPU."""
        if not self.training or self.p in (0.0, 1.0):
            return super().forward(x)
        return x * self.noise(x).div_(1 - self.p)

    def noise(self, x: Tensor) -> Tensor:
        """1 for each element that stays, 0 for the others."""
        return torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)


class SqueezeExcite(nn.Module):
    """Gates the channels by what their means say."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, width, 1)
        self.widen = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Mean, narrow, ReLU, widen, sigmoid, product."""
        gate = x.mean((2, 3), keepdim=True)  # (batch, channels, 1, 1)
        gate = torch.sigmoid(self.widen(torch.relu(self.narrow(gate))))
        return x * gate


@runtime_checkable
class Initialized(Protocol):
    """A module of another package that sets tensors of its own."""

    def initialize(self, generator: torch.Generator) -> None:
        """Set them, with random numbers of the generator alone."""


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "leaky_relu": nn.LeakyReLU,
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, PartialNorm, nn.GroupNorm)
WEIGHTED = (*NORMS, nn.Conv2d, nn.Linear)
FRESH = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.Conv2d, nn.Linear, Residual)
"""Modules whose output nobody else sees and whose backward pass doesn't need it: a ReLU may overwrite it."""


def build(layer: Layer, inputs: Shape) -> nn.Module:
    """The module of a network, its weights not yet set (see `initialize`); raises ImpossibleShape where it can't be."""
    output_shape(layer, inputs)  # refuses what can't be, before anything is allocated
    with torch.device("meta"):
        module = _module(layer, inputs).float()  # whatever torch's default type is
    kept = [(name, buffer) for name, buffer in module.named_buffers() if not buffer.is_meta]
    module.to_empty(device="cpu")
    for name, buffer in kept:
        module.get_buffer(name).copy_(buffer)
    return module


def initialize(
    module: nn.Module, generator: torch.Generator, scheme: Initialization = "he", *, zero_residual: bool = False
) -> None:
    """Set all weights and statistics from the generator.

    `he`: convolutions normal with variance 2 / fan-out, linear layers N(0, 0.01). `xavier`: uniform for both. What a
    module of another package sets in its `initialize(generator)` stays.
    """
    for part in module.modules():
        match part:
            case nn.Conv2d() | nn.Linear():
                _initialize_weight(part, generator, scheme)
            case nn.BatchNorm2d() | nn.BatchNorm1d() | nn.GroupNorm():
                part.reset_parameters()
            case PartialNorm():
                _reset_norm(part)
    for part in module.modules():
        if isinstance(part, Initialized):
            part.initialize(generator)
    if zero_residual:
        for part in module.modules():
            if isinstance(part, Residual) and (weight := _last_weight(part.branch)) is not None:
                nn.init.zeros_(weight)


def _initialize_weight(part: nn.Conv2d | nn.Linear, generator: torch.Generator, scheme: Initialization) -> None:
    if scheme == "xavier":
        nn.init.xavier_uniform_(part.weight, generator=generator)
    elif isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu", generator=generator)
    else:
        nn.init.normal_(part.weight, std=0.01, generator=generator)
    if part.bias is not None:
        nn.init.zeros_(part.bias)


def _reset_norm(part: PartialNorm) -> None:
    nn.init.zeros_(part.running_mean)
    nn.init.ones_(part.running_var)
    if part.weight is not None and part.bias is not None:
        nn.init.ones_(part.weight)
        nn.init.zeros_(part.bias)


def _last_weight(branch: nn.Module) -> Tensor | None:
    """The scale of a branch's last norm, or, in pre-activation, the weight of the convolution or linear layer after it.

    A scale of zero before a ReLU would let no gradient through, and the branch would never learn.
    """
    parts = [m for m in branch.modules() if isinstance(m, WEIGHTED)]
    return parts[-1].weight if any(isinstance(m, NORMS) for m in parts) else None


def _module(layer: Layer, inputs: Shape) -> nn.Module:
    match layer:
        case layers.Sequence():
            return _row(layer.layers, inputs)
        case layers.Repetition():
            return _row((layer.layer,) * layer.times, inputs)
        case layers.Residual():
            return Residual(_module(layer.branch, inputs), _module(layer.shortcut, inputs))
        case layers.Concatenation():
            return Concatenation([_module(branch, inputs) for branch in layer.branches])
        case layers.DenseConcatenation():
            return DenseConcatenation(_module(layer.branch, inputs))
        case _:
            return _leaf(layer, inputs)


def _row(children: tuple[Layer, ...], inputs: Shape) -> nn.Sequential:
    modules: list[nn.Module] = []
    for child in children:
        module = _module(child, inputs)
        if isinstance(module, nn.ReLU) and modules and isinstance(modules[-1], FRESH):
            module.inplace = True
        modules.append(module)
        inputs = child.trace(inputs)[0]
    return nn.Sequential(OrderedDict(zip(names_of(children), modules, strict=True)))


def _leaf(layer: Layer, inputs: Shape) -> nn.Module:
    match layer:
        case layers.Convolution(width=width, kernel=kernel, stride=stride, padding=padding):
            return nn.Conv2d(inputs[0], width, kernel, stride, padding, groups=layer.groups, bias=layer.bias)
        case layers.Linear():
            return nn.Linear(inputs[0], layer.width, bias=layer.bias)
        case layers.Normalisation():
            return _norm(layer, inputs)
        case layers.Activation():
            return ACTIVATIONS[layer.function]()
        case layers.Pooling() | layers.AdaptivePooling():
            return _pooling(layer)
        case layers.Dropout():
            return nn.Dropout(layer.rate)
        case layers.SqueezeExcite():
            return SqueezeExcite(inputs[0], layer.width)
        case layers.Flatten():
            return nn.Flatten()
        case layers.Custom():
            return _custom(layer, inputs)
        case _:
            raise TypeError(f"no module for {type(layer).__name__}")


def _custom(layer: layers.Custom, inputs: Shape) -> nn.Module:
    """The module of a layer of another package, refused where it isn't what its definition says."""
    of = f"the module of {layer.kind} for {shape_text(inputs)}"
    with code_of_others(f"{of} fails"):
        module = layer.definition.module(inputs)
        outputs = _output_shape(module, inputs)
    shape, parameters, *_ = layer.trace(inputs)
    own = sum(tensor.numel() for tensor in module.parameters() if tensor.requires_grad)
    if own != parameters:
        raise Refused(f"{of} has {own:,} parameters, its definition says {parameters:,}")
    if outputs not in (shape, None):
        raise Refused(f"{of} returns {shape_text(outputs)}, its definition says {shape_text(shape)}")
    if lost := _unset(module):
        raise Refused(f"nothing sets {lost} of {of}", hint="its method `initialize(generator)` sets what isn't torch's")
    if hidden := sorted(_tensors(module) - module.state_dict().keys()):
        raise Refused(f"{of} has {hidden[0]} beside its state_dict, so it wouldn't be saved", hint="register_buffer")
    with code_of_others(f"{of} fails"):
        _keep_buffers(module, lambda: layer.definition.module(inputs))
    return module


def _keep_buffers(module: nn.Module, make: Callable[[], nn.Module]) -> None:
    """Give a module without numbers the buffers that its class makes: the same ones in every network."""
    if not any(True for _ in module.buffers()):
        return
    with torch.device("cpu"), torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        made = make()
    for name, buffer in made.named_buffers():
        path, _, own = name.rpartition(".")
        setattr(module.get_submodule(path), own, buffer)


def _output_shape(module: nn.Module, inputs: Shape) -> Shape | None:
    """What it makes of an image, worked out without numbers; None where torch can't."""
    try:
        with torch.no_grad():
            return tuple(module.eval()(torch.empty(2, *inputs, device="meta")).shape[1:])
    except NotImplementedError:
        return None
    finally:
        module.train()


def _unset(module: nn.Module) -> str:
    """A parameter that neither the recipe nor `initialize` of a module around it sets; empty if there is none."""
    if isinstance(module, (Initialized, *WEIGHTED)):
        return ""
    own = next((name for name, _ in module.named_parameters("", False)), "")
    inner = (f"{name}.{lost}" for name, child in module.named_children() if (lost := _unset(child)))
    return own or next(inner, "")


def _tensors(module: nn.Module) -> set[str]:
    """Names of all tensors of a module and its parts, registered or not."""
    known = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    parts = ((f"{path}." if path else "", vars(part)) for path, part in module.named_modules())
    return known | {f"{path}{name}" for path, own in parts for name, value in own.items() if isinstance(value, Tensor)}


def _norm(layer: layers.Normalisation, inputs: Shape) -> nn.Module:
    epsilon, momentum = layer.epsilon, layer.momentum
    match layer.kind:
        case "none":
            return nn.Identity()
        case "batch":
            kind = nn.BatchNorm2d if len(inputs) == 3 else nn.BatchNorm1d
            return kind(inputs[0], eps=epsilon, momentum=momentum, affine=layer.affine)
        case "group" | "layer" | "instance":
            return nn.GroupNorm(layer.groups_of(inputs), inputs[0], eps=epsilon, affine=layer.affine)
        case _:
            centre = layer.kind == "mean_only"
            return PartialNorm(inputs[0], centre=centre, affine=layer.affine, epsilon=epsilon, momentum=momentum)


def _pooling(layer: layers.Pooling | layers.AdaptivePooling) -> nn.Module:
    if isinstance(layer, layers.AdaptivePooling):
        return nn.AdaptiveAvgPool2d(layer.size) if layer.kind == "average" else nn.AdaptiveMaxPool2d(layer.size)
    kind = nn.MaxPool2d if layer.kind == "max" else nn.AvgPool2d
    return kind(layer.kernel, layer.stride, layer.padding, ceil_mode=layer.ceil)
