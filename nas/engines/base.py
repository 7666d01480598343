"""What the runner needs of a place where trainings run."""

from __future__ import annotations

from typing import Protocol, Self

from nas.engines.messages import Job, Reached, Result


class Engine(Protocol):
    """Takes jobs, gives results in the order in which they are ready; used as a context manager."""

    def __enter__(self) -> Self:
        """Start what has to be started once."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Stop everything at once; what still runs is lost."""
        ...

    @property
    def free(self) -> int:
        """Jobs that it wants now: for idle workers, and so that none is ever idle."""
        ...

    @property
    def running(self) -> dict[int, Reached]:
        """Trials that are being trained now, and how far each is; other jobs wait here."""
        ...

    @property
    def workers(self) -> int:
        """Trainings that run side by side."""
        ...

    def submit(self, job: Job) -> None:
        """Take a job, at most `free` at a time; it begins in `wait`, for before that its trial isn't on the disk."""
        ...

    def hold(self) -> None:
        """Begin no job any more; what runs continues."""
        ...

    def wait(self, seconds: float) -> list[Result]:
        """Results that are ready, after at most this time; a dead or overdue worker's job is answered, too.

        An engine that trains in this process can't end a training, so it may leave overdue ones unanswered.
        """
        ...
