"""Whether the analysis is valid, by simulation: claims of rates, each with the binomial limit that it must keep.

Law --Simulation--> how many of so many simulated studies --run--> Result --table--> results.csv

`python -m tests.simulation` runs all of them, 1,000 studies each; the tests run a small part of the same functions.
"""
