"""Signals of another engine: reads them from a CSV file and puts them, and history, among the events of a tape."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Final, cast

import msgspec
from msgspec.structs import replace

from flows.tape.csv_rows import Fields, read_rows, ticker_of
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
    best: dict[tuple[int, str, Direction], OutsideRow] = {}
    for row in read_rows(path, COLUMNS, _row, BadSignals):
        key = row.bar_close_ns, row.ticker, row.direction
        if key not in best or row.conviction > best[key].conviction:
            best[key] = row
    return [best[key] for key in sorted(best)]


def merge(
    events: Iterable[AnyEvent], rows: Iterable[OutsideRow], history: Sequence[Iterable[AnyEvent]] = ()
) -> Iterator[AnyEvent]:
    """The events with the signals among them by event time, a signal after the bars of its time, and with history.

    `rows` are sorted as `read_signals` gives them. Each stream of `history` comes by `at_ns`, before all else that
    is known at the same time; where signals stand among the events does not depend on it. Events are numbered from 1
    again; an event keeps its `at_ns` unless the one before it stands there already, then it is one nanosecond later
    than that. One event of each stream is held, no more.
    """
    at_ns = 0
    # Among equals the earlier stream comes first.
    known = heapq.merge(*history, _mixed(events, rows), key=attrgetter("at_ns"))
    for seq, event in enumerate(known, 1):
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


def _row(fields: Fields) -> OutsideRow:
    """One row; raises ValueError that says which field is wrong and what was expected."""
    ticker = ticker_of(fields)
    if fields["direction"] not in DIRECTIONS:
        raise ValueError(f"direction is {fields['direction']!r}, expected long or short")
    direction = cast(Direction, fields["direction"])
    return OutsideRow(ticker, _time(fields["bar_close_utc"]), direction, _conviction(fields["conviction"]))


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
