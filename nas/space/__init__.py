"""Parametric spaces of networks: dimensions, requirements, and the algebra that makes new spaces of old ones."""

from nas.space.dimensions import Choice, Dimension, Integer, Point, Real, Value, When, in_words
from nas.space.requirements import Chain, Fact, Ratio, Requirement, falling, rising, sentence
from nas.space.space import Architecture, Space

__all__ = [
    "Architecture",
    "Chain",
    "Choice",
    "Dimension",
    "Fact",
    "Integer",
    "Point",
    "Ratio",
    "Real",
    "Requirement",
    "Space",
    "Value",
    "When",
    "falling",
    "in_words",
    "rising",
    "sentence",
]
