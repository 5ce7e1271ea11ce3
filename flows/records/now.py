"""Read a run as it is now: one moment of the database, kept up as the run goes on, in bounded memory; never written."""

from collections.abc import Iterable, Sequence
from datetime import time
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, select

from flows.records.columns import LARGEST_BIGINT
from flows.records.database import head, known_revisions, reading, revision, upgrade_command
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
from operators.codes import Refusal

BARS_KEPT = 240  # a ticker: four hours of minutes, as many as half a screen can tell apart
BARS_READ = 20 * BARS_KEPT  # at a look, newest first: all that is kept of 20 tickers
FILLS_KEPT = 500
MARKS_KEPT = 1_440  # more than a day has minutes of trading
SIGNALS_SHOWN = 20

NO_RUN = Trouble("no_run", "the database holds no run yet; start one, for example with `scalp run --speed 60`")

Candles = dict[str, tuple[Candle, ...]]
Kind = TypeVar("Kind", bound=msgspec.Struct)


def unfit(engine: Engine) -> Trouble | None:
    """Why the tables are not those of this program, None if they are."""
    try:
        found = revision(engine)
    except DatabaseUnavailable as error:
        return Trouble("unreachable", str(error))
    if found == head():
        return None
    shown = masked(engine.url)
    if found is not None and found not in known_revisions():
        return Trouble(
            "newer", f"database {shown} is at {found}, this program knows up to {head()}: install the newer one"
        )
    has = "has no tables yet" if found is None else f"is at {found} and this program needs {head()}"
    return Trouble("upgrade", f"database {shown} {has}; run `{upgrade_command(engine.url)}`")


class Span(NamedTuple):
    """The events of a book after one and up to another."""

    book_id: str
    after: int
    until: int


class Follower:
    """Looks at the newest run again and again, and reads of its bars, marks and fills only what is new."""

    def __init__(self) -> None:
        self._begin("")

    def look(self, engine: Engine) -> Snapshot | Trouble:
        """The run as it is now, or why there is none to be seen."""
        try:
            with reading(engine, few=True) as connection:
                book_id = _newest_book(connection)
                run = None if book_id is None else _one(connection, Run, runs, book_id)
                return NO_RUN if run is None else self._snapshot(connection, run)
        except DatabaseUnavailable as error:
            return Trouble("unreachable", str(error))

    def _begin(self, book_id: str) -> None:
        self._book_id = book_id
        self._candles: Candles = {}
        self._marks: tuple[Mark, ...] = ()
        self._executions: tuple[Execution, ...] = ()

    def _snapshot(self, connection: Connection, run: Run) -> Snapshot:
        money = _one(connection, Money, marks_now, run.book_id)
        # A run that is repeated finds its facts there already: what lies beyond its present is not shown.
        present = LARGEST_BIGINT if money is None else money.tape_seq
        if run.book_id != self._book_id or present < _last(*self._candles.values(), self._marks, self._executions):
            self._begin(run.book_id)
        self._advance(connection, present)
        return Snapshot(
            run=run,
            attempt=_attempt(connection, run.book_id),
            beat=_one(connection, Beat, heartbeat, run.book_id),
            money=money,
            positions=_all(connection, Position, positions_now, run.book_id, "entered_at"),
            chains=_all(connection, ChainLine, chains_now, run.book_id, "underlying"),
            decided=_decided(connection, Span(run.book_id, 0, present)),
            candles=self._candles,
            marks=self._marks,
            executions=self._executions,
        )

    def _advance(self, connection: Connection, present: int) -> None:
        """Reads what was added up to `present`."""
        span = Span(self._book_id, _last(*self._candles.values()), present)
        added = _newest(connection, Candle, select(*_columns(bars, Candle)), span, BARS_READ)
        # As many as are read at once may have left a hole behind them.
        self._candles = _grown({} if len(added) == BARS_READ else self._candles, added)
        self._marks = _marked(connection, span, self._marks)
        span = span._replace(after=_last(self._executions))
        filled = _newest(connection, Execution, _executed(), span, FILLS_KEPT)
        self._executions = (*self._executions, *filled)[-FILLS_KEPT:] if filled else self._executions


def _grown(candles: Candles, added: Iterable[Candle]) -> Candles:
    """The candles with more behind them; a ticker that has no new ones keeps the very same tuple."""
    found: dict[str, list[Candle]] = {}
    for candle in added:
        found.setdefault(candle.ticker, []).append(candle)
    return candles | {ticker: (*candles.get(ticker, ()), *rows)[-BARS_KEPT:] for ticker, rows in found.items()}


def _decided(connection: Connection, span: Span) -> tuple[Decided, ...]:
    """The newest signals of tickers that may trade, newest first: funds with bars on the tape give others."""
    query = select(*_columns(signals, Decided)).where(signals.c.code.is_distinct_from(Refusal.TICKER))
    return tuple(_newest(connection, Decided, query, span, SIGNALS_SHOWN)[::-1])


def _executed() -> Select[Any]:
    """Fills with the ticker of their signal, on whose chart they are marked."""
    born = (signals.c.book_id == fills.c.book_id) & (signals.c.signal_id == fills.c.signal_id)
    columns = [signals.c.ticker if name == "ticker" else fills.c[name] for name in Execution.__struct_fields__]
    return select(*columns).select_from(fills.join(signals, born))


def _newest(connection: Connection, kind: type[Kind], query: Select[Any], span: Span, most: int) -> list[Kind]:
    """The newest rows of a query within the span, at most so many, oldest first."""
    seq = query.selected_columns["tape_seq"]
    within = seq.table.c.book_id == span.book_id, seq > span.after, seq <= span.until
    found = connection.execute(query.where(*within).order_by(seq.desc()).limit(most))
    return [kind(*row) for row in found][::-1]


def _marked(connection: Connection, span: Span, known: tuple[Mark, ...]) -> tuple[Mark, ...]:
    """The marks with newer ones behind them, those of the last New York day; the very same tuple if there are none."""
    query = select(*_columns(marks, Mark)).where(marks.c.book_id == span.book_id, marks.c.tape_seq <= span.until)
    if known:
        query = query.where(marks.c.marked_at > known[-1].marked_at)
    added = [Mark(*row) for row in connection.execute(query.order_by(marks.c.marked_at.desc()).limit(MARKS_KEPT))]
    if not added:
        return known
    start = sessions.at(added[0].marked_at.astimezone(sessions.NEW_YORK).date(), time())
    return tuple(row for row in (*known, *added[::-1]) if sessions.ns(row.marked_at) >= start)


def _last(*kept: Sequence[Candle | Mark | Execution]) -> int:
    """The newest event that was read of these rows, 0 before the first."""
    return max((rows[-1].tape_seq for rows in kept if rows), default=0)


def _newest_book(connection: Connection) -> str | None:
    """The book whose heart beat last, else that of the newest attempt."""
    beats = select(heartbeat.c.book_id).order_by(heartbeat.c.beat_at.desc()).limit(1)
    attempts = select(run_attempts.c.book_id).order_by(run_attempts.c.id.desc()).limit(1)
    found = connection.execute(beats).scalar_one_or_none()
    return found or connection.execute(attempts).scalar_one_or_none()


def _attempt(connection: Connection, book_id: str) -> Attempt | None:
    query = select(*_columns(run_attempts, Attempt)).where(run_attempts.c.book_id == book_id)
    row = connection.execute(query.order_by(run_attempts.c.id.desc()).limit(1)).first()
    return None if row is None else Attempt(*row)


def _one(connection: Connection, kind: type[Kind], table: Table, book_id: str) -> Kind | None:
    """The book's row of a table that has one a book."""
    row = connection.execute(select(*_columns(table, kind)).where(table.c.book_id == book_id)).first()
    return None if row is None else kind(*row)


def _all(connection: Connection, kind: type[Kind], table: Table, book_id: str, by: str) -> tuple[Kind, ...]:
    query = select(*_columns(table, kind)).where(table.c.book_id == book_id).order_by(table.c[by])
    return tuple(kind(*row) for row in connection.execute(query))


def _columns(table: Table, kind: type[msgspec.Struct]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in kind.__struct_fields__]
