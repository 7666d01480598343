"""Estimates from samples of errors, each with n and an interval."""
