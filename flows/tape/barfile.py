"""Opens files of one-minute bars (CSV, CSV.gz, Parquet) and reads them in batches of columns.

Only the importer uses this: pyarrow must never be needed to replay a tape.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from itertools import compress, count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from pyarrow import parquet

from flows.tape.columns import (
    BadBars,
    Columns,
    checked_ticker,
    columns_of,
    ticker_in_name,
)
from flows.tape.faults import Refused
from flows.tape.frames import Source

BATCH_ROWS: Final = 8192
BLOCK_BYTES: Final = 512 * 1024
MALFORMED_LIMIT: Final = 1000
MISSING: Final = ["", "null", "NULL", "NA", "N/A", "#N/A", "None"]


class BarFile(NamedTuple):
    """A file whose columns, ticker and contents are known before its rows are read."""

    path: Path
    columns: Columns
    ticker: str
    source: Source

    def where(self, row: int) -> str:
        """Names a row: the line of a text file, the number of a Parquet row, both from 1."""
        return f"{self.path.name} {'row' if self.path.suffix == '.parquet' else 'line'} {row}"


def survey(path: Path, ticker: str | None) -> BarFile:
    """Reads a file once for its columns, its rows, its one ticker and its digest; raises BadBars, FileNotFoundError."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is no file: name a CSV, CSV.gz or Parquet file of bars")
    columns = columns_of(_names(path), path.name)
    rows, symbols, malformed = 0, set[str](), dict[int, str]()
    for batch in _batches(path, columns, malformed):
        rows += batch.num_rows - (pc.sum(_blank(batch)).as_py() or 0)
        if columns.symbol is not None:
            symbols |= {str(name) for name in pc.unique(batch.column(columns.symbol)).to_pylist() if name is not None}
        if len(symbols) > 1:
            one, other = sorted(symbols)[:2]
            raise BadBars(f"{path.name} holds bars of {one} and of {other}: split it, one ticker a file")
    if not rows:
        raise BadBars(f"{path.name} holds no bar: its {len(malformed)} lines after the heading cannot be read")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    named = ticker or next(iter(symbols), None) or ticker_in_name(path.name)
    source = Source(path.name, rows + len(malformed), digest)
    return BarFile(path, columns, checked_ticker(named, path.name), source)


def numbered(file: BarFile, refused: Refused) -> Iterator[tuple[list[int], "pa.RecordBatch"]]:
    """The rows of a file in batches, each with its line (or row) numbers.

    Lines with another number of fields are refused; empty lines are no rows.
    """
    malformed: dict[int, str] = {}
    text = file.path.suffix != ".parquet"
    lines = count(2 if text else 1)

    def pass_malformed(line: int) -> int:
        while line in malformed:
            refused.add(file.where(line), "malformed", malformed.pop(line))
            line = next(lines)
        return line

    for batch in _batches(file.path, file.columns, malformed):
        places = [pass_malformed(next(lines)) for _ in range(batch.num_rows)]
        filled = pc.invert(_blank(batch))
        yield list(compress(places, filled.to_pylist())), batch.filter(filled)
    for line in sorted(malformed):
        refused.add(file.where(line), "malformed", malformed[line])


def _blank(batch: "pa.RecordBatch") -> "pa.Array[Any]":
    """Whether a row has no value at all: an empty line."""
    return reduce(pc.and_, (pc.is_null(column) for column in batch.columns))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Says in one sentence what Arrow could not read; raises BadBars."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise BadBars(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from error


def _names(path: Path) -> list[str]:
    """The headings of a file."""
    with _readable(path):
        if path.suffix == ".parquet":
            return list(parquet.read_schema(path).names)
        if path.name.endswith((".csv", ".csv.gz")):
            return list(_open_csv(path, arrow_csv.ConvertOptions(), {}).schema.names)
    raise BadBars(f"{path.name} is no file of bars by its name: expected .csv, .csv.gz or .parquet")


def _batches(path: Path, columns: Columns, malformed: dict[int, str]) -> Iterator["pa.RecordBatch"]:
    """The needed columns in batches; lines of a text file with another number of fields go into `malformed`."""
    with _readable(path):
        if path.suffix == ".parquet":
            with parquet.ParquetFile(path) as file:
                yield from file.iter_batches(BATCH_ROWS, columns=columns.needed)
            return
        # All as text: a guess from the first block would fail on the first odd value of a later one.
        kinds = {name: pa.string() for name in columns.needed}
        options = arrow_csv.ConvertOptions(
            column_types=kinds, include_columns=columns.needed, null_values=MISSING, strings_can_be_null=True
        )
        with _open_csv(path, options, malformed) as reader:
            for batch in reader:
                yield batch
                if len(malformed) > MALFORMED_LIMIT:
                    raise BadBars(f"{path.name} has over {MALFORMED_LIMIT} lines with another number of fields")


def _open_csv(path: Path, options: arrow_csv.ConvertOptions, malformed: dict[int, str]) -> arrow_csv.CSVStreamingReader:
    def skip(row: arrow_csv.InvalidRow) -> str:
        malformed[row.number] = f"{row.actual_columns} fields where the heading has {row.expected_columns}"
        return "skip"

    return arrow_csv.open_csv(
        path,
        # Line numbers are exact only without threads.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        parse_options=arrow_csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=skip),
        convert_options=options,
    )
