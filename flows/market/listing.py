"""What is listed of one underlying on one day: expiries, strikes, open interest and the day's volume to come."""

from datetime import date, timedelta
from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from flows.market.regimes import chance
from flows.market.shares import UNPLACED
from flows.market.world import DAILY_EXPIRIES, POOLS, TICKERS
from operators import sessions
from operators.contracts import FloatArray, occ_symbol
from operators.events import Contracts
from operators.sessions import Session

FRIDAY, WEEK = 4, timedelta(days=7)
STEPS: Final = (0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0)
"""Distances between strikes in dollars: the usual ones."""
SHARES: Final = {3: (0.4, 0.4, 0.2), 2: (0.5, 0.5)}
"""How the strikes are spread over the expiries, nearest first: what is scalped has most."""
LEAST_STRIKES: Final = 3
SPREAD_OF_POOLS: Final = 0.6
UNKNOWN_INTEREST: Final = 0.02
"""Share of contracts whose open interest is not known: new strikes have none yet."""


class Listing(NamedTuple):
    """The contracts of a day with one element each: `interest` (NaN: none known), `volume` by the close."""

    table: Contracts
    rights: FloatArray
    strikes: FloatArray
    interest: FloatArray
    volume: FloatArray


def weekly(day: date) -> date:
    """The first expiry of a week at or after a day: Friday, or the session before it where Friday is none."""
    friday = day + timedelta(days=(FRIDAY - day.weekday()) % 7)
    expiry = friday if sessions.session(friday) else sessions.previous_session(friday).day
    return expiry if expiry >= day else weekly(friday + timedelta(days=1))


def expiries(ticker: str, day: date) -> tuple[date, ...]:
    """The expiries listed on a session's day: today, the next session and a weekly one; shares two weekly ones."""
    if ticker not in DAILY_EXPIRIES:
        first = weekly(day)
        return first, weekly(first + timedelta(days=1))
    following = sessions.next_session(day).day
    return day, following, weekly(following + timedelta(days=1))


def expiry_count(ticker: str) -> int:
    """How many expiries a ticker lists at a time."""
    return 3 if ticker in DAILY_EXPIRIES else 2


def strike_counts(contracts: int, number: int) -> tuple[int, ...]:
    """How many strikes each of `number` expiries has when there are so many contracts, calls and puts."""
    pairs = contracts // 2
    counts = [int(pairs * share) for share in SHARES[number]]
    counts[0] += pairs - sum(counts)
    return tuple(counts)


def listing(seed: int, ticker: str, session: Session, spot: float, contracts: int) -> Listing:
    """The listing of a session around the price at its open; strikes reach about a usual move up and down."""
    rows: list[tuple[date, float, int, float]] = []
    days = expiries(ticker, session.day)
    for number, (expiry, count) in enumerate(zip(days, strike_counts(contracts, len(days)), strict=True)):
        move = spot * TICKERS[ticker].daily * sqrt(sessions.dte(session.day, expiry) + 1)
        for strike in _strikes(spot, move, count):
            near = np.exp(-(((strike - spot) / move) ** 2)) / (1.0 + number)
            rows += [(expiry, strike, right, float(near)) for right in (1, -1)]
    names = tuple(occ_symbol(ticker, expiry, right, strike) for expiry, strike, right, _ in rows)
    dates, strikes, rights, near = zip(*rows, strict=True)
    table = Contracts(
        UNPLACED, UNPLACED, session.open_ns, ticker, names, rights, strikes, dates, (False,) * len(rows)
    )  # fmt: skip
    pools = _pools(seed, ticker, session.day, np.array(near))
    return Listing(table, np.array(rights, dtype=float), np.array(strikes), *pools)


def _strikes(spot: float, move: float, count: int) -> list[float]:
    """So many strikes around the price, as far apart as the usual step that comes nearest to covering the move."""
    step = min(STEPS, key=lambda size: abs(np.log(size * count / (2.0 * move))))
    lowest = round(spot / step) - (count - 1) // 2
    return [(lowest + place) * step for place in range(count)]


def _pools(seed: int, ticker: str, day: date, near: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Open interest and the day's volume: largest near the money and the nearest expiry."""
    rng, pool = chance(seed, day, "pools", ticker), POOLS[ticker]
    interest = np.round(pool.interest * np.sqrt(near) * rng.lognormal(0.0, SPREAD_OF_POOLS, near.size))
    volume = np.round(pool.volume * near * rng.lognormal(0.0, SPREAD_OF_POOLS, near.size))
    return np.where(rng.random(near.size) < UNKNOWN_INTEREST, np.nan, interest), volume
