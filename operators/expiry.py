"""Options that are still held when they expire: settled at the official close, never traded.

The official close is that of the underlying's last regular bar; if it does not come, five minutes after the close the
newest one known stands for it. In the money with physical delivery a person has to look: shares were assigned.
"""

from typing import Final

from operators import prices, sessions
from operators.blotter import Blotter
from operators.book import BookState
from operators.codes import ExitReason
from operators.events import MINUTE_NS, Bar
from operators.intents import ScalpPosition

LAST_BAR_LATE_NS: Final = 5 * MINUTE_NS


def last_trades_are_over(book: BookState) -> list[ScalpPosition]:
    """The scalps held whose contracts no longer trade at this moment."""
    return [scalp for scalp in book.options() if scalp.held and sessions.last_trade_ns(scalp.expiry) <= book.now_ns]


def price_seen(book: BookState, bar: Bar) -> None:
    """Remembers the underlying's newest regular close for those who hold its options."""
    for scalp in book.options():
        if scalp.underlying == bar.ticker and bar.event_ns <= sessions.last_trade_ns(scalp.expiry):
            scalp.spot, scalp.spot_ns = bar.close, bar.event_ns


def closing_price_known(book: BookState, scalp: ScalpPosition) -> bool:
    """Whether a price stands by which an expired scalp can be settled now."""
    last_ns = sessions.last_trade_ns(scalp.expiry)
    return scalp.spot is not None and (scalp.spot_ns >= last_ns or book.now_ns >= last_ns + LAST_BAR_LATE_NS)


def settle(blotter: Blotter, scalp: ScalpPosition, spot: float) -> None:
    """Books what the expired contracts are worth at the official close; the scalp is then over, `expired`."""
    book, held = blotter.book, scalp.held
    worth = max(0, scalp.right * (prices.micros(spot) - prices.micros(scalp.strike)))
    amount = held * scalp.multiplier * worth
    book.cash_micros += amount
    book.unsettled_micros += amount
    scalp.proceeds_micros, scalp.sold = scalp.proceeds_micros + amount, scalp.bought
    scalp.exit_ns, scalp.exit_due = book.now_ns, ExitReason.EXPIRED
    if worth and scalp.settlement == "physical":
        scalp.alarm = f"{held} {scalp.symbol} expired in the money at {spot}: shares were assigned"
        book.reduce(scalp.alarm, "person")
