"""What a terminal or a browser shows of a run while it trains."""
