"""How a notebook shows findings: a title, what they rest on, tables and sentences, as HTML with all texts escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def notebook(
    title: str, head: Iterable[tuple[str, str]], notes: Iterable[str], tables: str, items: Iterable[str]
) -> str:
    """Findings of one kind: names and texts of what they rest on, notes, tables, and sentences as a list."""
    lines = _joined("p", map(escape, (*map(": ".join, head), *notes)))
    return f"<p><b>{escape(title)}</b></p>{lines}{tables}<ul>{_joined('li', map(escape, items))}</ul>"


def html_table(header: Iterable[str], rows: Iterable[Sequence[str]], title: str = "") -> str:
    """Rows of texts below their header, and a title above."""
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    body = _joined("tr", (_joined("td", map(escape, row)) for row in rows))
    return f"<table>{caption}<tr>{_joined('th', map(escape, header))}</tr>{body}</table>"


def _joined(tag: str, contents: Iterable[str]) -> str:
    """Each content in an element of its own."""
    return "".join(f"<{tag}>{content}</{tag}>" for content in contents)
