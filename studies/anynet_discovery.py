"""Which rules does AnyNetX_A show to somebody who looks for them without being told what to look for?

Source: the ladder of Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, was climbed by eye: look at the
distributions of one space, name a rule, sample the smaller space, look again. This is the same loop with nobody
looking: `nas principles --discover -o FILE.py` finds rules on one half of the networks, confirms them on the other,
and writes a study of the whole space and the smaller one; running that is the next round.
What would count as an answer: whether fresh networks of the smaller space are better (the rule `refined` of each
round), and which of the paper's steps (one bottleneck ratio, one group width, rising widths, rising depths) are found.
Expected time: 128 networks at `glance`, 15 minutes on two cores.
"""

from nas.cost import Limits
from nas.recipe import Recipe
from nas.study import Study
from spaces import anynet

STUDY = Study(
    name="anynet_discovery",
    question="Which design rules does AnyNetX_A show by itself?",
    spaces=(anynet.X3.a,),
    samples=128,
    recipe=Recipe(data="fashion-mnist").at("glance"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
)
