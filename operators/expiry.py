"""Options that are still held when they expire: settled at the official close, never traded.

The official close is that of the underlying's last regular bar; if it does not come, five minutes after the close the
newest one known stands for it. What expired before a run began waits as long from that start: the bars that were missed
come then. In the money with physical delivery a person has to look: shares were assigned.
"""

from typing import Final

from operators import prices, sessions
from operators.blotter import Blotter
from operators.book import BookState
from operators.codes import ExitReason
from operators.events import MINUTE_NS, Bar
from operators.intents import AnyScalp, ScalpPosition

LAST_BAR_LATE_NS: Final = 5 * MINUTE_NS


def over(book: BookState, scalp: AnyScalp) -> bool:
    """Whether what a scalp holds no longer trades at this moment, for it has expired."""
    return isinstance(scalp, ScalpPosition) and sessions.last_trade_ns(scalp.expiry) <= book.now_ns


def last_trades_are_over(book: BookState) -> list[ScalpPosition]:
    """The scalps held whose contracts have expired."""
    return [scalp for scalp in book.options() if scalp.held and over(book, scalp)]


def begin_run(book: BookState, at_ns: int) -> None:
    """A run begins: what expired before it waits for the bars that no run heard, and no longer than a timer says."""
    missed = [scalp for scalp in book.options() if sessions.last_trade_ns(scalp.expiry) <= at_ns]
    for scalp in missed:
        scalp.settles_ns = at_ns + LAST_BAR_LATE_NS
    if missed:
        book.set_timer(at_ns + LAST_BAR_LATE_NS, "expiry", "")


def price_seen(book: BookState, bar: Bar) -> None:
    """Remembers the underlying's newest regular close for those who hold its options."""
    for scalp in book.options():
        if scalp.underlying == bar.ticker and bar.event_ns <= sessions.last_trade_ns(scalp.expiry):
            scalp.spot, scalp.spot_ns = bar.close, bar.event_ns


def settled(blotter: Blotter, scalp: ScalpPosition) -> bool:
    """Books what expired contracts are worth once their closing price is known; the scalp is then over, `expired`.

    Without any price of the underlying a person has to settle it: it stays open, with an alarm.
    """
    last_ns, now_ns = sessions.last_trade_ns(scalp.expiry), blotter.book.now_ns
    late = now_ns >= max(last_ns + LAST_BAR_LATE_NS, scalp.settles_ns)
    if scalp.spot is not None and (late or scalp.spot_ns >= last_ns):
        _settle(blotter, scalp, scalp.spot)
        return True
    if late and not scalp.alarm:
        _alarm(blotter, scalp, f"{scalp.symbol} expired and no price of {scalp.underlying} is known: settle it by hand")
        blotter.report(scalp)
    return False


def _settle(blotter: Blotter, scalp: ScalpPosition, spot: float) -> None:
    book, held = blotter.book, scalp.held
    worth = max(0, scalp.right * (prices.micros(spot) - prices.micros(scalp.strike)))
    amount = held * scalp.multiplier * worth
    book.cash_micros += amount
    book.unsettled_micros += amount
    scalp.proceeds_micros, scalp.sold = scalp.proceeds_micros + amount, scalp.bought
    scalp.exit_ns, scalp.exit_due = book.now_ns, ExitReason.EXPIRED
    if worth and scalp.settlement == "physical":
        _alarm(blotter, scalp, f"{held} {scalp.symbol} expired in the money at {spot}: shares were assigned")


def _alarm(blotter: Blotter, scalp: ScalpPosition, text: str) -> None:
    """Tells a person, and enters nothing until that person says so."""
    scalp.alarm = text
    blotter.book.reduce(text, "person")
