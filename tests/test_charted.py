"""The bars of a chart: whose are recorded, their averages against an EMA written anew, the word for the macro."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators import sessions
from operators.charted import BarRecord
from operators.config import ScalpConfig
from operators.events import AnyEvent, Bar
from tests.market_builders import DAY, WEEK, bar, flat
from tests.play import Line, started

SOON = ScalpConfig(cloud_warmup_multiple=1)
"""The macro cloud is ready after 50 ten-minute bars, a session of 39 and 11 of the next."""


def bars_of(events: Sequence[AnyEvent], config: ScalpConfig | None = None) -> list[BarRecord]:
    """The bars that a run over these events records."""
    line = Line(config)
    records = line.play([started(events[0].at_ns), *events])
    return [record for record in records if isinstance(record, BarRecord)]


def ema(values: Sequence[float], period: int) -> float | None:
    """The average after all of these values in closed form: a geometric weight on each, and on the mean of the first.

    Source: product rule "Clouds and signals", not the engine's recursion.
    """
    if len(values) < period:
        return None
    kept, later = 1.0 - 2.0 / (period + 1), values[period:]
    weighed = (2.0 / (period + 1) * kept ** (len(later) - place) * x for place, x in enumerate(later, start=1))
    return sum(values[:period]) / period * kept ** len(later) + sum(weighed)


def session_of(day: date, first: float, step: float, *, history: bool = True) -> list[Bar]:
    """A whole session of bars, each `step` dollars over the one before."""
    return [bar(minute, first + step * minute, day=day, history=history) for minute in range(1, 391)]


class TestWhich:
    def test_a_bar_is_recorded_as_it_closed(self) -> None:
        (record,) = bars_of([bar(3, open=100.0, high=102.0, low=99.0, close=101.5, volume=750.0)])
        told = (record.ticker, record.open, record.high, record.low, record.close, record.volume, record.tape_seq)
        assert told == ("QQQ", 100.0, 102.0, 99.0, 101.5, 750.0, 3)
        assert sessions.new_york(sessions.ns(record.closed_at)).isoformat() == "2025-04-01T09:33:00-04:00"

    def test_each_bar_is_recorded_once(self) -> None:
        assert [record.tape_seq for record in bars_of([*flat(1, 30), bar(30)])] == list(range(1, 31))

    def test_a_ticker_that_may_not_trade_is_not_recorded(self) -> None:
        events = [bar(1), bar(1, ticker="TQQQ", late_ns=1), bar(1, ticker="SPY", late_ns=2)]
        assert {record.ticker for record in bars_of(events, ScalpConfig(scalp_tickers=("SPY",)))} == {"SPY"}

    def test_history_is_not_recorded(self) -> None:
        assert [record.tape_seq for record in bars_of([*flat(1, 20, history=True), bar(21)])] == [21]

    def test_a_bar_outside_the_session_is_not_recorded(self) -> None:
        # Minute 390 closes at 16:00; the one after it is the auction's.
        assert [record.tape_seq for record in bars_of([bar(0), bar(390), bar(391)])] == [390]

    def test_a_bar_that_cannot_be_is_not_recorded(self) -> None:
        assert bars_of([bar(1, low=101.0, high=100.0)]) == []


class TestAverages:
    @given(st.lists(st.floats(90.0, 110.0), min_size=1, max_size=70))
    def test_they_are_the_averages_of_all_bars_up_to_this_one(self, prices: list[float]) -> None:
        # A bar's price is the middle of its high and low.
        made = [bar(n, high=price + 1, low=price - 1, close=price) for n, price in enumerate(prices, start=1)]
        for number, record in enumerate(bars_of(made), start=1):
            found = (record.ema5, record.ema12, record.ema34, record.ema50)
            assert found == pytest.approx(tuple(ema(prices[:number], period) for period in (5, 12, 34, 50)), abs=1e-9)

    @pytest.mark.parametrize(("name", "period"), [("ema5", 5), ("ema12", 12), ("ema34", 34), ("ema50", 50)])
    def test_one_is_unknown_before_its_seed(self, name: str, period: int) -> None:
        values = [getattr(record, name) for record in bars_of(flat(1, 60))]
        assert values == [None] * (period - 1) + [100.0] * (61 - period)

    def test_history_counts(self) -> None:
        # Four at 90 and one at 100 are 92 on average.
        events = [*flat(1, 4, 90.0, history=True), bar(5, 100.0)]
        assert bars_of(events)[0].ema5 == pytest.approx(92.0)

    def test_they_go_on_over_the_night(self) -> None:
        events = [*flat(387, 390, 90.0), bar(1, 100.0, day=WEEK[1])]
        assert bars_of(events)[-1].ema5 == pytest.approx(92.0)

    def test_those_of_tickers_are_their_own(self) -> None:
        both = [bar(n, 10.0 * (name == "SPY") + 90.0, ticker=name) for n in range(1, 6) for name in ("QQQ", "SPY")]
        assert {record.ticker: record.ema5 for record in bars_of(both)} == {"QQQ": 90.0, "SPY": 100.0}


class TestMacro:
    def word(self, step: float, *more: Any) -> str:
        """That of the last bar, after a session of history and 110 minutes more of rising or falling prices."""
        today = session_of(WEEK[1], 100.0 + 390 * step, step, history=False)[:110]
        return bars_of([*session_of(DAY, 100.0, step), *today, *more], SOON)[-1].macro

    @pytest.mark.parametrize(("step", "word"), [(0.01, "bullish"), (-0.01, "bearish"), (0.0, "neutral")])
    def test_it_has_the_colour_that_the_price_confirms(self, step: float, word: str) -> None:
        assert self.word(step) == word

    def test_it_is_neutral_while_the_price_lies_on_the_other_side(self) -> None:
        # Rising 0.10 in ten minutes, the averages trail the 105.00 by 1.65 and 2.45; a bar at 99.00 lies under both and
        # pulls them down by 2/35 and 2/51 of some five dollars: too little to turn the cloud.
        low = flat(111, 120, 99.0, day=WEEK[1])
        assert self.word(0.01, *low) == "neutral"

    def test_it_is_neutral_before_the_cloud_is_ready(self) -> None:
        # 39 ten-minute bars of history and ten of today are one short of 50; the eleventh closes at 11:20.
        today = session_of(WEEK[1], 103.9, 0.01, history=False)[:110]
        words = [record.macro for record in bars_of([*session_of(DAY, 100.0, 0.01), *today], SOON)]
        assert words == ["neutral"] * 109 + ["bullish"]
