"""The largest learning rate that still trains, with and without batch norm.

Source: exercise of *Dive into Deep Learning*, 8.5: compare the learning rates at which LeNet trains with and without
batch norm, up to the largest.
What would count as an answer: the largest rates below which nine of ten networks get under half of their images wrong,
for both, from the column `learning_rate`, which is drawn log-uniformly from 0.001 to 3 (with a momentum of 0.9).
Expected time: 400 networks of 6 s on one core each, about 20 minutes on two cores.
"""

from nas.space import Real
from nas.study import Limits, Recipe, Study
from spaces import lenet

LENET = lenet.ALL[0].fix(activation="relu", dropout=0.0)

STUDY = Study(
    name="norm_learning_rate",
    question="Up to which learning rate does LeNet train, with and without batch norm?",
    spaces=(
        LENET.fix(norm="none").named("without norm"),
        LENET.fix(norm="batch", placement="everywhere", affine="free").named("with norm"),
    ),
    samples=200,
    recipe=Recipe(data="fashion-mnist", initialisation="xavier").at("short"),
    vary={"learning_rate": Real(low=1e-3, high=3.0, log=True)},
    limits=Limits(multiply_adds=(300_000, 3_000_000)),
)
