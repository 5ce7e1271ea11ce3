"""What charts are drawn from: bars with the averages of their clouds, and a book's money minute by minute. Facts."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

import msgspec

from operators import prices, sessions
from operators.book import BookState
from operators.moments import Moment
from operators.records import Record
from operators.statements import BIAS


class BarRecord(Record, frozen=True):
    """A one-minute bar of a ticker that may trade, with the averages after it in dollars and the macro bias then."""

    table: ClassVar[str] = "bars"
    key: ClassVar[tuple[str, ...]] = ("ticker", "closed_at")

    ticker: str
    closed_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    ema5: float | None
    ema12: float | None
    ema34: float | None
    ema50: float | None
    macro: str
    tape_seq: int


class Money(msgspec.Struct, frozen=True):
    """A book's money now in USD, net of fees.

    `day_pnl` is the equity over that of the session's open. `realised_pnl` is that of the scalps that ended in the
    session and `open_pnl` that of those held, since their entry: the two add up to the day's where nothing was held
    overnight.
    """

    equity: Decimal
    day_pnl: Decimal
    open_pnl: Decimal
    realised_pnl: Decimal


class MarkRecord(Record, frozen=True):
    """A book's money at a minute of its session, at the last bids known."""

    table: ClassVar[str] = "marks"
    key: ClassVar[tuple[str, ...]] = ("marked_at",)

    marked_at: datetime
    equity: Decimal
    day_pnl: Decimal
    open_pnl: Decimal
    realised_pnl: Decimal
    tape_seq: int


def bar_record(book: BookState, moment: Moment) -> BarRecord:
    """The bar of a moment."""
    bar, averages = moment.bar, moment.averages
    return BarRecord(
        book_id=book.book_id,
        ticker=bar.ticker,
        closed_at=sessions.utc(bar.event_ns),
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        ema5=averages.ema5,
        ema12=averages.ema12,
        ema34=averages.ema34,
        ema50=averages.ema50,
        macro=BIAS[averages.bias],
        tape_seq=moment.seq,
    )


def money(book: BookState) -> Money:
    """What the book has and has made."""
    equity = book.equity_micros()
    held = sum(scalp.open_micros for scalp in book.scalps.values())
    amounts = equity, equity - book.open_equity_micros, held, book.realised_micros
    return Money(*map(prices.decimal, amounts))


def mark_record(book: BookState) -> MarkRecord:
    """The book's money now."""
    marked_at = sessions.utc(book.now_ns)
    return MarkRecord(
        book_id=book.book_id, marked_at=marked_at, tape_seq=book.seq, **msgspec.structs.asdict(money(book))
    )
