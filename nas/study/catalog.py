"""Names to objects: studies, spaces and networks; the one place that reaches beyond this package, at run time.

Other distributions add their own by entry points: `nas.families` names modules with `ALL` and `NETWORKS`, as those of
`spaces` have, `nas.studies` names studies. One that can't be loaded is left out with a warning.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from nas.errors import NasError, Refused, code_of_others, path_text, raised_at
from nas.errors.suggestions import near
from nas.space import Space
from nas.study.description import Description, description
from nas.study.study import Study

logger = logging.getLogger(__name__)

OF_FILES = "_nas_study_"
"""Begins the name of a module that was read from a file of the user, so that it hides no other."""


ATTRIBUTE = "STUDY"
LISTED = 8
"""Names that a message shows where none is near."""
SIBLINGS = ("nas", "spaces", "studies")
FAMILIES, STUDIES = "nas.families", "nas.studies"
"""Groups of entry points."""
MOVED = {"nas.cost": "nas.study", "nas.recipe": "nas.study"}
"""Modules that study files of before named; what they imported from there is in the face of `nas.study`."""


def study(name: str) -> Study:
    """The study of a name of ours, `my_study.py` (its STUDY), `my_study.py:NAME` or `my_package.module:NAME`."""
    return described_study(name)[0]


def study_or_space(name: str) -> Study | Space:
    """What `study` finds; in a module a space, too, and by a name of ours that no study has."""
    if ":" not in name and "/" not in name and not name.endswith(".py") and name not in studies():
        own = {space.name: space for space in spaces()}
        if name in own:
            return own[name]
    module, attribute = _place_of(name)
    value = getattr(module, attribute, None)
    return value if isinstance(value, Space) else _study_in(module, attribute, name)


def described_study(name: str) -> tuple[Study, Description]:
    """A study as `study` finds it, and what the docstring of its file says; expected times are those of its STUDY."""
    module, attribute = _place_of(name)
    said = description(module.__doc__)
    return _study_in(module, attribute, name), said if attribute == ATTRIBUTE else replace(said, expected="")


def described_studies() -> dict[str, tuple[Study, Description]]:
    """All studies by name; one of another distribution that can't be loaded is left out with a warning."""
    found = {name: described_study(name) for name in _own_studies()}
    for name in studies()[len(found) :]:
        try:
            found[name] = described_study(name)
        except NasError as trouble:
            _leave_out("study", _installed(STUDIES)[name], str(trouble))
    return found


def _place_of(name: str) -> tuple[ModuleType, str]:
    """The module of a study and the name of its value there."""
    if name in _own_studies():
        return _import(f"studies.{name}", name), ATTRIBUTE
    if (entry := _installed(STUDIES).get(name)) is not None:
        return _import(entry.module, name), entry.attr or ATTRIBUTE
    if ":" in name or "/" in name or name.endswith(".py"):
        return _named(name, ATTRIBUTE, "a study is a name of ours, FILE.py, FILE.py:NAME or module:NAME")
    raise _unknown("study", name, studies(), "my_study.py, my_study.py:NAME or module:NAME works, too")


def _named(name: str, attribute: str, hint: str) -> tuple[ModuleType, str]:
    """The module that `FILE.py:NAME`, `module:NAME` or either without a name mean, and the name, else `attribute`."""
    place, _, named = (name, "", "") if name.endswith(".py") or ":" not in name else name.rpartition(":")
    attribute = named or attribute
    of_file = place.endswith(".py") or "/" in place
    if not attribute.isidentifier() or not (of_file or all(part.isidentifier() for part in place.split("."))):
        raise Refused(f"{name!r} is neither FILE.py:NAME nor module:NAME", hint=hint)
    return (_file(Path(place), hint) if of_file else _import(place, name, hint)), attribute


def reference(name: str) -> str:
    """The name under which `study`, or `space`, finds the same from any folder."""
    return str(Path(name).resolve()) if name.endswith(".py") or ".py:" in name or "/" in name else name


def release() -> str:
    """Version of this program; `unknown` where it wasn't installed."""
    try:
        return version("nas-atlas")
    except PackageNotFoundError:
        return "unknown"


def studies() -> tuple[str, ...]:
    """Names of the studies that come with this program, then of those that other distributions add."""
    own = _own_studies()
    return (*own, *sorted(_installed(STUDIES).keys() - {*own}))


def _own_studies() -> tuple[str, ...]:
    package = _sibling("studies")
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


def results() -> dict[str, Path]:
    """Name of each data set with a table of results that comes with this program -> the file of that table."""
    folder = Path(next(iter(_sibling("studies").__path__))) / "results"
    return {path.stem: path.with_suffix(".csv.gz") for path in sorted(folder.glob("*.json"))}


def results_of(name: str) -> Path:
    """The table of results on a data set."""
    tables = results()
    if name not in tables:
        raise _unknown(
            "table of results", name, tables, "the folder of a run or a file of `nas table` works for replay"
        )
    return tables[name]


def spaces() -> tuple[Space, ...]:
    """All spaces that come with this program, then those that other distributions add."""
    return tuple(space for own, _ in families().values() for space in own)


def networks() -> Sequence[Any]:
    """All published networks, in the same order: values as `spaces.Network`."""
    return tuple(network for _, own in families().values() for network in own)


def families() -> dict[str, tuple[tuple[Space, ...], tuple[Any, ...]]]:
    """Name of each family -> its spaces and its published networks."""
    return {name: (tuple(module.ALL), tuple(module.NETWORKS)) for name, module in _families().items()}


def family_modules() -> tuple[ModuleType, ...]:
    """The modules of all families."""
    return tuple(_families().values())


def _families() -> dict[str, ModuleType]:
    """Name of each family -> its module."""
    own = {name: importlib.import_module(f"spaces.{name}") for name in _sibling("spaces").FAMILIES}
    taken = {item.name for module in own.values() for item in (*module.ALL, *module.NETWORKS)}
    for name, entry in sorted(_installed(FAMILIES).items()):
        module = _family(entry)
        if module is None or name in own:
            continue
        names = {item.name for item in (*module.ALL, *module.NETWORKS)}
        if twice := sorted(names & taken):
            _leave_out("family", entry, f"its {twice[0]} has the name of another")
            continue
        taken |= names
        own[name] = module
    return own


@cache
def _installed(group: str) -> dict[str, EntryPoint]:
    """What other distributions add, by name."""
    return {entry.name: entry for entry in entry_points(group=group)}


@cache
def _family(entry: EntryPoint) -> ModuleType | None:
    """The module of a family that another distribution adds; None, with a warning, where it is none."""
    try:
        with code_of_others(f"{entry.value} can't be imported"):
            module = importlib.import_module(entry.module)
        held = (*module.ALL, *module.NETWORKS)
        if all(isinstance(one, Space) or isinstance(getattr(one, "space", None), Space) for one in held):
            return module
        _leave_out("family", entry, "ALL holds no spaces, or NETWORKS no networks")
    except (NasError, AttributeError, TypeError) as trouble:
        _leave_out("family", entry, str(trouble))
    return None


@cache
def _leave_out(kind: str, entry: EntryPoint, why: str) -> None:
    """Say once that a family or a study isn't there."""
    of = entry.dist.name if entry.dist else entry.value
    logger.warning("%s %s of %s is left out: %s", kind, entry.name, of, why)


def imported_as(module: str) -> str:
    """The name under which another file in the same folder imports a module that `study` may have read from a file."""
    return module.removeprefix(OF_FILES)


def space(name: str) -> Space:
    """The space of a name of ours, of `my_space.py:NAME`, or of `my_package.module:NAME`.

    That of a published network holds it alone.
    """
    if name.endswith(".py"):
        raise Refused(f"{name} may hold several spaces", hint=f"{name}:NAME says which")
    if ":" not in name:
        return space_of_ours(name)
    hint = "`nas spaces` lists spaces; FILE.py:NAME works, too"
    module, attribute = _named(name, "", hint)
    if not hasattr(module, attribute):
        raise Refused(f"{name.rpartition(':')[0]} has no {attribute}", hint=hint)
    value = getattr(module, attribute)
    if not isinstance(value, Space):
        raise Refused(f"{name} is of type {type(value).__name__}, not a space of networks", hint=hint)
    return value


def space_or_network(name: str) -> Any:
    """The space or the published network of a name of ours, or the space of `my_space.py:NAME`."""
    return space(name) if ":" in name or name.endswith(".py") else published(name)


def published(name: str) -> Any:
    """The space or the network of a name of ours; nothing else is imported, whatever the name is."""
    items = items_of_ours()
    if name not in items:
        raise _unknown("space or network", name, items, "`nas spaces` lists all")
    return items[name]


def space_of_ours(name: str) -> Space:
    """The space of a name of ours, that of a published network, too; nothing else is imported, whatever the name is."""
    item = published(name)
    own: Space = item if isinstance(item, Space) else item.space
    return own


def items_of_ours() -> dict[str, Any]:
    """All spaces and published networks by name."""
    return {item.name: item for item in (*spaces(), *networks())}


def network(name: str) -> Any:
    """The published network of a name."""
    found = {item.name: item for item in networks()}
    if name not in found:
        if name in {space.name for space in spaces()}:
            raise Refused(f"{name} is a space of networks, not a network", hint=f"nas spaces {name}")
        raise _unknown("network", name, found, "`nas spaces` lists all; a file architecture.json works, too")
    return found[name]


def _sibling(name: str) -> ModuleType:
    """One of our own packages; refused where another distribution owns the name."""
    places = {n: Path(spec.origin).parent for n in SIBLINGS if (spec := find_spec(n)) and spec.origin}
    if name not in places:
        raise NasError(
            f"the package {name!r}, which belongs beside nas, can't be found", hint="install nas-atlas again"
        )
    if places[name].parent != places["nas"].parent:
        where = f"{name} was found in {places[name]}, not beside nas in {places['nas'].parent}"
        raise NasError(f"{where}; another distribution owns the name", hint=f"uninstall the other {name!r} package")
    return importlib.import_module(name)


def _unknown(kind: str, name: str, known: Iterable[str], also: str) -> Refused:
    names = sorted(known)
    close = near(name, names, 3)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    listed = f"; there are {', '.join(names[:LISTED])}{more}" if names else ""
    guess = f"; did you mean {' or '.join(close)}?" if close else listed
    if name and Path(name).exists():
        guess = f", and the {'folder' if Path(name).is_dir() else 'file'} of this name is none"
    return Refused(f"there is no {kind} {name!r}{guess}", hint=also)


def _file(path: Path, hint: str) -> ModuleType:
    """A file of the user as a module, its own folder on the path while it is read; the hint is for one that is none."""
    if not path.is_file():
        raise Refused(
            f"{path_text(path)} is a folder" if path.is_dir() else f"there is no file {path_text(path)}", hint=hint
        )
    spec = importlib.util.spec_from_file_location(f"{OF_FILES}{path.stem}", path)
    if spec is None or spec.loader is None:
        raise Refused(f"{path_text(path)} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with _code_of_the_user(path.name, path.parent.resolve()):
        spec.loader.exec_module(module)
    return module


def _import(module: str, name: str, hint: str = "") -> ModuleType:
    """A module by its name in Python; the hint is for one that isn't there."""
    if module.partition(".")[0] in SIBLINGS:
        _sibling(module.partition(".")[0])
    with _code_of_the_user(name, Path.cwd()):
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if not f"{module}.".startswith(f"{error.name}."):
                raise
            raise Refused(f"{name}: there is no module {error.name}", hint=hint) from None


@contextmanager
def _code_of_the_user(where: str, folder: Path) -> Iterator[None]:
    """Import with the user's folder on the path; whatever their code raises is told with its line."""
    sys.path.insert(0, str(folder))
    for old, new in MOVED.items():
        sys.modules.setdefault(old, importlib.import_module(new))
    try:
        with code_of_others(f"{where} can't be imported"):
            yield
    except Refused as error:
        at = raised_at(error)
        raise (type(error)(f"{error} ({at})", hint=error.hint) if at else error) from None
    finally:
        sys.path.remove(str(folder))


def _study_in(module: ModuleType, attribute: str, name: str) -> Study:
    value = getattr(module, attribute, None)
    if not isinstance(value, Study):
        what = "holds no" if value is None else f"holds something of type {type(value).__name__}, not a study, as"
        raise Refused(f"{name} {what} {attribute}", hint=f"a study file says: {attribute} = Study(...)")
    return value
