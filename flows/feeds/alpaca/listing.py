"""Alpaca's contracts and snapshots of chains as events: one table a session, snapshots in the table's order."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, time
from math import nan
from typing import Final

import msgspec
import numpy as np

from flows.feeds.alpaca.translating import UNPLACED, Told, count, instant_ns, sides
from operators import sessions
from operators.contracts import FloatArray, packed_counts, packed_prices, parse_occ
from operators.events import Chain, Contracts, Quote

SHARES: Final = 100
NEWEST_INTEREST_SESSIONS: Final = 2
"""The exchanges' count of a session's end comes in the morning after it: one of the session before, or of the one
before that where it comes late, is the newest there is. An older one is missing."""


class Interest(msgspec.Struct, frozen=True):
    """Open interest of a contract in contracts, and the session at whose end it was counted; NaN and None: not told."""

    contracts: float
    day: date | None

    def newest(self, today: date) -> float:
        """The count, NaN if a newer one should be there; `today` is a session."""
        oldest = today
        for _ in range(NEWEST_INTEREST_SESSIONS):
            oldest = sessions.previous_session(oldest).day
        return self.contracts if self.day is not None and self.day >= oldest else nan


class Listing(msgspec.Struct, frozen=True):
    """The contracts of one underlying on one session, and what was left out by reason: adjusted ones above all."""

    table: Contracts
    interests: tuple[Interest, ...]
    left_out: dict[str, int]
    _rows: dict[str, int]
    _newest: bytes

    @property
    def known_interests(self) -> int:
        """How many contracts have the newest open interest that there can be."""
        return int(np.isfinite(np.frombuffer(self._newest, "<f4")).sum())

    @property
    def stale_interests(self) -> int:
        """How many contracts have an open interest that is older than it should be."""
        return sum(interest.day is not None for interest in self.interests) - self.known_interests

    def chain(
        self, snapshots: Mapping[str, Told | None], volumes: Mapping[str, float], streamed: Mapping[str, Quote],
        open_ns: int,
    ) -> tuple[Chain | None, int]:  # fmt: skip
        """The snapshot of a moment, the time of its newest quote; and how many of its symbols the table has not.

        A streamed quote that is newer stands: an answer may be older than what came meanwhile. One from before the
        session's open is missing. None where nothing is quoted. A contract that `volumes` does not name has an unknown
        volume.
        """
        columns = np.full((4, len(self._rows)), nan)
        event_ns, strange = 0, 0
        for symbol, told in snapshots.items():
            row = self._rows.get(symbol)
            quote = None if told is None else told.get("latestQuote")
            if row is None:
                strange += 1
            elif quote is not None:
                at_ns, found = _newest(quote, streamed.get(symbol))
                if at_ns >= open_ns:
                    columns[:, row] = found
                    event_ns = max(event_ns, at_ns)
        if not event_ns:
            return None, strange
        traded: FloatArray = np.array([volumes.get(symbol, nan) for symbol in self.table.symbols])
        bid, ask = map(packed_prices, columns[:2])
        bid_size, ask_size, volume = map(packed_counts, (*columns[2:], traded))
        place = UNPLACED, UNPLACED, event_ns, self.table.underlying
        return Chain(*place, bid, ask, bid_size, ask_size, volume, self._newest), strange


def listing(underlying: str, rows: Iterable[Told], today: date, at_ns: int) -> Listing:
    """The listing of a session's day from the rows of contracts, known at an instant.

    Left out are contracts of another root or another number of shares (`adjusted`: what they deliver was changed),
    those that cannot be traded, and rows that are no contracts (`unreadable`).
    """
    kept: dict[str, Told] = {}
    left_out: Counter[str] = Counter()
    for row in rows:
        reason = _unfit(underlying, row)
        if reason:
            left_out[reason] += 1
        else:
            kept[row["symbol"]] = row
    named = [(symbol, found) for symbol in sorted(kept) if (found := parse_occ(symbol)) is not None]
    table = Contracts(
        *(UNPLACED, UNPLACED, at_ns, underlying),
        symbols=tuple(symbol for symbol, _ in named),
        rights=tuple(found.right for _, found in named),
        strikes=tuple(found.strike for _, found in named),
        expiries=tuple(found.expiry for _, found in named),
        adjusted=(False,) * len(named),
        multiplier=SHARES,
    )
    interests = tuple(_interest(kept[symbol]) for symbol, _ in named)
    newest = packed_counts(np.array([interest.newest(today) for interest in interests]))
    places = {symbol: place for place, (symbol, _) in enumerate(named)}
    return Listing(table, interests, dict(sorted(left_out.items())), places, newest)


def volumes(asked: Iterable[str], bars: Mapping[str, Iterable[Told]], today: date) -> dict[str, float]:
    """Contracts traded today of those that were asked for: one without a bar of today was not traded yet."""
    traded = dict.fromkeys(asked, 0.0)
    for symbol, found in bars.items():
        for bar in found:
            if symbol in traded and sessions.new_york(instant_ns(bar.get("t"))).date() == today:
                traded[symbol] = count(bar.get("v"))
    return traded


def volumes_in(snapshots: Mapping[str, Told | None], today: date) -> dict[str, float]:
    """Contracts traded today of the snapshots that carry a day's bar; one of an earlier day says that none was."""
    midnight_ns = sessions.at(today, time())
    bars = ((symbol, told.get("dailyBar")) for symbol, told in snapshots.items() if told is not None)
    return {
        symbol: count(bar.get("v")) if instant_ns(bar.get("t")) >= midnight_ns else 0.0
        for symbol, bar in bars
        if bar is not None
    }


def _newest(told: Told, streamed: Quote | None) -> tuple[int, tuple[float, ...]]:
    """Time and sides of a snapshot's quote, or of the streamed one if that is newer."""
    at_ns = instant_ns(told.get("t"))
    if streamed is None or streamed.event_ns <= at_ns:
        return at_ns, sides(told)
    return streamed.event_ns, (streamed.bid, streamed.ask, streamed.bid_size, streamed.ask_size)


def _unfit(underlying: str, row: Told) -> str:
    """Why a row is no contract to trade, empty if it is one."""
    found = parse_occ(str(row.get("symbol")))
    if found is None:
        return "unreadable"
    if found.root != underlying or _whole(row.get("size")) != SHARES:
        return "adjusted"
    return "" if row.get("tradable") is True else "not_tradable"


def _interest(row: Told) -> Interest:
    told, day = row.get("open_interest"), row.get("open_interest_date")
    number = _whole(told)
    try:
        counted = date.fromisoformat(day) if isinstance(day, str) else None
    except ValueError:
        counted = None
    return Interest(nan, None) if number is None or counted is None else Interest(float(number), counted)


def _whole(told: object) -> int | None:
    """A whole number that Alpaca writes as text."""
    text = str(told)
    return int(text) if text.isascii() and text.isdigit() else None
