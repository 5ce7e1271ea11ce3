"""The IV surface, and what options are worth and quoted at on it.

Variance runs while the market is open and in the nights between; IV is that variance over the engine's years of
365 x 1440 minutes. So an option that expires today shows a high IV, one over a weekend a low one.
"""

from collections.abc import Sequence
from datetime import date
from math import sqrt
from typing import Final, TypeVar

import numpy as np
from scipy.special import ndtr  # type: ignore[import-untyped]  # scipy ships no types

from flows.market.listing import expiries
from flows.market.paths import Levels, Paths
from flows.market.regimes import MINUTES
from flows.market.world import DAILY_EXPIRIES, POOLS, SESSION_SHARE, TICKERS
from operators import sessions
from operators.chains import YEAR_NS
from operators.contracts import THREE_DOLLARS, FloatArray, ticks
from operators.events import MINUTE_NS, SECOND_NS
from operators.listings import iv_time_ns
from operators.prices import DOLLAR
from operators.sessions import Session

Moments = TypeVar("Moments", float, FloatArray)

RATE: Final = 0.04
"""Continuous, a year: the engine's default."""
PREMIUM: Final = 0.55
"""Options price in what the usual minutes shake, a little more than half of what a day moves: trends and news come on
top, as in a storm that nobody expected. Where they price in all of it hardly any scalp reaches target or stop."""
NIGHT: Final = 1.0 - SESSION_SHARE
WEEKEND_DAY: Final = 0.25
"""Variance of a day without session, in nights: little happens, but something may."""
SKEW_INDEX, SKEW_SHARE, SMILE = -0.07, -0.03, 0.015
"""Slope and curve of IV over standard deviations from the forward: indices fear falls more than shares do."""
MOST_DEVIATIONS: Final = 4.0
HALF_DOLLARS, HALF_FRACTION, HALF_WING = 0.003, 0.004, 0.25
"""Half a spread of the narrowest class: this much, and this of the price, and wider by so much a deviation away."""


def variance_after(today: date, expiry: date) -> float:
    """Variance from today's close to an expiry's, in days of close to close."""
    total, day = 0.0, today
    while day < expiry:
        following = sessions.next_session(day).day
        total += NIGHT * (1.0 + WEEKEND_DAY * ((following - day).days - 1)) + SESSION_SHARE
        day = following
    return total


def iv_of_session(ticker: str, session: Session, levels: Levels, leaning: float) -> float:
    """At-the-money IV as the engine measures a session: nearest expiry with 1 to 5 DTE, 15 minutes before the close.

    `leaning` is what the market's move of that day does to IV.
    """
    at_ns = iv_time_ns(session)
    expiry = next(day for day in expiries(ticker, session.day) if day > session.day)
    years = (sessions.last_trade_ns(expiry) - at_ns) / YEAR_NS
    variance = SESSION_SHARE * _left(session, at_ns) + variance_after(session.day, expiry)
    return _usual(ticker, levels) * leaning * sqrt(variance / years)


def _usual(ticker: str, levels: Levels) -> float:
    """What a usual day's move of a ticker costs."""
    return TICKERS[ticker].daily * levels.of(ticker) * PREMIUM


def _left(session: Session, at_ns: Moments) -> Moments:
    """Sessions of normal length that are left of a session."""
    return (session.close_ns - at_ns) / (MINUTES * MINUTE_NS)


class Surface:
    """The options of one underlying on one day; columns have one element a contract."""

    def __init__(self, paths: Paths, ticker: str, expiries: Sequence[date]) -> None:
        self.paths, self.ticker, session = paths, ticker, paths.session
        days = {expiry: (variance_after(session.day, expiry), sessions.last_trade_ns(expiry)) for expiry in expiries}
        self._after = np.array([days[expiry][0] for expiry in expiries])
        self._last_ns = np.array([days[expiry][1] for expiry in expiries])
        self._usual = _usual(ticker, paths.levels)
        self._skew = SKEW_INDEX if ticker in DAILY_EXPIRIES else SKEW_SHARE

    def years(self, seconds: Sequence[int]) -> FloatArray:
        """Years to the last trade, a row a moment; over 0 before the session's close."""
        return np.asarray((self._last_ns - self._at_ns(seconds)) / YEAR_NS)

    def _at_ns(self, seconds: Sequence[int]) -> FloatArray:
        return np.asarray(self.paths.session.open_ns + np.array(seconds, dtype=np.int64)[:, np.newaxis] * SECOND_NS)

    def at_the_money(self, seconds: Sequence[int]) -> FloatArray:
        """IV per year at the forward, a row a moment."""
        variance = SESSION_SHARE * _left(self.paths.session, self._at_ns(seconds)) + self._after
        leaning = self.paths.leaning[np.array(seconds)][:, np.newaxis]
        return np.asarray(self._usual * leaning * np.sqrt(variance / self.years(seconds)))

    def forwards(self, seconds: Sequence[int]) -> FloatArray:
        """The forward of each contract's expiry in dollars, a row a moment."""
        spot = self.paths.mids[self.ticker][np.array(seconds)][:, np.newaxis]
        return np.asarray(spot * np.exp(RATE * self.years(seconds)))

    def deviations(self, strikes: FloatArray, seconds: Sequence[int]) -> FloatArray:
        """How far each strike lies above its forward, in standard deviations to the expiry."""
        total = self.at_the_money(seconds) * np.sqrt(self.years(seconds))
        far = np.log(strikes / self.forwards(seconds)) / total
        return np.asarray(np.clip(far, -MOST_DEVIATIONS, MOST_DEVIATIONS))

    def iv(self, strikes: FloatArray, seconds: Sequence[int]) -> FloatArray:
        """IV per year of each contract, a row a moment."""
        far = self.deviations(strikes, seconds)
        return np.asarray(self.at_the_money(seconds) * (1.0 + self._skew * far + SMILE * far**2))

    def values(self, rights: FloatArray, strikes: FloatArray, seconds: Sequence[int]) -> FloatArray:
        """Black's value in dollars a share, a row a moment."""
        years, forward = self.years(seconds), self.forwards(seconds)
        total = self.iv(strikes, seconds) * np.sqrt(years)
        d1 = np.log(forward / strikes) / total + total / 2.0
        paid = forward * ndtr(rights * d1) - strikes * ndtr(rights * (d1 - total))
        return np.asarray(np.maximum(np.exp(-RATE * years) * rights * paid, 0.0))

    def quotes(
        self, rights: FloatArray, strikes: FloatArray, seconds: Sequence[int], unrest: float
    ) -> tuple[FloatArray, FloatArray]:
        """Bids and asks in dollars on the class's ticks around the values; a bid under one tick is NaN."""
        values, far = self.values(rights, strikes, seconds), np.abs(self.deviations(strikes, seconds))
        width = POOLS[self.ticker].width * unrest * (1.0 + HALF_WING * far)
        half = (HALF_DOLLARS + HALF_FRACTION * values) * width
        bids, asks = self._stepped(values - half, np.floor), self._stepped(values + half, np.ceil)
        return np.where(bids > 0.0, bids, np.nan), asks

    def _stepped(self, prices: FloatArray, rounded: np.ufunc) -> FloatArray:
        tick = ticks(self.ticker)
        step = np.where(prices * DOLLAR >= THREE_DOLLARS, tick(THREE_DOLLARS), tick(0))
        return np.asarray(rounded(prices * DOLLAR / step) * step / DOLLAR)
