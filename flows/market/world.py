"""The cast of the simulated market: what its tickers cost, how they move together, how much is traded.

Everything here is SIMULATED. The numbers are round and of the size that a trader would find plausible, chosen so that
the whole engine has something to do; none is a measurement, and none says anything about the real instrument.
"""

from collections.abc import Iterable
from datetime import date
from math import sqrt
from typing import Final, NamedTuple

from operators import catalog

FACTORS: Final = {"market": 0.0180, "growth": 0.0100, "semis": 0.0220}
"""Close-to-close volatility of what moves several tickers, as a fraction a day. A market of about 29 % a year is a
stormy one, as scalpers want it; growth and semiconductors are what their shares have in common beyond it, smaller
and larger than that."""
SESSION_SHARE: Final = 0.7
"""Share of a day's variance that falls into the session; the rest is the gap at the open, for most news comes then."""


class Line(NamedTuple):
    """Something with a price path: `price` at the start in dollars, loadings on the factors, `own` noise a day.

    `dollars` are traded a day; `spread` is the usual one as a fraction of the price.
    """

    price: float
    market: float
    growth: float
    semis: float
    own: float
    dollars: float
    spread: float

    @property
    def daily(self) -> float:
        """Close-to-close volatility, a fraction a day."""
        loadings = {"market": self.market, "growth": self.growth, "semis": self.semis}
        return sqrt(sum((loadings[name] * size) ** 2 for name, size in FACTORS.items()) + self.own**2)


TICKERS: Final = {
    # Index funds: nearly all market, hardly any noise of their own, the narrowest spreads.
    "SPY": Line(680.0, 1.00, 0.0, 0.0, 0.0005, 40e9, 0.000015),
    "QQQ": Line(610.0, 1.10, 1.0, 0.0, 0.0010, 25e9, 0.000020),
    "IWM": Line(250.0, 1.10, 0.0, 0.0, 0.0110, 8e9, 0.000040),
    # Shares: the more their own story moves them, the larger `own`; TSLA most, the largest companies least.
    "NVDA": Line(185.0, 1.50, 1.0, 1.0, 0.0200, 30e9, 0.000060),
    "TSLA": Line(420.0, 1.60, 1.0, 0.0, 0.0400, 30e9, 0.000100),
    "AAPL": Line(265.0, 1.00, 0.6, 0.0, 0.0170, 12e9, 0.000050),
    "MSFT": Line(480.0, 0.95, 0.7, 0.0, 0.0160, 10e9, 0.000080),
    "META": Line(660.0, 1.10, 1.0, 0.0, 0.0250, 10e9, 0.000120),
    "AMZN": Line(225.0, 1.15, 0.9, 0.0, 0.0220, 10e9, 0.000060),
    "AMD": Line(210.0, 1.50, 1.0, 1.0, 0.0270, 7e9, 0.000080),
}
INDICES: Final = {
    # Indices that no ticker is: baskets lose the noise of their shares. Nobody trades them, so no dollars, no spread.
    "semis": Line(100.0, 1.50, 1.0, 1.0, 0.0030, 0.0, 0.0),
    "tech": Line(100.0, 1.15, 0.9, 0.3, 0.0020, 0.0, 0.0),
    "fang": Line(100.0, 1.20, 1.0, 0.2, 0.0050, 0.0, 0.0),
}
LINES: Final = TICKERS | INDICES
INDEX_OF_FAMILY: Final = {"sp500": "SPY", "nasdaq100": "QQQ", "small": "IWM"} | {name: name for name in INDICES}
"""The line that the funds of a family multiply."""

FUND_SPREAD: Final = 0.00006
FUND_PRICES: Final = {
    # Bulls in a market that rose are dear, bears that lose over the years are cheap until they are merged.
    **{"SPXL": 210.0, "TQQQ": 54.0, "SOXL": 46.0, "TECL": 118.0, "FNGU": 27.0, "TNA": 52.0},
    **{"SPXS": 36.0, "SQQQ": 68.0, "SOXS": 32.0, "TECS": 24.0, "FNGD": 38.0, "TZA": 29.0},
}
OTHER_FUND_PRICE: Final = 40.0
FUND_DOLLARS: Final = {"nasdaq100": 3e9, "semis": 2e9, "sp500": 8e8, "small": 6e8, "tech": 2e8, "fang": 1.5e8}
"""Dollars traded a day by each fund: all far above the least that a fund needs, the popular families most."""


class Pool(NamedTuple):
    """How the options of a ticker trade: at the money, nearest expiry; `volume` a day and `interest` in contracts.

    `width` widens the quotes: 1 is the narrowest market.
    """

    volume: float
    interest: float
    width: float


POOLS: Final = {
    # Funds with an expiry every day trade many times as much as shares; of shares the most volatile trade most.
    # AAPL, MSFT, META and AMZN are thin on purpose: their signals mostly fall to the leveraged funds.
    "SPY": Pool(80_000.0, 12_000.0, 1.0),
    "QQQ": Pool(60_000.0, 9_000.0, 1.0),
    "IWM": Pool(20_000.0, 5_000.0, 1.3),
    "NVDA": Pool(6_000.0, 2_500.0, 1.2),
    "TSLA": Pool(5_000.0, 2_000.0, 1.4),
    "AAPL": Pool(2_000.0, 900.0, 1.5),
    "MSFT": Pool(800.0, 350.0, 2.2),
    "META": Pool(800.0, 300.0, 2.2),
    "AMZN": Pool(1_200.0, 400.0, 1.8),
    "AMD": Pool(2_000.0, 1_200.0, 1.6),
}
DAILY_EXPIRIES: Final = frozenset({"SPY", "QQQ", "IWM"})
"""Underlyings with an expiry every session; the others have one a week."""


class FundLine(NamedTuple):
    """A leveraged fund: what it follows, with which signed leverage; `price` in dollars before the first session."""

    symbol: str
    follows: str
    leverage: float
    price: float
    dollars: float


def funds_of(tickers: Iterable[str], day: date) -> tuple[FundLine, ...]:
    """The strongest fund of each side that stood for these tickers on a day, by symbol."""
    families = {family for ticker in tickers if (family := catalog.family(ticker, True)) is not None}
    found: list[FundLine] = []
    for family in sorted(families):
        for bullish in (True, False):
            for fund in catalog.funds(family, bullish, day)[:1]:
                price, dollars = FUND_PRICES.get(fund.ticker, OTHER_FUND_PRICE), FUND_DOLLARS[family]
                found.append(FundLine(fund.ticker, INDEX_OF_FAMILY[family], fund.leverage, price, dollars))
    return tuple(sorted(found))
