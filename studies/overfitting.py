"""AlexNet with 1,000 images: which of dropout, augmentation, weight decay and width closes the gap?

Source: exercises of *Dive into Deep Learning*, 8.1 and 5.6, on overfitting with little data.
What would count as an answer: the difference of `gap` (error less training error) and of `error` with and without each
remedy, with intervals, over all others; the rank correlation of `gap` and `width_multiplier`. Augmentation is a random
shift by up to 2 pixels.
Expected time: 160 networks of 25 s on one core each, about 35 minutes on two cores.
"""

from nas.study import Grid, Limits, Recipe, Study, among
from spaces import alexnet

STUDY = Study(
    name="overfitting",
    question="What keeps AlexNet from overfitting 1,000 images?",
    spaces=alexnet.ALL,
    grid=Grid(values={"dropout": (0.0, 0.5), "crop": (0, 2), "weight_decay": (0.0, 5e-3)}),
    samples=20,
    recipe=Recipe(data="fashion-mnist", train_size=1_000, epochs=20, batch_size=32, learning_rate=0.02),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        among("dropout", 0.5, 0.0, "Dropout is better than none."),
        among("crop", 2, 0, "Shifted images are better than unchanged ones."),
        among("weight_decay", 5e-3, 0.0, "Weight decay is better than none."),
    ),
)
