"""The launch ceiling: how many small kernels a second a device takes from graphs on many streams at once.

Each lane is a thread that replays a graph of its own, a straight line of additions to 172,000 numbers. With its peak
of arithmetic that decides what can be hoped for. `python -m tests.benchmarks.gpu.probe` measures one row.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from functools import lru_cache, partial

import torch

from tests.benchmarks.gpu.children import lines_of
from tests.benchmarks.gpu.graphs import Replayable, aside, replayable
from tests.benchmarks.gpu.rows import BUDGET, MISSING, Clock, OutOfTime, Part, Row
from tests.benchmarks.gpu.session import Session

ELEMENTS = 172_000
WARM = 5
"""Replays before the clock starts."""
EDGES = (2048, 4096, 8192)
"""Of the square matrices whose product shows the device's peak; the fastest counts."""
COPIED = 2**28
"""Numbers of float32 whose copy shows the bandwidth of the device's memory: a GiB, more than its caches hold."""
CALLS = 20
"""In a window."""


def part(session: Session) -> Part:
    """A row for each number of connections, and the peak."""
    rows = {f"{count} connections": partial(ceiling, session, count) for count in session.scale.connections}
    return Part(
        name="probe",
        seconds=session.expected(35, quick=8),
        rows={**rows, "peak": partial(peak, session)},
        conclusion=best,
    )


def ceiling(session: Session, connections: int, clock: Clock, before: Row) -> Row:
    """Nodes a second for each number of lanes, in a process that has so many connections to the device."""
    scale = session.scale
    words = ["-m", "tests.benchmarks.gpu.probe", session.device, *map(str, scale.probe)]
    words += map(str, scale.probe_lanes)
    lines, reason = lines_of(words, clock, {"CUDA_DEVICE_MAX_CONNECTIONS": str(connections)})
    found = [json.loads(line) for line in lines if line.startswith("{")]
    if not found and reason == BUDGET:
        raise OutOfTime(reason)
    if not found:
        raise RuntimeError(f"the probe said nothing: {reason or 'it ended well'}")
    top = max(found, key=lambda one: one["nodes_per_second"])
    row = {"most_nodes_per_second": top["nodes_per_second"], "at_lanes": top["lanes"], "lanes": found}
    return {**row, MISSING: reason} if reason else row


def best(rows: dict[str, Row]) -> list[str]:
    """All numbers of the probe, a line for each row."""
    return [
        f"{key}: "
        + ", ".join(f"{one['lanes']} lanes {one['nodes_per_second'] / 1e6:.2f} M/s" for one in row.get("lanes", []))
        for key, row in rows.items()
        if "lanes" in row
    ]


def peak(session: Session, clock: Clock, before: Row) -> Row:
    """What the device can do at most."""
    flops, bandwidth = rates(session.torch_device)
    return {"flops": flops, "bytes_per_second": bandwidth}


@lru_cache(maxsize=1)
def rates(device: torch.device) -> tuple[float, float]:
    """Operations a second of a product in bfloat16, bytes a second of a copy; on a CPU in float32, and smaller."""
    cuda = device.type == "cuda"
    edges, dtype = (EDGES, torch.bfloat16) if cuda else ((512,), torch.float32)
    flops = max(_product(edge, dtype, device) for edge in edges)
    source = torch.zeros(COPIED if cuda else COPIED // 8, device=device)
    target = torch.empty_like(source)
    return flops, 2 * source.nbytes / _seconds(lambda: target.copy_(source))


def _product(edge: int, dtype: torch.dtype, device: torch.device) -> float:
    left, right = torch.randn(2, edge, edge, device=device).to(dtype)
    return 2 * edge**3 / _seconds(lambda: left @ right)


def _seconds(call: Callable[[], torch.Tensor]) -> float:
    """Of one call in the fastest of three windows, after one that doesn't count."""
    found = []
    for _ in range(4):
        begun = time.perf_counter()
        for _ in range(CALLS):
            result = call()
        result.view(-1)[0].item()
        found.append((time.perf_counter() - begun) / CALLS)
    return min(found[1:])


def lane(device: torch.device, graph: Replayable, stream: torch.cuda.Stream | None, replays: int) -> None:
    """Replay a graph on its stream, and wait without spinning until that is done."""
    if stream is None:
        for _ in range(replays):
            graph.replay()
        return
    with torch.cuda.stream(stream):
        for _ in range(replays):
            graph.replay()
        done = torch.cuda.Event(blocking=True)
        done.record()
        done.synchronize()


def prepared(device: torch.device, nodes: int) -> tuple[Replayable, torch.cuda.Stream | None]:
    """The graph of a lane and its stream."""
    numbers = torch.zeros(ELEMENTS, device=device, dtype=torch.bfloat16)
    if device.type != "cuda":
        return replayable(lambda: numbers.add_(1), device, nodes), None
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        return replayable(lambda: numbers.add_(1), device, nodes), stream


def measured(device: torch.device, lanes: int, nodes: int, replays: int) -> Row:
    """Nodes a second of so many lanes at once."""
    parts = [prepared(device, nodes) for _ in range(lanes)]
    for graph, stream in parts:
        lane(device, graph, stream, WARM)
    threads = [threading.Thread(target=lane, args=(device, graph, stream, replays)) for graph, stream in parts]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    return {
        "lanes": lanes,
        "nodes_per_second": lanes * replays * nodes / seconds,
        "microseconds_a_node": seconds / replays / nodes * 1e6,
    }


def main() -> None:
    """Measure each number of lanes, a line each."""
    device = torch.device(sys.argv[1])
    nodes, replays, *lanes = map(int, sys.argv[2:])
    with aside(device):
        for count in lanes:
            sys.stdout.write(json.dumps(measured(device, count, nodes, replays)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
