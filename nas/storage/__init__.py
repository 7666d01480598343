"""A run's folder, a file for each of its files: written by one coordinator, read by everybody."""
