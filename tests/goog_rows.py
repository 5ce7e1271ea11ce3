"""The raw rows of a recorded session of GOOG, read in another way than the importer's.

A row is known a minute after the start of its minute.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import nan
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile
from zoneinfo import ZoneInfo

NEW_YORK, DAY = ZoneInfo("America/New_York"), date(2015, 12, 23)
MIDNIGHT, MINUTE = datetime.combine(DAY, time(), NEW_YORK), timedelta(minutes=1)


class Raw(NamedTuple):
    """Price in dollars (0 if absent) and contracts shown of each side."""

    bid: Decimal
    bid_size: int
    ask: Decimal
    ask_size: int


Quotes = dict[str, dict[datetime, Raw]]


class Bar(NamedTuple):
    """A minute of the share, with the fast cloud after it (NaN before it is ready); prices in dollars."""

    opened: float
    high: float
    low: float
    close: float
    short: float
    long: float

    @property
    def bullish(self) -> bool:
        return self.short > self.long


def quotes_of_options(shared_data: Path) -> Quotes:
    """By contract the last quote of each minute, by the moment at which it was known."""
    path = shared_data / "lean/option/usa/minute/goog/20151223_quote_american.zip"
    with ZipFile(path) as archive:
        return {symbol(name): dict(map(quote, archive.read(name).decode().split())) for name in archive.namelist()}


def symbol(entry: str) -> str:
    *_, side, strike, expiry = entry.removesuffix(".csv").split("_")
    return f"GOOG{expiry[2:]}{side[0].upper()}{int(strike) // 10:08}"


def known_at(milliseconds: str) -> datetime:
    return MIDNIGHT + timedelta(milliseconds=int(milliseconds)) + MINUTE


def quote(line: str) -> tuple[datetime, Raw]:
    at, *_, bid, bid_size, _, _, _, ask, ask_size = line.split(",")
    return known_at(at), Raw(Decimal(bid or 0) / 10_000, int(bid_size), Decimal(ask or 0) / 10_000, int(ask_size))


def standing(quotes: dict[datetime, Raw], at: datetime) -> Raw:
    """The last quote known at a moment."""
    return quotes[max(known for known in quotes if known <= at)]


def ema(values: list[float], period: int) -> Iterator[float]:
    """Seeded with the mean of the first values, NaN before."""
    level = nan
    for count, value in enumerate(values, 1):
        level = sum(values[:period]) / period if count == period else level + 2 / (period + 1) * (value - level)
        yield level


def bars_of_share(shared_data: Path) -> dict[datetime, Bar]:
    """The session's minutes by the moment of their close."""
    with ZipFile(shared_data / "lean/equity/usa/minute/goog/20151223_trade.zip") as archive:
        lines = [line.split(",") for line in archive.read(archive.namelist()[0]).decode().split()]
    found = {known_at(at): [int(price) / 10_000 for price in prices[:4]] for at, *prices in lines}
    kept = {at: found[at] for at in sorted(found) if time(9, 30) < at.time() <= time(16)}
    middles = [(high + low) / 2 for _, high, low, _ in kept.values()]
    clouds = zip(ema(middles, 5), ema(middles, 12), strict=True)
    return {at: Bar(*(*prices, *cloud)) for (at, prices), cloud in zip(kept.items(), clouds, strict=True)}
