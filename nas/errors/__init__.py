"""Errors that a user can cause, with their exit codes, and the checks of what public functions and values are given."""

from nas.errors.kinds import (
    CONTROL,
    EmptyWindow,
    ImpossibleShape,
    Interrupted,
    MachineFailed,
    Missing,
    NasError,
    ReadableFormatter,
    Refused,
    StorageFailed,
    code_of_others,
    in_place_of,
    path_text,
    raised_at,
    readable,
    typed,
)

__all__ = [
    "CONTROL",
    "EmptyWindow",
    "ImpossibleShape",
    "Interrupted",
    "MachineFailed",
    "Missing",
    "NasError",
    "ReadableFormatter",
    "Refused",
    "StorageFailed",
    "code_of_others",
    "in_place_of",
    "path_text",
    "raised_at",
    "readable",
    "typed",
]
