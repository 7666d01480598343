"""How good are small published networks, trained long and tested?

Source: LeNet-5 with batch norm (*Dive into Deep Learning*, 8.5), ResNet-8 of MLPerf Tiny (Banbury et al., 2021) and
ResNet-20 (He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016, section 4.2).
What would count as an answer: their test errors after `nas final`, by the recipe of a search's winner, beside that
winner's: a search of about the same parameters is worth its cost if it finds better networks than these.
Expected time: 3 networks of 20 s on one core each; a final of 3 seeds and 40 epochs takes about 3 hours on two cores.
Answer: 92.41 % of the test images for LeNet-5 with batch norm, 94.18 % for ResNet-8, 95.10 % for ResNet-20; of networks
found by searches `fashion-90k` (94.80 %) is better than ResNet-8, `fashion-42k` (94.14 %) can't be told from it,
`fashion-266k` (94.79 %) is worse than ResNet-20, `fashion-246k` (95.01 %) can't be told from that.

Measured with `nas final`, 3 seeds, last epoch, the test split read once for each: 60 epochs 92.41 ± 0.05 % (95 %
interval 91.92 to 92.87 %) and 93.61 ± 0.01 % (93.16 to 94.02 %); by the recipe of the larger winners 90 epochs of
ResNet-8 94.18 ± 0.10 % (93.67 to 94.65 %), 0.62 points (0.37 to 0.87, paired) less than `fashion-90k` and 0.04 points
(-0.32 to 0.40, paired) more than `fashion-42k`, and 80 epochs of ResNet-20 95.10 ± 0.06 % (94.69 to 95.48 %), 0.31
points (0.10 to 0.52, paired) more than `fashion-266k` and 0.09 points (-0.16 to 0.35, paired) more than `fashion-246k`.
"""

from nas.study import Recipe, Study
from spaces import lenet, resnet

PUBLISHED = {network.name: network for network in (*lenet.NETWORKS, *resnet.NETWORKS)}

STUDY = Study(
    name="small_networks",
    question="How good are small published networks?",
    spaces=tuple(PUBLISHED[name].space for name in ("lenet_bn", "resnet_8", "resnet_20")),
    samples=1,
    recipe=Recipe(data="fashion-mnist").at("short"),
)
