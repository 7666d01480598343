"""Does a dense MLP predict numbers better than plain and residual ones of the same cost?

Source: *Dive into Deep Learning*, exercises of 8.7: a DenseNet whose convolutions are linear layers, on the house
prices of chapter 5. A layer of it sees the outputs of all layers before it in its stage.
What would count as an answer: P(a dense MLP beats a plain one) with its interval, likewise against a residual one, at
10,000 to 100,000 multiply-adds. The error is the root mean squared error over the target's standard deviation: the mean
has 1, least squares 0.71 on the validation rows of the embedded diabetes study, of which there are only 88.
The learning rate is drawn with each network, because the best one differs between networks: of 15, five of each kind, 4
diverged at 0.02, 2 at 0.005 and none at 0.002, at which some of the others were still behind after 20 epochs.
A file of house prices: `nas run dense_mlp_regression --data train.csv --target SalePrice`.
Expected time: 300 networks, about 3 minutes on two cores.
"""

from nas.space import Real
from nas.study import Limits, Recipe, Study, against
from spaces import mlp

KINDS = ("dense", "plain", "residual")
MLP = mlp.space(1, 2, 3, 4)
STUDY = Study(
    name="dense_mlp_regression",
    question="Does a dense MLP predict numbers better than plain and residual ones of the same cost?",
    spaces=tuple(MLP.fix(connection=kind).named(f"MLP, {kind}") for kind in KINDS),
    samples=100,
    recipe=Recipe(data="diabetes", epochs=20, batch_size=32, weight_decay=0.01, initialisation="xavier"),
    vary={"learning_rate": Real(low=5e-4, high=2e-2, log=True)},
    limits=Limits(multiply_adds=(10_000, 100_000)),
    rules=(
        against("MLP, dense", "MLP, plain", "Dense MLPs are better than plain ones."),
        against("MLP, dense", "MLP, residual", "Dense MLPs are better than residual ones."),
    ),
)
