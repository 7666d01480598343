"""From a study to the network of each trial: hard limits, no luck needed to be reproducible."""

from nas.sampling.gate import Gate, Network
from nas.sampling.maps import Again, Proposal, draw, measure
from nas.sampling.plan import Plan, training_seed

__all__ = ["Again", "Gate", "Network", "Plan", "Proposal", "draw", "measure", "training_seed"]
