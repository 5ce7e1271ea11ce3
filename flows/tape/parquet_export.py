"""Hands a tape to a notebook: a folder of Parquet files, one a kind of event, written while the tape is read.

Only this export and the importer of bars use pyarrow: it must never be needed to replay a tape.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from flows.tape import parquet_columns, parquet_contracts
from flows.tape.segments import AnyTape
from operators.event import Event
from operators.events import Chain, Contracts

GROUP_ROWS: Final = 32_768
"""Rows of a row group: a few MB of events are held of each kind, however long the tape is."""
TOLD_EVENTS: Final = 8192


class BadExport(ValueError):
    """An event that Parquet cannot hold as it is; the message names it and says why."""


class TapeExport(NamedTuple):
    """How many events a tape has, and how many rows each file."""

    events: int
    rows: dict[str, int]


class Kind(NamedTuple):
    """A file: its schema, how what is held becomes rows, what of an event is held, and how many rows that is."""

    schema: pa.Schema
    batch: Callable[[list[Any]], pa.RecordBatch]
    held: Callable[[Any], Any] = lambda event: event
    rows: Callable[[Any], int] = lambda _: 1


class Stream:
    """A file that is written, with what is held for its next row group: the events' places and their cells."""

    def __init__(self, kind: Kind, writer: parquet.ParquetWriter) -> None:
        self._kind, self._writer = kind, writer
        self._held: list[tuple[int, Any]] = []
        self._waiting = self.rows = 0

    def add(self, event: Event) -> None:
        """Takes one more event. Raises BadExport."""
        held = self._kind.held(event)
        self._held.append((event.seq, held))
        self._waiting += self._kind.rows(held)
        if self._waiting >= GROUP_ROWS or len(self._held) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Writes what is held as a row group. Raises BadExport."""
        if self._waiting:
            self._writer.write_batch(_batch(self._kind, self._held), row_group_size=max(GROUP_ROWS, self._waiting))
        self.rows += self._waiting
        self._held, self._waiting = [], 0


def export_tape(
    tape: AnyTape, out: Path, *, overwrite: bool = False, progress: Callable[[int], None] = lambda _: None
) -> TapeExport:
    """Write every event of a tape into a folder, which is made if it is not there: `bars.parquet` and so on.

    Every kind has its file, without rows if the tape has none of it. The files appear when all are whole. Raises
    FileExistsError without `overwrite` if one is there, FileNotFoundError, Corrupt, BadExport; then nothing changes.
    """
    kinds, events = kinds_of_a_tape(), 0
    with _renamed_when_whole(out, overwrite) as parts, ExitStack() as opened:
        streams = {
            name: Stream(kind, opened.enter_context(_writer(parts[name], kind, tape))) for name, kind in kinds.items()
        }
        for events, event in enumerate(tape.events(), 1):
            streams[FILE_OF[type(event)]].add(event)
            if events % TOLD_EVENTS == 0:
                progress(events)
        for stream in streams.values():
            stream.flush()
    return TapeExport(events, {name: stream.rows for name, stream in streams.items()})


def kinds_of_a_tape() -> dict[str, Kind]:
    """The files of one tape; its chains are read with the tables of contracts that came before them."""
    known = parquet_contracts.Known()
    kinds = {name: _plain((*parquet_columns.PLACE, *own)) for name, (_, own) in parquet_columns.COLUMNS.items()}
    rows_of_table = parquet_contracts.rows_of_table
    kinds["contracts"] = Kind(
        parquet_contracts.TABLE_SCHEMA, parquet_contracts.table_batch, known.table, rows_of_table
    )  # fmt: skip
    kinds["chains"] = Kind(
        parquet_contracts.SNAPSHOT_SCHEMA, parquet_contracts.snapshot_batch, known.snapshot, lambda one: one.rows
    )
    return kinds


def _plain(columns: tuple[parquet_columns.Column, ...]) -> Kind:
    """One row an event. Cells are held, not events: a checkpoint's state is let go at once."""
    schema = pa.schema([column.field for column in columns])

    def batch(rows: list[Any]) -> pa.RecordBatch:
        cells = zip(*rows, strict=True)
        arrays = [column.convert(each) for column, each in zip(columns, cells, strict=True)]
        return pa.record_batch(arrays, schema=schema)

    return Kind(schema, batch, lambda event: tuple(column.of(event) for column in columns))


FILE_OF: Final[dict[type[Event], str]] = {
    **{event: name for name, (event, _) in parquet_columns.COLUMNS.items()},
    Contracts: "contracts",
    Chain: "chains",
}


def _batch(kind: Kind, held: list[tuple[int, Any]]) -> pa.RecordBatch:
    """The rows of events; where they cannot be made, BadExport names the first event that is to blame."""
    try:
        return kind.batch([item for _, item in held])
    except (pa.ArrowInvalid, OverflowError) as fault:
        if len(held) == 1:
            raise BadExport(f"event {held[0][0]} holds what its Parquet file cannot: {fault}") from fault
        for one in held:
            _batch(kind, [one])
        raise


def _writer(part: Path, kind: Kind, tape: AnyTape) -> parquet.ParquetWriter:
    marks = {"marks": json.dumps(tape.header.marks), "cadences": json.dumps(tape.header.cadences)}
    return parquet.ParquetWriter(part, kind.schema.with_metadata(marks), compression="zstd")


@contextmanager
def _renamed_when_whole(out: Path, overwrite: bool) -> Iterator[dict[str, Path]]:
    """A path for each kind to write to, in the folder; all are renamed at the end, on an exception they go."""
    files = {name: out / f"{name}.parquet" for name in FILE_OF.values()}
    there = [path for path in files.values() if path.exists()]
    if there and not overwrite:
        raise FileExistsError(f"{there[0]} exists already: name another folder, or give --overwrite to replace it")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"folder {out.parent} does not exist; make it first")
    made = not out.exists()
    out.mkdir(exist_ok=True)
    parts = {name: out / f".{name}.{os.getpid()}.part" for name in FILE_OF.values()}
    try:
        yield parts
        for name, part in parts.items():
            part.replace(files[name])
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
        if made and not any(out.iterdir()):
            out.rmdir()
