"""All families at equal cost: is a newer family better, and does that depend on the cost?

Source: the order in which *Dive into Deep Learning*, chapters 7 and 8, tells their history.
What would count as an answer: P(better) of each family against LeNet and against the one before it, with intervals,
at three costs: `studies.families:STUDY` has 3 to 6 million multiply-adds, `STUDY_10M` 10 to 14, `STUDY_30M` 30 to 40.
Each network draws its learning rate, because families without norm need smaller ones than those with.
Expected time: 440 networks of 24 s on one core each, about 90 minutes on two cores; `STUDY_10M` takes three times,
`STUDY_30M` nine times as long.
"""

from dataclasses import replace

from nas.space import Real
from nas.study import Limits, Recipe, Study
from spaces import alexnet, anynet, densenet, googlenet, lenet, mlp, nin, regnet, resnet, resnext, vgg

STUDY = Study(
    name="families",
    question="Which family of networks is best at equal cost?",
    spaces=(
        lenet.ALL[0],
        alexnet.ALL[0],
        vgg.space(3),
        nin.space(3),
        googlenet.SPACE,
        resnet.space(3),
        resnext.space(3),
        densenet.SPACE,
        mlp.space(3),
        anynet.X3.e,
        regnet.X3,
    ),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    vary={"learning_rate": Real(low=0.005, high=0.2, log=True)},
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
)
STUDY_10M = replace(STUDY, name="families_10m", limits=Limits(multiply_adds=(10_000_000, 14_000_000)))
STUDY_30M = replace(STUDY, name="families_30m", limits=Limits(multiply_adds=(30_000_000, 40_000_000)))
