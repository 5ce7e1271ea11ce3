"""What the market step remembers of bars and quotes: moments, longer bars, sessions and views."""

from datetime import date, timedelta
from math import inf, nan
from typing import Any

import msgspec
import pytest

from operators import sessions
from operators.config import ScalpConfig
from operators.events import Bar
from operators.market import Market
from operators.moments import Averages, Moment
from tests.market_builders import (
    DAY,
    WEEK,
    bar,
    before_a_flip,
    falling,
    flat,
    market,
    ny,
    quote,
    setups,
)
from tests.play import MINUTE_DATA, started

HALF_DAY, SATURDAY, GOOD_FRIDAY = date(2024, 12, 24), date(2025, 4, 5), date(2025, 4, 18)
ENDED = "16:00:05"
"""Event-driven bars may be 5 s late: only then is the session over."""


def remembered(made: Market, ticker: str = "QQQ") -> bytes:
    """All that is known of a ticker, as bytes."""
    return msgspec.msgpack.encode(made.state.tickers[ticker])


def playing(*bars: Bar, config: ScalpConfig | None = None) -> Market:
    """A market that has seen these bars."""
    made = market() if config is None else market(config)
    for one in bars:
        made.on(one)
    return made


class TestMoments:
    def test_a_bar_becomes_a_moment_with_the_cloud_after_it(self) -> None:
        made = playing(*flat(1, 11))
        (moment,) = made.on(bar(12, 103.0))
        # EMA 5: 100 + 1 / 3 x 3 = 101; EMA 12: seed (11 x 100 + 103) / 12 = 100.25.
        averages = Averages(ema5=101.0, ema12=100.25)
        assert moment == Moment(12, ny("09:42"), bar(12, 103.0), 0, lower=100.25, upper=101.0, averages=averages)

    def test_before_both_averages_exist_a_moment_has_no_edges(self) -> None:
        (moment,) = market().on(bar(1))
        assert isinstance(moment, Moment)
        assert (moment.lower, moment.upper) == (None, None)

    def test_a_moment_tells_the_flip_of_its_bar(self) -> None:
        made = playing(*before_a_flip())
        first, *_ = made.on(falling())
        assert isinstance(first, Moment)
        assert first.flip == -1

    def test_tickers_have_clouds_of_their_own(self) -> None:
        made = playing(*flat(1, 12), *flat(1, 12, 50.0, ticker="SPY"))
        assert [made.state.tickers[ticker].fast.edges() for ticker in ("QQQ", "SPY")] == [(100.0, 100.0), (50.0, 50.0)]

    def test_history_becomes_nothing(self) -> None:
        made = market()
        events = [*before_a_flip(history=True), falling(history=True)]
        assert [item for event in events for item in made.on(event)] == []

    def test_history_warms_the_clouds_like_any_bar(self) -> None:
        warm, live = playing(*flat(1, 40, 101.0, history=True)), playing(*flat(1, 40, 101.0))
        for made in (warm, live):
            made.on(bar(41))
        assert remembered(warm) == remembered(live)

    def test_an_irregular_bar_of_history_becomes_nothing(self) -> None:
        assert market().on(bar(0, history=True)) == []

    def test_it_knows_when_the_newest_bar_of_each_ticker_closed(self) -> None:
        made = playing(bar(2, ticker="SPY"), bar(1), bar(3), bar(2))
        assert made.closes() == {"SPY": ny("09:32"), "QQQ": ny("09:33")}


class TestIrregularBars:
    @pytest.mark.parametrize(
        ("minute", "day"),
        [(0, DAY), (-100, DAY), (391, DAY), (211, HALF_DAY), (30, SATURDAY), (30, GOOD_FRIDAY)],
        ids=["the minute before the open", "pre-market", "auction", "after a half day", "Saturday", "holiday"],
    )
    def test_a_bar_outside_the_session_passes_and_changes_nothing(self, minute: int, day: date) -> None:
        made = playing(*flat(1, 10, day=date(2024, 12, 23)))
        before, odd = remembered(made), bar(minute, 500.0, day=day, volume=1e6)
        assert made.on(odd)[-1] == odd
        assert remembered(made) == before

    @pytest.mark.parametrize(("minute", "day"), [(1, DAY), (390, DAY), (210, HALF_DAY)])
    def test_the_first_and_the_last_minute_of_a_session_count(self, minute: int, day: date) -> None:
        made = playing(bar(minute, day=day))
        assert made.state.tickers["QQQ"].fast.long.count == 1

    def test_a_ticker_seen_outside_the_session_only_is_not_remembered(self) -> None:
        assert playing(bar(0)).state.tickers == {}

    def test_a_bar_beyond_the_table_of_sessions_passes(self) -> None:
        odd = bar(30, day=date(2029, 1, 2))
        assert market().on(odd) == [odd]


class TestUnsoundBars:
    @pytest.mark.parametrize(
        "changes",
        [
            {"close": nan},
            {"open": inf},
            {"low": 0.0},
            {"high": -1.0},
            {"high": 99.0, "low": 101.0},
            {"volume": nan},
            {"volume": -1.0},
            {"volume": inf},
        ],
        ids=str,
    )
    def test_a_bar_with_an_impossible_number_passes_and_changes_nothing(self, changes: dict[str, Any]) -> None:
        made = playing(*flat(1, 10))
        before, odd = remembered(made), bar(11, **changes)
        assert [type(item) for item in made.on(odd)] == [Bar]
        assert remembered(made) == before

    def test_a_minute_without_volume_is_a_bar(self) -> None:
        assert playing(bar(1, volume=0.0)).state.tickers["QQQ"].fast.long.count == 1


class TestRepeatedBars:
    @pytest.mark.parametrize("minute", [10, 9, 1], ids=["the newest again", "the one before", "the first"])
    def test_a_repeated_or_late_bar_passes_and_changes_nothing(self, minute: int) -> None:
        made = playing(*flat(1, 10))
        before, corrected = remembered(made), bar(minute, 500.0, volume=1e6)
        assert made.on(corrected) == [corrected]
        assert remembered(made) == before

    def test_a_bar_of_an_earlier_session_changes_nothing(self) -> None:
        made = playing(*flat(1, 10, day=WEEK[1]))
        before = remembered(made)
        made.on(bar(390, 500.0, day=DAY))
        assert remembered(made) == before

    def test_a_corrected_trigger_bar_makes_no_second_setup(self) -> None:
        made = playing(*before_a_flip())
        assert len(setups(made, falling(), falling(volume=9000.0))) == 1

    def test_a_repeated_bar_of_history_becomes_nothing(self) -> None:
        made = playing(bar(1, history=True))
        assert made.on(bar(1, history=True)) == []


class TestLongerBars:
    def test_four_minutes_of_five_are_not_used(self) -> None:
        assert playing(*flat(1, 4)).state.tickers["QQQ"].fast5.long.count == 0

    def test_five_minutes_are_one_bar_of_the_slower_cloud(self) -> None:
        assert playing(*flat(1, 5)).state.tickers["QQQ"].fast5.long.count == 1

    def test_nine_minutes_of_ten_are_not_used(self) -> None:
        assert playing(*flat(1, 9)).state.tickers["QQQ"].macro.long.count == 0

    def test_ten_minutes_are_one_bar_of_the_macro_cloud(self) -> None:
        assert playing(*flat(1, 10)).state.tickers["QQQ"].macro.long.count == 1

    def test_a_quote_closes_no_bucket_within_the_session(self) -> None:
        made = playing(*flat(1, 4))
        made.on(quote(ny("09:37")))
        assert made.state.tickers["QQQ"].fast5.long.count == 0

    def test_a_bar_of_another_ticker_closes_no_bucket(self) -> None:
        made = playing(*flat(1, 4), bar(8, ticker="SPY"))
        assert made.state.tickers["QQQ"].fast5.long.count == 0

    def test_the_tickers_next_bar_closes_both_buckets_without_their_last_minute(self) -> None:
        state = playing(*flat(1, 9), bar(11)).state.tickers["QQQ"]
        # 09:35 in time; 09:40 overdue for both widths.
        assert (state.fast5.long.count, state.macro.long.count) == (2, 1)

    def test_an_overdue_bar_is_closed_before_the_next_one_is_used(self) -> None:
        made = playing(*flat(1, 9), bar(11, 500.0))
        assert made.state.tickers["QQQ"].macro_close == 100.0

    @pytest.mark.parametrize("minute", [389, 386], ids=["the last minute missing", "more missing"])
    def test_the_end_of_the_session_closes_its_last_buckets(self, minute: int) -> None:
        made = playing(bar(minute))
        made.on(quote(ny(ENDED)))
        state = made.state.tickers["QQQ"]
        assert (state.fast5.long.count, state.macro.long.count) == (1, 1)

    def test_a_session_has_not_ended_while_its_last_bar_may_still_come(self) -> None:
        made = playing(bar(389))
        made.on(quote(ny(ENDED) - 1))
        assert made.state.tickers["QQQ"].fast5.long.count == 0

    def test_on_minute_data_the_last_bar_may_come_a_minute_and_a_half_late(self) -> None:
        made = market(cadences=MINUTE_DATA)
        made.on(bar(389))
        made.on(quote(ny("16:01:30") - 1))
        assert made.state.tickers["QQQ"].fast5.long.count == 0
        made.on(quote(ny("16:01:30")))
        assert made.state.tickers["QQQ"].fast5.long.count == 1

    def test_a_half_day_ends_at_one(self) -> None:
        made = playing(bar(209, day=HALF_DAY))
        made.on(quote(ny("13:00:05", HALF_DAY)))
        assert made.state.tickers["QQQ"].macro.long.count == 1

    def test_the_next_session_closes_what_the_end_of_the_tape_left_open(self) -> None:
        made = playing(bar(389), bar(1, 500.0, day=WEEK[1]))
        assert (made.state.tickers["QQQ"].macro_close, made.state.tickers["QQQ"].macro.long.count) == (100.0, 1)

    def test_a_minute_after_its_bucket_was_closed_by_the_session_is_not_used_twice(self) -> None:
        made = playing(bar(389))
        made.on(quote(ny(ENDED)))
        made.on(bar(390, 500.0, late_ns=60_000_000_000))
        state = made.state.tickers["QQQ"]
        assert (state.fast5.long.count, state.fast.long.count, state.macro_close) == (1, 2, 100.0)


class TestSessions:
    def test_clouds_are_carried_over_the_night(self) -> None:
        made = playing(*flat(380, 390), bar(1, day=WEEK[1]))
        assert made.state.tickers["QQQ"].fast.edges() == (100.0, 100.0)

    def test_the_gap_over_the_night_is_not_true_range(self) -> None:
        made = playing(*flat(377, 390), bar(1, 500.0, day=WEEK[1]))
        assert made.state.tickers["QQQ"].atr.value == 0.0

    def test_within_a_session_a_gap_is_true_range(self) -> None:
        made = playing(*flat(370, 383), bar(385, 107.0))
        # (13 x 0 + 7) / 14.
        assert made.state.tickers["QQQ"].atr.value == pytest.approx(0.5, abs=1e-12)

    def test_the_builders_week_is_four_sessions_in_a_row(self) -> None:
        assert [sessions.next_session(day).day for day in WEEK[:3]] == list(WEEK[1:])


def test_every_event_but_a_bar_and_an_outside_signal_passes_as_it_is() -> None:
    made = market()
    event = quote(ny("10:00"))
    assert made.on(event) == [event]
    begun = started(ny("10:00"))
    assert made.on(begun) == [begun]


def test_a_year_of_single_bars_keeps_the_memory_of_twenty_days() -> None:
    made, day = market(), DAY
    for _ in range(60):
        made.on(bar(1, day=day, ticker="TQQQ"))
        day = sessions.next_session(day).day
    assert len(made.state.tickers["TQQQ"].dollars) == 20
    assert day > DAY + timedelta(days=60)
