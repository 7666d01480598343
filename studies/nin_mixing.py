"""How many 1x1 convolutions does a NiN block need, would 3x3 do better, and what about a linear head?

Source: exercises of *Dive into Deep Learning*, 8.3: one 1x1 convolution in place of two, none, or a linear head.
What would count as an answer: P(better) of each arm against the book's two 1x1 convolutions and global pool, at equal
multiply-adds, with its interval.
NiN has no norm, so the rate is lower than elsewhere: of 0.02 and 0.1 with He's and Xavier's initialisation only He's
with 0.02 trained three of three networks at this length.
Expected time: 240 networks of 17 s on one core each, about 35 minutes on two cores.
Answer: no mixing and a linear head are better than two 1x1 convolutions and the global pool; the rest is undecided.

Measured with 16 networks an arm at `short` in float32 (`studies/results/nin_mixing.csv.gz`; 95 % intervals, p corrected
by Holm for five comparisons): against the book's two 1x1 and global pool, no mixing is better, P(better) 0.90 (0.72 to
0.97), mean error 25 % against 39 %, and so is a linear head, 1.00 (0.81 to 1.00), 20 %. Undecided: one 1x1 (0.72, 0.52
to 0.86; 31 %), three (0.35, 0.18 to 0.56; 48 %), two 3x3 (0.51, 0.32 to 0.71; 43 %). Without norm every further layer
makes these networks learn later, and training errors are as high as the others: that speaks of 468 steps, not of what
NiN becomes in the end.
"""

from nas.study import Limits, Recipe, Study, against
from spaces import nin

NIN = nin.space(3)
GLOBAL = NIN.fix(mixing_kernel=1, head="global")

STUDY = Study(
    name="nin_mixing",
    question="How many mixing convolutions are best in NiN, of which kernel, and with which head?",
    spaces=(
        GLOBAL.fix(mixing=0).named("no mixing"),
        GLOBAL.fix(mixing=1).named("one 1x1"),
        GLOBAL.fix(mixing=2).named("two 1x1"),
        GLOBAL.fix(mixing=3).named("three 1x1"),
        NIN.fix(mixing=2, mixing_kernel=3, head="global").named("two 3x3"),
        NIN.fix(mixing=2, mixing_kernel=1, head="linear").named("two 1x1, linear head"),
    ),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short", learning_rate=0.02),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against("no mixing", "two 1x1", "No mixing convolution is better than two."),
        against("one 1x1", "two 1x1", "One mixing convolution is better than two."),
        against("three 1x1", "two 1x1", "Three mixing convolutions are better than two."),
        against("two 3x3", "two 1x1", "Mixing convolutions of 3x3 are better than those of 1x1."),
        against("two 1x1, linear head", "two 1x1", "A linear head is better than a global pool."),
    ),
)
