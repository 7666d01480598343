"""The benchmark for a GPU: it ends when it must, goes on where it stopped, and says what is missing and why."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nas.study.record import Epoch
from nas.training.kernels.rules import ANY, Rules
from tests.benchmarks.gpu import accuracy, convolutions, lanes, study
from tests.benchmarks.gpu.__main__ import PARTS, main
from tests.benchmarks.gpu.children import lines_of
from tests.benchmarks.gpu.command import Command, grace, measuring, share
from tests.benchmarks.gpu.networks import types_of
from tests.benchmarks.gpu.rows import BUDGET, MISSING, NOT_BEGUN, Clock, Kept, OutOfTime, Part, Row, measure
from tests.benchmarks.gpu.session import QUICK, Scale, Session, subject
from tests.benchmarks.gpu.summary import NOT_ASKED, numbers, summary, text
from tests.benchmarks.gpu.tests import VERDICT

FACTS = {"device": "a card"}
HANGS, DIES = "import time; time.sleep(60)", "raise SystemExit(7)"


class Ticking:
    """A time that goes on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        """The next second."""
        self.time += 1
        return self.time


def endless() -> Clock:
    """A clock that has an hour."""
    return Clock(deadline=time.time() + 3600)


def rows_of(measured: list[str], *names: str) -> Part:
    """A part whose rows note that they were measured."""

    def row(name: str) -> Callable[[Clock, Row], Row]:
        return lambda clock, before: measured.append(name) or {"value": name}  # type: ignore[func-returns-value]

    return Part(name="toy", seconds=1, rows={name: row(name) for name in names})


def failing(error: Exception) -> Part:
    """A part whose first row raises an error."""

    def row(clock: Clock, before: Row) -> Row:
        raise error

    return Part(name="toy", seconds=1, rows={"bad": row, "good": lambda clock, before: {"value": 1}})


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """The file of a part that has nothing yet."""
    return Kept.read(tmp_path / "toy.json")


def ran(part: Part, kept: Kept, clock: Clock | None = None, *, usable: bool = True) -> bool:
    """Measure a part on a card that is usable afterwards or not."""
    return measure(part, kept, clock or endless(), FACTS, lambda: usable)


def test_no_row_begins_after_the_time(kept: Kept) -> None:
    """A row is measured to its end, the next one isn't begun when the time is up, and the summary says so."""
    measured: list[str] = []
    part = rows_of(measured, "a", "b", "c")
    ran(part, kept, Clock(deadline=2.5, now=Ticking()))
    assert measured == ["a"]
    assert kept.missing(part) == {"b": NOT_BEGUN, "c": NOT_BEGUN}


def test_rows_that_are_there_are_not_measured_again(kept: Kept) -> None:
    """Another process reads the file and goes on with what is missing; every row says where it was measured."""
    measured: list[str] = []
    ran(rows_of(measured, "a", "b"), kept)
    again = Kept.read(kept.path)
    ran(rows_of(measured, "a", "b", "c"), again)
    assert measured == ["a", "b", "c"]
    assert Kept.read(kept.path).rows == again.rows
    assert all(row["device"] == "a card" for row in again.rows.values())


def test_a_row_that_fails_does_not_stop_the_others(kept: Kept) -> None:
    """Its error is its reason; a later command tries it again, after the others."""
    part = failing(RuntimeError("no engine\nand more"))
    assert ran(part, kept)
    assert kept.missing(part) == {"bad": "RuntimeError: no engine"}
    kept.rows.clear()
    kept.retry()
    assert kept.pending(part) == ["good", "bad"]


def test_a_row_whose_time_is_up_is_no_error(kept: Kept) -> None:
    """It is missing because of the budget."""
    part = failing(OutOfTime(BUDGET))
    assert ran(part, kept, usable=False)
    assert kept.missing(part)["bad"].startswith(BUDGET)


def test_an_unusable_device_ends_the_process(kept: Kept) -> None:
    """After an error that leaves the device unusable no row is measured in this process any more."""
    part = failing(RuntimeError("illegal address"))
    assert not ran(part, kept, usable=False)
    assert kept.pending(part) == ["good"]


def test_a_row_that_is_not_whole_is_continued(kept: Kept) -> None:
    """It is given what an earlier command has left of it, and counts as missing until it is whole."""

    def row(clock: Clock, before: Row) -> Row:
        count = before.get("count", 0) + 1
        return {"count": count, **({MISSING: "half"} if count < 2 else {})}

    part = Part(name="toy", seconds=1, rows={"long": row})
    ran(part, kept)
    assert kept.missing(part) == {"long": "half"}
    ran(part, kept)
    assert (kept.rows["long"]["count"], kept.missing(part)) == (2, {})


def test_parts_share_the_budget_in_order() -> None:
    """Each gets what it is expected to take, more where all leave some, and never more than there is."""
    first, second = (Part(name=name, seconds=seconds, rows={}) for name, seconds in (("a", 30), ("b", 10)))
    assert share(100, first, [second]) == 75
    assert share(60, second, []) == 60
    assert share(32, first, [second]) == 30
    assert share(20, first, [second]) == 20


@pytest.mark.parametrize("budget", [60, 120, 540])
def test_the_last_part_may_overrun_within_the_budget(budget: float) -> None:
    """A part that is killed after its grace leaves seconds for the summary."""
    assert measuring(budget) + grace(budget) < budget - 2


def command(tmp_path: Path, program: str, seconds: float, started: list[str]) -> tuple[Command, Part]:
    """A command whose only part is a program that takes its first row in hand and then hangs or dies."""
    session = Session(device="cpu", work=tmp_path, quick=True)
    session.folder.mkdir(parents=True)
    part = rows_of([], "a", "b")

    def start(part: Part, deadline: float) -> subprocess.Popen[bytes]:
        kept = Kept.read(session.folder / "toy.json")
        started.append(kept.pending(part)[0])
        kept.begin(started[-1])
        return subprocess.Popen([sys.executable, "-c", program], start_new_session=True)

    clock = Clock(deadline=time.time() + seconds)
    return Command(session=session, clock=clock, grace=0.2, start=start), part


def test_a_part_that_hangs_is_killed(tmp_path: Path) -> None:
    """Soon after its time; the row in hand is missing for the budget, and the others weren't begun."""
    whole, part = command(tmp_path, HANGS, 1.0, [])
    begun = time.perf_counter()
    whole.run([part], lambda: None)
    assert time.perf_counter() - begun < 10
    assert whole.kept(part).missing(part) == {"a": f"killed: {BUDGET}", "b": NOT_BEGUN}


def test_a_part_that_dies_goes_on_with_its_next_row(tmp_path: Path) -> None:
    """The row in hand is blamed, and another process takes the next."""
    started: list[str] = []
    whole, part = command(tmp_path, DIES, 60.0, started)
    whole.run([part], lambda: None)
    assert started == ["a", "b"]
    assert set(whole.kept(part).missing(part).values()) == {"it ended with status 7; see toy.log"}


def timing(way: float, wider: float) -> Row:
    """A convolution that takes so many microseconds one way and the other, in each pass."""
    passes = {
        name: dict.fromkeys(("forward", "input", "weight"), time)
        for name, time in (("channels last", way), ("wider 8", wider))
    }
    return {"group_width": 2, "kernel": 3, "ways": passes, "device": "a card"}


def test_the_suggested_rules_are_rules() -> None:
    """The fastest way over all layers of a group width, as text that makes rules, with what was measured."""
    product = {"channels last": {"forward": 9.0}, "mm": {"forward": 5.0}}
    pointwise = {"group_width": 0, "kernel": 1, "ways": product, "device": "a card"}
    names: dict[str, object] = {"Rules": Rules, "ANY": ANY}
    lines = "\n".join(convolutions.suggested({"a": timing(9, 2), "b": timing(3, 4), "c": pointwise}))
    exec(lines, names)  # noqa: S102
    assert names["FITTED_CUDA"] == Rules(product_positions=ANY, product_elements=ANY, always_product=ANY, wider={2: 8})
    assert "groups of 2, 2 layers: wider 8 (channels last 36.0, wider 8 18.0)" in lines
    assert convolutions.suggested({}) == []


def test_a_way_that_fails_somewhere_is_not_suggested() -> None:
    """Only ways that computed all layers are compared."""
    bad = timing(9, 2)
    bad["ways"]["wider 8"] = {"error": "no engine"}
    assert convolutions.fastest([bad["ways"], timing(9, 2)["ways"]]) == "channels last"


@pytest.mark.parametrize(("kernel", "width", "stride"), [(3, 1, 1), (3, 2, 2), (3, 4, 1), (1, 0, 2)])
def test_all_ways_compute_the_same(kernel: int, width: int, stride: int) -> None:
    """What is timed against each other has the same outputs."""
    case = convolutions.Case(batch=2, channels=16, edge=5, stride=stride, kernel=kernel, group_width=width)
    ways = convolutions.ways(case)
    assert len(ways) > 2
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 16, 5, 5, generator=generator)
    weight = torch.randn(16, width or 16, kernel, kernel, generator=generator)
    first, *others = (way(x, weight) for way in ways.values())
    assert all(torch.allclose(first, other, atol=1e-5) for other in others)


def test_nodes_are_counted_by_type() -> None:
    """The runtime is asked how many there are, then for them; an error of its own is said."""
    kinds = [SimpleNamespace(name=f"cudaGraphNodeType{kind}") for kind in ("Kernel", "Memcpy", "Kernel")]
    runtime = SimpleNamespace(
        cudaGraphGetNodes=lambda raw, count=0: (0, kinds[:count] if count else None, len(kinds)),
        cudaGraphNodeGetType=lambda node: (0, node),
    )
    assert types_of(runtime, object()) == {"Kernel": 2, "Memcpy": 1}
    runtime.cudaGraphGetNodes = lambda raw, count=0: (1, None, 0)
    with pytest.raises(RuntimeError, match="runtime says 1"):
        types_of(runtime, object())


def test_rows_of_other_sources_are_named() -> None:
    """What was measured before the program changed isn't taken for what it does now."""
    found = {"rows": {"old": {"code": "a"}, "new": {"code": "b"}}, "missing": {}, "seconds": 1.0}
    lines = text(rows_of([], "old", "new"), found, "b")
    assert lines[-1] == "  measured with other sources than now (--again measures anew): old"


def test_lanes_are_told_by_their_later_epochs() -> None:
    """The first two epochs of a training and the time around it are set-up."""
    curve = [Epoch(number=n + 1, loss=1, error=1, seconds=s) for n, s in enumerate((9, 5, 2, 2))]
    row = lanes.steady([curve] * 4, 100, 2, 40)
    assert row["images_per_second"] == 100
    assert row["set_up_seconds_a_network"] == 12


def test_a_study_over_several_commands_has_one_rate() -> None:
    """Networks an hour and the seconds of the whole study follow from all commands together."""
    row = study.told([{"seconds": 100, "networks": 40}, {"seconds": 50, "networks": 10}], 500)
    assert (row["networks_an_hour"], row["seconds_for_500"]) == (pytest.approx(1200), pytest.approx(1500))


def test_verdicts_are_read_while_they_come() -> None:
    """A line of a test counts, one of the report at the end doesn't."""
    line = VERDICT.match("tests/training/test_cuda.py::test_a[b c] PASSED   [ 5%]")
    assert line is not None
    assert line.groups() == ("tests/training/test_cuda.py::test_a[b c]", "PASSED")
    assert VERDICT.match("PASSED tests/training/test_cuda.py::test_a") is None


def test_what_a_process_said_counts_though_its_time_is_up() -> None:
    """Its lines until then are there, with the budget as the reason why there are no more."""
    words = ["-c", f"print('one', flush=True); print('two', flush=True); {HANGS}"]
    assert lines_of(words, Clock(deadline=time.time() + 2)) == (["one", "two"], BUDGET)
    assert lines_of(["-c", DIES], endless()) == ([], "it ended with status 7")


def test_a_recipe_is_changed_by_fields(tmp_path: Path) -> None:
    """The accuracy's rows are named by network, recipe and seed, so another recipe has rows of its own."""
    session = Session(device="cpu", work=tmp_path, quick=True, changes={"epochs": 3})
    assert accuracy.asked(session).epochs == 3
    assert list(accuracy.part(session).rows) == ["RegNetX32 28x28 epochs=3, seed 0"]
    with pytest.raises(ValueError, match="epoch"):
        accuracy.part(Session(device="cpu", work=tmp_path, changes={"epoch": 3}))


@pytest.mark.parametrize("quick", [True, False])
def test_parts_know_their_rows_before_they_measure(tmp_path: Path, quick: bool) -> None:
    """All parts are in the summary with all their rows, and the reason why they are missing."""
    session = Session(device="cpu", work=tmp_path, quick=quick)
    parts = [make(session) for make in PARTS.values()]
    kept = {part.name: Kept.read(tmp_path / f"{part.name}.json") for part in parts}
    found = summary(session, parts, kept, {"probe": 1.0}, FACTS)
    assert next(iter(found)) == "machine"
    assert list(found["parts"]) == list(PARTS)
    reasons = {name: set(part["missing"].values()) for name, part in found["parts"].items()}
    assert reasons == {name: {NOT_BEGUN if name == "probe" else NOT_ASKED} for name in PARTS}
    assert all(len(part["missing"]) == len(parts[index].rows) for index, part in enumerate(found["parts"].values()))


def test_what_is_measured_is_there() -> None:
    """Networks named in a scale exist, and the packed ones are from all three spaces, equally often in each lane."""
    for scale in (Scale(), QUICK):
        assert [subject(name).name for name in (*scale.anatomy, *scale.subjects)] == [*scale.anatomy, *scale.subjects]
    packed = [chosen.name for chosen in lanes.work(Session(device="cpu", work=Path()), 12)]
    assert len(packed) == 24
    assert set(Counter(packed).values()) == {3}
    assert {name.rpartition(" ")[0] for name in packed} == {"AnyNetX_A_3", "AnyNetX_E_3", "RegNetX_3"}


def test_numbers_of_a_row_are_told_flat() -> None:
    """Tables in a row have both names, lists and what every row carries are left out."""
    row = {"device": "x", "seconds": {"build": 0.123456}, "nodes": 620, "kernels": [1], "recorded": True}
    assert numbers(row) == ["seconds.build 0.1235", "nodes 620", "recorded True"]


def test_without_a_card_it_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The default is a GPU; without one it says so, and how to rehearse."""
    monkeypatch.setattr("nas.training.devices.why_no_cuda", lambda: "no NVIDIA driver is loaded")
    monkeypatch.setattr(sys, "argv", ["gpu"])
    with pytest.raises(SystemExit):
        main()
    assert "no CUDA device can be used" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_rehearsal_ends_in_time_and_covers_all_parts(tmp_path: Path) -> None:
    """The whole command on a CPU: two files within the budget, and each row is there or has its reason."""
    words = ["-m", "tests.benchmarks.gpu", "--quick", "--device", "cpu", "--budget", "120"]
    begun = time.perf_counter()
    said = subprocess.run(
        [sys.executable, *words, "--out", tmp_path / "out", "--work", tmp_path / "work"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert time.perf_counter() - begun < 120
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["parts.tar.gz", "summary.json"]
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(found["parts"]) == list(PARTS)
    session = Session(device="cpu", work=tmp_path, quick=True)
    for name, make in PARTS.items():
        part = found["parts"][name]
        rows = {key for key, row in part["rows"].items() if MISSING not in row}
        assert rows | set(part["missing"]) == set(make(session).rows)
        assert all(BUDGET in reason for reason in part["missing"].values()), part["missing"]
        assert all(row["device"] for row in part["rows"].values())
    with tarfile.open(tmp_path / "out" / "parts.tar.gz") as archive:
        assert {f"parts/{name}.json" for name in PARTS} <= set(archive.getnames())
    assert said.stdout.splitlines() == found["text"]
