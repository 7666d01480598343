"""Models that were never trained, with weights and statistics drawn by chance: formats needn't wait for a training."""

from __future__ import annotations

import torch
from torch import nn

from nas.layers import Layer, Shape, identity
from nas.models.document import Document
from nas.models.model import Model
from nas.study import Recipe
from nas.training.modules import initialize


def untrained(layer: Layer, inputs: Shape, classes: tuple[str, ...]) -> Model:
    """A model in training mode."""
    channels = inputs[0]
    document = Document(
        layers=layer,
        inputs=inputs,
        classes=classes,
        mean=(0.5,) * channels,
        std=(0.25,) * channels,
        architecture=identity(layer),
        data="toys",
        data_key="toys-0",
        recipe=Recipe(),
        seed=0,
        error=0.5,
        validation=100,
        epochs=1,
        device="cpu",
        torch=str(torch.__version__),
    )
    model = Model(document)
    generator = torch.Generator().manual_seed(0)
    initialize(model.network, generator)
    for part in model.network.modules():
        for name, buffer in part.named_buffers(recurse=False):
            if name == "running_mean":
                nn.init.normal_(buffer, std=0.1, generator=generator)
            if name == "running_var":
                nn.init.uniform_(buffer, 0.5, 1.5, generator=generator)
    return model.train()
