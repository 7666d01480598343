"""A study as data: functions by name, the same in every process, and differences one line each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nas.data import DataInfo
from nas.errors import Refused
from nas.space import Integer, Point, rising
from nas.storage import study_json
from nas.storage.study_json import Manifest, differences
from nas.study import Limits, Part, Parts, Rule, catalog
from nas.study.stored import StoredStudy, changes, qualified, stored
from tests.toys.runs import older
from tests.toys.spaces import RICH, STUDY, TINY, Tiny, decode_tiny

ROOT = Path(__file__).parents[2]
OWN_SPACE = """
from nas.study import Recipe
from nas.space import Integer, Space
from nas.study import Study
from tests.toys.spaces import Tiny

def decode(point):
    return Tiny(width=point["width"])

SPACE = Space(name="own", dimensions={"width": Integer(low=2, high=64)}, decode=decode)
STUDY = Study(name="own", question="Which?", spaces=(SPACE,), samples=2, recipe=Recipe(data="digits"))
"""


def decode_with(wrap: Callable[[Tiny], Tiny], point: Point) -> Tiny:
    """A network that another function has a hand in."""
    return wrap(decode_tiny(point))


def twice(network: Tiny) -> Tiny:
    """The network with twice the width."""
    return replace(network, width=2 * network.width)


@dataclass(frozen=True)
class Decoder:
    """A decoder with a setting."""

    factor: int

    def __call__(self, point: Point) -> Tiny:
        """A network."""
        return Tiny(width=self.factor * int(point["width"]))


NAMED: list[tuple[Any, str]] = [
    (decode_tiny, "tests.toys.spaces:decode_tiny"),
    (partial(decode_with, twice), f"{__name__}:decode_with({__name__}:twice)"),
    (partial(decode_tiny, point={"width": 3}), "tests.toys.spaces:decode_tiny(point={'width': 3})"),
    (Decoder(2), "Decoder(factor=2)"),
]


@pytest.mark.parametrize(("function", "name"), NAMED, ids=[name for _, name in NAMED])
def test_functions_are_stored_by_name(function: Any, name: str) -> None:
    """A function, bound arguments and a callable value have names that say what they are and hold no address."""
    assert qualified(function) == name


def test_a_stored_study_is_the_same_in_every_process() -> None:
    """Another process stores the same study as the same bytes, so a run can be resumed from anywhere."""
    code = "import msgspec; from nas.study.stored import stored; from tests.toys.spaces import STUDY\n"
    code += "print(msgspec.json.encode(stored(STUDY)).decode())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == msgspec.json.encode(stored(STUDY)).decode()


@pytest.fixture
def manifest(digits: DataInfo) -> Manifest:
    """The toy study, stored and read back."""
    new = Manifest(study=stored(STUDY), fingerprint={"tiny": ("a",)}, data=digits, windows=(), versions={})
    return msgspec.json.decode(msgspec.json.encode(new), type=Manifest)


def again(manifest: Manifest, **changes: Any) -> Manifest:
    """The toy study with some fields changed."""
    return msgspec.structs.replace(manifest, study=stored(replace(STUDY, **changes)))


def test_a_file_and_its_import_are_one_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that a program began from a module goes on by the name of its file, and older runs do, too."""
    (tmp_path / "own_space.py").write_text(OWN_SPACE)
    monkeypatch.syspath_prepend(tmp_path)
    by_file, imported = catalog.study(str(tmp_path / "own_space.py")), catalog.study("own_space:STUDY")
    assert stored(by_file) == stored(imported)
    assert stored(by_file).spaces[0].decode == "own_space:decode"
    old = msgspec.json.decode(
        msgspec.json.encode(stored(by_file)).replace(b"own_space:", b"_nas_study_own_space:"), type=StoredStudy
    )
    assert changes(old, stored(imported)) == []


def test_an_equal_study_and_more_samples_do_not_differ(manifest: Manifest) -> None:
    """A study agrees with what was stored of it, also with another number of samples."""
    assert differences(manifest, again(manifest)) == []
    assert differences(manifest, again(manifest, samples=100)) == []


def test_data_are_what_they_hold_not_where_they_lie(manifest: Manifest) -> None:
    """The same file by another path is no difference; another file is one, by whatever path."""
    moved = again(manifest, recipe=msgspec.structs.replace(STUDY.recipe, data="../digits.npz"))
    assert differences(manifest, moved) == []
    other = msgspec.structs.replace(moved, data=msgspec.structs.replace(moved.data, key="other"))
    assert [line.partition(":")[0] for line in differences(manifest, other)] == ["recipe.data", "data"]


def test_differences_name_the_innermost_entry(manifest: Manifest) -> None:
    """Each difference is a line with its place, the old and the new value; several are all told."""
    narrow = replace(TINY, dimensions={"width": Integer(low=2, high=32)})
    found = differences(manifest, again(manifest, spaces=(narrow, RICH), seed=4))
    assert found == [
        "seed: 0 is stored, this is 4",
        "spaces[0].dimensions.width.high: 64 is stored, this is 32",
    ]


def test_a_new_rule_or_space_is_a_difference(manifest: Manifest) -> None:
    """A requirement that was added and a space that was left out are differences."""
    numbered = replace(TINY, dimensions={"width_1": Integer(low=2, high=4), "width_2": Integer(low=2, high=4)})
    old = again(manifest, spaces=(numbered, RICH))
    (line,) = differences(old, again(manifest, spaces=(numbered.require(rising("width")).named("tiny"), RICH)))
    assert line.startswith("spaces[0].requirements: [] is stored, this is [{'sentence':")
    (line,) = differences(manifest, again(manifest, spaces=(TINY,)))
    assert line.startswith("spaces: [{")


def test_other_data_and_other_networks_are_differences(manifest: Manifest) -> None:
    """Data of another identity, and code that draws other networks, are told even if every field agrees."""
    data = msgspec.structs.replace(manifest.data, key="digits-16-other")
    assert differences(manifest, msgspec.structs.replace(manifest, data=data)) == [
        f"data: {manifest.data.key} is stored, this is digits-16-other"
    ]
    assert differences(manifest, msgspec.structs.replace(manifest, fingerprint={"tiny": ("b",)})) == [
        "the code of tiny draws other networks than when the run began"
    ]


def test_runs_from_before_the_time_limit_go_on() -> None:
    """A run that was stored without a time limit agrees with the one that held then, and with no other."""
    old = older(STUDY, without="max_trial_seconds")
    assert changes(old, stored(STUDY)) == []
    assert changes(old, stored(replace(STUDY, max_trial_seconds=60.0))) == [
        "max_trial_seconds: 3600.0 is stored, this is 60.0"
    ]


def test_rules_are_stored_and_may_change(manifest: Manifest) -> None:
    """Rules are data of the study: they survive the file, older runs have none, and other ones are no difference."""
    rule = Rule(
        name="small",
        statement="Networks of at most 16 channels are better.",
        contrast=Parts(first=Part(column="width", high=16.0), reference=Part(column="width", values=(32, 64))),
    )
    ruled = again(manifest, rules=(rule,))
    read = msgspec.json.decode(msgspec.json.encode(ruled), type=Manifest)
    assert read.study.rules == (rule,)
    old = older(STUDY, without="rules")
    assert old.rules == ()
    assert changes(old, ruled.study) == changes(ruled.study, old) == []


def test_a_field_that_is_not_known_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    """A study that a newer program stored is not read in part: what it adds may decide trials."""
    content = msgspec.to_builtins(manifest)
    content["study"]["spectrum"] = 3
    (tmp_path / "study.json").write_bytes(msgspec.json.encode(content))
    with pytest.raises(Refused, match=r"is of a newer version of this program: .*`spectrum`.*; update it"):
        study_json.read(tmp_path)


def test_limits_as_floats_are_whole_numbers(manifest: Manifest, tmp_path: Path) -> None:
    """3e6 is a limit like 3,000,000, in a study and in what an older run stored; 2.5 is none."""
    limits = Limits(multiply_adds=(3e6, 6e6))  # type: ignore[arg-type]
    assert limits == Limits(multiply_adds=(3_000_000, 6_000_000))
    content = msgspec.json.decode(msgspec.json.encode(again(manifest, limits=limits)))
    content["study"]["limits"]["multiply_adds"] = [3e6, 6e6]
    (tmp_path / "study.json").write_bytes(msgspec.json.encode(content))
    assert study_json.read(tmp_path).study.limits == limits
    with pytest.raises(ValueError, match="limits on parameters must be whole numbers"):
        Limits(parameters=(2.5, 9))  # type: ignore[arg-type]


def test_what_could_not_be_read_again_is_not_stored() -> None:
    """A value of another kind than its field is refused with its place before a folder is made."""
    with pytest.raises(Refused, match=r"study 'toy' is invalid: Expected `bool`, got `str` - at `\$\.flip`"):
        stored(replace(STUDY, recipe=msgspec.structs.replace(STUDY.recipe, flip="yes")))  # type: ignore[call-overload]
