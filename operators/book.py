"""The state of one book: cash, scalps, orders, timers and what the session has counted so far.

The second of the two states of the line. It encodes and restores equal; money in micro-dollars.
"""

from bisect import insort
from typing import Literal

import msgspec

from operators.events import Mode, Quote
from operators.intents import ETFScalpPosition, Order

TradingState = Literal["ACTIVE", "REDUCING", "HALTED"]
DayTimer = Literal["open", "close", "session_end", "event", "window"]
TimerKind = DayTimer | Literal["arrive", "cancel", "timeout", "reprice", "silence"]


class Timer(msgspec.Struct, frozen=True, order=True):
    """Something due at `due_ns`; `number` keeps the order of making among equals, `subject` names what it is about."""

    due_ns: int
    number: int
    kind: TimerKind
    subject: str


class Entry(msgspec.Struct, frozen=True):
    """An entry order that was sent, for the pre-trade checks."""

    sent_ns: int
    symbol: str
    quantity: int
    limit_micros: int | None


class BookState(msgspec.Struct):
    """All that the desk remembers of one book.

    `reduced_by` says who set REDUCING: a person ends it by hand, the engine's own ends at the next open.
    `stopped` (by ticker and direction) and `left` (by ticker) hold when a stop or another exit was filled last,
    `decided` the signal of each ticker, bar and direction of this session, `ask_taken` and `bid_taken` what our fills
    took of a symbol's newest quote. From `event_from_ns` until `event_until_ns` positions are left for a statement,
    from `window_from_ns` until `window_until_ns` nothing is entered.
    """

    book_id: str
    mode: Mode
    cash_micros: int
    seq: int = 0
    now_ns: int = 0
    trading: TradingState = "ACTIVE"
    trading_reason: str = ""
    reduced_by: Literal["", "engine", "person"] = ""
    day: str = ""
    open_ns: int = 0
    exit_ns: int = 0
    close_ns: int = 0
    event_from_ns: int = 0
    event_until_ns: int = 0
    window_from_ns: int = 0
    window_until_ns: int = 0
    open_equity_micros: int = 0
    unsettled_micros: int = 0
    quotes_ns: int = 0
    quotes_max_age_ns: int = 0
    silence_ns: int = 0
    minute_quotes: bool = False
    silence_armed: bool = False
    scalps_today: int = 0
    stops_in_row: int = 0
    loss_stopped: bool = False
    day_trades: list[tuple[str, int]] = []
    scalps: dict[str, ETFScalpPosition] = {}
    orders: dict[str, Order] = {}
    quotes: dict[str, Quote] = {}
    ask_taken: dict[str, int] = {}
    bid_taken: dict[str, int] = {}
    timers: list[Timer] = []
    timers_made: int = 0
    decided: dict[str, str] = {}
    stopped: dict[str, int] = {}
    left: dict[str, int] = {}
    entries: list[Entry] = []

    def set_timer(self, due_ns: int, kind: TimerKind, subject: str) -> None:
        """Makes a timer; several of one kind and subject may stand, each handler asks whether it still matters."""
        self.timers_made += 1
        insort(self.timers, Timer(due_ns, self.timers_made, kind, subject))

    def open_orders(self, signal_id: str) -> list[Order]:
        """The orders of a scalp that may still fill."""
        return [order for order in self.orders.values() if order.signal_id == signal_id and order.open]

    def orders_of(self, symbol: str) -> list[Order]:
        """The orders of a symbol that may still fill, oldest first: an order that a restored state keeps."""
        found = (order for order in self.orders.values() if order.symbol == symbol and order.open)
        return sorted(found, key=lambda order: (order.sent_ns, order.order_id))

    def scalps_in_order(self) -> list[ETFScalpPosition]:
        """All scalps, in an order that a restored state keeps."""
        return [scalp for _, scalp in sorted(self.scalps.items())]

    @property
    def quotes_fresh(self) -> bool:
        """Whether the quote stream, any symbol's, is young enough to enter, judge and fill on."""
        return self.now_ns - self.quotes_ns <= self.quotes_max_age_ns

    def exposure_micros(self) -> int:
        """Absolute leverage times notional of all scalps, shares to come included."""
        return sum(scalp.exposure_micros for scalp in self.scalps.values())

    def equity_micros(self) -> int:
        """Cash and what the shares would fetch at the last bid known."""
        return self.cash_micros + sum(scalp.held * scalp.mark_micros for scalp in self.scalps.values())

    def buying_power_micros(self, settled_only: bool) -> int:
        """Cash not promised to working entries or planned second halves and, in a cash account, settled."""
        promised = sum((scalp.working + scalp.second) * scalp.limit_micros for scalp in self.scalps.values())
        return self.cash_micros - promised - (self.unsettled_micros if settled_only else 0)

    def reduce(self, reason: str, by: Literal["engine", "person"]) -> None:
        """No entries from now on, unless trading is halted altogether; a person's word replaces the engine's."""
        if self.trading == "ACTIVE" or (self.trading == "REDUCING" and by == "person"):
            self.trading, self.trading_reason, self.reduced_by = "REDUCING", reason, by

    def activate(self) -> None:
        """Entries are allowed again."""
        self.trading, self.trading_reason, self.reduced_by = "ACTIVE", "", ""
