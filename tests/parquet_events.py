"""Events made again from the files of `scalp export tape`, with nothing of the exporter's own code."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec.structs import asdict, replace
from pyarrow import parquet

from operators.answers import Answer, Execution, Power, Withdrawal
from operators.events import (
    AnyEvent,
    AtmIv,
    Bar,
    Chain,
    Checkpoint,
    Clock,
    Command,
    Contracts,
    Dividend,
    Intent,
    OutsideSignal,
    Quote,
    RunStarted,
    Split,
    Stop,
)

FILES: dict[str, type[Any]] = {
    "run_starts": RunStarted,
    "bars": Bar,
    "quotes": Quote,
    "outside_signals": OutsideSignal,
    "commands": Command,
    "atm_iv": AtmIv,
    "dividends": Dividend,
    "splits": Split,
    "clock": Clock,
    "stops": Stop,
    "intents": Intent,
    "checkpoints": Checkpoint,
    "answers": Answer,
    "executions": Execution,
    "buying_power": Power,
    "withdrawals": Withdrawal,
    "contracts": Contracts,
    "chains": Chain,
}
PLACE = ("seq", "at_ns", "event_ns")
RENAMED = {"at_utc": "at_ns", "event_utc": "event_ns", "equity": "equity_micros", "limit": "limit_micros"}
RENAMED |= {"price": "price_micros", "fee": "fee_micros", "power": "power_micros"}
COLUMN_OF = {"symbol": "symbols", "right": "rights", "strike": "strikes", "expiry": "expiries"}
NUMBERS = {"bid": "<f8", "ask": "<f8", "bid_size": "<f4", "ask_size": "<f4", "volume": "<f4", "open_interest": "<f4"}
MICROS = {"equity", "limit", "price", "fee", "power"}


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a file under the events' names: times in nanoseconds, money in micro-dollars, prices as floats."""
    table = parquet.read_table(folder / f"{name}.parquet")
    columns = {RENAMED.get(each, each): _cells(each, table[each]) for each in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cells(name: str, column: Any) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.int64()).to_pylist())
    cells = column.to_pylist()
    if not pa.types.is_decimal(column.type):
        return list(cells)
    if name in MICROS:
        return [None if cell is None else int(cell * 1_000_000) for cell in cells]
    return [None if cell is None else float(cell) for cell in cells]


def events(folder: Path) -> list[AnyEvent]:
    """All events by place; an event without rows is not there, a checkpoint's state is as many zeros."""
    made: list[AnyEvent] = []
    for name, kind in FILES.items():
        found = rows(folder, name)
        made += _by_contract(kind, found) if kind in (Contracts, Chain) else [_event(kind, row) for row in found]
    return sorted(made, key=lambda event: event.seq)


def _event(kind: type[Any], row: dict[str, Any]) -> AnyEvent:
    if kind is Checkpoint:
        row["state"] = bytes(row.pop("state_bytes"))
    if kind is RunStarted:
        row |= {"tapes": tuple(row["tapes"]), "marks": tuple(row["marks"])}
        row |= {name: dict(row[name]) for name in ("tables", "cadences")}
    absent = {Bar, Quote, OutsideSignal, AtmIv, Dividend, Split}
    event: AnyEvent = kind(**{n: float("nan") if v is None and kind in absent else v for n, v in row.items()})
    return event


def _by_contract(kind: type[Any], found: list[dict[str, Any]]) -> list[AnyEvent]:
    groups: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        groups[row["seq"]].append(row)
    return [_table(group) if kind is Contracts else _snapshot(group) for group in groups.values()]


def _table(group: list[dict[str, Any]]) -> Contracts:
    first = group[0]
    assert [row["place"] for row in group] == list(range(len(group)))
    columns = {each: tuple(row[name] for row in group) for name, each in (*COLUMN_OF.items(), ("adjusted", "adjusted"))}
    columns["strikes"] = tuple(float("nan") if strike is None else strike for strike in columns["strikes"])
    return Contracts(**{n: first[n] for n in (*PLACE, "underlying", "multiplier", "settlement")}, **columns)


def _snapshot(group: list[dict[str, Any]]) -> Chain:
    first = group[0]
    assert [row["place"] for row in group] == list(range(len(group)))
    packed = {
        name: np.array([np.nan if row[name] is None else row[name] for row in group], kind).tobytes()
        for name, kind in NUMBERS.items()
    }
    return Chain(**{name: first[name] for name in (*PLACE, "underlying")}, **packed)


def expected(tape: list[AnyEvent]) -> list[AnyEvent]:
    """What of a tape's events a folder can give back."""
    return [_expected(event) for event in tape]


def _expected(event: AnyEvent) -> AnyEvent:
    if type(event) is Checkpoint:
        return replace(event, state=bytes(len(event.state)))
    if type(event) is Chain:
        size = max(len(getattr(event, name)) // np.dtype(kind).itemsize for name, kind in NUMBERS.items())
        full = {name: np.full(size, np.nan, kind).tobytes() for name, kind in NUMBERS.items()}
        return replace(event, **{name: getattr(event, name) or full[name] for name in NUMBERS})
    return event


def plainly(made: list[AnyEvent]) -> list[str]:
    """Events as text: numbers by value, so that one NaN is another and a zero has no sign."""
    return [_plainly(event) for event in made]


def _plainly(event: AnyEvent) -> str:
    fields = asdict(event)
    if type(event) is Chain:
        fields |= {name: [_cell(each) for each in np.frombuffer(fields[name], kind)] for name, kind in NUMBERS.items()}
    if type(event) is Contracts:
        fields["strikes"] = [_cell(strike) for strike in event.strikes]
    return repr((type(event).__name__, {name: _cell(value) for name, value in fields.items()}))


def _cell(value: Any) -> Any:
    return float(value) + 0.0 if isinstance(value, float | np.floating) else value
