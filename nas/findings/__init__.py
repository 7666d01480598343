"""Statements on a run or on anybody's table, with their words: what a terminal, a notebook and a page say."""
