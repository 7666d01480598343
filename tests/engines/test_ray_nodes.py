"""Nodes of a Ray cluster that are lost, and others that come, in the midst of a study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nas.engines.ray import RayEngine
from nas.study.record import Record
from tests.engines.test_ray import same
from tests.toys.runs import execute
from tests.toys.spaces import QUICK, STUDY


@pytest.mark.long
def test_nodes_come_and_go(tmp_path: Path) -> None:
    """A study on three nodes, of which one is lost and another comes: the table is that of a quiet machine."""
    ray = pytest.importorskip("ray")
    utils = pytest.importorskip("ray.cluster_utils")
    ray.shutdown()  # of other files' tests
    nodes = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    doomed = nodes.add_node(num_cpus=1)
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    study = replace(STUDY, samples=12, recipe=msgspec.structs.replace(QUICK, epochs=30))
    finished: list[int] = []

    def observer(snapshot: Any, record: Record | None) -> None:
        finished.extend([record.trial] if record else [])
        if record and len(finished) == 6:
            nodes.remove_node(doomed, allow_graceful=False)
            nodes.add_node(num_cpus=1)

    try:
        ray.init(nodes.address, log_to_driver=False, logging_level="ERROR")
        records = execute(study, tmp_path / "ray", RayEngine(), observer=observer)
    finally:
        ray.shutdown()
        nodes.shutdown()
    same(records, execute(study, tmp_path / "here"))
    assert {record.cause for record in records} <= {"", "node"}
