"""Which rules hold for MLPs, and do those found on small ones hold at 4 and 16 times the cost?

Source: exercise of *Dive into Deep Learning*, 8.8: apply the way in which RegNet was found to MLPs, and see whether
what holds for small ones holds for larger ones.
What would count as an answer: the rules (kind of connection, norm, dropout, order of widths) with effect and interval
at each cost, and whether their signs agree: `studies.perfect_mlp:STUDY` has 100 to 200 thousand multiply-adds,
`STUDY_4X` and `STUDY_16X` have four and sixteen times as many.
Expected time: 300 networks of 4 s on one core each, about 10 minutes on two cores, for the smallest.
"""

from dataclasses import replace

from nas.space import Real
from nas.study import Limits, Recipe, Study, among, larger
from spaces import mlp

STUDY = Study(
    name="perfect_mlp",
    question="Which rules hold for MLPs on images, at one cost and at larger ones?",
    spaces=(mlp.space(3),),
    samples=300,
    recipe=Recipe(data="fashion-mnist").at("short"),
    vary={"learning_rate": Real(low=0.005, high=0.2, log=True)},
    limits=Limits(multiply_adds=(100_000, 200_000)),
    rules=(
        among("connection", "bottleneck", "plain", "Bottlenecks are better than plain layers."),
        among("connection", "residual", "plain", "Residual connections are better than plain layers."),
        among("connection", "dense", "plain", "Dense connections are better than plain layers."),
        among("norm", "batch", "none", "Batch norm is better than none."),
        larger("dropout", "More dropout is better."),
        larger("layers", "More layers are better."),
        larger("width_1", "A wider first stage is better."),
        larger("width_3", "A wider last stage is better."),
        larger("learning_rate", "A larger learning rate is better."),
    ),
)
STUDY_4X = replace(STUDY, name="perfect_mlp_4x", limits=Limits(multiply_adds=(400_000, 800_000)))
STUDY_16X = replace(STUDY, name="perfect_mlp_16x", limits=Limits(multiply_adds=(1_600_000, 3_200_000)))
