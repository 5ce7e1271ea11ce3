"""What goes over to a run with changed settings: nearly all of a book, and what the market has heard.

Only an engine that holds nothing changes its settings. What is made anew is what the settings made.
"""

from typing import Final

from msgspec.structs import replace

from operators import timetable
from operators.book import BookState, Timer
from operators.changes import Changed
from operators.config import EngineSettings, ScalpConfig
from operators.events import RunStarted
from operators.ticker import TickerState

SOURCES: Final = frozenset({"cloud_source", "rules_version"})
"""Of what changes, that which the clouds were computed by."""
VOLUMES: Final = frozenset({"entry_timeframe_minutes", "rules_version"})
"""Of what changes, that which says whose volumes a trigger bar is measured against."""
OF_THE_DAY: Final = frozenset({"close", "mark", "session_end"})
"""Timers that no setting makes; those of an order or a scalp have nothing left to say."""


def positions(book: BookState) -> dict[str, int]:
    """Units held by symbol, in the order in which the scalps began."""
    found: dict[str, int] = {}
    for scalp in book.scalps_in_order():
        if scalp.held:
            found[scalp.symbol] = found.get(scalp.symbol, 0) + scalp.held
    return found


def held(book: BookState) -> list[str]:
    """What a book holds or has working, each in words; empty if it is flat."""
    units = [f"{quantity} {symbol}" for symbol, quantity in positions(book).items()]
    working = [order for _, order in sorted(book.orders.items()) if order.open]
    orders = [f"an order to {order.side} {order.remaining} {order.symbol}" for order in working]
    begun = [scalp for scalp in book.scalps_in_order() if not scalp.held and not book.open_orders(scalp.signal_id)]
    return [*units, *orders, *(f"an entry of {scalp.symbol}" for scalp in begun)]


def moved_micros(before: RunStarted, now: RunStarted) -> int:
    """By how much an account's cash changes where its equity at the start is stated anew: paid in, or taken out."""
    return now.equity_micros - before.equity_micros


def carried(
    book: BookState, changed: Changed, before: RunStarted, now: RunStarted, settings: tuple[ScalpConfig, EngineSettings]
) -> BookState:
    """The book as it goes on under a new run. Raises ValueError if it holds anything."""
    if held(book):
        raise ValueError(f"{book.book_id} cannot change its settings: it holds {', '.join(held(book))}")
    config, engine = settings
    new, moved = BookState.begun(now, engine), moved_micros(before, now)
    streams = {name: new.stream(name) for name in book.streams}
    for name, stream in streams.items():
        stream.newest_ns = book.streams[name].newest_ns
    going = replace(
        book,
        # A person's mode lasts, until a start names another.
        mode=now.mode if "mode" in changed else book.mode,
        cash_micros=book.cash_micros + moved,
        # Money that came or went is no gain or loss of the day.
        open_equity_micros=book.open_equity_micros + moved,
        streams=streams,
        chain_stream=new.chain_stream,
        timers=[timer for timer in book.timers if _stays(timer, book)],
    )
    timetable.replan(going, config)
    return going


def _stays(timer: Timer, book: BookState) -> bool:
    return timer.kind in OF_THE_DAY or (book.now_ns == 0 and timer.kind == "open")


def remembered(ticker: TickerState, changed: Changed) -> TickerState:
    """A ticker's state as it goes on: averages that were computed otherwise begin anew, and are cold until warm."""
    new = TickerState.new()
    if changed.keys() & SOURCES:
        clouds = ("fast", "pullback", "trend", "long_term", "fast5", "macro", "ema12")
        ticker = replace(ticker, **{name: getattr(new, name) for name in clouds})
    if changed.keys() & VOLUMES:
        ticker = replace(ticker, volumes=[])
    return replace(ticker, atr=new.atr) if "rules_version" in changed else ticker
