"""A training as people read it: one line an epoch."""

from __future__ import annotations

from nas.findings.wording.numbers import duration, percent
from nas.study.record import Epoch


def epoch_line(epoch: Epoch, epochs: int) -> str:
    """What is known after an epoch of so many, and how long the rest will take."""
    parts = [f"loss {epoch.loss:.4f}"]
    if epoch.validation_loss is not None:
        parts.append(f"validation loss {epoch.validation_loss:.4f}")
    parts.append(f"validation error {percent(epoch.error)}")
    if epoch.train_error is not None:
        parts.append(f"training error {percent(epoch.train_error)}")
    if epoch.images_per_second is not None:
        parts.append(f"{epoch.images_per_second:,.0f} images/s")
    if epoch.number < epochs:
        parts.append(f"about {duration((epochs - epoch.number) * epoch.seconds)} left")
    return f"epoch {epoch.number}/{epochs}: {', '.join(parts)}"
