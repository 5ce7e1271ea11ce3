"""What a page shows of a book as it is now. No records: the next look replaces them, and nothing is hashed."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from operators.records import Record


class NowRecord(Record, frozen=True):
    """A row of a view, made at event `tape_seq`."""

    now: ClassVar[bool] = True

    tape_seq: int


class MarkNow(NowRecord, frozen=True):
    """The book's money in USD, its trading state, slots taken, and the Greeks of all that is held.

    `net_delta_usd` is what a move of the underlyings by 100 % would bring if the deltas stayed: leverage counts for
    funds. `theta_per_hour_usd` is negative where time costs. Options without Greeks are left out of both and counted
    in `unknown_greeks`. `cutoff_at` is when 0DTE options are left today. `trading_reason` is why entries ended, or
    how near the day's loss came to its limit.
    """

    table: ClassVar[str] = "marks_now"
    key: ClassVar[tuple[str, ...]] = ()

    tape_at: datetime
    mode: str
    trading: str
    trading_reason: str | None
    equity: Decimal
    day_pnl: Decimal
    open_pnl: Decimal
    realised_pnl: Decimal
    option_slots: int
    option_slots_limit: int
    fund_slots: int
    fund_slots_limit: int
    net_delta_usd: float
    theta_per_hour_usd: float
    unknown_greeks: int
    cutoff_at: datetime | None
    close_at: datetime | None


class PositionNow(NowRecord, frozen=True):
    """A position: prices in dollars a share, Greeks a share's from the newest chain, `open_pnl` net of fees paid.

    `fresh` says whether its quotes are young enough to be judged on. `nearest` is the exit that has come nearest,
    `nearest_way` how much of the way to it is gone (0 to 1), `nearest_at` when it is due if time alone decides.
    """

    table: ClassVar[str] = "positions_now"
    key: ClassVar[tuple[str, ...]] = ("signal_id",)

    signal_id: str
    kind: str
    ticker: str
    symbol: str
    direction: str
    quantity: int
    multiplier: int
    entry_price: Decimal
    bid: float | None
    ask: float | None
    mark: Decimal
    open_pnl: Decimal
    open_pnl_fraction: float
    stop: Decimal
    target: Decimal
    delta: float | None
    gamma: float | None
    theta_per_day: float | None
    iv: float | None
    leverage: float | None
    entered_at: datetime
    quoted_at: datetime | None
    fresh: bool
    exit_due: str | None
    nearest: str | None
    nearest_way: float | None
    nearest_at: datetime | None
    second_half: str


class ChainNow(NowRecord, frozen=True):
    """The newest chain of an underlying: how many of its contracts have a usable quote, and IV at the money.

    `expiry`, `dte`, `forward` and `atm_iv` are those of the nearest expiry that still trades; None where unknown.
    """

    table: ClassVar[str] = "chains_now"
    key: ClassVar[tuple[str, ...]] = ("underlying",)

    underlying: str
    quoted_at: datetime
    fresh: bool
    spot: float | None
    contracts: int
    quoted: int
    expiry: date | None
    dte: int | None
    forward: float | None
    atm_iv: float | None
