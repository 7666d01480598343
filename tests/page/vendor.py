"""Renews the page's copy of plotly: `python -m tests.page.vendor` fetches the basic bundle of the installed version."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen

from plotly.offline import get_plotlyjs_version

import nas.page

REGISTRY = "https://registry.npmjs.org/plotly.js-basic-dist-min"
FILES = {"plotly-basic.min.js": "package/plotly-basic.min.js", "plotly-basic.LICENSE": "package/LICENSE"}


def renew(folder: Path) -> str:
    """Writes bundle and licence into a folder and returns the bundle's SHA-256; the archive is checked before."""
    with urlopen(f"{REGISTRY}/{get_plotlyjs_version()}", timeout=60) as answer:  # noqa: S310 - a constant address
        dist = json.load(answer)["dist"]
    with urlopen(dist["tarball"], timeout=60) as answer:  # noqa: S310 - the registry's own
        archive = answer.read()
    if f"sha512-{b64encode(hashlib.sha512(archive).digest()).decode()}" != dist["integrity"]:
        raise ValueError(f"{dist['tarball']} isn't what the registry says it is")
    with tarfile.open(fileobj=BytesIO(archive)) as opened:
        texts = {name: opened.extractfile(path).read() for name, path in FILES.items()}  # type: ignore[union-attr]
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    return hashlib.sha256(texts["plotly-basic.min.js"]).hexdigest()


if __name__ == "__main__":
    sys.stdout.write(f"{renew(Path(nas.page.__file__).parent / 'bundle')}\n")
