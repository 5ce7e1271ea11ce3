"""Which leveraged funds can be bought for a signal, and to which family of funds a ticker belongs.

A family is an index with funds on both sides; a group is what moves together, for "one bias per exposure group".
Leverage is signed per ticker and per day of the index: 3.0 gains 3 % when it gains 1 %, -3.0 gains when it falls.
Sources: issuers' fund pages and notices (ProShares, Direxion, BMO MicroSectors). Days are first and last sessions,
both included, as far as public; a fund's day of inception stands for its first session.
"""

from datetime import date
from typing import Final, Literal

import msgspec

from operators.members import NASDAQ_100, SP_500

VERSION: Final = "2026-11"

Kind = Literal["etf", "etn"]
Group = Literal["nasdaq", "sp500", "semis", "small", "biotech", "banks", "gold", "gas", "oil", "vol"]

GROUPS: Final[dict[str, Group]] = {
    "nasdaq100": "nasdaq",
    "sp500": "sp500",
    "semis": "semis",
    # FANG+ and technology are the Nasdaq-100's own heaviest shares: a bull of one against a bear of another is a hedge.
    "fang": "nasdaq",
    "tech": "nasdaq",
    "small": "small",
    "biotech": "biotech",
    "banks": "banks",
    "gold": "gold",
    "gas": "gas",
    "oil": "oil",
    "vol": "vol",
}
"""The exposure group of each family."""


class Fund(msgspec.Struct, frozen=True, gc=False):
    """A fund, or exchange-traded note, as it was from `since` to `until` (None: still so); `leverage` is signed."""

    ticker: str
    family: str
    leverage: float
    kind: Kind
    group: Group
    since: date
    until: date | None

    def live(self, day: date) -> bool:
        """Whether the fund traded under this ticker with this leverage on that day."""
        return self.since <= day and (self.until is None or day <= self.until)


def _fund(family: str, ticker: str, leverage: float, since: str, until: str | None = None, kind: Kind = "etf") -> Fund:
    """One row; days are ISO text."""
    last = None if until is None else date.fromisoformat(until)
    return Fund(ticker, family, leverage, kind, GROUPS[family], date.fromisoformat(since), last)


LEVERAGED_ETF_CATALOG: Final[tuple[Fund, ...]] = (
    _fund("nasdaq100", "TQQQ", 3.0, "2010-02-11"),
    _fund("nasdaq100", "SQQQ", -3.0, "2010-02-11"),
    _fund("nasdaq100", "QLD", 2.0, "2006-06-19"),
    _fund("nasdaq100", "QID", -2.0, "2006-07-11"),
    _fund("sp500", "SPXL", 3.0, "2008-11-05"),
    _fund("sp500", "SPXS", -3.0, "2008-11-05"),
    _fund("sp500", "SSO", 2.0, "2006-06-19"),
    _fund("sp500", "SDS", -2.0, "2006-07-11"),
    _fund("semis", "SOXL", 3.0, "2010-03-11"),
    _fund("semis", "SOXS", -3.0, "2010-03-11"),
    _fund("semis", "USD", 2.0, "2007-01-30"),
    _fund("semis", "SSG", -2.0, "2007-01-30"),
    # The first note was renamed FNGA on 2025-03-03 and called in May; its successor took the name on 2025-06-02.
    _fund("fang", "FNGU", 3.0, "2018-01-22", "2025-02-28", kind="etn"),
    _fund("fang", "FNGA", 3.0, "2025-03-03", "2025-05-14", kind="etn"),
    _fund("fang", "FNGB", 3.0, "2025-02-20", "2025-05-30", kind="etn"),
    _fund("fang", "FNGU", 3.0, "2025-06-02", kind="etn"),
    _fund("fang", "FNGD", -3.0, "2018-01-22", kind="etn"),
    _fund("tech", "TECL", 3.0, "2008-12-17"),
    _fund("tech", "TECS", -3.0, "2008-12-17"),
    _fund("tech", "ROM", 2.0, "2007-01-30"),
    _fund("tech", "REW", -2.0, "2007-01-30"),
    _fund("small", "TNA", 3.0, "2008-11-05"),
    _fund("small", "TZA", -3.0, "2008-11-05"),
    _fund("small", "UWM", 2.0, "2007-01-23"),
    _fund("small", "TWM", -2.0, "2007-01-23"),
    _fund("biotech", "LABU", 3.0, "2015-05-28"),
    _fund("biotech", "LABD", -3.0, "2015-05-28"),
    _fund("biotech", "BIB", 2.0, "2010-04-07"),
    _fund("biotech", "BIS", -2.0, "2010-04-07"),
    _fund("banks", "FAS", 3.0, "2008-11-06"),
    _fund("banks", "FAZ", -3.0, "2008-11-06"),
    _fund("banks", "UYG", 2.0, "2007-01-30"),
    _fund("banks", "SKF", -2.0, "2007-01-30"),
    # Direxion: 300 % through 2020-03-31, 200 % "effective after market close" of that day.
    _fund("gold", "NUGT", 3.0, "2010-12-08", "2020-03-31"),
    _fund("gold", "NUGT", 2.0, "2020-04-01"),
    _fund("gold", "DUST", -3.0, "2010-12-08", "2020-03-31"),
    _fund("gold", "DUST", -2.0, "2020-04-01"),
    _fund("gas", "BOIL", 2.0, "2011-10-04"),
    _fund("gas", "KOLD", -2.0, "2011-10-04"),
    _fund("oil", "UCO", 2.0, "2008-11-24"),
    _fund("oil", "SCO", -2.0, "2008-11-24"),
    # ProShares: changed "as of the close of business on February 27, 2018". The two sides differ since.
    _fund("vol", "UVXY", 2.0, "2011-10-04", "2018-02-27"),
    _fund("vol", "UVXY", 1.5, "2018-02-28"),
    _fund("vol", "SVXY", -1.0, "2011-10-04", "2018-02-27"),
    _fund("vol", "SVXY", -0.5, "2018-02-28"),
)

_BY_FAMILY: Final = {name: tuple(fund for fund in LEVERAGED_ETF_CATALOG if fund.family == name) for name in GROUPS}

DIRECT: Final[dict[str, str]] = {
    "SPY": "sp500",
    "SPX": "sp500",
    "QQQ": "nasdaq100",
    "IWM": "small",
    "SMH": "semis",
    "SOXX": "semis",
    "XLK": "tech",
    "XLF": "banks",
    "XBI": "biotech",
    "GDX": "gold",
    "UNG": "gas",
    "USO": "oil",
    "VXX": "vol",
}
"""Tickers that are, or follow, the very thing a family's funds follow. Source: product rule "Fund"."""

INDEX_OF: Final[dict[str, str]] = {"SPY": "SPX"}
"""Funds whose signals may buy options of the index itself. Source: product rule "SPX"."""

# S&P 500 members of the GICS industry Banks, and the two brokers that are bank holding companies (GS, MS).
_BANKS: Final = "BAC C CFG FITB GS HBAN JPM KEY MS MTB PNC RF TFC USB WFC"
# S&P 500 and Nasdaq-100 members of the GICS sub-industry Biotechnology.
_BIOTECH: Final = "ABBV ALNY AMGN BIIB GILD INCY MRNA REGN VRTX"

SECTOR: Final[dict[str, str]] = {
    "NVDA": "semis",
    "AMD": "semis",
    "AAPL": "tech",
    "MSFT": "tech",
    "META": "fang",
    "AMZN": "fang",
    "NFLX": "fang",
    "GOOGL": "fang",
    **dict.fromkeys(_BANKS.split(), "banks"),
    **dict.fromkeys(_BIOTECH.split(), "biotech"),
}
"""Single shares that follow a sector more closely than an index. Source: product rule "Fund"; reviewed 2026-11."""


def family(ticker: str, sector_mapping: bool) -> str | None:
    """The family whose funds stand for a signal on this ticker; None if there is none, never a default.

    Direct before sector (asked only with `sector_mapping`) before the Nasdaq-100 before the S&P 500.
    Source: product rule "Fund".
    """
    if ticker in DIRECT:
        return DIRECT[ticker]
    if sector_mapping and ticker in SECTOR:
        return SECTOR[ticker]
    if ticker in NASDAQ_100:
        return "nasdaq100"
    return "sp500" if ticker in SP_500 else None


def exposure(ticker: str) -> str:
    """The exposure group of an option on this ticker: that of its funds, sectors counted; a ticker apart is its own."""
    found = family(ticker, True)
    return ticker if found is None else GROUPS[found]


def funds(family: str, bullish: bool, day: date) -> tuple[Fund, ...]:
    """The funds of a family that can be bought on a day, strongest leverage first, else in the catalogue's order.

    Bullish gives those with positive leverage, bearish the inverse ones: both are bought. Empty if none is live.
    Raises KeyError for a family that the catalogue does not have.
    """
    fitting = (fund for fund in _BY_FAMILY[family] if (fund.leverage > 0) is bullish and fund.live(day))
    return tuple(sorted(fitting, key=lambda fund: -abs(fund.leverage)))
