"""A whole option chain with its Greeks, computed from quotes when a ticket asks for it.

Forward from put-call parity near the money (from spot and rate where no pair is quoted), IV from the side out of the
money, NaN where there is none. Broker Greeks are never used. Source: product rule "Greeks".
"""

from datetime import date
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators import contracts, sessions
from operators.contracts import FloatArray
from operators.events import MINUTE_NS, Contracts
from operators.greeks import Greeks, chain_greeks, forward_from_parity, twins
from operators.moments import ChainView
from operators.prices import HIGHEST, LOWEST

YEAR_NS: Final = 365 * 1440 * MINUTE_NS
NEVER: Final = -1
"""DTE of a contract that has expired, or whose expiry the table of sessions does not reach."""
ATM_DTE: Final = (1, 5)
"""Expiries whose at-the-money IV makes the history of IV. Source: product rule "Gate"."""


class PricedChain(msgspec.Struct, frozen=True, eq=False):
    """Columns of equal length, one element a contract; adjusted contracts are left out, `row` is the table's row.

    `right` +1 or -1, `dte` sessions to expiry (NEVER where it cannot be traded), `years` of 365 x 1440 minutes to the
    last trade, `mid` of a usable quote and `forward` of the contract's expiry in dollars, `rate` the one that
    `discount` was made with; what is unknown is NaN.
    """

    view: ChainView
    rate: float
    row: NDArray[np.intp]
    right: FloatArray
    strike: FloatArray
    dte: NDArray[np.int64]
    years: FloatArray
    discount: FloatArray
    mid: FloatArray
    forward: FloatArray
    volume: FloatArray
    open_interest: FloatArray
    greeks: Greeks

    @property
    def table(self) -> Contracts:
        """The contracts that the rows speak of."""
        return self.view.table


def price(view: ChainView, at_ns: int, rate: float) -> PricedChain:
    """The chain with Greeks at an instant; `rate` is continuous, a year."""
    table, chain = view.table, view.chain
    row = np.flatnonzero(~np.asarray(table.adjusted, dtype=bool))
    right, strike = (np.asarray(column, dtype=np.float64)[row] for column in (table.rights, table.strikes))
    dte, years = _times(table, at_ns)
    dte, years = dte[row], years[row]
    discount = np.exp(-rate * years)
    bid, ask = (contracts.prices_of(column, len(table.symbols))[row] for column in (chain.bid, chain.ask))
    quoted = (bid >= LOWEST) & (ask > bid) & (ask <= HIGHEST)
    mid = np.where(quoted, (np.where(quoted, bid, 0.0) + np.where(quoted, ask, 0.0)) / 2.0, np.nan)
    forward = _forwards(right, strike, years, mid, discount, np.nan if view.spot is None else view.spot)
    volume, interest = (
        contracts.counts_of(column, len(table.symbols))[row] for column in (chain.volume, chain.open_interest)
    )
    greeks = chain_greeks(right, strike, mid, forward, years, discount)
    return PricedChain(view, rate, row, right, strike, dte, years, discount, mid, forward, volume, interest, greeks)


def _times(table: Contracts, at_ns: int) -> tuple[NDArray[np.int64], FloatArray]:
    """DTE and years to the last trade of each contract; NEVER and NaN where it is over or beyond the calendar."""
    today = sessions.new_york(at_ns).date()
    known = {expiry: _time(expiry, today, at_ns) for expiry in set(table.expiries)}
    dte = np.array([known[expiry][0] for expiry in table.expiries], dtype=np.int64)
    return dte, np.array([known[expiry][1] for expiry in table.expiries], dtype=np.float64)


def _time(expiry: date, today: date, at_ns: int) -> tuple[int, float]:
    try:
        left_ns = sessions.last_trade_ns(expiry) - at_ns
        return (sessions.dte(today, expiry), left_ns / YEAR_NS) if left_ns > 0 else (NEVER, np.nan)
    except sessions.OutsideTable:
        return NEVER, np.nan


def _forwards(
    right: FloatArray, strike: FloatArray, years: FloatArray, mid: FloatArray, discount: FloatArray, spot: float
) -> FloatArray:
    """The forward of each contract's expiry, in dollars."""
    calls, puts = twins(right, strike, years)
    forward = np.full(years.shape, np.nan)
    for expiry in np.unique(years[~np.isnan(years)]):
        of_expiry, pairs = years == expiry, years[calls] == expiry
        call, put = calls[pairs], puts[pairs]
        least = float(discount[of_expiry][0])
        forward[of_expiry] = forward_from_parity(strike[call], mid[call], mid[put], least, spot)
    return forward


def atm_iv(chain: PricedChain) -> float:
    """At-the-money IV of the nearest expiry with 1 to 5 DTE; NaN if unknown."""
    row = nearest_the_money(chain, *ATM_DTE)
    return float("nan") if row is None else float(chain.greeks.iv[row])


def nearest_the_money(chain: PricedChain, first: int, last: int | None) -> int | None:
    """Where the nearest expiry of `first` to `last` DTE (None: any) has an IV at the strike nearest its forward.

    An element of the columns; None if that expiry has no IV at all. Of two strikes as near the lower one counts.
    """
    listed = chain.dte[(chain.dte >= first) & (chain.dte <= (chain.dte if last is None else last))]
    if listed.size == 0:
        return None
    rows = np.flatnonzero((chain.dte == listed.min()) & ~np.isnan(chain.greeks.iv))
    if rows.size == 0:
        return None
    order = np.lexsort((chain.strike[rows], np.abs(chain.strike[rows] - chain.forward[rows])))
    return int(rows[order[0]])
