"""How far can AlexNet shrink before it loses accuracy, and what do batches cost?

Source: exercises of *Dive into Deep Learning*, 8.1: AlexNet is too complex for Fashion-MNIST, make it smaller without
loss; change the batch size and watch accuracy, throughput and memory.
What would count as an answer: error against multiply-adds and parameters over two orders of magnitude (the front of
both, and where it bends), and the columns `images_per_second`, `peak_memory` and `error` by batch size.
Each network draws its learning rate, because a batch of 512 needs another one than a batch of 32.
Expected time: 180 networks of 80 s on one core each on average, about 2 hours on two cores.
"""

from nas.space import Real
from nas.study import Grid, Limits, Recipe, Study
from spaces import alexnet

STUDY = Study(
    name="alexnet_small",
    question="How small can AlexNet be without loss on Fashion-MNIST, and in which batches should it be trained?",
    spaces=alexnet.ALL,
    grid=Grid(values={"batch_size": (32, 128, 512)}),
    samples=60,
    recipe=Recipe(data="fashion-mnist", train_size=20_000, epochs=2),
    vary={"learning_rate": Real(low=0.002, high=0.1, log=True)},
    limits=Limits(multiply_adds=(500_000, 50_000_000)),
)
