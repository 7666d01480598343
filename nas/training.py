"""One training: network, recipe and data in, a curve of epochs out; the same seed gives the same numbers.

The images lie in memory as uint8 and are normalised and augmented batch by batch on the device; nothing is decoded,
copied between processes or read back from the device inside an epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.augmentation import augment
from nas.data import DataInfo, Dataset, Split
from nas.layers import Layer, Shape
from nas.modules import build, initialise
from nas.recipe import Recipe
from nas.record import Epoch

EXPLODED = 1e4
"""Mean training loss, in nats, above which a training counts as diverged; guessing ten classes costs 2.3."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What a training leaves."""

    module: nn.Module
    """With the weights of the last step."""
    curve: tuple[Epoch, ...]
    """All epochs that were finished."""
    diverged: bool
    """Whether the loss exploded or was no number; the curve then ends before that."""
    seconds: float
    """Wall time with evaluations."""
    images_per_second: float
    """Training images a second of training, evaluations excluded."""


def train(
    layer: Layer,
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Trained:
    """Train a network from scratch; all randomness comes from the seed, global generators are left as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # dropout knows no other generator
        generator = torch.Generator().manual_seed(seed)
        module = prepared(layer, dataset.info.shape, recipe, generator, device)
        split, validation = _on(dataset.train, device), _on(dataset.validation, device)
        optimizer = sgd(module, recipe)
        curve: list[Epoch] = []
        started, training = time.perf_counter(), 0.0
        for number in range(1, recipe.epochs + 1):
            begun = time.perf_counter()
            loss = train_epoch(module, optimizer, split, dataset.info, recipe, generator, number)
            training += time.perf_counter() - begun
            if not loss < EXPLODED:
                break
            error = evaluate(module, validation, dataset.info, recipe)
            curve.append(Epoch(number=number, loss=loss, error=error, seconds=time.perf_counter() - begun))
            on_epoch(curve[-1])
        images = recipe.epochs * steps_per_epoch(len(split.labels), recipe) * min(recipe.batch_size, len(split.labels))
        diverged = len(curve) < recipe.epochs
        return Trained(
            module=module,
            curve=tuple(curve),
            diverged=diverged,
            seconds=time.perf_counter() - started,
            images_per_second=0.0 if diverged else images / training,
        )


def prepared(
    layer: Layer, inputs: Shape, recipe: Recipe, generator: torch.Generator, device: torch.device
) -> nn.Module:
    """The module with its initial weights, drawn on the CPU so that they don't depend on the device."""
    module = build(layer, inputs)
    initialise(module, generator, recipe.initialisation, zero_residual=recipe.zero_residual)
    return module.to(device).to(memory_format=torch.channels_last)


def sgd(module: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """The optimiser: weight decay on matrices and kernels, none on norms and biases."""
    weights = [p for p in module.parameters() if p.dim() > 1]
    others = [p for p in module.parameters() if p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        foreach=True,
    )


def train_epoch(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    split: Split,
    info: DataInfo,
    recipe: Recipe,
    generator: torch.Generator,
    number: int,
) -> float:
    """Train on each image once; the mean loss over the steps, NaN as soon as it is seen to have exploded."""
    module.train()
    steps = steps_per_epoch(len(split.labels), recipe)
    total = torch.zeros((), device=split.labels.device)
    for step, (images, labels) in enumerate(batches(split, info, recipe, generator)):
        rate = recipe.learning_rate_at((number - 1) * steps + step, recipe.epochs * steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = train_step(module, optimizer, augment(images, recipe, generator), labels, recipe)
        total += loss
        if loss.device.type == "cpu" and not loss.item() < EXPLODED:  # free here; a GPU would have to be waited for
            return math.nan
    return total.item() / steps


def train_step(
    module: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, recipe: Recipe
) -> Tensor:
    """One step of the optimiser; the loss stays on the device."""
    optimizer.zero_grad(set_to_none=True)
    with autocast(recipe, images.device):
        logits = module(images)  # (batch, classes)
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.detach()


@torch.inference_mode()
def evaluate(module: nn.Module, split: Split, info: DataInfo, recipe: Recipe) -> float:
    """Share of images that are classified wrongly."""
    module.eval()
    wrong = torch.zeros((), dtype=torch.int64, device=split.labels.device)
    for start in range(0, len(split.labels), recipe.evaluation_batch_size):
        images = split.images[start : start + recipe.evaluation_batch_size]
        labels = split.labels[start : start + recipe.evaluation_batch_size]
        with autocast(recipe, images.device):
            wrong += (module(normalised(images, info)).argmax(1) != labels).sum()
    return wrong.item() / len(split.labels)


def batches(
    split: Split, info: DataInfo, recipe: Recipe, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised images and labels in a new random order; an incomplete last batch is left out."""
    count = len(split.labels)
    size = min(recipe.batch_size, count)
    order = torch.randperm(count, generator=generator).to(split.labels.device)
    for start in range(0, count - size + 1, size):
        index = order[start : start + size]
        yield normalised(split.images[index], info), split.labels[index]


def steps_per_epoch(images: int, recipe: Recipe) -> int:
    """Steps of one epoch; at least 1, for a batch is never larger than the training set."""
    return images // min(recipe.batch_size, images)


def normalised(images: Tensor, info: DataInfo) -> Tensor:
    """Images as float32 with mean 0 and standard deviation 1 over the training set, channels last in memory."""
    mean = torch.tensor(info.mean, device=images.device).mul_(255).view(1, -1, 1, 1)
    scale = torch.tensor(info.std, device=images.device).mul_(255).reciprocal_().view(1, -1, 1, 1)
    return images.to(torch.float32, memory_format=torch.channels_last).sub_(mean).mul_(scale)


def autocast(recipe: Recipe, device: torch.device) -> AbstractContextManager[object]:
    """The arithmetic that the recipe asks for."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16")


def _on(split: Split, device: torch.device) -> Split:
    return Split(split.images.to(device), split.labels.to(device))
