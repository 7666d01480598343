"""Rules that nobody declared: candidates from one half of a sample, confirmed on the other."""
