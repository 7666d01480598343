"""The page's templates and files as they come with the package."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader
from markupsafe import Markup

from nas.findings.wording.numbers import isolated

PART = re.compile('<article class="[^"]*" id="([^"]*)" data-part="([^"]*)"')
"""Id and name of each part of a page that stands in its contents, in the order of the page."""
WITHIN = re.compile(r"(?<=\d) (?=[%±])|(?<=±) (?=\d)|(?<=\bp) (?=[=<] \d)|(?<=\bp [=<]) (?=\d)")
"""Blanks inside of a number with its unit or its uncertainty, and of p with its value."""


def rendered(template: str, **values: Any) -> str:
    """A template with its values, escaped, and our style sheet as `css`."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(file_text))
    environment.filters |= {
        "told": told,
        "parts": PART.findall,
        "visible": lambda name: isolated(str(name)).strip("\u2068\u2069"),
    }
    css = Markup(file_text("page.css"))  # noqa: S704 - our own file
    return environment.get_template(template).render(css=css, **values)


def told(html: str) -> Markup:
    """Words as the page shows them: isolated names in `<bdi>`, one minus sign, numbers that no line ends within.

    Tags stay as they are.
    """
    marked = str(html).replace("\u2068", "<bdi>").replace("\u2069", "</bdi>")
    parts = re.split(r"(<bdi>.*?</bdi>|<[^>]*>)", marked, flags=re.DOTALL)
    parts[::2] = [WITHIN.sub("\u00a0", re.sub(r"(?<![\w-])-(?=[\d∞])", "−", part)) for part in parts[::2]]
    return Markup("".join(parts))  # noqa: S704 - what comes in is escaped


def file_text(name: str) -> str:
    """A file of this room."""
    return files("nas.page").joinpath(name).read_text(encoding="utf-8")
