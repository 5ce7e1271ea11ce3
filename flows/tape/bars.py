"""Imports one-minute bars: files in, one tape with bars and quotes modelled from them out."""

from collections.abc import Callable, Iterator
from datetime import date
from heapq import merge
from itertools import groupby
from math import ceil, floor
from operator import itemgetter
from pathlib import Path
from typing import Final

import msgspec

from flows.tape.barfile import BarFile, survey
from flows.tape.columns import BadBars
from flows.tape.faults import Refused
from flows.tape.frames import Header, Tally
from flows.tape.places import Places
from flows.tape.rows import Row, Stamp, rows
from flows.tape.stamps import zone_named
from flows.tape.writer import TapeWriter
from operators import sessions
from operators.events import MINUTE_NS, Bar, Quote

CADENCES: Final = {"bar": 60.0, "quote": 60.0}
MARKS: Final = ("MODELLED",)
SMALLEST_SIZE: Final = 100.0
PROGRESS_EVERY: Final = 10_000


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import wrote; `tickers` counts bars, `rejected` refused rows by reason, `first_rejected` names some."""

    events: int
    bars: int
    quotes: int
    history_bars: int
    sessions: int
    tickers: dict[str, int]
    rejected: dict[str, int]
    first_rejected: tuple[str, ...]


class Days:
    """Counts sessions as bars come in order of time; the first `history` of them are the history block.

    The block is a beginning of the tape: what comes before the end of its last day belongs to it, rows outside
    regular hours and on closed days included.
    """

    def __init__(self, history: int) -> None:
        self.history, self.count = history, 0
        self.day: date | None = None

    def judge(self, start_ns: int) -> tuple[bool, bool]:
        """Whether a bar that starts then is of regular hours, and whether it is history; raises OutsideTable."""
        session = sessions.session_of(start_ns)
        regular = session is not None and session.open_ns <= start_ns < session.close_ns
        if session is not None and regular and session.day != self.day:
            self.day, self.count = session.day, self.count + 1
        of_last_day = session is not None and session.day == self.day
        return regular, self.count < self.history or (self.count == self.history and of_last_day)


class Line(Places):
    """Makes the events of rows, each at its place on the tape."""

    def bar(self, row: Row, history: bool) -> Bar:
        """The bar of a row, known at its close."""
        return Bar(*self.place(row.close_ns), row.ticker, *row.bar, history)

    def quotes(self, row: Row) -> Iterator[Quote]:
        """The modelled quote of a row, if it has one."""
        *_, close, volume = row.bar
        sides = modelled_sides(close)
        if sides is not None:
            size = max(SMALLEST_SIZE, volume // 10)
            yield Quote(*self.place(row.close_ns), row.ticker, *sides, size, size)


def modelled_sides(close: float) -> tuple[float, float] | None:
    """Bid and ask in dollars, whole cents, around the close of a bar; None if the bid would not be above zero.

    The ask is the close rounded up to the cent; the spread is 1 bp of the close, rounded half up, at least a cent.
    """
    # 56.44 * 100 may be 5644.000000000001: six digits of a cent are noise, a quote has at most two.
    ask = ceil(round(close * 100, 6))
    bid = ask - max(1, floor(close / 100 + 0.5))
    return (bid / 100, ask / 100) if bid > 0 else None


def import_bars(
    files: list[Path],
    out: Path,
    *,
    ticker: str | None,
    stamp: Stamp = "start",
    zone: str | None = None,
    history: int = 4,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Writes the bars of all files as one tape, marked MODELLED; `progress` is told the rows read so far.

    Raises BadBars for a file that cannot be imported or an option that cannot be, FileNotFoundError, and
    FileExistsError without `overwrite`; then nothing is written.
    """
    _check_options(files, out, ticker, history)
    place, refused, days = zone_named(zone), Refused(), Days(history)
    surveyed = [survey(path, ticker) for path in files]
    header = Header(cadences=CADENCES, marks=MARKS, sources=tuple(file.source for file in surveyed))
    streams = (rows(file, number, stamp, place, refused) for number, file in enumerate(surveyed))
    with TapeWriter(out, header, overwrite=overwrite) as tape:
        good = _unique(_counted(merge(*streams), progress), surveyed, refused)
        for event in _events(good, surveyed, days):
            tape.append(event)
        tape.rejected = refused.counts
        tally = tape.tally
        if not tally.events:
            raise BadBars(f"no row of {', '.join(file.path.name for file in surveyed)} is a bar: {refused.first[0]}")
    return _report(tally, days, refused)


def _check_options(files: list[Path], out: Path, ticker: str | None, history: int) -> None:
    if not files:
        raise BadBars("no file was given: name at least one file of bars")
    if ticker is not None and len(files) != 1:
        raise BadBars(f"--ticker {ticker} was given with {len(files)} files: it can name the bars of one file only")
    if history < 0:
        raise BadBars(f"history is {history} sessions, expected 0 or more")
    if out.resolve() in {path.resolve() for path in files}:
        raise BadBars(f"{out} is one of the files to import: choose another name for the tape")


def _counted(found: Iterator[Row], progress: Callable[[int], None] | None) -> Iterator[Row]:
    number = 0
    for number, row in enumerate(found, 1):
        if progress is not None and number % PROGRESS_EVERY == 0:
            progress(number)
        yield row
    if progress is not None:
        progress(number)


def _unique(found: Iterator[Row], files: list[BarFile], refused: Refused) -> Iterator[Row]:
    """Refuses a second bar of the same ticker and time, of the same file or another one."""
    last: tuple[int, str] | None = None
    for row in found:
        key = row.close_ns, row.ticker
        if key == last:
            where = files[row.file].where(row.line)
            refused.add(where, "duplicate", f"a bar of {row.ticker} at that time stands already")
            continue
        last = key
        yield row


def _events(found: Iterator[Row], files: list[BarFile], days: Days) -> Iterator[Bar | Quote]:
    """The events of the tape: for each moment the quotes, then the bars, by symbol."""
    line = Line()
    for close_ns, moment in groupby(found, key=itemgetter(0)):
        bars = list(moment)
        try:
            regular, history = days.judge(close_ns - MINUTE_NS)
        except sessions.OutsideTable as error:
            raise BadBars(f"{files[bars[0].file].where(bars[0].line)}: {error}; cut the file to those years") from error
        if regular and not history:
            for row in bars:
                yield from line.quotes(row)
        for row in bars:
            yield line.bar(row, history)


def _report(tally: Tally, days: Days, refused: Refused) -> ImportReport:
    bars = sum(tally.tickers.values())
    return ImportReport(
        events=tally.events,
        bars=bars,
        quotes=tally.events - bars,
        history_bars=tally.history,
        sessions=days.count,
        tickers=dict(sorted(tally.tickers.items())),
        rejected=dict(sorted(refused.counts.items())),
        first_rejected=tuple(refused.first),
    )
