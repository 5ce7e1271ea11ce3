"""Option contracts: their names, their price steps, and the columns of a chain."""

import re
import struct
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.events import Chain, Contracts, Quote
from operators.prices import Tick

FloatArray = NDArray[np.float64]

OCC: Final = re.compile(r"([A-Z]{6}|[A-Z]{1,5}[1-9]?)([0-9]{2})([0-9]{2})([0-9]{2})([CP])([0-9]{8})")
"""Compact OCC name: root (a digit ends that of an adjusted contract), expiry as yymmdd, C or P, strike in thousandths
of a dollar. Source: OCC Symbology, 2010."""
CENTURY: Final = range(2000, 2100)
THOUSANDTHS: Final = 1000
CENT, NICKEL, DIME, THREE_DOLLARS = 10_000, 50_000, 100_000, 3_000_000
CENT_CLASSES: Final = frozenset({"SPY", "QQQ", "IWM"})
INDEX_CLASSES: Final = frozenset({"SPX"})
"""Price steps in micro-dollars. Source: product rule "Orders": the Cboe's steps of SPX, the penny program's others."""

SHORTEST: Final = 16
"""Letters of the shortest OCC name; tickers of shares and funds have six at most."""

PRICE: Final = struct.Struct("<d")
COUNT: Final = struct.Struct("<f")


class Named(NamedTuple):
    """What an OCC name says; strike in dollars."""

    root: str
    expiry: date
    right: int
    strike: float


def occ_symbol(root: str, expiry: date, right: int, strike: float) -> str:
    """Compact OCC name; `right` +1 or -1.

    Raises ValueError where the strike is no whole number of thousandths over 0, the root none, or the year of another
    century.
    """
    # Rounded first, so that 57.11 is 57110 thousandths although it is 57109.999... as a float.
    thousandths = round(strike * THOUSANDTHS, 6)
    name = f"{root}{expiry:%y%m%d}{'C' if right > 0 else 'P'}{thousandths:08.0f}"
    sound = thousandths.is_integer() and thousandths > 0.0 and right in (1, -1) and expiry.year in CENTURY
    if not sound or not OCC.fullmatch(name):
        raise ValueError(f"{root} {expiry} {right:+d} {strike} has no OCC name: root of 1 to 6 letters, strike over 0")
    return name


def is_contract(symbol: str) -> bool:
    """Whether a quote's symbol names an option, by its length alone: this is asked of every quote."""
    return len(symbol) >= SHORTEST


def parse_occ(symbol: str) -> Named | None:
    """What a compact OCC name says; None for anything else, a date that does not exist included."""
    match = OCC.fullmatch(symbol)
    if match is None:
        return None
    root, year, month, day, side, strike = match.groups()
    try:
        expiry = date(2000 + int(year), int(month), int(day))
    except ValueError:
        return None
    if int(strike) == 0:
        return None
    return Named(root, expiry, 1 if side == "C" else -1, int(strike) / THOUSANDTHS)


def ticks(underlying: str) -> Tick:
    """The smallest steps of the prices of an underlying's options: a function of the price, in micro-dollars."""

    def tick(price_micros: int) -> int:
        above = price_micros >= THREE_DOLLARS
        if underlying in INDEX_CLASSES:
            return DIME if above else NICKEL
        return NICKEL if above and underlying not in CENT_CLASSES else CENT

    return tick


def prices_of(column: bytes, contracts: int) -> FloatArray:
    """A column of bids or asks; all NaN where it is empty. Raises ValueError for another length."""
    return _column(column, contracts, "<f8")


def counts_of(column: bytes, contracts: int) -> FloatArray:
    """A column of sizes, volumes or open interest; all NaN where it is empty. Raises ValueError for another length."""
    return _column(column, contracts, "<f4")


def packed_prices(values: FloatArray) -> bytes:
    """Bids or asks as a column of a Chain."""
    return values.astype("<f8").tobytes()


def packed_counts(values: FloatArray) -> bytes:
    """Sizes, volumes or open interest as a column of a Chain."""
    return values.astype("<f4").tobytes()


def _column(column: bytes, contracts: int, kind: str) -> FloatArray:
    if not column:
        return np.full(contracts, np.nan)
    values = np.frombuffer(column, kind).astype(np.float64)
    if values.size != contracts:
        raise ValueError(f"a column has {values.size} contracts, the table has {contracts}")
    return values


def fits(chain: Chain, table: Contracts) -> bool:
    """Whether each column of a snapshot has one element a contract of the table, or none at all."""
    columns = (chain.bid, chain.ask), (chain.bid_size, chain.ask_size, chain.volume, chain.open_interest)
    sizes = PRICE.size, COUNT.size
    each = ((column, size) for group, size in zip(columns, sizes, strict=True) for column in group)
    return all(not column or len(column) == size * len(table.symbols) for column, size in each)


def quote_of(chain: Chain, row: int, symbol: str) -> Quote:
    """The quote of one contract of a snapshot, with the snapshot's times."""
    bid, ask = (_at(column, PRICE, row) for column in (chain.bid, chain.ask))
    bid_size, ask_size = (_at(column, COUNT, row) for column in (chain.bid_size, chain.ask_size))
    return Quote(chain.seq, chain.at_ns, chain.event_ns, symbol, bid, ask, bid_size, ask_size)


def _at(column: bytes, kind: struct.Struct, row: int) -> float:
    value: float = kind.unpack_from(column, row * kind.size)[0] if column else np.nan
    return value
