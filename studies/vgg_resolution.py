"""28, 56, 84 and 112 pixels at equal cost: is it worth it to enlarge small images for VGG?

Source: exercise of *Dive into Deep Learning*, 8.2: the book enlarges Fashion-MNIST to 224x224, which costs more
computation; is that needed?
What would count as an answer: P(better) of each resolution against 28 with its interval, where all networks have 10 to
14 million multiply-adds at their own resolution: at a higher one they are narrower.
Expected time: 160 networks; at 112 pixels memory, not arithmetic, takes the time: about 3 hours on two cores.
"""

from nas.study import Grid, Limits, Recipe, Study, against
from spaces import vgg

VGG = vgg.space(3).fix(norm="batch", head="global").named("VGG_3, norm, global pool")
ARM = VGG.name + " resolution={}"

STUDY = Study(
    name="vgg_resolution",
    question="Is it worth it to enlarge 28x28 images for VGG, at equal cost?",
    spaces=(VGG,),
    grid=Grid(values={"resolution": (28, 56, 84, 112)}),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(10_000_000, 14_000_000)),
    rules=tuple(
        against(ARM.format(pixels), ARM.format(28), f"{pixels} pixels are better than 28.", f"{pixels} against 28")
        for pixels in (56, 84, 112)
    ),
)
