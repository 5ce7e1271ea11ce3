"""Refusals of the desk: state, positions, slots, cool-downs, day's counts and size, each at its limit and past it."""

from datetime import date
from typing import Any

import pytest

from operators.codes import Refusal
from operators.config import EngineSettings
from operators.events import SECOND_NS
from tests.builders import FUND_OF, Stage, entered, ny, quoted, refused, setup, view

ALL = tuple(FUND_OF)


class TestAccount:
    def test_a_pause_is_refused_by_state(self) -> None:
        stage = quoted()
        stage.command("10:00:00.5", "pause")
        refused(stage, "10:00:01", "state")

    def test_a_halt_is_refused_by_state(self) -> None:
        stage = quoted()
        stage.command("10:00:00.5", "kill")
        refused(stage, "10:00:01", "state")

    def test_a_second_signal_of_the_ticker_finds_its_position_open(self) -> None:
        stage = Stage()
        stage.hold()
        stage.stand("10:02")
        refused(stage, "10:02:00.1", "position_open")

    def test_a_pending_entry_counts_as_an_open_position(self) -> None:
        stage = quoted()
        stage.quote("10:00:00.5", ask_size=0.0)
        stage.signal("10:00:01")
        stage.quote("10:00:03", ask_size=0.0)
        refused(stage, "10:00:03.1", "position_open", bar_close_ns=ny("09:59"))

    def test_another_ticker_of_the_same_fund_finds_its_position_open(self) -> None:
        stage = Stage()
        stage.hold(ticker="QQQ")
        stage.quote("10:00:03")
        refused(stage, "10:00:03.1", "position_open", ticker="TSLA")

    def test_the_other_direction_finds_the_tickers_position_open_and_opposing(self) -> None:
        stage = quoted()
        stage.hold("10:00:02")
        refused(stage, "10:00:04", "position_open", "opposing", direction=-1)

    def test_another_ticker_of_the_group_must_not_point_the_other_way(self) -> None:
        # AAPL is traded by TECL and TECS, which belong to the Nasdaq's group.
        stage = Stage()
        stage.hold()
        stage.quote("10:00:01.5", symbol="TECS")
        refused(stage, "10:00:02", "opposing", ticker="AAPL", direction=-1)

    def test_another_ticker_of_the_group_may_point_the_same_way(self) -> None:
        stage = Stage()
        stage.hold()
        stage.quote("10:00:01.5", symbol="TECL")
        entered(stage, "10:00:02", ticker="AAPL")

    def test_pending_entries_take_slots(self) -> None:
        stage = quoted(etf_max_concurrent_scalps=1)
        stage.quote("10:00:00.5", symbol="SPXL")
        stage.signal("10:00:01")
        refused(stage, "10:00:01.1", "slots", ticker="SPY")

    def test_the_last_slot_may_be_taken(self) -> None:
        stage = quoted(etf_max_concurrent_scalps=2)
        stage.quote("10:00:00.5", symbol="SPXL")
        stage.signal("10:00:01")
        entered(stage, "10:00:01.1", ticker="SPY")

    def test_the_days_number_of_scalps_counts_pending_ones(self) -> None:
        stage = quoted(max_scalps_per_day=1)
        stage.quote("10:00:00.5", symbol="SPXL")
        stage.signal("10:00:01")
        refused(stage, "10:00:01.1", "day_cap", ticker="SPY")

    def test_an_entry_that_was_never_filled_is_no_scalp_of_the_day(self) -> None:
        stage = quoted(max_scalps_per_day=1)
        stage.signal("10:00:01")
        stage.command("10:00:01.001", "mode", "leveraged_etf")
        stage.quote("10:00:01.1", ask_size=0)
        stage.quote("10:00:01.9", symbol="SPXL")
        entered(stage, "10:00:02", ticker="SPY")

    def test_an_outside_signal_of_a_bar_that_was_decided_is_a_duplicate(self) -> None:
        stage = quoted()
        stage.signal("10:00:01", conviction=10.0)
        refused(stage, "10:00:01.5", "duplicate", source="outside")

    def test_an_own_signal_of_a_bar_that_was_decided_is_a_duplicate(self) -> None:
        stage = quoted()
        stage.signal("10:00:01", conviction=10.0, source="outside")
        refused(stage, "10:00:01.5", "duplicate")

    def test_the_other_direction_of_a_bar_is_no_duplicate(self) -> None:
        stage = quoted()
        stage.signal("10:00:01", conviction=10.0)
        entered(stage, "10:00:01.5", direction=-1)

    def test_the_same_signal_again_changes_nothing(self) -> None:
        stage = quoted()
        stage.signal("10:00:01")
        assert stage.decide(setup(ny("10:00:01.1"), view=view(stage.quotes))) == []

    def test_a_fourth_day_trade_under_25_000_dollars_is_refused(self) -> None:
        stage = Stage(engine=EngineSettings(account_profile="pdt_25k"), equity_usd=20_000)
        for clock in ("10:00", "10:05", "10:10"):
            _target(stage, clock)
        stage.quote("10:15")
        refused(stage, "10:15:01", "day_trades")

    def test_25_000_dollars_of_equity_may_trade_on(self) -> None:
        stage = Stage(engine=EngineSettings(account_profile="pdt_25k"), equity_usd=25_000)
        for clock in ("10:00", "10:05", "10:10"):
            _target(stage, clock)
        stage.quote("10:15")
        entered(stage, "10:15:01")


def _target(stage: Stage, clock: str) -> None:
    """A scalp that reaches its target within seconds."""
    start = ny(clock)
    stage.hold(clock)
    stage.quote(start + 3 * SECOND_NS, 51.0, 51.01)
    stage.reach(start + 4 * SECOND_NS)
    assert stage.scalp.exit_reason == "profit_target"


class TestCooldown:
    def stopped(self) -> Stage:
        """A stage whose long QQQ scalp was stopped at 10:00:03.2."""
        stage = quoted()
        stage.hold()
        stage.quote("10:00:03", 48.9, 48.91)
        stage.reach("10:00:04")
        return stage

    def test_ten_minutes_after_a_stop_its_direction_is_refused(self) -> None:
        stage = self.stopped()
        stage.quote("10:10:03")
        refused(stage, "10:10:03.1", "cooldown")

    def test_from_ten_minutes_after_a_stop_its_direction_may_trade(self) -> None:
        stage = self.stopped()
        stage.quote("10:10:03")
        entered(stage, "10:10:03.2")

    def test_the_other_direction_may_trade_at_once_after_a_stop(self) -> None:
        stage = self.stopped()
        stage.quote("10:01", symbol="SQQQ")
        entered(stage, "10:01:00.1", direction=-1)

    @pytest.mark.parametrize("direction", [1, -1])
    def test_after_another_exit_the_bar_must_open_at_or_after_it(self, direction: int) -> None:
        # Sold at 10:00:03.2: the bar of 10:00 closed at 10:01 opened before, that of 10:01 after.
        stage = quoted()
        _target(stage, "10:00")
        stage.quote("10:01", symbol="SQQQ")
        stage.quote("10:01:00.001")
        refused(stage, "10:01:00.1", "cooldown", direction=direction)
        stage.quote("10:02", symbol="SQQQ")
        stage.quote("10:02:00.001")
        entered(stage, "10:02:00.1", direction=direction)


class TestSize:
    def test_a_budget_under_one_share_is_too_small(self) -> None:
        # 300 x 0.40 / 3 = 40 USD, a share costs 50.
        refused(quoted(equity_usd=300), "10:00:01", "too_small")

    def test_too_little_cash_is_refused_by_buying_power(self) -> None:
        # 100,000 / 3 pays for 666 shares of 50.00; three times 33,300 leave 100 USD, and a share of TQQQ costs 101.
        stage = quoted(etf_leverage_budget_per_scalp=1.0, etf_max_position_fraction=1.0, max_gross_leverage=9.0)
        _quote_all(stage)
        stage.quote("10:00:00.9", 100.99, 101.0)
        for number, ticker in enumerate(("SPY", "IWM", "XLF")):
            entered(stage, f"10:00:01.0{number}", ticker=ticker)
        refused(stage, "10:00:01.09", "buying_power")

    @pytest.mark.parametrize(("profile", "power"), [("cash", 93_350.0), ("none", 100_133.0)])
    def test_a_cash_account_waits_for_the_days_sales_to_settle(self, profile: Any, power: float) -> None:
        # 133 bought at 50.00 (6,650) and sold at 51.00 (6,783): 100,133 of cash, of which 6,783 are not settled.
        stage = Stage(engine=EngineSettings(account_profile=profile))
        _target(stage, "10:00")
        stage.quote("10:05")
        assert stage.verdict(stage.signal("10:05:01"), Refusal.BUYING_POWER).measured == power

    def test_sales_are_settled_in_the_next_session(self) -> None:
        stage = Stage(engine=EngineSettings(account_profile="cash"))
        _target(stage, "10:00")
        tomorrow = date(2025, 8, 19)
        stage.quote(ny("10:05", tomorrow))
        assert stage.verdict(stage.signal(ny("10:05:01", tomorrow)), Refusal.BUYING_POWER).measured == 100_133.0

    def test_gross_leverage_that_leaves_less_than_half_is_refused(self) -> None:
        # Each scalp is 0.40 x 100,000; at most 0.55 x 100,000: the second keeps 0.15 of its 0.40.
        stage = quoted(max_gross_leverage=0.55)
        stage.quote("10:00:00.5", symbol="SPXL")
        stage.signal("10:00:01", ticker="SPY")
        refused(stage, "10:00:01.1", "exposure_cap")

    def test_gross_leverage_that_leaves_half_cuts_the_size(self) -> None:
        # 266 x 50 x 3 = 39,900 taken; 0.60 leaves 20,100 / 150 = 134 shares, at least half of 266.
        stage = quoted(max_gross_leverage=0.60)
        stage.quote("10:00:00.5", symbol="SPXL")
        stage.signal("10:00:01", ticker="SPY")
        entered(stage, "10:00:01.1")
        assert stage.order("first").quantity == 67

    def test_an_eleventh_entry_order_in_ten_seconds_is_refused(self) -> None:
        small = {"etf_leverage_budget_per_scalp": 0.05, "etf_max_concurrent_scalps": 20, "max_gross_leverage": 9.0}
        stage = quoted(**small)
        _quote_all(stage)
        for number, ticker in enumerate(ALL[:10]):
            entered(stage, f"10:00:01.{number}", ticker=ticker)
        refused(stage, "10:00:01.95", "rate", ticker=ALL[10])


def _quote_all(stage: Stage) -> None:
    for number, symbol in enumerate(FUND_OF.values()):
        stage.quote(ny("10:00:00.5") + number, symbol=symbol)
