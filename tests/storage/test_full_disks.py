"""Disks that fail where it isn't the database: the log and whole files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from nas.errors import StorageFailed
from nas.files import write_atomically
from nas.storage.layout import STUDY
from nas.storage.log import logged

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_log_on_a_full_disk_costs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that don't fit are left out in silence, and what is left of them raises nothing at the end."""
    (tmp_path / STUDY).touch()
    (tmp_path / "run.log").symlink_to(FULL)
    with logged(tmp_path / "run.log"):
        logging.getLogger("nas").info("trial 1 is over")
    assert "Logging error" not in capsys.readouterr().err


def test_a_place_that_can_hold_no_file_is_refused(tmp_path: Path) -> None:
    """Below a file nothing can be written, nor be removed after that; it is our error that says so."""
    (tmp_path / "letter.txt").touch()
    with pytest.raises(StorageFailed, match="can't be written: Not a directory"):
        write_atomically(tmp_path / "letter.txt" / "page.html", b"page")
