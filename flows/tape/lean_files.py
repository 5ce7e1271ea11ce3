"""Finds recorded chains: the files of a day in the folders in which QuantConnect's LEAN keeps minutes."""

import re
from datetime import date, datetime, time
from pathlib import Path
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from operators import sessions
from operators.sessions import NEW_YORK, Session

TEN_THOUSANDTHS: Final = 10_000
"""Prices of LEAN's shares and options, and strikes, are ten-thousandths of a dollar; those of an index plain points."""
INDEX_ROOTS: Final = {"SPX": ("SPX", "SPXW"), "SPXW": ("SPX", "SPXW")}
"""Ticker asked for to the index and the root of its options that expire at the close, which both names mean."""
CHICAGO: Final = ZoneInfo("America/Chicago")
STYLES: Final = ("_american", "_european")
ENDINGS: Final = (".zip", ".zip.zip")


class BadLean(ValueError):
    """Recorded chains that cannot be imported as they are; the message names the date or the file."""


class Layout(NamedTuple):
    """Where one underlying's minutes are kept, and what their numbers mean.

    `ticker` is the underlying's, `root` that of its options; the folders are relative. `zone` is the clock of the
    underlying's files and `per_dollar` what their prices are divided by; options keep New York time and 10,000.
    """

    ticker: str
    root: str
    options: str
    underlying: str
    zone: ZoneInfo
    per_dollar: int
    settlement: Literal["physical", "cash"]


class DayFiles(NamedTuple):
    """The files of one session; None is a file that does not exist, and `missing` says so in words."""

    session: Session
    option_quotes: Path
    bars: Path
    option_trades: Path | None
    open_interest: Path | None
    quotes: Path | None
    missing: tuple[str, ...]

    @property
    def options(self) -> list[Path]:
        """Those whose entries are contracts."""
        found = self.option_quotes, self.option_trades, self.open_interest
        return [path for path in found if path is not None]

    @property
    def all(self) -> list[Path]:
        """Every file, the underlying's last."""
        return [*self.options, self.bars, *([] if self.quotes is None else [self.quotes])]


def layout_of(ticker: str) -> Layout:
    """Where a ticker is kept; raises BadLean for one that is not 1 to 6 letters."""
    name = ticker.strip().upper()
    if not re.fullmatch(r"[A-Z]{1,6}", name):
        raise BadLean(f"ticker is {ticker!r}, expected 1 to 6 letters, as option roots are")
    if name in INDEX_ROOTS:
        index, root = INDEX_ROOTS[name]
        folders = f"indexoption/usa/minute/{root.lower()}", f"index/usa/minute/{index.lower()}"
        return Layout(index, root, *folders, CHICAGO, 1, "cash")
    folders = f"option/usa/minute/{name.lower()}", f"equity/usa/minute/{name.lower()}"
    return Layout(name, name, *folders, NEW_YORK, TEN_THOUSANDTHS, "physical")


def files_of(root: Path, layout: Layout, day: date) -> DayFiles:
    """The files of a day; raises BadLean if it is no session, or its option quotes or underlying trades are missing."""
    missing: list[str] = []

    def find(what: str, folder: Path, kind: str, styles: tuple[str, ...] = STYLES) -> Path | None:
        names = [f"{day:%Y%m%d}_{kind}{style}{ending}" for style in styles for ending in ENDINGS]
        found = [folder / name for name in names if (folder / name).is_file()]
        if len(found) > 1:
            raise BadLean(f"{day} has its {what} twice: {found[0]} and {found[1].name}: remove one")
        if not found:
            missing.append(f"{day} has no {what}: looked for {folder / names[0]} (or {', '.join(names[1:])})")
        return found[0] if found else None

    session, options, underlying = _session(day), root / layout.options, root / layout.underlying
    option_quotes = find("option quotes", options, "quote")
    bars = find("underlying trades", underlying, "trade", ("",))
    if option_quotes is None or bars is None:
        raise BadLean(missing[0])
    trades, interest = find("option trades", options, "trade"), find("open interest", options, "openinterest")
    quotes = find("underlying quotes", underlying, "quote", ("",))
    return DayFiles(session, option_quotes, bars, trades, interest, quotes, tuple(missing))


def midnight_ns(day: date, zone: ZoneInfo) -> int:
    """UTC nanoseconds of a day's first moment on a clock; a session's clocks are changed on no day that has one."""
    return sessions.ns(datetime.combine(day, time(), tzinfo=zone))


def _session(day: date) -> Session:
    try:
        session = sessions.session(day)
    except sessions.OutsideTable as error:
        raise BadLean(f"{day} cannot be imported: {error}") from error
    if session is None:
        raise BadLean(f"{day} is no session: the market is closed that day")
    return session
