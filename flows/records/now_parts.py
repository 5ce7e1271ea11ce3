"""What a page is told of a run as it is now: plain values, and sentences for what keeps it from knowing."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec


class Trouble(msgspec.Struct, frozen=True):
    """Why nothing can be shown, with a sentence for the person at the desk."""

    kind: Literal["unreachable", "upgrade", "newer", "no_run", "broken"]
    sentence: str


class Run(msgspec.Struct, frozen=True):
    """What a book was started with; `marks` is a JSON list of SIMULATED and MODELLED."""

    book_id: str
    loop: str
    mode: str
    marks: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the prices of this run are, besides real."""
        found = json.loads(self.marks)
        return tuple(str(mark) for mark in found) if isinstance(found, list) else ()


class Attempt(msgspec.Struct, frozen=True):
    """The newest attempt at a book, which is all that is known where no heart beats."""

    status: str
    message: str | None
    started_at: datetime


class Beat(msgspec.Struct, frozen=True):
    """When the line was last alive by the wall's clock, how far it was then, and its speed: None is full speed."""

    beat_at: datetime
    tape_at: datetime | None
    speed: float | None
    state: str
    message: str | None
    events: int


class Money(msgspec.Struct, frozen=True):
    """The book's money in USD, slots and Greeks at `tape_at`."""

    tape_at: datetime
    tape_seq: int
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


class Position(msgspec.Struct, frozen=True):
    """A position: prices are dollars a share, Greeks a share's, unknown is None."""

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


class ChainLine(msgspec.Struct, frozen=True):
    """The newest chain of an underlying."""

    underlying: str
    quoted_at: datetime
    fresh: bool
    spot: float | None
    contracts: int
    quoted: int
    expiry: date | None
    dte: int | None
    atm_iv: float | None


class Decided(msgspec.Struct, frozen=True):
    """A signal and what was decided; `code` is that of a refusal."""

    signal_id: str
    ticker: str
    direction: str
    conviction: float
    decided_at: datetime
    decision: str
    leg: str | None
    code: str | None
    tape_seq: int


class Candle(msgspec.Struct, frozen=True):
    """A closed one-minute bar with the averages after it."""

    ticker: str
    closed_at: datetime
    open: float
    high: float
    low: float
    close: float
    ema5: float | None
    ema12: float | None
    ema34: float | None
    ema50: float | None
    macro: str
    tape_seq: int


class Mark(msgspec.Struct, frozen=True):
    """A book's P&L of the day at a minute, USD net of fees."""

    marked_at: datetime
    day_pnl: Decimal
    tape_seq: int


class Execution(msgspec.Struct, frozen=True):
    """A fill; a purchase is an entry, a sale an exit, of a signal on `ticker`."""

    ticker: str
    symbol: str
    side: str
    quantity: int
    price: Decimal
    filled_at: datetime
    tape_seq: int


class Snapshot(msgspec.Struct, frozen=True):
    """All that is shown of a run at one moment; `candles` by ticker, oldest first, `decided` newest first."""

    run: Run
    attempt: Attempt | None
    beat: Beat | None
    money: Money | None
    positions: tuple[Position, ...]
    chains: tuple[ChainLine, ...]
    decided: tuple[Decided, ...]
    candles: dict[str, tuple[Candle, ...]]
    marks: tuple[Mark, ...]
    executions: tuple[Execution, ...]

    @property
    def tape_at(self) -> datetime | None:
        """How far the run has come, by its own time."""
        known = [self.beat.tape_at if self.beat else None, self.money.tape_at if self.money else None]
        return max((at for at in known if at is not None), default=None)
