"""Input of the option oracle: contracts with quotes, volume and open interest as known at one instant, from LEAN zips.

Written from the rules alone. Prices in USD (Decimal), sizes and volumes in contracts, ms since midnight in New York.
"""

from __future__ import annotations

import warnings
import zipfile
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import exchange_calendars

NEW_YORK = ZoneInfo("America/New_York")
MINUTE_MS = 60_000
CHICAGO_LAG_MS = 3_600_000
TEN_THOUSANDTHS = Decimal("0.0001")  # USD
ONE = Decimal(1)

Right = Literal["call", "put"]
Cells = list[str]


@dataclass(frozen=True)
class Session:
    """One XNYS session: its date, open and close (early on half days)."""

    date: date
    open: datetime
    close: datetime


@lru_cache(maxsize=64)
def sessions_near(day: date) -> tuple[Session, ...]:
    """The sessions from about ten days before `day` to about thirty after it, in order."""
    span = (day - timedelta(days=10), day + timedelta(days=30))
    with warnings.catch_warnings():
        # Inside exchange_calendars, which reads pandas' times in a way that newer pandas deprecates.
        warnings.filterwarnings("ignore", message="Series.values returning", category=DeprecationWarning)
        hours = exchange_calendars.get_calendar("XNYS", start=str(span[0]), end=str(span[1])).schedule
    return tuple(
        Session(
            label.date(),
            opening.to_pydatetime().astimezone(NEW_YORK),
            closing.to_pydatetime().astimezone(NEW_YORK),
        )
        for label, opening, closing in zip(hours.index, hours["open"], hours["close"], strict=True)
    )


@dataclass(frozen=True)
class Contract:
    """One listed option, `symbol` in compact OCC form (GOOG151224C00750000), `expiry` as listed."""

    symbol: str
    right: Right
    strike: Decimal
    expiry: date


@dataclass(frozen=True)
class Row:
    """A contract at one instant: quote (None where absent), contracts traded today, open interest."""

    contract: Contract
    bid: Decimal | None
    ask: Decimal | None
    bid_size: int | None
    ask_size: int | None
    volume: int | None
    open_interest: int | None


@dataclass(frozen=True)
class Series:
    """Rows of one file in time order: the ms at which each was known, and its cells without the time."""

    known_ms: list[int]
    cells: list[Cells]

    def until(self, at_ms: int) -> list[Cells]:
        """The rows known at or before `at_ms`."""
        return self.cells[: bisect_right(self.known_ms, at_ms)]

    def last(self, at_ms: int) -> Cells | None:
        """The newest row known at or before `at_ms`, or None."""
        rows = bisect_right(self.known_ms, at_ms)
        return self.cells[rows - 1] if rows else None


def _price(cell: str, scale: Decimal) -> Decimal | None:
    """A price in USD, None if the cell is empty."""
    return Decimal(cell) * scale if cell.strip() else None


def _count(cell: str) -> int | None:
    """A whole number, None if the cell is empty."""
    return int(Decimal(cell)) if cell.strip() else None


def usable(bid: Decimal | None, ask: Decimal | None) -> bool:
    """Whether a quote has a mid: both sides finite, bid over 0, ask over bid."""
    return bid is not None and ask is not None and bid.is_finite() and ask.is_finite() and 0 < bid < ask


def _ms(at: datetime, day: date) -> int:
    """Ms from midnight to `at` by New York's clock; ValueError if it has no zone or is on another day."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    local = at.astimezone(NEW_YORK)
    if local.date() != day:
        raise ValueError(f"{local} is not on {day}")
    return (local.hour * 3600 + local.minute * 60 + local.second) * 1000 + local.microsecond // 1000


@dataclass(frozen=True)
class Recording:
    """One day of a ticker's option chain and underlying; a series that is None stands for a file that is not there."""

    day: date
    contracts: list[Contract]
    quotes: dict[Contract, Series]
    trades: dict[Contract, Series] | None
    interest: dict[Contract, Series]
    spot_quotes: Series | None  # of the regular session
    spot_trades: Series | None
    spot_scale: Decimal

    def rows(self, at: datetime) -> list[Row]:
        """Every contract of the day as known at `at`; ValueError if `at` has no zone or is on another day."""
        return [self._row(contract, _ms(at, self.day)) for contract in self.contracts]

    def _row(self, contract: Contract, at_ms: int) -> Row:
        """One contract at `at_ms`."""
        quote = self.quotes[contract].last(at_ms) if contract in self.quotes else None
        bid, bid_size, ask, ask_size = (quote[3], quote[4], quote[8], quote[9]) if quote else ("", "", "", "")
        volume = None
        if self.trades is not None:
            traded = self.trades[contract].until(at_ms) if contract in self.trades else []
            volume = sum(_count(cells[4]) or 0 for cells in traded)
        interest = self.interest[contract].last(at_ms) if contract in self.interest else None
        return Row(
            contract,
            _price(bid, TEN_THOUSANDTHS),
            _price(ask, TEN_THOUSANDTHS),
            _count(bid_size),
            _count(ask_size),
            volume,
            _count(interest[0]) if interest else None,
        )

    def spot(self, at: datetime) -> Decimal | None:
        """The underlying's price in USD at `at`, None if unknown; ValueError as for `rows`."""
        at_ms = _ms(at, self.day)
        if self.spot_quotes and (quote := self.spot_quotes.last(at_ms)):
            bid, ask = _price(quote[3], self.spot_scale), _price(quote[8], self.spot_scale)
            if bid is not None and ask is not None and usable(bid, ask):
                return (bid + ask) / 2
        trade = self.spot_trades.last(at_ms) if self.spot_trades else None
        return _price(trade[3], self.spot_scale) if trade else None


def _series(text: str, lag_ms: int) -> Series:
    """The rows of a CSV file, each known `lag_ms` after its stamp."""
    rows = [line.split(",") for line in text.splitlines() if line.strip()]
    rows.sort(key=lambda row: int(row[0]))
    return Series([int(row[0]) + lag_ms for row in rows], [row[1:] for row in rows])


def _entries(folder: Path, pattern: str, lag_ms: int) -> dict[str, Series] | None:
    """Entry name -> rows of the one zip in `folder` that fits `pattern`, None without such a file."""
    paths = sorted(folder.glob(f"{pattern}.zip")) + sorted(folder.glob(f"{pattern}.zip.zip"))
    if not paths:
        return None
    with zipfile.ZipFile(paths[0]) as archive:
        return {name: _series(archive.read(name).decode("ascii"), lag_ms) for name in archive.namelist()}


def _contract(name: str) -> Contract:
    """The contract in an entry name such as 20151223_goog_minute_quote_american_call_7500000_20151224.csv."""
    _, root, _, _, _, right, strike_text, expiry_text = name.removesuffix(".csv").split("_")
    if right not in ("call", "put"):
        raise ValueError(f"{name} names no right")
    strike = Decimal(strike_text) * TEN_THOUSANDTHS
    symbol = f"{root.upper()}{expiry_text[2:]}{right[0].upper()}{int(strike * 1000):08d}"
    return Contract(symbol, "call" if right == "call" else "put", strike, date.fromisoformat(expiry_text))


def _regular(series: Series, day: date) -> Series:
    """The rows of minutes that start in the regular session of `day`."""
    hours = next(session for session in sessions_near(day) if session.date == day)
    start, end = _ms(hours.open, day) + MINUTE_MS, _ms(hours.close, day) + MINUTE_MS
    kept = [i for i, known in enumerate(series.known_ms) if start <= known < end]
    return Series([series.known_ms[i] for i in kept], [series.cells[i] for i in kept])


def read(root: Path, ticker: str, day: date) -> Recording:
    """The recording of `ticker` on `day` under LEAN's folder `root`; FileNotFoundError without any option file."""
    index = ticker in ("SPX", "SPXW")
    options = root / ("indexoption/usa/minute/spxw" if index else f"option/usa/minute/{ticker.lower()}")
    underlying = root / ("index/usa/minute/spx" if index else f"equity/usa/minute/{ticker.lower()}")
    files: dict[str, dict[Contract, Series] | None] = {}
    for kind, lag_ms in (("quote", MINUTE_MS), ("trade", MINUTE_MS), ("openinterest", 0)):
        entries = _entries(options, f"{day:%Y%m%d}_{kind}_*n", lag_ms)  # american or european
        files[kind] = None if entries is None else {_contract(name): rows for name, rows in entries.items()}
    if all(found is None for found in files.values()):
        raise FileNotFoundError(f"no option file of {ticker} on {day} in {options}")
    spots: dict[str, Series | None] = {}
    for kind in ("quote", "trade"):
        entries = _entries(underlying, f"{day:%Y%m%d}_{kind}", MINUTE_MS + (CHICAGO_LAG_MS if index else 0))
        spots[kind] = next(iter(entries.values())) if entries else None
    contracts = {contract for found in files.values() if found for contract in found}
    return Recording(
        day=day,
        contracts=sorted(contracts, key=lambda contract: contract.symbol),
        quotes=files["quote"] or {},
        trades=files["trade"],
        interest=files["openinterest"] or {},
        spot_quotes=_regular(spots["quote"], day) if spots["quote"] else None,
        spot_trades=spots["trade"],
        spot_scale=ONE if index else TEN_THOUSANDTHS,
    )
