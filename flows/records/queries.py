"""Read the records back: the digest of a book, its scalps, what was refused; a few thousand rows in memory at most."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Engine,
    Integer,
    Select,
    String,
    Table,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from flows.records.database import reading
from flows.records.tables import etf_scalps, metadata, natural_key, options_scalps, run_attempts, runs, signals

OPTION_MULTIPLIER = 100  # shares a contract, as every option in the tables
NOT_HASHED_TABLES = (
    *("runs", "run_attempts", "heartbeat", "ledger_marks", "commands"),
    *("marks_now", "positions_now", "chains_now"),
)
DATABASE_COLUMNS = ("id", "created_at", "recorded_at", "updated_at")
OPEN, ENDED = ("open",), ("closed", "expired")

Plain = str | int | float | None
Trade = dict[str, Plain]


def records_sha256(engine: Engine, book_id: str) -> str:
    """Digest of a book's rows as they are read back, alike on every database; raises DatabaseUnavailable.

    SHA-256 over one line of JSON a row: its table, then its values as `plain` gives them. Tables by name, columns by
    name, rows by natural key; without surrogate ids, wall times and the tables of runs.
    """
    digest = hashlib.sha256()
    with reading(engine) as connection:
        for name in sorted(set(metadata.tables) - set(NOT_HASHED_TABLES)):
            table = metadata.tables[name]
            columns = [table.c[column] for column in sorted(recorded(table))]
            for row in connection.execute(rows_of(engine, table, book_id, columns)):
                digest.update(json.dumps([name, *map(plain, row)]).encode() + b"\n")
    return digest.hexdigest()


def recorded(table: Table) -> list[str]:
    """The columns that belong to the record: all but surrogate ids and wall times."""
    return [column.name for column in table.columns if column.name not in DATABASE_COLUMNS]


def rows_of(engine: Engine, table: Table, book_id: str, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """These columns of a book's rows, by natural key."""
    key = [in_code_order(engine, column) for column in natural_key(table)]
    return select(*columns).where(table.c.book_id == book_id).order_by(*key)


def in_code_order(engine: Engine, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column to sort by: text by code points, whatever the collation of a PostgreSQL database."""
    collation = "C" if engine.dialect.name == "postgresql" else "BINARY"
    return column.collate(collation) if isinstance(column.type, String) else column


def plain(value: object) -> Plain:
    """A value of a column as text or number that is the same on every database; None stays None.

    Decimal in full and without exponent, times ISO 8601 UTC with six digits, -0.0 as 0.0 (SQLite drops the sign).
    """
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return value + 0.0
    assert value is None or isinstance(value, str | int), f"a column gave {type(value).__name__}"
    return value


def trades(engine: Engine, book_id: str) -> Iterator[Trade]:
    """A book's ended scalps of both tables by entry time, then signal id; raises DatabaseUnavailable.

    Prices are per share and money net of fees, as decimal text; `pnl_pct` is a fraction of cost; what is unknown is
    None, as the exit of an option that expired without a price.
    """
    return _scalps(engine, book_id, ENDED)


def open_positions(engine: Engine, book_id: str) -> list[Trade]:
    """A book's open scalps in the form of `trades`, exit and P&L None; raises DatabaseUnavailable."""
    return list(_scalps(engine, book_id, OPEN))


def _scalps(engine: Engine, book_id: str, statuses: tuple[str, ...]) -> Iterator[Trade]:
    both = _both_tables(book_id, statuses).subquery("scalps")
    born = (signals.c.book_id == book_id) & (signals.c.signal_id == both.c.signal_id)
    shown = [column for column in both.c if column.name != "ticker"]
    query = (
        select(func.coalesce(signals.c.ticker, both.c.ticker).label("ticker"), *shown, signals.c.conviction)
        .select_from(both.outerjoin(signals, born))
        .order_by(both.c.entry_time, in_code_order(engine, both.c.signal_id))
    )
    with reading(engine) as connection:
        for row in connection.execute(query).mappings():
            yield {name: plain(value) for name, value in row.items()}


def _both_tables(book_id: str, statuses: tuple[str, ...]) -> CompoundSelect[Any]:
    option, fund = options_scalps.c, etf_scalps.c
    bias = case((option.direction == "long_call", "long"), (option.direction == "long_put", "short"))
    options = select(
        literal("option").label("kind"),
        option.ticker,
        func.replace(option.option_symbol, " ", "", type_=String).label("symbol"),
        func.coalesce(bias, option.direction).label("direction"),
        option.contracts.label("quantity"),
        literal(OPTION_MULTIPLIER).label("multiplier"),
        option.entry_premium.label("entry_price"),
        option.exit_premium.label("exit_price"),
        option.dte,
        *_shared(options_scalps),
    ).where(option.book_id == book_id, option.status.in_(statuses))
    funds = select(
        literal("etf"),
        fund.original_ticker,
        fund.ticker,
        fund.direction,
        fund.shares,
        literal(1),
        fund.entry_price,
        fund.exit_price,
        cast(null(), Integer),
        *_shared(etf_scalps),
    ).where(fund.book_id == book_id, fund.status.in_(statuses))
    return union_all(options, funds)


def _shared(table: Table) -> list[ColumnElement[Any]]:
    names = ("signal_id", "entry_time", "exit_time", "exit_reason", "fees", "pnl", "pnl_pct")
    return [table.c[name] for name in names]


def refusals(engine: Engine, book_id: str) -> dict[str, int]:
    """How many of a book's signals were refused for each code, most first; raises DatabaseUnavailable."""
    code = func.coalesce(signals.c.code, "unknown")
    refused = select(code, func.count()).where(signals.c.book_id == book_id, signals.c.decision == "refused")
    with reading(engine) as connection:
        counts = [(str(name), int(count)) for name, count in connection.execute(refused.group_by(code))]
    return dict(sorted(counts, key=lambda pair: (-pair[1], pair[0])))


def count_unfilled(engine: Engine, book_id: str) -> int:
    """How many of a book's signals entered and were never filled; raises DatabaseUnavailable."""
    filled = [select(t.c.signal_id).where(t.c.book_id == book_id) for t in (options_scalps, etf_scalps)]
    entered = select(func.count()).where(signals.c.book_id == book_id, signals.c.decision == "entered")
    with reading(engine) as connection:
        return connection.execute(entered.where(signals.c.signal_id.not_in(union_all(*filled)))).scalar_one()


def count_signals(engine: Engine, book_id: str) -> int:
    """How many signals a book has, refused ones included; raises DatabaseUnavailable."""
    with reading(engine) as connection:
        of_book = select(func.count()).select_from(signals).where(signals.c.book_id == book_id)
        return connection.execute(of_book).scalar_one()


def has_book(engine: Engine, book_id: str) -> bool:
    """Whether a run of this book was recorded; raises DatabaseUnavailable."""
    with reading(engine) as connection:
        return connection.execute(select(runs.c.book_id).where(runs.c.book_id == book_id)).first() is not None


def latest_book(engine: Engine) -> str | None:
    """The book of the newest attempt, None before the first; raises DatabaseUnavailable."""
    newest = select(run_attempts.c.book_id).order_by(run_attempts.c.id.desc()).limit(1)
    with reading(engine) as connection:
        return connection.execute(newest).scalar_one_or_none()
