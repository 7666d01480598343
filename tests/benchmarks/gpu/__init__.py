"""One session on a GPU: what a new machine is asked first, in parts that go on where the last command stopped."""
