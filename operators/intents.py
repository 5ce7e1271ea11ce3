"""What we mean: verdicts on the two legs of a ticket, orders, and the scalps that they build."""

import hashlib
from typing import Literal

import msgspec

from operators.codes import ExitReason, Refusal, SecondHalf
from operators.events import AnyEvent, Direction
from operators.moments import Moment, Setup

LegName = Literal["option", "fund"]


class Verdict(msgspec.Struct, frozen=True):
    """What one rule found: `measured` against `limit` in `unit`.

    A gate that lacks an input has `evaluated` False, counts as failed and says in `reason` what was missing.
    """

    code: Refusal
    passed: bool
    measured: float | None = None
    limit: float | None = None
    unit: str = ""
    reason: str | None = None
    evaluated: bool = True


def not_evaluated(code: Refusal, reason: str) -> Verdict:
    """The verdict of a gate whose input is missing."""
    return Verdict(code, False, reason=reason, evaluated=False)


class Candidate(msgspec.Struct, frozen=True):
    """A fund that was looked at, with its signed leverage and its own verdicts; the first that passes is chosen."""

    symbol: str
    leverage: float
    group: str
    verdicts: tuple[Verdict, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it was judged and no verdict failed."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)


class Leg(msgspec.Struct, frozen=True):
    """One way to trade a signal: the verdicts so far, the candidates in order and the one chosen, if any."""

    name: LegName
    verdicts: tuple[Verdict, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    chosen: Candidate | None = None

    def judged(self, *verdicts: Verdict) -> "Leg":
        """The leg with these verdicts added."""
        return msgspec.structs.replace(self, verdicts=self.verdicts + verdicts)

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The verdicts that did not pass."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)


class Conviction(msgspec.Struct, frozen=True):
    """Points of 100 and, for an own signal, the six parts that they are the sum of."""

    total: float
    macro: float | None = None
    agreement: float | None = None
    volume: float | None = None
    distance: float | None = None
    slope: float | None = None
    body: float | None = None


class Ticket(msgspec.Struct, frozen=True):
    """A signal on its way to the desk, with the setup (and so the market) that it was born in and its two legs."""

    setup: Setup
    signal_id: str
    conviction: Conviction
    option: Leg = Leg("option")
    fund: Leg = Leg("fund")

    @property
    def direction(self) -> Direction:
        """The signal's direction; the side of every trade is buy."""
        return "long" if self.setup.direction > 0 else "short"

    def both(self, *verdicts: Verdict) -> "Ticket":
        """The ticket with these verdicts on both legs."""
        return msgspec.structs.replace(self, option=self.option.judged(*verdicts), fund=self.fund.judged(*verdicts))

    def judged(self, option: Verdict | None = None, fund: Verdict | None = None) -> "Ticket":
        """The ticket with one verdict more on either leg."""
        legs = self.option if option is None else self.option.judged(option)
        return msgspec.structs.replace(self, option=legs, fund=self.fund if fund is None else self.fund.judged(fund))


Item = AnyEvent | Moment | Setup | Ticket
"""What travels along the line."""


def signal_id(ticker: str, bar_close_ns: int, direction: Direction, timeframe_minutes: int, source: str) -> str:
    """20 hex digits that name a signal in every book: free of price, code version and book."""
    text = f"{ticker}|{bar_close_ns}|{direction}|{timeframe_minutes}|{source}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


Action = Literal["first", "second", "exit"]
Side = Literal["buy", "sell"]
OrderState = Literal["intent", "sending", "working", "partial", "filled", "cancelled", "rejected", "expired", "unknown"]


class Order(msgspec.Struct):
    """An order of the desk, in whole units; `limit_micros` is micro-dollars, None for a market order.

    `attempt` counts the orders of one action. A cancel that is under way is `cancel_asked`.
    """

    order_id: str
    signal_id: str
    action: Action
    attempt: int
    symbol: str
    side: Side
    quantity: int
    limit_micros: int | None
    sent_ns: int
    state: OrderState = "intent"
    filled: int = 0
    fills: int = 0
    ended_ns: int | None = None
    cancel_asked: bool = False
    reason: str | None = None

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.state not in ("filled", "cancelled", "rejected", "expired")

    @property
    def remaining(self) -> int:
        """Units that are not filled."""
        return self.quantity - self.filled


class Fill(msgspec.Struct, frozen=True):
    """One execution: the price is per unit in micro-dollars, the fee for all of it."""

    execution_id: str
    order_id: str
    quantity: int
    price_micros: int
    fee_micros: int
    at_ns: int


class ETFScalpPosition(msgspec.Struct):
    """A leveraged-fund scalp from its first order to its last fill; money in micro-dollars, `leverage` signed.

    `second` shares are planned as second half and `working` ones are in entry orders, both at about `limit_micros` a
    share. The stop, a level of the fund's own price, never moves down. `mark_micros` is the last bid known.
    `bars_since_entry` and `outside_run` count bars that opened after the first fill: all, and the latest that lay
    wholly outside the fast cloud.
    """

    signal_id: str
    ticker: str
    symbol: str
    group: str
    leverage: float
    direction: int
    conviction: float
    second: int
    limit_micros: int
    order_id: str
    working: int = 0
    bought: int = 0
    sold: int = 0
    cost_micros: int = 0
    proceeds_micros: int = 0
    fees_micros: int = 0
    stop_micros: int = 0
    target_micros: int = 0
    mark_micros: int = 0
    entry_ns: int = 0
    exit_ns: int = 0
    bars_since_entry: int = 0
    outside_run: int = 0
    second_half: SecondHalf = SecondHalf.PLANNED
    exit_due: ExitReason | None = None
    exit_id: str | None = None
    exit_attempts: int = 0
    priced_ns: int = 0

    @property
    def held(self) -> int:
        """Shares held now."""
        return self.bought - self.sold

    @property
    def exposure_micros(self) -> int:
        """Absolute leverage times the notional, at the first entry's limit, of all shares held or to come."""
        return round(abs(self.leverage) * (self.held + self.working + self.second) * self.limit_micros)

    @property
    def average_micros(self) -> float:
        """Average entry price per share in micro-dollars; raises ZeroDivisionError before the first fill."""
        return self.cost_micros / self.bought
