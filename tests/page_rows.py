"""Builders of what the page reads besides `tests.view_rows`; name what a test changes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from flows.records.heartbeat import beat
from flows.records.ledger import Ledger
from flows.records.now import Follower
from flows.records.now_parts import Snapshot
from operators.charted import BarRecord, MarkRecord
from operators.records import Record
from operators.views import PositionNow
from tests.rows import BOOK, NOON, run
from tests.view_rows import position_now

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
