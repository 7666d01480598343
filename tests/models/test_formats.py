"""Networks as source, ONNX and torch.export: what they compute in a process that can't import this program."""

from __future__ import annotations

import ast
import gzip
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
import torch
from safetensors.torch import save_file

import nas
from nas import data
from nas.errors import ImpossibleShape, Missing, Refused, readable
from nas.layers import (
    Activation,
    AdaptivePooling,
    Concatenation,
    Convolution,
    DenseConcatenation,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Pooling,
    Repetition,
    Residual,
    Sequence,
    Shape,
    SqueezeExcite,
)
from nas.models import provenance
from nas.models.document import Document
from nas.models.formats import modules
from nas.models.formats.layout import docstring
from nas.models.formats.source import source
from nas.models.model import Model
from nas.space import Space
from nas.study import Recipe, catalog
from nas.training.kernels import rules_for, specialise
from spaces import ALL
from spaces.densenet import DenseNet
from spaces.resnet import build as resnet
from tests.spaces.test_spaces import points
from tests.toys.untrained import untrained

IMAGES = (3, 16, 16)
CLASSES = tuple(f"class {number}" for number in range(10))
BATCHES = (1, 7, 1000)
TOLERANCE = {".py": 1e-5, ".pt2": 1e-5, ".onnx": 1e-4}
"""Largest difference of two outputs, as a part of the largest output."""
FAMILIES: dict[str, tuple[str, Shape]] = {
    "lenet": ("lenet_bn", (1, 28, 28)),
    "alexnet": ("alexnet_28", (1, 28, 28)),
    "vgg": ("vgg11_d2l_quarter", (1, 32, 32)),
    "nin": ("nin_9", (1, 96, 96)),
    "googlenet": ("googlenet_28", (1, 8, 8)),
    "resnet": ("resnet_20", (3, 8, 8)),
    "resnext": ("resnext50_32x4d", (3, 32, 32)),
    "densenet": ("densenet_bc_100_12", (3, 8, 8)),
    "mlp": ("dense_mlp", (1, 28, 28)),
    "anynet": ("regnetx32_d2l", (1, 28, 28)),
    "regnet": ("regnet_y_200mf", (3, 32, 32)),
    "vionet": ("", (1, 28, 28)),
}
"""Family -> a published network of it, at an input that takes little time; of one that has none, a point is drawn."""
ELSEWHERE = """
import sys, pathlib, importlib.util, torch
from safetensors.torch import load_file
class Nothing:
    def find_spec(self, name, *_):
        if name.split(".")[0] in BLOCKED: raise ImportError(name)
BLOCKED = {"nas", "spaces", "studies", "tests"}
sys.meta_path.insert(0, Nothing())
path, io, tolerance = pathlib.Path(sys.argv[1]), load_file(sys.argv[2]), float(sys.argv[3])
if path.suffix == ".py":
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.load()
    assert not network.training
    assert not BLOCKED & {name.split(".")[0] for name in sys.modules}
elif path.suffix == ".pt2":
    network = torch.export.load(path).module()
else:
    import onnxruntime
    session = onnxruntime.InferenceSession(path)
    network = lambda x: torch.from_numpy(session.run(None, {"input": x.numpy()})[0])
with torch.no_grad():
    for batch in (1, 7, 1000):
        x, expected = io[f"x{batch}"], io[f"y{batch}"]
        torch.testing.assert_close(network(x), expected, rtol=0, atol=tolerance * float(expected.abs().max()))
"""
"""Compares the outputs of a file with expected ones."""


def block(width: int, kernel: int) -> Sequence:
    """A residual block whose branch has inceptions and a gate."""
    unit = Sequence(layers=(Convolution(width=width, kernel=kernel, padding=kernel // 2), Normalisation()))
    joined = Concatenation(branches=(unit, Sequence(layers=(Pooling(kernel=3, stride=1, padding=1), unit))))
    branch = Sequence(layers=(joined, SqueezeExcite(width=2), Convolution(width=width)))
    return Sequence(layers=(Residual(branch=branch), Activation(function="silu")))


ODD = Sequence(
    layers=(
        Sequence(name="class", layers=(Convolution(width=8, bias=True), Normalisation(kind="mean_only"))),
        *(Normalisation(kind="group", groups=4), Normalisation(kind="layer", affine=False)),
        Normalisation(kind="instance"),
        Sequence(name="1 ünits;", layers=(block(8, 3), Repetition(layer=block(8, 5), times=3))),
        Repetition(layer=DenseConcatenation(branch=Convolution(width=3)), times=4),
        Normalisation(kind="variance_only", affine=False),
        Activation(function="leaky_relu"),
        Sequence(name="class", layers=(AdaptivePooling(), Flatten(), Linear(width=10))),
    )
)
"""What no family has: names that Python lacks, nested blocks, all kinds of norms."""
TREES: dict[str, Callable[[], Layer]] = {
    "post": lambda: resnet("basic", (3, 3, 3), (8, 16, 32), stem="3x3/1").network(IMAGES, 10),
    "pre": lambda: resnet("bottleneck", (2, 2), (16, 32), order="pre", stem="3x3/1").network(IMAGES, 10),
    "dense": lambda: DenseNet(depths=(3, 4), growth_rate=4, stem_width=8).network(IMAGES, 10),
    "odd": lambda: ODD,
}


def imported(path: Path) -> ModuleType:
    """A source, imported."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def require_equal_elsewhere(model: Model, path: Path) -> None:
    """A file gives the network's outputs in a fresh process that can't import this program."""
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    plain = modules.plain(model)
    with torch.no_grad():
        for batch in BATCHES:
            x = torch.randn(batch, *model.document.inputs, generator=generator)
            tensors |= {f"x{batch}": x, f"y{batch}": plain(x).contiguous()}
    save_file(tensors, path.with_suffix(".tensors"))
    command = [sys.executable, "-c", ELSEWHERE, path, path.with_suffix(".tensors"), str(TOLERANCE[path.suffix])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def trained() -> Model:
    """A small network, trained for an epoch."""
    return nas.train("lenet_bn", Recipe(data="digits", epochs=1, train_size=200, batch_size=50))


@pytest.mark.slow
@pytest.mark.parametrize("name", TREES)
def test_a_source_computes_the_same_elsewhere(name: str, tmp_path: Path) -> None:
    """Whatever mode and kernels a network is left with, its source has its outputs where there is only torch."""
    model = untrained(TREES[name](), IMAGES, CLASSES)
    specialise(model.network, rules_for(torch.device("cpu"), torch.float32), torch.device("cpu"))
    nas.save(model, tmp_path / "net.py")
    require_equal_elsewhere(model, tmp_path / "net.py")
    assert model.training


@pytest.mark.slow
def test_a_torch_export_computes_the_same_elsewhere(tmp_path: Path) -> None:
    """A .pt2 takes batches of any size and carries the network's description."""
    model = untrained(TREES["post"](), IMAGES, CLASSES)
    nas.save(model, tmp_path / "net.pt2")
    require_equal_elsewhere(model, tmp_path / "net.pt2")
    carried = {"architecture.json": ""}
    torch.export.load(tmp_path / "net.pt2", extra_files=carried)
    assert model.document.architecture in carried["architecture.json"]


def test_an_onnx_file_computes_the_same_elsewhere(tmp_path: Path) -> None:
    """An ONNX file takes batches of any size and says how its input is normalised."""
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    model = untrained(TREES["post"](), IMAGES, CLASSES)
    nas.save(model, tmp_path / "net.onnx")
    require_equal_elsewhere(model, tmp_path / "net.onnx")
    proto = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(proto)
    assert [imported.version for imported in proto.opset_import if not imported.domain] == [modules.OPSET]
    assert {p.key: p.value for p in proto.metadata_props}["mean"] == "[0.5, 0.5, 0.5]"
    assert b"modules.py" not in (tmp_path / "net.onnx").read_bytes()  # no path of this machine


def test_onnx_without_its_libraries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra isn't installed, the command that installs it is named."""
    monkeypatch.setattr(modules, "find_spec", lambda name: None)
    with pytest.raises(Refused, match="an ONNX file needs onnx and onnxscript") as refused:
        nas.save(untrained(TREES["post"](), IMAGES, CLASSES), tmp_path / "net.onnx")
    assert refused.value.hint == "pip install 'nas-atlas[onnx]'"


@pytest.mark.long
@pytest.mark.parametrize("ending", TOLERANCE)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_the_same_elsewhere(family: str, ending: str, tmp_path: Path) -> None:
    """A network of every family has its outputs in every format, at batches of 1, 7 and 1,000."""
    if ending == ".onnx":
        pytest.importorskip("onnxruntime")
    name, inputs = FAMILIES[family]
    if name:
        architecture = catalog.network(name).architecture
    else:
        space = next(space for space in ALL if space.name == "VioNetX_reference")
        architecture = space.architecture(points(space, 1)[0])
    model = untrained(architecture.network(inputs, 10), inputs, CLASSES)
    nas.save(model, tmp_path / f"net{ending}")
    require_equal_elsewhere(model, tmp_path / f"net{ending}")


@pytest.mark.parametrize("space", ALL, ids=lambda space: space.name)
def test_every_space_has_a_readable_source(space: Space, tmp_path: Path) -> None:
    """A network's source has the tensors of our module, in our order and shapes, as text that ruff wouldn't change.

    However many layers there are, equal blocks are one class and stand in loops.
    """
    layer = None
    for point in points(space, 20):
        try:
            layer = space.architecture(point).network((3, 64, 64), 10)
        except ImpossibleShape:
            continue
        if layer.trace((3, 64, 64))[1] < 3_000_000:
            break
    assert layer is not None
    model = untrained(layer, (3, 64, 64), CLASSES)
    text, weights = source(model.document, modules.tensors_of(model))
    (tmp_path / "net.py").write_text(text)
    (tmp_path / "net.safetensors").write_bytes(weights)
    tensors = imported(tmp_path / "net.py").load().state_dict()
    for ours, theirs in zip(model.network.state_dict().values(), tensors.values(), strict=True):
        assert torch.equal(ours, theirs)
    classes = text[text.index("\nclass ") : text.index("\ndef preprocess")]
    assert classes.count("\n") < 160
    done = subprocess.run(["ruff", "format", "--isolated", "--diff", tmp_path / "net.py"], capture_output=True)
    assert done.returncode == 0, done.stdout


def test_a_residual_network_reads_as_people_write_it() -> None:
    """Three stages of blocks are one class of a block, with a shortcut where the shape changes, and loops."""
    model = untrained(TREES["post"](), IMAGES, CLASSES)
    text, _ = source(model.document, modules.tensors_of(model))
    assert "class ResidualBlock(nn.Module):" in text
    assert "        if stride != 1 or inputs != width:" in text
    assert "        self.stage_1 = nn.Sequential(*[ResidualBlock(8, 8) for _ in range(3)])" in text
    assert text.count("nn.Conv2d(") == 4
    assert "validation error  0.5000 on 100 images" in text


def test_a_source_has_the_recorded_error(trained: Model, tmp_path: Path) -> None:
    """The functions of a source give the error in the card, on the images as they are stored."""
    nas.save(trained, tmp_path / "net.py")
    module = imported(tmp_path / "net.py")
    validation = data.load(data.prepare("digits")).validation
    assert module.evaluate(module.load(), validation.images, validation.labels) == trained.document.error
    torch.testing.assert_close(module.preprocess(validation.images), trained.preprocess(validation.images))
    assert trained.classes == module.CLASSES


def test_the_source_of_a_table_has_the_recorded_error(tmp_path: Path) -> None:
    """A network for a number takes features as `encode` makes them, and answers in the target's unit."""
    model = nas.train("dense_mlp", Recipe(data="diabetes", epochs=1, batch_size=50))
    nas.save(model, tmp_path / "net.py")
    module = imported(tmp_path / "net.py")
    validation = data.load(data.prepare("diabetes")).validation
    features = validation.images.double() * torch.tensor(module.STD).double() + torch.tensor(module.MEAN).double()
    targets = model.values(validation.labels[:, None])
    error = module.evaluate(module.load(), features, targets)
    assert error == pytest.approx(model.document.error, abs=1e-6)


def test_answers_for_rows_can_be_computed_with() -> None:
    """What a network for a number predicts is a plain tensor; a column that is no list is refused."""
    model = nas.train("dense_mlp", Recipe(data="diabetes", epochs=1, batch_size=50))
    table = {column.name: [1.0, None] for column in model.document.columns}
    answer = model.predict(table)
    answer.mul_(2)
    (answer * torch.ones(2, dtype=torch.float64, requires_grad=True)).sum().backward()
    with pytest.raises(Refused, match="must be a list of cells, got 1"):
        model.predict(table | {model.document.columns[0].name: 1})


def test_the_script_of_the_documentation_measures(tmp_path: Path) -> None:
    """Beside a source and idx files, the script in `docs/exports.md` prints the share of wrong images."""
    page = (Path(__file__).parents[2] / "docs/exports.md").read_text()
    (tmp_path / "measure.py").write_text(page.partition("```text\n")[2].partition("```")[0])
    tree = Sequence(layers=(AdaptivePooling(size=2), Flatten(), Linear(width=10)))
    nas.save(untrained(tree, (1, 28, 28), CLASSES), tmp_path / "net.py")
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (50, 1, 28, 28), generator=generator, dtype=torch.uint8)
    labels = torch.randint(10, (50,), generator=generator, dtype=torch.uint8)
    for name, header, numbers in (("images-idx3", 16, images), ("labels-idx1", 8, labels)):
        with gzip.open(tmp_path / f"t10k-{name}-ubyte.gz", "wb") as file:
            file.write(bytes(header) + numbers.numpy().tobytes())
    command = [sys.executable, tmp_path / "measure.py", tmp_path]
    module = imported(tmp_path / "net.py")
    error = module.evaluate(module.load(), images, labels.long())
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"test error {error}\n"


def test_damaged_weights_are_refused_by_the_source(tmp_path: Path) -> None:
    """One changed bit beside a source is found before anything is read."""
    nas.save(untrained(TREES["dense"](), IMAGES, CLASSES), tmp_path / "net.py")
    damaged = bytearray((tmp_path / "net.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "net.safetensors").write_bytes(damaged)
    with pytest.raises(ValueError, match="is damaged: its SHA-256 isn't"):
        imported(tmp_path / "net.py").load()


def test_texts_of_a_document_stay_texts(tmp_path: Path) -> None:
    """Names of classes and data that look like code are text in the source, and come back as they were."""
    names = ('"""', "\\", "'\"", '""")\nraise SystemExit("""', "ü", "{}", "\u2028", "#")
    tree = Sequence(layers=(AdaptivePooling(), Flatten(), Linear(width=len(names))))
    model = untrained(tree, IMAGES, names)
    model.document = msgspec.structs.replace(model.document, data='x"""\nraise SystemExit\n"""\\')
    nas.save(model, tmp_path / "net.py")
    assert names == imported(tmp_path / "net.py").CLASSES


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", ["\0", "\x1b[31m", "\u202e", *(f"{'x' * length}\\xzz\\" for length in range(30, 75))])
def test_a_docstring_holds_no_codes(text: str) -> None:
    """What a terminal obeys, bytes that no source may hold and backslashes at the end of a line are written out."""
    written = "\n".join(docstring(f"Made of {text}\nand more", 4))
    value = ast.literal_eval(written.strip())
    assert readable(text) in value.replace("\n    ", "")
    assert readable(written) == written


@pytest.mark.parametrize("name", ["my-net", "class", "1", "torch", "copy", "a b"])
def test_a_source_has_a_name_to_import(name: str, tmp_path: Path) -> None:
    """A source that nobody could import, or that hides what it imports itself, is refused with a name that works."""
    with pytest.raises(Refused, match="a source is imported by its name") as error:
        nas.save(untrained(TREES["dense"](), IMAGES, CLASSES), tmp_path / f"{name}.py")
    assert error.value.hint == f"-o {tmp_path / 'net.py'}, for one"
    assert not [*tmp_path.iterdir()]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """The same source again is fine; other files are refused, before another network takes their place."""
    model, other = (untrained(TREES[name](), IMAGES, CLASSES) for name in ("post", "dense"))
    assert nas.save(model, tmp_path / "a/net.py") == [tmp_path / "a/net.py", tmp_path / "a/net.safetensors"]
    nas.save(model, tmp_path / "a/net.py")
    with pytest.raises(Refused, match=r"net.safetensors exists"):
        nas.save(other, tmp_path / "a/net.py")
    (tmp_path / "net.pt2").touch()
    with pytest.raises(Refused, match=r"net.pt2 exists"):
        nas.save(other, tmp_path / "net.pt2")


@pytest.mark.parametrize(
    ("path", "format_", "said"),
    [
        ("net.txt", "onnx", r"the path of the format onnx ends in .onnx, got net.txt"),
        ("net.py", "folder", r"the path of the format folder doesn't end as a file of source does"),
        ("net.h5", None, r"\.h5 ends no file that is written here: \.py, \.onnx, \.pt2 do"),
        ("a/net.PTH", None, r"\.PTH ends no file that is written here"),
        ("net", "torchscript", "a format is folder, source, onnx, torch-export, got 'torchscript'"),
    ],
)
def test_formats_and_endings_must_agree(path: str, format_: str | None, said: str) -> None:
    """A format that doesn't exist, and a path that another format has or that ends as a file of others, are refused."""
    with pytest.raises(Refused, match=said):
        nas.save(untrained(TREES["dense"](), IMAGES, CLASSES), path, format_)


def test_a_folder_may_be_called_as_one_likes(tmp_path: Path) -> None:
    """A name with a dot is one of a folder, and one that ends as a file where it is said to be a folder."""
    model = untrained(TREES["dense"](), IMAGES, CLASSES)
    for name, format_ in (("best-0.93", None), ("net.v2", None), ("net.h5", "folder")):
        assert nas.save(model, tmp_path / name, format_) == [tmp_path / name]
    assert nas.save(nas.load(tmp_path / "net.h5"), tmp_path / "net.h5") == [tmp_path / "net.h5"]


def test_data_are_found_again_by_their_content(trained: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data of a relative path are found from any folder above the network's, or where somebody says they are."""
    info = data.prepare("digits")
    places: list[str] = []

    def prepared(recipe: nas.Recipe, resolution: int | None = None) -> data.DataInfo:
        places.append(recipe.data)
        key = info.key if recipe.data.startswith(str(tmp_path)) else "other-0"
        return msgspec.structs.replace(info, key=key)

    (tmp_path / "work/photos-of-mine").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(data, "prepare_for", prepared)
    document = replace_data(trained, "photos-of-mine")
    folder = tmp_path / "work/exported/best"
    assert provenance.data_of(document, folder).key == info.key
    assert places == [str(tmp_path / "work/photos-of-mine")]
    with pytest.raises(
        Missing, match="photos-of-mine isn't found from here: the network was trained on digits-"
    ) as missing:
        provenance.data_of(document, tmp_path / "elsewhere")
    assert missing.value.hint.endswith("--data PATH names the place of the right ones")
    (tmp_path / "here/photos-of-mine").mkdir()
    assert provenance.data_of(document, folder).key == info.key
    with pytest.raises(
        nas.NasError, match="photos-of-mine is another data set than the one trained on: other-0, not digits-"
    ):
        provenance.data_of(document, tmp_path / "elsewhere")
    assert provenance.data_of(document, tmp_path / "elsewhere", str(tmp_path / "moved")).key == info.key


def replace_data(model: Model, name: str) -> Document:
    """The document of a model whose data have another name."""
    return msgspec.structs.replace(model.document, data=name)
