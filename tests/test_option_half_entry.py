"""The second half of an option scalp: when it is sent, why it is dropped, what it does to average, stop and target."""

from datetime import date
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from operators.events import SECOND_NS
from tests.builders import ny
from tests.option_builders import FREE, OptionStage, table

PATIENT = FREE.model_copy(update={"stale_exit_after_seconds": 3600.0})
TESTS = (499.0, 500.5)
"""A cloud that the usual bar (500 to 501, rising) tests: low 500.0 <= 500.5 < close 501.0."""
NO_TEST = (499.0, 501.0)
"""A cloud that the usual bar neither leaves behind nor closes above."""
MEDIUM = 60.0
"""A conviction that takes half of the budget: 13 contracts at 0.77, and 12 as second half."""


def held(conviction: float = MEDIUM, **changes: Any) -> OptionStage:
    """13 calls at 0.77 since 10:00:01.2 and a bid that is no loss; with a high conviction 25, and 25 to come."""
    stage = OptionStage(**({"engine": PATIENT} | changes))
    stage.buy(conviction=conviction)
    stage.state("10:00:02", 0.77, 0.78)
    return stage


def waited(stage: OptionStage, *clouds: tuple[float, float]) -> str | None:
    """What became of the second half after bars that closed at 10:02, 10:03 and so on, the chain standing."""
    for minute, cloud in enumerate(clouds, start=2):
        stage.chain(ny(f"10:{minute:02d}") - SECOND_NS // 10)
        stage.bar(f"10:{minute:02d}", cloud=cloud)
    stage.reach(ny(f"10:{len(clouds) + 1:02d}") + SECOND_NS)
    return stage.option_scalp.second_half


class TestSent:
    def test_a_bar_that_tests_the_cloud_and_closes_above_it_fills_the_second_half(self) -> None:
        stage = held()
        assert (stage.option.held, stage.option.second) == (13, 12)
        assert waited(stage, TESTS) == "filled"
        assert (stage.order("second").quantity, stage.option_scalp.contracts) == (12, 25)

    def test_its_limit_comes_from_the_quote_of_that_moment(self) -> None:
        # Mid 0.80 + 0.02, under the ask of 0.83.
        stage = held()
        stage.state("10:00:03", 0.77, 0.83)
        waited(stage, TESTS)
        assert stage.order("second").limit_price == Decimal("0.82")

    def test_a_put_waits_for_a_bar_that_rises_to_the_cloud_and_closes_under_it(self) -> None:
        # High 501.0 >= lower edge 500.5 > close 500.0.
        stage = OptionStage(engine=PATIENT)
        stage.buy(direction=-1, conviction=MEDIUM)
        stage.state("10:01:59.9", 0.77, 0.78)
        stage.bar("10:02", cloud=(500.5, 502.0), open=501.0, close=500.0)
        stage.reach("10:02:01")
        assert (stage.option_scalp.option_type, stage.option_scalp.second_half) == ("put", "filled")

    def test_a_put_does_not_take_a_bounce_upwards(self) -> None:
        stage = OptionStage(engine=PATIENT)
        stage.buy(direction=-1, conviction=MEDIUM)
        stage.state("10:00:02", 0.77, 0.78)
        assert waited(stage, TESTS) == "planned"

    def test_the_bar_that_was_open_at_the_fill_does_not_count(self) -> None:
        stage = held()
        stage.chain("10:00:59.9")
        stage.bar("10:01", cloud=TESTS)
        assert (stage.count("second"), stage.option_scalp.second_half) == (0, "planned")

    def test_an_unfilled_second_half_is_cancelled_and_stays_sent(self) -> None:
        # Sent at 10:02 at 0.78; the ask is 0.80 when it arrives.
        stage = held()
        stage.chain("10:01:59.9")
        stage.bar("10:02", cloud=TESTS)
        stage.state("10:02:00.1", 0.78, 0.80)
        stage.reach("10:02:15.2")
        order = stage.order("second")
        assert (order.state, order.filled_quantity, order.reason) == ("cancelled", 0, "timeout")
        assert (stage.option_scalp.second_half, stage.option_scalp.contracts) == ("sent", 13)

    def test_it_is_sent_once_only(self) -> None:
        stage = held()
        waited(stage, TESTS, TESTS, TESTS)
        assert stage.count("second") == 1


class TestDropped:
    def test_one_contract_has_no_second_half(self) -> None:
        # 2,000 x 0.02 / 39.80 = 1.005.
        stage = held(80.0, equity_usd=2_000)
        assert (stage.option.held, waited(stage, TESTS)) == (1, "single")

    def test_the_fifth_bar_may_still_send_it(self) -> None:
        assert waited(held(), NO_TEST, NO_TEST, NO_TEST, NO_TEST, TESTS) == "filled"

    def test_after_five_bars_without_a_test_it_is_dropped(self) -> None:
        assert waited(held(), NO_TEST, NO_TEST, NO_TEST, NO_TEST, NO_TEST) == "no_test"

    @pytest.mark.parametrize(("rules", "found"), [({}, "losing"), ({"no_average_up": False}, "filled")])
    def test_a_losing_position_is_added_to_only_where_averaging_is_allowed(
        self, rules: dict[str, Any], found: str
    ) -> None:
        # Average entry 0.77, bid 0.76.
        stage = held(**rules)
        stage.state("10:00:03", 0.76, 0.78)
        assert waited(stage, TESTS) == found

    def test_an_exit_drops_it(self) -> None:
        stage = held()
        stage.state("10:00:03", 0.36, 0.37)
        assert (stage.order("exit").reason, stage.option_scalp.second_half) == ("stop_loss", "exit_due")

    def test_the_flip_of_the_testing_bar_itself_drops_it(self) -> None:
        stage = held()
        stage.chain("10:01:59.9")
        stage.bar("10:02", flip=-1, cloud=TESTS)
        assert (stage.count("second"), stage.option_scalp.second_half) == (0, "exit_due")

    def test_a_first_half_that_was_filled_in_part_drops_it(self) -> None:
        stage = OptionStage(engine=PATIENT)
        stage.chain("10:00", {symbol: {"ask_size": 10.0} for symbol in stage.contracts.symbols})
        stage.signal("10:00:01", conviction=MEDIUM)
        stage.reach("10:00:16.2")
        stage.state("10:00:17", 0.77, 0.78)
        assert waited(stage, TESTS) == "partial_first"
        assert (stage.order("first").state, stage.option_scalp.contracts) == ("cancelled", 10)

    @pytest.mark.parametrize(("bid", "ask", "found"), [(0.76, 0.77, "filled"), (0.77, 0.78, "caps")])
    def test_one_that_breaks_the_risk_budget_is_dropped_for_caps(self, bid: float, ask: float, found: str) -> None:
        # (25 x 77 + 25 x 77) x 0.5 + 50 x 1.30 = 1,990.00, with 25 x 78 it is 2,002.50; 2 % of equity are 1,999.
        stage = held(80.0, no_average_up=False)
        stage.state("10:00:03", bid, ask)
        assert waited(stage, TESTS) == found

    @pytest.mark.parametrize(("fraction", "found"), [(0.0194, "filled"), (0.0193, "caps")])
    def test_one_that_breaks_the_premium_cap_is_dropped_for_caps(self, fraction: float, found: str) -> None:
        # 25 x 77 and one dollar more for each of the 12 is 1,937.00; equity is 99,991.55: 1,939.84 and 1,929.84.
        assert waited(held(max_total_premium_fraction=fraction), TESTS) == found

    @pytest.mark.parametrize(("bid", "ask", "found"), [(0.80, 0.81, "filled"), (0.81, 0.83, "caps")])
    def test_one_that_cash_does_not_pay_for_is_dropped_for_caps(self, bid: float, ask: float, found: str) -> None:
        # 2,000 / 78.30 = 25 contracts, 13 now: 2,000 - 13 x 77.65 = 990.55; 12 x 81 = 972 is under it, 996 over it.
        stage = held(80.0, equity_usd=2_000, max_risk_per_scalp=1.0, max_total_premium_fraction=1.0)
        stage.state("10:00:03", bid, ask)
        assert waited(stage, TESTS) == found

    def test_it_never_spends_cash_that_its_fees_need(self) -> None:
        # 990.55 is left (as above); 12 x 82.00 + 12 x 0.65 = 991.80 is more than that.
        stage = held(80.0, equity_usd=2_000, max_risk_per_scalp=1.0, max_total_premium_fraction=1.0)
        stage.state("10:00:03", 0.80, 0.82)
        waited(stage, TESTS)
        assert stage.book.cash_micros >= 0

    @pytest.mark.parametrize(("bid", "ask"), [(0.77, nan), (0.78, 0.78), (nan, 0.79)])
    def test_a_quote_that_cannot_be_used_drops_it_for_caps(self, bid: float, ask: float) -> None:
        stage = held()
        stage.state("10:01:59.9", bid, ask)
        stage.bar("10:02", cloud=TESTS)
        assert stage.option_scalp.second_half == "caps"

    def test_a_chain_that_is_older_than_five_seconds_drops_it_for_caps(self) -> None:
        stage = held()
        stage.chain("10:01:54.999")
        stage.bar("10:02", cloud=TESTS)
        assert stage.option_scalp.second_half == "caps"

    @pytest.mark.parametrize("action", ["pause", "mode"])
    def test_a_pause_or_a_change_of_mode_drops_it(self, action: Any) -> None:
        stage = held()
        stage.command("10:00:05", action, "leveraged_etf" if action == "mode" else "")
        assert (waited(stage, TESTS), stage.count("second")) == ("mode", 0)

    def test_the_window_of_a_statement_drops_it(self) -> None:
        # 2025-07-30: from 13:30 on nothing is entered, held positions stay until 13:55.
        stage = OptionStage(engine=PATIENT, day=date(2025, 7, 30), contracts=table(expiries=(date(2025, 7, 31),)))
        premium = float(stage.buy("13:28:30", conviction=MEDIUM).entry_premium)
        stage.state("13:30:59.9", premium, premium + 0.01)
        stage.bar("13:31", cloud=TESTS)
        assert (stage.option_scalp.second_half, stage.option_scalp.status) == ("mode", "open")


class TestAverage:
    def test_stop_target_and_profit_follow_the_average_entry(self) -> None:
        # (13 x 0.77 + 12 x 0.78) / 25 = 0.7748; x 0.5 = 0.3874, x 1.25 = 0.9685.
        stage = held()
        waited(stage, TESTS)
        assert stage.option_scalp.entry_premium == Decimal("0.7748")
        assert (stage.option.stop_micros, stage.option.target_micros) == (387_400, 968_500)
        # 25 x 100 x (0.97 - 0.7748) - 50 x 0.65 = 488.00 - 32.50.
        stage.state("10:02:02", 0.97, 0.98)
        stage.reach("10:02:02.2")
        assert stage.option_scalp.pnl == Decimal("455.5")

    def test_the_stop_never_moves_down(self) -> None:
        # A cheaper second half gives an average of (13 x 0.77 + 12 x 0.70) / 25 = 0.7364 and would give 0.3682.
        stage = held(no_average_up=False)
        stage.state("10:00:03", 0.69, 0.70)
        waited(stage, TESTS)
        assert (stage.option_scalp.entry_premium, stage.option.stop_micros) == (Decimal("0.7364"), 385_000)
