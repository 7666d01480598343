"""Where the time of our training goes: the profiler's self time of the kernels, against wall time under the profiler.

What the profiler itself takes counts as outside of kernels, so that share is more than it is without a profiler: most
of all where a network is small and its operators many. (Against wall time without the profiler the shares of such
networks add up to more than all of it, because a kernel's own time grows, too.)

`python -m tests.benchmarks.shares` reads a Question and writes Shares. Everything runs on one thread.
"""

from __future__ import annotations

import sys

import msgspec
import torch
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

from nas.data import DataInfo, Dataset, Split, load
from nas.layers import Layer
from nas.study import Recipe
from nas.training.loop import train

REPEATS = 3
"""Of the training; the fastest counts, for what disturbs only slows down."""
OPTIMISER = "Optimizer.step"
BATCH_NORM = ("native_batch_norm", "native_batch_norm_backward", "_native_batch_norm_legit", "var_mean")
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "mkldnn_linear")
FORWARD = ("mkldnn_convolution", "_slow_conv2d_forward", "_conv_depthwise2d", "im2col")
BACKWARD = ("convolution_backward", "mkldnn_convolution_backward", "_slow_conv2d_backward", "col2im")
POOLING = ("max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d", "mkldnn_max_pool2d")
ACTIVATION = ("threshold", "relu", "sigmoid", "tanh", "gelu", "silu", "leaky_relu", "clamp_min", "clamp")
ARITHMETIC = ("add", "sub", "mul", "div", "addcmul", "lerp", "neg", "sqrt", "rsqrt", "pow", "lt", "ne", "eq", "where")
REDUCTION = ("sum", "mean", "argmax", "max", "_log_softmax", "_log_softmax_backward_data", "nll_loss_forward")
MOVEMENT = ("copy", "fill", "zero", "cat", "index", "index_select", "gather", "flip", "constant_pad_nd", "randperm")
DROPOUT = ("native_dropout", "native_dropout_backward", "bernoulli", "nll_loss_backward")
ELEMENTWISE = (*POOLING, *ACTIVATION, *ARITHMETIC, *REDUCTION, *MOVEMENT, *DROPOUT)
KERNELS = {
    **dict.fromkeys(ELEMENTWISE, "elementwise"),
    **dict.fromkeys((f"{name}_backward" for name in (*POOLING, *ACTIVATION)), "elementwise"),
    **dict.fromkeys(BATCH_NORM, "norm"),
    **dict.fromkeys(PRODUCTS, "matrix products"),
    **dict.fromkeys(FORWARD, "convolutions forward"),
    **dict.fromkeys(BACKWARD, "convolutions backward"),
    "_fused_sgd": "optimiser",
}
"""Operators of aten that compute, without the underscore of those in place, and what they belong to."""
OURS = {
    **dict.fromkeys(("Linear", "LinearBackward", "Products", "ProductsBackward"), "matrix products"),
    **dict.fromkeys(("Normalized", "NormalizedBackward"), "norm"),
    **dict.fromkeys(("ForkedBackward",), "elementwise"),
}
"""Functions of our kernels: products of NumPy's and compiled loops have no names of their own in the profile."""
GROUPS = ("convolutions forward", "convolutions backward", "matrix products", "norm", "elementwise", "optimiser")

PRODUCT_GROUPS = GROUPS[:3]
"""Convolutions and linear layers, which one operator or another computes."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to look into."""

    layer: Layer
    """The network."""
    info: DataInfo
    """Prepared data."""
    recipe: Recipe
    """Its `train_size` is the number of images in the steps."""


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of the wall time of training under the profiler."""

    outside: float
    """Not in any kernel: Python, dispatch, allocation, the optimiser's bookkeeping."""
    split: dict[str, float]
    """Of each group; `optimiser` is the whole of its step, and `rest` is what remains."""


def measure(question: Question) -> Shares:
    """Train some steps, with and without the profiler."""
    torch.set_num_threads(1)
    data = load(question.info, question.recipe.train_size)
    validation = Split(data.validation.images[:1], data.validation.labels[:1])  # evaluation isn't looked into
    data = Dataset(info=data.info, train=data.train, validation=validation)
    _seconds(question, data)
    wall, kernels, split = min((_profiled(question, data) for _ in range(REPEATS)), key=lambda run: run[0])
    shares = {group: seconds / wall for group, seconds in split.items()}
    return Shares(outside=1 - kernels / wall, split={**shares, "rest": 1 - sum(shares.values())})


def _seconds(question: Question, data: Dataset) -> float:
    """Wall time of the training alone."""
    trained = train(question.layer, question.recipe, data, 0, torch.device("cpu"))
    return len(data.train.labels) / trained.images_per_second


def _profiled(question: Question, data: Dataset) -> tuple[float, float, dict[str, float]]:
    """Seconds under the profiler, those in kernels, and in each group."""
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        wall = _seconds(question, data)
    kernels, split = 0.0, dict.fromkeys(GROUPS, 0.0)
    for event in profiler.events() or ():
        group, seconds = kernel_group(event.name), event.self_cpu_time_total * 1e-6
        kernels += seconds if group else 0.0
        if _in_optimiser(event):
            split["optimiser"] += seconds
        elif group:
            split[group] += seconds
    return wall, kernels, split


def kernel_group(operator: str) -> str | None:
    """What a kernel belongs to; None for whatever else the profiler saw."""
    if operator in OURS:
        return OURS[operator]
    library, _, name = operator.partition("::")
    if library != "aten":
        return None
    return KERNELS.get(name) or KERNELS.get(name.removesuffix("_"))


def _in_optimiser(event: FunctionEvent | None) -> bool:
    while event is not None:
        if event.name.startswith(OPTIMISER):
            return True
        event = event.cpu_parent
    return False


def main() -> None:
    """Answer one question."""
    question = msgspec.json.decode(sys.stdin.buffer.readline(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(measure(question)) + b"\n")


if __name__ == "__main__":
    main()
