"""The images of a data set lie in memory once, however many workers train on them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nas.data import DataInfo

READER = """
import sys, msgspec
from nas.data import DataInfo, load
dataset = load(msgspec.json.decode(sys.argv[1], type=DataInfo))
dataset.train.images[[0, 5, 9]], dataset.train.images.sum()  # as training does: batches are copied, the rest is read
print("read", flush=True)
sys.stdin.read()
"""
KILOBYTE = 1024
"""Bytes."""


def mappings(process: int, folder: Path) -> list[dict[str, int]]:
    """What the system says of the files of a folder in a process's memory, in kB."""
    found: list[dict[str, int]] = []
    inside = False
    for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
        name, _, value = line.partition(":")
        if " " in name or not value.endswith("kB"):
            inside = str(folder) in line
            if inside:
                found.append({})
        elif inside:
            found[-1][name] = int(value.split()[0])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose pages are whose")
def test_two_processes_share_the_images(digits: DataInfo) -> None:
    """Both map the prepared file, all of its pages that they touch are shared, and neither has a page of its own."""
    import msgspec

    command = [sys.executable, "-c", READER, msgspec.json.encode(digits).decode()]
    readers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) for _ in range(2)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"read\n"
        for reader in readers:
            files = mappings(reader.pid, Path(digits.folder))
            assert sum(file["Rss"] for file in files) * KILOBYTE >= digits.train * 16 * 16
            assert sum(file["Private_Dirty"] + file["Private_Clean"] for file in files) == 0
            assert sum(file["Shared_Clean"] + file["Shared_Dirty"] for file in files) > 0
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
