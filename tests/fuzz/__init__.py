"""Files as a stranger, a bad disk or a bad day would leave them: each is taken or refused, in bounded time."""
