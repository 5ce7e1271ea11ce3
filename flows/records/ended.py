"""Reads ended scalps of both tables in one order, from a place on: what a page of `history` is cut from.

The order is exit time, signal id by code points, kind, on every database. Each table's branch is narrowed, sorted and
limited by itself, so that an index gives its rows and no more are read than asked for; then the two are merged. The
indexes end in `exit_time, signal_id`. On PostgreSQL they have the collation of the database and serve the time alone:
what ended at one microsecond is sorted in memory (an incremental sort, PostgreSQL 13), and that are a few rows, some
hundred where options expire together.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    String,
    Table,
    and_,
    case,
    false,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from flows.records.columns import UtcTime
from flows.records.queries import in_code_order
from flows.records.tables import etf_scalps, options_scalps, signals
from operators import sessions

Kind = Literal["option", "fund"]
TABLES: dict[Kind, Table] = {"option": options_scalps, "fund": etf_scalps}
SIGNAL_TICKER = {"option": options_scalps.c.ticker, "fund": etf_scalps.c.original_ticker}


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which ended scalps are meant; None asks nothing. `ticker` is the signal's, days are New York's of the exit.

    `won` means a P&L over 0, False one of 0 or less; a scalp whose P&L is unknown is neither. Both days are included.
    """

    kind: Kind | None = None
    ticker: str | None = None
    exit_reason: str | None = None
    won: bool | None = None
    first_day: date | None = None
    last_day: date | None = None


class Cursor(msgspec.Struct, frozen=True):
    """A place in the list: that of a row, which belongs neither to what is older nor to what is newer."""

    exit_time: datetime
    signal_id: str
    kind: Kind


class Row(msgspec.Struct, frozen=True):
    """An ended scalp. Prices are a share's, `pnl` is net of `fees`, `pnl_pct` a fraction of cost; unknown is None.

    `ticker` is the signal's. Rows from before migration 137 may lack both: the id is empty then, the ticker the fund's.
    """

    kind: Kind
    signal_id: str
    ticker: str
    symbol: str
    direction: str
    quantity: int
    entry_price: Decimal
    exit_price: Decimal | None
    pnl: Decimal | None
    pnl_pct: float | None
    fees: Decimal | None
    exit_reason: str | None
    entry_time: datetime
    exit_time: datetime
    status: str
    second_half: str | None
    conviction: float | None
    held_seconds: float

    @property
    def place(self) -> Cursor:
        """Where the row stands in the list."""
        return Cursor(self.exit_time, self.signal_id, self.kind)


def ended(
    engine: Engine, book_id: str, chosen: Filter, cursor: Cursor | None, limit: int, *, newer: bool = False
) -> Select[Any]:
    """The rows next to the cursor, nearest first: older ones, else newer; with no cursor from that end of the list.

    Its columns are the fields of Row but for the last.
    """
    kinds = (chosen.kind,) if chosen.kind else tuple(TABLES)
    branches = [select(_branch(engine, kind, book_id, chosen, cursor, limit, newer).subquery()) for kind in kinds]
    both = (union_all(*branches) if len(branches) > 1 else branches[0]).subquery("ended")
    born = _is(signals.c.book_id, book_id) & (signals.c.signal_id == both.c.signal_id)
    # Looked up row by row: joined, a database may prefer to read all signals of the book.
    conviction = select(signals.c.conviction).where(born).scalar_subquery()
    order = (both.c.exit_time, in_code_order(engine, both.c.signal_id), both.c.kind)
    sorted_ = [column.asc() if newer else column.desc() for column in order]
    return select(*both.c, conviction).order_by(*sorted_).limit(limit)


def _branch(
    engine: Engine, kind: Kind, book_id: str, chosen: Filter, cursor: Cursor | None, limit: int, newer: bool
) -> Select[Any]:
    table = TABLES[kind]
    place = (table.c.exit_time, in_code_order(engine, table.c.signal_id))
    order = [column.asc() if newer else column.desc() for column in place]
    asked = _asked(engine, kind, book_id, chosen)
    within = _within(tuple_(*place, literal(kind)), table.c.exit_time, chosen, cursor, newer)
    return select(*_columns(kind)).where(*asked, *within).order_by(*order).limit(limit)


def _asked(engine: Engine, kind: Kind, book_id: str, chosen: Filter) -> list[ColumnElement[bool]]:
    """What a row must be, but for its time. An ended scalp has an exit time, as the desk tells it."""
    scalp = TABLES[kind].c
    # As an inequality no index serves it: SQLite would take the one of ticker and status, and sort what it finds.
    wanted = [_is(scalp.book_id, book_id), scalp.exit_time.is_not(None), scalp.status != "open"]
    for column, text in ((SIGNAL_TICKER[kind], chosen.ticker), (scalp.exit_reason, chosen.exit_reason)):
        if text is not None:
            # SQLite knows no numbers of rows, and takes two bounds of time for narrower than a ticker unless told.
            rare = func.unlikely if engine.dialect.name == "sqlite" else and_
            wanted.append(rare(_is(column, text)))
    if chosen.won is not None:
        wanted.append(scalp.pnl > Decimal(0) if chosen.won else scalp.pnl <= Decimal(0))
    return wanted


def _is(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column == str(text) if storable(text) else false()


def storable(text: str) -> bool:
    """Whether a database can hold the text; one that cannot equals no row's, and PostgreSQL would refuse to compare."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _within(
    place: ColumnElement[Any], exit_time: ColumnElement[Any], chosen: Filter, cursor: Cursor | None, newer: bool
) -> list[ColumnElement[bool]]:
    """The times that are meant. On either side one bound alone: of two, SQLite may seek to the farther one."""
    start = None if chosen.first_day is None else _midnight(chosen.first_day)
    end = None if chosen.last_day in (None, date.max) else _midnight(chosen.last_day + timedelta(days=1))
    bounds = []
    if cursor is not None:
        at = tuple_(literal(cursor.exit_time, UtcTime), literal(cursor.signal_id, String), literal(cursor.kind))
        if newer and (start is None or start <= cursor.exit_time):
            start, bounds = None, [place > at]
        elif not newer and (end is None or cursor.exit_time < end):
            end, bounds = None, [place < at]
    if start is not None:
        bounds.append(exit_time >= start)
    if end is not None:
        bounds.append(exit_time < end)
    return bounds


def _midnight(day: date) -> datetime:
    """When a day of New York begins."""
    return sessions.utc(sessions.at(day, time()))


def _columns(kind: Kind) -> list[ColumnElement[Any]]:
    """The fields of Row as far as a table of scalps knows them, in their order."""
    option, fund = options_scalps.c, etf_scalps.c
    bias = case((option.direction == "long_call", "long"), (option.direction == "long_put", "short"))
    symbol = func.replace(option.option_symbol, " ", "", type_=String)
    own: dict[Kind, list[ColumnElement[Any]]] = {
        "option": [option.ticker, symbol, func.coalesce(bias, option.direction), option.contracts],
        "fund": [func.coalesce(fund.original_ticker, fund.ticker), fund.ticker, fund.direction, fund.shares],
    }
    own["option"] += [option.entry_premium, option.exit_premium]
    own["fund"] += [fund.entry_price, fund.exit_price]
    shared = TABLES[kind].c
    first = [literal(kind), func.coalesce(shared.signal_id, "")]
    names = Row.__struct_fields__[:-2]
    told = [*first, *own[kind]]
    told += [shared[name] for name in names[len(told) :]]
    return [column.label(name) for name, column in zip(names, told, strict=True)]
