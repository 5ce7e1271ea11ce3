"""Streaming averages: EMA, a cloud of two EMAs, average true range, longer bars from one-minute bars.

Each is a small struct that encodes and restores equal; `update` takes the next value and is O(1).
"""

from math import isfinite
from statistics import mean

import msgspec

from operators.events import MINUTE_NS, Bar


class Ema(msgspec.Struct):
    """Exponential moving average with smoothing 2 / (period + 1), seeded with the mean of its first `period` values.

    The seed is TA-Lib's and that of most charts. `value` is None until the seed is complete; 0.0 is a value.
    """

    period: int
    count: int = 0
    seed: list[float] = []
    value: float | None = None

    def __post_init__(self) -> None:
        if self.period < 1:
            raise ValueError(f"an EMA's period is {self.period}, it must be at least 1")

    def update(self, x: float) -> float | None:
        """The average after `x`, None before `period` values; raises ValueError if `x` is not finite."""
        if not isfinite(x):
            raise ValueError(f"an EMA cannot take {x}: refuse such input where it enters")
        self.count += 1
        if self.value is not None:
            self.value += 2.0 / (self.period + 1) * (x - self.value)
        else:
            self.seed.append(x)
            if self.count == self.period:
                # Exactly rounded, so that averages of different periods over a flat series are equal.
                self.value = mean(self.seed)
                self.seed = []
        return self.value


class Cloud(msgspec.Struct):
    """A short and a long EMA; `colour` is +1 bullish, -1 bearish, 0 before both exist. Equal averages keep it."""

    short: Ema
    long: Ema
    colour: int = 0

    @classmethod
    def of(cls, short: int, long: int) -> "Cloud":
        """A cloud of these two periods, short before long."""
        return cls(Ema(short), Ema(long))

    def update(self, x: float) -> int:
        """The flip that `x` made: the new colour (+1 or -1), or 0 for none. The first colour is no flip."""
        short, long = self.short.update(x), self.long.update(x)
        if short is None or long is None or short == long:
            return 0
        before, self.colour = self.colour, 1 if short > long else -1
        return self.colour if before not in (0, self.colour) else 0

    def ready(self, multiple: int) -> bool:
        """Whether `multiple` times the longer period has been seen: the seed's weight is gone by then."""
        return self.long.count >= multiple * self.long.period

    def edges(self) -> tuple[float, float] | None:
        """Lower and upper edge in dollars, None before both averages exist."""
        short, long = self.short.value, self.long.value
        if short is None or long is None:
            return None
        return (short, long) if short <= long else (long, short)


class Atr(msgspec.Struct):
    """Wilder's average true range in dollars; the first bar of a session counts high - low, gaps are not range."""

    period: int = 14
    count: int = 0
    total: float = 0.0
    value: float | None = None

    def update(self, bar: Bar, previous_close: float | None) -> None:
        """Takes a bar; `previous_close` is None at the first bar of a session."""
        span = bar.high - bar.low
        if previous_close is not None:
            span = max(span, abs(bar.high - previous_close), abs(bar.low - previous_close))
        self.count += 1
        if self.value is not None:
            self.value += (span - self.value) / self.period
        else:
            self.total += span
            if self.count == self.period:
                self.value = self.total / self.period


class LongBar(msgspec.Struct, frozen=True):
    """A closed bar of several minutes; `close_ns` is the end of its bucket, prices in dollars."""

    close_ns: int
    high: float
    low: float
    close: float
    volume: float


class Bucket(msgspec.Struct):
    """Builds bars of `minutes` from one-minute bars, by the clock from the session's open.

    A bar closes with the minute that ends its bucket; if that minute is missing, with the ticker's next bar.
    """

    minutes: int
    end_ns: int = 0
    closed_ns: int = 0
    bar: LongBar | None = None

    def overdue(self, at_ns: int) -> LongBar | None:
        """The open bar, closed by this call, if its bucket ended at or before `at_ns`, the start of a later minute."""
        if self.bar is None or self.end_ns > at_ns:
            return None
        return self._close()

    def add(self, bar: Bar, open_ns: int) -> LongBar | None:
        """Takes a one-minute bar of the session that opened at `open_ns`; the longer bar, if this minute ends it.

        A minute of a bucket that is closed already came too late and changes nothing.
        """
        width = self.minutes * MINUTE_NS
        end_ns = open_ns + -(-(bar.event_ns - open_ns) // width) * width
        if end_ns <= self.closed_ns:
            return None
        part, self.end_ns = self.bar, end_ns
        if part is None:
            self.bar = LongBar(end_ns, bar.high, bar.low, bar.close, bar.volume)
        else:
            high, low = max(part.high, bar.high), min(part.low, bar.low)
            self.bar = LongBar(end_ns, high, low, bar.close, part.volume + bar.volume)
        return self._close() if bar.event_ns == end_ns else None

    def _close(self) -> LongBar | None:
        closed, self.bar, self.closed_ns = self.bar, None, self.end_ns
        return closed
