"""A small market on tape for the fake Alpaca: SPY with 60 options, and the fund TQQQ, on 2026-03-02 from 10:00 on."""

import datetime as dt
from math import nan
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from operators import sessions
from operators.contracts import occ_symbol, packed_counts, packed_prices
from operators.events import AnyEvent, Bar, Chain, Contracts, Quote
from tests.tape_builders import write

DAY = dt.date(2026, 3, 2)
TOMORROW = dt.date(2026, 3, 3)
FRIDAY = dt.date(2026, 2, 27)
CALL, PUT = "SPY260302C00680000", "SPY260302P00680000"
STRIKES = tuple(float(strike) for strike in range(670, 690))
OUT_OF_REACH = 5
"""The row of a contract that nobody quotes."""


def ny(clock: str, day: dt.date = DAY) -> int:
    """A New York time as UTC nanoseconds."""
    return sessions.at(day, dt.time.fromisoformat(clock))


OPENING = ny("10:00:01.5")
"""Where the tests begin: both were quoted twice, and a snapshot of the chain is a second old."""


def listed() -> tuple[tuple[str, ...], tuple[int, ...], tuple[float, ...], tuple[dt.date, ...]]:
    """Symbols, rights, strikes and expiries: calls and puts of today, calls of tomorrow."""
    rows = [(1, strike, DAY) for strike in STRIKES] + [(-1, strike, DAY) for strike in STRIKES]
    rows += [(1, strike, TOMORROW) for strike in STRIKES]
    symbols = tuple(occ_symbol("SPY", expiry, right, strike) for right, strike, expiry in rows)
    return symbols, tuple(row[0] for row in rows), tuple(row[1] for row in rows), tuple(row[2] for row in rows)


def chain(bid: float = 1.0, ask: float = 1.05, size: float = 10.0) -> Chain:
    """A snapshot: the money's call at these prices, every other contract worth 0.40 and what is intrinsic in it."""
    _, rights, strikes, _ = listed()
    intrinsic = np.maximum(np.array(rights) * (680.0 - np.array(strikes)), 0.0)
    bids, asks = intrinsic + 0.4, intrinsic + 0.5
    bids[STRIKES.index(680.0)], asks[STRIKES.index(680.0)] = bid, ask
    bids[OUT_OF_REACH] = asks[OUT_OF_REACH] = nan
    sizes, volume = np.full(len(rights), size), np.arange(len(rights), dtype=float)
    counts = [packed_counts(column) for column in (sizes, sizes, volume, volume + 500.0)]
    return Chain(0, 0, 0, "SPY", packed_prices(bids), packed_prices(asks), *counts)


def bar(ticker: str, close: float, *, history: bool = False) -> Bar:
    """A minute bar that ends at its close."""
    return Bar(0, 0, 0, ticker, close - 0.1, close + 0.2, close - 0.3, close, 1000.0, history)


def market_events() -> list[AnyEvent]:
    """Three bars of Friday, the contracts, twenty seconds of quotes, then the afternoon by a few of them."""
    symbols, rights, strikes, expiries = listed()
    made: list[tuple[int, AnyEvent]] = [
        (ny(f"15:{minute}", FRIDAY), bar("SPY", 678.0 + minute / 100, history=True)) for minute in (57, 58, 59)
    ]
    contracts = Contracts(0, 0, 0, "SPY", symbols, rights, strikes, expiries, (False,) * len(symbols))
    made.append((ny("09:30"), contracts))
    for second in range(20):
        at_ns = ny(f"10:00:{second:02}")
        low = second >= 10
        made.append((at_ns, Quote(0, 0, 0, "SPY", 680.0, 680.02, 500.0, 500.0)))
        made.append((at_ns, Quote(0, 0, 0, "TQQQ", 49.9 if low else 50.0, 49.92 if low else 50.02, 100.0, 100.0)))
        if second % 5 == 0:
            made.append((at_ns, chain(0.9, 0.95) if low else chain()))
    made.append((ny("10:01"), bar("SPY", 680.5)))
    for clock in ("15:14:58", "15:15:01", "15:59:58"):
        made += [(ny(clock), Quote(0, 0, 0, "SPY", 681.0, 681.02, 500.0, 500.0)), (ny(clock), chain(1.2, 1.3))]
        made.append((ny(clock), Quote(0, 0, 0, "TQQQ", 51.0, 51.02, 100.0, 100.0)))
    made += [(ny("16:00:05"), bar("SPY", 681.25)), (ny("16:05"), bar("TQQQ", 51.0))]
    return placed(made)


def placed(made: list[tuple[int, AnyEvent]]) -> list[AnyEvent]:
    """Events with their places: one after another, a nanosecond apart where they are of one instant."""
    events, last_ns = list[AnyEvent](), 0
    for seq, (event_ns, event) in enumerate(made, 1):
        last_ns = max(last_ns + 1, event_ns)
        events.append(replace(event, seq=seq, at_ns=last_ns, event_ns=event_ns))
    return events


def market_tape(path: Path) -> Path:
    """The market as a tape; quotes and chains are event driven."""
    return write(path, market_events(), cadences={"bar": 60.0, "quote": 0.0, "chain": 5.0})
