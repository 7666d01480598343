"""Break one rule of RegNet at a time: which of depths, widths, groups and bottlenecks matters most?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020: rising widths and depths help, b = 1 and g > 1
are best, one b and one g for all stages cost nothing; *Dive into Deep Learning*, 8.8, calls such networks VioNets.
What would count as an answer: P(better) of the reference against each arm with its interval; the rule whose breaking
costs most is the one that matters most.
Expected time: 320 networks of 24 s on one core each, about 65 minutes on two cores.
"""

from nas.cost import Limits
from nas.fidelity import at
from nas.recipe import Recipe
from nas.study import Study
from spaces import vionet

STUDY = Study(
    name="violations",
    question="Which rule of RegNet matters most: what does breaking each of them cost?",
    spaces=vionet.ALL,
    samples=32,
    recipe=at(Recipe(data="fashion-mnist"), "short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
)
