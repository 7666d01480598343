"""The diabetes study that scikit-learn carries: 442 patients, 10 measurements, a number to be predicted.

Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least angle regression, Annals of Statistics 32 (2004).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from nas.data.readers.digits import inside_sklearn
from nas.data.tables import Table, TableSource
from nas.errors import Missing, Refused

DIGEST = "e9c1f7559552854a24dc45b41c446ce5f79f96e5da081bcce24b57492720b3f7"
"""SHA-256 of the measurements, then of the targets, as little-endian 64-bit floats."""
TARGET = "progression"
"""Our name of the target: how far the disease has gone on after one year, 25 to 346."""


def diabetes_source(target: str) -> TableSource:
    """The study as a source; nothing is loaded yet, and no other target than its own is taken."""
    if target not in ("", TARGET):
        raise Refused(f"the target of diabetes is {TARGET!r}, got {target!r}", hint="leave --target out")
    return TableSource(name="diabetes", label="diabetes", identity=DIGEST, target=TARGET, read=read_diabetes)


def diabetes_path() -> Path:
    """The file inside scikit-learn, found without importing it."""
    return inside_sklearn("diabetes", "diabetes_data_raw.csv.gz")


def read_diabetes() -> Table:
    """All patients as measured; the second column, the sex, is 1 or 2."""
    from sklearn.datasets import load_diabetes

    study = load_diabetes(scaled=False)
    features, targets = study["data"], study["target"]
    actual = hashlib.sha256(features.astype("<f8").tobytes() + targets.astype("<f8").tobytes()).hexdigest()
    if actual != DIGEST:
        hint = "reinstall scikit-learn; if it is intact, its table is no longer the one that this version knows"
        raise Missing(f"the table in {diabetes_path()} isn't the known one: SHA-256 {actual}, not {DIGEST}", hint=hint)
    return Table(cells=dict(zip(study["feature_names"], features.T, strict=True)), targets=targets)
