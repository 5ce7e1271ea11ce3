"""What leaves the desk for the database: one frozen class a table, one field a column.

Facts (runs, signals, verdicts, candidates, fills) are written once. Changing rows (orders, scalps) carry `tape_seq`,
the event that changed them, and the highest one stands; of an engine's runs the last one stands. Dollars are Decimal
with at most six places, times aware UTC with microseconds, absent is None. Every row belongs to a book; the natural key
of a table is `book_id` plus `key`.
"""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

import msgspec

from operators import prices
from operators.events import RunStarted
from operators.orders import Side


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A row: `table` is its table, `key` its natural key besides the book, `changes` whether later rows replace it.

    `newest` says that it stands for the newest of its kind, each in the place of the one before in line order.
    `now` says that it is no record but a row of a view, which the rows of the next look replace.
    """

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    changes: ClassVar[bool] = False
    newest: ClassVar[bool] = False
    now: ClassVar[bool] = False

    book_id: str


class RunRecord(Record, frozen=True):
    """What a run was started with."""

    table: ClassVar[str] = "runs"
    key: ClassVar[tuple[str, ...]] = ()

    loop: str
    mode: str
    start_equity: Decimal
    settings: str
    tapes: str
    tables: str
    marks: str
    rules_version: int


class EngineRunRecord(RunRecord, frozen=True):
    """What the newest run of an engine was started with; the audit holds what each changed of the one before."""

    newest: ClassVar[bool] = True


def run_record(event: RunStarted) -> RunRecord:
    """The row of a run, from the event that started it; a replay's book says by its name what it was started with."""
    kind = RunRecord if event.book_id.startswith("replay:") else EngineRunRecord
    return kind(
        book_id=event.book_id,
        loop=event.loop,
        mode=event.mode,
        start_equity=prices.decimal(event.equity_micros),
        settings=event.settings,
        tapes=json.dumps(event.tapes),
        tables=json.dumps(event.tables, sort_keys=True),
        marks=json.dumps(event.marks),
        rules_version=event.rules_version,
    )


class SignalRecord(Record, frozen=True):
    """A signal and what became of it; the six parts add up to an own signal's conviction, an outside one has none."""

    table: ClassVar[str] = "signals"
    key: ClassVar[tuple[str, ...]] = ("signal_id",)

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
    tape_seq: int


class VerdictRecord(Record, frozen=True):
    """What one rule found about one leg of a signal; `ordinal` is its place in the explanation."""

    table: ClassVar[str] = "verdicts"
    key: ClassVar[tuple[str, ...]] = ("signal_id", "leg", "ordinal")

    signal_id: str
    leg: str
    ordinal: int
    symbol: str | None
    code: str
    passed: bool
    evaluated: bool
    measured: float | None
    limit_value: float | None
    unit: str
    reason: str | None


class CandidateRecord(Record, frozen=True):
    """A contract or fund that was looked at; `lost_by` is the code of the first check that it failed.

    The columns from `score` on are a contract's, as they were when the signal was decided; None for funds.
    """

    table: ClassVar[str] = "candidates"
    key: ClassVar[tuple[str, ...]] = ("signal_id", "leg", "position")

    signal_id: str
    leg: str
    position: int
    symbol: str
    chosen: bool
    lost_by: str | None
    measured: float | None
    limit_value: float | None
    score: float | None = None
    delta: float | None = None
    iv: float | None = None
    bid: float | None = None
    ask: float | None = None
    volume: float | None = None
    open_interest: float | None = None


class OrderRecord(Record, frozen=True):
    """An order as it is now; `reason` is the exit's, or why an entry was cancelled."""

    table: ClassVar[str] = "orders"
    key: ClassVar[tuple[str, ...]] = ("client_order_id",)
    changes: ClassVar[bool] = True

    client_order_id: str
    signal_id: str
    action: str
    attempt: int
    symbol: str
    side: Side
    quantity: int
    limit_price: Decimal | None
    state: str
    filled_quantity: int
    reason: str | None
    sent_at: datetime
    ended_at: datetime | None
    tape_seq: int


class FillRecord(Record, frozen=True):
    """One execution of an order."""

    table: ClassVar[str] = "fills"
    key: ClassVar[tuple[str, ...]] = ("execution_id",)

    execution_id: str
    client_order_id: str
    signal_id: str
    symbol: str
    side: str
    quantity: int
    price: Decimal
    fee: Decimal
    filled_at: datetime
    tape_seq: int


class ScalpRecord(Record, frozen=True):
    """What both kinds of scalp have, from the first fill on; every trade is a purchase.

    `pnl` is net of `fees`, `pnl_pct` the fraction of cost that it is; both None while open.
    """

    key: ClassVar[tuple[str, ...]] = ("signal_id",)
    changes: ClassVar[bool] = True

    signal_id: str
    ticker: str
    direction: str
    status: str
    exit_reason: str | None
    gross_pnl: Decimal | None
    fees: Decimal
    pnl: Decimal | None
    pnl_pct: float | None
    second_half: str | None
    broker: str
    order_id: str
    entry_time: datetime
    exit_time: datetime | None
    metadata_json: str
    tape_seq: int


class EtfScalpRecord(ScalpRecord, frozen=True):
    """A leveraged-fund scalp; `ticker` is the fund, `direction` the signal's."""

    table: ClassVar[str] = "etf_scalps"

    original_ticker: str
    leverage: float
    shares: int
    entry_price: Decimal
    exit_price: Decimal | None
    stop_loss: Decimal
    target_price: Decimal


class OptionsScalpRecord(ScalpRecord, frozen=True):
    """An option scalp; `ticker` is the signal's, premiums are dollars a share, Greeks those of the decision."""

    table: ClassVar[str] = "options_scalps"

    option_symbol: str
    option_type: str
    strike: Decimal
    expiry: date
    dte: int
    contracts: int
    entry_premium: Decimal
    exit_premium: Decimal | None
    entry_delta: float
    entry_theta: float
    entry_iv: float
