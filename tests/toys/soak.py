"""A command that trains 300 networks of which nothing is computed: `python -m tests.toys.soak DIR`."""

from __future__ import annotations

import sys
from dataclasses import replace

import msgspec

import nas
from nas.engines import LocalEngine
from tests.toys.sleepers import MODULE
from tests.toys.spaces import STUDY as TOY

STUDY = replace(TOY, name="soak", samples=150, recipe=msgspec.structs.replace(TOY.recipe, epochs=8))

if __name__ == "__main__":
    try:
        nas.run(STUDY, out=sys.argv[1], engine=LocalEngine(2, module=MODULE), quiet=True)
    except nas.NasError as error:
        sys.exit(error.exit_code)
