"""Which past days to import, and whether they can be. This module loads no client."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final, Self

import msgspec

from flows.feeds.alpaca.faults import BadDays
from flows.tape.columns import BadBars, checked_ticker
from operators import sessions
from operators.sessions import Session

SAFE: Final = re.compile(r"https://|http://(127\.0\.0\.1|localhost)(:|/|$)")


class Plan(msgspec.Struct, frozen=True):
    """Tickers, those of them with options, days in order, and how many sessions before the first only warm up."""

    tickers: tuple[str, ...]
    options_of: tuple[str, ...]
    days: tuple[date, ...]
    history: int

    @classmethod
    def checked(cls, tickers: Sequence[str], options_of: Sequence[str], days: Sequence[date], history: int) -> Self:
        """The plan as it was asked for. Raises BadDays."""
        found, with_options = _tickers(tickers), _tickers(options_of)
        if others := [name for name in with_options if name not in found]:
            raise BadDays(f"options of {', '.join(others)} need the bars of it: name it as a ticker too")
        ordered = sorted(days)
        for day, after in pairwise(ordered):
            if day == after:
                raise BadDays(f"{day} was given twice: give each date once")
        return cls(found, with_options, tuple(ordered), history)

    def sessions(self, now_ns: int) -> list[tuple[Session, bool]]:
        """The sessions in order, each with whether it is history. Raises BadDays for a day that is none or not over."""
        wanted = [(_session(day, now_ns), False) for day in self.days]
        try:
            while len(wanted) < len(self.days) + self.history:
                wanted.insert(0, (sessions.previous_session(wanted[0][0].day), True))
        except sessions.OutsideTable as fault:
            raise BadDays(f"{self.history} sessions of history before {self.days[0]}: {fault}") from fault
        return wanted


def refuse_address(address: str | None) -> None:
    """Raises BadDays for an address to which the keys would travel in clear."""
    if address is not None and not SAFE.match(address):
        raise BadDays(f"{address} would be told the keys in clear: name https, or http on this machine")


def _tickers(names: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(checked_ticker(name, "--ticker") for name in names))
    except BadBars as fault:
        raise BadDays(str(fault)) from fault


def _session(day: date, now_ns: int) -> Session:
    try:
        found = sessions.session(day)
    except sessions.OutsideTable as fault:
        raise BadDays(f"{day} cannot be imported: {fault}") from fault
    if found is None:
        raise BadDays(f"{day} is no session: the market is closed that day")
    if found.close_ns > now_ns:
        raise BadDays(f"{day} is not over: a day is imported once it has closed")
    return found
