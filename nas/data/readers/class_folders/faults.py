"""All files of a folder that can't be used as images, told at once: the folder is looked through once one is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import join

from nas.data.readers.class_folders.image_file import decoded, scan
from nas.errors import Missing, NasError

NAMED = 10
"""Files that a refusal names."""


class UnusableImages(Missing):
    """Several files of a folder that can't be used as images; the message names the first of them."""

    def __init__(self, path: Path, faults: Mapping[Path, str], total: int, named: int = NAMED) -> None:
        self._found = path, faults, total
        lines = [f"  {file.relative_to(path)}: {why}" for file, why in list(faults.items())[:named]]
        more = len(faults) - len(lines)
        told = "\n".join([*lines, f"  and {more:,} more"] if more else lines)
        all_named = f"; {join(['nas', 'data', str(path), '--verify'])} names all of them" if more else ""
        super().__init__(
            f"{len(faults):,} of the {total:,} images of {path} can't be used:\n{told}",
            hint=f"replace each of them, or remove it{all_named}",
        )

    def whole(self) -> UnusableImages:
        """The same error with every file named."""
        path, faults, total = self._found
        return UnusableImages(path, faults, total, named=len(faults))


def refusal(path: Path, files: Sequence[Path], first: NasError) -> NasError:
    """What to raise in place of the first error of a folder's files: the same one where only one file has a fault."""
    errors = {file: error for file in files if (error := fault(file))}
    if len(errors) < 2:
        return next(iter(errors.values()), first)
    reasons = {file: str(error).removeprefix(str(file)).strip() for file, error in errors.items()}
    return UnusableImages(path, reasons, len(files))


def fault(file: Path) -> NasError | None:
    """Why one file can't be used as an image, decoded in full; None if it can."""
    try:
        decoded(file, "L" if scan(file).mode == "L" else "RGB")
    except NasError as error:
        return error
    return None
