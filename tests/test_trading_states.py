"""ACTIVE, REDUCING and HALTED: who sets them, what they stop, and when they end."""

import json
from datetime import date
from typing import Any

import pytest

from tests.builders import Stage, entered, ny, quoted, refused, stop_out

TOMORROW = date(2025, 8, 19)


def held(clock: str = "10:00", **changes: Any) -> Stage:
    """133 TQQQ at 50.00, bought 1.2 s after the clock."""
    stage = Stage(**changes)
    stage.hold(clock)
    return stage


def three_stops() -> Stage:
    """A stage after three stops in a row, the last at 10:40:02.2."""
    stage = Stage()
    for clock in ("10:00", "10:20", "10:40"):
        stop_out(stage, clock, "QQQ")
    return stage


class TestReducing:
    def test_three_stops_in_a_row_end_the_sessions_entries(self) -> None:
        stage = three_stops()
        assert (stage.book.trading, stage.book.trading_reason) == ("REDUCING", "3 stops in a row")
        stage.quote("11:00")
        refused(stage, "11:00:00.5", "state")

    def test_another_exit_between_breaks_the_row_of_stops(self) -> None:
        stage = Stage()
        for clock in ("10:00", "10:20"):
            stop_out(stage, clock, "QQQ")
        stage.hold("10:40")
        stage.quote("10:40:02", 51.0, 51.01)
        stage.reach("10:40:03")
        stop_out(stage, "11:00", "QQQ")
        assert stage.book.trading == "ACTIVE"

    def test_the_third_stop_cancels_what_still_works(self) -> None:
        stage = Stage()
        for clock in ("10:00", "10:20"):
            stop_out(stage, clock, "QQQ")
        stage.hold("10:40")
        stage.quote("10:40:01.5", symbol="SPXL", ask_size=0.0)
        stage.signal("10:40:01.6", ticker="SPY")
        stage.quote("10:40:02", 48.9, 48.91)
        stage.reach("10:40:03")
        assert (stage.order("first").symbol, stage.order("first").state) == ("SPXL", "cancelled")

    def test_three_stops_are_forgotten_at_the_next_open(self) -> None:
        stage = three_stops()
        stage.quote(ny("10:00", TOMORROW))
        entered(stage, ny("10:00:00.5", TOMORROW))

    def test_a_person_may_end_what_three_stops_began(self) -> None:
        stage = three_stops()
        stage.command("10:55", "resume")
        stage.quote("11:00")
        entered(stage, "11:00:00.5")

    def test_a_persons_pause_lasts_over_the_next_open(self) -> None:
        stage = quoted()
        stage.command("10:00:02", "pause")
        stage.quote(ny("10:00", TOMORROW))
        refused(stage, ny("10:00:00.5", TOMORROW), "state")

    def test_a_persons_pause_after_three_stops_lasts_over_the_next_open(self) -> None:
        stage = three_stops()
        stage.command("10:55", "pause")
        stage.quote(ny("10:00", TOMORROW))
        refused(stage, ny("10:00:00.5", TOMORROW), "state")

    def test_a_pause_ends_with_resume(self) -> None:
        stage = quoted()
        stage.command("10:00:00.1", "pause")
        stage.command("10:00:00.2", "resume")
        entered(stage, "10:00:01")

    def test_a_pause_cancels_a_working_entry(self) -> None:
        stage = Stage()
        stage.quote("10:00", ask_size=0.0)
        stage.signal("10:00:01")
        stage.command("10:00:02", "pause")
        stage.reach("10:00:02.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "state")


class TestAudit:
    """What the engine does by itself leaves a row with what it was before and after."""

    def test_the_end_of_entries_and_their_return_at_the_next_open(self) -> None:
        stage = three_stops()
        stage.reach(ny("09:30", TOMORROW))
        ended, begun = stage.audit
        assert [(row.actor, row.action, row.argument) for row in (ended, begun)] == [
            ("engine", "reduce", "3 stops in a row"),
            ("engine", "restore", f"the session of {TOMORROW} begins"),
        ]
        states = [json.loads(text)["trading"] for row in (ended, begun) for text in (row.before, row.after)]
        assert states == ["ACTIVE", "REDUCING", "REDUCING", "ACTIVE"]


class TestLossLimit:
    def big(self) -> Stage:
        """333 of 666 shares (100,000 / 3) bought at 50.00, a stop far away and a loss limit of 5,000."""
        rules = {"etf_leverage_budget_per_scalp": 1.0, "etf_max_position_fraction": 1.0, "etf_stop_loss_pct": 0.9}
        return held(**rules, etf_max_risk_per_scalp=1.0, max_gross_leverage=9.0, daily_loss_limit=0.05)

    @pytest.mark.parametrize(("bid", "state"), [(34.99, "ACTIVE"), (34.98, "REDUCING")])
    def test_an_open_loss_at_the_limit_ends_entries(self, bid: float, state: str) -> None:
        # 333 x (50.00 - 34.98) = 5,001.66 is over 5,000; 333 x 15.01 = 4,998.33 is not.
        stage = self.big()
        stage.quote("10:00:30", bid, bid + 0.01)
        stage.bar("10:00:30.5")
        assert stage.book.trading == state

    def test_a_loss_of_exactly_the_limit_ends_entries(self) -> None:
        # 100 shares bought at 50.00 and bid 40.00: a loss of 1,000, 1 % of 100,000 to the cent.
        stage = held(
            etf_max_position_fraction=0.1, etf_stop_loss_pct=0.9, etf_max_risk_per_scalp=1.0, daily_loss_limit=0.01
        )
        assert stage.scalp.shares == 100
        stage.quote("10:00:30", 40.0, 40.01)
        stage.bar("10:00:30.5")
        assert stage.book.trading == "REDUCING"

    def test_a_loss_of_exactly_ten_percent_ends_entries(self) -> None:
        # 100,000 x 0.75 / 3 = 25,000: 500 shares, 250 now. 250 x (50.00 - 10.00) = 10,000, 10 % to the cent.
        stage = held(
            etf_leverage_budget_per_scalp=0.75,
            etf_max_position_fraction=1.0,
            etf_stop_loss_pct=0.9,
            etf_max_risk_per_scalp=1.0,
        )
        assert stage.scalp.shares == 250
        stage.quote("10:00:20", 10.0, 10.01)
        stage.bar("10:00:20.5")
        assert stage.book.trading == "REDUCING"

    @pytest.mark.parametrize(("bid", "warned"), [(37.99, False), (37.98, True)])
    def test_at_four_fifths_of_the_limit_it_warns(self, bid: float, warned: bool) -> None:
        # 333 x (50.00 - 37.98) = 4,002.66 is over 80 % of 5,000; 333 x 12.01 = 3,999.33 is not.
        stage = self.big()
        stage.quote("10:00:30", bid, bid + 0.01)
        stage.bar("10:00:30.5")
        assert [row.action for row in stage.audit] == ["warn"] * warned
        assert stage.book.trading == "ACTIVE"

    def test_a_warning_says_the_loss_the_limit_and_when(self) -> None:
        stage = self.big()
        stage.quote("10:00:30", 37.98, 37.99)
        stage.bar("10:00:30.5")
        (row,) = stage.audit
        assert (row.actor, row.argument) == (
            "engine",
            "the day's loss reached 0.0400 of its start at 10:00, limit 0.05",
        )
        assert row.before == row.after
        assert stage.book.loss_warning == row.argument

    def test_it_warns_once_a_session(self) -> None:
        stage = self.big()
        for clock, bid in (("10:00:30", 37.0), ("10:00:40", 49.0), ("10:00:50", 37.0)):
            stage.quote(clock, bid, bid + 0.01)
            stage.bar(f"{clock}.5")
        assert [row.action for row in stage.audit] == ["warn"]
        stage.reach(ny("09:30", TOMORROW))
        assert stage.book.loss_warning == ""

    def test_a_fall_through_the_limit_is_told_as_its_end_alone(self) -> None:
        stage = self.big()
        stage.quote("10:00:30", 34.0, 34.01)
        stage.bar("10:00:30.5")
        stage.bar("10:00:31.5")
        assert [row.action for row in stage.audit] == ["reduce"]

    def test_a_realised_loss_ends_entries_too(self) -> None:
        # 133 x 1.10 = 146.30 lost at the stop, limit 0.1 % of 100,000 = 100.
        stage = Stage(daily_loss_limit=0.001)
        stop_out(stage, "10:00", "QQQ")
        stage.bar("10:01")
        assert stage.book.trading == "REDUCING"

    def test_a_person_may_end_what_the_loss_limit_began(self) -> None:
        stage = self.big()
        stage.quote("10:00:30", 34.0, 34.01)
        stage.bar("10:00:30.5")
        stage.command("10:00:31", "resume")
        stage.bar("10:00:31.5")
        assert stage.book.trading == "ACTIVE"

    def test_yesterdays_loss_does_not_count(self) -> None:
        stage = Stage(daily_loss_limit=0.0015)
        stop_out(stage, "10:00", "QQQ")
        stage.quote(ny("10:00", TOMORROW))
        entered(stage, ny("10:00:00.5", TOMORROW))

    def test_the_loss_limit_lasts_until_the_next_open(self) -> None:
        stage = self.big()
        stage.quote("10:00:30", 34.0, 34.01)
        stage.bar("10:00:30.5")
        assert stage.book.trading == "REDUCING"
        stage.reach(ny("09:30", TOMORROW))
        assert stage.book.trading == "ACTIVE"


class TestHalted:
    def test_a_halt_lasts_over_the_next_open(self) -> None:
        stage = quoted()
        stage.command("10:00:02", "kill")
        stage.quote(ny("10:00", TOMORROW))
        refused(stage, ny("10:00:00.5", TOMORROW), "state")

    @pytest.mark.parametrize(("action", "argument"), [("resume", ""), ("rearm", ""), ("mode", "both"), ("pause", "")])
    def test_a_halt_does_not_end_without_a_reason(self, action: Any, argument: str) -> None:
        stage = quoted()
        stage.command("10:00:00.1", "kill")
        stage.command("10:00:00.2", action, argument)
        assert stage.book.trading == "HALTED"

    def test_a_halt_ends_when_it_is_re_armed_with_a_reason(self) -> None:
        stage = quoted()
        stage.command("10:00:00.1", "kill")
        stage.command("10:00:00.2", "rearm", "checked the account")
        entered(stage, "10:00:01")

    def test_nothing_is_re_armed_that_is_not_halted(self) -> None:
        stage = quoted()
        stage.command("10:00:00.1", "pause")
        stage.command("10:00:00.2", "rearm", "a reason")
        assert stage.book.trading == "REDUCING"

    def test_a_flatten_leaves_everything_and_does_not_halt(self) -> None:
        stage = held()
        stage.quote("10:00:02")
        stage.quote("10:00:02.1", symbol="SPXL")
        stage.signal("10:00:02.2", ticker="SPY")
        stage.reach("10:00:02.5")
        stage.command("10:00:03", "flatten")
        stage.reach("10:00:03.5")
        assert [scalp.exit_reason for scalp in stage.scalps.values()] == ["operator", "operator"]
        assert (stage.book.scalps, stage.book.trading) == ({}, "ACTIVE")
