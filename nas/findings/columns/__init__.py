"""What the columns of anybody's table are: results, seeds, ids, numbers, and which rows are one network."""
