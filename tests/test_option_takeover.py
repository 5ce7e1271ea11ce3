"""Which reason leaves an option scalp first, which takes over a working exit, and whose flips leave an index option."""

from decimal import Decimal
from math import nan
from typing import Any

import pytest

from operators import exits
from operators.codes import ExitReason
from operators.exits import Situation
from operators.records import Record
from tests.builders import ny, quote
from tests.option_builders import PATIENT, WIDE, OptionStage, held, reason, table


def thin(stage: OptionStage, when: str, bid: float, ask: float) -> list[Record]:
    """A quote that shows nothing at the bid, so that no sale fills."""
    return stage.state(when, bid, ask, bid_size=0.0)


class TestPriority:
    @pytest.mark.parametrize(
        ("situation", "first"),
        [
            ({"asked": ExitReason.RISK, "flip": -1, "silent": True, "bid": 0.1, "ask": 0.2}, ExitReason.RISK),
            ({"flip": -1, "silent": True, "bid": 0.34, "ask": 0.35}, ExitReason.STOP_LOSS),
            ({"flip": -1, "silent": True, "event": True}, ExitReason.STALE_QUOTE),
            ({"flip": -1, "bid": 0.97, "ask": 0.98}, ExitReason.CLOUD_FLIP),
            ({"bid": 0.97, "ask": 0.98, "late": True}, ExitReason.PROFIT_TARGET),
            ({"bid": 0.80, "ask": 0.81, "late": True}, ExitReason.EXHAUSTION),
            ({"late": True, "event": True, "session_end": True}, ExitReason.TIME_CUTOFF),
            ({"event": True, "session_end": True}, ExitReason.EVENT),
            ({"session_end": True}, ExitReason.SESSION_END),
            ({}, None),
        ],
    )
    def test_the_first_row_that_holds_gives_the_reason(
        self, situation: dict[str, Any], first: ExitReason | None
    ) -> None:
        # Three bars outside, so exhaustion holds wherever the bid is no loss; a bid of 0.70 is one.
        option = held().option
        option.outside_run = 3
        now_ns = ny("14:00") if situation.pop("late", False) else ny("13:59")
        sides = {"bid": situation.pop("bid", 0.70), "ask": situation.pop("ask", 0.71)}
        now = Situation(now_ns=now_ns, quote=quote(now_ns, **sides), widest_spread=0.10, stand_ns=1, **situation)
        assert exits.first(option, now) == first


class TestTakeOver:
    def test_a_stop_takes_over_a_working_target(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 0.97, 0.98)
        thin(stage, "10:00:02.5", 0.36, 0.37)
        stage.state("10:00:04", 0.36, 0.37, bid_size=100.0)
        assert (stage.option_scalp.exit_reason, stage.option_scalp.exit_premium) == ("stop_loss", Decimal("0.36"))

    def test_a_lower_reason_does_not_take_over(self) -> None:
        stage = held()
        thin(stage, "10:00:02", 0.36, 0.37)
        stage.bar("10:00:03", flip=-1)
        thin(stage, "10:00:05", 0.97, 0.98)
        assert stage.option.exit_due == "stop_loss"

    def test_a_doubted_stop_takes_over_a_working_flip_once_it_is_believed(self) -> None:
        stage = held()
        thin(stage, "10:00:02", *WIDE)
        stage.bar("10:00:02.1", flip=-1)
        assert stage.option.exit_due == "cloud_flip"
        stage.reach("10:00:03")
        assert stage.option.exit_due == "stop_loss"

    def test_a_target_that_is_withdrawn_after_the_cutoff_is_left_for_its_time(self) -> None:
        # The target went out at 13:59:59 and comes back, after 2 s and a latency each way, at 14:00:01.2.
        stage = held("13:30")
        thin(stage, "13:59:59", 0.60, 0.61)
        thin(stage, "14:00:00.5", 0.40, 0.41)
        stage.reach("14:00:01.199")
        assert reason(stage) == "profit_target"
        stage.reach("14:00:01.2")
        assert (reason(stage), stage.order("exit").limit_price) == ("time_cutoff", Decimal("0.4"))


class TestIndex:
    def bought(self) -> OptionStage:
        """A call on SPX at 7.50 for a signal of SPY, in a world ten times the usual one; the stop is 3.75."""
        strikes = tuple(float(strike) for strike in range(5560, 5861, 10))
        contracts = table("SPX", strikes=strikes, settlement="cash")
        engine = PATIENT.model_copy(update={"index_options": True})
        stage = OptionStage(contracts=contracts, engine=engine, spot=5710.0, spread=30, scalp_tickers=("SPY", "SPX"))
        stage.chain("10:00")
        stage.signal("10:00:01", ticker="SPY")
        stage.reach("10:00:01.2")
        stage.state("10:00:02", 7.40, 7.50)
        return stage

    def test_the_flip_of_the_signals_fund_leaves_the_index_option(self) -> None:
        stage = self.bought()
        assert (stage.option.ticker, stage.option.underlying, stage.option.stop_micros) == ("SPY", "SPX", 3_750_000)
        stage.bar("10:00:20", ticker="SPY", flip=-1)
        assert reason(stage) == "cloud_flip"

    def test_the_flip_of_the_index_itself_does_not(self) -> None:
        stage = self.bought()
        stage.bar("10:00:20", ticker="SPX", flip=-1)
        assert reason(stage) is None

    def test_the_silence_of_the_index_chain_leaves_it(self) -> None:
        stage = self.bought()
        stage.reach("11:00:01.999")
        assert reason(stage) is None
        stage.reach("11:00:02")
        assert reason(stage) == "stale_quote"

    @pytest.mark.parametrize(
        ("bid", "ask", "limit"),
        # Steps are 0.05 under 3.00 and 0.10 from there.
        [(2.98, 3.00, "2.95"), (nan, 3.70, "0.05"), (9.58, 9.60, "9.5")],
    )
    def test_its_exit_is_priced_in_the_steps_of_the_index(self, bid: float, ask: float, limit: str) -> None:
        stage = self.bought()
        stage.state("10:00:03", bid, ask)
        assert stage.order("exit").limit_price == Decimal(limit)
