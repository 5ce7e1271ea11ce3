"""Tables and snapshots of option contracts in Parquet: one row a contract."""

from itertools import chain, repeat, zip_longest
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flows.tape.parquet_columns import DOLLARS, PLACE, TEXT, dollars, reals
from operators.contracts import fits
from operators.events import Chain, Contracts

TABLE: Final = (
    *(("underlying", TEXT, "text"), ("place", pa.int64(), "row of the table, from 0"), ("symbol", TEXT, "OCC name")),
    *(("right", pa.int64(), "+1 call, -1 put"), ("strike", DOLLARS, "USD"), ("expiry", pa.date32(), "day")),
    ("adjusted", pa.bool_(), "true after a corporate action"),
    *(("multiplier", pa.int64(), "shares a contract"), ("settlement", TEXT, "text")),
)
SNAPSHOT: Final = (
    *(("underlying", TEXT, "text"), ("place", pa.int64(), "row of the table, from 0"), ("symbol", TEXT, "OCC name")),
    *(("bid", DOLLARS, "USD a share"), ("ask", DOLLARS, "USD a share")),
    *(("bid_size", pa.float32(), "contracts"), ("ask_size", pa.float32(), "contracts")),
    *(("volume", pa.float32(), "contracts traded today"), ("open_interest", pa.float32(), "contracts")),
)
PRICES: Final = ("bid", "ask")
COUNTS: Final = ("bid_size", "ask_size", "volume", "open_interest")


def _schema(columns: tuple[tuple[str, pa.DataType, str], ...]) -> pa.Schema:
    own = [pa.field(name, kind, metadata={"unit": unit}) for name, kind, unit in columns]
    return pa.schema([*(column.field for column in PLACE), *own])


TABLE_SCHEMA: Final = _schema(TABLE)
SNAPSHOT_SCHEMA: Final = _schema(SNAPSHOT)


class Snapshot(NamedTuple):
    """A chain, how many rows it has, and the symbols of its table, None where it does not fit one."""

    event: Chain
    rows: int
    symbols: pa.Array | None


class Known:
    """The newest table of each underlying."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[Contracts, pa.Array]] = {}

    def table(self, table: Contracts) -> Contracts:
        """Takes a table, which replaces the one before, and gives it back."""
        self._tables[table.underlying] = table, pa.array(table.symbols, TEXT)
        return table

    def snapshot(self, event: Chain) -> Snapshot:
        """A chain with the symbols of its rows."""
        table, symbols = self._tables.get(event.underlying, (None, None))
        if table is not None and fits(event, table):
            return Snapshot(event, len(table.symbols), symbols)
        return Snapshot(event, max(len(_values(event, name)) for name in (*PRICES, *COUNTS)), None)


def rows_of_table(table: Contracts) -> int:
    """How many rows a table has: those of its longest column."""
    return max(map(len, _columns_of(table)))


def table_batch(tables: list[Contracts]) -> pa.RecordBatch:
    """The rows of tables; a column that is shorter than another ends in nulls."""
    rows = list(chain.from_iterable(zip_longest(*_columns_of(table)) for table in tables))
    symbols, rights, strikes, expiries, adjusted = zip(*rows, strict=True) if rows else ((),) * 5
    sizes = [rows_of_table(table) for table in tables]
    cells = {
        "symbol": symbols,
        "right": rights,
        "strike": dollars([np.nan if strike is None else strike for strike in strikes]),
        "expiry": expiries,
        "adjusted": adjusted,
        "multiplier": _repeated([table.multiplier for table in tables], sizes),
        "settlement": _repeated([table.settlement for table in tables], sizes),
    }
    return _batch(TABLE_SCHEMA, cells | _places(tables, sizes))


def snapshot_batch(snapshots: list[Snapshot]) -> pa.RecordBatch:
    """The rows of snapshots; a column that is missing or shorter than another holds nulls."""
    sizes = [snapshot.rows for snapshot in snapshots]
    cells = _places([snapshot.event for snapshot in snapshots], sizes)
    cells["symbol"] = pa.concat_arrays(
        [pa.nulls(one.rows, TEXT) if one.symbols is None else one.symbols for one in snapshots]
    )
    for name in (*PRICES, *COUNTS):
        values = np.concatenate([_padded(_values(one.event, name), one.rows) for one in snapshots])
        cells[name] = dollars(values) if name in PRICES else reals(values)
    return _batch(SNAPSHOT_SCHEMA, cells)


def _columns_of(table: Contracts) -> tuple[tuple[Any, ...], ...]:
    return table.symbols, table.rights, table.strikes, table.expiries, table.adjusted


def _values(event: Chain, name: str) -> NDArray[np.floating]:
    """The numbers of a column; bytes at its end that make no whole one are left out."""
    packed, kind = getattr(event, name), np.dtype("<f8" if name in PRICES else "<f4")
    return np.frombuffer(packed, kind, len(packed) // kind.itemsize)


def _padded(values: NDArray[np.floating], rows: int) -> NDArray[np.floating]:
    return np.concatenate([values, np.full(rows - len(values), np.nan, values.dtype)])


def _places(events: list[Any], sizes: list[int]) -> dict[str, Any]:
    """The columns that say which event a row is of, and which row of it."""
    places = {column.name: _repeated([column.of(event) for event in events], sizes) for column in PLACE}
    rows = [row for size in sizes for row in range(size)]
    return places | {"underlying": _repeated([event.underlying for event in events], sizes), "place": rows}


def _repeated(values: list[Any], sizes: list[int]) -> list[Any]:
    return list(chain.from_iterable(map(repeat, values, sizes)))


def _batch(schema: pa.Schema, cells: dict[str, Any]) -> pa.RecordBatch:
    arrays = [
        column if isinstance(column := cells[field.name], pa.Array) else pa.array(column, field.type)
        for field in schema
    ]
    return pa.record_batch(arrays, schema=schema)
