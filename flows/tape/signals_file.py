"""Signals of another engine: reads them from a CSV file and puts them among the events of a tape."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import msgspec
from msgspec.structs import replace

from flows.tape.columns import TICKER
from operators.events import AnyEvent, Direction, OutsideSignal
from operators.sessions import ns

COLUMNS: Final = ("ticker", "bar_close_utc", "direction", "conviction")
DIRECTIONS: Final = ("long", "short")
HIGHEST: Final = 100.0


class BadSignals(ValueError):
    """A signals file that cannot be used; the message names the file, the line and what is wrong."""


class OutsideRow(msgspec.Struct, frozen=True):
    """One signal of the file: `bar_close_ns` is UTC nanoseconds, conviction 0 to 100."""

    ticker: str
    bar_close_ns: int
    direction: Direction
    conviction: float


def read_signals(path: Path) -> list[OutsideRow]:
    """The signals of a file by time, ticker and direction; of equal ones the higher conviction stands.

    Raises BadSignals, and FileNotFoundError if there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is no file: name a CSV file with {', '.join(COLUMNS)}")
    best: dict[tuple[int, str, Direction], OutsideRow] = {}
    for row in _rows(path):
        key = row.bar_close_ns, row.ticker, row.direction
        if key not in best or row.conviction > best[key].conviction:
            best[key] = row
    return [best[key] for key in sorted(best)]


def merge(events: Iterable[AnyEvent], rows: Iterable[OutsideRow]) -> Iterator[AnyEvent]:
    """The events with the signals among them by event time, a signal after the bars of its time.

    `rows` are sorted as `read_signals` gives them. Events are numbered from 1 again; an event keeps its `at_ns`
    unless the one before it stands there already, then it is one nanosecond later than that.
    """
    at_ns = 0
    for seq, event in enumerate(_mixed(events, rows), 1):
        at_ns = max(at_ns + 1, event.at_ns)
        yield event if (event.seq, event.at_ns) == (seq, at_ns) else replace(event, seq=seq, at_ns=at_ns)


def _mixed(events: Iterable[AnyEvent], rows: Iterable[OutsideRow]) -> Iterator[AnyEvent]:
    """Events and signals in their order, not yet numbered."""
    waiting = iter(rows)
    row = next(waiting, None)
    for event in events:
        # Both times: a source's clock may run ahead, and a signal must not be known before its own time.
        while row is not None and row.bar_close_ns < min(event.event_ns, event.at_ns):
            yield _signal(row)
            row = next(waiting, None)
        yield event
    if row is not None:
        yield _signal(row)
    yield from map(_signal, waiting)


def _signal(row: OutsideRow) -> OutsideSignal:
    return OutsideSignal(0, row.bar_close_ns, row.bar_close_ns, row.ticker, row.direction, row.conviction)


def _rows(path: Path) -> Iterator[OutsideRow]:
    """Each row of the file, checked; raises BadSignals with the line number."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            heading = _heading(next(reader, []))
            yield from (_row(heading, fields) for fields in reader if fields)
        except (csv.Error, ValueError) as error:
            raise BadSignals(f"{path.name} line {max(1, reader.line_num)}: {error}") from error


def _heading(names: list[str]) -> list[str]:
    """The column names of the file; raises ValueError unless they are COLUMNS, in any order."""
    if sorted(names) != sorted(COLUMNS):
        raise ValueError(f"columns must be exactly {', '.join(COLUMNS)}; found: {', '.join(names) or 'none'}")
    return names


def _row(heading: list[str], fields: list[str]) -> OutsideRow:
    """One row; raises ValueError that says which field is wrong and what was expected."""
    if len(fields) != len(heading):
        raise ValueError(f"{len(fields)} fields where {len(heading)} are expected")
    row = {name: value.strip() for name, value in zip(heading, fields, strict=True)}
    ticker = row["ticker"].upper()
    if not TICKER.fullmatch(ticker):
        raise ValueError(f"ticker is {row['ticker']!r}, expected 1 to 6 letters or dots")
    if row["direction"] not in DIRECTIONS:
        raise ValueError(f"direction is {row['direction']!r}, expected long or short")
    direction = cast(Direction, row["direction"])
    return OutsideRow(ticker, _time(row["bar_close_utc"]), direction, _conviction(row["conviction"]))


def _time(text: str) -> int:
    """UTC nanoseconds of ISO 8601 text; without a zone it is UTC, as the column's name says."""
    try:
        # A date alone would pass as midnight.
        moment = datetime.fromisoformat(text if ":" in text else "")
    except ValueError as error:
        raise ValueError(f"bar_close_utc is {text!r}, expected ISO 8601 such as 2025-04-01T13:35:00Z") from error
    return ns(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _conviction(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"conviction is {text!r}, expected a number from 0 to {HIGHEST:.0f}") from error
    if not 0 <= value <= HIGHEST:
        raise ValueError(f"conviction is {text}, expected 0 to {HIGHEST:.0f}")
    return value
