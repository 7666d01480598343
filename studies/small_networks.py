"""How good are small published networks, trained long and tested?

Source: LeNet-5 with batch norm (*Dive into Deep Learning*, 8.5), ResNet-8 of MLPerf Tiny (Banbury et al., 2021) and
ResNet-20 (He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016, section 4.2).
What would count as an answer: their test errors after `nas final`, by the recipe of a search's winner, beside that
winner's: a search of about the same parameters is worth its cost if it finds better networks than these.
Expected time: 3 networks of 20 s on one core each; a final of 3 seeds and 40 epochs takes about 3 hours on two cores.
Answer: 92.41 % of the test images for LeNet-5 with batch norm, 93.61 % for ResNet-8; `fashion-77k` (93.69 %), found by
a search among networks of that size, can't be told apart from ResNet-8.

Measured with `nas final`, 3 seeds of 60 epochs, last epoch, the test split read once for each: 92.41 ± 0.05 % (95 %
interval 91.92 to 92.87 %), 93.61 ± 0.01 % (93.16 to 94.02 %). ResNet-20 wasn't trained.
"""

from nas.space import Choice, Space
from nas.study import Recipe, Study
from spaces import lenet, resnet
from spaces.network import Network


def alone(network: Network) -> Space:
    """The space that holds one published network and nothing else."""
    return Space(
        name=network.name,
        dimensions={"network": Choice(options=(network.name,))},
        decode=lambda _: network.architecture,
        source=network.source,
    )


PUBLISHED = {network.name: network for network in (*lenet.NETWORKS, *resnet.NETWORKS)}

STUDY = Study(
    name="small_networks",
    question="How good are small published networks?",
    spaces=tuple(alone(PUBLISHED[name]) for name in ("lenet_bn", "resnet_8", "resnet_20")),
    samples=1,
    recipe=Recipe(data="fashion-mnist").at("short"),
)
