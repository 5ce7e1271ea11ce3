"""Which signal is meant by the beginning of an id."""

from typing import NamedTuple

from sqlalchemy import Engine, RowMapping, func, select

from flows.records.database import reading
from flows.records.queries import has_book, in_code_order
from flows.records.story import NoSignal
from flows.records.tables import run_attempts, signals
from operators.sessions import NEW_YORK

SHORTEST_BEGINNING = 4
NAMED_AT_MOST = 10


class Found(NamedTuple):
    """The one signal that is meant."""

    book_id: str
    signal_id: str


def find(engine: Engine, beginning: str, book_id: str | None = None) -> Found:
    """The signal with this id or unique beginning of one, in this book or else in the newest that has it.

    Raises NoSignal, which lists the signals where several are meant, DatabaseUnavailable.
    """
    if book_id is not None and not has_book(engine, book_id):
        raise NoSignal(f"the database has no book {book_id}")
    columns = signals.c
    start = func.substr(columns.signal_id, 1, len(beginning)) == beginning  # LIKE ignores case on SQLite alone
    attempts = select(func.max(run_attempts.c.id)).where(run_attempts.c.book_id == columns.book_id).scalar_subquery()
    newest = func.coalesce(attempts, 0).desc()
    found = (
        select(columns.signal_id, columns.book_id, columns.ticker, columns.direction, columns.bar_close)
        .where(start if book_id is None else start & (columns.book_id == book_id))
        .order_by(in_code_order(engine, columns.signal_id), newest, in_code_order(engine, columns.book_id))
    )
    with reading(engine) as connection:
        matches: dict[str, RowMapping] = {}
        for row in connection.execute(found).mappings():
            matches.setdefault(row["signal_id"], row)
    return _one(matches, beginning, "the database" if book_id is None else f"book {book_id}")


def _one(matches: dict[str, RowMapping], beginning: str, place: str) -> Found:
    """The match that is meant. A whole id is meant even where it is short, or the beginning of another."""
    if beginning in matches:
        return Found(matches[beginning]["book_id"], beginning)
    if len(beginning) < SHORTEST_BEGINNING:
        raise NoSignal(f"{beginning!r} is too short: give the signal's id or its first {SHORTEST_BEGINNING} characters")
    if not matches:
        raise NoSignal(f"{place} has no signal {beginning}; `scalp export signals` lists those of a book")
    if len(matches) > 1:
        named = "; ".join(map(_named, list(matches.values())[:NAMED_AT_MOST]))
        more = f"; and {len(matches) - NAMED_AT_MOST} more" if len(matches) > NAMED_AT_MOST else ""
        raise NoSignal(f"{beginning} is the beginning of {len(matches)} signals: {named}{more}")
    (row,) = matches.values()
    return Found(row["book_id"], row["signal_id"])


def _named(row: RowMapping) -> str:
    closed = row["bar_close"].astimezone(NEW_YORK)
    return f"{row['signal_id']} {row['ticker']} {row['direction']} {closed:%Y-%m-%d %H:%M} New York"
