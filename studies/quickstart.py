"""Does the AnyNet ladder order on the embedded digits?

Source: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020: E (widths and depths rise) has better error
distributions than A (everything free), and RegNet than E.
What would count as an answer: P(a network of E beats one of A) with its interval, likewise RegNet against E.
Expected time: about a minute on two cores, no network and no files needed. Eight networks a space show how the tool
works; they are far too few for a finding.
"""

from nas.study import Limits, Recipe, Study, against
from spaces import anynet, regnet

STUDY = Study(
    name="quickstart",
    question="Does the AnyNet ladder order on the embedded digits?",
    spaces=(anynet.X3[0], anynet.X3[4], regnet.X3),
    samples=8,
    recipe=Recipe(data="digits", epochs=2, batch_size=32, learning_rate=0.05, zero_residual=True),
    limits=Limits(multiply_adds=(300_000, 1_000_000)),
    rules=(
        against(
            "AnyNetX_E_3",
            "AnyNetX_A_3",
            "Rising widths and depths, one bottleneck and one group width are better.",
            "E against A",
        ),
        against(
            "RegNetX_3", "AnyNetX_E_3", "Widths on a quantised line are better than any that rise.", "RegNetX against E"
        ),
    ),
)
