"""X, Y, R, V and VR blocks at equal cost: is the ResNeXt block needed?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, appendix D, which compares these blocks in
RegNets; exercise of *Dive into Deep Learning*, 8.8.
What would count as an answer: P(better) of X against each other block with its interval, at equal multiply-adds. All
spaces are AnyNet E: shared bottleneck ratio and group width where a block has them, widths and depths rise.
Expected time: 200 networks of 28 s on one core each, about 45 minutes on two cores.
Answer: undecided with 16 networks a space.

Measured with 16 networks a space at `short` in float32 (`studies/results/blocks.csv.gz`; 95 % intervals, p corrected by
Holm for four comparisons, all 1): nothing is decided. P(X better) is 0.42 (0.24 to 0.62) against Y, 0.47 (0.28 to 0.67)
against R, 0.30 (0.15 to 0.53) against V and 0.54 (0.34 to 0.73) against VR; mean errors are 18.5 to 19.4 %. Networks of
V blocks have the lowest median, 16.4 %, where the other four have 18.1 to 19.4 %; to
decide a rule some 120 to 210 more networks are needed.
"""

from nas.study import Limits, Recipe, Study, against
from spaces import anynet

STUDY = Study(
    name="blocks",
    question="At equal cost, is the X block better than those with squeeze-excite, without groups, without residual?",
    spaces=(anynet.X3.e, anynet.Y3.e, anynet.R3.e, anynet.V3.e, anynet.VR3.e),
    samples=40,
    recipe=Recipe(data="fashion-mnist").at("short"),
    limits=Limits(multiply_adds=(3_000_000, 6_000_000)),
    rules=(
        against("AnyNetX_E_3", "AnyNetY_E_3", "X blocks are better than those with squeeze-excite.", "X against Y"),
        against("AnyNetX_E_3", "AnyNetR_E_3", "X blocks are better than those without groups.", "X against R"),
        against("AnyNetX_E_3", "AnyNetV_E_3", "X blocks are better than single 3x3 convolutions.", "X against V"),
        against(
            "AnyNetX_E_3",
            "AnyNetVR_E_3",
            "X blocks are better than single 3x3 convolutions with a residual.",
            "X against VR",
        ),
    ),
)
