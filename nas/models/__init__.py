"""Trained networks as files and modules: written, read, exported; nothing in them is ever executed."""
