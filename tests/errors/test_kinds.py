"""Our errors as people meet them in Python."""

from __future__ import annotations

import copy
from traceback import format_exception

from nas.errors import Refused


def test_the_way_out_stands_below_the_message() -> None:
    """Python shows a hint once, of a copy, too; where there is none there is no line."""
    for error in (Refused("no", hint="try this"), copy.copy(Refused("no", hint="try this"))):
        assert format_exception(error) == ["nas.errors.kinds.Refused: no\n", "  -> try this\n"]
        assert (str(error), error.hint) == ("no", "try this")
    assert format_exception(Refused("no")) == ["nas.errors.kinds.Refused: no\n"]
