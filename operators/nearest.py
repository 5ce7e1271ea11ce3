"""Which exit a scalp has come nearest to: what a person who watches it wants to know. No rule reads it."""

from collections.abc import Iterator
from typing import NamedTuple

from operators import prices
from operators.book import BookState
from operators.codes import ExitReason
from operators.exits import EXHAUSTION_BARS, ROWS
from operators.intents import AnyScalp, ScalpPosition


class Nearest(NamedTuple):
    """An exit, the share of the way to it that is gone (0 to 1), and when it is due if time alone decides."""

    reason: ExitReason
    way: float
    due_ns: int | None = None


def nearest(book: BookState, scalp: AnyScalp) -> Nearest | None:
    """The exit that is due, else the one of which most of the way is gone; None while nothing was bought.

    Measured are prices from the average entry to stop and target, bars of an exhaustion, and times since the entry; a
    flip of the cloud gives no warning. Of equals the upper row of the exit table counts.
    """
    if scalp.bought == 0:
        return None
    if scalp.exit_due is not None:
        return Nearest(scalp.exit_due, 1.0)
    return max((*_by_price(book, scalp), *_by_time(book, scalp)), key=lambda one: (one.way, -ROWS[one.reason]))


def _by_price(book: BookState, scalp: AnyScalp) -> Iterator[Nearest]:
    quote, entry = book.quotes.get(scalp.symbol), scalp.average_micros
    mid, bid = prices.mid(quote), prices.bid(quote)
    if mid is not None:
        yield Nearest(ExitReason.STOP_LOSS, _share(entry - mid, entry - scalp.stop_micros))
    if bid is not None:
        yield Nearest(ExitReason.PROFIT_TARGET, _share(bid - entry, scalp.target_micros - entry))
    yield Nearest(ExitReason.EXHAUSTION, _share(scalp.outside_run, EXHAUSTION_BARS))


def _by_time(book: BookState, scalp: AnyScalp) -> Iterator[Nearest]:
    times = {ExitReason.SESSION_END: book.exit_ns}
    if isinstance(scalp, ScalpPosition):
        times[ExitReason.TIME_CUTOFF] = scalp.cutoff_ns
    if book.event_from_ns > scalp.entry_ns:
        times[ExitReason.EVENT] = book.event_from_ns
    for reason, due_ns in times.items():
        yield Nearest(reason, _share(book.now_ns - scalp.entry_ns, due_ns - scalp.entry_ns), due_ns)


def _share(gone: float, whole: float) -> float:
    """How much of a way is gone, from 0 to 1; all of it where there is none."""
    return min(max(gone / whole, 0.0), 1.0) if whole > 0 else 1.0
