"""Two, three, four and five stages at equal cost: how often should the resolution be halved?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, finds three stages worse than four at high
cost, on images of 224x224; ours have 28x28, which the stem halves once already.
What would count as an answer: P(better) of each number against three with its interval, in AnyNetX E.
Expected time: 160 networks of 24 s on one core each, about half an hour on two cores.
"""

from nas.study import Limits, Recipe, Study, against
from spaces import anynet

STUDY = Study(
    name="stages",
    question="How many stages are best at equal cost on 28x28 images?",
    spaces=(anynet.X2.e, anynet.X3.e, anynet.X.e, anynet.X5.e),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against("AnyNetX_E_2", "AnyNetX_E_3", "Two stages are better than three.", "2 stages against 3"),
        against("AnyNetX_E", "AnyNetX_E_3", "Four stages are better than three.", "4 stages against 3"),
        against("AnyNetX_E_5", "AnyNetX_E_3", "Five stages are better than three.", "5 stages against 3"),
    ),
)
