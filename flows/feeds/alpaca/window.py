"""Which contracts' quotes are streamed: what is held, and those nearest the money, as many as an account may have."""

import asyncio
from collections.abc import Collection
from typing import NamedTuple

from operators.events import Contracts, Quote

MOVED: float = 0.25
"""A window is centred again when the price has come so far of the way to its edge: not at every strike."""


class _Part(NamedTuple):
    """The window of one underlying; the edge is the farthest strike's distance from the centre, in dollars."""

    table: Contracts
    centre: float
    edge: float
    held: frozenset[str]
    symbols: tuple[str, ...]

    def stands(self, table: Contracts, spot: float, held: frozenset[str]) -> bool:
        """Whether it need not move: the table and what is held are the same, and the price has moved little."""
        return self.table is table and self.held == held and abs(spot - self.centre) <= MOVED * self.edge


def nearest(table: Contracts, spot: float, count: int) -> tuple[str, ...]:
    """The symbols whose strikes are nearest a price in dollars, nearer expiries first among equals."""
    rows = zip(table.strikes, table.expiries, table.symbols, strict=True)
    ranked = sorted((abs(strike - spot), expiry, symbol) for strike, expiry, symbol in rows)
    return tuple(symbol for *_, symbol in ranked[:count])


class Window:
    """The contracts of all underlyings that are wanted; `budget` symbols in all, as many for each of `underlyings`.

    `changed` is set when they change. `quotes` are the newest ones that were streamed.
    """

    def __init__(self, budget: int, underlyings: int) -> None:
        self.changed = asyncio.Event()
        self.quotes: dict[str, Quote] = {}
        self._each = budget // max(underlyings, 1)
        self._parts: dict[str, _Part] = {}

    @property
    def wanted(self) -> frozenset[str]:
        """The contracts of now."""
        return frozenset(symbol for part in self._parts.values() for symbol in part.symbols)

    def centre(self, table: Contracts, spot: float, held: Collection[str] = ()) -> None:
        """Moves the window of the table's underlying to a price, where the price has moved enough or the rest is new.

        The contracts in `held`, those of the underlying, stay in it wherever the price goes.
        """
        part, kept = self._parts.get(table.underlying), frozenset(held)
        if part is not None and part.stands(table, spot, kept):
            return
        near = [symbol for symbol in nearest(table, spot, self._each) if symbol not in kept]
        near = near[: max(self._each - len(kept), 0)]
        strikes = dict(zip(table.symbols, table.strikes, strict=True))
        edge = max((abs(strikes[symbol] - spot) for symbol in near), default=0.0)
        before = self.wanted
        self._parts[table.underlying] = _Part(table, spot, edge, kept, (*sorted(kept), *near))
        if (wanted := self.wanted) != before:
            self.quotes = {symbol: quote for symbol, quote in self.quotes.items() if symbol in wanted}
            self.changed.set()
