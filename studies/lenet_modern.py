"""LeNet with ReLU, max pools, dropout, norm and augmentation: what does each add?

Source: exercises of *Dive into Deep Learning*, 7.6: modernise LeNet.
What would count as an answer: P(better) of each step against the one before it, with its interval, with and without
augmentation (a random shift by up to 2 pixels).
Expected time: 400 networks of 12 s on one core each, about 40 minutes on two cores.
"""

from nas.study import Grid, Limits, Part, Parts, Recipe, Rule, Study, among
from spaces import lenet

LENET = lenet.ALL[0]
RELU = LENET.fix(activation="relu")
MAX = RELU.fix(pool="max")
WHOLE_NORM = {"norm": "batch", "placement": "everywhere", "affine": "free"}

SHIFTS = (0, 2)


def ruled(first: str, reference: str, statement: str) -> Rule:
    """That one network is better than another, with and without augmentation taken together."""
    parts = [
        Part(column="space", values=tuple(f"{name} crop={shift}" for shift in SHIFTS)) for name in (first, reference)
    ]
    return Rule(name=first, statement=statement, contrast=Parts(first=parts[0], reference=parts[1]))


STUDY = Study(
    name="lenet_modern",
    question="What do ReLU, max pools, dropout, norm and augmentation add to LeNet?",
    spaces=(
        LENET.fix(activation="sigmoid", pool="average", dropout=0.0, norm="none").named("LeNet of 1998"),
        RELU.fix(pool="average", dropout=0.0, norm="none").named("with ReLU"),
        MAX.fix(dropout=0.0, norm="none").named("with ReLU, max"),
        MAX.fix(dropout=0.5, norm="none").named("with ReLU, max, dropout"),
        MAX.fix(dropout=0.0, **WHOLE_NORM).named("with ReLU, max, norm"),
    ),
    grid=Grid(values={"crop": SHIFTS}),
    samples=40,
    recipe=Recipe(
        data="fashion-mnist",
        train_size=10_000,
        epochs=4,
        batch_size=32,
        learning_rate=0.05,
        initialisation="xavier",
    ),
    limits=Limits(multiply_adds=(300_000, 3_000_000)),
    rules=(
        ruled("with ReLU", "LeNet of 1998", "ReLU is better than the sigmoid."),
        ruled("with ReLU, max", "with ReLU", "Max pools are better than average pools."),
        ruled("with ReLU, max, dropout", "with ReLU, max", "Dropout is better than none."),
        ruled("with ReLU, max, norm", "with ReLU, max", "Norm everywhere is better than none."),
        among("crop", 2, 0, "Shifted images are better than unchanged ones."),
    ),
)
