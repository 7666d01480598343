"""Network, recipe and data -> curve: one training, and what it takes on a processor and on a GPU."""
