"""Trades as their records tell them, and the budgets that an entry must keep, reckoned from these alone.

Money in micro-dollars. Hours and rules are written down anew from the product rules; nothing here asks the desk.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Final, NamedTuple

from operators.config import ScalpConfig
from operators.contracts import parse_occ
from operators.events import Quote
from operators.records import FillRecord, OrderRecord, SignalRecord
from tests.builders import ny

GROUPS: Final = {"nasdaq": "QQQ TQQQ SQQQ TECL TECS", "sp500": "SPY SPXL SPXS", "semis": "NVDA SOXL SOXS"}
GROUP_OF: Final = {symbol: group for group, symbols in GROUPS.items() for symbol in symbols.split()}
LEVERAGE: Final = 3.0
"""Of all funds of the model's world, by size."""
UPWARDS: Final = {"sending": 1, "working": 2, "partial": 3, "cancelled": 4, "expired": 4, "filled": 5}
ENDED: Final = ("cancelled", "expired", "filled")
FEE_MICROS: Final = 650_000
"""Of one contract, each side."""


@cache
def _ns(day: date, clock: str) -> int:
    return ny(clock, day)


class Hours(NamedTuple):
    """A day's New York times: cut-offs, session exit, close, and where there is a statement its window and event."""

    day: date
    zero: str = "14:00"
    one: str = "15:30"
    leave: str = "15:55"
    close: str = "16:00"
    window: str = ""
    reopens: str = ""
    event: str = ""

    def ns(self, clock: str) -> int:
        """The instant of a time of this day."""
        return _ns(self.day, clock)

    def open_at(self, at_ns: int) -> bool:
        """Whether the market is open."""
        return self.ns("09:30") <= at_ns < self.ns(self.close)

    def time_is_over(self, expiry: date | None) -> int:
        """When the clock alone ends a scalp: a fund's at the session's end, an option's at its cut-off."""
        cutoff = self.zero if expiry == self.day else self.one
        return self.ns(self.leave if expiry is None else cutoff)


def micros(amount: Decimal | None) -> int:
    """Whole micro-dollars; an absent amount is a fault here."""
    assert amount is not None
    return int(amount * 1_000_000)


def sound_bid(quote: Quote | None) -> int:
    """The bid in micro-dollars where the quote says one, else 0."""
    return round(quote.bid * 1e6) if quote is not None and quote.bid > 0.0 and not quote.bid >= quote.ask else 0


class Shown:
    """The quotes that the desk was told, and what its fills left of their sizes."""

    def __init__(self) -> None:
        self.known: dict[str, Quote] = {}
        self.coming: Mapping[str, Quote] = {}
        self.left: dict[tuple[str, str], float] = {}
        self.taken: dict[tuple[str, str], int] = {}

    def begin(self, quotes: Mapping[str, Quote]) -> None:
        """An item that brings these quotes: its fills may rest on them and on those before."""
        self.coming, self.taken = quotes, {}

    def filled(self, fill: FillRecord) -> None:
        """A fill is at the opposite price of such a quote, and within the size shown."""
        key, buy = (fill.symbol, fill.side), fill.side == "buy"
        self.taken[key] = self.taken.get(key, 0) + fill.quantity
        coming = self.coming.get(fill.symbol)
        shown = [one for one in (coming, self.known.get(fill.symbol)) if one is not None and not one.bid >= one.ask]
        assert float(fill.price) in [round(one.ask if buy else one.bid, 6) for one in shown], "not at the quote"
        size = 0.0 if coming is None else _size(coming, fill.side)
        assert self.taken[key] <= max(0.0, self.left.get(key, 0.0)) + size, "more filled than shown"

    def end(self) -> None:
        """The item is over; what a fill took is gone until the symbol's next quote."""
        for key, quantity in self.taken.items():
            self.left[key] = self.left.get(key, 0.0) - quantity
        for symbol, quote in self.coming.items():
            for side in ("buy", "sell"):
                debt = min(0.0, self.left.get((symbol, side), 0.0)) if (symbol, side) in self.taken else 0.0
                self.left[symbol, side] = _size(quote, side) + debt
        self.known.update(self.coming)


def _size(quote: Quote, side: str) -> float:
    size = quote.ask_size if side == "buy" else quote.bid_size
    return size if isfinite(size) else 0.0


class Trade:
    """One scalp; `price` is the first entry's limit, `planned` the units of a second half that is still to come."""

    def __init__(self, signal: SignalRecord, first: OrderRecord, planned: int) -> None:
        self.ticker, self.symbol, self.option = signal.ticker, first.symbol, signal.leg == "option"
        self.strong, self.direction = signal.conviction >= 75.0, 1 if signal.direction == "long" else -1
        self.group = GROUP_OF[signal.ticker if self.option else first.symbol]
        self.unit, self.fee = (100, FEE_MICROS) if self.option else (1, 0)
        self.size, self.planned, self.price = first.quantity + planned, planned, micros(first.limit_price)
        contract = parse_occ(first.symbol)
        self.expiry = None if contract is None else contract.expiry
        self.right, self.strike = (0, 0.0) if contract is None else (contract.right, contract.strike)
        self.orders: dict[str, OrderRecord] = {}
        self.bought = self.sold = self.cost = self.proceeds = self.fees = self.mark = 0
        self.over = self.leave = self.priced = False

    @property
    def held(self) -> int:
        """Units held."""
        return self.bought - self.sold

    @property
    def average(self) -> float:
        """Average price of a share."""
        return self.cost / (self.bought * self.unit)

    @property
    def value(self) -> int:
        """What is held would fetch at the last bid known."""
        return self.held * self.unit * self.mark

    @property
    def pnl(self) -> int:
        """What came in less what went out, so far."""
        return self.proceeds - self.cost - self.fees

    def filled(self, side: str, quantity: int, amount: int) -> None:
        """A fill: never more than was intended, never more than is held."""
        if side == "buy":
            self.bought, self.cost = self.bought + quantity, self.cost + amount
        else:
            self.sold, self.proceeds = self.sold + quantity, self.proceeds + amount
        assert self.sold <= self.bought <= self.size, "sold short, or more bought than intended"

    def quoted(self, quote: Quote | None) -> None:
        """A new quote: an option that nobody bids for is worth nothing, a fund's bid is only not shown."""
        offered = quote is not None and quote.ask > 0.0 and not quote.bid >= quote.ask
        self.mark = sound_bid(quote) or (0 if self.option and offered else self.mark)

    def live(self, side: str) -> list[OrderRecord]:
        """The orders of a side that may still fill."""
        return [order for order in self.orders.values() if order.side == side and order.state not in ENDED]

    @property
    def working(self) -> int:
        """Units in entry orders."""
        return sum(order.quantity - order.filled_quantity for order in self.live("buy"))

    @property
    def active(self) -> bool:
        """Whether anything is held or may still be bought."""
        return self.held > 0 or any(order.state not in ENDED for order in self.orders.values())

    @property
    def committed(self) -> int:
        """What is held, working and planned costs at the first entry's limit."""
        return (self.held + self.working + self.planned) * self.unit * self.price


def within_order_caps(config: ScalpConfig, trade: Trade, order: OrderRecord, equity: int) -> None:
    """Units and notional of one entry order."""
    most = config.max_order_contracts if trade.option else config.max_order_shares
    assert 1 <= order.quantity <= most
    notional = order.quantity * trade.unit * micros(order.limit_price)
    assert notional <= config.max_order_notional_fraction * equity


def within_budgets(config: ScalpConfig, trade: Trade, order: OrderRecord, active: Sequence[Trade], equity: int) -> None:
    """The scalp's own risk and the account's premium or leverage, with an entry that was just sent."""
    price, dearer, cost = micros(order.limit_price), 0, trade.size * trade.unit * trade.price
    if order.action == "second":
        dearer = order.quantity * trade.unit * (price - trade.price)
        cost = trade.cost + order.quantity * trade.unit * price
    committed = dearer + sum(one.committed for one in active if one.option == trade.option)
    if trade.option:
        assert cost * config.max_loss_pct + 2 * FEE_MICROS * trade.size <= config.max_risk_per_scalp * equity + 1
        assert committed <= config.max_total_premium_fraction * equity + 1
        return
    share = min(
        config.etf_max_risk_per_scalp / config.etf_stop_loss_pct,
        config.etf_leverage_budget_per_scalp / LEVERAGE,
        config.etf_max_position_fraction,
    )
    assert cost <= share * equity * (1.0 if trade.strong else 0.5) + 1
    assert LEVERAGE * committed <= config.max_gross_leverage * equity + 1
