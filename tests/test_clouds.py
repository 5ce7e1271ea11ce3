"""Streaming averages: EMA, cloud, average true range, longer bars."""

from datetime import date
from math import inf, nan

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from operators.clouds import Atr, Bucket, Cloud, Ema, LongBar
from operators.events import Bar
from tests.market_builders import DAY, bar, ny
from tests.oracle.signals import ema as batch_ema

HALF_DAY = date(2024, 12, 24)
OPEN = ny("09:30")
prices = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


def fed(average: Ema, *values: float) -> list[float | None]:
    """The average after each value."""
    return [average.update(value) for value in values]


def flips(cloud: Cloud, *values: float) -> list[int]:
    """The flip that each value made."""
    return [cloud.update(value) for value in values]


class TestEma:
    def test_the_seed_is_the_mean_of_the_first_values(self) -> None:
        # (1 + 2 + 6) / 3 = 3.
        assert fed(Ema(3), 1.0, 2.0, 6.0) == [None, None, 3.0]

    def test_after_the_seed_it_moves_by_two_over_period_plus_one(self) -> None:
        # Seed 3, then 3 + 2 / 4 x (7 - 3) = 5, then 5 + 0.5 x (1 - 5) = 3.
        assert fed(Ema(3), 1.0, 2.0, 6.0, 7.0, 1.0)[-2:] == [5.0, 3.0]

    def test_a_period_of_one_is_the_newest_value(self) -> None:
        assert fed(Ema(1), 4.0, -2.0) == [4.0, -2.0]

    def test_zero_is_a_value_and_not_a_missing_one(self) -> None:
        # Seed (1 - 1) / 2 = 0; then 0 + 2 / 3 x (3 - 0) = 2. Taken for missing it would be seeded again.
        assert fed(Ema(2), 1.0, -1.0, 3.0) == [None, 0.0, 2.0]

    @pytest.mark.parametrize("bad", [nan, inf, -inf])
    def test_a_value_that_is_not_finite_is_refused(self, bad: float) -> None:
        with pytest.raises(ValueError, match="cannot take"):
            Ema(3).update(bad)

    def test_a_refused_value_leaves_no_trace(self) -> None:
        average = Ema(3)
        average.update(1.0)
        with pytest.raises(ValueError, match="cannot take"):
            average.update(nan)
        assert fed(average, 2.0, 6.0) == [None, 3.0]

    @pytest.mark.parametrize("period", [0, -1])
    def test_a_period_under_one_is_refused(self, period: int) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            Ema(period)

    def test_two_averages_share_no_seed(self) -> None:
        fed(Ema(3), 1.0, 2.0)
        assert fed(Ema(3), 5.0, 5.0, 5.0) == [None, None, 5.0]

    @given(st.integers(1, 40), st.lists(prices, max_size=120))
    @example(3, [0.0, 0.0, 0.0, 1.0])
    def test_it_equals_the_batch_average_on_every_prefix(self, period: int, values: list[float]) -> None:
        streamed = [nan if value is None else value for value in fed(Ema(period), *values)]
        for length in range(len(values) + 1):
            expected = batch_ema(np.array(values[:length]), period)
            np.testing.assert_allclose(streamed[:length], expected, rtol=1e-12, atol=1e-6)

    @given(prices, st.integers(1, 90), st.integers(1, 90))
    def test_averages_of_a_flat_series_are_equal_whatever_their_periods(self, x: float, one: int, other: int) -> None:
        count = max(one, other) + 5
        assert fed(Ema(one), *[x] * count)[-1] == fed(Ema(other), *[x] * count)[-1] == x


class TestCloud:
    def test_there_is_no_colour_before_both_averages_exist(self) -> None:
        cloud = Cloud.of(1, 3)
        flips(cloud, 1.0, 9.0)
        assert (cloud.colour, cloud.edges()) == (0, None)

    def test_the_first_colour_is_no_flip(self) -> None:
        cloud = Cloud.of(1, 3)
        # Short 9, long (1 + 2 + 9) / 3 = 4.
        assert flips(cloud, 1.0, 2.0, 9.0) == [0, 0, 0]
        assert cloud.colour == 1

    def test_a_change_of_colour_is_a_flip_to_the_new_colour(self) -> None:
        cloud = Cloud.of(1, 3)
        # Long 4, then 4 + 0.5 x (0 - 4) = 2 over short 0; then 2 + 0.5 x (8 - 2) = 5 under short 8.
        assert flips(cloud, 1.0, 2.0, 9.0, 0.0, 8.0)[-2:] == [-1, 1]

    def test_a_kept_colour_is_no_flip(self) -> None:
        assert flips(Cloud.of(1, 3), 1.0, 2.0, 9.0, 9.0, 9.0) == [0, 0, 0, 0, 0]

    def test_equal_averages_keep_the_colour_and_flip_nothing(self) -> None:
        cloud = Cloud.of(1, 3)
        # Long 4; a value of 4 makes both 4.
        assert flips(cloud, 1.0, 2.0, 9.0, 4.0) == [0, 0, 0, 0]
        assert cloud.colour == 1

    def test_a_turn_through_equal_averages_is_one_flip(self) -> None:
        assert flips(Cloud.of(1, 3), 1.0, 2.0, 9.0, 4.0, 0.0) == [0, 0, 0, 0, -1]

    def test_the_first_move_after_a_flat_market_is_no_flip(self) -> None:
        # All 40 means of 50.05 are 50.05: there is no colour that the fall could change.
        assert flips(Cloud.of(5, 12), *[50.05] * 40, 50.03) == [0] * 41

    def test_equal_averages_at_the_start_have_no_colour(self) -> None:
        cloud = Cloud.of(2, 3)
        flips(cloud, 5.0, 5.0, 5.0, 5.0)
        assert cloud.colour == 0

    def test_the_edges_are_lower_and_upper_whatever_the_colour(self) -> None:
        cloud = Cloud.of(1, 3)
        flips(cloud, 1.0, 2.0, 9.0)
        assert cloud.edges() == (4.0, 9.0)
        cloud.update(0.0)
        assert cloud.edges() == (0.0, 2.0)

    def test_a_cloud_around_zero_has_edges(self) -> None:
        cloud = Cloud.of(1, 2)
        flips(cloud, 0.0, 0.0)
        assert cloud.edges() == (0.0, 0.0)

    def test_it_is_ready_after_the_multiple_of_its_longer_period(self) -> None:
        cloud = Cloud.of(2, 4)
        flips(cloud, *[1.0] * 11)
        assert not cloud.ready(3)
        cloud.update(1.0)
        assert cloud.ready(3)

    def test_two_clouds_share_no_average(self) -> None:
        flips(Cloud.of(1, 3), 1.0, 2.0, 9.0)
        assert Cloud.of(1, 3).long.count == 0


class TestAtr:
    def test_the_first_value_is_the_mean_of_the_first_ranges(self) -> None:
        atr = Atr(period=2)
        atr.update(bar(1, high=102.0, low=101.0), None)
        assert atr.value is None
        # |104 - 101| = 3 is more than 104 - 103 = 1; (1 + 3) / 2 = 2.
        atr.update(bar(2, high=104.0, low=103.0), 101.0)
        assert atr.value == 2.0

    def test_a_low_far_under_the_last_close_counts(self) -> None:
        atr = Atr(period=1)
        # |95 - 101| = 6.
        atr.update(bar(1, high=96.0, low=95.0), 101.0)
        assert atr.value == 6.0

    def test_after_the_seed_it_is_wilders(self) -> None:
        atr = Atr(period=2)
        for minute, high in enumerate((101.0, 103.0, 104.0), start=1):
            atr.update(bar(minute, high=high, low=100.0), 100.0)
        # Seed (1 + 3) / 2 = 2, then 2 + (4 - 2) / 2 = 3.
        assert atr.value == 3.0

    def test_the_gap_before_a_session_is_not_range(self) -> None:
        atr = Atr(period=1)
        atr.update(bar(1, high=151.0, low=150.0), None)
        assert atr.value == 1.0

    def test_an_average_of_zero_is_a_value(self) -> None:
        atr = Atr(period=2)
        for minute in (1, 2):
            atr.update(bar(minute, high=100.0, low=100.0), None)
        assert atr.value == 0.0
        # 0 + (2 - 0) / 2 = 1; seeded anew it would be 2.
        atr.update(bar(3, high=102.0, low=100.0), None)
        assert atr.value == 1.0


def closed(bucket: Bucket, *bars: Bar, open_ns: int = OPEN) -> list[LongBar]:
    """The longer bars that these minutes close by themselves."""
    return [found for one in bars if (found := bucket.add(one, open_ns)) is not None]


class TestBucket:
    def test_the_minute_that_ends_it_closes_it(self) -> None:
        minutes = [bar(n, close=100.0 + n, high=110.0 + n, low=90.0 - n, volume=10.0 * n) for n in range(1, 6)]
        # High of minute 5, low of minute 5, close 105, volume 10 + 20 + 30 + 40 + 50 = 150.
        assert closed(Bucket(5), *minutes) == [LongBar(ny("09:35"), 115.0, 85.0, 105.0, 150.0)]

    def test_it_keeps_a_high_and_a_low_of_its_middle(self) -> None:
        minutes = [bar(1), bar(3, high=120.0, low=80.0), bar(5)]
        (found,) = closed(Bucket(5), *minutes)
        assert (found.high, found.low, found.close) == (120.0, 80.0, 100.0)

    def test_before_its_ending_minute_nothing_is_closed(self) -> None:
        assert closed(Bucket(5), *(bar(n) for n in range(1, 5))) == []

    def test_the_next_bucket_begins_afresh(self) -> None:
        minutes = [bar(5, high=120.0, low=80.0, volume=7.0), bar(6, volume=3.0), bar(10, volume=2.0)]
        assert closed(Bucket(5), *minutes)[1] == LongBar(ny("09:40"), 100.0, 100.0, 100.0, 5.0)

    def test_a_missing_ending_minute_is_overdue_at_the_next_bars_start(self) -> None:
        bucket = Bucket(5)
        closed(bucket, bar(4, volume=3.0))
        # The bar of minute 6 starts at 09:35, where the bucket ends.
        assert bucket.overdue(ny("09:35")) == LongBar(ny("09:35"), 100.0, 100.0, 100.0, 3.0)

    def test_it_is_not_overdue_a_minute_before_its_end(self) -> None:
        bucket = Bucket(5)
        closed(bucket, bar(3))
        assert bucket.overdue(ny("09:34")) is None

    def test_an_overdue_bucket_is_closed_once(self) -> None:
        bucket = Bucket(5)
        closed(bucket, bar(4))
        assert bucket.overdue(ny("09:36")) is not None
        assert bucket.overdue(ny("09:50")) is None

    def test_an_empty_bucket_is_no_bar(self) -> None:
        bucket = Bucket(5)
        found = closed(bucket, bar(5), bar(20))
        assert [one.close_ns for one in found] == [ny("09:35"), ny("09:50")]

    def test_nothing_is_overdue_in_a_bucket_that_closed_in_time(self) -> None:
        bucket = Bucket(5)
        closed(bucket, bar(5))
        assert bucket.overdue(ny("10:00")) is None

    def test_a_minute_of_a_closed_bucket_is_ignored(self) -> None:
        bucket = Bucket(5)
        closed(bucket, bar(3))
        bucket.overdue(ny("09:35"))
        assert closed(bucket, bar(5, high=500.0)) == []
        assert closed(bucket, bar(10)) == [LongBar(ny("09:40"), 100.0, 100.0, 100.0, 1000.0)]

    def test_the_last_ten_minutes_of_a_half_day_end_at_one(self) -> None:
        # 09:30 to 13:00 is 210 minutes; the last bucket is that of 201 to 210.
        open_ns = ny("09:30", HALF_DAY)
        (found,) = closed(Bucket(10), *(bar(n, day=HALF_DAY) for n in range(201, 211)), open_ns=open_ns)
        assert (found.close_ns, found.volume) == (ny("13:00", HALF_DAY), 10_000.0)

    def test_buckets_count_from_the_open_of_a_winter_session_too(self) -> None:
        # 09:30 EST is 14:30 UTC: the bucket ends at 14:40 UTC.
        day = date(2025, 1, 2)
        (found,) = closed(Bucket(10), bar(10, day=day), open_ns=ny("09:30", day))
        assert found.close_ns == ny("09:40", day)

    @given(st.sets(st.integers(1, 390), min_size=1), st.sampled_from([5, 10]))
    def test_bars_of_any_minutes_equal_the_batch_grouping(self, minutes: set[int], width: int) -> None:
        bucket, found = Bucket(width), list[LongBar | None]()
        for minute in sorted(minutes):
            found += [bucket.overdue(OPEN + (minute - 1) * 60_000_000_000), bucket.add(bar(minute), OPEN)]
        found.append(bucket.overdue(ny("16:00")))
        groups = [-(-minute // width) for minute in sorted(minutes)]
        expected = {OPEN + group * width * 60_000_000_000: 1000.0 * groups.count(group) for group in groups}
        assert {one.close_ns: one.volume for one in found if one is not None} == expected


def test_the_day_of_the_builders_is_a_session_that_opens_at_half_past_nine() -> None:
    # 2025-04-01 13:30 UTC.
    assert ny("09:30", DAY) == 1_743_514_200_000_000_000
