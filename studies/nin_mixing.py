"""How many 1x1 convolutions does a NiN block need, would 3x3 do better, and what about a linear head?

Source: exercises of *Dive into Deep Learning*, 8.3: one 1x1 convolution in place of two, none, or a linear head.
What would count as an answer: P(better) of each arm against the book's two 1x1 convolutions and global pool, at equal
multiply-adds, with its interval.
NiN has no norm, so the rate is lower than elsewhere: of 0.02 and 0.1 with He's and Xavier's initialisation only He's
with 0.02 trained three of three networks at this length.
Expected time: 240 networks of 17 s on one core each, about 35 minutes on two cores.
"""

import msgspec

from nas.cost import Limits
from nas.fidelity import at
from nas.recipe import Recipe
from nas.space import Choice, Space, Value
from nas.study import Study
from spaces import nin

NIN = nin.space(3)


def arm(name: str, mixing: int, kernel: int = 1, head: str = "global") -> Space:
    """NiNs of three blocks with so many mixing convolutions of one kernel, and one head."""
    chosen: dict[str, Value] = {"mixing": mixing, "mixing_kernel": kernel, "head": head}
    return NIN.restrict(**{key: Choice(options=(value,)) for key, value in chosen.items()}).named(name)


STUDY = Study(
    name="nin_mixing",
    question="How many mixing convolutions are best in NiN, of which kernel, and with which head?",
    spaces=(
        arm("no mixing", 0),
        arm("one 1x1", 1),
        arm("two 1x1", 2),
        arm("three 1x1", 3),
        arm("two 3x3", 2, kernel=3),
        arm("two 1x1, linear head", 2, head="linear"),
    ),
    samples=40,
    recipe=msgspec.structs.replace(at(Recipe(data="fashion-mnist"), "short"), learning_rate=0.02),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
)
