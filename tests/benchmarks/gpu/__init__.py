"""One session on a GPU: what a new machine is asked first, in parts that go on where the last command stopped."""

import time

BEGUN = time.time()
"""When this process began to load what it needs: seconds that the budget has, too."""
