"""The options of one underlying: contracts once a session, the chain every few seconds, volumes every minute."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from msgspec.structs import replace

from flows.engine.telling import tell
from flows.feeds.alpaca.asking import Access, Asking, Reach
from flows.feeds.alpaca.connecting import Emit
from flows.feeds.alpaca.faults import Unanswered
from flows.feeds.alpaca.listing import Listing, listing, volumes, volumes_in
from flows.feeds.alpaca.shares import Clock
from flows.feeds.alpaca.translating import Told
from flows.feeds.alpaca.window import Window, nearest
from operators import sessions
from operators.contracts import parse_occ
from operators.events import MINUTE_NS

FARTHEST_DTE: Final = 5
EXPIRIES: Final = 3
"""The rules look at today's expiry and at the next ones of 1 to 5 DTE, two at most. Source: product rule "Strike"."""
BAND: Final = 0.10
"""Strikes up to this far from the price, of the price: some thousand contracts of the largest chains, a page of
snapshots. The deltas that are bought lie well within it."""
VOLUME_CONTRACTS: Final = 200
"""Where snapshots carry no day's bars, those nearest the money are asked for: two questions."""


def within_reach(underlying: str, day: date, spot: float) -> Reach:
    """What may be bought on a session's day at a price in dollars."""
    last = day
    for _ in range(FARTHEST_DTE):
        last = sessions.next_session(last).day
    return Reach(underlying, day, last, spot * (1.0 - BAND), spot * (1.0 + BAND))


def nearest_expiries(rows: Sequence[Told]) -> list[Told]:
    """The contracts of the nearest expiries that the rules look at."""
    expiries = sorted({str(row.get("expiration_date")) for row in rows})[:EXPIRIES]
    return [row for row in rows if row.get("expiration_date") in expiries]


class Chains:
    """Asks for the options of an underlying while the market is open; `spots` has its newest price in dollars.

    What `held` gives is asked for however far from that price it is.
    """

    def __init__(
        self, access: Access, underlying: str, spots: Mapping[str, float], window: Window, clock: Clock,
        held: Callable[[], Collection[str]],
    ) -> None:  # fmt: skip
        self._access, self._underlying, self._spots, self._window = access, underlying, spots, window
        self._clock, self._held = clock, held
        self._listing: Listing | None = None
        self._reach = Reach(underlying, date.min, date.min, 0.0, 0.0)
        self._centre, self._strange = 0.0, 0
        self._volumes: dict[str, float] = {}
        self._asked_ns = self._listed_ns = 0

    async def look(self, emit: Emit, every_seconds: float) -> None:
        """Looks for ever. Raises WrongKeys and Unanswered; the next look goes on where this one ended."""
        asking, loop = Asking(self._access), asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self._look(asking, emit)
            await asyncio.sleep(max(began + every_seconds - loop.time(), 0.0))

    async def _look(self, asking: Asking, emit: Emit) -> None:
        now_ns, spot = self._clock(), self._spots.get(self._underlying)
        session = sessions.session_holding(now_ns)
        if session is None or spot is None:
            return
        held = self._held_here(session.day)
        if self._is_due(session.day, spot, now_ns, held.values()):
            reach = self._wide(within_reach(self._underlying, session.day, spot), held.values())
            self._list(reach, spot, await asyncio.to_thread(asking.contracts, reach))
            if self._listing is not None:
                emit(self._listing.table)
        found = self._listing
        if found is None:
            return
        self._window.centre(found.table, spot, held)
        told = await asyncio.to_thread(asking.chain, self._reach)
        try:
            traded = volumes_in(told, session.day)
            if now_ns - self._asked_ns >= MINUTE_NS:
                found = await self._interests(asking, found)
                self._volumes = {} if traded else await self._days(asking, found, session.day, spot)
                self._asked_ns = now_ns
            made, strange = found.chain(told, traded or self._volumes, self._window.quotes, session.open_ns)
        except (ValueError, AttributeError) as fault:
            raise Unanswered(f"chain of {self._underlying}: {fault}") from fault
        self._tell_strange(strange)
        if made is not None:
            emit(made)

    async def _days(self, asking: Asking, found: Listing, day: date, spot: float) -> dict[str, float]:
        """Volumes by the day's bars of the contracts nearest the money, where snapshots carry none."""
        asked = nearest(found.table, spot, VOLUME_CONTRACTS)
        return volumes(asked, await asyncio.to_thread(asking.days, asked, day), day)

    def _held_here(self, day: date) -> dict[str, float]:
        """The contracts of the underlying that are held and have not expired, with their strikes in dollars."""
        named = ((symbol, found) for symbol in self._held() if (found := parse_occ(symbol)) is not None)
        return {name: found.strike for name, found in named if found.root == self._underlying and found.expiry >= day}

    def _is_due(self, day: date, spot: float, now_ns: int, held: Iterable[float]) -> bool:
        """Whether a table is due: the session's first one, a wider one, or after a minute the first with contracts."""
        if self._reach.first != day or abs(spot / self._centre - 1.0) > BAND / 2.0:
            return True
        if not all(self._reach.lowest <= strike <= self._reach.highest for strike in held):
            return True
        return self._listing is None and now_ns - self._listed_ns >= MINUTE_NS

    def _list(self, reach: Reach, spot: float, rows: Sequence[Told]) -> None:
        """A new table: those of the nearest expiries, with strikes around the price."""
        made = listing(self._underlying, nearest_expiries(rows), reach.first, self._clock())
        _tell_listed(made)
        self._listing = made if made.interests else None
        self._reach = reach._replace(last=max(made.table.expiries, default=reach.first))
        self._centre, self._volumes, self._asked_ns = spot, {}, 0
        self._listed_ns = made.table.event_ns

    async def _interests(self, asking: Asking, found: Listing) -> Listing:
        """The listing, asked for again while it has no open interest at all: it may come after the open."""
        if found.known_interests:
            return found
        rows = await asyncio.to_thread(asking.contracts, self._reach)
        made = listing(self._underlying, nearest_expiries(rows), self._reach.first, self._clock())
        if made.known_interests and made.table.symbols == found.table.symbols:
            _tell_listed(made)
            # The table is on the tape already.
            self._listing = found = replace(made, table=found.table)
        return found

    def _wide(self, reach: Reach, held: Iterable[float]) -> Reach:
        """Reaches as far as the session's table before, whose contracts must stay listed, and as what is held."""
        same = self._reach.first == reach.first
        before = [self._reach.lowest, self._reach.highest] if same else []
        strikes = [reach.lowest, reach.highest, *before, *held]
        return reach._replace(lowest=min(strikes), highest=max(strikes))

    def _tell_strange(self, strange: int) -> None:
        if strange > self._strange:
            tell("W124", detail=f"{strange} symbols of {self._underlying}'s chain are no contracts of its table")
        self._strange = strange


def _tell_listed(made: Listing) -> None:
    told = sum(interest.day is not None for interest in made.interests)
    tell(
        "I012", underlying=made.table.underlying, contracts=len(made.interests), left_out=made.left_out,
        without_open_interest=len(made.interests) - told, old_open_interest=made.stale_interests,
    )  # fmt: skip
