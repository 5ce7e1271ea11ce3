"""What a signal's story is made of: plain values, as a page or a terminal tells them and as JSON holds them."""

from datetime import date, datetime

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a story: its fields are columns. Money and strikes are decimal text, times aware, unknown is None."""


class SignalPart(Part, frozen=True, kw_only=True):
    """The signal and its decision; the parts of its conviction are points and add up to it."""

    book_id: str
    signal_id: str
    ticker: str
    bar_close: datetime
    direction: str
    timeframe_minutes: int
    source: str
    conviction: float
    part_macro: float | None
    part_agreement: float | None
    part_volume: float | None
    part_distance: float | None
    part_slope: float | None
    part_body: float | None
    volume_ratio: float | None
    macro: str
    decided_at: datetime
    decision: str
    leg: str | None
    code: str | None


class VerdictPart(Part, frozen=True, kw_only=True):
    """What one rule found: `measured` against `limit_value` in `unit`."""

    code: str
    passed: bool
    evaluated: bool
    measured: float | None
    limit_value: float | None
    unit: str
    reason: str | None


class CandidatePart(Part, frozen=True, kw_only=True):
    """A contract or fund that was looked at; `measured` and `limit_value` are those of the check that it failed."""

    symbol: str
    chosen: bool
    lost_by: str | None
    measured: float | None
    limit_value: float | None
    score: float | None
    delta: float | None
    iv: float | None
    bid: float | None
    ask: float | None
    volume: float | None
    open_interest: float | None


class OrderPart(Part, frozen=True, kw_only=True):
    """An order as it was at last; no `limit_price` means a market order."""

    client_order_id: str
    action: str
    attempt: int
    symbol: str
    side: str
    quantity: int
    limit_price: str | None
    state: str
    filled_quantity: int
    reason: str | None
    sent_at: datetime
    ended_at: datetime | None


class FillPart(Part, frozen=True, kw_only=True):
    """One execution; the price is a share's, the fee for all of it."""

    execution_id: str
    client_order_id: str
    symbol: str
    side: str
    quantity: int
    price: str
    fee: str
    filled_at: datetime


class ScalpPart(Part, frozen=True, kw_only=True):
    """The scalp: prices are a share's, `pnl` is net of `fees`, `pnl_pct` the fraction of cost that it is."""

    kind: str
    symbol: str
    status: str
    quantity: int
    multiplier: int
    entry_price: str
    exit_price: str | None
    stop_loss: str | None
    target_price: str | None
    second_half: str | None
    exit_reason: str | None
    gross_pnl: str | None
    fees: str | None
    pnl: str | None
    pnl_pct: float | None
    entry_time: datetime
    exit_time: datetime | None
    leverage: float | None = None
    strike: str | None = None
    expiry: date | None = None
    dte: int | None = None
    entry_delta: float | None = None
    entry_theta: float | None = None
    entry_iv: float | None = None
    alarm: str | None = None


class LegPart(Part, frozen=True, kw_only=True):
    """A leg that was tried, with what it would have bought, if anything: verdicts in order, candidates best first."""

    name: str
    symbol: str | None
    verdicts: tuple[VerdictPart, ...]
    candidates: tuple[CandidatePart, ...]


class Story(msgspec.Struct, frozen=True):
    """All that a book knows of one signal; `scalp` is None where nothing was bought."""

    signal: SignalPart
    legs: tuple[LegPart, ...]
    orders: tuple[OrderPart, ...]
    fills: tuple[FillPart, ...]
    scalp: ScalpPart | None
