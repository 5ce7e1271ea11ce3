"""What we mean: verdicts on the two legs of a ticket, and the scalps that they become."""

import hashlib
from datetime import date
from typing import ClassVar, Literal

import msgspec

from operators.chains import PricedChain
from operators.codes import ExitReason, Refusal, SecondHalf
from operators.events import AnyEvent, Direction
from operators.moments import Moment, Setup
from operators.orders import LegName


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
    """A contract or fund that was looked at, with its own verdicts; the best that passes is chosen.

    `group` is what moves together, for "one bias per exposure group".
    """

    symbol: str
    group: str
    verdicts: tuple[Verdict, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it was judged and no verdict failed."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)


class Leg(msgspec.Struct, frozen=True):
    """One way to trade a signal: the verdicts so far, the candidates in order and the one chosen, if any.

    `halved` is the gate's adjustment: half the size.
    """

    name: LegName
    verdicts: tuple[Verdict, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    chosen: Candidate | None = None
    halved: bool = False

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
    """A signal on its way to the desk, with the setup (and so the market) that it was born in and its two legs.

    `chain` is the option chain that it may buy from, with Greeks; None until it is priced, and where there is none.
    """

    setup: Setup
    signal_id: str
    conviction: Conviction
    chain: PricedChain | None = None
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


class Scalp(msgspec.Struct, tag_field="leg", kw_only=True):
    """A scalp from its first order to its last fill. Money is micro-dollars, prices are those of one share.

    `multiplier` is shares a unit (a contract or a share of a fund). `second` units are planned as second half and
    `working` ones are in entry orders, both at about `limit_micros`. `stop_micros` and `target_micros` are levels of
    the instrument's own price; the stop never moves down. `mark_micros` is the last bid known. `bars_since_entry` and
    `outside_run` count bars that opened after the first fill: all, and the latest wholly outside the fast cloud.
    `refusals` counts the exits that the broker refused one after the other, `refusal` is what was said of them.
    """

    leg: ClassVar[LegName]

    signal_id: str
    ticker: str
    symbol: str
    group: str
    direction: int
    conviction: float
    second: int
    limit_micros: int
    order_id: str
    multiplier: int = 1
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
    refusals: int = 0
    refusal: str = ""

    @property
    def held(self) -> int:
        """Units held now."""
        return self.bought - self.sold

    @property
    def promised_micros(self) -> int:
        """What the units to come cost, at the first entry's limit."""
        return (self.working + self.second) * self.multiplier * self.limit_micros

    @property
    def committed_micros(self) -> int:
        """What all units held or to come cost, at the first entry's limit."""
        return self.held * self.multiplier * self.limit_micros + self.promised_micros

    @property
    def open_micros(self) -> int:
        """P&L so far, fees paid included: what was sold, and what is held at the last bid known."""
        held = self.held * self.multiplier * self.mark_micros
        return held + self.proceeds_micros - self.cost_micros - self.fees_micros

    @property
    def average_micros(self) -> float:
        """Average entry price of a share in micro-dollars; raises ZeroDivisionError before the first fill."""
        return self.cost_micros / (self.bought * self.multiplier)


class ETFScalpPosition(Scalp, tag="fund", kw_only=True):
    """A leveraged-fund scalp; `leverage` is signed."""

    leg: ClassVar[LegName] = "fund"

    leverage: float

    @property
    def exposure_micros(self) -> int:
        """Absolute leverage times the notional of all shares held or to come."""
        return round(abs(self.leverage) * self.committed_micros)


class ScalpPosition(Scalp, tag="option", kw_only=True):
    """An option scalp. Delta, theta and IV are those of the decision; `dte` counts sessions at the entry.

    `doubt_ns` is when a quote too wide to be believed at once first said that the stop was reached, 0 if none does.
    `spot` is the underlying's newest regular close since the entry, in dollars, and `spot_ns` when its bar closed.
    One that expired while no run was up waits for its closing price until `settles_ns`, 0 for any other.
    `alarm` tells a person what only a person can mend.
    """

    leg: ClassVar[LegName] = "option"

    underlying: str
    right: int
    strike: float
    expiry: date
    settlement: Literal["physical", "cash"]
    dte: int
    delta: float
    theta_per_day: float
    iv: float
    cutoff_ns: int
    doubt_ns: int = 0
    spot: float | None = None
    spot_ns: int = 0
    alarm: str = ""
    settles_ns: int = 0


AnyScalp = ETFScalpPosition | ScalpPosition
