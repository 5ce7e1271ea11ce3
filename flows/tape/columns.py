"""Finds in a file of bars the columns that matter and the ticker that it speaks of."""

import re
from typing import Final, NamedTuple

PRICES: Final = ("open", "high", "low", "close", "volume")
SHORT: Final = {name[0]: name for name in PRICES}
SYMBOLS: Final = frozenset({"symbol", "ticker"})
TIMES: Final = frozenset(
    {"timestamp", "timestamp_utc", "ts", "ts_utc", "ts_nyt_epoch", "time", "time_utc", "datetime", "datetime_utc"}
    | {"date", "date_time", "epoch", "unix", "unix_time", "t"}
)
TICKER: Final = re.compile(r"[A-Z][A-Z.]{0,5}")
_FILE_TICKER: Final = re.compile(r"([A-Za-z]{1,6})(?=[_.-]|$)")


class BadBars(ValueError):
    """A file of bars that cannot be imported as it is; the message names the file and what to do."""


class Columns(NamedTuple):
    """The names that a file uses: its time columns, those of PRICES in that order, and the symbol's, if it has one."""

    times: tuple[str, ...]
    prices: tuple[str, ...]
    symbol: str | None

    @property
    def needed(self) -> list[str]:
        """All of them, each once."""
        return [*self.times, *self.prices, *(() if self.symbol is None else (self.symbol,))]


def role_of(column: str) -> str:
    """What a column is, by its name: one of PRICES, `symbol`, `time NAME`, or nothing that matters (empty)."""
    name = column.strip().lower()
    if name in TIMES:
        return f"time {name}"
    if name in SYMBOLS:
        return "symbol"
    full = SHORT.get(name, name)
    return full if full in PRICES else ""


def columns_of(names: list[str], file: str) -> Columns:
    """The columns of a file with these headings; raises BadBars if one is missing or stands twice."""
    found: dict[str, str] = {}
    for name in names:
        role = role_of(name)
        if role and role in found:
            raise BadBars(f"{file} has two columns for {role} ({found[role]} and {name}); found: {_list(names)}")
        found[role] = name
    times = tuple(name for role, name in found.items() if role.startswith("time "))
    missing = [name for name in PRICES if name not in found] + ([] if times else ["a time (such as timestamp)"])
    if missing:
        raise BadBars(f"{file} has no column for {_list(missing)}; found: {_list(names)}")
    return Columns(times, tuple(found[name] for name in PRICES), found.get("symbol"))


def checked_ticker(text: str, where: str) -> str:
    """The ticker in capitals; raises BadBars unless it is 1 to 6 letters or dots that begin with a letter."""
    ticker = text.strip().upper()
    if not TICKER.fullmatch(ticker):
        raise BadBars(f"{where} names the ticker {text!r}, expected 1 to 6 letters or dots: give --ticker")
    return ticker


def ticker_in_name(file: str) -> str:
    """The ticker that a file name begins with: its letters up to the first `_`, `-` or `.`; raises BadBars."""
    match = _FILE_TICKER.match(file)
    if match is None:
        raise BadBars(
            f"{file} has no symbol column and its name begins with no ticker (as SPY_1m.csv does): give --ticker"
        )
    return match[1].upper()


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"
