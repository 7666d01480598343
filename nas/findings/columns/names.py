"""What the names of anybody's columns say: results of a training, its seed and time, and names of rows."""

from __future__ import annotations

import re

ERRORS = frozenset({"err", "errs", "error", "errors"})
LOSSES = frozenset({"entropy", "loss", "losses", "mae", "mse", "nll", "perplexity", "ppl", "rmse"})
ACCURACIES = frozenset({"acc", "accs", "accuracies", "accuracy", "auc", "auroc"})
SCORES = frozenset({"fitness", "precision", "recall", "reward", "score", "scores"})
NDS_ERRORS = re.compile(r"(min_test|min_train|test_ep|train_ep)_top1")
"""Errors in the records of NDS, in spite of their names."""
SPLITS = ("valid", "val", "test", "train", "eval", "dev", "best", "mean", "avg")
"""Words that are written together with those above: `valacc`."""
QUALIFIERS = frozenset(
    {
        *SPLITS,
        *("validation", "training", "epoch", "last", "final", "first", "min", "max", "median", "std", "sd", "sem"),
        *("rate", "percent", "pct", "ema", "seed", "of", "the", "file"),
    }
)
"""Words that may follow: `acc_std` is a result, `loss_weight` a setting."""
SEEDS = frozenset({"seed", "seeds", "rng"})
REPEATS = frozenset({"fold", "rep", "repeat", "repetition", "replicate", "replication"})
"""Alone or with a word for a number; `repeats` counts blocks as often as trainings."""
NUMBERS = frozenset({"cv", "id", "idx", "index", "k", "no", "nr", "num", "number"})
"""Words that may stand beside those above."""
EPOCHS = frozenset({"epoch", "iter", "iteration", "step"})
"""Whole names of what counts rows of one training; `epochs` is how long it is."""
TIMES = frozenset(
    {
        *("time", "date", "datetime", "timestamp", "duration", "elapsed", "walltime", "runtime", "started", "finished"),
        *("hours", "minutes", "seconds", "second", "secs", "ms", "latency", "throughput"),
    }
)
MEASURED = frozenset({"gap", "peak_memory", "attempts", "draws", "message", "checkpoint", "path", "file", "log"})
"""Whole names of what else differs between trainings of one network."""
ROWS = frozenset({"index", "idx", "job", "row", "run", "trial", "unnamed"})
IDS = frozenset({"hash", "id", "ids", "uid", "uuid"})
RUN_IDS = [[word, "id"] for word in sorted(ROWS)]
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
WORD = re.compile(r"top[ _-]?\d+|[a-z]+|\d+")


def words(name: str) -> list[str]:
    """The words of a name in small letters: `valAcc` and `val_acc` are val, acc; `top-1` is top1."""
    found = (re.sub(r"[ _-]", "", word) for word in WORD.findall(CAMEL.sub(" ", name).lower()))
    return [_without_split(word) for word in found]


def _without_split(word: str) -> str:
    return next((rest for split in SPLITS if (rest := word.removeprefix(split)) in RESULTS and rest != word), word)


RESULTS = ERRORS | LOSSES | ACCURACIES


def is_result(name: str) -> bool:
    """Whether it is an error, an accuracy or a loss of a training: `val_acc_std` is, `loss_weight` isn't."""
    own = words(name)
    places = [place for place, word in enumerate(own) if word in RESULTS or re.fullmatch(r"top\d+", word)]
    return bool(places) and all(word in QUALIFIERS or word.isdigit() for word in own[places[-1] + 1 :])


def is_error(name: str) -> bool:
    """Whether it is named as an error or a loss."""
    return bool(set(words(name)) & (ERRORS | LOSSES))


def is_loss(name: str) -> bool:
    """Whether it is named as a loss, which has no unit."""
    return bool(set(words(name)) & LOSSES)


def is_accuracy(name: str) -> bool:
    """Whether it is named as something of which more is better, and as no error: `top1` is, `top1_err` isn't."""
    named = any(word in ACCURACIES | SCORES or re.fullmatch(r"top\d+", word) for word in words(name))
    return named and not is_error(name) and not NDS_ERRORS.match(name)


def is_of_training(name: str) -> bool:
    """Whether it may differ between trainings of one network: its results, seed, time and number."""
    measured = name.lower() in MEASURED or bool(set(words(name)) & TIMES)
    return is_result(name) or measured or is_seed(name) or is_of_row(name)


def is_seed(name: str) -> bool:
    """Whether it says which training of a network a row is: its seed, or the number of its repetition."""
    return is_repeat(name) or words(name) == ["random", "state"] or bool(set(words(name)) & SEEDS)


def is_repeat(name: str) -> bool:
    """Whether it numbers the trainings of a network: `fold`, `cv_fold`, `repeat_id`."""
    own = words(name)
    return any(word in REPEATS for word in own) and all(word in REPEATS | NUMBERS or word.isdigit() for word in own)


def is_of_row(name: str) -> bool:
    """Whether it numbers rows: `trial`, `run_id`, `index`."""
    own = words(name)
    return bool(own) and (own[-1] in ROWS or own[0] in ROWS & {"trial", "unnamed"} or own in RUN_IDS)


def is_id(name: str) -> bool:
    """Whether it names rows or networks: `id`, `hash`, `trial`, `seed`."""
    own = words(name)
    return is_of_row(name) or (bool(own) and own[-1] in IDS | SEEDS)
