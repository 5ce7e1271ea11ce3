"""Refusals before the desk: time, signal and fund, each at its limit and past it; what is stored of them."""

from datetime import date
from itertools import pairwise
from math import nan

import pytest

from operators.codes import REFUSAL_ORDER, Refusal
from tests.builders import LIQUID, Stage, entered, ny, quoted, refused


class TestPrechecks:
    def test_a_ticker_outside_the_list_is_refused(self) -> None:
        refused(quoted(scalp_tickers=("SPY",)), "10:00:01", "ticker")

    def test_an_entry_before_the_start_time_is_refused(self) -> None:
        refused(quoted("09:34:59"), "09:34:59.9", "start_time")
        entered(quoted("09:34:59"), "09:35:00")

    def test_less_than_the_least_minutes_to_the_exit_is_too_late(self) -> None:
        # The exit is at 15:55; 15 minutes before it is 15:40.
        entered(quoted("15:39:59"), "15:40:00")
        refused(quoted("15:39:59"), "15:40:00.001", "too_late")

    def test_the_window_of_a_statement_is_refused(self) -> None:
        # 2025-07-30: press conference, 13:30 to 15:15.
        day = date(2025, 7, 30)
        entered(quoted("13:29:59", day=day), "13:29:59.9")
        refused(quoted("13:29:59", day=day), "13:30", "fomc")
        entered(quoted("15:14:59", day=day), "15:15")

    def test_a_day_beyond_the_fomc_schedule_is_refused(self) -> None:
        refused(quoted(day=date(2028, 3, 1)), "10:00:01", "calendar_unknown")

    def test_a_day_beyond_the_fomc_schedule_trades_where_the_rule_is_off(self) -> None:
        entered(quoted(day=date(2028, 3, 1), no_scalp_around_fomc=False), "10:00:01")

    @pytest.mark.parametrize("conviction", [49.999, nan])
    def test_too_little_conviction_is_refused(self, conviction: float) -> None:
        refused(quoted(), "10:00:01", "conviction", conviction=conviction)

    @pytest.mark.parametrize("bias", [0, -1])
    def test_an_unconfirmed_macro_bias_is_refused(self, bias: int) -> None:
        refused(quoted(), "10:00:01", "macro", seen={"bias": bias})

    def test_a_signal_older_than_its_limit_is_stale(self) -> None:
        stage = quoted("10:01:30")
        refused(stage, "10:01:30.1", "stale", bar_close_ns=ny("10:00"))
        entered(quoted("10:01:30"), "10:01:30.1", bar_close_ns=ny("10:00:00.1"))

    def test_a_signal_of_the_future_is_stale(self) -> None:
        refused(quoted(), "10:00:01", "stale", bar_close_ns=ny("10:00:01.001"))


class TestFund:
    def test_an_unmapped_ticker_is_refused(self) -> None:
        refused(quoted(scalp_tickers=("ZZZZ",)), "10:00:01", "unmapped", ticker="ZZZZ")

    def test_an_unknown_dollar_volume_is_refused(self) -> None:
        stage = quoted()
        refused(stage, "10:00:01", "adv_unknown", seen={"dollar_volume": {}})

    def test_a_dollar_volume_under_the_limit_is_refused(self) -> None:
        poor = LIQUID | {"TQQQ": 9_999_999.99}
        refused(quoted(), "10:00:01", "fund_volume", seen={"dollar_volume": poor})
        entered(quoted(), "10:00:01", seen={"dollar_volume": LIQUID | {"TQQQ": 10_000_000.0}})

    @pytest.mark.parametrize(
        ("bid", "ask"),
        [
            (49.97, 50.00),  # 0.03 / 49.985 = 0.060 %, over 0.05 %
            (nan, 50.00),
            (49.99, nan),
            (0.0, 50.00),
            (50.00, 50.00),
            (50.01, 50.00),
            (3.99, 4.00),  # one tick is 0.2503 %, over 0.25 %
        ],
    )
    def test_a_wide_or_unusable_quote_is_refused(self, bid: float, ask: float) -> None:
        stage = quoted()
        stage.quote("10:00:00.5", bid, ask)
        refused(stage, "10:00:01", "fund_spread")

    @pytest.mark.parametrize(
        ("bid", "ask"),
        [
            (49.98, 50.00),  # 0.02 / 49.99 = 0.040 %
            (10.00, 10.01),  # one tick is 0.0999 %, over 0.05 % and allowed
            (4.00, 4.01),  # one tick is 0.2497 %, still under 0.25 %
        ],
    )
    def test_a_narrow_quote_or_one_tick_passes(self, bid: float, ask: float) -> None:
        stage = quoted()
        stage.quote("10:00:00.5", bid, ask)
        entered(stage, "10:00:01")

    def test_two_ticks_on_a_cheap_fund_are_refused(self) -> None:
        stage = quoted()
        stage.quote("10:00:00.5", 10.00, 10.02)
        refused(stage, "10:00:01", "fund_spread")

    def test_a_fund_without_a_quote_is_refused(self) -> None:
        stage = Stage()
        stage.quote("10:00", symbol="SQQQ")
        refused(stage, "10:00:01", "fund_spread")

    def test_quotes_older_than_two_seconds_are_refused(self) -> None:
        entered(quoted(), "10:00:02.000000")
        refused(quoted(), "10:00:02.001", "fund_spread")

    def test_on_minute_data_quotes_may_be_ninety_seconds_old(self) -> None:
        minute = {"bar": 60.0, "quote": 60.0}
        entered(quoted(cadences=minute), "10:01:30")
        refused(quoted(cadences=minute), "10:01:30.001", "fund_spread")

    def test_another_symbols_quote_keeps_the_stream_fresh(self) -> None:
        stage = Stage()
        stage.quote("10:00")
        stage.quote("10:00:09", symbol="SQQQ")
        entered(stage, "10:00:10")

    def test_a_note_is_not_permitted_where_notes_are_not_allowed(self) -> None:
        stage = Stage(allow_etn=False)
        stage.quote("10:00", symbol="FNGU")
        refused(stage, "10:00:01", "permission", ticker="META")


class TestRecords:
    def test_every_verdict_is_stored_with_what_was_measured_and_its_limit(self) -> None:
        stage = quoted()
        found = stage.verdict(stage.signal("10:00:01", conviction=49.0), Refusal.CONVICTION)
        assert (found.passed, found.measured, found.limit_value, found.unit) == (False, 49.0, 50.0, "points")

    def test_passed_verdicts_are_stored_too(self) -> None:
        stage = quoted()
        passed = {verdict.code for verdict in stage.verdicts(stage.signal("10:00:01")) if verdict.passed}
        assert passed >= {"ticker", "start_time", "conviction", "macro", "stale", "state", "slots", "fund_spread"}

    def test_a_gate_without_input_is_stored_as_not_evaluated_with_its_reason(self) -> None:
        stage = quoted()
        found = stage.verdict(stage.signal("10:00:01", seen={"macro_ready": False}), Refusal.MACRO)
        assert (found.passed, found.evaluated, found.measured) == (False, False, None)
        assert found.reason == "the macro cloud has not seen enough bars"

    def test_no_gate_is_skipped_because_another_failed(self) -> None:
        stage = quoted("09:31", scalp_tickers=("SPY",))
        stage.command("09:31:00.5", "pause")
        refused(
            stage,
            "09:31:01",
            *("ticker", "start_time", "conviction", "macro", "state", "adv_unknown"),
            conviction=1.0,
            seen={"bias": 0, "dollar_volume": {}},
        )

    def test_the_signal_is_explained_by_its_first_failing_code(self) -> None:
        stage = quoted()
        signal = stage.signal("10:00:01", conviction=1.0, seen={"bias": 0, "dollar_volume": {}})
        assert signal.code == "conviction"

    def test_the_verdicts_of_a_leg_are_stored_in_the_order_of_explanation(self) -> None:
        stage = quoted()
        places = [REFUSAL_ORDER[Refusal(verdict.code)] for verdict in stage.verdicts(stage.signal("10:00:01"))]
        assert all(before <= after for before, after in pairwise(places))
        assert len(places) > 10
