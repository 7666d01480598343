"""LeNet with norms nowhere, after convolutions, after linear layers, everywhere; with half a norm; without affine.

Source: exercises of *Dive into Deep Learning*, 8.5: which layers need batch norm, what do centring and scaling do
alone, and are scale and shift needed?
What would count as an answer: P(better) of each kind against no norm, and of each half or fixed norm against the whole
one, with intervals. Activation (sigmoid or ReLU), pool, dropout and width are drawn in every arm alike.
Expected time: 280 networks of 6 s on one core each, about 15 minutes on two cores.
Answer: norms everywhere and after linear layers help, scaling alone is worse than the whole norm; the rest is undecided
or makes no difference.

Measured with 24 networks an arm at `short` in float32 (`studies/results/norm_placement.csv.gz`; 95 % intervals, p
corrected by Holm for the six rules): norms everywhere help against none, P(better) 0.73 (0.56 to 0.85), p = 0.03, and
so do norms after linear layers alone, 0.74 (0.57 to 0.85), p = 0.02; mean errors are 19 %, 19 % and, without norm,
46 %, because of the sigmoids: none of those 11 networks got below 48 %, while the 13 with ReLU had 19 % without any
norm. Scaling alone hurts against the whole norm, 0.19 (0.09 to 0.34), p = 0.002, and a scale and shift left at 1 and 0
make no difference that matters, 0.49 (0.33 to 0.66). Undecided: norms after convolutions alone against none (0.60, 0.42
to 0.75) and centring alone against the whole norm (0.33, 0.19 to 0.51).
`nas principles --table` on the records shows all of it.
"""

from nas.study import Limits, Recipe, Study, against
from spaces import lenet

LENET = lenet.ALL[0]
WHOLE = LENET.fix(norm="batch", affine="free")
EVERYWHERE = LENET.fix(placement="everywhere")

STUDY = Study(
    name="norm_placement",
    question="Where does LeNet need batch norm, and which part of it?",
    spaces=(
        LENET.fix(norm="none").named("no norm"),
        WHOLE.fix(placement="convolutions").named("norm after convolutions"),
        WHOLE.fix(placement="linear").named("norm after linear layers"),
        WHOLE.fix(placement="everywhere").named("norm everywhere"),
        EVERYWHERE.fix(norm="mean_only", affine="free").named("centring only"),
        EVERYWHERE.fix(norm="variance_only", affine="free").named("scaling only"),
        EVERYWHERE.fix(norm="batch", affine="fixed").named("norm without affine"),
    ),
    samples=40,
    recipe=Recipe(data="fashion-mnist", initialisation="xavier").at("short"),
    limits=Limits(multiply_adds=(300_000, 3_000_000)),
    rules=(
        against("norm after convolutions", "no norm", "Norm after convolutions is better than none."),
        against("norm after linear layers", "no norm", "Norm after linear layers is better than none."),
        against("norm everywhere", "no norm", "Norm everywhere is better than none."),
        against("centring only", "norm everywhere", "Centring alone is better than the whole norm."),
        against("scaling only", "norm everywhere", "Scaling alone is better than the whole norm."),
        against("norm without affine", "norm everywhere", "A norm without scale and shift is better than with them."),
    ),
)
