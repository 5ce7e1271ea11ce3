"""When a fund scalp is left: every reason of the table, its limits, and which reason wins."""

from datetime import date
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from operators import exits
from operators.codes import ExitReason
from operators.config import EngineSettings
from operators.exits import ROWS, Situation
from tests.builders import Stage, ny, quote

CLEAR = (400.0, 401.0)
"""A cloud far under the usual bar: low 500 is over it, and the bar rises."""


def held(**changes: Any) -> Stage:
    """133 TQQQ at 50.00 since 10:00:01.2: the stop is 49.00, the target 51.00."""
    stage = Stage(**changes)
    stage.hold()
    return stage


def reason(stage: Stage) -> str | None:
    """Why the scalp is being left."""
    return stage.order("exit").reason if stage.count("exit") else None


class TestExitLogic:
    def test_a_person_may_flatten(self) -> None:
        stage = held()
        stage.quote("10:00:02")
        stage.command("10:00:02.1", "flatten")
        stage.reach("10:00:02.3")
        # 133 x (49.99 - 50.00) = -1.33.
        assert (stage.scalp.exit_reason, stage.scalp.pnl) == ("operator", Decimal("-1.33"))

    def test_the_kill_switch_leaves_for_risk(self) -> None:
        stage = held()
        stage.quote("10:00:02")
        stage.command("10:00:02.1", "kill")
        stage.reach("10:00:02.3")
        assert (stage.scalp.status, stage.scalp.exit_reason) == ("closed", "risk")

    @pytest.mark.parametrize(
        ("bid", "ask", "due"),
        [
            (48.99, 49.01, True),  # mid 49.00, the stop itself
            (48.99, 49.02, False),  # mid 49.005
            (nan, 49.50, True),  # no bid counts as 0: mid 24.75
            (0.0, 49.50, True),
            (nan, 98.02, False),  # mid 49.01
            (48.0, nan, False),  # without an ask the stop waits
            (48.5, 48.5, False),  # locked: the quote says nothing
            (48.6, 48.5, False),  # crossed
        ],
    )
    def test_the_stop_is_due_at_a_mid_at_or_under_it(self, bid: float, ask: float, due: bool) -> None:
        stage = held()
        stage.quote("10:00:02", bid, ask)
        assert reason(stage) == ("stop_loss" if due else None)

    def test_a_stop_that_waited_for_an_ask_is_sent_with_it(self) -> None:
        stage = held()
        stage.quote("10:00:02", 48.0, nan)
        stage.quote("10:00:03", 48.0, 48.01)
        stage.reach("10:00:03.2")
        assert (stage.scalp.exit_reason, stage.scalp.exit_price) == ("stop_loss", Decimal(48))

    def test_the_stop_follows_the_funds_price_not_the_signals(self) -> None:
        # QQQ falls by 10 %, TQQQ stands.
        stage = held()
        stage.bar("10:00:20", open=500.0, high=500.0, low=450.0, close=450.0)
        assert reason(stage) is None

    @pytest.mark.parametrize(("bid", "due"), [(51.00, True), (50.99, False)])
    def test_the_target_is_due_at_a_bid_at_or_over_it(self, bid: float, due: bool) -> None:
        stage = held()
        stage.quote("10:00:02", bid, 51.01)
        assert reason(stage) == ("profit_target" if due else None)

    def test_an_ask_over_the_target_does_not_reach_it(self) -> None:
        stage = held()
        stage.quote("10:00:02", 50.0, 60.0)
        assert reason(stage) is None

    @pytest.mark.parametrize(("direction", "flip", "due"), [(1, -1, True), (1, 1, False), (-1, 1, True)])
    def test_a_flip_against_the_scalp_leaves_it(self, direction: int, flip: int, due: bool) -> None:
        stage = Stage()
        stage.quote("09:59:59", symbol="SQQQ")
        stage.hold(direction=direction)
        stage.bar("10:00:20", flip=flip)
        assert reason(stage) == ("cloud_flip" if due else None)

    def test_the_flip_of_another_ticker_does_not_matter(self) -> None:
        stage = held()
        stage.bar("10:00:20", flip=-1, ticker="SPY")
        assert reason(stage) is None

    def test_silence_of_thirty_seconds_leaves_the_scalp(self) -> None:
        stage = held()
        stage.quote("10:00:05")
        stage.reach("10:00:34.999")
        assert reason(stage) is None
        stage.reach("10:00:35")
        assert reason(stage) == "stale_quote"

    def test_silence_that_begins_before_the_first_fill_leaves_the_scalp_too(self) -> None:
        # The last quote of all came at 10:00:00, the fill at 10:00:01.2: due at 10:00:30.
        stage = held()
        stage.bar("10:00:30")
        assert reason(stage) == "stale_quote"

    def test_another_symbols_quotes_end_the_silence(self) -> None:
        stage = held()
        stage.quote("10:00:05")
        stage.quote("10:00:34", symbol="SQQQ")
        stage.reach("10:00:40")
        assert reason(stage) is None

    def test_on_minute_data_silence_is_ninety_seconds(self) -> None:
        stage = held(cadences={"bar": 60.0, "quote": 60.0})
        stage.quote("10:01")
        stage.reach("10:02:29.999")
        assert reason(stage) is None
        stage.reach("10:02:30")
        assert reason(stage) == "stale_quote"

    def test_a_scalp_left_for_silence_is_sold_at_the_first_quote_after_it(self) -> None:
        stage = held()
        stage.quote("10:00:05")
        stage.reach("10:05")
        stage.quote("10:05:01", 49.50, 49.51)
        stage.reach("10:05:05")
        stage.quote("10:05:06", 49.50, 49.51)
        assert (stage.scalp.exit_reason, stage.scalp.exit_price) == ("stale_quote", Decimal("49.5"))

    def test_three_bars_outside_the_cloud_leave_a_scalp_that_is_no_loss(self) -> None:
        stage = held()
        stage.quote("10:00:02", 50.0, 50.01)
        for minute in (2, 3):
            stage.stand(f"10:0{minute}")
            stage.bar(f"10:0{minute}:00.1", event_ns=ny(f"10:0{minute}"), cloud=CLEAR)
        assert reason(stage) is None
        stage.stand("10:04")
        stage.bar("10:04:00.1", event_ns=ny("10:04"), cloud=CLEAR)
        assert reason(stage) == "exhaustion"

    def test_a_bar_that_opened_before_the_fill_does_not_count_as_exhausted(self) -> None:
        # Bars that close at 10:01 (opened before the fill), 10:02 and 10:03 are only two.
        stage = held()
        stage.quote("10:00:02", 50.0, 50.01)
        for minute in (1, 2, 3):
            stage.stand(f"10:0{minute}")
            stage.bar(f"10:0{minute}:00.1", event_ns=ny(f"10:0{minute}"), cloud=CLEAR)
        assert reason(stage) is None

    @pytest.mark.parametrize(
        "broken", [{"cloud": (499.0, 500.0)}, {"open": 501.0, "close": 500.5}, {"open": 500.5, "close": 500.5}]
    )
    def test_a_bar_that_touches_the_cloud_or_does_not_rise_begins_the_count_anew(self, broken: dict[str, Any]) -> None:
        stage = held(no_average_up=False)
        stage.quote("10:00:02", 50.0, 50.01)
        for minute in range(2, 6):
            stage.stand(f"10:0{minute}")
            change = broken if minute == 3 else {}
            stage.bar(f"10:0{minute}:00.1", **({"event_ns": ny(f"10:0{minute}"), "cloud": CLEAR} | change))
        assert reason(stage) is None

    def test_an_exhausted_scalp_at_a_loss_waits_for_its_bid(self) -> None:
        stage = held()
        for minute in (2, 3, 4):
            stage.stand(f"10:0{minute}")
            stage.bar(f"10:0{minute}:00.1", event_ns=ny(f"10:0{minute}"), cloud=CLEAR)
        assert reason(stage) is None
        stage.quote("10:04:01", 50.0, 50.01)
        assert reason(stage) == "exhaustion"

    def test_a_statement_is_left_five_minutes_ahead(self) -> None:
        stage = Stage(day=date(2025, 7, 30))
        stage.hold("13:20")
        stage.stand("13:54:59.9")
        assert reason(stage) is None
        stage.reach("13:55")
        assert reason(stage) == "event"

    def test_a_statement_is_not_left_where_the_rule_is_off(self) -> None:
        stage = Stage(day=date(2025, 7, 30), fomc_flatten=False)
        stage.hold("13:20")
        stage.stand("14:10")
        assert reason(stage) is None

    def test_the_session_ends_five_minutes_before_the_close(self) -> None:
        stage = Stage()
        stage.hold("15:30")
        stage.stand("15:54:59.9")
        assert reason(stage) is None
        stage.reach("15:55")
        assert (reason(stage), stage.order("exit").sent_at.minute) == ("session_end", 55)

    def test_an_early_close_ends_the_session_five_minutes_before_one(self) -> None:
        stage = Stage(day=date(2025, 7, 3))
        stage.hold("12:30")
        stage.stand("12:54:59.9")
        stage.reach("12:55")
        assert reason(stage) == "session_end"

    def test_a_fund_has_no_time_cutoff(self) -> None:
        stage = Stage()
        stage.hold("13:50")
        stage.stand("15:45")
        assert reason(stage) is None


class TestPriority:
    @pytest.mark.parametrize(
        ("situation", "first"),
        [
            ({"asked": ExitReason.OPERATOR, "flip": -1, "silent": True}, ExitReason.OPERATOR),
            ({"flip": -1, "silent": True, "session_end": True, "bid": 48.0, "ask": 48.1}, ExitReason.STOP_LOSS),
            ({"flip": -1, "silent": True, "event": True}, ExitReason.STALE_QUOTE),
            ({"flip": -1, "bid": 51.0, "ask": 51.1}, ExitReason.CLOUD_FLIP),
            ({"bid": 51.0, "ask": 51.1, "event": True, "session_end": True}, ExitReason.PROFIT_TARGET),
            ({"bid": 50.5, "ask": 50.6, "event": True, "session_end": True}, ExitReason.EXHAUSTION),
            ({"event": True, "session_end": True}, ExitReason.EVENT),
            ({"session_end": True}, ExitReason.SESSION_END),
            ({}, None),
        ],
    )
    def test_the_first_row_that_holds_gives_the_reason(
        self, situation: dict[str, Any], first: ExitReason | None
    ) -> None:
        # Three bars outside, so exhaustion holds wherever the bid is no loss; a bid of 49.99 is one.
        position = held().position
        position.outside_run = 3
        prices = {name: situation.pop(name) for name in ("bid", "ask") if name in situation}
        now = Situation(now_ns=1, quote=quote(1, **prices), widest_spread=0.10, stand_ns=1, **situation)
        assert exits.first(position, now) == first

    def test_the_rules_stand_in_the_order_of_their_rows(self) -> None:
        assert [row for row in ROWS.values() if row != 7] == [1, 1, 2, 3, 4, 5, 6, 8, 9]
        assert (len(exits.FUND_RULES), len(exits.OPTION_RULES)) == (8, 9)

    def test_a_stream_that_is_too_old_gives_no_price_reason(self) -> None:
        # The quote of 48 is 3 s old when the bar closes; the stop was judged when it came, so a new scalp is asked.
        stage = held(engine=EngineSettings(stale_exit_after_seconds=60.0))
        stage.book.quotes["TQQQ"] = quote(ny("10:00"), bid=48.0, ask=48.01)
        stage.bar("10:00:03")
        assert reason(stage) is None

    @pytest.mark.parametrize(("low", "due"), [(401.0, False), (401.01, True)])
    def test_a_bar_is_outside_only_if_it_does_not_touch_the_edge(self, low: float, due: bool) -> None:
        stage = held()
        stage.bar("10:02", cloud=CLEAR, low=low)
        assert (stage.position.outside_run == 1) is due
