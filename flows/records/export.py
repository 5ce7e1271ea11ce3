"""Hand a book's records to a spreadsheet or a notebook: CSV or Parquet, streamed, there wholly or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from sqlalchemy import BigInteger, Boolean, Date, Engine, Integer, Table
from sqlalchemy.types import TypeEngine

from flows.records.columns import Micros, Real, UtcTime
from flows.records.csv_line import csv_line
from flows.records.database import FETCH_ROWS, reading
from flows.records.queries import plain, recorded, rows_of
from flows.records.tables import etf_scalps, fills, options_scalps, orders, signals, verdicts

What = Literal["signals", "verdicts", "scalps", "orders", "fills"]
Column = tuple[str, TypeEngine[Any] | None]  # None: the kind of instrument, which stands in no table
Rows = list[tuple[Any, ...]]
Write = Callable[[Rows], None]

FIRST = (
    *("signal_id", "ticker", "bar_close", "direction", "conviction", "part_macro", "part_agreement", "part_volume"),
    *("part_distance", "part_slope", "part_body", "volume_ratio", "macro", "source"),
)
SHOWN = {"bar_close": "bar_close_utc"}
SOURCES: dict[str, tuple[tuple[str, Table], ...]] = {
    "signals": (("", signals),),
    "verdicts": (("", verdicts),),
    "scalps": (("option", options_scalps), ("etf", etf_scalps)),
    "orders": (("", orders),),
    "fills": (("", fills),),
}


def export(engine: Engine, what: What, book_id: str, out: Path) -> int:
    """Write a book's rows, by natural key, to a `.csv` or `.parquet` file, and say how many there were.

    CSV: times ISO 8601 UTC, absent is an empty cell, text as it is recorded. Parquet: dollars decimal(19, 6), times in
    microseconds UTC. Raises ValueError for another suffix or `what`, FileNotFoundError for a missing folder,
    DatabaseUnavailable.
    """
    if what not in SOURCES:
        raise ValueError(f"{what!r} cannot be exported; name one of {', '.join(get_args(What))}")
    writers = {".csv": _csv, ".parquet": _parquet}
    if out.suffix not in writers:
        raise ValueError(f"{out.name} ends in {out.suffix or 'nothing'}, not in .csv or .parquet; rename it")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"folder {out.parent} does not exist; make it first")
    columns, count = _columns(what), 0
    with _renamed_when_whole(out) as part, writers[out.suffix](part, columns) as write:
        for rows in _pieces(engine, what, book_id, [name for name, _ in columns]):
            write(rows)
            count += len(rows)
    return count


def _columns(what: str) -> list[Column]:
    """Names and types of the file's columns: the signal's own first, then the rest as the tables have them."""
    types: dict[str, TypeEngine[Any] | None] = {"instrument_type": None} if what == "scalps" else {}
    for _, table in SOURCES[what]:
        types |= {name: table.c[name].type for name in recorded(table)}
    first = [name for name in FIRST if name in types] if what == "signals" else []
    return [(name, types[name]) for name in dict.fromkeys([*first, *types])]


def _pieces(engine: Engine, what: str, book_id: str, names: list[str]) -> Iterator[Rows]:
    with reading(engine) as connection:
        for kind, table in SOURCES[what]:
            own = recorded(table)
            place = {name: index for index, name in enumerate(own)} | {"instrument_type": len(own)}
            order = [place.get(name, len(own) + 1) for name in names]
            query = rows_of(engine, table, book_id, [table.c[name] for name in own])
            for rows in connection.execute(query).partitions(FETCH_ROWS):
                yield [tuple((*row, kind, None)[index] for index in order) for row in rows]


@contextmanager
def _renamed_when_whole(out: Path) -> Iterator[Path]:
    """A path beside `out` to write to, renamed at the end; on an exception it goes and `out` stays as it was."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _csv(part: Path, columns: list[Column]) -> Iterator[Write]:
    with part.open("w", newline="", encoding="utf-8") as file:
        file.write(csv_line(SHOWN.get(name, name) for name, _ in columns))
        yield lambda rows: file.writelines(csv_line(map(_cell, row)) for row in rows)


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else plain(value)


@contextmanager
def _parquet(part: Path, columns: list[Column]) -> Iterator[Write]:
    import pyarrow as pa  # comes without stubs; imported here as it takes 0.2 s
    from pyarrow import parquet as pq

    schema = pa.schema([(SHOWN.get(name, name), _arrow_type(pa, kind)) for name, kind in columns])
    with pq.ParquetWriter(part, schema) as writer:

        def write(rows: Rows) -> None:
            arrays = [pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))

        yield write


def _arrow_type(pa: ModuleType, kind: TypeEngine[Any] | None) -> Any:
    types: dict[type[Any], Any] = {
        Micros: pa.decimal128(19, 6),
        UtcTime: pa.timestamp("us", tz="UTC"),
        Real: pa.float64(),
        BigInteger: pa.int64(),
        Integer: pa.int64(),
        Boolean: pa.bool_(),
        Date: pa.date32(),
    }
    return types.get(type(kind), pa.string())
