"""Post- against pre-activation, basic against bottleneck blocks, by depth.

Source: He et al., *Identity Mappings in Deep Residual Networks*, ECCV 2016: pre-activation trains deeper networks, by
more the deeper they are; exercise of *Dive into Deep Learning*, 8.6.
What would count as an answer: P(better) of pre-activation for each kind of block, with intervals, and the rank
correlation of error and number of blocks (column `blocks`) for both orders.
Expected time: 160 networks of 24 s on one core each, about half an hour on two cores.
"""

from nas.study import Grid, Limits, Recipe, Study, against, larger
from spaces import resnet

BASIC, BOTTLENECK = (
    tuple(f"ResNet_3 block={block} order={order}" for order in ("post", "pre")) for block in ("basic", "bottleneck")
)

STUDY = Study(
    name="activation_order",
    question="Is pre-activation better than post-activation, for which block and which depth?",
    spaces=(resnet.space(3),),
    grid=Grid(values={"order": ("post", "pre"), "block": ("basic", "bottleneck")}),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against(BASIC[1], BASIC[0], "Basic blocks are better with pre-activation.", "pre-activation, basic"),
        against(
            BOTTLENECK[1],
            BOTTLENECK[0],
            "Bottleneck blocks are better with pre-activation.",
            "pre-activation, bottleneck",
        ),
        *(larger("blocks", "More blocks are better.", space=arm) for arm in (*BASIC, *BOTTLENECK)),
    ),
)
