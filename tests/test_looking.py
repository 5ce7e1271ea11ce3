"""A look at a book: the rows of its positions and of its money, worked by hand."""

from datetime import date
from decimal import Decimal
from math import nan

import pytest

from operators import sessions
from operators.views import ChainNow, MarkNow, PositionNow
from tests.builders import DAY, Stage, ny, pending
from tests.looked import CALL, HALF_DAY, fund, look, mark, one, option, position, told
from tests.option_builders import held as held_option


class TestPosition:
    def test_a_fund_by_hand(self) -> None:
        # 133 x 0.40 = 53.20 of 6,650.00 paid; stop and target 2 % of 50.00 away.
        row = position(fund())
        assert told(row, "kind ticker symbol direction quantity multiplier leverage second_half") == (
            *("fund", "QQQ", "TQQQ", "long", 133, 1, 3.0, "planned"),
        )
        assert told(row, "entry_price bid ask mark open_pnl stop target") == (
            *(Decimal(50), 50.40, 50.41, Decimal("50.4"), Decimal("53.2"), Decimal(49), Decimal(51)),
        )
        assert row.open_pnl_fraction == pytest.approx(53.20 / 6650.00)
        assert told(row, "delta gamma theta_per_day iv exit_due") == (None, None, None, None, None)

    def test_an_option_by_hand(self) -> None:
        # 25 x 100 x (0.80 - 0.77) = 75.00 less 25 x 0.65 = 16.25 are 58.75, of 1,925.00 paid.
        # Stop 0.77 x (1 - 0.50), target 0.77 x 1.25.
        row = position(option())
        assert told(row, "kind ticker symbol direction quantity multiplier leverage second_half") == (
            *("option", "QQQ", CALL, "long", 25, 100, None, "planned"),
        )
        assert told(row, "entry_price bid ask mark open_pnl stop target") == (
            *(Decimal("0.77"), 0.80, 0.84, Decimal("0.8"), Decimal("58.75"), Decimal("0.385"), Decimal("0.9625")),
        )
        assert row.open_pnl_fraction == pytest.approx(58.75 / 1925.00)

    def test_its_times_are_those_of_the_fill_and_of_the_quote(self) -> None:
        row = position(option())
        assert (row.entered_at, row.quoted_at) == (sessions.utc(ny("10:00:01.2")), sessions.utc(ny("10:01")))

    def test_the_nearest_exit_is_told_with_its_way(self) -> None:
        # The bid has come 0.40 of the dollar to the target.
        assert told(position(fund()), "nearest nearest_way nearest_at") == ("profit_target", 0.4, None)

    def test_an_exit_of_time_is_told_with_its_hour(self) -> None:
        stage = fund()
        stage.quote("10:00:03", 49.99, 50.01)
        row = position(stage)
        assert (row.nearest, row.nearest_at) == ("session_end", sessions.utc(ny("15:55")))

    def test_an_exit_that_is_due_is_told(self) -> None:
        stage = fund()
        stage.quote("10:00:03", 48.0, 48.01, bid_size=0.0)
        assert told(position(stage), "exit_due nearest nearest_way") == ("stop_loss", "stop_loss", 1.0)

    def test_a_side_that_is_not_quoted_is_none(self) -> None:
        stage = fund()
        stage.quote("10:00:03", nan, 50.41)
        assert told(position(stage), "bid ask mark") == (None, 50.41, Decimal("50.4"))

    @pytest.mark.parametrize(("late_ns", "fresh"), [(0, True), (1, False)])
    def test_a_quote_is_fresh_for_two_seconds(self, late_ns: int, fresh: bool) -> None:
        stage = fund()
        stage.book.now_ns = ny("10:00:04.2") + late_ns
        assert position(stage).fresh is fresh

    def test_an_entry_of_which_nothing_is_filled_is_no_position(self) -> None:
        rows = look(pending())
        assert [type(row) for row in rows] == [MarkNow]
        assert one(MarkNow, rows).fund_slots == 1

    def test_what_was_sold_is_no_longer_in_the_quantity(self) -> None:
        stage = fund()
        stage.quote("10:00:03", 48.90, 48.91, bid_size=33.0)
        stage.reach("10:00:03.2")
        assert position(stage).quantity == 100

    def test_a_short_signal_is_told_as_short(self) -> None:
        assert told(position(fund(-1)), "direction symbol leverage") == ("short", "SQQQ", -3.0)


class TestMark:
    def test_the_money_is_that_of_the_book(self) -> None:
        assert told(mark(option()), "equity day_pnl open_pnl realised_pnl") == (
            *(Decimal("100058.75"), Decimal("58.75"), Decimal("58.75"), Decimal(0)),
        )

    def test_slots_are_counted_by_kind_against_their_limits(self) -> None:
        assert told(mark(option()), "option_slots option_slots_limit fund_slots fund_slots_limit") == (1, 3, 0, 5)

    def test_the_trading_state_is_told_with_its_reason(self) -> None:
        stage = Stage()
        before = told(mark(stage), "mode trading trading_reason")
        stage.command("10:00", "pause", "lunch")
        after = told(mark(stage), "trading trading_reason")
        assert before == ("leveraged_etf", "ACTIVE", None)
        assert after == (stage.book.trading, stage.book.trading_reason)
        assert after[0] == "REDUCING"

    @pytest.mark.parametrize(
        ("day", "when", "cutoff", "close"),
        [
            (DAY, "09:30", "14:00", "16:00"),
            (DAY, "15:59:59", "14:00", "16:00"),
            (HALF_DAY, "10:00", "11:00", "13:00"),  # three hours earlier, as the close is
        ],
    )
    def test_cutoff_and_close_are_the_days_own(self, day: date, when: str, cutoff: str, close: str) -> None:
        stage = Stage(day=day)
        stage.reach(when)
        assert told(mark(stage), "cutoff_at close_at") == (sessions.utc(ny(cutoff, day)), sessions.utc(ny(close, day)))

    @pytest.mark.parametrize("when", ["09:29:59", "16:00", "18:00"])
    def test_outside_the_session_there_is_neither(self, when: str) -> None:
        stage = Stage()
        stage.reach(when)
        assert told(mark(stage), "cutoff_at close_at") == (None, None)


def test_a_held_call_is_listed_after_the_mark_and_before_its_chain() -> None:
    assert [type(row) for row in look(held_option())] == [MarkNow, PositionNow, ChainNow]
