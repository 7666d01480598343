"""Runs of before they had tables of their own: their trials lie in Optuna's tables, as Optuna 3.2 to 5.0 made them.

They are only read; the next command that trains copies what is finished to our tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy
from sqlalchemy import column, select, table

from nas.storage.tables import Row, State

FINISHED = ("COMPLETE", "PRUNED", "FAIL")
"""States of trials that are over."""
TRIALS = table("trials", *map(column, ("trial_id", "number", "state", "datetime_start", "datetime_complete")))
ATTRIBUTES = table("trial_user_attributes", *map(column, ("trial_id", "key", "value_json")))
WRONG = table("wrong_images", column("trial"), column("bits"))
ROWS = (
    select(
        TRIALS.c.number, TRIALS.c.state, TRIALS.c.datetime_start, TRIALS.c.datetime_complete, ATTRIBUTES.c.value_json
    )
    .outerjoin_from(TRIALS, ATTRIBUTES, (ATTRIBUTES.c.trial_id == TRIALS.c.trial_id) & (ATTRIBUTES.c.key == "record"))
    .order_by(TRIALS.c.number)
)


NAMES = {"studies", TRIALS.name}
"""Optuna makes its tables one after another, studies first."""


def there(connection: sqlalchemy.Connection) -> bool:
    """Whether a database has these tables."""
    return {TRIALS.name, ATTRIBUTES.name} <= {*sqlalchemy.inspect(connection).get_table_names()}


def rows(connection: sqlalchemy.Connection) -> Iterable[Row]:
    """All trials, in the order of their numbers; whose parameters aren't read."""
    for number, state, began, ended, record in connection.execute(ROWS):
        over = state in FINISHED
        yield Row(
            run="",
            number=number,
            state=State.FINISHED if over else State[state],
            space="",
            point="{}",
            began=_moment(began),
            ended=_moment(ended),
            record=record or "" if over else None,
            sha256=None,
        )


def wrong_images(connection: sqlalchemy.Connection) -> list[tuple[int, bytes]]:
    """Bits of wrong images, by trial; none in runs of before they were kept."""
    if not sqlalchemy.inspect(connection).has_table(WRONG.name):
        return []
    return [(trial, bits) for trial, bits in connection.execute(select(WRONG).order_by(WRONG.c.trial))]


def remove_wrong_images(connection: sqlalchemy.Connection) -> None:
    """Drop what was copied."""
    sqlalchemy.Table(WRONG.name, sqlalchemy.MetaData()).drop(connection, checkfirst=True)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
