"""Builders of small files of bars and what their import gives."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.tape.bars import ImportReport, import_bars
from flows.tape.reader import Tape
from operators.events import AnyEvent, Bar, Quote

HEADING = "timestamp,open,high,low,close,volume"
OPEN = datetime(2025, 4, 1, 13, 30, tzinfo=UTC)
"""The opening of New York on a Tuesday, in summer time."""
MINUTE = timedelta(minutes=1)
PRICES = "56.5,56.75,56.25,56.44,1005"


def minute(number: int, day: int = 0) -> str:
    """The start of a minute of the session, ISO 8601 in UTC."""
    return (OPEN + number * MINUTE + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")


def line(number: int, prices: str = PRICES, day: int = 0) -> str:
    """One row of CSV."""
    return f"{minute(number, day)},{prices}"


def csv(folder: Path, *lines: str, name: str = "TQQQ_1m.csv", heading: str = HEADING) -> Path:
    """A CSV file of these lines, compressed if its name says so."""
    text = "\n".join((heading, *lines)) + "\n"
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def imported(*files: Path, history: int = 0, **options: Any) -> tuple[ImportReport, list[AnyEvent]]:
    """The report of an import and the events of its tape, which stands beside the first file."""
    out = files[0].parent / "out.tape"
    arguments: dict[str, Any] = {"ticker": None, "history": history, "overwrite": True} | options
    report = import_bars(list(files), out, **arguments)
    return report, list(Tape(out).events())


def bars_of(events: list[AnyEvent]) -> list[Bar]:
    return [event for event in events if isinstance(event, Bar)]


def quotes_of(events: list[AnyEvent]) -> list[Quote]:
    return [event for event in events if isinstance(event, Quote)]
