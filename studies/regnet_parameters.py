"""What do the best RegNets share: depth, w_0, w_a, w_m, b, g?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, section 4: good RegNets have about 20 blocks
whatever their cost, b = 1, w_m near 2.5, and g > 1.
What would count as an answer: for each parameter the range of the best networks and the rank correlation with the
error, both with intervals: a range alone flags parameters that don't matter, too.
Expected time: 300 networks of 24 s on one core each, about an hour on two cores.
"""

from nas.study import Limits, Recipe, Study, larger
from spaces import regnet

STUDY = Study(
    name="regnet_parameters",
    question="Which depth, widths, bottleneck ratio and group width do the best RegNets have?",
    spaces=(regnet.X3,),
    samples=300,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        larger("depth", "More blocks are better."),
        larger("initial_width", "A wider first block is better."),
        larger("slope", "Widths that rise faster are better."),
        larger("multiplier", "Larger steps between the widths of stages are better."),
        larger("bottleneck", "A narrower inner convolution is better."),
        larger("group_width", "Wider groups are better."),
    ),
)
