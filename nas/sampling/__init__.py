"""From a study to the network of each trial: hard limits, no luck needed to be reproducible."""

from nas.sampling.gate import Gate, Network
from nas.sampling.maps import Proposal, draw, measure
from nas.sampling.plan import Plan, training_seed

__all__ = ["Gate", "Network", "Plan", "Proposal", "draw", "measure", "training_seed"]
