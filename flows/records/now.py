"""Read a run as it is now: one moment of the database, kept up as the run goes on, in bounded memory; never written."""

import shlex
from collections.abc import Iterable
from datetime import datetime, time
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from alembic.script import ScriptDirectory
from sqlalchemy import ColumnElement, Connection, Engine, Table, select, true

from flows.records.database import alembic_config, head, reading, revision
from flows.records.faults import DatabaseUnavailable, masked
from flows.records.now_parts import (
    Attempt,
    Beat,
    Candle,
    ChainLine,
    Decided,
    Execution,
    Mark,
    Money,
    Position,
    Run,
    Snapshot,
    Trouble,
)
from flows.records.tables import (
    bars,
    chains_now,
    fills,
    heartbeat,
    marks,
    marks_now,
    positions_now,
    run_attempts,
    runs,
    signals,
)
from operators import sessions

BARS_KEPT = 240  # a ticker: four hours of minutes, as many as half a screen can tell apart
BARS_READ = 20 * BARS_KEPT  # at a look, newest first: all that is kept of 20 tickers
FILLS_KEPT = 500
MARKS_KEPT = 1_440  # more than a day has minutes of trading
SIGNALS_SHOWN = 20

Kind = TypeVar("Kind", bound=msgspec.Struct)
Timed = TypeVar("Timed", Candle, Mark, Execution)


def unfit(engine: Engine) -> Trouble | None:
    """Why the tables are not those of this program, None if they are."""
    try:
        found = revision(engine)
    except DatabaseUnavailable as error:
        return Trouble("unreachable", str(error))
    if found == head():
        return None
    shown = masked(engine.url)
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if found is not None and found not in known:
        return Trouble(
            "newer", f"database {shown} is at {found}, this program knows up to {head()}: install the newer one"
        )
    has = "has no tables yet" if found is None else f"is at {found} and this program needs {head()}"
    return Trouble("upgrade", f"database {shown} {has}; run `scalp db upgrade --database {shlex.quote(shown)}`")


class Follower:
    """Looks at the newest run again and again and reads only what is new of its bars, marks and fills."""

    def __init__(self) -> None:
        self._begin("")

    def look(self, engine: Engine) -> Snapshot | Trouble:
        """The run as it is now, or why there is none."""
        try:
            with reading(engine) as connection:
                book_id = _newest_book(connection)
                if book_id is None:
                    return Trouble(
                        "no_run", "this database holds no run yet; start one, for example with `scalp replay`"
                    )
                return self._snapshot(connection, book_id)
        except DatabaseUnavailable as error:
            return Trouble("unreachable", str(error))

    def _begin(self, book_id: str) -> None:
        self._book_id, self._seen_seq = book_id, 0
        self._candles: dict[str, tuple[Candle, ...]] = {}
        self._marks: tuple[Mark, ...] = ()
        self._executions: tuple[Execution, ...] = ()

    def _snapshot(self, connection: Connection, book_id: str) -> Snapshot:
        beat, money = _one(connection, Beat, heartbeat, book_id), _one(connection, Money, marks_now, book_id)
        # A run that is repeated finds its facts there already: what lies beyond its present is not shown.
        seq = money.tape_seq if money is not None and beat is not None and beat.state == "running" else None
        if book_id != self._book_id or (seq is not None and seq < self._seen_seq):
            self._begin(book_id)
        self._seen_seq = seq or self._seen_seq
        self._advance(connection, seq)
        return Snapshot(
            run=_one(connection, Run, runs, book_id),
            attempt=_attempt(connection, book_id),
            beat=beat,
            money=money,
            positions=tuple(_rows(connection, Position, positions_now, book_id, order=[positions_now.c.entered_at])),
            chains=tuple(_rows(connection, ChainLine, chains_now, book_id, order=[chains_now.c.underlying])),
            decided=_decided(connection, book_id, seq),
            candles=self._candles,
            marks=self._marks,
            executions=self._executions,
        )
