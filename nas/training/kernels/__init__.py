"""Convolutions computed another way where torch's own is slow: the same function and gradient in less time.

What sampled networks spend most of their time on, small images, narrow groups, strided 1x1 kernels, is what CPU
libraries are slowest at. Which way is taken follows from the layer's shape and the processor's instructions by a fixed
table (`RULES`), so equal trainings on a CPU stay equal, bit for bit; nothing is timed during a run.

    product      a 1x1 kernel is one matrix product over all positions; a stride only leaves positions out
    whole image  on a small image an output sees nearly every input: one matrix a group, from all inputs to all
                 outputs, whose entries are the kernel's; taps that only ever meet padding cost nothing
    pairs        one channel a group on a small image: the weight's gradient from the products of all pairs of
                 positions; forward as usual
    wider        narrow groups as fewer, wider ones, their weight block-diagonal
    spread       the input gradient of a strided kernel in groups: without a stride, its gradient spread with zeros
    winograd     a 3x3 kernel between many channels in tiles of 4x4 outputs, with a quarter of the multiplications

Norms, the ReLUs behind them and the sums of residual blocks are one operation (`norms.py`): loops that Numba compiles
on a CPU, Triton kernels on a GPU, where a small network waits for its many launches. On AMD processors the larger of
these products are NumPy's (`blas.py`). A ReLU before a largest-value pool moves behind it on every device
(`pooling.py`): not a bit changes.

Measured on one core of an AMD EPYC (Zen 2, AVX2, no bf16), forward and backward, batches of 32 and 128, torch 2.14:
whole image 1.4 to 20 times as fast at up to 2x2 pixels and 1.1 to 4 times where the table has it beyond, pairs 4 to 15,
wider 1.2 to 2, winograd 1.1 to 2 where all of a layer's passes take it (`tests/benchmarks/kernels.py` measures all of
them). A random sample of 24 networks trains 1.25 times as fast in batches of 32, 1.4 times in batches of 128.
In bfloat16 on one core of an AMD EPYC (Zen 5): products 1.0 to 1.8 times, wider 3 to 7 times for groups of 2 and 1.2 to
1.5 for groups of 4, spread up to 300 times, for at some widths torch has no bfloat16 kernel for strided gradients.
"""

from nas.training.kernels.convolution import specialise
from nas.training.kernels.norms import warm
from nas.training.kernels.rules import rules_for

__all__ = ["rules_for", "specialise", "warm"]
