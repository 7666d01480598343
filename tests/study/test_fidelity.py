"""Named lengths of training."""

from __future__ import annotations

import msgspec
import pytest

from nas.cli.run import adjusted, trained_at
from nas.errors import Refused
from nas.study import Recipe
from nas.study.recipe import FIDELITIES
from tests.toys.spaces import STUDY

TRAINING_IMAGES = 50_000
"""Of Fashion-MNIST."""


def images(recipe: Recipe) -> int:
    """Images that a training of Fashion-MNIST sees, repetitions counted."""
    return (recipe.train_size or TRAINING_IMAGES) * recipe.epochs


def test_fidelities_grow() -> None:
    """Each fidelity costs more images than the one before it."""
    counts = [images(Recipe().at(name)) for name in FIDELITIES]
    assert list(FIDELITIES) == ["tiny", "short", "standard", "long"]
    assert counts == sorted(counts)
    assert len(set(counts)) == len(counts)


@pytest.mark.parametrize("name", FIDELITIES)
def test_data_and_arithmetic_stay(name: str) -> None:
    """A fidelity sets what its table says and leaves data, resolution, arithmetic and everything else alone."""
    recipe = Recipe(data="digits", resolution=20, precision="float32", momentum=0.5, label_smoothing=0.1, erase=3)
    before, after = msgspec.structs.asdict(recipe), msgspec.structs.asdict(recipe.at(name))
    changes = FIDELITIES[name].changes
    assert not {"data", "resolution", "precision"} & changes.keys()
    assert after == {**before, **changes}


def test_every_fidelity_sets_the_same_fields() -> None:
    """What a training is like doesn't depend on the fidelity that was asked for before."""
    fields = [set(fidelity.changes) for fidelity in FIDELITIES.values()]
    assert all(names == fields[0] for names in fields)


def test_other_options_come_after_the_fidelity() -> None:
    """`--fidelity short --epochs 1` is `short` with one epoch; without a fidelity the study's recipe stays."""
    asked = adjusted(trained_at(STUDY, "short"), {}, {"epochs": 1, "train_size": None})
    assert asked.recipe == STUDY.recipe.at("short", epochs=1)
    assert trained_at(STUDY, None) is STUDY


def test_an_unknown_fidelity_is_refused_with_all_names() -> None:
    """The message says what there is."""
    with pytest.raises(Refused, match="no fidelity 'quick'") as refused:
        Recipe().at("quick")
    assert refused.value.hint == "fidelities: tiny, short, standard, long"
