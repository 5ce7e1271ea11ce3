"""The state of one book: cash, scalps, orders, timers and what the session has counted so far.

The second of the two states of the line. It encodes and restores equal; money in micro-dollars.
"""

from bisect import insort
from typing import Final, Literal

import msgspec

from operators.config import EngineSettings
from operators.events import Mode, Quote, RunStarted
from operators.intents import AnyScalp, ETFScalpPosition, ScalpPosition
from operators.orders import Order

Side = Literal["off", "long", "short"]
"""What a person left of a ticker: nothing, or one direction."""
TradingState = Literal["ACTIVE", "REDUCING", "HALTED"]
DayTimer = Literal["open", "close", "session_end", "event", "window", "mark"]
TimerKind = (
    DayTimer | Literal["arrive", "cancel", "timeout", "reprice", "silence", "cutoff", "stop", "expiry", "resend"]
)


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


class Stream(msgspec.Struct):
    """A stream of quotes: when it spoke last (at its source), and how old it may be.

    Older than `max_age_ns` nothing is entered, judged or filled on it, silent for `silence_ns` its positions are left;
    one quote that stood for `stand_ns` is believed.
    `minutes` says that it speaks once a minute, `watched` that a timer looks out for its silence.
    """

    max_age_ns: int
    silence_ns: int
    stand_ns: int
    minutes: bool
    newest_ns: int = 0
    watched: bool = False

    def fresh(self, now_ns: int) -> bool:
        """Whether it is young enough."""
        return now_ns - self.newest_ns <= self.max_age_ns


class Watch(msgspec.Struct, frozen=True):
    """A contract that the book has an interest in, and its row in the newest table; -1 where that does not list it."""

    underlying: str
    row: int


QUOTES: Final = "quote"
"""The stream of the funds' quotes. Each underlying's chain is a stream of its own, under the underlying's name."""


STAND_SECONDS: Final = 1.0
"""How long one wide quote has to stand to be believed, or 1.5 x the cadence of its stream: a quote of minute data
stands for a minute whatever the market does. Source: product rule "Leave"."""


class BookState(msgspec.Struct):
    """All that the desk remembers of one book.

    `reduced_by` says who set REDUCING: a person ends it by hand, the engine's own ends at the next open. `streams` are
    those heard of, `chain_stream` how an underlying's chain begins.
    `stopped` (by ticker and direction) and `left` (by ticker) hold when a stop or another exit was filled last,
    `decided` the signal of each ticker, bar and direction of this session, `ask_taken` and `bid_taken` what our fills
    took of a symbol's newest quote, `watches` the contracts looked at today or held and `watched` their symbols by
    underlying, in order. `last_command` is the number of the newest command obeyed, `sides` what a person left of a
    ticker, `reasons` why the engine itself ended entries,
    `loss_warning` how near the day's loss came to its limit. `loop` is "paper" or names the broker, `over` and `ended`
    are scalps and orders of this session of which a broker may still tell an execution, and `elsewhere_micros` is what
    the account may spend less than this book has. From `event_from_ns` until `event_until_ns` positions are
    left for a statement, from `window_from_ns` until `window_until_ns` nothing is entered.
    """

    book_id: str
    mode: Mode
    cash_micros: int
    streams: dict[str, Stream]
    chain_stream: Stream
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
    realised_micros: int = 0
    unsettled_micros: int = 0
    elsewhere_micros: int = 0
    scalps_today: int = 0
    stops_in_row: int = 0
    loss_stopped: bool = False
    loss_warning: str = ""
    day_trades: list[tuple[str, int]] = []
    scalps: dict[str, AnyScalp] = {}
    watches: dict[str, Watch] = {}
    watched: dict[str, list[str]] = {}
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
    last_command: int = 0
    sides: dict[str, Side] = {}
    reasons: list[str] = []
    loop: str = "paper"
    over: dict[str, AnyScalp] = {}
    ended: dict[str, Order] = {}

    @classmethod
    def begun(cls, event: RunStarted, settings: EngineSettings) -> "BookState":
        """A new book, before the run's first item."""

        def stream(name: str, max_age_seconds: float) -> Stream:
            max_age_ns = event.age_limit_ns(name, max_age_seconds)
            silence_ns = event.age_limit_ns(name, settings.stale_exit_after_seconds)
            stand_ns = event.age_limit_ns(name, STAND_SECONDS)
            return Stream(max_age_ns, silence_ns, stand_ns, event.cadences.get(name, 0.0) > 0.0)

        streams = {QUOTES: stream("quote", settings.quote_max_age_seconds)}
        chains = stream("chain", settings.chain_max_age_seconds)
        equity = event.equity_micros
        # The first day begins with it: before the first open nothing was gained.
        return cls(event.book_id, event.mode, equity, streams, chains, open_equity_micros=equity, loop=event.loop)

    def set_timer(self, due_ns: int, kind: TimerKind, subject: str) -> None:
        """Makes a timer; several of one kind and subject may stand, each handler asks whether it still matters."""
        self.timers_made += 1
        insort(self.timers, Timer(due_ns, self.timers_made, kind, subject))

    def watch(self, symbol: str, underlying: str, row: int) -> None:
        """Takes an interest in a contract: its row in the newest table of its underlying."""
        if symbol not in self.watches:
            insort(self.watched.setdefault(underlying, []), symbol)
        self.watches[symbol] = Watch(underlying, row)

    def forget(self, symbol: str) -> None:
        """Loses the interest in a contract, and what is known of it. Raises KeyError if there was none."""
        self.watched[self.watches.pop(symbol).underlying].remove(symbol)
        for known in (self.quotes, self.ask_taken, self.bid_taken):
            known.pop(symbol, None)

    def open_orders(self, signal_id: str) -> list[Order]:
        """The orders of a scalp that may still fill."""
        return [order for order in self.orders.values() if order.signal_id == signal_id and order.open]

    def orders_of(self, symbol: str) -> list[Order]:
        """The orders of a symbol that may still fill, oldest first: an order that a restored state keeps."""
        found = (order for order in self.orders.values() if order.symbol == symbol and order.open)
        return sorted(found, key=lambda order: (order.sent_ns, order.order_id))

    def scalps_in_order(self) -> list[AnyScalp]:
        """All scalps, in an order that a restored state keeps."""
        return [scalp for _, scalp in sorted(self.scalps.items())]

    def funds(self) -> list[ETFScalpPosition]:
        """The scalps of funds."""
        return [scalp for scalp in self.scalps_in_order() if isinstance(scalp, ETFScalpPosition)]

    def options(self) -> list[ScalpPosition]:
        """The scalps of options."""
        return [scalp for scalp in self.scalps_in_order() if isinstance(scalp, ScalpPosition)]

    def stream_of(self, symbol: str) -> str:
        """The stream that a symbol's quotes come on."""
        watch = self.watches.get(symbol)
        return QUOTES if watch is None else watch.underlying

    def stream(self, name: str) -> Stream:
        """A stream by its name; an underlying's chain begins when it is first asked for."""
        if name not in self.streams:
            self.streams[name] = msgspec.structs.replace(self.chain_stream)
        return self.streams[name]

    def fresh(self, symbol: str) -> bool:
        """Whether the stream of a symbol's quotes is young enough to enter, judge and fill on."""
        return self.stream(self.stream_of(symbol)).fresh(self.now_ns)

    def exposure_micros(self) -> int:
        """Absolute leverage times notional of all fund scalps, shares to come included."""
        return sum(scalp.exposure_micros for scalp in self.funds())

    def premium_micros(self) -> int:
        """Premium of all option scalps, at their entry limits, contracts to come included."""
        return sum(scalp.committed_micros for scalp in self.options())

    def equity_micros(self) -> int:
        """Cash and what is held would fetch at the last bid known."""
        held = (scalp.held * scalp.multiplier * scalp.mark_micros for scalp in self.scalps.values())
        return self.cash_micros + sum(held)

    def buying_power_micros(self, settled_only: bool) -> int:
        """Cash not promised to working entries or planned second halves and, in a cash account, settled."""
        promised = sum(scalp.promised_micros for scalp in self.scalps.values())
        return self.cash_micros - promised - self.elsewhere_micros - (self.unsettled_micros if settled_only else 0)

    def reduce(self, reason: str, by: Literal["engine", "person"]) -> None:
        """No entries from now on, unless trading is halted altogether; a person's word replaces the engine's."""
        if self.trading != "HALTED" and by == "engine" and reason not in self.reasons:
            self.reasons = [*self.reasons, reason]
        if self.trading == "ACTIVE" or (self.trading == "REDUCING" and by == "person"):
            self.trading, self.trading_reason, self.reduced_by = "REDUCING", reason, by

    def restore(self, reason: str) -> bool:
        """One reason of the engine is gone; entries are allowed again if it was the last. False if it was none."""
        if reason not in self.reasons:
            return False
        self.reasons = [other for other in self.reasons if other != reason]
        if self.trading == "REDUCING" and self.reduced_by == "engine":
            if self.reasons:
                self.trading_reason = self.reasons[0]
            else:
                self.activate()
        return True

    def activate(self) -> None:
        """Entries are allowed again."""
        self.trading, self.trading_reason, self.reduced_by, self.reasons = "ACTIVE", "", "", []
