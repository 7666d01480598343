"""The layer trees behind the trials of a run: from kept weights, else from code that ships with nas."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nas.errors import NasError, code_of_others
from nas.layers import Layer, Shape, cost, identity
from nas.layers.staircases import Stair, stairs
from nas.storage.results import Run, study_of
from nas.study.record import Record

logger = logging.getLogger(__name__)

LONGEST_SOURCE = 30_000
"""Characters of a network's source up to which the page holds it."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """What the page draws of a run's networks."""

    stairs: dict[int, tuple[Stair, ...]] = field(default_factory=dict)
    """Trial -> widths along the depth, of every network that is known."""
    layers: dict[int, Layer] = field(default_factory=dict)
    """Trial -> layer tree, of the best."""
    sources: dict[int, str] = field(default_factory=dict)
    """Trial -> the network in plain torch, of the best unless it is long or has layers that can't be written."""
    damaged: list[str] = field(default_factory=list)
    """Weights that can't be used, a sentence each."""


def networks_of(run: Run, best: int) -> Networks:
    """The networks of a run, so many of the best with their layers; code that a run only names isn't run.

    A bad file, or code that has changed, costs its network's picture and nothing else.
    """
    found, build = Networks(), _builder(run)
    leading = {record.trial for record in run.best[:best]}
    for record in run.records:
        kept = _kept(run, record, found.damaged) if record.trial in leading else None
        layer = kept or _built(build, record)
        if layer is None:
            continue
        found.stairs[record.trial] = stairs(layer, _inputs(run, record))
        if record.trial in leading:
            found.layers[record.trial] = layer
    found.sources.update(_sources(run, found.layers))
    return found


def _sources(run: Run, layers: Mapping[int, Layer]) -> dict[int, str]:
    """The texts of networks; torch, which knows how its layers are called, is loaded only where there are any."""
    if not layers:
        return {}
    from nas.models.formats.source import network_source

    texts: dict[int, str] = {}
    for trial, layer in layers.items():
        try:
            text = network_source(layer, _inputs(run, run.record(trial)))
        except NasError as error:
            logger.info("trial %d has no source on the page: %s", trial, error)
            continue
        if len(text) <= LONGEST_SOURCE:
            texts[trial] = text
    return texts


def _kept(run: Run, record: Record, damaged: list[str]) -> Layer | None:
    """The layer tree beside the weights of a trial; None where there is none that fits its images."""
    try:
        layer = run.layer(record)
        if layer is not None:
            cost(layer, _inputs(run, record))
    except (NasError, OSError) as error:
        damaged.append(f"The weights of trial {record.trial} can't be used: {error}")
        logger.warning("%s: the weights of trial %d can't be used: %s", run.folder, record.trial, error)
        return None
    return layer


def _builder(run: Run) -> Callable[[Record], Layer] | None:
    """What makes a trial's layer tree; None where that is the code of others."""
    study = study_of(run, None)
    if study is None:
        return None
    arms, outputs = {arm.name: arm for arm in study.arms}, run.manifest.data.outputs

    def build(record: Record) -> Layer:
        with code_of_others(f"the code of {record.space} fails"):
            return arms[record.space].architecture(record.point).network(_inputs(run, record), outputs)

    return build


def _built(build: Callable[[Record], Layer] | None, record: Record) -> Layer | None:
    """The layer tree of a trial, if code still makes the network that was trained."""
    try:
        layer = build(record) if build else None
    except NasError as error:
        logger.info("trial %d has no picture on the page: %s", record.trial, error)
        return None
    return layer if layer is not None and identity(layer) == record.architecture else None


def _inputs(run: Run, record: Record) -> Shape:
    """The shape of the images that a trial was trained on."""
    edge = int(record.point.get("resolution", 0))
    shape = run.manifest.data.shape
    return (shape[0], edge, edge) if edge and len(shape) == 3 else shape
