"""Makes the tapes of `python -m benchmarks.growth`; those of a kind differ in one number. All is SIMULATED.

Run as `python -m benchmarks.tapes KIND SIZE TAPE`, in a process of its own: a replay's peak of memory would not be seen
under that of a larger process that starts it. Beside a tape stand its outside signals (csv) and its settings (toml),
if it has any. Size 0 is what a kind's tapes have in common.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, cycle, islice, repeat
from math import sqrt
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from flows.market.generate import Market
from flows.market.listing import Listing
from flows.market.paths import Paths
from flows.market.plan import Plan
from flows.market.shares import UNPLACED
from flows.market.snapshots import Snapshots
from flows.market.world import TICKERS
from flows.tape.frames import Header
from flows.tape.places import Places
from flows.tape.writer import TapeWriter
from operators import catalog, sessions
from operators.contracts import occ_symbol
from operators.events import MINUTE_NS, AnyEvent, AtmIv, Bar, Chain, Contracts, Quote
from operators.members import SP_500

SEED = 7
UNDERLYING = "SPY"
EXPIRIES, MANY_EXPIRIES = 5, 25
REACH = 1.0
"""Strikes reach a usual move up and down, some two standard deviations: nearly all are quoted most of the day."""
INTEREST, VOLUME = 20_000.0, 50_000.0
SIGNALS_NS = 2 * MINUTE_NS
COPIED, FUNDS, FAMILY = ("AAPL", "NVDA"), ("SPXL", "SPXS"), "sp500"
"""Whose simulated sessions the shares of a tape have in turn, and the funds that stand for all of them."""
FEW = 5


def start(path: Path, _: int) -> None:
    """Next to nothing: one bar."""
    plan = Plan(seed=SEED, tickers=(UNDERLYING,))
    write(path, plan, islice((event for batch in Market(plan).batches() for event in batch if type(event) is Bar), 1))


def contracts(path: Path, size: int, expiries: int = EXPIRIES) -> None:
    """A session of one underlying, its chain every 15 s, and outside signals beside it, each of which has it priced."""
    plan = Plan(seed=SEED, tickers=(UNDERLYING,), quotes_per_second=0.02, chain_seconds=15)
    market = Wide(plan, size, expiries)
    write(path, plan, (event for event in market.events() if size or type(event) not in (Contracts, Chain)))
    session = market.traded[0]
    times = map(sessions.utc, range(session.open_ns + SIGNALS_NS, session.close_ns, SIGNALS_NS))
    with path.with_suffix(".csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("ticker", "bar_close_utc", "direction", "conviction"))
        rows.writerows((UNDERLYING, at.isoformat(), side, 80) for at, side in zip(times, cycle(("long", "short"))))


def expiries(path: Path, size: int) -> None:
    """As `contracts`, with a fifth of the strikes and five times the expiries."""
    contracts(path, size, MANY_EXPIRIES)


def tickers(path: Path, size: int) -> None:
    """A session of so many shares, and of the funds that stand for them: bars, quotes, the shares' chains."""
    names = names_of(size)
    write(path, *market_of(names, 1))
    allow(path, names or [UNDERLYING])


def days(path: Path, size: int) -> None:
    """As `tickers` with five of them, but so many sessions after the same history."""
    names = names_of(FEW)
    write(path, *market_of(names, size))
    allow(path, names)


class Wide(Market):
    """A market whose underlying has as many contracts as are asked for: a plan stops at 2,000."""

    def __init__(self, plan: Plan, contracts: int, expiries: int) -> None:
        super().__init__(plan)
        self.contracts, self.expiries = contracts, expiries

    def events(self) -> Iterator[AnyEvent]:
        return chain.from_iterable(self.batches())

    def _chain(self, paths: Paths, ticker: str, crossed: bool) -> Snapshots:
        found = listing(paths, ticker, self.contracts or 2 * self.expiries, self.expiries)
        return Snapshots(self.plan.seed, paths, found, self.plan.chain_seconds, crossed)


def listing(paths: Paths, ticker: str, contracts: int, expiries: int) -> Listing:
    """Calls and puts of today's expiry and the following ones; the more contracts the closer their strikes."""
    spot, rows = float(paths.mids[ticker][0]), []
    dates = accumulate(repeat(paths.session.day, expiries), lambda day, _: sessions.next_session(day).day)
    for ahead, expiry in enumerate(dates, start=1):
        reach = REACH * spot * TICKERS[ticker].daily * sqrt(ahead)
        for strike in np.linspace(spot - reach, spot + reach, contracts // (2 * expiries)).round(3).tolist():
            rows += [(occ_symbol(ticker, expiry, right, strike), right, strike, expiry) for right in (1, -1)]
    table = Contracts(UNPLACED, UNPLACED, paths.session.open_ns, ticker, *zip(*rows, strict=True), (False,) * len(rows))
    rights, strikes = np.array(table.rights, dtype=float), np.array(table.strikes)
    return Listing(table, rights, strikes, np.full(len(rows), INTEREST), np.full(len(rows), VOLUME))


def market_of(names: list[str], days: int) -> tuple[Plan, Iterator[AnyEvent]]:
    """Shares of the S&P 500, copies of simulated ones, and funds, a quote a second each; a chain of each every 15 s."""
    kinds = {"quotes_per_second": 1.0, "chain_seconds": 15, "contracts": 100}
    plan = Plan(seed=SEED, sessions=days, tickers=(UNDERLYING, *COPIED), **kinds)
    copies = {name: names[place :: len(COPIED)] for place, name in enumerate(COPIED)}
    events = chain.from_iterable(Market(plan).batches())
    return plan, chain.from_iterable(copied(event, copies) for event in events)


def names_of(shares: int) -> list[str]:
    """Members of the S&P 500 that its own funds stand for; without class shares, whose options have other names."""
    return [name for name in sorted(SP_500) if name.isalpha() and catalog.family(name, True) == FAMILY][:shares]


def allow(path: Path, names: list[str]) -> None:
    """Writes the settings with which these shares may trade."""
    path.with_suffix(".toml").write_text(f"scalp_tickers = {json.dumps(names)}\n")


def copied(event: AnyEvent, copies: dict[str, list[str]]) -> Iterator[AnyEvent]:
    """An event of a fund as it is, one of a share for each of those that copy it."""
    match event:
        case Bar() | AtmIv():
            name, field = event.ticker, "ticker"
        case Quote():
            name, field = event.symbol, "symbol"
        case _:
            name, field = event.underlying, "underlying"
    # The one IV history that all tapes have: a run begins with its first event.
    if name in FUNDS or (name == UNDERLYING and type(event) is AtmIv):
        yield event
    for copy in copies.get(name, ()):
        changed: dict[str, object] = {field: copy}
        if type(event) is Contracts:
            changed["symbols"] = tuple(copy + symbol.removeprefix(name) for symbol in event.symbols)
        yield replace(event, **changed)


def write(path: Path, plan: Plan, events: Iterable[AnyEvent]) -> None:
    """Writes events that have no places yet."""
    places = Places()
    cadences = {"bar": 60.0, "quote": 0.0, "chain": float(plan.chain_seconds)}
    with TapeWriter(path, Header(cadences=cadences, marks=("SIMULATED",))) as tape:
        for event in events:
            seq, at_ns, _ = places.place(event.event_ns)
            tape.append(replace(event, seq=seq, at_ns=at_ns))


KINDS = {make.__name__: make for make in (start, contracts, expiries, tickers, days)}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[3]), int(sys.argv[2]))
