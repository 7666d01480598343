"""Which small ResNet is best when it is trained long?

Source: ours. A search by trainings on a few thousand images finds networks of few multiply-adds, which learn fast and
end worse than others; here the worse two thirds of the trainings end after 2 and after 6 of 18 epochs instead.
What would count as an answer: the test error of the best network after `nas final`, beside that of a published network
of about the same parameters by the same recipe (`studies.small_networks`).
Expected time: an hour on two idle cores: about a third of the 32 trainings run to their end, each 5 to 10 minutes on
one core (30 of them took 4.3 hours of one core on a busy machine). `STUDY_100K` takes twice, `STUDY_300K` three times
as long.
Answer: `STUDY` found `fashion-45k`, 93.05 % of the test images; searches by short trainings found better networks in a
sixth of its time and, in `RISING`, `fashion-42k`, 94.14 %, `fashion-90k`, 94.80 %, and `fashion-266k`, 94.79 %, in
`BASIC` `fashion-246k`, 95.01 %; by the same recipe ResNet-20 has 95.10 %.

Measured with `nas final`, last epoch, 3 seeds, the test split read once: 30 epochs of `fashion-45k` (95 % interval
92.39 to 93.69 %), 90 of `fashion-42k` (93.50 to 94.74 %) and `fashion-90k` (94.36 to 95.20 %), 80 of `fashion-266k`
(94.38 to 95.17 %) and `fashion-246k` (94.48 to 95.50 %), which `nas search` found in 14, 30, 24 and 34 minutes of one
core, by the commands on their cards.
`STUDY_100K` and `STUDY_300K` weren't run.
"""

from dataclasses import replace

from nas.space import Choice, Integer, rising
from nas.study import Limits, Recipe, Study, SuccessiveHalving
from spaces import resnet

BASIC = (
    resnet.space(3)
    .fix(block="basic")
    .restrict(
        stem=Choice(options=("3x3/2", "3x3/1")),
        depth=Integer(low=1, high=8, log=True),
        width=Integer(low=8, high=96, unit=8, log=True),
    )
    .require(rising("width"))
    .named("ResNet_3_basic")
)
"""ResNets of basic blocks whose widths rise, as the ladder's rule has it, in either order of norm and convolution."""
RISING = BASIC.fix(order="pre").named("ResNet_3_rising")
"""What short searches of all ResNets of three stages leave, ResNet-20 not among it: pre-activation, basic, rising."""

STUDY = Study(
    name="winners",
    question="Which ResNet of 30,000 to 50,000 parameters is best when it is trained long?",
    spaces=(resnet.space(3),),
    samples=32,
    sampler="tpe",
    halving=SuccessiveHalving(reduction_factor=3, min_epochs=2),
    recipe=Recipe(data="fashion-mnist", epochs=18, flip=True, crop=2, weight_decay=1e-4, warmup=0.05),
    limits=Limits(parameters=(30_000, 50_000), multiply_adds=(6_000_000, 14_000_000)),
)
STUDY_100K = replace(
    STUDY,
    name="winners_100k",
    question="Which ResNet of 60,000 to 100,000 parameters is best when it is trained long?",
    limits=Limits(parameters=(60_000, 100_000), multiply_adds=(8_000_000, 20_000_000)),
)
STUDY_300K = replace(
    STUDY,
    name="winners_300k",
    question="Which ResNet of 180,000 to 300,000 parameters is best when it is trained long?",
    limits=Limits(parameters=(180_000, 300_000), multiply_adds=(15_000_000, 32_000_000)),
)
