"""What a view says of the slower clouds, the 10-minute bias, and the funds' dollar volumes."""

import pytest

from operators import sessions
from operators.config import ScalpConfig
from operators.events import Bar
from operators.market import Market
from operators.moments import View
from tests.market_builders import DAY, WEEK, bar, flat, market, ny, quote, seen

QUICK = ScalpConfig(cloud_warmup_multiple=1)
"""The macro cloud is ready after 50 ten-minute bars."""
DOLLARS = 50.0 * 1000.0
"""One bar at 50 dollars with 1,000 shares."""


def tens(count: int, step: float) -> list[Bar]:
    """As many 10-minute bars, each by its ending minute alone, 39 to a session, each `step` dollars on."""
    return [bar(10 * (n % 39 + 1), 500.0 + n * step, day=WEEK[n // 39]) for n in range(count)]


def after(*bars: Bar, config: ScalpConfig = QUICK) -> View:
    """What a signal sees right after these bars."""
    made = market(config)
    for one in bars:
        made.on(one)
    return seen(made, bars[-1].at_ns + 1)


class TestMacroBias:
    @pytest.mark.parametrize(("step", "bias"), [(1.0, 1), (-1.0, -1)])
    def test_a_trend_whose_close_lies_beyond_both_averages_is_a_bias(self, step: float, bias: int) -> None:
        found = after(*tens(60, step))
        assert (found.macro_ready, found.macro_colour, found.bias) == (True, bias, bias)

    @pytest.mark.parametrize(("step", "colour"), [(1.0, 1), (-1.0, -1)])
    def test_a_close_back_inside_or_beyond_the_wrong_edge_is_neutral(self, step: float, colour: int) -> None:
        # hl2 goes on with the trend, only the close falls behind both averages.
        back = bar(220, 500.0 + 60 * step, day=WEEK[1], close=500.0)
        found = after(*tens(60, step), back)
        assert (found.macro_ready, found.macro_colour, found.bias) == (True, colour, 0)

    def test_a_close_between_the_averages_is_neutral(self) -> None:
        # An average of n lags (n - 1) / 2 dollars: 560 - 16.5 = 543.5 and 560 - 24.5 = 535.5.
        between = bar(220, 560.0, day=WEEK[1], close=540.0)
        found = after(*tens(60, 1.0), between)
        assert (found.macro_colour, found.bias) == (1, 0)

    def test_a_close_on_the_edge_is_neutral(self) -> None:
        # The upper edge does not depend on the close of the bar that sits on it.
        made = market(QUICK)
        for one in tens(60, 1.0):
            made.on(one)
        following = bar(220, 560.0, day=WEEK[1])
        made.on(following)
        edges = made.state.tickers["QQQ"].macro.edges()
        assert edges is not None
        on_the_edge = bar(220, 560.0, day=WEEK[1], close=edges[1])
        assert after(*tens(60, 1.0), on_the_edge).bias == 0

    def test_one_bar_short_of_ready_there_is_neither_colour_nor_bias(self) -> None:
        found = after(*tens(49, 1.0))
        assert (found.macro_ready, found.macro_colour, found.bias) == (False, 0, 0)

    def test_a_cloud_with_both_averages_but_too_few_bars_has_no_colour_in_the_view(self) -> None:
        # 60 bars are enough for both averages and not for twice fifty.
        found = after(*tens(60, 1.0), config=ScalpConfig(cloud_warmup_multiple=2))
        assert (found.macro_ready, found.macro_colour, found.bias) == (False, 0, 0)

    def test_at_the_multiple_of_fifty_bars_it_is_ready(self) -> None:
        assert after(*tens(50, 1.0)).bias == 1

    def test_by_default_it_takes_three_times_fifty(self) -> None:
        assert not after(*tens(149, 1.0), config=ScalpConfig()).macro_ready
        assert after(*tens(150, 1.0), config=ScalpConfig()).macro_ready

    def test_minutes_of_a_forming_ten_minute_bar_do_not_move_it(self) -> None:
        # Nine minutes far under everything; the tenth would close the bar.
        forming = flat(211, 219, 1.0, day=WEEK[1])
        assert after(*tens(60, 1.0), *forming).bias == 1
        assert after(*tens(60, 1.0), *forming, bar(220, 1.0, day=WEEK[1])).bias == -1

    def test_a_market_that_is_not_asked_for_alignment_still_records_the_bias(self) -> None:
        config = ScalpConfig(cloud_warmup_multiple=1, require_macro_alignment=False)
        assert after(*tens(60, 1.0), config=config).bias == 1


class TestAgreement:
    def test_colours_come_in_the_order_of_the_four_clouds(self) -> None:
        # 89 bars up, then 8 down: 8/9 turns, the longer ones do not; 97 minutes hold 19 bars of five, ready from 12.
        rise = [bar(n, 500.0 + n) for n in range(1, 90)]
        fall = [bar(89 + n, 589.0 - 3.0 * n) for n in range(1, 9)]
        assert after(*rise, *fall).agreement == (-1, 1, 1, 1)

    @pytest.mark.parametrize(
        ("minutes", "agreement"),
        [(8, (0, 0, 0, 0)), (9, (1, 0, 0, 0)), (49, (1, 0, 0, 0)), (50, (1, 1, 0, 0)), (60, (1, 1, 0, 1))],
    )
    def test_a_cloud_that_is_not_ready_agrees_with_nothing(self, minutes: int, agreement: tuple[int, ...]) -> None:
        assert after(*(bar(n, 500.0 + n) for n in range(1, minutes + 1))).agreement == agreement

    def test_by_default_a_cloud_agrees_after_three_times_its_longer_period(self) -> None:
        # 3 x 9 = 27; 34/50 has both averages at 60 bars and waits for 150.
        rise = [bar(n, 500.0 + n) for n in range(1, 61)]
        assert after(*rise[:26], config=ScalpConfig()).agreement == (0, 0, 0, 0)
        assert after(*rise[:27], config=ScalpConfig()).agreement == (1, 0, 0, 0)
        assert after(*rise, config=ScalpConfig()).agreement == (1, 0, 0, 0)

    def test_the_longest_is_ready_after_eighty_nine_bars(self) -> None:
        rise = [bar(n, 500.0 + n) for n in range(1, 90)]
        assert (after(*rise[:-1]).agreement[2], after(*rise).agreement[2]) == (0, 1)


class TestFastCloudInTheView:
    def test_the_average_of_twelve_and_its_value_three_bars_ago(self) -> None:
        found = after(*flat(1, 12), *flat(13, 15, 113.0))
        # 100; 100 + 2/13 x 13 = 102; 102 + 2/13 x 11; + 2/13 x (113 - that): 102 x 11/13 + 226/13 = 103.6923,
        # 103.6923 x 11/13 + 226/13 = 105.1243.
        assert found.ema12 == pytest.approx(105.1243, abs=1e-4)
        assert found.ema12_before == 100.0

    def test_before_four_averages_there_is_no_change_over_three_bars(self) -> None:
        assert after(*flat(1, 14)).ema12_before is None
        assert after(*flat(1, 15)).ema12_before == 100.0

    def test_the_true_range_needs_fourteen_bars(self) -> None:
        assert after(*flat(1, 13)).atr is None
        assert after(*flat(1, 14)).atr == 0.0


def fund_days(count: int, ticker: str = "TQQQ") -> tuple[Market, int]:
    """A market that saw one bar a session, the nth with n times DOLLARS, and 09:35 of the session after them."""
    made, day = market(), DAY
    for n in range(1, count + 1):
        made.on(bar(5, 50.0, day=day, ticker=ticker, volume=1000.0 * n))
        day = sessions.next_session(day).day
    return made, ny("09:35", day)


class TestDollarVolume:
    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_fewer_than_three_sessions_are_unknown(self, count: int) -> None:
        made, at_ns = fund_days(count)
        assert seen(made, at_ns).dollar_volume == {}

    def test_from_three_sessions_it_is_their_mean(self) -> None:
        made, at_ns = fund_days(3)
        # (1 + 2 + 3) / 3 = 2.
        assert seen(made, at_ns).dollar_volume == {"TQQQ": 2 * DOLLARS}

    def test_it_rolls_over_the_last_twenty(self) -> None:
        made, at_ns = fund_days(22)
        # 3 to 22: (3 + 22) / 2 = 12.5.
        assert seen(made, at_ns).dollar_volume == {"TQQQ": 12.5 * DOLLARS}

    def test_twenty_sessions_are_all_in_it(self) -> None:
        made, at_ns = fund_days(20)
        # (1 + 20) / 2 = 10.5.
        assert seen(made, at_ns).dollar_volume == {"TQQQ": 10.5 * DOLLARS}

    def test_the_session_that_runs_is_not_in_it(self) -> None:
        made, at_ns = fund_days(3)
        day = sessions.new_york(at_ns).date()
        made.on(bar(5, 50.0, day=day, ticker="TQQQ", volume=1e9))
        assert seen(made, at_ns + 1).dollar_volume == {"TQQQ": 2 * DOLLARS}
        assert seen(made, ny("16:30", day)).dollar_volume == {"TQQQ": 2 * DOLLARS}

    def test_on_the_next_day_the_session_is_in_it_before_its_own_first_bar(self) -> None:
        made, at_ns = fund_days(4)
        # (1 + 2 + 3 + 4) / 4 = 2.5.
        assert seen(made, at_ns).dollar_volume == {"TQQQ": 2.5 * DOLLARS}

    def test_a_sessions_dollars_are_the_sum_of_close_times_volume(self) -> None:
        made, at_ns = fund_days(3)
        day = sessions.new_york(at_ns).date()
        for one in (bar(1, 10.0, day=day, ticker="TQQQ", high=20.0, low=5.0), bar(2, 30.0, day=day, ticker="TQQQ")):
            made.on(one)
        after_it = sessions.next_session(day).day
        # (1 + 2 + 3) x 50,000 and 10,000 + 30,000: 340,000 / 4.
        assert seen(made, ny("09:35", after_it)).dollar_volume == {"TQQQ": 85_000.0}

    def test_bars_outside_the_session_add_nothing(self) -> None:
        made, at_ns = fund_days(3)
        made.on(bar(0, 50.0, day=sessions.new_york(at_ns).date(), ticker="TQQQ", volume=1e9))
        assert seen(made, at_ns).dollar_volume == {"TQQQ": 2 * DOLLARS}

    def test_history_counts_like_any_session(self) -> None:
        made = market()
        for n, day in enumerate(WEEK[:3], start=1):
            made.on(bar(5, 50.0, day=day, ticker="TQQQ", volume=1000.0 * n, history=True))
        assert seen(made, ny("09:35", WEEK[3])).dollar_volume == {"TQQQ": 2 * DOLLARS}

    def test_only_funds_are_listed(self) -> None:
        made, at_ns = fund_days(3, ticker="QQQ")
        assert seen(made, at_ns).dollar_volume == {}

    def test_quotes_are_no_dollars(self) -> None:
        made, at_ns = fund_days(2)
        made.on(quote(at_ns))
        assert seen(made, at_ns + 1).dollar_volume == {}
