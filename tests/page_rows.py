"""Builders of what the page reads besides `tests.view_rows`; name what a test changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Engine

from flows.records.database import open_database
from flows.records.heartbeat import beat
from flows.records.ledger import Ledger
from flows.records.now import Follower
from flows.records.now_parts import Beat, Candle, Execution, Money, Position, Run, Snapshot
from operators.charted import BarRecord, MarkRecord
from operators.records import Record
from operators.views import PositionNow
from tests.rows import BOOK, NOON, run
from tests.view_rows import mark_now, position_now

WALL = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
PUT = "SPY260105P00600000"


def bar(minute: int, ticker: str = "QQQ", **changes: Any) -> BarRecord:
    """The bar that closes so many minutes after noon, at event 100 a minute and one a letter of the ticker."""
    row: dict[str, Any] = {"book_id": BOOK, "ticker": ticker, "closed_at": NOON + timedelta(minutes=minute)}
    row |= {"open": 500.0, "high": 502.0, "low": 499.0, "close": 501.0, "volume": 1e6, "macro": "bullish"}
    row |= {"ema5": 500.5, "ema12": 500.0, "ema34": 499.0, "ema50": None, "tape_seq": 100 * minute + len(ticker)}
    return BarRecord(**(row | changes))


def mark(minute: int, day_pnl: str = "10", **changes: Any) -> MarkRecord:
    """The book's money so many minutes after noon, at event 100 a minute and 9."""
    row: dict[str, Any] = {"book_id": BOOK, "marked_at": NOON + timedelta(minutes=minute), "day_pnl": Decimal(day_pnl)}
    row |= {"equity": Decimal(100_010), "open_pnl": Decimal(4), "realised_pnl": Decimal(6)}
    return MarkRecord(**(row | {"tape_seq": 100 * minute + 9} | changes))


def put_now(signal_id: str = "s2", **changes: Any) -> PositionNow:
    """A put bought at 1.20 with a stop of 0.60 and a target of 1.50, which is 1.35 now."""
    own: dict[str, Any] = {"kind": "option", "ticker": "SPY", "symbol": PUT, "direction": "short", "quantity": 2}
    own |= {"multiplier": 100, "entry_price": Decimal("1.2"), "bid": 1.35, "ask": 1.37, "mark": Decimal("1.35")}
    own |= {"open_pnl": Decimal(30), "open_pnl_fraction": 0.125, "stop": Decimal("0.6"), "target": Decimal("1.5")}
    own |= {"delta": -0.4, "theta_per_day": -0.9, "iv": 0.2, "leverage": None, "quoted_at": NOON}
    return position_now(signal_id, **(own | changes))


@contextmanager
def opened(url: str, *, create: bool = False) -> Iterator[Engine]:
    """An open database that is let go at the end."""
    engine = open_database(url, create=create)
    try:
        yield engine
    finally:
        engine.dispose()


def write(engine: Engine, *records: Record) -> None:
    """A run with these records."""
    Ledger(engine).write([run(), *records])


def beats(engine: Engine, book_id: str = BOOK, *, state: Any = "running", **changes: Any) -> None:
    """The run of the book says that it is alive, or how it ended."""
    told: dict[str, Any] = {"events": 7, "tape_at": NOON, "speed": 60.0}
    beat(engine, book_id, state, **(told | changes))


def seen(engine: Engine) -> Snapshot:
    """The run as the page sees it."""
    found = Follower().look(engine)
    assert isinstance(found, Snapshot)
    return found


def money(**changes: Any) -> Money:
    """The money of `mark_now` as the page reads it."""
    row = mark_now(**changes)
    return Money(**{name: getattr(row, name) for name in Money.__struct_fields__})


def snapshot(**changes: Any) -> Snapshot:
    """A simulated paper replay at 60 times the time, alive at WALL, in which nothing happened yet."""
    run = Run("replay:a", "paper", "both", '["SIMULATED"]')
    beat = Beat(WALL, NOON, 60.0, "running", None, 7)
    return replace(Snapshot(run, None, beat, money(), (), (), (), {}, (), ()), **changes)


def held(row: PositionNow) -> Position:
    """A position as the page reads it."""
    return Position(**{name: getattr(row, name) for name in Position.__struct_fields__})


def candles(*minutes: int, **changes: Any) -> tuple[Candle, ...]:
    """Bars that close so many minutes after noon, as the page reads them."""
    rows = (bar(minute, **changes) for minute in minutes)
    return tuple(Candle(**{name: getattr(row, name) for name in Candle.__struct_fields__}) for row in rows)


def executed(seconds: float, side: str = "buy") -> Execution:
    """A fill of 10 TQQQ for QQQ, so many seconds after noon."""
    return Execution("QQQ", "TQQQ", side, 10, Decimal("50.25"), NOON + timedelta(seconds=seconds), 1)
