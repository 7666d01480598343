"""Can batch norm replace dropout?

Source: exercise of *Dive into Deep Learning*, 8.5; Ioffe and Szegedy, *Batch Normalization*, ICML 2015, section 4.2.1,
who left dropout out.
What would count as an answer: P(better) of dropout with and without norm, with intervals: norm replaces it where
dropout helps without norm and doesn't with it. The column `gap` says how much each does against overfitting.
Only 5,000 images, seen ten times, so that there is something to overfit.
Expected time: 160 networks of 60 s on one core each, about 80 minutes on two cores.
"""

from nas.study import Grid, Limits, Recipe, Rule, Study, against
from spaces import vgg

VGG = vgg.space(3).fix(head="linear")


def ruled(name: str, first: tuple[str, float], reference: tuple[str, float], statement: str) -> Rule:
    """That one norm and dropout is better than another."""
    obeys, other = (f"{VGG.name} norm={norm} dropout={dropout}" for norm, dropout in (first, reference))
    return against(obeys, other, statement, name)


STUDY = Study(
    name="dropout_or_norm",
    question="Does dropout still help where there is batch norm?",
    spaces=(VGG,),
    grid=Grid(values={"norm": ("none", "batch"), "dropout": (0.0, 0.5)}),
    samples=40,
    recipe=Recipe(data="fashion-mnist", train_size=5_000, epochs=10, batch_size=32, learning_rate=0.02),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        ruled("dropout without norm", ("none", 0.5), ("none", 0), "Dropout helps without norm."),
        ruled("dropout with norm", ("batch", 0.5), ("batch", 0), "Dropout helps with norm, too."),
        ruled("norm without dropout", ("batch", 0), ("none", 0), "Norm helps without dropout."),
        ruled("norm for dropout", ("batch", 0), ("none", 0.5), "Norm is better than dropout."),
    ),
)
