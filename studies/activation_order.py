"""Post- against pre-activation, by how blocks start and by depth.

Source: He et al., *Identity Mappings in Deep Residual Networks*, ECCV 2016: pre-activation trains deeper networks, by
more the deeper they are; exercise of *Dive into Deep Learning*, 8.6. Goyal et al., *Accurate, Large Minibatch SGD*,
2017, section 5.1: the last norm of each residual branch starts at zero, so that a block starts as its shortcut.
What would count as an answer: the shift of errors by pre-activation for both starts, and by the start for both orders,
with intervals: of two reversed signs neither is a statement on an order alone. Beside them, whether bottlenecks are
better, and the rank correlation of error and number of blocks (column `blocks`) in each arm.
Expected time: 160 networks of 24 s on one core each, about half an hour on two cores.
Answer: undecided; pre-activation is ahead by 2.2 points, and by 2.9 where blocks start as their shortcut.

Measured with 20 networks an arm (`--samples 20`), one seed: 95 % intervals 0.4 to 4.3 and 0.7 to 5.7 points, p 0.13 and
0.09 after Holm's correction for nine rules. The start makes +0.9 points (-1.5 to +4.2) in post-activation and +0.1
(-1.1 to +1.8) in pre-activation, bottlenecks +0.8 (-0.6 to +2.9); depth is undecided, too.
"""

from nas.study import Grid, Limits, Recipe, Study, against, among, larger
from spaces import resnet

POST, POST_SHORTCUT, PRE, PRE_SHORTCUT = (
    f"ResNet_3 order={order} zero_residual={start}" for order in ("post", "pre") for start in ("False", "True")
)

STUDY = Study(
    name="activation_order",
    question="Is pre-activation better than post-activation, and does that depend on how blocks start?",
    spaces=(resnet.space(3),),
    grid=Grid(values={"order": ("post", "pre"), "zero_residual": (False, True)}),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against(PRE, POST, "Pre-activation is better.", "pre-activation"),
        against(
            PRE_SHORTCUT,
            POST_SHORTCUT,
            "Pre-activation is better where blocks start as their shortcut.",
            "pre-activation, from the shortcut",
        ),
        against(
            POST_SHORTCUT, POST, "Post-activation is better from the shortcut.", "from the shortcut, post-activation"
        ),
        against(PRE_SHORTCUT, PRE, "Pre-activation is better from the shortcut.", "from the shortcut, pre-activation"),
        among("block", "bottleneck", "basic", "Bottlenecks are better than basic blocks."),
        *(larger("blocks", "More blocks are better.", space=arm) for arm in (POST, POST_SHORTCUT, PRE, PRE_SHORTCUT)),
    ),
)
