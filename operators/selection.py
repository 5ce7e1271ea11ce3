"""One contract of a priced chain, with all that is asked of it."""

from datetime import date
from typing import Literal

from operators import catalog, contracts, prices
from operators.chains import PricedChain
from operators.events import Quote
from operators.intents import Candidate


class StrikeSelection(Candidate, frozen=True, kw_only=True):
    """A contract with its quote and Greeks at the moment of the signal; money in dollars a share, unknown is NaN.

    `row` is its place in the table of contracts, `dte` sessions to expiry, `score` points of at most 100.
    """

    underlying: str
    row: int
    option_type: Literal["call", "put"]
    strike: float
    expiry: date
    dte: int
    multiplier: int
    settlement: Literal["physical", "cash"]
    quote: Quote
    volume: float
    open_interest: float
    iv: float
    delta: float
    gamma: float
    theta_per_day: float
    forward: float
    years: float
    discount: float
    score: float = float("nan")

    @property
    def right(self) -> int:
        """+1 for a call, -1 for a put."""
        return 1 if self.option_type == "call" else -1

    @property
    def mid(self) -> float:
        """Middle of bid and ask, NaN where they cannot be used."""
        return (self.quote.bid + self.quote.ask) / 2.0 if prices.usable(self.quote) else float("nan")

    @property
    def spread_pct(self) -> float:
        """(ask - bid) / mid as a fraction, NaN where the quote cannot be used."""
        return prices.spread_fraction(self.quote) if prices.usable(self.quote) else float("nan")


def selection(chain: PricedChain, i: int) -> StrikeSelection:
    """The contract at a place of the priced chain."""
    table, row, greeks = chain.table, int(chain.row[i]), chain.greeks
    return StrikeSelection(
        symbol=table.symbols[row],
        group=catalog.exposure(table.underlying),
        underlying=table.underlying,
        row=row,
        option_type="call" if table.rights[row] > 0 else "put",
        strike=table.strikes[row],
        expiry=table.expiries[row],
        dte=int(chain.dte[i]),
        multiplier=table.multiplier,
        settlement=table.settlement,
        quote=contracts.quote_of(chain.view.chain, row, table.symbols[row]),
        volume=float(chain.volume[i]),
        open_interest=float(chain.open_interest[i]),
        iv=float(greeks.iv[i]),
        delta=float(greeks.delta[i]),
        gamma=float(greeks.gamma[i]),
        theta_per_day=float(greeks.theta_per_day[i]),
        forward=float(chain.forward[i]),
        years=float(chain.years[i]),
        discount=float(chain.discount[i]),
    )
