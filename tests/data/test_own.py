"""A user's own data: folders of images and `.npz` files, and what is refused in them."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nas.data
from nas.errors import Missing, Refused

RANDOM = np.random.default_rng(0)
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))


def write_images(folder: Path, mode: str = "L", count: int = 10, size: tuple[int, int] = (12, 8)) -> Path:
    """Random images of two classes, `cat` and `dog`; size is (width, height)."""
    channels = {"L": (), "RGB": (3,)}[mode]
    for name in ("dog", "cat"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = RANDOM.integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def write_npz(path: Path, **changes: object) -> Path:
    """Thirty random images of three classes; changes replace arrays, None leaves one out."""
    images = RANDOM.integers(0, 256, (30, 8, 8), dtype=np.uint8)
    arrays = {"images": images, "labels": np.arange(30) % 3, **changes}
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})  # type: ignore[arg-type]
    return path


def test_a_folder_is_shown_with_sizes_and_pictures(tmp_path: Path, say: Say) -> None:
    """`nas data` names the sizes that differ; its page shows training images of each class, none of the test split."""
    folder = write_images(tmp_path / "pets")
    Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(folder / "cat" / "zz.png")
    code, out, err = say("data", str(folder), "-o", str(tmp_path / "pets.html"))
    assert (code, err.strip()) == (0, str(tmp_path / "pets.html"))
    assert "sizes: 8x12 (20), 9x9 (1)" in out
    assert (tmp_path / "pets.html").read_text().count("<img ") == 13
    shown = nas.data.examples(str(folder), 12)
    assert {name: images.shape for name, images in shown.items()} == {"cat": (7, 1, 96, 96), "dog": (6, 1, 96, 96)}
    assert say("data", "diabetes", "-o", "x.html")[2].startswith("nas: diabetes is a table: it has no pictures")


def test_folder_is_split_three_ways(tmp_path: Path) -> None:
    """Class folders become classes by name, split 60 / 20 / 20, stratified, with no image in two parts."""
    folder = write_images(tmp_path / "My pets!")
    info = nas.data.prepare(str(folder))
    data, test = nas.data.load(info), nas.data.unseal(str(folder))
    assert info.key.startswith("my-pets-8x12-")
    assert (info.name, info.shape, info.classes) == (str(folder), (1, 8, 12), ("cat", "dog"))
    assert [split.labels.bincount().tolist() for split in (data.train, data.validation, test)] == [
        [6, 6],
        [2, 2],
        [2, 2],
    ]
    images = torch.cat([data.train.images, data.validation.images, test.images]).numpy()
    assert len({image.tobytes() for image in images}) == 20


def test_folder_pixels_are_those_of_the_files(tmp_path: Path) -> None:
    """Every prepared image is one file's pixels, under that file's class."""
    folder = write_images(tmp_path / "pets", "RGB")
    data = nas.data.load(nas.data.prepare(str(folder)))
    for image, label in zip(*data.train, strict=True):
        files = (folder / data.info.classes[label]).glob("*.png")
        assert any(np.array_equal(np.array(Image.open(file)), image.permute(1, 2, 0)) for file in files)


def test_one_colour_image_makes_all_colour(tmp_path: Path) -> None:
    """A folder is grey only if every file is."""
    folder = write_images(tmp_path / "pets")
    Image.new("RGB", (12, 8), "red").save(folder / "cat/0.png")
    assert nas.data.prepare(str(folder)).shape == (3, 8, 12)


def test_different_sizes_need_a_resolution(tmp_path: Path) -> None:
    """Images that differ in size are refused without a resolution, and resized with one."""
    folder = write_images(tmp_path / "pets")
    Image.new("L", (20, 20)).save(folder / "cat/0.png")
    with pytest.raises(Refused, match="differ in size"):
        nas.data.prepare(str(folder))
    assert nas.data.prepare(str(folder), 16).shape == (1, 16, 16)


def test_key_follows_the_content(tmp_path: Path) -> None:
    """The same files elsewhere have the same key; one other pixel or name is another key."""
    folder = write_images(tmp_path / "pets")
    before = nas.data.prepare(str(folder)).key
    moved = folder.rename(tmp_path / "elsewhere").rename(tmp_path / "pets")
    assert nas.data.prepare(str(moved)).key == before
    Image.new("L", (12, 8)).save(folder / "cat/0.png")
    assert nas.data.prepare(str(folder)).key != before


def test_damaged_image_is_named(tmp_path: Path) -> None:
    """A file that isn't an image, or breaks off, is named."""
    folder = write_images(tmp_path / "pets")
    whole = (folder / "cat/3.png").read_bytes()
    (folder / "cat/3.png").write_bytes(whole[:60])
    with pytest.raises(Missing, match=r"cat/3\.png"):
        nas.data.verify(str(folder))
    (folder / "cat/3.png").write_bytes(b"text")
    with pytest.raises(Missing, match=r"cat/3\.png"):
        nas.data.prepare(str(folder))


def test_deep_images_are_refused(tmp_path: Path) -> None:
    """Sixteen bits a channel are refused instead of being cut off."""
    folder = write_images(tmp_path / "pets")
    Image.fromarray(np.full((8, 12), 40_000, dtype=np.uint16)).save(folder / "cat/0.png")
    with pytest.raises(Refused, match="8 bits"):
        nas.data.prepare(str(folder))


@pytest.mark.parametrize("ending", ["BMP", "webp", "Tiff", "tif", "gif", "jfif"])
def test_images_of_other_formats_are_read(tmp_path: Path, ending: str) -> None:
    """WebP, BMP, TIFF and GIF count like PNG and JPEG, whatever the case of their endings."""
    folder = write_images(tmp_path / "pets", "RGB")
    kind = {"tif": "tiff", "jfif": "jpeg"}.get(ending.lower(), ending)
    Image.new("RGB", (12, 8), "red").save(folder / f"cat/x.{ending}", format=kind)
    assert sum(nas.data.contents(str(folder)).splits.values()) == 21
    assert nas.data.verify(str(folder)) == "21 images in 2 classes intact"


def test_an_image_of_a_wall_is_refused(tmp_path: Path) -> None:
    """An image with far more pixels than a camera makes is refused by its header, before it is decoded."""
    folder = write_images(tmp_path / "pets")
    Image.new("1", (9_000, 9_000)).save(folder / "cat/x.png")
    with pytest.raises(Refused, match=r"x\.png has 9,000 x 9,000 pixels, at most 67,108,864 are read"):
        nas.data.contents(str(folder))


def test_an_animation_is_refused(tmp_path: Path) -> None:
    """A file of several images is refused in place of its first frame being taken silently."""
    folder = write_images(tmp_path / "pets")
    frames = [Image.new("RGB", (12, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(folder / "cat/x.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(Refused, match=r"x\.gif must hold one image, got 3"):
        nas.data.prepare(str(folder))


def test_files_that_are_no_images_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Other files are counted and named in one warning, hidden ones aside; images in unread formats are refused."""
    folder = write_images(tmp_path / "pets")
    for name in ("cat/Thumbs.db", "dog/notes.txt", "loose.png", "cat/.DS_Store"):
        (folder / name).write_bytes(b"x")
    nas.data.contents(str(folder))
    assert [line.split("left out, ")[1] for line in caplog.messages] == ["3: cat/Thumbs.db, dog/notes.txt, loose.png"]
    (folder / "cat/IMG_1.HEIC").write_bytes(b"x")
    with pytest.raises(Refused, match=r"images in a format that isn't read, 1, as cat/IMG_1\.HEIC"):
        nas.data.contents(str(folder))


def test_hidden_folders_in_a_class_are_passed_over(tmp_path: Path) -> None:
    """Previews and copies that programs keep in hidden folders are no images of the class."""
    folder = write_images(tmp_path / "pets")
    before = nas.data.contents(str(folder))
    for name in ("cat/.thumbnails/0.png", "cat/__MACOSX/._0.png", "dog/.ipynb_checkpoints/0-checkpoint.png"):
        (folder / name).parent.mkdir()
        shutil.copy(folder / "cat/0.png", folder / name)
    assert nas.data.contents(str(folder)) == before


def test_photos_are_upright(tmp_path: Path) -> None:
    """An image whose camera lay on its side has the size and the pixels of the upright one."""
    folder = write_images(tmp_path / "pets", "RGB")
    pixels = RANDOM.integers(0, 256, (12, 8, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274] = 6  # its pixels are to be turned clockwise
    Image.fromarray(pixels).save(folder / "cat/0.png", exif=exif)
    data = nas.data.load(nas.data.prepare(str(folder)))
    images = torch.cat([data.train.images, data.validation.images, nas.data.unseal(str(folder)).images])
    upright = np.rot90(pixels, -1).transpose(2, 0, 1)
    assert any(np.array_equal(image.numpy(), upright) for image in images)


def test_images_of_one_bit_are_grey(tmp_path: Path) -> None:
    """Black and white, and grey with transparency, is one channel."""
    folder = write_images(tmp_path / "pets")
    for place, file in enumerate(sorted(folder.rglob("*.png"))):
        Image.open(file).convert("1" if place % 2 else "LA").save(file)
    assert nas.data.prepare(str(folder)).shape == (1, 8, 12)


def test_images_that_may_not_be_meant_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Masks beside images, transparency, and the same folders in each class are each a warning."""
    folder = write_images(tmp_path / "pets")
    nas.data.contents(str(folder))
    assert not caplog.messages
    (folder / "cat/3.png").rename(folder / "cat/4_mask.png")
    Image.new("RGBA", (12, 8), (255, 0, 0, 0)).save(folder / "dog/0.png")
    nas.data.contents(str(folder))
    assert "1 images are called as masks of others: move them away if they are, as cat/4_mask.png" in caplog.text
    assert "1 images may have see-through parts, as dog/0.png: these get the colour stored under them" in caplog.text
    nas.data.contents(str(write_splits(tmp_path / "folds", one=10, two=10)))
    assert "one, two are the classes, and each has the same folders in it: cat, dog" in caplog.text


def test_small_classes_are_refused(tmp_path: Path) -> None:
    """A class with fewer than five images is named, and so is a folder with fewer than two classes."""
    with pytest.raises(Refused, match=r"class 'cat' of .* has 4 images"):
        nas.data.prepare(str(write_images(tmp_path / "pets", count=4)))
    with pytest.raises(Refused, match="at least 2 classes, got 0"):
        nas.data.prepare(str(tmp_path / "pets/cat"))


def test_npz_is_split_three_ways(tmp_path: Path) -> None:
    """Arrays without test images are split 60 / 20 / 20, stratified, and nothing is in two parts."""
    path = str(write_npz(tmp_path / "own.npz"))
    info = nas.data.prepare(path)
    data, test = nas.data.load(info), nas.data.unseal(path)
    parts = [split.labels.bincount().tolist() for split in (data.train, data.validation, test)]
    assert parts == [[6, 6, 6], [2, 2, 2], [2, 2, 2]]
    assert (
        len({image.tobytes() for split in (data.train, data.validation, test) for image in split.images.numpy()}) == 30
    )
    assert nas.data.verify(path) == "2 arrays intact, 30 images"


def test_npz_test_images_stay_sealed(tmp_path: Path) -> None:
    """A file's own test images are the sealed ones, and all others train or validate."""
    images = RANDOM.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    colour = RANDOM.integers(0, 256, (30, 8, 8, 3), dtype=np.uint8)
    names = np.array(["a", "b", "c"])
    extra = {"test_images": images, "test_labels": np.array([2, 0, 1, 2], dtype=np.uint8), "classes": names}
    path = str(write_npz(tmp_path / "own.npz", images=colour, **extra))
    info, test = nas.data.prepare(path), nas.data.unseal(path)
    assert (info.train, info.validation, info.shape, info.classes) == (24, 6, (3, 8, 8), ("a", "b", "c"))
    assert np.array_equal(test.images.permute(0, 2, 3, 1), images)
    assert test.labels.tolist() == [2, 0, 1, 2]


@pytest.mark.parametrize("name", ["images", "labels", "classes"])
def test_objects_in_an_npz_are_refused(tmp_path: Path, name: str) -> None:
    """An array of objects is refused by its header: pickles are not read."""
    path = write_npz(tmp_path / "own.npz", **{name: np.array([{"a": 1}] * 30, dtype=object)})
    with pytest.raises(Refused, match="pickles are not read"):
        nas.data.prepare(str(path))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"images": None}, "no array `images`; it has labels"),
        ({"images": None, "labels": None, "x": np.zeros(3)}, "no array `images`; it has x"),
        ({"labels": None}, "no array `labels`"),
        ({"images": np.zeros((30, 8, 8))}, "uint8, got .* of float64"),
        ({"images": np.zeros((30, 64), np.uint8)}, r"must be \(n, h, w\)"),
        ({"images": np.zeros((30, 20, 32, 32), np.uint8)}, r"must be \(n, h, w\)"),
        ({"images": np.zeros((30, 8, 8, 40), np.uint8)}, "which of these axes are the channels"),
        ({"images": np.zeros((30, 8, 8, 8), np.uint8)}, "which of these axes are the channels"),
        ({"images": np.zeros((30, 5, 7, 9), np.uint8)}, "which of these axes are the channels"),
        ({"images": np.zeros((30, 12, 16, 16), np.uint8)}, "which of these axes are the channels"),
        ({"layout": np.array("banana")}, "is 'BANANA', images of .* can be NHWC or NCHW"),
        ({"images": np.zeros((30, 3, 32, 3), np.uint8)}, "which of these axes are the channels"),
        ({"images": np.zeros((30, 20, 20, 3), np.uint8), "layout": np.array("NCHW")}, r"is 'NCHW', .* can be NHWC"),
        ({"layout": np.array(["NCHW"])}, "must be one text"),
        ({"images": np.zeros((30, 3, 32), np.uint8)}, "must be 4 to 512 pixels"),
        ({"labels": np.zeros(29, np.int64)}, r"must be \(30,\) of integers"),
        ({"labels": np.zeros(30)}, r"must be \(30,\) of integers"),
        ({"labels": np.arange(30) - 1}, "from 0 to 29, got -1"),
        ({"labels": np.full(30, 2**40)}, "from 0 to 29, got 1099511627776"),
        ({"labels": np.zeros(30, np.int64)}, "at least 2 classes"),
        ({"labels": np.arange(30) % 15}, "class '0' of .* has 2 images"),
        ({"classes": np.array(["a", "b"])}, "must name every label up to 2"),
        ({"classes": np.arange(3)}, "one row of texts"),
        ({"test_images": np.zeros((2, 8, 8), np.uint8)}, "no array `test_labels`"),
        ({"test_labels": np.zeros(2, np.int64)}, "no array `test_images`"),
        ({"test_images": np.zeros((2, 9, 9), np.uint8), "test_labels": np.zeros(2, np.int64)}, "the shape of `images`"),
    ],
)
def test_unfit_arrays_are_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    """Arrays that are missing, or of another shape, type or range than documented, are refused with the reason."""
    with pytest.raises(Refused, match=reason):
        nas.data.prepare(str(write_npz(tmp_path / "own.npz", **changes)))


@pytest.mark.parametrize(
    ("changes", "way"),
    [
        ({"images": RANDOM.random((30, 8, 8))}, "images=(255 * images).round().astype('uint8')"),
        ({"images": RANDOM.random((30, 8, 8)) > 0.5}, "images=255 * images.astype('uint8')"),
        ({"images": RANDOM.integers(0, 256, (30, 8, 8))}, "images=images.astype('uint8')"),
        ({"labels": np.arange(30) % 3 + 1}, "labels=labels - 1"),
        ({"labels": np.arange(30) % 3 / 1}, "labels=labels.astype('int64')"),
        ({"labels": np.eye(3, dtype=int)[np.arange(30) % 3]}, "labels=labels.argmax(1)"),
        ({"labels": (np.arange(30) % 3)[:, None]}, "labels=labels[:, 0]"),
        ({"labels": np.array(["b", "c", "d"] * 10)}, "np.unique(labels, return_inverse=True)"),
    ],
)
def test_arrays_in_another_form_are_shown_the_way(tmp_path: Path, changes: dict[str, object], way: str) -> None:
    """Pixels from 0 to 1, labels from 1, of one-hot rows or in words are refused with the line that makes them fit."""
    with pytest.raises(Refused) as refused:
        nas.data.prepare(str(write_npz(tmp_path / "own.npz", **changes)))
    assert way in refused.value.hint


def test_unknown_test_label_is_refused(tmp_path: Path) -> None:
    """A test label that no training image has is refused at preparation already."""
    extra = {"test_images": np.zeros((2, 8, 8), np.uint8), "test_labels": np.array([0, 3])}
    path = str(write_npz(tmp_path / "own.npz", **extra))
    for read in (nas.data.prepare, nas.data.unseal):
        with pytest.raises(Refused, match=r"`test_labels` in .* must be from 0 to 2, got 0 to 3"):
            read(path)


def test_broken_npz_is_refused(tmp_path: Path) -> None:
    """A file that is no zip, or whose header promises more than it holds, is refused without being loaded."""
    path = tmp_path / "own.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(Refused, match="can't be read as an"):
        nas.data.prepare(str(path))
    write_npz(path)
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 10  # how the member is packed, in the directory of the archive
    content[place : place + 2] = (99).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(Refused, match="can't be read"):
        nas.data.prepare(str(path))
    header = b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 64, 64), }"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header.ljust(127) + b"\n")
    with pytest.raises(Refused, match="must hold the bytes of its shape"):
        nas.data.prepare(str(path))


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A path to anything but a folder or an .npz is refused."""
    (tmp_path / "weights.pt").touch()
    with pytest.raises(Refused, match="neither a folder of class folders nor an"):
        nas.data.prepare(str(tmp_path / "weights.pt"))


def write_splits(folder: Path, *, count: int = 10, **splits: int) -> Path:
    """Class folders `cat` and `dog` in each of these folders, with so many images in each class."""
    for split, images in splits.items():
        write_images(folder / split, count=images or count)
    return folder


@pytest.mark.parametrize(
    ("splits", "sizes"),
    [
        ({"train": 10, "test": 3}, (16, 4, 6)),
        ({"train": 10, "val": 4, "test": 3}, (20, 8, 6)),
        ({"Training": 10, "Validation": 4}, (16, 8, 4)),
        ({"TRAIN": 10, "valid": 2, "testing": 1}, (20, 4, 2)),
        ({"train": 10}, (12, 4, 4)),
        ({"training_set": 10, "test_set": 2, "__MACOSX": 3}, (16, 4, 4)),
        ({"train": 10, "dev": 2, "test1": 2}, (20, 4, 4)),
    ],
)
def test_folders_that_are_split_keep_their_splits(
    tmp_path: Path, splits: dict[str, int], sizes: tuple[int, int, int]
) -> None:
    """`train`, `val` and `test` are no classes: their images train, validate and stay sealed; what lacks is cut."""
    folder = write_splits(tmp_path / "pets", **splits)
    info = nas.data.prepare(str(folder))
    data, test = nas.data.load(info), nas.data.unseal(str(folder))
    assert info.classes == ("cat", "dog")
    assert (info.train, info.validation, len(test.labels)) == sizes
    for name, part in (("train", data.train), ("va", data.validation), ("test", test)):
        own = next((split for split in splits if split.lower().startswith(name)), None)
        if own is None:
            continue
        files = {np.array(Image.open(file)).tobytes() for file in (folder / own).rglob("*.png")}
        assert {image.numpy().tobytes() for image in part.images} <= files


def test_a_validation_split_of_its_own_has_its_size(tmp_path: Path) -> None:
    """A folder whose images are split already validates by them: another number is refused, its own is what it has."""
    folder = str(write_splits(tmp_path / "pets", train=10, val=4))
    assert nas.data.prepare(folder, validation_size=8) == nas.data.prepare(folder)
    with pytest.raises(Refused, match="a validation split of 8 images of its own: validation_size must be 0 or that"):
        nas.data.prepare(folder, validation_size=6)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    """Among other classes that are no splits, `train` is a vehicle."""
    folder = tmp_path / "vehicles"
    write_images(folder)
    (folder / "dog").rename(folder / "train")
    assert nas.data.prepare(str(folder)).classes == ("cat", "train")


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({"train": 10, "test": 3, "cat": 3}, "are these classes, or one set of images that is split"),
        ({"test": 10, "val": 3}, "are these classes, or one set of images that is split"),
        ({"train": 10, "val": 3, "valid": 3}, "are these classes, or one set of images that is split"),
        ({"train": 10, "unlabeled": 3}, "are these classes, or one set of images that is split"),
        ({"images/train": 10, "masks/train": 10}, "are these classes, or one set of images that is split"),
    ],
)
def test_folders_that_could_be_both_are_asked_about(tmp_path: Path, splits: dict[str, int], said: str) -> None:
    """Splits beside other folders, without training images, or twice the same one are refused with the question."""
    with pytest.raises(Refused, match=said):
        nas.data.prepare(str(write_splits(tmp_path / "pets", **splits)))


def test_splits_have_the_classes_of_the_training_images(tmp_path: Path) -> None:
    """A test class that nothing trains is refused, and so are test images without folders for their classes."""
    folder = write_splits(tmp_path / "pets", train=10, test=3)
    (folder / "test" / "dog").rename(folder / "test" / "cow")
    with pytest.raises(Refused, match="class 'cow' that no training image has"):
        nas.data.prepare(str(folder))
    flat = write_splits(tmp_path / "flat", train=10)
    (flat / "test").mkdir()
    Image.new("L", (12, 8)).save(flat / "test" / "1.png")
    with pytest.raises(Refused, match="has no folder for each class"):
        nas.data.prepare(str(flat))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((30, 1, 28, 28), 1),
        ((30, 3, 8, 8), 1),
        ((30, 3, 20, 24), 1),
        ((30, 28, 28, 1), 3),
        ((30, 8, 8, 3), 3),
        ((30, 16, 16, 4), 3),
        ((30, 4, 16, 16), 1),
        ((30, 2, 12, 16), 1),
        ((30, 20, 24, 16), 3),
    ],
)
@pytest.mark.parametrize("stated", [False, True])
def test_channels_are_where_the_shape_says(tmp_path: Path, shape: tuple[int, ...], axis: int, stated: bool) -> None:
    """Arrays with the channels first and arrays with the channels last give the same images, said or not."""
    images = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    layout = np.array({1: "nchw", 3: "NHWC"}[axis]) if stated else None
    info = nas.data.prepare(str(write_npz(tmp_path / "a.npz", images=images, layout=layout)))
    planes = np.moveaxis(images, axis, 1)
    assert info.shape == planes.shape[1:]
    other = write_npz(tmp_path / "b.npz", images=np.moveaxis(planes, 1, 4 - axis), layout=None)
    np.savez_compressed(other, images=planes, labels=np.arange(30) % 3, layout="NCHW")
    first, second = (nas.data.load(nas.data.prepare(str(tmp_path / name))) for name in ("a.npz", "b.npz"))
    assert torch.equal(first.train.images, second.train.images)


def test_one_colour_test_image_makes_all_colour(tmp_path: Path) -> None:
    """The images of all splits have the same channels and size."""
    folder = write_splits(tmp_path / "pets", train=10, test=3)
    Image.new("RGB", (12, 8), "red").save(folder / "test/cat/0.png")
    assert nas.data.prepare(str(folder)).shape == (3, 8, 12)
    Image.new("L", (20, 20)).save(folder / "test/cat/0.png")
    with pytest.raises(Refused, match="differ in size"):
        nas.data.prepare(str(folder))


def test_a_folder_called_like_a_data_set_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored of `./digits` means the folder, so that an exported network is verified on its images."""
    write_images(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    info = nas.data.prepare("./digits")
    assert info.name == "./digits"
    assert nas.data.prepare(info.name).key == info.key


def test_a_name_that_is_also_a_folder_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say: Say, caplog: pytest.LogCaptureFixture
) -> None:
    """`--data digits` beside ./digits is refused with both meanings; a recipe means ours, and says so."""
    write_images(tmp_path / "digits")
    (tmp_path / "mnist" / "raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for words in (("run", "quickstart", "--data", "digits", "--out", "run"), ("data", "digits")):
        code, _, message = say(*words)
        assert code == 2
        assert "which is meant?" in message
        assert "./digits is the folder" in message
    assert not (tmp_path / "run").exists()
    assert say("data", "./digits")[0] == 0
    assert len(nas.data.prepare("digits").classes) == 10
    assert "./digits takes the folder" in caplog.text
    assert "which is meant" not in say("data", "mnist")[2]  # a folder without images isn't meant


def test_contents_are_shown(tmp_path: Path, say: Say) -> None:
    """`nas data` counts classes in each split, and columns of a table with what they lack."""
    _, out, _ = say("data", write_splits(tmp_path / "pets", train=10, test=3))
    lines = [line.split() for line in out.splitlines()]
    assert "26 images of 1x8x12 (channels x height x width)" in out
    assert ["cat", "8", "2", "3"] in lines
    assert ["dog", "8", "2", "3"] in lines
    rows = "\n".join(f"{'n.a.' if i % 9 == 0 else i},{'ab'[i % 2]},{i % 7}" for i in range(60))
    (tmp_path / "t.csv").write_text(f"size,kind,price\n{rows}\n")
    _, out, _ = say("data", tmp_path / "t.csv", "--target", "price", "--json")
    found = json.loads(out)
    assert found["splits"] == {"train": 36, "validation": 12, "test": 12}
    assert found["columns"] == {"size": "numbers, 7 missing", "kind": "2 texts"}


def test_images_in_two_splits_are_counted(tmp_path: Path, say: Say, caplog: pytest.LogCaptureFixture) -> None:
    """Images of a folder or an array that train and test alike are counted at preparation and by `nas data`."""
    folder = write_splits(tmp_path / "pets", train=10, val=3, test=3)
    (folder / "test/cat/0.png").write_bytes((folder / "train/cat/0.png").read_bytes())
    (folder / "val/dog/0.png").write_bytes((folder / "train/dog/0.png").read_bytes())
    images = RANDOM.integers(0, 256, (30, 8, 8), dtype=np.uint8)
    arrays = write_npz(tmp_path / "a.npz", images=images, test_images=images[:3], test_labels=np.arange(3))
    for path, expected in ((folder, {"validation": 1, "test": 1}), (arrays, {"test": 3})):
        assert json.loads(say("data", path, "--json")[1])["doubled"] == expected
        caplog.clear()
        nas.data.prepare(str(path))
        assert f"test {expected['test']} (of training or validation)" in caplog.text
    assert "in two splits: test 3 (of training or validation)\n" in say("data", arrays)[1]
    assert nas.data.contents("digits").doubled == {}
