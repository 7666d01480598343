"""From a study to the network of each trial: hard limits, reproducible."""

from nas.sampling.filter import Filter, Network
from nas.sampling.plan import Plan, training_seed
from nas.sampling.rejection import Again, Proposal, draw, measure

__all__ = ["Again", "Filter", "Network", "Plan", "Proposal", "draw", "measure", "training_seed"]
