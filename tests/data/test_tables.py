"""Tables: how columns become features, how rows are split, and what is refused in a file, with a way out."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_diabetes

import nas.data
from nas.data.features import MOST_VALUES, Column, encoded
from nas.data.readers.csv_file import csv_source, rows_source
from nas.data.readers.diabetes import diabetes_source
from nas.data.splits import tenths
from nas.data.tables import FIRST, encoding_of, key_of
from nas.errors import Missing, Refused
from tests.toys.tables import houses, write_csv


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))


def plain(rows: int = 60, **changes: Sequence[object] | None) -> dict[str, Sequence[object]]:
    """Two columns of numbers and a price; changes replace or add columns, None leaves one out."""
    random = np.random.default_rng(1)
    columns = {name: random.normal(size=rows).round(3).tolist() for name in ("size", "age", "price")}
    return {name: values for name, values in {**columns, **changes}.items() if values is not None}


def test_diabetes_is_standardised_as_scikit_learn_has_it() -> None:
    """The rows are those of load_diabetes, standardised by NumPy over the training rows; none is in two parts."""
    info = nas.data.prepare("diabetes")
    assert (info.shape, info.classes, info.outputs, info.task, info.guess) == ((10,), (), 1, "regression", 1.0)
    source = load_diabetes(scaled=False)
    assert info.features == tuple(source["feature_names"])
    found = encoding_of(diabetes_source("").read())
    parts = [set(part.tolist()) for part in (found.train, found.validation, found.test)]
    assert [len(part) for part in parts] == [266, 88, 88]
    assert set.union(*parts) == set(range(442))
    data, rows = nas.data.load(info), source["data"][found.train]
    expected = (rows - rows.mean(0)) / rows.std(0)
    np.testing.assert_allclose(data.train.images, expected, atol=1e-6)
    targets = source["target"]
    held = (targets[found.validation] - targets[found.train].mean()) / targets[found.train].std()
    np.testing.assert_allclose(data.validation.labels, held, atol=1e-6)
    sealed = (targets[found.test] - targets[found.train].mean()) / targets[found.train].std()
    np.testing.assert_allclose(nas.data.unseal("diabetes").labels, sealed, atol=1e-6)


def test_every_part_has_its_share_of_every_tenth() -> None:
    """Each tenth of the target by rank, as pandas cuts it, is split 60 / 20 / 20 up to one row."""
    targets = pd.Series(load_diabetes()["target"])
    found = encoding_of(diabetes_source("").read())
    strata = pd.qcut(targets.rank(method="first"), 10, labels=False)
    sizes = strata.value_counts().sort_index().to_numpy()
    for part, share in ((found.train, 0.6), (found.validation, 0.2), (found.test, 0.2)):
        counts = strata[part].value_counts().sort_index().to_numpy()
        assert np.abs(counts - share * sizes).max() < 2


def test_a_prefix_of_the_training_rows_is_balanced() -> None:
    """The first fifty rows hold five of each tenth, up to one."""
    table = diabetes_source("").read()
    counts = np.bincount(tenths(table.targets)[encoding_of(table).train[:50]], minlength=10)
    assert counts.min() >= 4
    assert counts.max() <= 6


def test_columns_of_a_file_become_features(tmp_path: Path) -> None:
    """Numbers are one feature, texts one for each value, missing cells too; a column of row numbers is left out."""
    path = write_csv(tmp_path / "My houses.csv", houses())
    info = nas.data.prepare(str(path), target="price")
    assert info.key.startswith("my-houses-")
    assert (info.train, info.validation, info.target) == (72, 24, "price")
    assert info.features == (
        "area",
        "street=gravel",
        "street=paved",
        "garage=missing",
        "garage=attached",
        "garage=detached",
    )
    frame = pd.read_csv(path)
    found = encoding_of(csv_source(path, "price").read())
    train = frame.iloc[found.train]
    area = (train["area"] - train["area"].mean()) / train["area"].std(ddof=0)
    dummies = [train["street"] == "gravel", train["street"] == "paved", train["garage"].isna()]
    dummies += [train["garage"] == "attached", train["garage"] == "detached"]
    expected = np.column_stack([area.fillna(0), *dummies]).astype(float)
    np.testing.assert_allclose(nas.data.load(info).train.images, expected, atol=1e-6)
    assert info.target_mean == pytest.approx(train["price"].mean())
    assert info.target_std == pytest.approx(train["price"].std(ddof=0))


def test_statistics_come_from_the_training_rows_only(tmp_path: Path) -> None:
    """Other numbers in validation and test rows change no mean; a value that no training row has is all zeros."""
    path = write_csv(tmp_path / "a.csv", plain(style=["a", "b"] * 30))
    found = encoding_of(csv_source(path, "price").read())
    before = nas.data.prepare(str(path), target="price")
    frame = pd.read_csv(path)
    others = [*found.validation, *found.test]
    frame.loc[others, "size"] = 1e6
    frame.loc[others[0], "style"] = "unseen"
    frame.to_csv(path, index=False)
    after = nas.data.prepare(str(path), target="price")
    assert after.key != before.key
    assert (after.mean, after.std, after.columns) == (before.mean, before.std, before.columns)
    assert nas.data.load(after).validation.images[0, -2:].tolist() == [0, 0]


def test_large_numbers_keep_their_differences(tmp_path: Path) -> None:
    """Times in seconds since 1970 are standardised in double precision: float32 would merge neighbouring minutes."""
    minutes = (1.7e9 + 60 * np.random.default_rng(0).permutation(60)).tolist()
    path = write_csv(tmp_path / "a.csv", plain(time=[f"{second:.0f}" for second in minutes]))
    rows = nas.data.load(nas.data.prepare(str(path), target="price")).train.images[:, -1]
    assert len(rows.unique()) == len(rows)


def test_the_same_content_elsewhere_has_the_same_key(tmp_path: Path) -> None:
    """The key follows the bytes of the file and the target; damage in the cache is noticed."""
    one = write_csv(tmp_path / "a.csv", plain())
    (tmp_path / "elsewhere").mkdir()
    two = write_csv(tmp_path / "elsewhere" / "a.csv", plain())
    first, second = nas.data.prepare(str(one), target="price"), nas.data.prepare(str(two), target="price")
    assert first.key == second.key
    assert nas.data.prepare(str(one), target="age").key != first.key
    features = Path(first.folder) / "train_features.bin"
    features.write_bytes(features.read_bytes()[::-1])
    again = nas.data.prepare(str(one), target="price")
    assert again == first
    assert Path(first.folder).with_name(f"{first.key}.damaged-1").is_dir()


def test_spreadsheets_and_blank_lines_are_read(tmp_path: Path) -> None:
    """A byte order mark, Windows line ends, quoted commas and empty lines change nothing."""
    plainly = write_csv(tmp_path / "a.csv", plain(town=["x, y", "z"] * 30))
    text = plainly.read_text(encoding="utf-8").replace("\n", "\r\n")
    (tmp_path / "b.csv").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")
    one, two = (nas.data.prepare(str(tmp_path / name), target="price") for name in ("a.csv", "b.csv"))
    assert one.features == two.features
    assert one.sha256 == two.sha256


EMPTY, NO_NUMBER = [""] * 60, ["1_000"] * 60
REFUSED = {
    "no target": (plain(), "", r"which column of .* is the target\? It has size, age, price", "--target NAME"),
    "unknown target": (plain(), "prize", r"no column 'prize'; did you mean 'price'\?", "it has size"),
    "one column": (plain(size=None, age=None), "price", "one column only", "commas"),
    "few rows": (plain(rows=49), "price", "has 49 rows, fewer than 50", "tenth"),
    "text target": (plain(price=["cheap", "dear"] * 30), "price", "'price' in row 1 .* is text: 'cheap'", "numbers"),
    "missing target": (plain(price=[1.5] * 59 + [""]), "price", "'price' in row 60 .* is no finite", "remove rows"),
    "infinite target": (plain(price=["inf"] + [1] * 59), "price", "'price' in row 1 .* is no finite", "remove rows"),
    "constant target": (plain(price=[3] * 60), "price", "'price' .* is 3 in every row", "another column"),
    "constant number": (plain(flat=[3] * 60), "price", "column 'flat' .* is the same in every row", "remove"),
    "constant text": (plain(flat=["a"] * 60), "price", "column 'flat' .* is the same in every row", "remove"),
    "empty column": (plain(flat=EMPTY), "price", "column 'flat' .* is the same in every row", "remove"),
    "no number": (plain(flat=NO_NUMBER), "price", "column 'flat' .* is the same in every row", "remove"),
    "infinite": (plain(wide=["inf", *range(0, 118, 2)]), "price", "column 'wide' .* is infinite in row 1", "empty"),
    "nothing else": (plain(size=range(60), age=None), "price", "no column beside 'price'", ""),
    "identifier": (
        plain(rows=70, code=[f"x{n}" for n in range(70)]),
        "price",
        "'code' .* has 70 different texts",
        "id",
    ),
}


@pytest.mark.parametrize(("columns", "target", "said", "way_out"), REFUSED.values(), ids=REFUSED)
def test_tables_are_refused_with_a_way_out(
    tmp_path: Path, columns: dict[str, Sequence[object]], target: str, said: str, way_out: str
) -> None:
    """What can't be learned from is named with its column or row; preparing, unsealing and verifying say the same."""
    path = str(write_csv(tmp_path / "own.csv", columns))
    for verb in (nas.data.prepare, nas.data.unseal, nas.data.verify):
        with pytest.raises(Refused, match=said) as caught:
            verb(path, target=target)  # type: ignore[operator]
        assert way_out in caught.value.hint


FILES = {
    "empty": (b"", "is empty"),
    "not text": ("größe,preis\n".encode("latin-1") + b"1,2\n" * 60, "isn't UTF-8"),
    "twice": (b"a,b,a\n" + b"1,2,3\n" * 60, "two columns called 'a'"),
    "nameless": (b",a,b\n" + b"1,2,3\n" * 60, "column 1 .* has no name"),
    "ragged": (b"a,b\n" + b"1,2\n" * 60 + b"1,2,3\n", "row 61 .* has 3 cells for 2 columns"),
    "endless": (b"a,b\n" + b'"' + b"1,2\n" * 60_000, "can't be read as a .csv"),
    "tabs": (b"a\tb\n" + b"1\t2\n" * 60, "one column only: a\tb"),
    "SQLite": (b"SQLite format 3\0" + b"\0" * 90, "is an SQLite database, no .csv"),
    "parquet": (b"PAR1" + b"\0" * 90, "is a parquet file, no .csv"),
    "gzip": (gzip.compress(b"a,b\n" + b"1,2\n" * 60), "is a gzip archive, no .csv"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "is a text in UTF-16, no .csv"),
    "JSON": (b'[{"a": 1, "b": 2}]', "is JSON, no .csv"),
    "pickle": (pickle.dumps([1, 2], protocol=4), "is a pickle, no .csv"),
    "web page": (b"<!DOCTYPE html><html>a,b</html>", "is a web page, no .csv"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a pointer of Git LFS"),
    "thousands with points": (b"a;b\n" + b"1,5;4.830\n" * 60, "has the numbers 1,5 and 4.830: which mark"),
    "thousands with commas": (b"a;b\n" + b"1,234;5.25\n" * 60, "has the numbers 1,234 and 5.25: which mark"),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Encoding, names and cells that don't fit are refused with what is wrong."""
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(Refused, match=said) as caught:
        nas.data.prepare(str(tmp_path / "own.csv"), target="b")
    assert caught.value.hint


def test_tables_keep_their_validation_rows() -> None:
    """Another validation size is for images only."""
    with pytest.raises(Refused, match="of whose rows a fixed share validates: validation_size must be 0, got 9"):
        nas.data.prepare("diabetes", validation_size=9)


def test_images_have_no_target_and_tables_no_resolution(tmp_path: Path) -> None:
    """A target for images, another target for diabetes, a resolution for a table: refused."""
    with pytest.raises(Refused, match="digits holds images with classes: a target is for tables, got 'price'"):
        nas.data.prepare("digits", target="price")
    with pytest.raises(Refused, match="the target of diabetes is 'progression', got 'bmi'"):
        nas.data.prepare("diabetes", target="bmi")
    with pytest.raises(Refused, match="diabetes is a table: resolution must be 0, got 32"):
        nas.data.prepare("diabetes", 32)
    assert nas.data.prepare("diabetes", target="progression") == nas.data.prepare("diabetes")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(Refused, match="at least 2 classes"):
        nas.data.prepare(str(tmp_path / "folder.csv"))


@pytest.mark.parametrize("size", [9, 267])
def test_training_sizes_are_bounded(size: int) -> None:
    """Fewer rows than tenths, or more than there are, are refused with the bounds."""
    info = nas.data.prepare("diabetes")
    assert len(nas.data.load(info, 10).train.labels) == 10
    with pytest.raises(Refused, match=r"0 \(all\) or 10 \(one a tenth of the target\) to 266"):
        nas.data.load(info, size)


def test_changed_diabetes_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another table than the known one in scikit-learn isn't used."""
    study = load_diabetes(scaled=False)
    study["data"][0, 0] += 1
    monkeypatch.setattr("sklearn.datasets.load_diabetes", lambda **_: study)
    with pytest.raises(Missing, match="isn't the known one"):
        nas.data.prepare("diabetes")


def test_cells_may_be_numbers_or_texts() -> None:
    """Numbers as numbers or texts, None and NaN as missing; a text among numbers and odd lengths are refused."""
    columns = (Column(name="a"), Column(name="b", text=True, values=("", "x")))
    found = encoded(columns, {"a": [1, " 2.5 ", None, np.nan, "NA"], "b": ["x", " x", None, np.nan, "y"], "c": []})
    np.testing.assert_array_equal(found[:, 0], [1, 2.5, np.nan, np.nan, np.nan])
    assert found[:, 1:].tolist() == [[0, 1], [0, 1], [1, 0], [1, 0], [0, 0]]
    with pytest.raises(Refused, match="column 'a' must hold finite numbers"):
        encoded(columns, {"a": ["much"], "b": ["x"]})
    with pytest.raises(Refused, match="no column 'b'"):
        encoded(columns, {"a": [1]})
    with pytest.raises(Refused, match="one length"):
        encoded(columns, {"a": [1], "b": ["x", "y"]})


def test_the_limit_of_texts_is_inclusive(tmp_path: Path) -> None:
    """As many different texts as the limit says are encoded."""
    towns = [f"t{number % MOST_VALUES}" for number in range(640)]
    path = write_csv(tmp_path / "a.csv", plain(rows=640, town=towns))
    assert nas.data.prepare(str(path), target="price").shape == (2 + MOST_VALUES,)


def test_what_is_kept_of_images_has_not_changed() -> None:
    """The info file of images has the entries that it always had, so caches of older versions stay whole."""
    known = ["name", "key", "shape", "classes", "train", "validation", "mean", "std", "folder", "sha256"]
    info = nas.data.prepare("digits")
    assert list(msgspec.to_builtins(info)) == known
    assert info.key == "digits-16-d17a05d4bd52"  # as version 0.1.0 wrote it before there were tables


def test_a_few_texts_among_numbers_are_missing_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A column of numbers stays one: its few texts are gaps, named when the table is read, and gaps for the network."""
    sizes = [f"about {i}" if i % 12 == 0 else i for i in range(60)]
    path = write_csv(tmp_path / "a.csv", plain(size=sizes))
    info = nas.data.prepare(str(path), target="price")
    assert info.features == ("size", "age")
    assert "5 of 60 cells of column 'size' are no numbers ('about 0', 'about 12'" in caplog.text
    gaps = write_csv(tmp_path / "b.csv", plain(size=["" if i % 12 == 0 else i for i in range(60)]))
    same = nas.data.prepare(str(gaps), target="price")
    assert torch.equal(nas.data.load(info).train.images, nas.data.load(same).train.images)
    assert np.isnan(encoded(info.columns, {"size": ["about 12", 3], "age": [1, 2]})[0, 0])
    with pytest.raises(Refused, match="must hold finite numbers"):
        encoded(info.columns, {"size": ["never seen", 3], "age": [1, 2]})


def test_many_texts_among_numbers_are_texts(tmp_path: Path) -> None:
    """Where more than a fifth of the cells are texts, they are values of their own, under the key of always."""
    path = write_csv(tmp_path / "a.csv", plain(size=["S" if i % 3 else i % 5 for i in range(60)]))
    info = nas.data.prepare(str(path), target="price")
    assert "size=S" in info.features
    source = csv_source(path, "price")
    assert (source.encoding, info.key) == (FIRST, key_of(source))


@pytest.mark.parametrize(
    ("names", "last", "said"),
    [
        (["a", "a", "y"], ["1", "2", "3"], "two columns called 'a'"),
        (["a", "", "y"], ["1", "2", "3"], "column 2 of .* has no name"),
        (["a", "b", "y"], ["1", "2"], "row 51 of .* has 2 cells for 3 columns"),
        (["a", "b", "z"], ["1", "2", "3"], "has no column 'y'"),
    ],
)
def test_rows_of_any_reader_are_checked(names: list[str], last: list[str], said: str, tmp_path: Path) -> None:
    """What a reader hands over as names and rows is refused like a file of ours: it needs no checks of its own."""
    path = tmp_path / "rows.tsv"
    path.write_text("")
    with pytest.raises(Refused, match=said):
        rows_source(path, "y", names, [[str(place)] * 3 for place in range(50)] + [last])


def test_rows_in_two_splits_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rows that stand twice in a table, target included, are counted where they train and test alike."""
    twice = {name: [*values, *values] for name, values in plain(60).items()}
    path = str(write_csv(tmp_path / "t.csv", twice))
    counts = nas.data.contents(path, "price").doubled
    assert counts["test"] > 12
    nas.data.prepare(path, target="price")
    assert f"test {counts['test']} (of training or validation)" in caplog.text
    assert nas.data.contents(str(write_csv(tmp_path / "u.csv", plain())), "price").doubled == {}


def test_semicolons_separate_where_commas_are_decimal(tmp_path: Path) -> None:
    """A table with semicolons and decimal commas has the numbers and texts of the same one with commas and points."""
    rows = [(f"{i * 37 % 60}.5", f"{i * 7 % 11}.25e1", "up, down" if i % 2 else "no") for i in range(60)]
    (tmp_path / "points.csv").write_text("a,price,way\n" + "".join(f'{a},{b},"{way}"\n' for a, b, way in rows))
    commas = "".join(f"{a.replace('.', ',')};{b.replace('.', ',')};{way}\n" for a, b, way in rows)
    (tmp_path / "commas.csv").write_text("a;price;way\n" + commas)
    points, commas_ = (csv_source(tmp_path / f"{name}.csv", "price").read() for name in ("points", "commas"))
    assert dict(points.cells) == dict(commas_.cells)
    assert points.targets.tolist() == commas_.targets.tolist()


def test_numbers_with_units_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A few different texts that look like numbers, and the target once more, are each a warning; `1st` isn't one."""
    columns = plain(area=[f"{row % 9 + 1},200 m" for row in range(60)], floor=["1st", "2nd"] * 30)
    columns["price_2"] = columns["price"]
    nas.data.contents(str(write_csv(tmp_path / "t.csv", columns)), "price")
    assert "column 'area' holds texts as '1,200 m', each a category of its own" in caplog.text
    assert "column 'price_2' is the target once more" in caplog.text
    assert len(caplog.messages) == 2


def test_excels_line_before_the_names_is_skipped(tmp_path: Path) -> None:
    """`sep=;` in the first line says what the names in the second do."""
    (tmp_path / "t.csv").write_text("sep=;\na;price\n" + "".join(f"{i * i},5;{i}\n" for i in range(60)))
    assert nas.data.contents(str(tmp_path / "t.csv"), "price").columns == {"a": "numbers"}


@pytest.mark.parametrize("gap", ["-", "n/a", "#DIV/0!"])
def test_what_spreadsheets_write_in_a_gap_is_missing(tmp_path: Path, gap: str) -> None:
    """A few dashes, `n/a` and divisions by zero among numbers are missing numbers."""
    columns = plain(size=[gap if row % 9 == 0 else row * row for row in range(60)])
    path = str(write_csv(tmp_path / "t.csv", columns))
    assert nas.data.contents(path, "price").columns["size"] == "numbers, 7 missing"
