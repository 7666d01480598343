"""DenseNet's transitions: average or max pool, compression; and its memory beside ResNet's.

Source: exercises of *Dive into Deep Learning*, 8.7: why average and not max pools, and DenseNet's need for memory;
Huang et al., *Densely Connected Convolutional Networks*, CVPR 2017, for the compression of 0.5.
What would count as an answer: P(better) of max pools and of compression with intervals at equal multiply-adds; the
column `peak_memory` of networks of both families whose errors are equal.
Expected time: 200 networks of 30 s on one core each, about 50 minutes on two cores.
"""

from nas.study import Limits, Recipe, Study, against, among
from spaces import densenet, resnet

STUDY = Study(
    name="dense_transition",
    question="Which transition suits DenseNet, and what does it cost in memory beside ResNet?",
    spaces=(
        densenet.SPACE.fix(pool="average", compression=0.5).named("average, half"),
        densenet.SPACE.fix(pool="max", compression=0.5).named("max, half"),
        densenet.SPACE.fix(pool="average", compression=1.0).named("average, whole"),
        densenet.SPACE.fix(pool="max", compression=1.0).named("max, whole"),
        resnet.space(3),
    ),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        among("pool", "max", "average", "Max pools are better than average pools."),
        among("compression", 0.5, 1.0, "Transitions that halve the channels are better than those that keep them."),
        against("average, half", "ResNet_3", "DenseNet is better than ResNet."),
    ),
)
