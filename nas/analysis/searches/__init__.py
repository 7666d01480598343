"""Searches side by side at equal compute."""
