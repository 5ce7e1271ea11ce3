"""When an option scalp is left: every row of the table at its limit and one step beside it."""

from datetime import date, time
from math import nan
from typing import Any

import pytest

from operators.sessions import next_session, utc
from tests.builders import ny
from tests.option_builders import FREE, PATIENT, WIDE, OptionStage, held, reason, snapshot, table
from tests.play import MINUTE_DATA

CLEAR = (400.0, 401.0)
"""A cloud far under the usual bar: low 500 is over it, and the bar rises."""


class TestExitLogic:
    @pytest.mark.parametrize(("action", "found"), [("flatten", "operator"), ("kill", "risk")])
    def test_a_person_and_the_kill_switch_leave_it(self, action: Any, found: str) -> None:
        stage = held()
        stage.command("10:00:02", action)
        stage.reach("10:00:02.2")
        assert (stage.option_scalp.status, stage.option_scalp.exit_reason) == ("closed", found)

    @pytest.mark.parametrize(
        ("bid", "ask", "due"),
        [
            (0.38, 0.39, True),  # mid 0.385, the stop itself
            (0.38, 0.40, False),  # mid 0.39
            (0.324, 0.396, True),  # 0.072 / 0.36 is exactly 20 % and still narrow
            (0.323, 0.396, False),  # 0.073 / 0.3595 is 20.3 %
            (*WIDE, False),
            (0.10, 0.385, True),  # wide, but the ask itself is at the stop
            (0.10, 0.39, False),
            (0.30, nan, False),  # without an ask the stop waits
            (0.30, 0.30, False),  # locked: the quote says nothing
            (0.31, 0.30, False),  # crossed
        ],
    )
    def test_the_stop_is_due_at_once_on_a_narrow_quote_or_an_ask_at_the_stop(
        self, bid: float, ask: float, due: bool
    ) -> None:
        stage = held()
        stage.state("10:00:02", bid, ask)
        assert reason(stage) == ("stop_loss" if due else None)

    def test_what_is_wide_follows_the_widest_spread_of_an_entry(self) -> None:
        # 28.6 % is under 2 x 15 %.
        stage = held(max_spread_pct=0.15)
        stage.state("10:00:02", *WIDE)
        assert reason(stage) == "stop_loss"

    @pytest.mark.parametrize(
        ("bid", "ask", "due"),
        [
            (*WIDE, True),
            (nan, 0.77, True),  # no bid counts as 0: mid 0.385
            (0.0, 0.77, True),
            (nan, 0.78, False),  # mid 0.39
            (0.30, nan, False),
            (0.30, 0.30, False),
        ],
    )
    def test_a_wide_quote_is_believed_when_the_next_one_says_so_too(self, bid: float, ask: float, due: bool) -> None:
        stage = held()
        stage.state("10:00:02", bid, ask)
        assert reason(stage) is None
        stage.state("10:00:02.5", bid, ask)
        assert reason(stage) == ("stop_loss" if due else None)

    def test_on_minute_data_a_lone_wide_quote_stops_nothing_until_the_next_one_says_so_too(self) -> None:
        # Every quote of minute data stands for a minute: 1.5 x 60 s would have to pass.
        stage = held(cadences=MINUTE_DATA)
        stage.state("10:01", *WIDE)
        stage.reach("10:01:59.9")
        assert reason(stage) is None
        stage.state("10:02", *WIDE)
        assert reason(stage) == "stop_loss"

    def test_a_wide_quote_is_believed_when_it_has_stood_for_a_second(self) -> None:
        stage = held()
        stage.state("10:00:02", *WIDE)
        stage.reach("10:00:02.999")
        assert reason(stage) is None
        stage.reach("10:00:03")
        assert (reason(stage), stage.order("exit").sent_at.second) == ("stop_loss", 3)

    def test_a_quote_of_the_contract_itself_keeps_its_chain_alive_and_no_fund(self) -> None:
        stage = held(engine=FREE)
        symbol, before = stage.option.symbol, stage.book.stream("quote").newest_ns
        stage.quote("10:00:20", 0.76, 0.78, symbol)
        stage.reach("10:00:40")
        assert (reason(stage), stage.book.stream("quote").newest_ns) == (None, before)
        stage.reach("10:00:50")
        assert reason(stage) == "stale_quote"

    def test_a_bar_is_no_second_quote(self) -> None:
        stage = held()
        stage.state("10:00:02", *WIDE)
        stage.bar("10:00:02.5")
        assert reason(stage) is None

    @pytest.mark.parametrize("between", [(0.75, 0.77), (0.30, nan), (0.40, 0.30)])
    def test_a_quote_that_does_not_say_so_in_between_clears_the_doubt(self, between: tuple[float, float]) -> None:
        # Doubted from 10:00:02, cleared at 02.3, doubted again from 02.6: due at 03.6, not at 02.6 nor at 03.
        stage = held()
        for clock, sides in (("10:00:02", WIDE), ("10:00:02.3", between), ("10:00:02.6", WIDE)):
            stage.state(clock, *sides)
        stage.reach("10:00:03.599")
        assert reason(stage) is None
        stage.reach("10:00:03.6")
        assert reason(stage) == "stop_loss"

    def test_a_chain_that_is_silent_for_thirty_seconds_leaves_it(self) -> None:
        stage = held(engine=FREE)
        stage.state("10:00:05", 0.75, 0.77)
        stage.reach("10:00:34.999")
        assert reason(stage) is None
        stage.reach("10:00:35")
        assert reason(stage) == "stale_quote"

    def test_neither_another_underlyings_chain_nor_the_funds_quotes_keep_it_alive(self) -> None:
        stage, others = held(engine=FREE), table("SPY")
        stage.desk.on(others)
        for second in (10, 20, 29):
            stage.desk.on(snapshot(others, ny(f"10:00:{second}"), seq=stage.seq))
            stage.quote(f"10:00:{second}.5")
        stage.reach("10:00:30")
        assert reason(stage) == "stale_quote"

    def test_a_quiet_contract_on_a_living_chain_is_not_stale(self) -> None:
        stage = held(engine=FREE)
        for second in (20, 40):
            stage.state(f"10:00:{second}", nan, nan)
        stage.reach("10:01")
        assert reason(stage) is None

    def test_on_minute_data_silence_is_ninety_seconds(self) -> None:
        stage = held(engine=FREE, cadences={"bar": 60.0, "chain": 60.0})
        stage.state("10:01", 0.75, 0.77)
        stage.reach("10:02:29.999")
        assert reason(stage) is None
        stage.reach("10:02:30")
        assert reason(stage) == "stale_quote"

    @pytest.mark.parametrize(("direction", "flip", "due"), [(1, -1, True), (1, 1, False), (-1, 1, True)])
    def test_a_flip_against_the_signal_leaves_it(self, direction: int, flip: int, due: bool) -> None:
        stage = OptionStage()
        stage.buy(direction=direction)
        stage.bar("10:00:20", flip=flip)
        assert reason(stage) == ("cloud_flip" if due else None)

    @pytest.mark.parametrize(("bid", "due"), [(0.9625, True), (0.96, False)])
    def test_the_target_is_due_at_a_bid_at_or_over_it_however_wide(self, bid: float, due: bool) -> None:
        stage = held()
        stage.state("10:00:02", bid, 2.0)
        assert reason(stage) == ("profit_target" if due else None)

    @pytest.mark.parametrize(("direction", "bid", "due"), [(1, 0.77, True), (1, 0.76, False), (-1, 0.77, True)])
    def test_three_bars_beyond_the_cloud_leave_one_that_is_no_loss(self, direction: int, bid: float, due: bool) -> None:
        # Call and put were bought at 0.77; the put's good side is under the cloud, with bars that fall.
        stage = OptionStage(engine=PATIENT)
        stage.buy(direction=direction)
        shape: dict[str, Any] = {"cloud": CLEAR}
        if direction < 0:
            shape = {"cloud": (501.5, 502.0), "open": 501.0, "close": 500.0}
        for minute in (2, 3, 4):
            assert reason(stage) is None
            stage.state(f"10:0{minute}", bid, 0.80)
            stage.bar(f"10:0{minute}:00.1", event_ns=ny(f"10:0{minute}"), **shape)
        assert reason(stage) == ("exhaustion" if due else None)

    @pytest.mark.parametrize(
        ("day", "expires", "bought", "before", "cutoff", "rules"),
        [
            (date(2025, 8, 18), 0, "13:30", "13:59:59.999", "14:00", {}),
            (date(2025, 8, 18), 0, "12:30", "12:59:59.999", "13:00", {"zero_dte_cutoff": time(13)}),
            (date(2025, 8, 18), 1, "15:00", "15:29:59.999", "15:30", {}),
            # With a close at 13:00 each is three hours earlier.
            (date(2025, 7, 3), 0, "10:30", "10:59:59.999", "11:00", {}),
            (date(2025, 7, 3), 1, "12:00", "12:29:59.999", "12:30", {}),
            # Never later than five minutes before the close.
            (date(2025, 8, 18), 1, "15:30", "15:54:59.999", "15:55", {"one_dte_cutoff": time(16)}),
        ],
    )
    def test_its_time_is_over_at_the_cutoff_of_its_dte(
        self, day: date, expires: int, bought: str, before: str, cutoff: str, rules: dict[str, Any]
    ) -> None:
        following = next_session(day).day
        stage = held(bought, day=day, contracts=table(expiries=(day, following)), **rules)
        assert stage.option_scalp.expiry == (day, following)[expires]
        stage.reach(before)
        assert reason(stage) is None
        stage.reach(cutoff)
        assert (reason(stage), stage.order("exit").sent_at) == ("time_cutoff", utc(ny(cutoff, day)))

    def test_an_entry_that_still_works_is_cancelled_at_the_cutoff(self) -> None:
        stage = OptionStage(min_minutes_to_exit=0, zero_dte_cutoff=time(13, 30))
        stage.chain("13:29:55", {symbol: {"ask_size": 0.0} for symbol in stage.contracts.symbols})
        stage.signal("13:29:56")
        stage.reach("13:30:00.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "time_cutoff")
        assert stage.options == {}

    @pytest.mark.parametrize(("rules", "found"), [({}, "event"), ({"fomc_flatten": False}, None)])
    def test_a_statement_is_left_five_minutes_ahead(self, rules: dict[str, Any], found: str | None) -> None:
        # 2025-07-30, statement at 14:00; a 1DTE has until 15:30.
        day = date(2025, 7, 30)
        stage = held("13:20", day=day, contracts=table(expiries=(date(2025, 7, 31),)), **rules)
        stage.reach("13:54:59.999")
        assert reason(stage) is None
        stage.reach("13:55")
        assert reason(stage) == found
