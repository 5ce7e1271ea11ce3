"""What each kind of event becomes in Parquet: files, columns, types and units.

Dollars are decimal(38, 24): a price is the shortest decimal of the tape's float64, so it converts back to the same
number. Times are timestamp[ns, UTC]. Counts and ratios keep the tape's own width. What is absent is null.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.answers import Answer, Execution, Power, Withdrawal
from operators.event import Event
from operators.events import (
    AtmIv,
    Bar,
    Checkpoint,
    Clock,
    Command,
    Dividend,
    Intent,
    OutsideSignal,
    Quote,
    RunStarted,
    Split,
    Stop,
)

DOLLARS: Final = pa.decimal128(38, 24)
"""24 decimals hold the 17 digits of every float64 from 1e-8 on, and 14 before the point every one below 1e14."""
TIME: Final = pa.timestamp("ns", tz="UTC")
TEXT: Final = pa.string()
MICRO: Final = 1e6
EXACT: Final = 2.0**53
"""Whole float64 below it have no gaps."""

Cells = Sequence[Any] | NDArray[Any]
Convert = Callable[[Cells], pa.Array]


class Column(NamedTuple):
    """A column: its name, type, unit, how its cells become an array, and the event's field that they come from."""

    name: str
    type: pa.DataType
    unit: str
    convert: Convert
    of: Callable[[Any], Any]

    @property
    def field(self) -> pa.Field:
        """The column in a file's schema, with its unit as metadata."""
        return pa.field(self.name, self.type, metadata={"unit": self.unit})


def dollars(cells: Cells) -> pa.Array:
    """Float dollars as decimals, NaN as null. Raises pyarrow's ArrowInvalid for what 24 decimals do not hold."""
    values = np.asarray(cells, dtype=np.float64)
    absent = np.isnan(values)
    with np.errstate(over="ignore"):
        whole = np.rint(np.where(absent, 0.0, values) * MICRO)
    if np.all(absent | ((whole / MICRO == values) & (np.abs(whole) < EXACT))):
        return micros(np.where(absent, 0.0, whole).astype(np.int64), absent)
    exact = [None if missing else Decimal(repr(value)) for value, missing in zip(values.tolist(), absent, strict=True)]
    return pa.array(exact, DOLLARS)


def micros(cells: Cells, absent: NDArray[np.bool_] | None = None) -> pa.Array:
    """Micro-dollars as decimals in dollars, None or what is marked absent as null."""
    counts = pa.array(cells, pa.int64(), mask=absent).cast(pa.decimal128(19, 0))
    # The same digits read with six of them behind the point.
    shifted = pa.Array.from_buffers(pa.decimal128(19, 6), len(counts), counts.buffers(), counts.null_count)
    return shifted.cast(DOLLARS)


def reals(cells: Cells) -> pa.Array:
    """Floats of the width that they have, NaN as null."""
    values = np.asarray(cells, dtype=getattr(cells, "dtype", np.float64))
    return pa.array(values, mask=np.isnan(values))


def plain(name: str, kind: pa.DataType, unit: str, attribute: str = "") -> Column:
    """A column of values as they are."""
    return Column(name, kind, unit, lambda cells: pa.array(cells, kind), attrgetter(attribute or name))


def text(*names: str) -> tuple[Column, ...]:
    """Columns of text."""
    return tuple(plain(name, TEXT, "text") for name in names)


def price(*names: str) -> tuple[Column, ...]:
    """Columns of dollars, from floats."""
    return tuple(Column(name, DOLLARS, "USD", dollars, attrgetter(name)) for name in names)


def money(name: str, attribute: str) -> Column:
    """A column of dollars, from micro-dollars."""
    return Column(name, DOLLARS, "USD", micros, attrgetter(attribute))


def real(name: str, unit: str) -> Column:
    """A column of floats."""
    return Column(name, pa.float64(), unit, reals, attrgetter(name))


def count(name: str, unit: str) -> Column:
    """A column of whole numbers."""
    return plain(name, pa.int64(), unit)


def pairs(name: str, unit: str, value: pa.DataType) -> Column:
    """A column of maps from text."""
    kind = pa.map_(TEXT, value)
    return Column(name, kind, unit, lambda cells: pa.array([[*each.items()] for each in cells], kind), attrgetter(name))


PLACE: Final = (
    count("seq", "place on the tape, from 1"),
    plain("at_utc", TIME, "when it was known", "at_ns"),
    plain("event_utc", TIME, "when it happened at its source", "event_ns"),
)
NAMES: Final = pa.list_(TEXT)
COLUMNS: Final[dict[str, tuple[type[Event], tuple[Column, ...]]]] = {
    "run_starts": (
        RunStarted,
        (
            *(*text("book_id", "loop", "mode"), money("equity", "equity_micros"), plain("settings", TEXT, "JSON")),
            *(plain("tapes", NAMES, "SHA-256, hex"), pairs("tables", "version by table", TEXT)),
            *(count("rules_version", "number"), plain("marks", NAMES, "text")),
            *(pairs("cadences", "seconds by stream, 0 event driven", pa.float64()), count("checkpoint_seconds", "s")),
        ),
    ),
    "bars": (
        Bar,
        (
            *text("ticker"),
            *price("open", "high", "low", "close"),
            *(real("volume", "shares"), plain("history", pa.bool_(), "true where it only warms up")),
        ),
    ),
    "quotes": (
        Quote,
        (
            *(*text("symbol"), *price("bid", "ask")),
            *(real("bid_size", "shares or contracts"), real("ask_size", "shares or contracts")),
        ),
    ),
    "outside_signals": (OutsideSignal, (*text("ticker", "direction"), real("conviction", "points, 0 to 100"))),
    "commands": (Command, text("action", "actor", "argument", "command_id")),
    "atm_iv": (AtmIv, (*text("ticker"), real("iv", "fraction per year of 365 days"))),
    "dividends": (Dividend, (*text("ticker"), plain("ex_date", pa.date32(), "day"), *price("amount"))),
    "splits": (
        Split,
        (
            *(*text("ticker"), plain("ex_date", pa.date32(), "day")),
            *(real("old_shares", "shares"), real("new_shares", "shares, of so many old ones")),
        ),
    ),
    "clock": (Clock, ()),
    "stops": (Stop, ()),
    "intents": (
        Intent,
        (
            *(count("cause_seq", "place on the tape"), *text("client_order_id", "symbol", "side")),
            *(count("quantity", "shares or contracts"), money("limit", "limit_micros")),
            plain("late", pa.bool_(), "true where an earlier run decided it"),
        ),
    ),
    "answers": (
        Answer,
        (*text("client_order_id", "state"), count("filled", "shares or contracts"), *text("reason", "broker_order_id")),
    ),
    "executions": (
        Execution,
        (
            *(*text("execution_id", "client_order_id", "symbol", "side"), count("quantity", "shares or contracts")),
            *(money("price", "price_micros"), money("fee", "fee_micros")),
        ),
    ),
    "buying_power": (Power, (money("power", "power_micros"),)),
    "withdrawals": (Withdrawal, (count("cause_seq", "place on the tape"), *text("client_order_id"))),
    "checkpoints": (
        Checkpoint,
        (
            *(count("at_seq", "place on the tape"), *text("shape", "digest")),
            Column("state_bytes", pa.int64(), "bytes", pa.array, lambda event: len(event.state)),
        ),
    ),
}
"""File, event and columns behind PLACE of what becomes one row an event."""
