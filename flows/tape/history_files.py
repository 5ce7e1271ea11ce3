"""Imports what happened before and beside the market: at-the-money IV of past sessions, and declared dividends."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from math import inf
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from flows.tape.csv_rows import Fields, read_rows, ticker_of
from flows.tape.frames import Header, Source
from flows.tape.signals_file import merge
from flows.tape.writer import TapeWriter
from operators import sessions
from operators.events import AnyEvent, AtmIv, Dividend
from operators.listings import iv_time_ns

IV_COLUMNS: Final = ("date", "ticker", "iv")
DIVIDEND_COLUMNS: Final = ("ticker", "ex_date", "amount", "declared")
HIGHEST_IV: Final = 10.0
"""1,000 % a year: what is above it was meant in percent."""
DAY: Final = timedelta(days=1)


class BadHistory(ValueError):
    """A file of history that cannot be imported; the message names the file, the line and what is wrong."""


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import wrote: `tickers` counts events, `first` and `last` are the days from which they speak."""

    events: int
    tickers: dict[str, int]
    first: date
    last: date


class IvRow(NamedTuple):
    """At-the-money IV of one session, per year."""

    day: date
    ticker: str
    iv: float

    def named(self) -> str:
        """What there can be one of."""
        return f"{self.ticker} on {self.day}"


class DividendRow(NamedTuple):
    """A dividend in dollars a share; `day` is when it was declared."""

    day: date
    ticker: str
    ex_date: date
    amount: float

    def named(self) -> str:
        """What there can be one of: two dividends of one ex-date differ in something."""
        return f"{self.ticker} of {self.amount} declared on {self.day} for {self.ex_date}"


Row = TypeVar("Row", IvRow, DividendRow)


def import_iv(path: Path, out: Path, *, overwrite: bool = False) -> HistoryReport:
    """Writes a file of IV history (date, ticker, iv as a fraction per year) as a tape of AtmIv.

    Each is known 15 minutes before the close of its session. Raises BadHistory, FileNotFoundError, and
    FileExistsError without `overwrite`; then nothing is written.
    """
    found = _sorted_rows(path, out, IV_COLUMNS, _iv_row)
    return _write(path, out, found, _atm_iv, overwrite)


def import_dividends(path: Path, out: Path, *, overwrite: bool = False) -> HistoryReport:
    """Writes a file of dividends (ticker, ex_date, amount in dollars a share, declared) as a tape of Dividend.

    Each is known from midnight in New York at the end of the day on which it was declared. Raises BadHistory,
    FileNotFoundError, and FileExistsError without `overwrite`; then nothing is written.
    """
    found = _sorted_rows(path, out, DIVIDEND_COLUMNS, _dividend_row)
    return _write(path, out, found, _dividend, overwrite)


def _sorted_rows(path: Path, out: Path, columns: Sequence[str], parsed: Callable[[Fields], Row]) -> list[Row]:
    """The rows of a file by day and ticker, each once; raises BadHistory and FileNotFoundError."""
    if out.resolve() == path.resolve():
        raise BadHistory(f"{out} is the file to import: choose another name for the tape")
    seen: set[str] = set()

    def unique(fields: Fields) -> Row:
        row = parsed(fields)
        if row.named() in seen:
            raise ValueError(f"a second row for {row.named()}")
        seen.add(row.named())
        return row

    found = sorted(read_rows(path, columns, unique, BadHistory))
    if not found:
        raise BadHistory(f"{path.name} holds no row after its heading")
    return found


def _write(
    path: Path, out: Path, found: list[Row], event_of: Callable[[Row], AnyEvent], overwrite: bool
) -> HistoryReport:
    with path.open("rb") as file:
        source = Source(path.name, len(found), hashlib.file_digest(file, "sha256").hexdigest())
    with TapeWriter(out, Header(sources=(source,)), overwrite=overwrite) as tape:
        for event in merge((event_of(row) for row in found), []):
            tape.append(event)
    return _report(found)


def _report(found: Sequence[IvRow | DividendRow]) -> HistoryReport:
    tickers = Counter(map(attrgetter("ticker"), found))
    return HistoryReport(
        events=len(found), tickers=dict(sorted(tickers.items())), first=found[0].day, last=found[-1].day
    )


def _atm_iv(row: IvRow) -> AtmIv:
    session = _session(row.day)
    event_ns = iv_time_ns(session)
    return AtmIv(0, event_ns, event_ns, row.ticker, row.iv)


def _dividend(row: DividendRow) -> Dividend:
    # Of the day itself only the date is known: by its end the dividend was public.
    event_ns = sessions.at(row.day + DAY, time())
    return Dividend(0, event_ns, event_ns, row.ticker, row.ex_date, row.amount)


def _iv_row(fields: Fields) -> IvRow:
    """One row of IV; raises ValueError that says what is wrong."""
    day = _day(fields, "date")
    _session(day)
    iv = _positive(fields, "iv")
    if iv > HIGHEST_IV:
        raise ValueError(f"iv is {fields['iv']}, expected a fraction of at most {HIGHEST_IV:g}: 0.25 for 25 percent")
    return IvRow(day, ticker_of(fields), iv)


def _dividend_row(fields: Fields) -> DividendRow:
    """One row of dividends; raises ValueError that says what is wrong."""
    ex_date, declared = _day(fields, "ex_date"), _day(fields, "declared")
    if declared >= ex_date:
        raise ValueError(f"declared is {declared}, expected a day before the ex_date {ex_date}")
    _in_table(declared + DAY)
    return DividendRow(declared, ticker_of(fields), ex_date, _positive(fields, "amount"))


def _session(day: date) -> sessions.Session:
    session = _in_table(day)
    if session is None:
        raise ValueError(f"{day} is no session: the market was closed")
    return session


def _in_table(day: date) -> sessions.Session | None:
    """The day's session, if it has one; raises ValueError outside the table of sessions."""
    try:
        return sessions.session(day)
    except sessions.OutsideTable as error:
        # A desk whose run begins before the table never opens a session.
        raise ValueError(f"{error}; cut the file to those years") from error


def _day(fields: Fields, name: str) -> date:
    try:
        return date.fromisoformat(fields[name])
    except ValueError as error:
        raise ValueError(f"{name} is {fields[name]!r}, expected an ISO date such as 2025-04-01") from error


def _positive(fields: Fields, name: str) -> float:
    text = fields[name]
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{name} is {text!r}, expected a finite number above 0") from error
    if not 0 < value < inf:
        raise ValueError(f"{name} is {text}, expected a finite number above 0")
    return value
