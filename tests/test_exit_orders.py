"""How an exit works: one live order, priced at the bid, taken over, withdrawn, in every trading state."""

from datetime import date
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from operators.book import Entry
from operators.config import EngineSettings
from tests.builders import Stage, ny

EXITING = ("intent", "sending", "working", "partial")


def held(**changes: Any) -> Stage:
    """133 TQQQ at 50.00 since 10:00:01.2: the stop is 49.00, the target 51.00."""
    stage = Stage(**changes)
    stage.hold()
    return stage


def thin(stage: Stage, when: str, bid: float, ask: float) -> None:
    """A quote that shows nothing at the bid, so that no sale fills."""
    stage.quote(when, bid, ask, bid_size=0.0)


def limits(stage: Stage) -> list[Decimal | None]:
    """The limits of all exit orders, in the order of sending."""
    return [order.limit_price for order in stage.orders if order.action == "exit"]


def live(stage: Stage) -> int:
    """How many exit orders may still fill."""
    return sum(order.action == "exit" and order.state in EXITING for order in stage.orders)


def day_after(stage: Stage) -> date:
    """The calendar day after the stage's."""
    return stage.day.replace(day=stage.day.day + 1)


class TestPrice:
    def test_an_exit_asks_the_bid_for_all_that_is_held(self) -> None:
        stage = held()
        stage.quote("10:00:02", 48.5, 48.51)
        order = stage.order("exit")
        assert (order.side, order.quantity, order.limit_price) == ("sell", 133, Decimal("48.5"))

    def test_a_target_asks_the_bid_that_reached_it(self) -> None:
        stage = held()
        stage.quote("10:00:02", 51.37, 51.38)
        assert limits(stage) == [Decimal("51.37")]

    def test_without_a_bid_an_exit_asks_one_tick(self) -> None:
        stage = held()
        stage.quote("10:00:02", nan, 49.0)
        assert limits(stage) == [Decimal("0.01")]

    def test_an_exit_that_is_not_filled_follows_the_bid_after_two_seconds(self) -> None:
        # Sent at 10:00:02 at 48.50; the bid of 48.40 is asked from 10:00:04.2 on, when the cancel is back.
        stage = held()
        thin(stage, "10:00:02", 48.5, 48.51)
        thin(stage, "10:00:03", 48.4, 48.41)
        stage.reach("10:00:04.199")
        assert limits(stage) == [Decimal("48.5")]
        stage.reach("10:00:04.2")
        assert limits(stage) == [Decimal("48.5"), Decimal("48.4")]

    def test_an_exit_whose_bid_stands_is_not_replaced(self) -> None:
        stage = held()
        for second in range(2, 9):
            thin(stage, f"10:00:0{second}", 48.5, 48.51)
        assert stage.count("exit") == 1

    def test_an_exit_chases_until_nothing_is_held(self) -> None:
        stage = held()
        for second in range(2, 60, 3):
            thin(stage, f"10:00:{second:02d}", 48.5 - second / 100, 48.6)
        stage.quote("10:01", 47.0, 47.01)
        stage.quote("10:01:03", 47.0, 47.01)
        stage.reach("10:01:04")
        assert (stage.scalp.status, stage.scalp.exit_price) == ("closed", Decimal(47))

    def test_the_attempts_of_an_exit_are_numbered_from_one(self) -> None:
        stage = held()
        for second in (2, 5, 8):
            thin(stage, f"10:00:0{second}", 48.5 - second / 100, 48.6)
        stage.reach("10:00:09")
        attempts = [order.attempt for order in stage.orders if order.action == "exit"]
        assert attempts == list(range(1, len(attempts) + 1))
        assert len(attempts) == 3

    def test_the_time_between_two_prices_is_a_setting(self) -> None:
        stage = held(engine=EngineSettings(exit_reprice_seconds=5.0))
        thin(stage, "10:00:02", 48.5, 48.51)
        thin(stage, "10:00:03", 48.4, 48.41)
        thin(stage, "10:00:06.9", 48.3, 48.31)
        assert stage.count("exit") == 1
        thin(stage, "10:00:07.5", 48.3, 48.31)
        assert stage.count("exit") == 2


class TestTarget:
    def test_a_target_whose_bid_fell_back_is_withdrawn_after_two_seconds(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 51.0, 51.01)
        thin(stage, "10:00:03", 50.5, 50.51)
        stage.reach("10:00:03.999")
        assert stage.order("exit").state == "working"
        stage.reach("10:00:04.2")
        assert (stage.order("exit").state, stage.count("exit"), stage.position.exit_due) == ("cancelled", 1, None)

    def test_a_target_whose_bid_still_stands_is_not_withdrawn(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 51.0, 51.01)
        thin(stage, "10:00:05", 51.0, 51.01)
        stage.reach("10:00:06")
        assert stage.order("exit").state == "working"

    def test_a_withdrawn_target_may_be_reached_again(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 51.0, 51.01)
        thin(stage, "10:00:03", 50.5, 50.51)
        stage.stand("10:00:06")
        stage.quote("10:00:07", 51.2, 51.21)
        stage.reach("10:00:08")
        assert (stage.scalp.exit_reason, stage.scalp.exit_price) == ("profit_target", Decimal("51.2"))

    def test_a_withdrawn_target_does_not_stand_in_the_way_of_the_stop(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 51.0, 51.01)
        thin(stage, "10:00:03", 50.5, 50.51)
        stage.stand("10:00:06")
        stage.quote("10:00:07", 48.0, 48.01)
        stage.reach("10:00:08")
        assert stage.scalp.exit_reason == "stop_loss"

    def test_a_withdrawn_target_that_nobody_quotes_again_is_sold_next_morning(self) -> None:
        # The last quote of the day, at 15:59:59, is under the target: the target order expires at the close.
        stage = Stage()
        stage.hold("15:39")
        stage.stand("15:54:58")
        thin(stage, "15:54:59", 51.0, 51.01)
        stage.stand("15:59:50")
        thin(stage, "15:59:59", 50.5, 50.51)
        stage.quote(ny("09:30", day_after(stage)), 50.4, 50.41)
        stage.reach(ny("09:30:01", day_after(stage)))
        assert stage.scalp.status == "closed"


class TestTakeOver:
    def test_a_stop_takes_over_a_working_target(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 51.0, 51.01)
        thin(stage, "10:00:02.5", 48.5, 48.51)
        stage.quote("10:00:04", 48.5, 48.51)
        stage.reach("10:00:05")
        assert (stage.scalp.exit_reason, stage.scalp.exit_price) == ("stop_loss", Decimal("48.5"))

    def test_a_take_over_changes_the_price_one_second_after_the_last(self) -> None:
        # The target went out at 10:00:02; its replacement may be asked for at 10:00:03 and is back at 10:00:03.2.
        stage = held()
        thin(stage, "10:00:02", 51.0, 51.01)
        thin(stage, "10:00:02.5", 48.5, 48.51)
        stage.reach("10:00:03.199")
        assert limits(stage) == [Decimal(51)]
        stage.reach("10:00:03.2")
        assert limits(stage) == [Decimal(51), Decimal("48.5")]

    def test_a_lower_reason_does_not_take_over(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 48.5, 48.51)
        stage.bar("10:00:03", flip=-1)
        thin(stage, "10:00:05", 51.5, 51.51)
        assert stage.position.exit_due == "stop_loss"

    def test_a_person_takes_over_a_stop(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 48.5, 48.51)
        stage.command("10:00:03", "flatten")
        stage.quote("10:00:04", 48.5, 48.51)
        assert stage.scalp.exit_reason == "operator"

    def test_a_stop_that_was_taken_over_by_a_person_is_no_stop_for_the_cooldown(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 48.5, 48.51)
        stage.command("10:00:03", "flatten")
        stage.quote("10:00:04", 48.5, 48.51)
        assert (stage.book.stopped, stage.book.stops_in_row) == ({}, 0)


class TestOneLiveExit:
    def test_at_no_time_are_two_exits_live(self) -> None:
        stage = held()
        for number in range(100):
            thin(stage, f"10:00:{2 + number // 4:02d}.{25 * (number % 4):02d}", 48.0 + number % 7 / 10, 49.0)
            assert live(stage) <= 1
        assert stage.count("exit") > 5

    def test_an_exit_never_sells_more_than_is_held(self) -> None:
        # Limit 50.00 for 133: 100 are filled, the stop falls due, 33 more fill while the cancel is under way.
        stage = Stage()
        stage.quote("10:00", ask_size=100)
        stage.signal("10:00:01")
        stage.reach("10:00:01.2")
        stage.quote("10:00:02", 48.5, 48.51, bid_size=0.0, ask_size=0.0)
        thin(stage, "10:00:02.1", 48.5, 48.51)
        assert (stage.order("exit").quantity, stage.position.held) == (100, 133)
        stage.quote("10:00:03", 48.5, 48.51)
        stage.quote("10:00:06", 48.5, 48.51)
        stage.reach("10:00:07")
        sold = sum(fill.quantity for fill in stage.fills if fill.side == "sell")
        assert (sold, stage.scalp.shares, stage.scalp.status) == (133, 133, "closed")

    def test_an_exit_whose_position_grew_is_replaced_by_one_for_all(self) -> None:
        # 100 are held when the stop falls due, 33 more fill 0.1 s later; the bid of 48.50 stands.
        stage = Stage()
        stage.quote("10:00", ask_size=100)
        stage.signal("10:00:01")
        stage.reach("10:00:01.2")
        stage.quote("10:00:02", 48.5, 48.51, bid_size=0.0, ask_size=0.0)
        thin(stage, "10:00:02.1", 48.5, 48.51)
        thin(stage, "10:00:05", 48.5, 48.51)
        stage.reach("10:00:06")
        quantities = [order.quantity for order in stage.orders if order.action == "exit"]
        assert quantities == [100, 133]

    def test_an_entry_that_still_works_is_cancelled_by_the_exit(self) -> None:
        stage = Stage()
        stage.quote("10:00", ask_size=100)
        stage.signal("10:00:01")
        stage.reach("10:00:01.2")
        stage.quote("10:00:02", 48.5, nan)
        stage.bar("10:00:03", flip=-1)
        stage.reach("10:00:03.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "cloud_flip")

    def test_a_second_half_that_still_works_is_cancelled_by_the_exit(self) -> None:
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 50.0, 50.01, ask_size=0.0)
        stage.stand("10:01:59.9")
        stage.bar("10:02", cloud=(499.0, 500.5))
        stage.bar("10:02:01", flip=-1)
        stage.reach("10:02:01.2")
        assert stage.order("second").state == "cancelled"

    def test_what_fills_after_the_exit_fell_due_is_sold_too(self) -> None:
        # Nothing is filled when the flip comes; the order fills before its cancel arrives.
        stage = Stage()
        stage.quote("10:00")
        stage.signal("10:00:01")
        stage.bar("10:00:01.1", flip=-1)
        stage.reach("10:00:01.2")
        stage.quote("10:00:02")
        assert (stage.scalp.status, stage.scalp.exit_reason, stage.scalp.shares) == ("closed", "cloud_flip", 133)


class TestStates:
    @pytest.mark.parametrize("action", ["pause", "mode"])
    def test_exits_run_while_entries_are_stopped(self, action: Any) -> None:
        stage = held()
        stage.command("10:00:01.5", action, "options" if action == "mode" else "")
        stage.quote("10:00:02", 48.5, 48.51)
        stage.reach("10:00:02.2")
        assert (stage.scalp.status, stage.scalp.exit_reason) == ("closed", "stop_loss")

    def test_exits_run_while_trading_is_halted(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 50.0, 50.01)
        stage.command("10:00:02.5", "kill")
        thin(stage, "10:00:05", 47.0, 47.01)
        stage.quote("10:00:08", 46.0, 46.01)
        stage.reach("10:00:09")
        assert (stage.book.trading, stage.scalp.status, stage.scalp.exit_reason) == ("HALTED", "closed", "risk")

    def test_a_kill_while_the_entry_is_on_its_way_sells_what_still_fills(self) -> None:
        stage = Stage()
        stage.quote("10:00")
        stage.signal("10:00:01")
        stage.command("10:00:01.1", "kill")
        stage.reach("10:00:01.2")
        stage.quote("10:00:02")
        stage.reach("10:00:03")
        assert (stage.scalp.status, stage.scalp.exit_reason) == ("closed", "risk")

    def test_the_rate_of_entries_does_not_hold_back_an_exit(self) -> None:
        stage = held()
        stage.book.entries = [Entry(ny("10:00:01.9"), "SPXL", number, 1) for number in range(50)]
        stage.quote("10:00:02", 48.5, 48.51)
        assert stage.count("exit") == 1
