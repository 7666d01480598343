"""A Ray cluster on this machine, for all tests of engines that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def ray_cluster(own_cache: object) -> Iterator[None]:
    """One node with four cores to give away, however many there are; the engine finds it."""
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
