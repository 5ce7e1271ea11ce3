"""Reads a CSV file whose columns are known: every row checked, or one fault that names its line."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from flows.tape.columns import TICKER

Row = TypeVar("Row")
Fields = Mapping[str, str]


def read_rows(
    path: Path, columns: Sequence[str], row: Callable[[Fields], Row], fault: type[ValueError]
) -> Iterator[Row]:
    """What `row` makes of each line of a file with exactly these columns, in any order; empty lines are none.

    Raises FileNotFoundError, and `fault` with the line number for what is no such file or what `row` refuses with a
    ValueError.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is no file: name a CSV file with {', '.join(columns)}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = next(reader, [])
            if sorted(names) != sorted(columns):
                found = ", ".join(names) or "none"
                raise ValueError(f"columns must be exactly {', '.join(columns)}; found: {found}")
            yield from (row(_fields(names, values)) for values in reader if values)
        except (csv.Error, ValueError) as error:
            raise fault(f"{path.name} line {max(1, reader.line_num)}: {error}") from error


def _fields(names: list[str], values: list[str]) -> Fields:
    if len(values) != len(names):
        raise ValueError(f"{len(values)} fields where {len(names)} are expected")
    return {name: value.strip() for name, value in zip(names, values, strict=True)}


def ticker_of(fields: Fields) -> str:
    """The ticker of a row, in capitals; raises ValueError unless it is 1 to 6 letters or dots."""
    ticker = fields["ticker"].upper()
    if not TICKER.fullmatch(ticker):
        raise ValueError(f"ticker is {fields['ticker']!r}, expected 1 to 6 letters or dots")
    return ticker
