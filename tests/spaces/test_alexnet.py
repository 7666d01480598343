"""AlexNet against the book's table of shapes and torchvision's network; its space and its limits."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

from nas.errors import ImpossibleShape
from nas.layers import cost, output_shape, rows
from nas.training.modules import build
from spaces import alexnet
from spaces.alexnet import AlexNet, scaled_widths
from tests.spaces.test_spaces import points

(SPACE,) = alexnet.ALL
OURS = {network.name: network for network in alexnet.NETWORKS}
BOOK = [
    ("Convolution", (96, 54, 54)),
    ("Activation", (96, 54, 54)),
    ("Pooling", (96, 26, 26)),
    ("Convolution", (256, 26, 26)),
    ("Activation", (256, 26, 26)),
    ("Pooling", (256, 12, 12)),
    ("Convolution", (384, 12, 12)),
    ("Activation", (384, 12, 12)),
    ("Convolution", (384, 12, 12)),
    ("Activation", (384, 12, 12)),
    ("Convolution", (256, 12, 12)),
    ("Activation", (256, 12, 12)),
    ("Pooling", (256, 5, 5)),
    ("Flatten", (6400,)),
    ("Linear", (4096,)),
    ("Activation", (4096,)),
    ("Dropout", (4096,)),
    ("Linear", (4096,)),
    ("Activation", (4096,)),
    ("Dropout", (4096,)),
    ("Linear", (10,)),
]
"""Every layer's output at 1x224x224, as the book prints it in section 8.1."""


def test_shapes_are_the_books() -> None:
    """Layer by layer, kinds and outputs are those that the book prints."""
    ours = OURS["alexnet_d2l"]
    assert [(row.kind, row.output) for row in rows(ours.architecture.network((1, 224, 224), 10), (1, 224, 224))] == BOOK


def test_the_books_parameters_by_hand() -> None:
    """Kernels, biases and linear layers of the book's network, multiplied out."""
    convolutions = [(1, 96, 11), (96, 256, 5), (256, 384, 3), (384, 384, 3), (384, 256, 3)]
    linear = [(6400, 4096), (4096, 4096), (4096, 10)]
    expected = sum(a * b * k * k + b for a, b, k in convolutions) + sum(a * b + b for a, b in linear)
    layer = OURS["alexnet_d2l"].architecture.network((1, 224, 224), 10)
    assert cost(layer, (1, 224, 224)).parameters == expected


def test_weights_of_torchvision_can_be_copied() -> None:
    """With torchvision's weights, taken in order, ours gives torchvision's answers."""
    torch.manual_seed(0)
    theirs = models.alexnet(num_classes=10).eval()
    own = build(OURS["alexnet"].architecture.network((3, 96, 96), 10), (3, 96, 96)).eval()
    own.load_state_dict(dict(zip(own.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        expected, got = theirs(x), own(x)
    assert expected.std() > 0.001
    torch.testing.assert_close(got, expected)


def test_dropouts_stand_where_torchvision_has_them() -> None:
    """Kinds of all modules but the stateless ones around them are torchvision's, in order."""
    kept = (nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Dropout, nn.Linear)
    with torch.device("meta"):
        theirs = models.alexnet()
    own = build(OURS["alexnet"].architecture.network((3, 224, 224), 10), (3, 224, 224))
    kinds = [[type(m) for m in module.modules() if isinstance(m, kept)] for module in (own, theirs)]
    assert kinds[0] == kinds[1]


def test_small_stem() -> None:
    """At 28x28 ours keeps 2x2 pixels to the head; the book's and torchvision's say which layer doesn't fit."""
    inputs = (1, 28, 28)
    small = OURS["alexnet_28"].architecture.network(inputs, 10)
    assert [row.output for row in rows(small, inputs) if row.kind == "Pooling"] == [
        (96, 13, 13),
        (256, 6, 6),
        (256, 2, 2),
    ]
    for name in ("alexnet_d2l", "alexnet"):
        with pytest.raises(ImpossibleShape, match=r"Pooling max 3x3, stride 2 doesn't fit"):
            output_shape(OURS[name].architecture.network(inputs, 10), inputs)


def test_a_kernel_larger_than_its_image() -> None:
    """A stem whose kernel exceeds the padded image is refused with both sizes."""
    with pytest.raises(ImpossibleShape, match=r"11x11.*1x8x8"):
        output_shape(OURS["alexnet_d2l"].architecture.network((1, 8, 8), 10), (1, 8, 8))


def test_scaled_widths() -> None:
    """The book's widths at 1 and depth 3, multiples of 8 at a quarter, and the last of a row is the narrower one."""
    assert scaled_widths(1, 3) == (96, 256, 384, 384, 256)
    assert scaled_widths(0.25, 4) == (24, 64, 96, 96, 96, 64)
    assert scaled_widths(1 / 16, 1) == (8, 16, 16)


def test_only_stride_one_fits_28() -> None:
    """At 28x28 exactly the points with stride 1 have a network, at 96x96 all of them."""
    for point in points(SPACE, 100):
        architecture = SPACE.architecture(point)
        assert output_shape(architecture.network((1, 96, 96), 10), (1, 96, 96)) == (10,)
        layer = architecture.network((1, 28, 28), 10)
        if point["stem_stride"] == 1:
            assert output_shape(layer, (1, 28, 28)) == (10,)
        else:
            with pytest.raises(ImpossibleShape):
                output_shape(layer, (1, 28, 28))


def test_points_decode_to_what_they_say() -> None:
    """Stem, number of convolutions, linear width and dropout of a network are those of its point."""
    for point in points(SPACE, 100):
        layer = SPACE.architecture(point).network((1, 96, 96), 10)
        table = rows(layer, (1, 96, 96))
        kernels = [row.settings.split(",")[0] for row in table if row.kind == "Convolution"]
        assert kernels == ["{0}x{0}".format(point["stem_kernel"]), "5x5", *["3x3"] * int(point["depth"])]
        assert [row.output for row in table if row.kind == "Linear"] == [(point["linear_width"],)] * 2 + [(10,)]
        assert sum(row.kind == "Dropout" for row in table) == 2 * bool(point["dropout"])


def test_wrong_settings_are_refused() -> None:
    """A network without 3x3 convolutions, without channels, or with a padding as wide as its kernel is none."""
    with pytest.raises(ValueError, match=r"at least one 3x3, got \(96, 256\)"):
        AlexNet(widths=(96, 256), stem_kernel=3, stem_stride=1, stem_padding=1)
    with pytest.raises(ValueError, match=r"widths=\(96, 0, 8\)"):
        AlexNet(widths=(96, 0, 8), stem_kernel=3, stem_stride=1, stem_padding=1)
    with pytest.raises(ValueError, match="padding must be between 0 and 2, got 3"):
        AlexNet(widths=(96, 8, 8), stem_kernel=3, stem_stride=1, stem_padding=3).network((1, 28, 28), 10)
