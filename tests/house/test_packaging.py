"""How the three packages lie together, what loads what, and what a wheel holds."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("nas", "spaces", "studies")
MAY_IMPORT = {
    "nas": ("nas",),
    "spaces": ("spaces", "nas.space", "nas.layers", "nas.errors"),
    "studies": ("studies", "spaces", "nas.study", "nas.space"),
}
ROOMS = (
    *("errors", "files", "layers", "space", "study", "data", "sampling", "training"),
    *("models", "engines", "storage", "analysis", "findings", "page", "runner", "cli"),
)
"""From the ground up: a room imports only what stands before it."""
INSIDE_ANALYSIS = (
    *("statistics", "selection", "normalized_edf", "best", "optuna_study", "importance", "pareto_front"),
    *("rules", "discovery", "audits", "searches"),
)
"""The same among the parts of the analysis."""
LIGHT = (
    *("errors", "files", "layers", "space", "study", "study.record", "study.table", "study.catalog", "cli", "cli.app"),
    *("training", "models", "storage", "findings", "findings.wording.numbers", "runner"),
)
"""What loads without torch and without optuna."""


def run_isolated(code: str, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that knows nothing of the current folder."""
    command = [sys.executable, "-I", *flags, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def modules() -> dict[str, Path]:
    """Dotted name -> file, of all three packages."""
    found = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of everything of ours that a file imports, wherever, for types, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.partition(".")[0] in PACKAGES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PACKAGES:
            yield from ((str(node.module), alias.name) for alias in node.names)


def arrows() -> dict[str, set[str]]:
    """File -> files that it imports; the face of a package stands for itself."""
    known = modules()
    return {
        module: {f"{m}.{n}" if f"{m}.{n}" in known else m for m, n in imported(path)} - {module}
        for module, path in known.items()
    }


def test_the_three_names_are_ours(tmp_path: Path) -> None:
    """In a fresh isolated interpreter nas, spaces and studies lie beside one another and bear py.typed."""
    code = (
        "import json; from importlib.util import find_spec; "
        f"print(json.dumps([find_spec(name).origin for name in {PACKAGES}]))"
    )
    places = [Path(origin) for origin in json.loads(run_isolated(code, tmp_path).stdout)]
    assert len({place.parents[1] for place in places}) == 1
    assert all((place.parent / "py.typed").exists() for place in places)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    """studies -> spaces -> nas, and nothing back."""
    for module, targets in arrows().items():
        if module.partition(".")[0] == package:
            for name in targets:
                allowed = any(name == known or name.startswith(f"{known}.") for known in MAY_IMPORT[package])
                assert allowed, f"{module} imports {name}"


def test_every_file_has_a_room_and_imports_go_upwards() -> None:
    """`ls nas` is the plan: two files and rooms, each of which imports only what stands before it, and not the face."""
    for module, targets in arrows().items():
        package, _, rest = module.partition(".")
        room = rest.partition(".")[0]
        if package != "nas" or room in ("", "__main__"):
            continue
        assert room in ROOMS, f"{module} has no room"
        for name in targets:
            assert name != "nas", f"{module} imports the face of nas"
            assert ROOMS.index(name.split(".")[1]) <= ROOMS.index(room), f"{module} imports {name}"


def test_the_analysis_has_floors() -> None:
    """Statistics know nothing of rules, rules nothing of discovery, audits and searches."""
    for module, targets in arrows().items():
        if not module.startswith("nas.analysis."):
            continue
        floor = INSIDE_ANALYSIS.index(module.split(".")[2])
        for name in targets:
            if name.startswith("nas.analysis."):
                assert INSIDE_ANALYSIS.index(name.split(".")[2]) <= floor, f"{module} imports {name}"


def test_no_files_import_each_other_in_a_circle() -> None:
    """Neither directly nor through others, nor for types; faces only hand names on."""
    known, done = modules(), set[str]()
    faces = {module for module, path in known.items() if path.name == "__init__.py"}
    graph = {module: targets - faces for module, targets in arrows().items() if module not in faces}

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for target in sorted(graph.get(module, ())):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_no_face_hides_a_file_of_its_own() -> None:
    """What a package hands on never has the name of one of its files: importing the file would replace it."""
    known = modules()
    for face in (module for module, path in known.items() if path.name == "__init__.py" and module != "spaces"):
        files = {module.rpartition(".")[2] for module in known if module.rpartition(".")[0] == face}
        handed = {name for _, name in imported(known[face])}
        handed |= set(getattr(importlib.import_module(face), "__all__", ()))
        assert not handed & files, f"{face} hands on {sorted(handed & files)}"


@pytest.mark.parametrize("part", LIGHT)
def test_light_parts_load_without_torch_and_optuna(part: str, tmp_path: Path) -> None:
    """What only describes networks and studies doesn't load what trains them."""
    code = f"import sys, nas.{part}; print([name for name in ('torch', 'optuna', 'plotly') if name in sys.modules])"
    assert run_isolated(code, tmp_path).stdout.strip() == "[]"


@pytest.mark.parametrize("part", ["coordinator", "agreement", "watch"])
def test_coordinators_train_nothing_themselves(part: str, tmp_path: Path) -> None:
    """What only hands out trainings loads neither torch, which takes 450 MiB, nor what draws and analyses."""
    heavy = ("torch", "pandas", "plotly", "scipy", "sklearn")
    code = f"import sys, nas.runner.{part}; print([name for name in {heavy} if name in sys.modules])"
    assert run_isolated(code, tmp_path).stdout.strip() == "[]"


def test_import_nas_loads_neither_torch_nor_optuna(tmp_path: Path) -> None:
    """`import nas` is cheap, and so is asking for help."""
    result = run_isolated("import nas", tmp_path, "-X", "importtime")
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert result.returncode == 0
    assert "nas" in loaded
    assert not loaded & {"torch", "optuna", "pandas", "plotly", "scipy", "numpy", "typer"}


@pytest.mark.slow
def test_no_submodule_takes_the_name_of_a_public_function(tmp_path: Path) -> None:
    """After every submodule was imported the public names still are what they were, asked for twice."""
    code = """
import importlib, pkgutil, nas
modules = [m.name for m in pkgutil.walk_packages(nas.__path__, "nas.") if not m.name.endswith(("__main__", ".worker"))]
for _ in range(2):
    for module in modules:
        importlib.import_module(module)
    for name in nas.__all__:
        assert getattr(nas, name).__module__.startswith("nas."), name
    verbs = ("plan", "run", "open", "report", "audit", "export", "load", "principles", "discover")
    assert all(callable(getattr(nas, verb)) for verb in verbs)
print(len(modules))
"""
    result = run_isolated(code, tmp_path)
    assert int(result.stdout or 0) > 40, result.stderr


def test_public_names_are_listed_once_and_exist() -> None:
    """`__all__`, the table of places and the names that type checkers see agree."""
    import nas

    assert sorted(nas.__all__) == sorted(nas._PLACES)
    assert dir(nas) == nas.__all__
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = nas.nothing_of_the_kind


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout, without a network."""
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(iter(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))))


def test_a_wheel_holds_the_three_packages_and_what_the_page_needs(wheel: Path) -> None:
    """Packages, type markers, template and scripts are in the wheel; tests and caches are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    page = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "nas" / "page").rglob("*")
        if path.suffix in (".j2", ".js", ".css", ".LICENSE")
    }
    assert page
    assert page <= names
    assert not [name for name in names if "__pycache__" in name]


def test_a_wheel_works_outside_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """An unpacked wheel lists spaces, finds studies and published results with nothing of the checkout on the path."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path / "site")!r})
from nas.study import catalog
import nas
assert nas.__file__.startswith({str(tmp_path)!r})
print(len(catalog.spaces()), catalog.study("quickstart").name, len(nas.results("fashion-mnist").table()))
"""
    study, results = run_isolated(code, tmp_path).stdout.split()[1:]
    assert study == "quickstart"
    assert int(results) > 1000


def test_a_stolen_package_name_is_told(tmp_path: Path) -> None:
    """A foreign `spaces` before ours is refused with both places, not used."""
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "__init__.py").write_text("ALL = ()\n")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
from nas.cli import main
sys.argv = ["nas", "spaces"]
main()
"""
    result = run_isolated(code, tmp_path)
    assert result.returncode == 1
    assert "another distribution owns the name" in result.stderr
    assert str(tmp_path / "spaces") in result.stderr


def test_nothing_is_printed_outside_of_the_command_line() -> None:
    """Library code logs; only the command line talks to people."""
    for path in (ROOT / "nas").rglob("*.py"):
        if "cli" in path.parts:
            continue
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id in ("print", "eval", "exec")], path
