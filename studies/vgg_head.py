"""VGG with its linear layers or with a global average pool: what do most of its parameters buy?

Source: *Dive into Deep Learning*, 8.2 and 8.3: VGG's linear layers hold most of its parameters, NiN does without them.
What would count as an answer: P(better) of the global pool with its interval at equal multiply-adds, with and without
norm; and the parameters of both, a column of the table.
Expected time: 160 networks of 17 s on one core each, about 25 minutes on two cores.
"""

from nas.study import Grid, Limits, Recipe, Study, against
from spaces import vgg

STUDY = Study(
    name="vgg_head",
    question="Does VGG need its linear layers?",
    spaces=(vgg.space(4),),
    grid=Grid(values={"norm": ("none", "batch"), "head": ("linear", "global")}),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short", learning_rate=0.02),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against(
            "VGG_4 norm=none head=global",
            "VGG_4 norm=none head=linear",
            "Without norm a global pool is better.",
            "global pool without norm",
        ),
        against(
            "VGG_4 norm=batch head=global",
            "VGG_4 norm=batch head=linear",
            "With norm a global pool is better.",
            "global pool with norm",
        ),
    ),
)
