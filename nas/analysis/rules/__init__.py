"""Verdicts on design rules, and how many networks they need."""
