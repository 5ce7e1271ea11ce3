"""Measures how fast a book's history is turned over, narrowed and written as CSV; see `python -m benchmarks.million`.

Milliseconds, median and worst of 20 after one that is not counted: what is asked differs from time to time, but the
database may have it in memory. Yardsticks of the same run: an empty round trip, and one row by its whole key.
"""

import csv
import io
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from typing import Any

from sqlalchemy import Engine, Select, select

from flows.records import history
from flows.records.database import reading
from flows.records.history import Cursor, Filter
from flows.records.tables import options_scalps, signals

TIMES, LINES = 20, 100_000
DAY = timedelta(days=1)
MIDDLE, OLDEST = datetime(2025, 1, 2, 17, tzinfo=UTC), datetime(2024, 1, 10, 17, tzinfo=UTC)
TICKERS = ("SPY", "AMZN", "QQQ", "META", "NVDA", "XXX")


def measured(engine: Engine, book_id: str) -> dict[str, Any]:
    """Each kind of look at the book, and what it is to be compared with."""
    turned = {name: _timed(look) for name, look in _looks(engine, book_id).items()}
    lines = {"csv": history.csv_lines(engine, book_id, Filter()), "plain_rows": _plain(engine)}
    told = {f"{name}_a_second": _pace(text) for name, text in lines.items()}
    return {
        "milliseconds": turned,
        **told,
        "csv_of_plain_rows": round(told["csv_a_second"] / told["plain_rows_a_second"], 2),
    }


def _looks(engine: Engine, book_id: str) -> dict[str, Callable[[int], object]]:
    """By name what is done at the n-th time."""

    def page(chosen: Filter, after: datetime | None = None) -> object:
        cursor = None if after is None else Cursor(after, "", "option")
        return history.page(engine, book_id, chosen, after=cursor)

    def newer(n: int) -> object:
        return history.page(engine, book_id, Filter(), before=Cursor(MIDDLE + n * DAY, "", "option"))

    def month(n: int) -> object:
        first = date(2024, 2, 1) + n * 20 * DAY
        return page(Filter(first_day=first, last_day=first + 30 * DAY))

    by_key = select(signals).where(signals.c.book_id == book_id)
    return {
        "yardstick_empty_round_trip": lambda _: _first(engine, select(1)),
        "yardstick_row_by_key": lambda n: _first(engine, by_key.where(signals.c.signal_id == f"{n:020x}")),
        "first": lambda _: page(Filter()),
        "middle": lambda n: page(Filter(), MIDDLE + n * DAY),
        "deep": lambda n: page(Filter(), OLDEST + n * DAY),
        "newer": newer,
        "of_ticker": lambda n: page(Filter(ticker=TICKERS[n % len(TICKERS)])),
        "of_ticker_deep": lambda n: page(Filter(ticker=TICKERS[n % len(TICKERS)]), OLDEST),
        "of_kind": lambda n: page(Filter(kind=("option", "fund")[n % 2])),
        "rare_reason": lambda _: page(Filter(exit_reason="broker")),
        "no_such_reason": lambda _: page(Filter(exit_reason="none")),
        "won": lambda n: page(Filter(won=n % 2 == 0)),
        "dates": month,
        "hardly_ever_won": lambda _: page(Filter(exit_reason="stop_loss", won=True)),
        "hardly_ever_lost": lambda _: page(Filter(exit_reason="profit_target", ticker="SPY", won=False)),
        "never": lambda n: page(Filter(exit_reason="expired", ticker=TICKERS[n % len(TICKERS)], won=True)),
        "choices": lambda _: history.choices(engine, book_id),
        "books": lambda _: history.books(engine),
    }


def _first(engine: Engine, query: Select[Any]) -> object:
    with reading(engine) as connection:
        return connection.execute(query).first()


def _timed(look: Callable[[int], object]) -> dict[str, float]:
    found = []
    for n in range(TIMES + 1):
        began = time.perf_counter()
        look(n)
        found.append(1e3 * (time.perf_counter() - began))
    return {"median": round(statistics.median(found[1:]), 2), "worst": round(max(found[1:]), 2)}


def _pace(lines: Iterable[str]) -> int:
    """Lines a second."""
    counted, began = count(), time.perf_counter()
    for _ in zip(islice(lines, LINES), counted, strict=False):
        pass
    return round(next(counted) / (time.perf_counter() - began))


def _plain(engine: Engine) -> Iterable[str]:
    """The rows of one table as the driver gives them, in no order: as little as CSV can cost."""
    columns = ("signal_id", "ticker", "option_symbol", "direction", "contracts", "exit_reason", "pnl_pct", "status")
    with reading(engine) as connection:
        for row in connection.execute(select(*(options_scalps.c[name] for name in columns)).limit(LINES)):
            text = io.StringIO()
            csv.writer(text).writerow(row)
            yield text.getvalue()
