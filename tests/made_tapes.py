"""Tapes made of waves: QQQ and its two funds over whole sessions, with flips on volume, so that own signals trade.

Nothing here is recorded data. QQQ swings 1.20 dollars once in 71 minutes, about a slow wave of 12 dollars; the
funds move three times as much, and every third minute has four times the volume of the others.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from math import pi, sin
from pathlib import Path

from flows.tape.bars import import_bars

WARM = (date(2025, 4, 1), date(2025, 4, 2), date(2025, 4, 3), date(2025, 4, 4))
MONDAY, TUESDAY = date(2025, 4, 7), date(2025, 4, 8)
MINUTES = 390
TICKERS = ("QQQ", "TQQQ", "SQQQ")


def at(day: date, clock: str) -> str:
    """A New York time of a day in summer as UTC, ISO 8601."""
    hour, minute = map(int, clock.split(":"))
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour + 4, minutes=minute)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _price(ticker: str, minute: float) -> float:
    move = (1.2 * sin(2 * pi * minute / 71) + 12 * sin(2 * pi * minute / 1300)) / 500
    return {"QQQ": 500 * (1 + move), "TQQQ": 60 * (1 + 3 * move), "SQQQ": 40 * (1 - 3 * move)}[ticker]


def _rows(ticker: str, days: Iterable[date]) -> Iterator[str]:
    for day in days:
        began, passed = datetime.fromisoformat(at(day, "09:30")), (day - WARM[0]).days * MINUTES
        for minute in range(MINUTES):
            opened, closed = (round(_price(ticker, passed + minute + later), 2) for later in (0, 1))
            high, low = max(opened, closed) + 0.02, min(opened, closed) - 0.02
            volume = 400_000 if minute % 3 == 0 else 100_000
            stamp = (began + timedelta(minutes=minute)).isoformat()
            yield f"{stamp},{opened:.2f},{high:.2f},{low:.2f},{closed:.2f},{volume}"


def bar_files(folder: Path, days: Iterable[date], tickers: Iterable[str] = TICKERS) -> list[Path]:
    """One CSV file of 1-minute bars a ticker."""
    listed, paths = list(days), []
    for ticker in tickers:
        path = folder / f"{ticker}_1m.csv"
        path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(_rows(ticker, listed)) + "\n")
        paths.append(path)
    return paths


def tape(folder: Path, days: Iterable[date], history: int, name: str = "made.tape") -> Path:
    """A tape of these days."""
    folder.mkdir(parents=True, exist_ok=True)
    import_bars(bar_files(folder, days), folder / name, ticker=None, history=history, overwrite=True)
    return folder / name


def signals_file(folder: Path, *rows: str, name: str = "signals.csv") -> Path:
    """A file of outside signals, each row as `ticker,bar_close_utc,direction,conviction`."""
    path = folder / name
    path.write_text("\n".join(("ticker,bar_close_utc,direction,conviction", *rows)) + "\n")
    return path
