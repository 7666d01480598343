"""Break one rule of RegNet at a time: which of depths, widths, groups and bottlenecks matters most?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020: rising widths and depths help, b = 1 and g > 1
are best, one b and one g for all stages cost nothing; *Dive into Deep Learning*, 8.8, calls such networks VioNets.
What would count as an answer: P(better) of the reference against each arm with its interval; the rule whose breaking
costs most is the one that matters most.
Expected time: 320 networks of 24 s on one core each, about 65 minutes on two cores.
"""

from nas.cost import Limits
from nas.recipe import Recipe
from nas.study import Study, against
from spaces import vionet

RULE = vionet.REFERENCE.name
STUDY = Study(
    name="violations",
    question="Which rule of RegNet matters most: what does breaking each of them cost?",
    spaces=vionet.ALL,
    samples=32,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against(RULE, "VioNetX_falling_widths", "Rising widths are better than falling ones.", "rising widths"),
        against(RULE, "VioNetX_wide_middle", "Rising widths are better than a wide middle.", "no wide middle"),
        against(RULE, "VioNetX_falling_depths", "The line's depths are better than falling ones.", "no falling depths"),
        against(
            RULE,
            "VioNetX_depthwise",
            "Groups of several channels are better than depthwise convolutions.",
            "not depthwise",
        ),
        against(RULE, "VioNetX_full_groups", "Groups are better than dense 3x3 convolutions.", "groups"),
        against(RULE, "VioNetX_bottleneck", "No bottleneck is better than one of 4.", "no bottleneck"),
        against(
            RULE,
            "VioNetX_inverted_bottleneck",
            "No bottleneck is better than an inverted one of 1/4.",
            "no inverted bottleneck",
        ),
        against(
            RULE, "VioNetX_own_bottlenecks", "No bottleneck is better than a ratio for each stage.", "one bottleneck"
        ),
        against(
            RULE, "VioNetX_own_group_widths", "One group width is better than one for each stage.", "one group width"
        ),
    ),
)
