"""GoogLeNet and what its successors changed: batch norm, label smoothing, factorised 5x5, residual inceptions.

Source: exercises of *Dive into Deep Learning*, 8.4, after Ioffe and Szegedy 2015 (batch norm), Szegedy et al. 2016
(label smoothing, two 3x3 in place of 5x5) and 2017 (residual inceptions).
What would count as an answer: P(better) of each change against the network without it, with its interval, at equal
multiply-adds. The later changes build on batch norm, as they did in the papers.
Expected time: 320 networks of 24 s on one core each, about 65 minutes on two cores.
"""

from nas.study import Grid, Limits, Part, Parts, Recipe, Rule, Study, among
from spaces import googlenet

PLAIN = googlenet.SPACE.fix(norm="none", residual="off", factorised="off")
NORMED = googlenet.SPACE.fix(norm="batch")

SMOOTHINGS = (0.0, 0.1)


def ruled(first: str, reference: str, statement: str) -> Rule:
    """That one network is better than another, with and without label smoothing taken together."""
    sides = [tuple(f"{name} label_smoothing={value:g}" for value in SMOOTHINGS) for name in (first, reference)]
    parts = [Part(column="space", values=arms) for arms in sides]
    contrast = Parts(first=parts[0], reference=parts[1])
    return Rule(name=f"{first} against {reference}", statement=statement, contrast=contrast)


STUDY = Study(
    name="inception_variants",
    question="Which changes of GoogLeNet's successors help at equal cost?",
    spaces=(
        PLAIN.named("plain"),
        NORMED.fix(residual="off", factorised="off").named("norm"),
        NORMED.fix(residual="off", factorised="on").named("norm, factorised"),
        NORMED.fix(residual="on", factorised="off").named("norm, residual"),
    ),
    grid=Grid(values={"label_smoothing": SMOOTHINGS}),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        ruled("norm", "plain", "Batch norm is better than none."),
        ruled("norm, factorised", "norm", "Two 3x3 are better than one 5x5."),
        ruled("norm, residual", "norm", "Residual inceptions are better than plain ones."),
        among("label_smoothing", 0.1, 0.0, "Label smoothing is better than none."),
    ),
)
