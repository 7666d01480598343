"""How many 1x1 convolutions does a NiN block need, would 3x3 do better, and what about a linear head?

Source: exercises of *Dive into Deep Learning*, 8.3: one 1x1 convolution in place of two, none, or a linear head.
What would count as an answer: P(better) of each arm against the book's two 1x1 convolutions and global pool, at equal
multiply-adds, with its interval.
NiN has no norm, so the rate is lower than elsewhere: of 0.02 and 0.1 with He's and Xavier's initialisation only He's
with 0.02 trained three of three networks at this length.
Expected time: 240 networks of 17 s on one core each, about 35 minutes on two cores.
"""

from nas.cost import Limits
from nas.recipe import Recipe
from nas.study import Study
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
)
