"""A -> B -> C -> D -> E -> RegNetX at equal cost: which restrictions help, which are free?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, figures 5 to 9: sharing the bottleneck ratio
(B) and the group width (C) changes nothing, rising widths (D) help, rising depths (E) help again, RegNet has a better
mean than E and the same best.
What would count as an answer: P(better) with its interval between neighbours of the ladder at 3 to 6 million
multiply-adds, three stages, on Fashion-MNIST.
The recipe is made for short trainings: small batches give many steps, and blocks that start as their shortcut let deep
networks begin to learn at once. With six networks of the window and 2,000 images the mean error was 0.84 at batch 128
and rate 0.1, 0.59 at batch 32 and rate 0.05, and 0.47 with residual branches starting at zero, too.
Expected time: 600 networks, about 4 hours on two cores; `--samples 8 --epochs 1 --train-size 2000` takes 4 minutes.

Measured with 40 networks a space at `short` (`studies/results/anynet_ladder.csv.gz`, float32, no failures; differences
of mean errors in points with 95 % intervals, p corrected by Holm for the five rules, delta half a deviation of the
reference, 0.7 to 1.0 points):

* B against A: no difference larger than delta, -0.05 (-0.67 to +0.54), n = 40 + 40. So in the paper.
* C against B: undecided, +0.71 (-0.02 to +1.48), p = 0.24. The paper has no difference.
* D against C: helps, -1.14 (-2.00 to -0.28), p = 0.035, P(better) 0.71. So in the paper.
* E against D: undecided, +0.56 (-0.25 to +1.33), p = 0.31. In the paper it helps; here nothing points that way.
* RegNetX against E: helps, -1.37 (-2.01 to -0.75), p below 0.001, P(better) 0.78. So in the paper (mean).

The least errors are alike, 16.0 to 16.6 % in all six spaces, as in the paper.
Audit: 24 of the networks, trained four times as long and once more with another seed (`nas audit`, records in
`anynet_ladder_audit.csv`): Kendall's tau of short and longer errors is 0.26 (-0.16 to 0.61), that of two seeds at the
same length 0.76 (0.58 to 0.87); one network varies over seeds by 0.40 points (0.32 to 0.56), 10 % (4 to 21) of the
variance of errors. So length reorders the networks more than luck does: `short` says how fast they begin to learn,
and the audit doesn't support taking these verdicts for longer trainings. (Another sample of 24, for `nas.fidelity`,
had 0.52, 0.33 to 0.67.) At four times the length all five effects are estimated with the same sign but B against A, a
third to two thirds as large, and none is decided with so few.
"""

from nas.cost import Limits
from nas.recipe import Recipe
from nas.study import Study, against
from spaces import anynet, regnet

STUDY = Study(
    name="anynet_ladder",
    question="Which steps of the ladder from AnyNetX A to E and RegNetX help at equal cost, and which are free?",
    spaces=(*anynet.X3, regnet.X3),
    samples=100,
    recipe=Recipe(
        data="fashion-mnist",
        train_size=10_000,
        epochs=3,
        batch_size=32,
        learning_rate=0.05,
        zero_residual=True,
        flip=True,
    ),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against(
            "AnyNetX_B_3",
            "AnyNetX_A_3",
            "One bottleneck ratio for all stages is better than one for each.",
            "B against A",
        ),
        against(
            "AnyNetX_C_3", "AnyNetX_B_3", "One group width for all stages is better than one for each.", "C against B"
        ),
        against("AnyNetX_D_3", "AnyNetX_C_3", "Widths that rise are better than any.", "D against C"),
        against("AnyNetX_E_3", "AnyNetX_D_3", "Depths that rise, too, are better than any.", "E against D"),
        against(
            "RegNetX_3", "AnyNetX_E_3", "Widths on a quantised line are better than any that rise.", "RegNetX against E"
        ),
    ),
)
