"""What is remembered of one ticker: its clouds and averages, its session's volumes, its daily dollars."""

from collections.abc import Collection, Mapping
from math import inf

import msgspec
from msgspec.structs import replace

from operators import prices, sessions
from operators.clouds import Atr, Bucket, Cloud
from operators.events import Bar
from operators.moments import Averages

VOLUME_BARS, VOLUME_BARS_LEAST = 20, 5
"""The trigger bar is measured against up to 20 bars before it. Source: product rule "Entry signal"."""
DOLLAR_SESSIONS, DOLLAR_SESSIONS_LEAST = 20, 3
"""Completed sessions in the average daily dollar volume. Source: product rule "Data"."""


class TickerState(msgspec.Struct):
    """Clouds and averages of one ticker, carried over sessions; `volumes` and `previous` begin anew each session.

    `splits` are the ISO days of the splits that it has begun anew for, in order.
    """

    fast: Cloud
    pullback: Cloud
    trend: Cloud
    long_term: Cloud
    fast5: Cloud
    macro: Cloud
    bucket5: Bucket
    bucket10: Bucket
    atr: Atr
    ema12: list[float] = []
    macro_close: float | None = None
    previous: Bar | None = None
    day: str = ""
    volumes: list[float] = []
    first_seen: bool = False
    dollars_today: float = 0.0
    dollars: list[float] = []
    splits: list[str] = []

    @classmethod
    def new(cls) -> "TickerState":
        """Nothing seen yet. The periods are those of Ripster's clouds."""
        one_minute = (Cloud.of(5, 12), Cloud.of(8, 9), Cloud.of(34, 50), Cloud.of(72, 89))
        return cls(*one_minute, Cloud.of(5, 12), Cloud.of(34, 50), Bucket(5), Bucket(10), Atr())

    def begun_anew(self, day: str) -> "TickerState":
        """Nothing seen yet of the prices since a split of an ISO day: what was heard before is in others.

        Dollars a session are the same in both, but the bars to come bring those of their sessions once more.
        """
        return replace(TickerState.new(), splits=sorted([*self.splits, day]))

    def roll(self, day: str) -> None:
        """Begins the session of `day`: completed dollars join the average, volumes and true range start anew."""
        if day == self.day:
            return
        if self.day:
            self.dollars = [*self.dollars, self.dollars_today][-DOLLAR_SESSIONS:]
        self.day, self.dollars_today = day, 0.0
        self.volumes, self.first_seen, self.previous = [], False, None

    def bias(self, multiple: int) -> int:
        """The macro cloud's colour if the last 10-minute close lies beyond it; else, and while it is not ready, 0.

        Source: product rule "Macro bias".
        """
        edges, close, colour = self.macro.edges(), self.macro_close, self.macro.colour
        if edges is None or close is None or not self.macro.ready(multiple):
            return 0
        beyond = close > edges[1] if colour > 0 else close < edges[0]
        return colour if beyond else 0

    def averages(self, multiple: int) -> Averages:
        """What a chart shows of the newest bar."""
        fast, trend = self.fast, self.trend
        return Averages(fast.short.value, fast.long.value, trend.short.value, trend.long.value, self.bias(multiple))

    def dollar_volume(self, day: str) -> float | None:
        """Average dollars a session over up to 20 sessions completed before `day`; None with fewer than three."""
        completed = [*self.dollars, self.dollars_today][-DOLLAR_SESSIONS:] if self.day < day else self.dollars
        return sum(completed) / len(completed) if len(completed) >= DOLLAR_SESSIONS_LEAST else None

    def take_volume(self, volume: float, least_ratio: float) -> float | None:
        """`volume` over the mean of up to 20 bars before it in this session, if it is above `least_ratio`.

        The bar then joins those before the next; the session's first bar never does. None with fewer than five bars.
        A mean of 0 is exceeded by any volume: the ratio is infinite.
        """
        before, total, ratio = len(self.volumes), sum(self.volumes), None
        if before >= VOLUME_BARS_LEAST and volume * before > least_ratio * total:
            ratio = volume * before / total if total > 0.0 else inf
        if self.first_seen:
            self.volumes = [*self.volumes, volume][-VOLUME_BARS:]
        self.first_seen = True
        return ratio


def dollar_volumes(tickers: Mapping[str, TickerState], symbols: Collection[str], at_ns: int) -> dict[str, float]:
    """Average dollars a session of those of the symbols that have been seen long enough."""
    day = sessions.new_york(at_ns).date().isoformat()
    known = {symbol: state.dollar_volume(day) for symbol, state in tickers.items() if symbol in symbols}
    return {symbol: dollars for symbol, dollars in known.items() if dollars is not None}


def sound(bar: Bar) -> bool:
    """Whether its prices are prices and its volume a number; importers refuse others, a foreign tape may hold them."""
    known = all(prices.known(price) for price in (bar.open, bar.high, bar.low, bar.close))
    return known and bar.low <= bar.high and 0.0 <= bar.volume < inf
