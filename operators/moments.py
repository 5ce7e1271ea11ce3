"""What the market step hands on: moments for exits, setups for entries, and the view that a setup was born in."""

from datetime import date
from typing import Literal

import msgspec

from operators.events import Bar, Chain, Contracts, Quote

Source = Literal["own", "outside"]


class Averages(msgspec.Struct, frozen=True):
    """EMAs of the fast and the trend cloud in dollars, None before their seed; `bias` +1, -1 or 0 is the macro's."""

    ema5: float | None = None
    ema12: float | None = None
    ema34: float | None = None
    ema50: float | None = None
    bias: int = 0


class Moment(msgspec.Struct, frozen=True):
    """A closed one-minute bar with the fast cloud after it; `flip` is the cloud's new colour if this bar changed it.

    `averages` is what a chart shows of the bar; no rule reads it.
    """

    seq: int
    at_ns: int
    bar: Bar
    flip: int
    lower: float | None
    upper: float | None
    averages: Averages = Averages()


class ChainView(msgspec.Struct, frozen=True):
    """The newest option chain of an underlying, as old as it is; `spot` is its last price in dollars, None if unknown.

    `atm_ivs` are the at-the-money IVs of past sessions, oldest first, and `ex_dates` the dividends known.
    """

    table: Contracts
    chain: Chain
    age_ns: int
    spot: float | None
    atm_ivs: tuple[float, ...] = ()
    ex_dates: tuple[date, ...] = ()


class View(msgspec.Struct, frozen=True):
    """The market as one ticker's signal sees it, after its newest one-minute bar; dollars, colours +1, -1 or 0.

    `quotes_age_ns` is the age of the quote stream, any fund's, and `quotes_max_age_ns` its limit for an entry.
    `agreement` holds the colours of 8/9, 34/50, 72/89 and 5-minute 5/12, 0 where not ready. `bias` is 0 while the
    macro cloud is not ready or price and colour disagree. `dollar_volume` lists only averages that are known,
    `chains` the option chains that this signal may buy from, by underlying; one older than `chains_max_age_ns` is none.
    """

    bar: Bar | None
    ema12: float | None
    ema12_before: float | None
    atr: float | None
    agreement: tuple[int, ...]
    macro_ready: bool
    macro_colour: int
    bias: int
    quotes: dict[str, Quote]
    quotes_age_ns: int
    quotes_max_age_ns: int
    dollar_volume: dict[str, float]
    chains: dict[str, ChainView] = {}
    chains_max_age_ns: int = 0


class Setup(msgspec.Struct, frozen=True):
    """A flip with volume, or another engine's signal, with the view it was born in; `direction` +1 long, -1 short.

    Older than `max_age_ns` after `bar_close_ns`, or in its future, it is stale. An outside signal brings its own
    conviction and has no `volume_ratio`.
    """

    seq: int
    at_ns: int
    ticker: str
    bar_close_ns: int
    direction: int
    timeframe_minutes: int
    source: Source
    volume_ratio: float | None
    conviction: float | None
    max_age_ns: int
    view: View
