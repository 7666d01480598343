"""Do the rules found on Fashion-MNIST hold on other images?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, asks whether rules generalise; here from
Fashion-MNIST (study `anynet_ladder`) to digits and to photographs.
What would count as an answer: the verdicts of the ladder on each data set side by side, and whether they agree.
As it stands it runs on the embedded digits, offline; for others, each in a folder of its own:
`nas run transfer --data mnist --train-size 7500 --epochs 2 --out transfer-mnist`, likewise `kmnist`, `svhn`, `cifar10`.
All images are brought to 28x28, so that the limits of cost mean the same; `nas report` takes several folders.
Expected time: 160 networks of 15 s on one core each, about 20 minutes on two cores.
"""

from nas.study import Limits, Recipe, Study, against
from spaces import anynet, regnet

STUDY = Study(
    name="transfer",
    question="Do the steps of the AnyNet ladder do on other images what they do on Fashion-MNIST?",
    spaces=(anynet.X3.a, anynet.X3.c, anynet.X3.e, regnet.X3),
    samples=40,
    recipe=Recipe(
        data="digits",
        resolution=28,
        epochs=10,
        batch_size=32,
        learning_rate=0.05,
        zero_residual=True,
    ),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against(
            "AnyNetX_C_3",
            "AnyNetX_A_3",
            "One bottleneck ratio and one group width are better than one a stage.",
            "C against A",
        ),
        against("AnyNetX_E_3", "AnyNetX_C_3", "Widths and depths that rise are better than any.", "E against C"),
        against(
            "RegNetX_3", "AnyNetX_E_3", "Widths on a quantised line are better than any that rise.", "RegNetX against E"
        ),
    ),
)
