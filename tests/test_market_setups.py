"""When a flip becomes a setup: volume, readiness, lateness, timeframe; and signals of other engines."""

from math import inf

import pytest

from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS, SECOND_NS, Bar
from operators.market import Market
from operators.moments import Setup
from tests.market_builders import (
    ANY_MACRO,
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
from tests.play import EVENT_DRIVEN, MINUTE_DATA, started

FIVE = ScalpConfig(require_macro_alignment=False, entry_timeframe_minutes=5)
SECOND_DAY = WEEK[1]


def made_by(*bars: Bar, config: ScalpConfig = ANY_MACRO) -> list[Setup]:
    """The setups of these bars on event-driven data."""
    return setups(market(config), *bars)


def at_the_open(*volumes: float, trigger: float) -> list[Setup]:
    """Setups of a second session that falls on its bar after bars of these volumes; the first is the session's."""
    first_day = [*flat(1, 39), bar(40, 101.0)]
    bars = [bar(n, 101.0, day=SECOND_DAY, volume=volume) for n, volume in enumerate(volumes, start=1)]
    return made_by(*first_day, *bars, bar(len(volumes) + 1, 50.0, day=SECOND_DAY, volume=trigger))


class TestTheFlip:
    def test_a_flip_with_volume_is_a_setup(self) -> None:
        (found,) = made_by(*before_a_flip(), falling())
        assert (found.ticker, found.direction, found.timeframe_minutes, found.source) == ("QQQ", -1, 1, "own")
        assert found.bar_close_ns == found.at_ns == ny("10:11")
        assert found.conviction is None

    def test_a_flip_upwards_is_a_long_setup(self) -> None:
        (found,) = made_by(*flat(1, 39), bar(40, 99.0), bar(41, 110.0, volume=2000.0))
        assert found.direction == 1

    def test_the_first_colour_is_no_setup(self) -> None:
        assert made_by(*flat(1, 40), bar(41, 110.0, volume=9000.0)) == []

    def test_volume_without_a_flip_is_no_setup(self) -> None:
        assert made_by(*before_a_flip(), bar(41, 101.0, volume=9000.0)) == []

    def test_the_setup_follows_the_moment_of_its_bar(self) -> None:
        made = market()
        for event in before_a_flip():
            made.on(event)
        assert [type(item).__name__ for item in made.on(falling())] == ["Moment", "Setup"]

    def test_a_setup_carries_its_own_bar_in_its_view(self) -> None:
        (found,) = made_by(*before_a_flip(), falling())
        assert found.view.bar == falling()

    def test_the_last_bar_of_the_session_can_make_one(self) -> None:
        (found,) = made_by(*flat(350, 388), bar(389, 101.0), falling(390))
        assert found.bar_close_ns == ny("16:00")

    def test_every_ticker_makes_setups_funds_too(self) -> None:
        (found,) = made_by(*before_a_flip(ticker="TQQQ"), falling(ticker="TQQQ"))
        assert found.ticker == "TQQQ"

    def test_the_source_of_the_cloud_can_be_the_close(self) -> None:
        config = ScalpConfig(require_macro_alignment=False, cloud_source="close")
        # (230 - 50) / 2 over the other bars: hl2 is 140 and rises, the close falls.
        odd = falling(high=230.0, low=50.0)
        assert [one.direction for one in made_by(*before_a_flip(), odd, config=config)] == [-1]
        assert made_by(*before_a_flip(), odd) == []


class TestReadiness:
    def test_before_three_times_twelve_bars_a_flip_is_no_setup(self) -> None:
        # The flip is on bar 35.
        assert made_by(*flat(1, 33), bar(34, 101.0), falling(35)) == []

    def test_from_three_times_twelve_bars_it_is(self) -> None:
        assert len(made_by(*flat(1, 34), bar(35, 101.0), falling(36))) == 1

    def test_the_multiple_is_a_setting(self) -> None:
        config = ScalpConfig(require_macro_alignment=False, cloud_warmup_multiple=4)
        # 4 x 12 = 48.
        assert made_by(*flat(1, 45), bar(46, 101.0), falling(47), config=config) == []
        assert len(made_by(*flat(1, 46), bar(47, 101.0), falling(48), config=config)) == 1

    def test_an_unready_macro_cloud_is_asked_for_by_default(self) -> None:
        assert made_by(*before_a_flip(), falling(), config=ScalpConfig()) == []

    @pytest.mark.parametrize(("buckets", "expected"), [(49, 0), (50, 1)])
    def test_the_macro_cloud_is_ready_after_the_multiple_of_fifty(self, buckets: int, expected: int) -> None:
        # One bar ends each ten minutes: 39 in a session, the others in the next; the last four make the flip.
        config = ScalpConfig(cloud_warmup_multiple=1)
        left = buckets - 39
        tens = [*(bar(10 * n) for n in range(1, 40)), *(bar(10 * n, day=SECOND_DAY) for n in range(1, left + 1))]
        flip = [bar(10 * left + 1, 101.0, day=SECOND_DAY), falling(10 * left + 2, day=SECOND_DAY)]
        assert len(made_by(*tens, *flip, config=config)) == expected


class TestVolume:
    def test_the_ratio_is_to_the_mean_of_the_bars_before(self) -> None:
        (found,) = at_the_open(9e9, 100.0, 200.0, 300.0, 400.0, 500.0, trigger=900.0)
        # The mean of the five after the first is 300.
        assert found.volume_ratio == 3.0

    def test_four_bars_after_the_first_are_too_few(self) -> None:
        assert at_the_open(1.0, 100.0, 100.0, 100.0, 100.0, trigger=900.0) == []

    def test_five_bars_after_the_first_are_enough(self) -> None:
        assert len(at_the_open(1.0, *[100.0] * 5, trigger=900.0)) == 1

    def test_volumes_of_the_session_before_do_not_count(self) -> None:
        # 40 bars of 1000 yesterday: with them the mean would be far over 100.
        (found,) = at_the_open(1.0, *[100.0] * 5, trigger=200.0)
        assert found.volume_ratio == 2.0

    def test_the_sessions_first_bar_never_counts(self) -> None:
        assert len(at_the_open(9e9, *[100.0] * 5, trigger=151.0)) == 1

    def test_exactly_one_and_a_half_is_not_enough(self) -> None:
        assert at_the_open(1.0, *[100.0] * 5, trigger=150.0) == []

    def test_the_trigger_bar_is_not_part_of_its_mean(self) -> None:
        (found,) = at_the_open(1.0, *[100.0] * 5, trigger=400.0)
        # With itself in the mean, (5 x 100 + 400) / 6 = 150, it would be 2.67.
        assert found.volume_ratio == 4.0

    def test_only_the_twenty_bars_before_count(self) -> None:
        # 5 bars of a million lie further back than 20 bars.
        (found,) = at_the_open(1.0, *[1e6] * 5, *[100.0] * 20, trigger=200.0)
        assert found.volume_ratio == 2.0

    def test_the_twentieth_bar_before_counts(self) -> None:
        (found,) = at_the_open(1.0, 2100.0, *[100.0] * 19, trigger=400.0)
        # (2100 + 19 x 100) / 20 = 200.
        assert found.volume_ratio == 2.0

    def test_any_volume_exceeds_a_mean_of_zero(self) -> None:
        (found,) = at_the_open(1.0, *[0.0] * 5, trigger=1.0)
        assert found.volume_ratio == inf

    def test_no_volume_does_not_exceed_a_mean_of_zero(self) -> None:
        assert at_the_open(1.0, *[0.0] * 5, trigger=0.0) == []

    def test_the_least_ratio_is_a_setting(self) -> None:
        config = ScalpConfig(require_macro_alignment=False, volume_ratio_min=2.0)
        # 2000 over a mean of 1000 is exactly 2.
        assert made_by(*before_a_flip(), falling(), config=config) == []
        assert len(made_by(*before_a_flip(), falling(volume=2001.0), config=config)) == 1


class TestLateBars:
    def test_a_late_bar_still_turns_the_cloud(self) -> None:
        made = market()
        for event in before_a_flip():
            made.on(event)
        moment, *_ = made.on(falling(late_ns=20 * SECOND_NS))
        assert getattr(moment, "flip", None) == -1

    @pytest.mark.parametrize(("cadences", "seconds"), [(EVENT_DRIVEN, 5), (MINUTE_DATA, 90)])
    def test_a_setup_says_how_late_its_bar_may_be(self, cadences: dict[str, float], seconds: int) -> None:
        (found,) = setups(market(cadences=cadences), *before_a_flip(), falling())
        assert found.max_age_ns == seconds * SECOND_NS

    def test_the_setting_of_lateness_bites(self) -> None:
        made = Market(ANY_MACRO, EngineSettings(bar_max_late_seconds=7.0))
        made.on(started(ny("09:30"), cadences=EVENT_DRIVEN))
        (found,) = setups(made, *before_a_flip(), falling())
        assert found.max_age_ns == 7 * SECOND_NS

    def test_a_late_setup_has_the_time_it_was_known_at(self) -> None:
        (found,) = made_by(*before_a_flip(), falling(late_ns=20 * SECOND_NS))
        assert found.at_ns - found.bar_close_ns == 20 * SECOND_NS


class TestHistory:
    def test_a_flip_in_history_is_no_setup(self) -> None:
        assert made_by(*before_a_flip(history=True), falling(history=True)) == []

    def test_the_first_bar_after_history_can_flip_what_history_warmed(self) -> None:
        warm = [*before_a_flip(history=True), *flat(1, 6, 101.0, day=SECOND_DAY)]
        (found,) = made_by(*warm, falling(7, day=SECOND_DAY))
        assert found.bar_close_ns == ny("09:37", SECOND_DAY)

    def test_a_bucket_of_history_that_closes_late_is_no_setup(self) -> None:
        # 5-minute bars by their last minutes, then one without it that the next session's first bar closes.
        fives = [bar(5 * n, day=DAY, history=True) for n in range(1, 76)]
        flip = [bar(380, 101.0, history=True), falling(389, volume=9000.0, history=True)]
        assert made_by(*fives, *flip, bar(1, day=SECOND_DAY), config=FIVE) == []
        live = [bar(5 * n) for n in range(1, 76)]
        flip = [bar(380, 101.0), falling(389, volume=9000.0)]
        assert len(made_by(*live, *flip, bar(1, day=SECOND_DAY), config=FIVE)) == 1


def fives(last: int, *, volume: float = 1000.0) -> list[Bar]:
    """The ending minutes of as many 5-minute buckets, the last of them a dollar higher."""
    return [bar(5 * n, 101.0 if n == last else 100.0, volume=volume) for n in range(1, last + 1)]


class TestFiveMinuteEntries:
    def test_the_flip_of_a_five_minute_bar_is_a_setup(self) -> None:
        (found,) = made_by(*fives(40), falling(205), config=FIVE)
        assert (found.timeframe_minutes, found.bar_close_ns, found.direction) == (5, ny("09:30") + 205 * MINUTE_NS, -1)

    def test_the_flip_of_a_one_minute_bar_is_none(self) -> None:
        assert made_by(*before_a_flip(), falling(), config=FIVE) == []

    def test_on_one_minute_entries_a_five_minute_flip_is_none(self) -> None:
        # The 1-minute cloud flips on minute 41, without volume; the 5-minute cloud at 45, with it.
        quiet = [*fives(40), falling(201, volume=1.0)]
        assert made_by(*quiet, bar(205, 90.0, volume=9000.0), config=ANY_MACRO) == []
        assert len(made_by(*quiet, bar(205, 90.0, volume=9000.0), config=FIVE)) == 1

    def test_volume_is_that_of_the_five_minutes(self) -> None:
        minutes = [bar(n, 90.0, volume=400.0) for n in range(201, 206)]
        (found,) = made_by(*fives(40), *minutes, config=FIVE)
        # 5 x 400 = 2000 over a mean of 1000.
        assert found.volume_ratio == 2.0

    def test_without_its_last_minute_the_tickers_next_bar_makes_it(self) -> None:
        (found,) = made_by(*fives(40), falling(204), bar(207), config=FIVE)
        assert found.bar_close_ns == ny("09:30") + 205 * MINUTE_NS
        assert found.at_ns == ny("09:30") + 207 * MINUTE_NS

    def test_a_late_five_minute_setup_sees_the_market_before_the_bar_that_closed_it(self) -> None:
        (found,) = made_by(*fives(40), falling(204), bar(207, 500.0), config=FIVE)
        assert found.view.bar == falling(204)

    def test_the_end_of_the_session_makes_the_setup_of_its_last_bucket(self) -> None:
        made, end = market(FIVE), ny("16:00:05")
        for event in [bar(5 * n, 101.0 if n == 77 else 100.0) for n in range(1, 78)]:
            made.on(event)
        made.on(falling(389))
        found, passed = made.on(quote(end))
        assert isinstance(found, Setup)
        assert (found.bar_close_ns, found.at_ns, passed) == (ny("16:00"), end, quote(end))

    @pytest.mark.parametrize(("buckets", "expected"), [(35, 0), (36, 1)])
    def test_the_five_minute_fast_cloud_has_to_be_ready(self, buckets: int, expected: int) -> None:
        # Every minute has its bar: the 1-minute cloud is ready long before 36 bars of five minutes.
        last = 5 * buckets
        minutes = [*flat(1, last - 10), *flat(last - 9, last - 5, 101.0), *flat(last - 4, last, 90.0, volume=2000.0)]
        assert len(made_by(*minutes, config=FIVE)) == expected
