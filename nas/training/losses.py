"""What a network is to get right: the class of an image, or a number; told apart by the type of the labels.

A class is an integer: the loss is the cross-entropy, in nats, and the error the share of images that are wrong. A
number is a float, standardised over the training rows: the loss is the squared error, and the error its root mean
square, both in units of the target's standard deviation, so that predicting the mean has an error of about 1.
Everything that a step calls stays on the device.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from nas.study import Recipe
from nas.training.cuda_graphs import awaited


def loss_of(outputs: Tensor, labels: Tensor, recipe: Recipe) -> Tensor:
    """Mean loss of a batch: outputs are (batch, classes) or (batch, 1), in float32."""
    if labels.is_floating_point():
        return functional.mse_loss(outputs.squeeze(1), labels)
    return functional.cross_entropy(outputs, labels, label_smoothing=recipe.label_smoothing)


def mixed_loss(outputs: Tensor, labels: Tensor, recipe: Recipe, partners: Tensor, share: Tensor) -> Tensor:
    """Mean loss of a batch of images of which each is mixed with its partner: the losses of both classes, in shares."""
    others = labels.index_select(0, partners)
    return share.squeeze() * loss_of(outputs, labels, recipe) + (1 - share.squeeze()) * loss_of(outputs, others, recipe)


def nothing_wrong(labels: Tensor) -> Tensor:
    """Where `wrong` of all batches is added up, exactly or nearly so."""
    kind = torch.float64 if labels.is_floating_point() else torch.int64
    return torch.zeros((), dtype=kind, device=labels.device)


def wrong(outputs: Tensor, labels: Tensor) -> Tensor:
    """Number of images of a batch that are classified wrongly, or its sum of squared errors."""
    return wrong_each(outputs, labels).sum()


def wrong_each(outputs: Tensor, labels: Tensor) -> Tensor:
    """Whether each image of a batch is classified wrongly, or the squared error of each row; (batch,)."""
    if labels.is_floating_point():
        return (outputs.squeeze(1).double() - labels).square()
    return outputs.argmax(1) != labels


def summed_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Sum of a batch's losses, without label smoothing, in float64."""
    if labels.is_floating_point():
        return (outputs.squeeze(1).double() - labels).square().sum()
    return functional.cross_entropy(outputs.double(), labels, reduction="sum")


def error_of(total: Tensor, count: int) -> float:
    """The error from the sum of `wrong` over so many images or rows, once it is computed."""
    share = awaited(total) / count
    return math.sqrt(share) if total.is_floating_point() else share
