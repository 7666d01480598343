"""How good a network is on a split: its error and its loss, in evaluation mode, batch by batch on the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nas.data import DataInfo, Split
from nas.study import Recipe
from nas.training.cuda_graphs import awaited
from nas.training.losses import error_of, nothing_wrong, summed_loss, wrong, wrong_each
from nas.training.precision import dtype_of

MOST = 2_000
"""Images that a GPU evaluates at once, unless the recipe has larger batches: it waits for launches."""
EVALUATED = MOST * 32**2
"""Pixels of them, at most."""


class Evaluation(NamedTuple):
    """How good a network is on a split."""

    error: float
    """Share of images that are classified wrongly, or root mean square of a table's standardised errors."""
    wrong: Tensor | None
    """Whether each image is classified wrongly, as bool on the device, (images,); None for a table."""


def evaluate(module: nn.Module, split: Split, info: DataInfo, recipe: Recipe) -> float:
    """The error on a split; the module must be ready to compute (see `computing`)."""
    return evaluation(module, split, info, recipe).error


@torch.inference_mode()
def evaluation(module: nn.Module, split: Split, info: DataInfo, recipe: Recipe) -> Evaluation:
    """The error on a split and the images that make it; the module must be ready to compute."""
    answers = _outputs(module, split, info, recipe)
    if split.labels.is_floating_point():
        total = nothing_wrong(split.labels)
        for outputs, labels in answers:
            total += wrong(outputs, labels)
        return Evaluation(error_of(total, len(split.labels)), None)
    flags = torch.cat([wrong_each(outputs, labels) for outputs, labels in answers])
    return Evaluation(error_of(flags.sum(), len(flags)), flags)


@torch.inference_mode()
def mean_loss(module: nn.Module, split: Split, info: DataInfo, recipe: Recipe) -> float:
    """Mean loss over images or rows, without label smoothing; the module must be ready to compute."""
    total = torch.zeros((), dtype=torch.float64, device=split.labels.device)
    for outputs, labels in _outputs(module, split, info, recipe):
        total += summed_loss(outputs, labels)
    return awaited(total) / len(split.labels)


@torch.inference_mode()
def losses(module: nn.Module, split: Split, info: DataInfo, recipe: Recipe) -> Tensor:
    """1 for each image that is classified wrongly, 0 for others, or each row's squared error; (count,) of float64.

    On the CPU, in the order of the split; the module must be ready to compute.
    """
    return torch.cat([wrong_each(*batch).double() for batch in _outputs(module, split, info, recipe)]).cpu()


def _outputs(module: nn.Module, split: Split, info: DataInfo, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """What the network says of each batch in evaluation, and what is right."""
    module.eval()
    mean, scale = statistics(info, split.labels.device)
    size = evaluation_batch(recipe, split.images.shape, split.labels.device)
    for start in range(0, len(split.labels), size):
        images, labels = split.images[start : start + size], split.labels[start : start + size]
        yield module(normalized(images, mean, scale).to(dtype_of(recipe))), labels


def evaluation_batch(recipe: Recipe, images: torch.Size, device: torch.device) -> int:
    """Images that are evaluated at once: the recipe's, more where they are small and a GPU evaluates them."""
    if device.type == "cpu":
        return recipe.evaluation_batch_size
    return max(recipe.evaluation_batch_size, min(MOST, EVALUATED // images[2:].numel()))


def normalized(images: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Images as float32 with mean 0 and standard deviation 1 over the training set, channels last in memory.

    The rows of a table are stored so.
    """
    if images.is_floating_point():
        return images
    return images.to(torch.float32, memory_format=torch.channels_last).sub_(mean).mul_(scale)


def statistics(info: DataInfo, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean of the pixels and one over their standard deviation, in units of the stored bytes."""
    mean = torch.tensor(info.mean, device=device).mul_(255).view(1, -1, 1, 1)
    scale = torch.tensor(info.std, device=device).mul_(255).reciprocal_().view(1, -1, 1, 1)
    return mean, scale
