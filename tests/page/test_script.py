"""What the page's script computes, run by node, and the copy of plotly that draws."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs_version

from nas.page.page import PLOTLY, script
from nas.page.templates import file_text

NODE = shutil.which("node")
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"


@pytest.mark.skipif(NODE is None, reason="there is no node")
def test_the_script_computes_what_its_tests_say() -> None:
    """The tests beside this file, written in the script's own language, pass."""
    folder = Path(__file__).parent / "script"
    tests = sorted(map(str, folder.glob("*.test.mjs")))
    result = subprocess.run([str(NODE), "--test", *tests], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_plotly_is_what_was_vendored() -> None:
    """The file is npm's, of the version that the installed plotly has, with its licence beside it."""
    text = file_text(PLOTLY)
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256
    assert f"(basic - minified) v{get_plotlyjs_version()}\n" in text[:200]
    assert "MIT" in file_text("bundle/plotly-basic.LICENSE")


def test_a_script_stays_in_its_element() -> None:
    """Neither our script nor plotly's holds what would end the element it stands in."""
    assert not any(end in text for text in (script(), file_text(PLOTLY)) for end in ("</script", "<!--"))
