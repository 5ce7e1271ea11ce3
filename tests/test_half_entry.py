"""The second half of an entry: when it is sent, why it is dropped, what it does to average, stop and target."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from operators.events import SECOND_NS
from tests.builders import Stage, ny

TESTS = (499.0, 500.5)
"""A cloud that the usual bar (500 to 501, rising) tests: low 500.0 <= 500.5 < close 501.0."""
NO_TEST = (499.0, 501.0)
"""A cloud that the usual bar neither leaves behind nor closes above."""


def minute(number: int) -> str:
    """The close of the bar `number` minutes after ten."""
    return f"10:{number:02d}"


def before(clock: str) -> int:
    """A tenth of a second before."""
    return ny(clock) - SECOND_NS // 10


def held() -> Stage:
    """133 shares at 50.00, and a bid that is no loss."""
    stage = Stage()
    stage.hold()
    stage.quote("10:00:02", 50.0, 50.01)
    return stage


def waited(stage: Stage, *clouds: tuple[float, float]) -> str | None:
    """What became of the second half after bars that closed at 10:02, 10:03 and so on, quotes standing."""
    for number, cloud in enumerate(clouds, start=2):
        stage.stand(before(minute(number)))
        stage.bar(minute(number), cloud=cloud)
    stage.reach(ny(minute(len(clouds) + 1)) + SECOND_NS)
    return stage.scalp.second_half


class TestSent:
    def test_a_bar_that_tests_the_cloud_and_closes_above_it_fills_the_second_half(self) -> None:
        stage = held()
        assert waited(stage, TESTS) == "filled"
        assert (stage.order("second").quantity, stage.scalp.shares) == (133, 266)

    def test_the_bar_that_was_open_at_the_fill_does_not_count(self) -> None:
        # Filled at 10:00:01.2; the bar that closed at 10:01 opened at 10:00.
        stage = held()
        stage.stand(before("10:01"))
        stage.bar("10:01", cloud=TESTS)
        assert (stage.count("second"), stage.scalp.second_half) == (0, "planned")

    def test_the_fifth_bar_may_still_send_it(self) -> None:
        stage = held()
        assert waited(stage, NO_TEST, NO_TEST, NO_TEST, NO_TEST, TESTS) == "filled"

    def test_after_five_bars_without_a_test_it_is_dropped(self) -> None:
        stage = held()
        assert waited(stage, NO_TEST, NO_TEST, NO_TEST, NO_TEST, NO_TEST) == "no_test"
        stage.stand(before("10:07"))
        stage.bar("10:07", cloud=TESTS)
        assert stage.count("second") == 0

    def test_a_bar_that_touches_the_edge_tests_it(self) -> None:
        stage = held()
        assert waited(stage, (499.0, 500.0)) == "filled"

    @pytest.mark.parametrize("cloud", [(499.0, 501.0), (499.0, 499.99)])
    def test_a_bar_that_closes_on_the_edge_or_never_touches_it_is_no_test(self, cloud: tuple[float, float]) -> None:
        stage = held()
        assert waited(stage, cloud) == "planned"

    def test_a_short_signal_waits_for_a_bar_that_rises_to_the_cloud_and_closes_under_it(self) -> None:
        # High 501.0 >= lower edge 500.5 > close 500.0.
        stage = Stage()
        stage.quote("09:59:59", symbol="SQQQ")
        stage.hold(direction=-1)
        stage.quote("10:00:02", 50.0, 50.01, symbol="SQQQ")
        stage.stand(before("10:02"))
        stage.bar("10:02", cloud=(500.5, 502.0), open=501.0, close=500.0)
        stage.reach("10:02:01")
        assert (stage.scalp.ticker, stage.scalp.second_half, stage.scalp.shares) == ("SQQQ", "filled", 266)

    def test_a_short_signal_does_not_take_a_bounce_upwards(self) -> None:
        stage = Stage()
        stage.quote("09:59:59", symbol="SQQQ")
        stage.hold(direction=-1)
        stage.quote("10:00:02", 50.0, 50.01, symbol="SQQQ")
        assert waited(stage, TESTS) == "planned"

    def test_an_unfilled_second_half_is_cancelled_and_stays_sent(self) -> None:
        stage = held()
        stage.stand(before("10:02"))
        stage.bar("10:02", cloud=TESTS)
        stage.quote("10:02:00.1", 50.09, 50.10)
        stage.stand("10:02:16")
        order = stage.order("second")
        assert (order.state, order.filled_quantity, order.reason) == ("cancelled", 0, "timeout")
        assert (stage.scalp.second_half, stage.scalp.shares) == ("sent", 133)

    def test_a_second_half_is_sent_once_only(self) -> None:
        stage = held()
        waited(stage, TESTS, TESTS, TESTS)
        assert stage.count("second") == 1


class TestDropped:
    def test_one_share_has_no_second_half(self) -> None:
        # 400 x 0.40 / 3 = 53.33: one share of 50.00.
        stage = Stage(equity_usd=400)
        assert stage.hold().second_half == "single"
        assert waited(stage, TESTS) == "single"

    def test_a_losing_position_is_not_added_to(self) -> None:
        # Average entry 50.00, bid 49.98 at the bounce.
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 49.98, 49.99)
        assert waited(stage, TESTS) == "losing"
        assert stage.count("second") == 0

    def test_a_losing_position_is_added_to_where_averaging_is_allowed(self) -> None:
        stage = Stage(no_average_up=False)
        stage.hold()
        stage.quote("10:00:02", 49.98, 49.99)
        assert waited(stage, TESTS) == "filled"

    def test_an_exit_drops_it(self) -> None:
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 48.9, 48.91)
        stage.reach("10:00:03")
        assert (stage.scalp.status, stage.scalp.second_half) == ("closed", "exit_due")

    def test_the_flip_of_the_testing_bar_itself_drops_it(self) -> None:
        stage = held()
        stage.stand(before("10:02"))
        stage.bar("10:02", flip=-1, cloud=TESTS)
        assert (stage.count("second"), stage.scalp.second_half) == (0, "exit_due")

    def test_a_first_half_that_was_filled_in_part_drops_it(self) -> None:
        stage = Stage()
        stage.quote("10:00", ask_size=100)
        stage.signal("10:00:01")
        stage.reach("10:00:01.2")
        stage.quote("10:00:02", 50.09, 50.10)
        assert waited(stage, TESTS) == "partial_first"
        assert stage.scalp.shares == 100

    def test_a_second_half_that_breaks_the_budget_is_dropped_for_caps(self) -> None:
        # Limit 50.30: 133 x 50.00 + 133 x 50.30 = 13,339.90, over 13,338.67 (0.40 / 3 of 100,040).
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 50.29, 50.30)
        assert waited(stage, TESTS) == "caps"

    def test_a_stale_quote_drops_it_for_caps(self) -> None:
        stage = Stage()
        stage.hold()
        stage.stand("10:01:57")
        stage.bar("10:02", cloud=TESTS)
        assert stage.scalp.second_half == "caps"

    def test_other_scalps_exposure_drops_it_for_caps(self) -> None:
        # 2 x 39,900 of exposure at a limit of 50.00, 2 x 39,900 + 133 x 3 x 0.04 at 50.04, allowed 79,800.
        stage = Stage(max_gross_leverage=0.79808, no_average_up=False)
        name = stage.hold().signal_id
        stage.quote("10:00:02", symbol="SPXL")
        stage.signal("10:00:02.5", ticker="SPY")
        stage.reach("10:00:03")
        stage.quote("10:00:04", 50.03, 50.04)
        waited(stage, TESTS)
        assert stage.scalps[name].second_half == "caps"

    @pytest.mark.parametrize("action", ["pause", "mode"])
    def test_a_pause_or_a_change_of_mode_drops_it(self, action: str) -> None:
        stage = held()
        stage.command("10:00:05", action, "options" if action == "mode" else "")  # type: ignore[arg-type]
        assert waited(stage, TESTS) == "mode"
        assert stage.count("second") == 0

    def test_the_window_of_a_statement_drops_it(self) -> None:
        # 2025-07-30: from 13:30 on nothing is entered, held positions stay until 13:55.
        stage = Stage(day=date(2025, 7, 30))
        stage.hold("13:29")
        stage.quote("13:29:02", 50.0, 50.01)
        stage.stand("13:30:59.9")
        stage.bar("13:31", cloud=TESTS)
        assert (stage.scalp.second_half, stage.scalp.status) == ("mode", "open")


class TestAverage:
    def both_at(self, bid: float, ask: float, **rules: Any) -> Stage:
        """133 shares at 50.00 and 133 more at `ask`."""
        stage = Stage(**rules)
        stage.hold()
        stage.quote("10:00:02", bid, ask)
        waited(stage, TESTS)
        return stage

    def test_the_stop_and_target_follow_the_average_entry(self) -> None:
        # (50.00 + 50.04) / 2 = 50.02; x 0.98 = 49.0196, x 1.02 = 51.0204.
        scalp = self.both_at(50.03, 50.04).scalp
        assert scalp.entry_price == Decimal("50.02")
        assert (scalp.stop_loss, scalp.target_price) == (Decimal("49.0196"), Decimal("51.0204"))

    def test_the_stop_never_moves_down(self) -> None:
        # A cheaper second half (49.98) gives an average of 49.99 and would give a stop of 48.9902.
        scalp = self.both_at(49.97, 49.98, no_average_up=False).scalp
        assert (scalp.entry_price, scalp.stop_loss) == (Decimal("49.99"), Decimal(49))

    def test_profit_is_counted_from_the_average_entry(self) -> None:
        # 266 x (51.03 - 50.02) = 268.66.
        stage = self.both_at(50.03, 50.04)
        stage.quote("10:03:02", 51.03, 51.04)
        stage.reach("10:03:03")
        assert (stage.scalp.status, stage.scalp.pnl) == ("closed", Decimal("268.66"))
