"""Images and who gets them wrong, as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from nas.analysis import ImagesAndSeeds, Interval, PairedErrors
from nas.findings.wording.numbers import NOTHING, compared, percent, plural, share

HEADER = ("image", "label", "wrong in first", "wrong in second", "wrong in all")
LEVEL = 0.05
"""P-value below which a difference counts as more than chance."""


def interval_note(images: int, several: bool) -> str:
    """What stands behind the ± of errors, below them: of images, and of seeds where networks have several trainings.

    Empty where neither tells.
    """
    if not images:
        return "±: 95 % interval over the seeds of a network with several trainings" if several else ""
    seeds = ", and over seeds where a network has several trainings" if several else "; other seeds add to it"
    return f"±: 95 % interval over {images:,} validation images{seeds}"


def image_cells(image: int, label: str, wrong: Sequence[int], sizes: Sequence[int]) -> tuple[str, ...]:
    """An image as texts: its place, its class, and how many of each side and of all are wrong."""
    return str(image), label or NOTHING, *(f"{count} of {size}" for count, size in zip(wrong, sizes, strict=True))


def group_title(worse: str, better: str, *, single: bool) -> str:
    """Of the images on which one side is worse."""
    return f"{worse} gets wrong, {better} right" if single else f"{worse} gets wrong more often than {better}"


def side_text(name: str, trainings: int, images: int) -> str:
    """A side, its trainings, and on how many images it is the worse one."""
    often = "it alone gets wrong" if trainings == 1 else "it gets wrong more often"
    return f"{name}, {plural(trainings, 'training')}; {plural(images, 'image')} {often}"


def hardest_text(hard: int, images: int, trainings: int) -> str:
    """How many images nearly all trainings get wrong."""
    return f"{hard:,} of {images:,} images are wrong in at least 90 % of {plural(trainings, 'training')}"


def pair_text(pair: PairedErrors) -> str:
    """Two networks on the same images."""
    first, second = pair.seeds
    trainings = "" if first == second == 1 else f", means of {first} and {second} trainings"
    return (
        f"{percent(pair.first)} against {percent(pair.second)}{trainings}: {_difference(pair)}; "
        f"two samples of images would need an interval {_times(pair)} as long"
    )


def first_two_text(pair: PairedErrors, several: bool = False) -> str:
    """Whether the first rank is more than chance among images, and among seeds where both have several trainings."""
    chance = "images and seeds" if several else "images"
    if pair.p_value < LEVEL:
        unknown = "" if several else ", seeds not counted"
        return f"ranks 1 and 2 differ by more than these {chance} explain{unknown}: {_difference(pair)}"
    return f"ranks 1 and 2 can't be told apart on these {chance}: {_difference(pair)}"


def luck_text(luck: float, networks: int, images: int) -> str:
    """How much worse the lowest of many errors is expected to be on other images."""
    return (
        f"The lowest error of {plural(networks, 'network')} is partly luck with these {images:,} validation images: "
        f"regression to the mean lets one expect at most about {100 * luck:.2f} points more on others, seeds aside"
    )


def trainings_text(errors: Sequence[float]) -> str:
    """`3: 15.95 to 16.60 %`: how many trainings a network has, and between which errors they ended."""
    spread = f": {100 * min(errors):.2f} to {100 * max(errors):.2f} %" if len(errors) > 1 else ""
    return f"{len(errors)}{spread}"


def parts_text(parts: ImagesAndSeeds) -> str:
    """What images and seeds add to an error."""
    return (
        f"the error of one training varies by {_deviation(parts.images)} with the sample of {parts.n:,} images and "
        f"by {_deviation(parts.seeds)} with the seed, {share(parts.share)} of the variance; trainings repeated on "
        f"these images vary by {_deviation(parts.repeated)}; standard deviations, 95 %, from "
        f"{plural(parts.trainings, 'training')} of {plural(parts.networks, 'network')}"
    )


def _difference(pair: PairedErrors) -> str:
    found = pair.difference
    text = f"difference {100 * found.estimate:+.2f} points [{100 * found.low:+.2f}, {100 * found.high:+.2f}]"
    test = "McNemar" if pair.exact_p_value is not None else "Student"
    return f"{text}, 95 %, paired on {pair.n:,} images, {test} p {compared(pair.p_value)}"


def _times(pair: PairedErrors) -> str:
    """How much longer the unpaired interval is."""
    width = pair.difference.high - pair.difference.low
    return f"{(pair.unpaired.high - pair.unpaired.low) / width:.1f} times" if width else "many times"


def _deviation(part: Interval) -> str:
    """A standard deviation of errors with its interval."""
    return f"{100 * part.estimate:.2f} points [{100 * part.low:.2f}, {100 * part.high:.2f}]"
