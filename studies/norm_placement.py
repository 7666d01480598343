"""LeNet with norms nowhere, after convolutions, after linear layers, everywhere; with half a norm; without affine.

Source: exercises of *Dive into Deep Learning*, 8.5: which layers need batch norm, what do centring and scaling do
alone, and are scale and shift needed?
What would count as an answer: P(better) of each kind against no norm, and of each half or fixed norm against the whole
one, with intervals. Activation (sigmoid or ReLU), pool, dropout and width are drawn in every arm alike.
Expected time: 280 networks of 6 s on one core each, about 15 minutes on two cores.
"""

from nas.cost import Limits
from nas.fidelity import at
from nas.recipe import Recipe
from nas.space import Choice, Space
from nas.study import Study
from spaces import lenet

LENET = lenet.ALL[0]


def arm(name: str, norm: str, placement: str = "everywhere", affine: str = "free") -> Space:
    """LeNets with one kind of norm at one place."""
    chosen = {"norm": norm, "placement": placement, "affine": affine}
    return LENET.restrict(**{key: Choice(options=(value,)) for key, value in chosen.items()}).named(name)


STUDY = Study(
    name="norm_placement",
    question="Where does LeNet need batch norm, and which part of it?",
    spaces=(
        arm("no norm", "none"),
        arm("norm after convolutions", "batch", "convolutions"),
        arm("norm after linear layers", "batch", "linear"),
        arm("norm everywhere", "batch"),
        arm("centring only", "mean_only"),
        arm("scaling only", "variance_only"),
        arm("norm without affine", "batch", affine="fixed"),
    ),
    samples=40,
    recipe=at(Recipe(data="fashion-mnist", initialisation="xavier"), "short"),
    limits=Limits(multiply_adds=(300_000, 3_000_000)),
)
