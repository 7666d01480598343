"""One figure of the page as a file for a paper: a browser opens the page with that figure alone and says how it looks.

The browser is the Chrome or Chromium of this machine, found and driven by plotly's own choreographer.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from base64 import b64decode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nas.errors import Missing, Refused
from nas.files import write_atomically
from nas.page.contents import write_report

if TYPE_CHECKING:
    from choreographer import Tab

    from nas.storage.results import Run

ENDINGS = (".svg", ".pdf", ".png")
PIXELS = 96 / 25.4
"""CSS pixels of a millimetre."""
WIDTH = 170.0
"""Width of a figure across both columns of a paper, in mm."""
SCALE = 2
"""Pixels of a PNG for each CSS pixel."""
PATIENCE = 60.0
"""Seconds that the page may take to draw."""
WAY_OUT = "pip install 'nas-atlas[figure]', and Chromium or Chrome (choreo_get_chrome downloads one)"
BOX = "document.body.firstElementChild"


def write_figure(
    name: str, path: Path, *, runs: Sequence[Run] = (), table_files: Sequence[Path] = (), width: float = WIDTH
) -> None:
    """A figure of a run's page, or of a table's, as .svg, .pdf or .png, so many mm wide.

    The text of an .svg stays text. Refused where the page has no figure of that name, Missing where no browser is.
    """
    if path.suffix not in ENDINGS:
        raise Refused(f"a figure is written as .svg, .pdf or .png, not {path.name!r}")
    if find_spec("choreographer") is None:
        raise Refused("figures are drawn by a browser that choreographer drives, not installed here", hint=WAY_OUT)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        write_report(runs, page, table_files=table_files)
        drawing = _drawn(page, name, path.suffix, round(width * PIXELS))
        with ThreadPoolExecutor(1) as pool:  # a notebook has a loop of its own in this thread
            write_atomically(path, pool.submit(asyncio.run, drawing).result())


async def _drawn(page: Path, name: str, ending: str, width: int) -> bytes:
    """The figure as bytes, from a browser that is started and ended here."""
    from choreographer import Browser
    from choreographer.errors import BrowserFailedError, ChromeNotFoundError

    try:
        async with Browser() as browser, asyncio.timeout(PATIENCE):
            tab = await browser.create_tab("about:blank")
            await _sized(tab, width, 800)
            await tab.send_command("Page.navigate", {"url": f"{page.as_uri()}#figure={quote(name)}"})
            await _require(tab, name)
            return await _written(tab, ending, width)
    except ChromeNotFoundError:
        raise Missing("there is no Chrome or Chromium on this machine to draw the figure", hint=WAY_OUT) from None
    except (BrowserFailedError, TimeoutError) as error:
        raise Missing(f"the browser didn't draw the figure: {error or 'it took too long'}", hint=WAY_OUT) from None


async def _require(tab: Tab, name: str) -> None:
    """Wait until the figure stands alone; refused where the page has none of that name."""
    while (found := await _value(tab, "document.documentElement?.dataset.figure ?? ''")) == "":
        await asyncio.sleep(0.1)
    if found == "false":
        names = await _value(tab, "runOf(shown()).redraw(true), figureNames(runOf(shown()))")
        raise Refused(f"the page has no figure {name!r}", hint=f"it has {', '.join(names) or 'none'}")


async def _written(tab: Tab, ending: str, width: int) -> bytes:
    """What stands on the page, in a format."""
    if ending == ".svg":
        return str(await _value(tab, f"svgOf({BOX})")).encode()
    height = int(await _value(tab, f"Math.ceil({BOX}.getBoundingClientRect().height)"))
    await _sized(tab, width, height)
    if ending == ".png":
        return b64decode((await _sent(tab, "Page.captureScreenshot", format="png"))["data"])
    sheet = {"paperWidth": width / 96, "paperHeight": (height + 1) / 96, "pageRanges": "1", "printBackground": True}
    margins = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
    return b64decode((await _sent(tab, "Page.printToPDF", **sheet, **margins))["data"])


async def _sized(tab: Tab, width: int, height: int) -> None:
    """Make the window so large."""
    size = {"width": width, "height": height, "deviceScaleFactor": SCALE, "mobile": False}
    await _sent(tab, "Emulation.setDeviceMetricsOverride", **size)


async def _value(tab: Tab, script: str) -> Any:
    """What an expression of the page's script is, once it is known."""
    result = await _sent(tab, "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
    if "exceptionDetails" in result:
        raise Missing(f"the page failed to draw: {json.dumps(result['exceptionDetails'])[:200]}")
    return result["result"].get("value")


async def _sent(tab: Tab, command: str, **values: Any) -> dict[str, Any]:
    """The answer of the browser to a command."""
    answer = await tab.send_command(command, values)
    if "error" in answer:
        raise Missing(f"the browser can't {command}: {answer['error'].get('message')}")
    result: dict[str, Any] = answer["result"]
    return result
