"""One training: network, recipe and data in, a curve of epochs out; the same seed gives the same numbers.

The images lie in memory as uint8 and are normalised and augmented batch by batch on the device; the rows of a table lie
there as standardised float32 (what differs for them is in `nas.training.losses`). Nothing is decoded, copied between
processes or read back from the device inside an epoch. All that a step touches stays in place, so that a GPU can replay
it as a graph.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from nas.data import DataInfo, Dataset, Split
from nas.layers import Layer, Shape
from nas.study import Recipe
from nas.study.record import SEEN, Epoch
from nas.training.augmentation import augment, draw
from nas.training.averaging import Average
from nas.training.checkpoint import Checkpoint, identity_of
from nas.training.cuda_graphs import Replayed, aside, awaited, join
from nas.training.evaluation import evaluate, evaluation, mean_loss, normalized, statistics
from nas.training.losses import loss_of, mixed_loss
from nas.training.modules import OwnDropout, build, initialize
from nas.training.names import by_position
from nas.training.peak_memory import Footprint
from nas.training.precision import Masters, computing, dtype_of, settled
from nas.training.recomputation import keep_all, recompute

EXPLODED = 1e4
"""Mean training loss above which a training counts as diverged: guessing ten classes costs 2.3 nats, the mean 1."""

logger = logging.getLogger(__name__)

ORDER, DROPOUT, STEPS, OPTIMIZER = "order", "dropout", "steps", "optimizer "
"""In a checkpoint: states of the generators of images and of dropout, the steps taken, what the optimiser keeps."""
NO_THRESHOLDS: Mapping[int, float] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What a training leaves."""

    module: nn.Module
    """With the weights of the last step, or their average where the recipe has one, in float32."""
    curve: tuple[Epoch, ...]
    """All epochs that were finished."""
    diverged: bool
    """Whether the loss exploded or was no number; the curve then ends before that."""
    pruned: bool
    """Whether it ended at an epoch after which its error was above the threshold; the curve then ends there."""
    train_error: float | None
    """Share of the first `SEEN` training images, unchanged, that are wrong in the end; None where it ended early."""
    wrong: Tensor | None
    """Whether each validation image is wrong in the end: the ones of the last error, as bool on the CPU, (images,);
    None where it ended early, and for a table."""
    peak_memory: int | None
    """Bytes: see `nas.training.peak_memory`."""
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
    *,
    thresholds: Mapping[int, float] = NO_THRESHOLDS,
    checkpoint: Path | None = None,
    watched: bool = False,
    graph: bool = True,
) -> Trained:
    """Train a network from scratch; all randomness comes from the seed, global generators are left as they were.

    With a file as `checkpoint` it goes on where it was interrupted, and tells of its earlier epochs again; the file is
    written where the whole takes more than a minute or is watched, and stays: whoever has stored the result removes it.

    After an epoch with a threshold a training with a larger validation error ends: up to there it is, bit for bit, the
    whole training, whose learning rates it follows.

    One that is `watched` tells more of each epoch, which changes none of its numbers. Threads of one process can train
    side by side. Without `graph`, a GPU's steps are launched one by one.
    """
    recipe = settled(recipe, device)
    generator = torch.Generator().manual_seed(seed)
    with aside(device):
        module = initial(layer, dataset.info.shape, recipe, generator)
        split, validation = on_device(dataset.train, device), on_device(dataset.validation, device)
        with closing(Training(module, split, dataset.info, recipe, device, seed, graph=graph)) as training:
            asked = identity_of(layer, recipe, dataset.info, seed, device)
            place = Checkpoint(path=checkpoint, training=asked, always=watched)
            curve: list[Epoch] = []
            started, pruned = time.perf_counter(), False
            seen, measured = first_of(split), measured_on(split, validation)
            look = partial(_more, module, seen, measured, dataset.info, recipe) if watched else _no_more
            for epoch in _epochs(training, module, measured, dataset.info, recipe, generator, place, look):
                curve.append(epoch)
                on_epoch(epoch)
                pruned = epoch.number < recipe.epochs and epoch.error > thresholds.get(epoch.number, math.inf)
                if pruned:
                    break
            whole = len(curve) == recipe.epochs
            with training.averaged():
                train_error = None if not whole else evaluate(module, seen, dataset.info, recipe)
                last = curve[-1] if whole and measured is validation else None
                wrong = _wrong_in_the_end(training, module, validation, dataset.info, recipe, last) if last else None
            return Trained(
                module=training.restored(),
                curve=tuple(curve),
                diverged=not whole and not pruned,
                pruned=pruned,
                train_error=train_error,
                wrong=wrong,
                peak_memory=training.footprint.bytes,
                seconds=training.seconds_before + time.perf_counter() - started,
                images_per_second=len(curve) * training.images / training.seconds if whole or pruned else 0.0,
            )


def first_of(split: Split) -> Split:
    """The training images on which the training error is measured."""
    return Split(split.images[:SEEN], split.labels[:SEEN])


def measured_on(split: Split, validation: Split) -> Split:
    """What the error of an epoch is measured on: the validation images, or where none validates some of training."""
    return validation if len(validation.labels) else first_of(split)


def _epochs(
    training: Training,
    module: nn.Module,
    measured: Split,
    info: DataInfo,
    recipe: Recipe,
    generator: torch.Generator,
    checkpoint: Checkpoint,
    look: Callable[[Epoch, float], Epoch],
) -> Iterator[Epoch]:
    """One epoch after another, each with its evaluation, to the last one or until loss or error explode.

    Those before an interruption come first, as they were.
    """
    curve = training.go_on(checkpoint, generator)
    yield from curve
    for number in range(len(curve) + 1, recipe.epochs + 1):
        begun, before = time.perf_counter(), training.seconds
        loss = training.epoch(generator)
        if not loss < EXPLODED:
            return
        with training.averaged():
            error, training.wrong = evaluation(module, measured, info, recipe)
            if not error < EXPLODED:
                return
            epoch = Epoch(number=number, loss=loss, error=error, seconds=0.0)
            seen = look(epoch, training.images / (training.seconds - before))
            curve.append(msgspec.structs.replace(seen, seconds=time.perf_counter() - begun))
        training.keep(checkpoint, generator, curve)
        yield curve[-1]


def _wrong_in_the_end(
    training: Training, module: nn.Module, validation: Split, info: DataInfo, recipe: Recipe, last: Epoch
) -> Tensor | None:
    """Which validation images make the last error; evaluated again where its epoch was before an interruption.

    None for a table, and where the answers now aren't those that were recorded, as they may on another GPU.
    """
    wrong = training.wrong
    if wrong is None:
        error, wrong = evaluation(module, validation, info, recipe)
        wrong = wrong if error == last.error else None
    return None if wrong is None else wrong.cpu()


def _no_more(epoch: Epoch, images_per_second: float) -> Epoch:
    """An epoch as all trials keep it."""
    return epoch


def _more(
    module: nn.Module,
    seen: Split,
    measured: Split,
    info: DataInfo,
    recipe: Recipe,
    epoch: Epoch,
    images_per_second: float,
) -> Epoch:
    """An epoch with what only who watches wants to know."""
    return msgspec.structs.replace(
        epoch,
        images_per_second=images_per_second,
        train_error=evaluate(module, seen, info, recipe),
        validation_loss=mean_loss(module, measured, info, recipe) if info.validation else None,
    )


def initial(layer: Layer, inputs: Shape, recipe: Recipe, generator: torch.Generator) -> nn.Module:
    """The module with its initial weights, drawn on the CPU so that they don't depend on the device."""
    module = build(layer, inputs)
    initialize(module, generator, recipe.initialisation, zero_residual=recipe.zero_residual)
    return module


def optimizer_of(masters: Masters, recipe: Recipe, rate: Tensor | float) -> torch.optim.Optimizer:
    """The optimiser: weight decay on matrices and kernels, none on norms and biases."""
    all_groups = [
        {"params": masters.weights, "weight_decay": recipe.weight_decay},
        {"params": masters.others, "weight_decay": 0.0},
    ]
    groups = [group for group in all_groups if group["params"]]
    if recipe.optimizer == "adamw":
        recorded = any(not parameter.is_cpu for parameter in masters.all)
        return torch.optim.AdamW(groups, lr=rate, betas=(recipe.momentum, 0.999), fused=True, capturable=recorded)
    looks_ahead = recipe.nesterov and recipe.momentum > 0
    return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=looks_ahead, fused=True)


class Training:
    """A network on its device with everything that a step needs, all of it in place."""

    def __init__(
        self,
        module: nn.Module,
        split: Split,
        info: DataInfo,
        recipe: Recipe,
        device: torch.device,
        seed: int = 0,
        *,
        graph: bool = True,
    ) -> None:
        """`seed` is that of dropout, and of what modules of other packages draw from torch's own generator."""
        self.footprint = Footprint(device)
        self._seed = seed
        self.seconds = 0.0
        """Spent on epochs, evaluations excluded."""
        self.seconds_before = 0.0
        """Spent on epochs and evaluations before the training was interrupted."""
        self.wrong: Tensor | None = None
        """Validation images that are wrong after the last epoch, on the device; None before it and for a table."""
        self.masters = Masters(module)
        self._module = computing(module, recipe, device)
        self.masters.bind()
        self._split, self._recipe = split, recipe
        self._statistics = statistics(info, device)
        self._count = len(split.labels)
        self._steps = steps_per_epoch(self._count, recipe)
        steps = recipe.epochs * self._steps
        self._rates = torch.tensor([recipe.learning_rate_at(step, steps) for step in range(steps)], device=device)
        self._rate = self._rates[:1].clone()
        self._optimizer = optimizer_of(self.masters, recipe, self._rate)
        moving = [*(parameter.data for parameter in self.masters.all), *self._module.buffers()]
        self._average = Average(moving, recipe.averaging, steps)
        self.footprint.lasting = self._average.values
        self._draws = draw(recipe, self._count, torch.Generator()).to(device)  # of the right shapes
        self._step = torch.zeros(1, dtype=torch.int64, device=device)
        self._total_step = torch.zeros(1, dtype=torch.int64, device=device)
        self._loss, self._total = torch.zeros((), device=device), torch.zeros((), device=device)
        self._dropouts = [part for part in module.modules() if type(part) is nn.Dropout]
        self._generators = [torch.Generator(device).manual_seed(seed)] if self._dropouts else []
        for part in self._dropouts:
            part.__class__ = OwnDropout  # in place, as in `nas.training.kernels.convolution.specialise`
            part.generator = self._generators[0]  # type: ignore[assignment]
        if recipe.checkpointing:
            recompute(module)
        self._replayed = Replayed(device, graph=graph, generators=self._generators)

    @property
    def images(self) -> int:
        """Trained on in one epoch."""
        return self._steps * min(self._recipe.batch_size, self._count)

    def epoch(self, generator: torch.Generator) -> float:
        """Train on each image once; the mean loss over the steps, NaN as soon as it is seen to have exploded."""
        begun = time.perf_counter()
        self._module.train()
        self._draws.take(draw(self._recipe, self._count, generator))
        self._step.zero_()
        self._total.zero_()
        with self._drawing():
            for _ in range(self._steps):
                self._replayed(self._one_step)
                if self._loss.device.type == "cpu" and not self._loss.item() < EXPLODED:
                    return math.nan  # free to see here; a GPU would have to be waited for
        loss = awaited(self._total) / self._steps
        self.seconds += time.perf_counter() - begun
        return loss

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        """Meanwhile torch's own generator of the CPU follows from seed and epoch: modules of other packages use it."""
        if self._loss.device.type != "cpu":
            yield  # trainings side by side share a card's generator
            return
        words = np.random.SeedSequence([self._seed, int(self._total_step.item())])
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(int(words.generate_state(1, np.uint64)[0]))
            yield

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Meanwhile the module is the average over the steps, if the recipe has one."""
        with self._average.exchanged():
            self.masters.spread()
            yield
        self.masters.spread()

    def restored(self) -> nn.Module:
        """The module as it is without a training: averaged, float32 parameters of its own, and torch's dropout."""
        self._average.exchange()
        for part in self._dropouts:
            part.__class__ = nn.Dropout
            del part.generator
        return self.masters.restore(int(self._total_step.item()))

    def go_on(self, checkpoint: Checkpoint, generator: torch.Generator) -> list[Epoch]:
        """Go on where an interrupted training was kept: its epochs; none where there is no such training."""
        found = checkpoint.read()
        if found is None:
            return []
        tensors, position = found
        state = self._state()
        if any(name not in tensors or tensors[name].shape != tensor.shape for name, tensor in state.items()):
            logger.warning("%s is of another network, the training begins anew", checkpoint.path)
            return []
        for name, tensor in state.items():
            tensor.copy_(tensors.pop(name))
        generator.set_state(tensors.pop(ORDER))
        for own in self._generators:
            own.set_state(tensors.pop(DROPOUT))
        for name, tensor in tensors.items():
            number, _, key = name.removeprefix(OPTIMIZER).partition(" ")
            parameter = self.masters.all[int(number)]
            self._optimizer.state[parameter][key] = tensor.to(parameter.device)
        self.masters.spread()
        self.footprint.remember(position.peak_memory)
        self.seconds, self.seconds_before = position.training_seconds, position.seconds
        logger.warning("going on after epoch %d of %d", len(position.curve), self._recipe.epochs)
        return list(position.curve)

    def keep(self, checkpoint: Checkpoint, generator: torch.Generator, curve: list[Epoch]) -> None:
        """Keep what the next steps need, if all of them take long enough."""
        if not checkpoint.worthwhile(curve, self._recipe.epochs):
            return
        tensors = {**self._state(), ORDER: generator.get_state()}
        for own in self._generators:
            tensors[DROPOUT] = own.get_state()
        for number, parameter in enumerate(self.masters.all):
            for key, value in self._optimizer.state[parameter].items():
                if isinstance(value, Tensor):
                    tensors[f"{OPTIMIZER}{number} {key}"] = value
        checkpoint.write(
            tensors,
            curve,
            seconds=sum(epoch.seconds for epoch in curve),
            training_seconds=self.seconds,
            peak_memory=self.footprint.bytes,
        )

    def _state(self) -> dict[str, Tensor]:
        """What a step changes in place, beside generators and what the optimiser keeps."""
        masters = {f"master {number}": parameter.data for number, parameter in enumerate(self.masters.all)}
        averages = {f"average {number}": value for number, value in enumerate(self._average.values)}
        buffers = {by_position(self._module, name): buffer for name, buffer in self._module.named_buffers()}
        return {**masters, **averages, **buffers, STEPS: self._total_step}

    def close(self) -> None:
        """Give back what the device keeps for the steps."""
        keep_all(self._module)
        self._replayed.close()

    def _one_step(self) -> None:
        """The next step; a GPU isn't waited for."""
        draws = self._draws.at(self._step)
        images, labels = (tensor.index_select(0, draws.order) for tensor in (self._split.images, self._split.labels))
        images = augment(normalized(images, *self._statistics), self._recipe, draws)
        torch.index_select(self._rates, 0, self._total_step, out=self._rate)
        step = partial(train_step, self._module, self.masters, self._optimizer, images, labels, self._recipe)
        if self._recipe.mixup:
            step = partial(step, loss_of=partial(mixed_loss, partners=draws.partners, share=draws.shares))
        loss = self.footprint(step, self._module, self._optimizer)
        self._average.update(self._total_step)
        self._loss = loss
        self._total += loss
        self._step += 1
        self._total_step += 1


def train_step(
    module: nn.Module,
    masters: Masters,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
    loss_of: Callable[[Tensor, Tensor, Recipe], Tensor] = loss_of,
) -> Tensor:
    """One step of the optimiser; the loss stays on the device."""
    masters.forget()
    outputs = module(images.to(dtype_of(recipe)))  # (batch, classes), or (batch, 1)
    loss = loss_of(outputs.float(), labels, recipe)
    try:
        torch.autograd.backward(loss)
    finally:
        join(images.device)
    masters.gather()
    optimizer.step()
    masters.spread()
    return loss.detach()


def steps_per_epoch(images: int, recipe: Recipe) -> int:
    """Steps of one epoch; at least 1, for a batch is never larger than the training set."""
    return images // min(recipe.batch_size, images)


def on_device(split: Split, device: torch.device) -> Split:
    """Images and labels on a device; the very same where they are there already."""
    return Split(split.images.to(device), split.labels.to(device))
