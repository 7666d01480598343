"""The layer tree: the one description of a network that everything else is computed from.

A family draws an architecture as a small tree of immutable nodes. Shapes, costs, JSON, identity, layer table and torch
module are folds over it, so there is no second description that could disagree.
"""

from nas.layers.base import Node, Shape, shape_text
from nas.layers.combinators import Concatenation, DenseConcatenation, Layer, Repetition, Residual, Sequence
from nas.layers.costs import (
    HEADER,
    Bytes,
    Row,
    Shares,
    Smallest,
    Summary,
    cost,
    output_shape,
    rows,
    smallest_input,
    summary,
)
from nas.layers.custom import Custom, LayerDefinition
from nas.layers.leaves import (
    Activation,
    AdaptivePooling,
    Convolution,
    Dropout,
    Flatten,
    Linear,
    Normalisation,
    Pooling,
    SqueezeExcite,
)
from nas.layers.norms import norm_named, with_norm
from nas.layers.serialization import from_json, identity, normal, require_readable, to_json

__all__ = [
    "HEADER",
    "Activation",
    "AdaptivePooling",
    "Bytes",
    "Concatenation",
    "Convolution",
    "Custom",
    "DenseConcatenation",
    "Dropout",
    "Flatten",
    "Layer",
    "LayerDefinition",
    "Linear",
    "Node",
    "Normalisation",
    "Pooling",
    "Repetition",
    "Residual",
    "Row",
    "Sequence",
    "Shape",
    "Shares",
    "Smallest",
    "SqueezeExcite",
    "Summary",
    "cost",
    "from_json",
    "identity",
    "norm_named",
    "normal",
    "output_shape",
    "require_readable",
    "rows",
    "shape_text",
    "smallest_input",
    "summary",
    "to_json",
    "with_norm",
]
