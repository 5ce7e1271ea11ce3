"""Turns over a book's ended scalps as one list, newest exit first: by pages, as CSV, and what there is to choose from.

A page begins where another ended and never at a number of rows, and nothing is counted: the last page of a million
rows costs what the first one costs, and rows that come meanwhile shift nothing.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import astuple
from sqlalchemy import Column, Connection, Engine, Select, func, select, union

from flows.records.csv_line import csv_line
from flows.records.database import FETCH_ROWS, reading
from flows.records.ended import Cursor, Filter, Kind, Row, ended, storable
from flows.records.queries import in_code_order, plain
from flows.records.tables import etf_scalps, heartbeat, options_scalps, runs
from operators.codes import ExitReason

__all__ = ["Book", "Choices", "Cursor", "Filter", "Kind", "Page", "Row", "books", "choices", "csv_lines", "page"]

PAGE_ROWS = 50
BOOKS = 20
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a cell that a spreadsheet may run. Source: OWASP, "CSV Injection"."""
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Page(msgspec.Struct, frozen=True):
    """Rows, newest first, and where to read on: `page(after=older)`, `page(before=newer)`; None: there is nothing."""

    rows: tuple[Row, ...]
    older: Cursor | None
    newer: Cursor | None


class Choices(msgspec.Struct, frozen=True):
    """What a filter can ask for: tickers of the book's signals that became scalps, and every reason to leave."""

    tickers: tuple[str, ...]
    exit_reasons: tuple[ExitReason, ...]


class Book(msgspec.Struct, frozen=True):
    """A book to choose: `marks` say what is not real in it, `tape_at` how far its tape had come, None before it ran."""

    book_id: str
    mode: str
    marks: tuple[str, ...]
    first_recorded: datetime
    tape_at: datetime | None


def page(
    engine: Engine, book_id: str, chosen: Filter, *, after: Cursor | None = None, before: Cursor | None = None
) -> Page:
    """The newest rows, or those next to a cursor: older ones `after` it, newer ones `before` it; 50 at most.

    Raises ValueError for two cursors, DatabaseUnavailable.
    """
    if after is not None and before is not None:
        raise ValueError("a page lies after one cursor or before one, not between two")
    cursor, newer = (after, False) if before is None else (before, True)
    with reading(engine, few=True) as connection:
        found = _rows(connection, ended(engine, book_id, chosen, cursor, PAGE_ROWS + 1, newer=newer))
        rows, more = found[:PAGE_ROWS], len(found) > PAGE_ROWS
        if not rows:
            return Page((), None, None)
        behind = False
        if cursor is not None:  # its own row need not be there (any more), so what lies behind is asked for
            back = ended(engine, book_id, chosen, rows[0].place, 1, newer=not newer)
            behind = connection.execute(back).first() is not None
    rows = rows[::-1] if newer else rows
    is_older, is_newer = (behind, more) if newer else (more, behind)
    return Page(tuple(rows), rows[-1].place if is_older else None, rows[0].place if is_newer else None)


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    found = ((*row, (row.exit_time - row.entry_time).total_seconds()) for row in connection.execute(query))
    return [Row(*values) for values in found]


def csv_lines(engine: Engine, book_id: str, chosen: Filter) -> Iterator[str]:
    """All rows as CSV, newest first, a heading and then a line each with its end; some thousand rows in memory.

    Values as `export` writes them, but text that a spreadsheet would run begins with an apostrophe. No transaction is
    open while the caller is away, however slow a download is; what ends meanwhile is newer than all that is still to
    be read. Raises DatabaseUnavailable.
    """
    yield csv_line(Row.__struct_fields__)
    rows: Sequence[Row] = ()
    after: Cursor | None = None
    while after is None or len(rows) == FETCH_ROWS:
        with reading(engine) as connection:
            rows = _rows(connection, ended(engine, book_id, chosen, after, FETCH_ROWS))
        if not rows:
            return
        after = rows[-1].place
        for row in rows:
            yield csv_line(_cell(value) for value in astuple(row))


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) and not NUMBER.fullmatch(value) else value
    return plain(value)


def choices(engine: Engine, book_id: str) -> Choices:
    """What a book's history can be narrowed to; looks at one row of an index a ticker. Raises DatabaseUnavailable."""
    if not storable(book_id):
        return Choices((), tuple(ExitReason))
    steps = (_steps(column, book_id) for column in (options_scalps.c.ticker, etf_scalps.c.original_ticker))
    with reading(engine, few=True) as connection:
        return Choices(tuple(sorted(connection.execute(union(*steps)).scalars())), tuple(ExitReason))


def _steps(column: Column[Any], book_id: str) -> Select[Any]:
    """The values of an indexed column, each found as the smallest after the one before."""
    table = column.table
    smallest = select(func.min(column).label("value")).where(table.c.book_id == book_id)
    walk = smallest.cte(f"{table.name}_walk", recursive=True)
    following = smallest.where(column > walk.c.value).correlate(walk).scalar_subquery()
    walk = walk.union_all(select(following).where(walk.c.value.is_not(None)))
    return select(walk.c.value).where(walk.c.value.is_not(None))


def books(engine: Engine, limit: int = BOOKS) -> list[Book]:
    """The books that were recorded last, newest first; raises DatabaseUnavailable."""
    newest = (
        select(runs.c.book_id, runs.c.mode, runs.c.marks, runs.c.recorded_at, heartbeat.c.tape_at)
        .outerjoin_from(runs, heartbeat, heartbeat.c.book_id == runs.c.book_id)
        .order_by(runs.c.recorded_at.desc(), in_code_order(engine, runs.c.book_id))
        .limit(limit)
    )
    with reading(engine, few=True) as connection:
        rows = connection.execute(newest).all()
    return [Book(book_id, mode, tuple(json.loads(marks)), *times) for book_id, mode, marks, *times in rows]
