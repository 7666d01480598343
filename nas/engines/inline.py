"""Trainings in this very process, one after another: for tests, debuggers and the smallest machines."""

from __future__ import annotations

from typing import Self

from nas.engines.messages import Job, Reached, Result, begun


class InlineEngine:
    """Runs a job when its result is waited for."""

    workers = 1

    def __init__(self) -> None:
        self._jobs: list[Job] = []

    def __enter__(self) -> Self:
        """Nothing to start."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to stop."""

    @property
    def free(self) -> int:
        """One job at a time."""
        return 1 - len(self._jobs)

    @property
    def running(self) -> dict[int, Reached]:
        """The job in hand: it is trained before anybody can look again."""
        return {job.trial: begun(job) for job in self._jobs}

    def submit(self, job: Job) -> None:
        """Keep the job until `wait`."""
        self._jobs.append(job)

    def hold(self) -> None:
        """Forget the job in hand."""
        self._jobs = []

    def wait(self, seconds: float) -> list[Result]:
        """Run it, however long it takes: nobody is there to end it."""
        from nas.engines.job import run_job

        jobs, self._jobs = self._jobs, []
        return [run_job(job) for job in jobs]
