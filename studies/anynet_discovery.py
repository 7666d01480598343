"""Which rules does AnyNetX_A show to somebody who looks for them without being told what to look for?

Source: the ladder of Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, was climbed by eye: look at the
distributions of one space, name a rule, sample the smaller space, look again. This is the same loop with nobody
looking: `nas discover DIR -o FILE.py` finds rules on one half of the networks, confirms them on the other,
and writes a study of the whole space and the smaller one; running that is the next round.
What would count as an answer: whether fresh networks of the smaller space are better (the rule `refined` of each
round), and which of the paper's steps (one bottleneck ratio, one group width, rising widths, rising depths) are found.
Expected time: 128 networks at `tiny`, 15 minutes on two cores.
Answer: of 206 candidates one rule is confirmed, a last stage at least 72 wide; fresh networks that obey it are better
by 4.18 points (1.92 to 6.53).

Measured at `tiny`, float32, no failures. Round 1, 128 networks (`studies/results/anynet_discovery.csv.gz`): of 206
candidates scored on 64 networks one is confirmed on the other 64, a last stage at least 72 wide: -4.53 points (95 %
interval -8.37 to -2.51), p corrected by Holm for six below 0.001; whether dimensions may be tied isn't decided. Round
2, 48 fresh networks each of the whole space and of the smaller one (`anynet_discovery_refined.csv.gz`): the smaller
one is better by 4.18 points (1.92 to 6.53), p below 0.001. On its 48 networks nothing more is confirmed, so the loop
ends there. The paper's rising widths also make the last stage wide; its other steps aren't seen with so few networks.
Asked about as columns (`--columns depth_1,depth_2,depth_3,width_1,width_2,width_3`), with the others and the cost held
fixed, deeper first and second stages and a wider last one help (rho -0.58, -0.52, -0.81), and
the depth of the last makes no difference that matters; inside of the window of cost the plain correlations of the
depths are -0.21 and -0.17, and those of the first two widths, -0.34 and -0.36 at equal others, have the other sign.
"""

from dataclasses import replace

from nas.space import Integer
from nas.study import Limits, Recipe, Study
from spaces import anynet

STUDY = Study(
    name="anynet_discovery",
    question="Which design rules does AnyNetX_A show by itself?",
    spaces=(anynet.X3.a,),
    samples=128,
    recipe=Recipe(data="fashion-mnist").at("tiny"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
)

SMALLER = STUDY.spaces[0].restrict(width_3=Integer(low=72, high=1024, unit=8, log=True))
REFINED = replace(
    STUDY,
    name="anynet_discovery_refined",
    question="Are the networks of AnyNetX_A_3 better where the last stage is at least 72 wide?",
    spaces=(*STUDY.spaces, SMALLER.named("AnyNetX_A_3, refined")),
    samples=48,
    seed=1,
)
"""The second round."""
