"""A -> B -> C -> D -> E -> RegNetX at equal cost: which restrictions help, which are free?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, figures 5 to 9: sharing the bottleneck ratio
(B) and the group width (C) changes nothing, rising widths (D) help, rising depths (E) help again, RegNet has a better
mean than E and the same best.
What would count as an answer: P(better) with its interval between neighbours of the ladder at 3 to 6 million
multiply-adds, three stages, on Fashion-MNIST.
The recipe is made for short trainings: small batches give many steps, and blocks that start as their shortcut let deep
networks begin to learn at once. With six networks within the limits and 2,000 images the mean error was 0.84 at batch
128 and rate 0.1, 0.59 at batch 32 and rate 0.05, and 0.47 with residual branches starting at zero, too.
Expected time: 600 networks, about 4 hours on two cores; `--samples 8 --epochs 1 --train-size 2000` takes 4 minutes.
Answer: RegNetX is better than E after two epochs and after four; rising widths help after two; a free bottleneck ratio
is shown after four; rising depths are undecided.

Measured with 40 networks a space, the same 240 at two lengths, float32, no failures: 7,500 images twice (`short`,
`studies/results/anynet_ladder.csv.gz`) and four times (`--fidelity short --epochs 4`,
`anynet_ladder_4_epochs.csv.gz`, 2 h 20 min on two cores). Shifts of the errors in points with 95 % intervals, p
corrected by Holm for the five rules, delta half a robust deviation (0.6 to 0.7 points after two epochs, 0.4 to 0.5
after four):

| rule | after two epochs | after four | in the paper |
| --- | --- | --- | --- |
| B against A | undecided, -0.11 (-0.78 to +0.48) | no difference, -0.04 (-0.46 to +0.33) | no difference |
| C against B | undecided, +0.44 (-0.08 to +1.24) | undecided, +0.39 (-0.09 to +0.87) | no difference |
| D against C | helps, -1.15 (-1.79 to -0.52), p 0.006 | undecided, -0.52 (-1.04 to +0.01) | helps |
| E against D | undecided, +0.66 (+0.003 to +1.30) | undecided, +0.33 (-0.06 to +0.70) | helps |
| RegNetX against E | helps, -1.17 (-1.93 to -0.69) | helps, -0.91 (-1.22 to -0.60) | helps (mean) |

P is below 0.001 for RegNetX at both lengths; it wins 78 and 83 % of pairs. So one of the paper's findings holds at
both lengths, RegNetX is better than E, and that sharing the bottleneck ratio is free at the longer one. Rising widths
help networks that have just begun to learn, and less the longer they train; that rising depths help isn't seen at
all. The least errors are 16.0 to 16.6 % and 13.6 to 14.3 % in the six spaces, the lowest in RegNetX the second time,
where the paper has no difference.

How far that carries: over the 240 networks the two lengths rank alike with Kendall's tau 0.65 (0.60 to 0.70). For 24
of them there are eight epochs, too (the audit of the first run, `anynet_ladder_audit.csv`): tau with those errors is
0.26 (-0.16 to 0.61) after two epochs and 0.34 (-0.10 to 0.66) after four; all five effects keep their sign but B
against A, and none is decided with so few. Two seeds at two epochs have 0.76 (0.58 to 0.87). Part of the fall is that
little order is left: errors vary by 1.7 points after two epochs, 1.1 after four and 0.8 after eight (n = 24), and a
seed alone moves one network by 0.40 (0.32 to 0.56). So no audit supports either length as a stand-in for eight epochs
of these images, or for long trainings: these are findings on how fast networks learn from few images.
"""

from nas.study import Limits, Recipe, Study, against
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
