"""Break one rule of RegNet at a time: which of depths, widths, groups and bottlenecks matters most?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020: rising widths and depths help, b = 1 and g > 1
are best, one b and one g for all stages cost nothing; *Dive into Deep Learning*, 8.8, calls such networks VioNets.
What would count as an answer: P(better) of the reference against each arm with its interval; the rule whose breaking
costs most is the one that matters most.
Expected time: 320 networks of 24 s on one core each, about 65 minutes on two cores.
Answer: that on widths: networks with falling widths or a wide middle are worse; the seven others are undecided.

Measured with 16 networks an arm at `tiny` (`studies/results/violations.csv.gz`, float32; 95 % intervals, p corrected
by Holm for the nine rules): of all rules that on widths matters most. The reference beats falling widths with P(better)
0.94 and errors 7.1 points lower (4.5 to 10.8), p below 0.001, and a wide middle with 0.86 and 4.5 points (2.7 to 8.5),
p = 0.004. The seven others are undecided, and in one the reference may even be the worse one at so short a training:
against inverted bottlenecks 0.25, +1.4 points (0.2 to 2.7).
"""

from nas.study import Limits, Recipe, Study, against
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
