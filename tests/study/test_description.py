"""What studies say of themselves."""

from __future__ import annotations

import pytest

from nas.study import catalog
from nas.study.description import description

TEXT = """Does it?

Source: a paper, section
3.
What would count as an answer: P(better).
Expected time: 160 networks of 24 s on one core each,
about half an hour on two cores.
Answer: it does.

Measured with 16 networks: it does.

At length, too.
"""


def test_a_docstring_is_read_by_its_parts() -> None:
    """Short parts come on one line each, what was measured as it stands, to its end."""
    said = description(TEXT)
    assert said.source == "a paper, section 3."
    assert said.criterion == "P(better)."
    assert said.expected == "160 networks of 24 s on one core each, about half an hour on two cores."
    assert said.answer == "it does."
    assert said.measured == "Measured with 16 networks: it does.\n\nAt length, too."


@pytest.mark.parametrize(
    ("expected", "seconds"),
    [
        ("1,600 networks of 2.5 s on one core each.", 4000),
        ("about half an hour on two cores", 3600),
        ("about a minute on two cores, no files needed", 120),
        ("an hour on two idle cores: about a third", 7200),
        ("600 networks, about 4 hours on two cores", 28800),
        ("8 networks, each as long as one of others.", None),
        ("", None),
    ],
)
def test_times_are_reckoned_for_one_core(expected: str, seconds: float | None) -> None:
    """From the time of a network, or from that of two cores; there is none where the text has no number."""
    assert description(f"Title.\n\nExpected time: {expected}").core_seconds == seconds


def test_a_file_without_docstring_says_nothing() -> None:
    """All parts are empty."""
    assert description(None) == description("") == description("Only a title.")


@pytest.mark.parametrize("name", catalog.studies())
def test_studies_of_ours_have_a_time(name: str) -> None:
    """Each has a source, a criterion and a time that can be reckoned; a measured one has an answer in a sentence."""
    study, said = catalog.described_study(name)
    assert said.source
    assert said.criterion
    assert (said.core_seconds or 0) > study.total / 10
    assert bool(said.answer) == bool(said.measured)
