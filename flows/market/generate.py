"""Writes a simulated market as one tape: history, then sessions of quotes, option chains and bars, minute by minute.

The same plan gives the same bytes. No more than a minute of events is held.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from flows.market.listing import listing
from flows.market.paths import LEANING, Levels, Paths, Walk, levels
from flows.market.perturb import trouble
from flows.market.plan import HISTORY, IV_HISTORY, Plan, days_of
from flows.market.regimes import SECONDS, chance
from flows.market.shares import UNPLACED, Shares
from flows.market.snapshots import Snapshots
from flows.market.surface import iv_of_session
from flows.market.world import TICKERS, funds_of
from flows.tape.frames import Header
from flows.tape.places import Places
from flows.tape.writer import TapeWriter
from operators.events import SECOND_NS, AnyEvent, AtmIv, Bar, Chain, Contracts, Quote
from operators.listings import IV_BEFORE_CLOSE_NS, iv_time_ns
from operators.sessions import Session

MARKS: Final = ("SIMULATED",)
ORDER: Final = {Contracts: 0, AtmIv: 1, Quote: 2, Chain: 3, Bar: 4}
"""Of one time reference comes first, then history, quotes, chains, bars; each by symbol."""
BEFORE_CLOSE_SECONDS: Final = IV_BEFORE_CLOSE_NS // SECOND_NS


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: events by kind, the trading sessions' first and last day, the funds beside the tickers."""

    events: int
    history_events: int
    quotes: int
    chains: int
    bars: int
    first: date
    last: date
    funds: tuple[str, ...]


class Market:
    """The market of a plan as it goes, session after session. Raises BadMarket."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.days = plan, days_of(plan)
        self.traded = self.days[IV_HISTORY:]
        self.funds = funds_of(plan.tickers, self.traded[0].day)
        self.dollars = {name: TICKERS[name].dollars for name in plan.tickers}
        self.dollars |= {fund.symbol: fund.dollars for fund in self.funds}
        self._walk = Walk(plan.seed, self.funds)

    def batches(self) -> Iterator[list[AnyEvent]]:
        """The events without their places, a minute at a time and in order."""
        volatility = levels(self.plan.seed, tuple(TICKERS))
        for number, (session, level) in enumerate(zip(self.days, volatility, strict=False)):
            if number < IV_HISTORY - HISTORY:
                yield self._ivs(session, level, self._drawn_leaning(session))
            elif number < IV_HISTORY:
                yield from self._history(session, level)
            else:
                yield from self._session(session, level)

    def _drawn_leaning(self, session: Session) -> float:
        """What the market's move did to IV on a day before the first price."""
        return float(chance(self.plan.seed, session.day, "leaning").lognormal(0.0, LEANING))

    def _ivs(self, session: Session, level: Levels, leaning: float) -> list[AnyEvent]:
        at_ns = iv_time_ns(session)
        found = {ticker: iv_of_session(ticker, session, level, leaning) for ticker in sorted(self.plan.tickers)}
        return [AtmIv(UNPLACED, at_ns, at_ns, ticker, iv) for ticker, iv in found.items()]

    def _history(self, session: Session, level: Levels) -> Iterator[list[AnyEvent]]:
        paths = self._walk.session(session, level)
        shares = Shares(self.plan.seed, paths, self.dollars)
        measured = paths.minutes * SECONDS - BEFORE_CLOSE_SECONDS
        for minute in range(paths.minutes):
            ivs = (
                self._ivs(session, level, float(paths.leaning[measured])) if (minute + 1) * SECONDS == measured else []
            )
            yield [*ivs, *shares.bars(minute, history=True)]

    def _session(self, session: Session, level: Levels) -> Iterator[list[AnyEvent]]:
        plan = self.plan
        wrongs = trouble(plan.seed, session, plan.perturb, sorted(self.dollars), plan.tickers)
        paths = self._walk.session(session, level, wrongs.jump)
        shares = Shares(plan.seed, paths, self.dollars, wrongs.crossed)
        chains = [self._chain(paths, ticker, wrongs.crossed) for ticker in sorted(plan.tickers)]
        yield [chain.listing.table for chain in chains]
        for minute in range(paths.minutes):
            made: list[AnyEvent] = [*shares.quotes(minute, plan.quotes_per_second), *shares.bars(minute, history=False)]
            for chain in chains:
                made += chain.chains(minute)
            yield sorted((event for event in made if wrongs.spares(event, minute)), key=_place)

    def _chain(self, paths: Paths, ticker: str, crossed: bool) -> Snapshots:
        plan, spot = self.plan, float(paths.mids[ticker][0])
        found = listing(plan.seed, ticker, paths.session, spot, plan.contracts)
        return Snapshots(plan.seed, paths, found, plan.chain_seconds, crossed)


def _place(event: AnyEvent) -> tuple[int, int, str]:
    """Where an event stands in its minute."""
    match event:
        case Bar() | AtmIv():
            name = event.ticker
        case Quote():
            name = event.symbol
        case Chain() | Contracts():
            name = event.underlying
        case _:
            raise TypeError(f"{type(event).__name__} is no event of a simulated market")
    return event.event_ns, ORDER[type(event)], name


def generate(
    plan: Plan, out: Path, *, overwrite: bool = False, progress: Callable[[int], None] | None = None
) -> Report:
    """Writes the market of a plan as a tape marked SIMULATED; `progress` is told the events after each minute.

    Raises BadMarket, and FileExistsError without `overwrite`; then nothing is written.
    """
    market, places, kinds = Market(plan), Places(), Counter[type]()
    cadences = {"bar": 60.0, "quote": 0.0, "chain": float(plan.chain_seconds)}
    with TapeWriter(out, Header(cadences=cadences, marks=MARKS), overwrite=overwrite) as tape:
        for batch in market.batches():
            for event in batch:
                seq, at_ns, _ = places.place(event.event_ns)
                tape.append(replace(event, seq=seq, at_ns=at_ns))
                kinds[type(event)] += 1
            if progress is not None:
                progress(tape.tally.events)
    return Report(
        events=tape.tally.events,
        history_events=tape.tally.history,
        quotes=kinds[Quote],
        chains=kinds[Chain],
        bars=kinds[Bar],
        first=market.traded[0].day,
        last=market.traded[-1].day,
        funds=tuple(fund.symbol for fund in market.funds),
    )
