"""The page's templates and files as they come with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader
from markupsafe import Markup


def rendered(template: str, **values: Any) -> str:
    """A template with its values, escaped, and our style sheet as `css`."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(file_text))
    css = Markup(file_text("page.css"))  # noqa: S704 - our own file
    return environment.get_template(template).render(css=css, **values)


def file_text(name: str) -> str:
    """A file of this room."""
    return files("nas.page").joinpath(name).read_text(encoding="utf-8")
