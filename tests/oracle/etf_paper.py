"""The account of the fund-trade oracle at its paper exchange, written from the specification alone.

Prices in whole cents, other money in cents, instants in ns of UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from tests.oracle.etf_input import SECOND, Day, Recording, Settings


@dataclass(frozen=True)
class Signal:
    """An entry signal: `direction` long|short, `conviction` in points 0-100, `macro` bullish|bearish|neutral."""

    ticker: str
    bar_close: pd.Timestamp
    direction: str
    conviction: float
    macro: str


@dataclass(frozen=True)
class Trade:
    """One scalp: shares, gross USD, times of the first entry fill and the last exit fill (None while open).

    `second_half`: filled, unfilled (sent in vain), undecided (at the end of the data), or why it was dropped.
    """

    signal_ticker: str
    symbol: str
    direction: str
    signal_time: pd.Timestamp
    entry_time: pd.Timestamp
    quantity: int
    entry_cost: Decimal
    exit_time: pd.Timestamp | None
    exit_proceeds: Decimal
    exit_reason: str | None
    second_half: str


@dataclass(frozen=True)
class Refused:
    """A signal that was not traded and the codes of all rules that failed."""

    signal: Signal
    codes: frozenset[str]


@dataclass
class Quote:
    """Bid and ask (cents) and the shares still shown at each."""

    bid: int
    ask: int
    bids: int
    asks: int

    @property
    def mid(self) -> Fraction:
        """Midpoint (cents)."""
        return Fraction(self.bid + self.ask, 2)


@dataclass(eq=False)
class Order:
    """An order: `limit` (cents) is None until it arrives; `changes` on their way are (arrival, limit or None)."""

    scalp: Scalp
    buys: bool
    asked: int  # the last limit sent
    left: int  # shares, of a buy
    sent: int
    changes: list[tuple[int, int | None]]
    limit: int | None = None
    cancelled: bool = False
    quoted: bool = False  # the symbol has had a quote since


@dataclass(eq=False)
class Scalp:
    """A position from its entry order to its last exit fill: shares and cents; `stop` is a price."""

    signal: Signal
    symbol: str
    leverage: int
    k: Fraction  # by conviction
    limit: int  # of the first half
    first: int  # shares
    planned: int  # shares of the second half
    second: str | None = field(init=False)
    buy: Order | None = None
    sell: Order | None = None
    reason: str = ""
    bought: int = 0
    sold: int = 0
    cost: int = 0
    proceeds: int = 0
    entered: int = 0
    whole: bool = False  # the first half
    stop: Fraction = Fraction(0)
    bars: int = 0

    def __post_init__(self) -> None:
        """One share has no second half."""
        self.second = None if self.planned else "single"

    @property
    def held(self) -> int:
        """Shares now held."""
        return self.bought - self.sold

    @property
    def exposure(self) -> int:
        """|leverage| x cents of the shares held, working and planned."""
        # Reading: notional is at the entry's limit price (as the premium cap says), not at the market.
        shares = self.held + (self.buy.left if self.buy else 0) + (0 if self.second or self.sell else self.planned)
        return self.leverage * self.limit * shares


class Account:
    """Cash, positions and orders, and the exchange they meet; `now` is the rule clock."""

    def __init__(self, recording: Recording, equity: Decimal, settings: Settings) -> None:
        """Start flat with `equity` in USD."""
        self.recording, self.set, self.cash = recording, settings, Fraction(equity) * 100
        self.day: Day = recording.days[0]
        self.now, self.stream = 0, 0  # the stream of quotes was last heard at `stream`
        self.known: dict[str, Quote] = {}  # what the rules see
        self.book: dict[str, Quote] = {}  # what the exchange matches against
        self.orders: list[Order] = []
        self.scalps: list[Scalp] = []
        self.trades: list[Trade] = []
        self.stopped: dict[tuple[str, str], int] = {}  # ticker and direction -> last exit by stop
        self.left: dict[str, int] = {}  # ticker -> last other exit
        self.reducing, self.streak = False, 0

    @property
    def equity(self) -> Fraction:
        """Cash and shares at the last known bid (cents)."""
        return self.cash + sum(scalp.held * self.known[scalp.symbol].bid for scalp in self.scalps)

    @property
    def power(self) -> Fraction:
        """Buying power (cents)."""
        # Reading: cash that no working buy has reserved.
        return self.cash - sum(scalp.buy.left * scalp.buy.asked for scalp in self.scalps if scalp.buy)

    def late(self, seconds: int) -> int:
        """When the stream reaches an age limit: the setting, but at least 1.5 x its cadence of 60 s."""
        return self.stream + max(seconds, 90) * SECOND

    @property
    def there(self) -> int:
        """When a message sent now reaches the exchange."""
        return self.now + self.set.paper_latency_ms * SECOND // 1000

    def send(self, scalp: Scalp, limit: int, shares: int = 0) -> Order:
        """Send a buy of `shares`, or a sell of all that is held (shares 0)."""
        order = Order(scalp, shares > 0, limit, shares, self.now, [(self.there, limit)])
        self.orders.append(order)
        return order

    def cancel(self, order: Order) -> None:
        """Send a cancel, once."""
        if not order.cancelled:
            order.cancelled = True
            order.changes.append((self.there, None))

    def arrive(self, order: Order) -> None:
        """Apply the messages that have reached the exchange."""
        while order in self.orders and order.changes and order.changes[0][0] <= self.now:
            _, order.limit = order.changes.pop(0)
            if order.limit is None:
                self._over(order)
            else:
                self.match(order)

    def match(self, order: Order) -> None:
        """Fill what the shown size of the standing quote allows."""
        quote, scalp = self.book.get(order.scalp.symbol), order.scalp
        stale = self.now > self.late(self.set.quote_max_age)
        if order.limit is None or quote is None or stale or not 0 < quote.bid < quote.ask:
            return
        if order.buys and quote.ask <= order.limit and (shares := min(order.left, quote.asks)):
            quote.asks -= shares
            order.left -= shares
            self.cash -= shares * quote.ask
            scalp.bought, scalp.cost = scalp.bought + shares, scalp.cost + shares * quote.ask
            scalp.entered = scalp.entered or self.now
            scalp.second = "filled" if scalp.second == "unfilled" else scalp.second
            # Reading: "never moves down" also holds between the fills of one order.
            scalp.stop = max(scalp.stop, Fraction(scalp.cost, scalp.bought) * (1 - self.set.etf_stop_loss_pct))
        elif not order.buys and quote.bid >= order.limit and (shares := min(scalp.held, quote.bids)):
            quote.bids -= shares
            self.cash += shares * quote.bid
            scalp.sold, scalp.proceeds = scalp.sold + shares, scalp.proceeds + shares * quote.bid
        if (order.left if order.buys else scalp.held) == 0:
            self._over(order)

    def _over(self, order: Order) -> None:
        """The order is filled or cancelled."""
        scalp = order.scalp
        self.orders.remove(order)
        if order.buys:
            scalp.buy, scalp.whole = None, order.left == 0
        elif scalp.sell is order:
            scalp.sell = None
        if not scalp.held and not scalp.buy:
            self.scalps.remove(scalp)
            if scalp.bought:
                self.record(scalp, self.now)

    def record(self, scalp: Scalp, exit_time: int | None) -> None:
        """Book the trade, closed at `exit_time` or still open."""
        signal = scalp.signal
        # Reading: a second half still waiting when the position is closed was dropped by the exit.
        self.trades.append(
            Trade(
                signal_ticker=signal.ticker,
                symbol=scalp.symbol,
                direction=signal.direction,
                signal_time=signal.bar_close,
                entry_time=pd.Timestamp(scalp.entered, tz="UTC"),
                quantity=scalp.bought,
                entry_cost=Decimal(scalp.cost) / 100,
                exit_time=None if exit_time is None else pd.Timestamp(exit_time, tz="UTC"),
                exit_proceeds=Decimal(scalp.proceeds) / 100,
                exit_reason=None if exit_time is None else scalp.reason,
                second_half=scalp.second or ("undecided" if exit_time is None else "exit_due"),
            )
        )
        if exit_time is None:
            return
        stop = scalp.reason == "stop_loss"
        self.streak = self.streak + 1 if stop else 0
        # Reading: REDUCING after three stops lasts, like that of the daily loss, until the next session.
        self.reducing |= self.streak >= 3
        if stop:
            self.stopped[signal.ticker, signal.direction] = exit_time
        else:
            self.left[signal.ticker] = exit_time
