"""The paper exchange for options: who is filled, at what price and fee, on chains and tables as they come."""

from datetime import timedelta
from decimal import Decimal
from math import nan
from typing import Any

import pytest
from msgspec.structs import replace

from operators.config import EngineSettings
from operators.events import Contracts
from tests.builders import DAY, ny
from tests.option_builders import FREE, OptionStage, snapshot, table

COLUMNS = ("symbols", "rights", "strikes", "expiries", "adjusted")
MINUTE_DATA = {"bar": 60.0, "quote": 60.0, "chain": 60.0}
BOUGHT = "QQQ250818C00572000"
"""What a long signal of ten o'clock buys: 25 contracts at 0.77; the stop is 0.385, the target 0.9625."""
TOMORROW = DAY + timedelta(days=1)


def engine(**changes: Any) -> EngineSettings:
    """No interest rate, and an hour of silence is borne."""
    return FREE.model_copy(update={"stale_exit_after_seconds": 3600.0} | changes)


def held(**changes: Any) -> OptionStage:
    """25 calls of strike 572 at 0.77 since 10:00:01.2."""
    stage = OptionStage(**({"engine": engine()} | changes))
    stage.buy()
    return stage


def pending(**changes: Any) -> OptionStage:
    """A purchase of 25 calls at 0.77 that works since 10:00:01.2 because nothing was shown at the ask."""
    stage = OptionStage(**({"engine": engine()} | changes))
    stage.chain("10:00", {symbol: {"ask_size": 0.0} for symbol in stage.contracts.symbols})
    stage.signal("10:00:01")
    stage.reach("10:00:01.2")
    assert (stage.order("first").state, stage.order("first").limit_price) == ("working", Decimal("0.77"))
    return stage


def picked(contracts: Contracts, rows: list[int]) -> Contracts:
    """The rows of a table, in this order."""
    return replace(contracts, **{name: tuple(getattr(contracts, name)[row] for row in rows) for name in COLUMNS})


def relist(stage: OptionStage, contracts: Contracts) -> None:
    """Sends a new table."""
    stage.contracts = replace(contracts, seq=stage.seq, at_ns=stage.book.now_ns, event_ns=stage.book.now_ns)
    stage.desk.on(stage.contracts)


def delist(stage: OptionStage, symbol: str = BOUGHT) -> None:
    """Sends a new table that does not list the contract any more."""
    relist(stage, picked(stage.contracts, [i for i, name in enumerate(stage.contracts.symbols) if name != symbol]))


class TestMoney:
    def test_a_gain_is_the_move_times_a_hundred_shares_less_the_fees_of_both_sides(self) -> None:
        # 25 x 100 x (0.97 - 0.77) = 500.00; 25 x 2 x 0.65 = 32.50.
        stage = held()
        stage.state("10:00:02", 0.97, 0.98)
        stage.reach("10:00:02.2")
        scalp = stage.option_scalp
        assert (scalp.gross_pnl, scalp.fees, scalp.pnl) == (Decimal(500), Decimal("32.5"), Decimal("467.5"))
        assert (stage.book.cash_micros, stage.book.equity_micros()) == (100_467_500_000, 100_467_500_000)

    def test_a_loss_is_the_same_sum(self) -> None:
        # 25 x 100 x (0.37 - 0.77) = -1,000.00, less 32.50; paid were 1,925.00, so -53.64 %.
        stage = held()
        stage.state("10:00:02", 0.37, 0.38)
        stage.reach("10:00:02.2")
        assert (stage.option_scalp.pnl, stage.option_scalp.pnl_pct) == (Decimal("-1032.5"), -1032.5 / 1925)

    def test_the_fee_of_a_contract_is_a_setting(self) -> None:
        # 2,000 / (77 x 0.5 + 2 x 1.00) = 49.4: 25 now; 500.00 - 25 x 2 x 1.00.
        stage = held(engine=engine(paper_fee_per_contract_usd=Decimal(1)))
        stage.state("10:00:02", 0.97, 0.98)
        stage.reach("10:00:02.2")
        assert (stage.option_scalp.contracts, stage.option_scalp.pnl) == (25, Decimal(450))

    def test_each_fill_carries_its_own_fee(self) -> None:
        # 10 x 0.65 and 15 x 0.65.
        stage = pending()
        stage.state("10:00:02", 0.75, 0.77, ask_size=10.0)
        stage.state("10:00:03", 0.75, 0.77, ask_size=20.0)
        assert [(fill.quantity, fill.fee) for fill in stage.fills] == [(10, Decimal("6.5")), (15, Decimal("9.75"))]


class TestSize:
    def test_a_fill_takes_no_more_than_is_shown(self) -> None:
        stage = pending()
        stage.state("10:00:02", 0.75, 0.77, ask_size=10.0)
        assert (stage.order("first").state, stage.order("first").filled_quantity) == ("partial", 10)

    def test_a_snapshot_that_repeats_the_last_one_shows_its_size_anew(self) -> None:
        stage = pending()
        for clock in ("10:00:02", "10:00:03"):
            stage.state(clock, 0.75, 0.77, ask_size=10.0)
        assert stage.order("first").filled_quantity == 20

    def test_another_underlyings_table_and_snapshot_show_nothing_anew(self) -> None:
        stage, others = pending(), table("SPY")
        stage.state("10:00:02", 0.75, 0.77, ask_size=10.0)
        stage.desk.on(others)
        stage.desk.on(snapshot(others, ny("10:00:03"), seq=stage.seq))
        assert stage.option.bought == 10
        stage.state("10:00:04", 0.75, 0.77, ask_size=10.0)
        assert stage.option.bought == 20

    def test_a_sale_is_filled_in_parts_until_nothing_is_held(self) -> None:
        stage = held()
        stage.state("10:00:02", 0.97, 0.98, bid_size=10.0)
        stage.reach("10:00:02.2")
        assert (stage.option_scalp.status, stage.option.held) == ("open", 15)
        stage.state("10:00:03", 0.97, 0.98, bid_size=15.0)
        assert (stage.option_scalp.status, stage.option_scalp.pnl) == ("closed", Decimal("467.5"))

    def test_a_size_that_is_not_known_fills_nothing(self) -> None:
        stage = pending()
        stage.state("10:00:02", 0.75, 0.77, ask_size=nan)
        assert stage.fills == []


class TestTime:
    def test_an_order_reaches_the_exchange_after_the_latency(self) -> None:
        stage = OptionStage(engine=engine(paper_latency_ms=1000))
        stage.chain("10:00")
        stage.signal("10:00:01")
        stage.reach("10:00:01.999")
        assert stage.fills == []
        stage.reach("10:00:02")
        assert [fill.price for fill in stage.fills] == [Decimal("0.77")]

    def test_an_arriving_order_meets_the_quote_of_that_moment(self) -> None:
        stage = OptionStage()
        stage.chain("10:00")
        stage.signal("10:00:01")
        stage.state("10:00:01.1", 0.77, 0.79)
        stage.reach("10:00:01.2")
        assert stage.fills == []

    def test_on_minute_data_an_entry_waits_for_its_contracts_next_quote_before_it_times_out(self) -> None:
        stage = pending(cadences=MINUTE_DATA)
        stage.reach("10:00:59.999")
        assert stage.order("first").state == "working"
        stage.state("10:01", 0.80, 0.82)
        stage.reach("10:01:00.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "timeout")

    def test_on_minute_data_that_quote_may_still_fill_it(self) -> None:
        stage = pending(cadences=MINUTE_DATA)
        stage.state("10:01", 0.74, 0.76, ask_size=100.0)
        assert (stage.order("first").state, stage.fills[0].price) == ("filled", Decimal("0.76"))

    def test_on_event_driven_data_it_times_out_after_fifteen_seconds(self) -> None:
        stage = pending()
        stage.reach("10:00:16.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "timeout")


class TestNoFill:
    @pytest.mark.parametrize(("bid", "ask"), [(0.76, 0.76), (0.77, 0.76), (0.75, nan), (0.75, 0.0), (0.75, -1.0)])
    def test_a_locked_crossed_or_absent_ask_fills_no_purchase(self, bid: float, ask: float) -> None:
        stage = pending()
        stage.state("10:00:02", bid, ask, ask_size=100.0)
        assert stage.fills == []

    @pytest.mark.parametrize(("bid", "ask"), [(0.97, 0.97), (0.98, 0.97), (nan, 0.97), (0.0, 0.97), (nan, nan)])
    def test_a_locked_crossed_or_absent_bid_fills_no_sale(self, bid: float, ask: float) -> None:
        stage = held()
        stage.state("10:00:02", 0.97, 0.98, bid_size=0.0)
        stage.state("10:00:02.5", bid, ask, bid_size=100.0)
        assert [fill.side for fill in stage.fills] == ["buy"]

    def test_a_quote_without_ask_fills_a_sale(self) -> None:
        stage = held()
        stage.state("10:00:02", 0.97, nan)
        stage.reach("10:00:02.2")
        assert (stage.fills[-1].side, stage.fills[-1].price) == ("sell", Decimal("0.97"))

    def test_a_stale_chain_fills_nothing(self) -> None:
        # Stated at 10:00:00, arriving at 10:00:05.001: older than 5 s.
        stage = OptionStage(engine=engine(paper_latency_ms=4001))
        stage.chain("10:00")
        stage.signal("10:00:01")
        stage.reach("10:00:06")
        assert (stage.order("first").state, stage.fills) == ("working", [])

    def test_a_snapshot_that_was_old_when_it_came_fills_nothing(self) -> None:
        stage = pending()
        late = snapshot(stage.contracts, ny("10:00:10"), seq=stage.seq)
        stage.desk.on(replace(late, event_ns=ny("10:00:04.999")))
        assert stage.option.bought == 0

    def test_an_exit_without_a_bid_rests_at_one_tick_until_there_is_one(self) -> None:
        stage = held()
        stage.state("10:00:02", nan, 0.30)
        stage.state("10:00:03", nan, 0.30)
        order = stage.order("exit")
        assert (order.state, order.limit_price, order.filled_quantity) == ("working", Decimal("0.01"), 0)
        stage.state("10:00:03.5", 0.12, 0.30)
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("closed", Decimal("0.12"))


class TestTables:
    def test_a_table_in_another_order_keeps_a_position_on_its_own_contract(self) -> None:
        # Only the held contract reaches its target; in the old order its row is another's.
        stage = held()
        relist(stage, picked(stage.contracts, list(reversed(range(len(stage.contracts.symbols))))))
        stage.state("10:00:02", 0.97, 0.98)
        stage.reach("10:00:02.2")
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("closed", Decimal("0.97"))

    def test_a_contract_that_a_new_table_lists_no_longer_is_not_sold_at_the_quote_that_it_had(self) -> None:
        # The chain lives on without the contract; its last quote, of ten o'clock, is twenty minutes old.
        stage = held()
        delist(stage)
        stage.chain("10:20")
        stage.bar("10:20:01", flip=-1)
        stage.reach("10:20:02")
        assert [(fill.side, fill.price) for fill in stage.fills] == [("buy", Decimal("0.77"))]

    def test_a_contract_that_is_listed_again_is_sold_at_its_new_quote(self) -> None:
        stage = held()
        delist(stage)
        stage.chain("10:00:10")
        relist(stage, table())
        stage.state("10:00:20", 0.97, 0.98)
        stage.reach("10:00:20.2")
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("closed", Decimal("0.97"))

    def test_quotes_of_contracts_that_nobody_holds_are_forgotten_at_the_next_open(self) -> None:
        stage = pending()
        stage.state("10:00:17", 0.80, 0.82)
        stage.reach("10:00:18")
        assert (stage.book.scalps, BOUGHT in stage.book.quotes) == ({}, True)
        stage.reach(ny("09:30", TOMORROW))
        assert (stage.book.quotes, stage.book.watches) == ({}, {})

    def test_those_of_contracts_that_are_held_are_kept(self) -> None:
        contracts = table(expiries=(TOMORROW,))
        stage = OptionStage(engine=engine(), contracts=contracts)
        stage.buy("15:00")
        stage.reach(ny("09:30", TOMORROW))
        assert list(stage.book.quotes) == list(stage.book.watches) == [stage.option.symbol]
