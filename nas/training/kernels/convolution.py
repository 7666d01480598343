"""The module that takes the way which the rules say."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.training.kernels.beside import Convolution
from nas.training.kernels.norms import code_for, fuse
from nas.training.kernels.pooling import pool_last, rectify_late
from nas.training.kernels.rules import NATIVE, Geometry, Rules, Way, spreads, way, widening, winograd_passes
from nas.training.kernels.ways import Strided, product, whole_image, wider
from nas.training.kernels.winograd import Winograd

CPU = torch.device("cpu")


class FastConvolution(nn.Conv2d):
    """A convolution that is computed as the rules say for the images that it meets."""

    rules: Rules = NATIVE
    last: tuple[torch.Size, tuple[Way, Geometry]] | None = None
    """The images that were last met, and what was decided for them."""

    def plan(self, images: torch.Size) -> tuple[Way, Geometry]:
        """The way to compute, and the shape that decided it; kept, for deciding costs as much as a small layer."""
        if self.last is None or self.last[0] != images:
            shape = _geometry(self, images)
            self.last = images, (way(self.rules, shape), shape)
        return self.last[1]

    def forward(self, x: Tensor) -> Tensor:
        """As torch's own."""
        taken, shape = self.plan(x.shape)
        if taken == "native" and self.rules.beside and self.bias is None:
            aside: Tensor = Convolution.apply(x, self.weight, shape)
            return aside
        if taken == "native":
            return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        match taken:
            case "product":
                return product(x, self.weight, self.bias, shape, self.rules)
            case "whole image":
                return whole_image(x, self.weight, self.bias, shape, self.rules.blas)
            case "pairs" | "spread":
                y: Tensor = Strided.apply(x, self.weight, shape, taken == "pairs", spreads(self.rules, shape))
                return y if self.bias is None else y + self.bias.view(1, -1, 1, 1)
            case "winograd":
                y = Winograd.apply(x, self.weight, shape, winograd_passes(self.rules, shape))
                return y if self.bias is None else y.add_(self.bias.view(1, -1, 1, 1))
            case "wider":
                return wider(x, self.weight, self.bias, shape, widening(self.rules, shape))


def specialise(module: nn.Module, rules: Rules, device: torch.device = CPU) -> None:
    """Have all square convolutions and norms inside compute by these rules on a device; parameters and names stay.

    ReLUs move behind the pools that follow them whatever the rules, if no norm has taken them over.
    """
    if rules.norms and (code := code_for(device)):
        fuse(module, code, device)
    rectify_late(module)
    if rules == NATIVE:
        return
    pool_last(module)
    for part in module.modules():
        if type(part) is nn.Conv2d and len({*part.kernel_size}) == 1 and not isinstance(part.padding, str):
            part.__class__ = FastConvolution  # in place: names, parameters and whoever holds the module stay
            part.rules = rules  # type: ignore[assignment]


def _geometry(convolution: nn.Conv2d, images: torch.Size) -> Geometry:
    batch, channels, height, breadth = images
    return Geometry(
        batch=batch,
        channels=channels,
        width=convolution.out_channels,
        height=height,
        breadth=breadth,
        kernel=convolution.kernel_size[0],
        stride=convolution.stride[0],
        padding=int(convolution.padding[0]),
        groups=convolution.groups,
    )
