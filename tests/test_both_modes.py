"""An option and a fund at once in one book: what is counted together, what apart, and what leaves both."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import DAY, entered, ny
from tests.option_builders import FREE, OptionStage, table

MINE = ("QQQ", "SPY", "IWM")
TESTS = (499.0, 500.5)
"""A cloud that the usual bar (500 to 501, rising) tests."""
PATIENT = FREE.model_copy(update={"stale_exit_after_seconds": 3600.0})
TOMORROW = DAY + timedelta(days=1)


def option(**changes: Any) -> OptionStage:
    """25 calls of QQQ at 0.77 since 10:00:01.2, 25 to come: cash is 100,000 - 1,925 - 16.25 = 98,058.75."""
    usual: dict[str, Any] = {"engine": PATIENT, "mode": "both", "scalp_tickers": MINE}
    stage = OptionStage(**(usual | changes))
    stage.buy()
    return stage


def both(**changes: Any) -> OptionStage:
    """That, and 133 SPXL at 50.00 for SPY (which has no chain) since 10:00:02.7, 133 to come.

    0.40 x (98,058.75 + 25 x 75.00) / 3 = 13,324.50 USD are 266 shares; cash is 98,058.75 - 6,650 = 91,408.75.
    """
    stage = option(**changes)
    stage.quote("10:00:02", symbol="SPXL")
    entered(stage, "10:00:02.5", ticker="SPY")
    stage.reach("10:00:02.7")
    assert (len(stage.book.options()), len(stage.book.funds())) == (1, 1)
    return stage


def other_chain(stage: OptionStage, when: str) -> None:
    """From now on the stage's chain is that of IWM, stated at a time."""
    stage.contracts = table("IWM")
    stage.desk.on(stage.contracts)
    stage.chain(when)


class TestTogether:
    def test_equity_is_cash_and_both_at_their_bids(self) -> None:
        # 91,408.75 + 25 x 100 x 0.75 + 133 x 49.99.
        assert both().book.equity_micros() == 99_932_420_000

    def test_buying_power_is_cash_less_both_second_halves(self) -> None:
        # 91,408.75 - 25 x 77.00 - 133 x 50.00.
        assert both().book.buying_power_micros(settled_only=False) == 82_833_750_000

    def test_exposure_counts_the_fund_alone_and_premium_the_option_alone(self) -> None:
        # 3 x 266 x 50.00 and 50 x 77.00.
        book = both().book
        assert (book.exposure_micros(), book.premium_micros()) == (39_900_000_000, 3_850_000_000)

    @pytest.mark.parametrize(("bid", "state"), [(49.18, "ACTIVE"), (49.17, "REDUCING")])
    def test_the_days_loss_is_that_of_both(self, bid: float, state: str) -> None:
        # 25 x 100 x (0.77 - 0.40) + 16.25 = 941.25, and 133 x 0.82 = 109.06 or 133 x 0.83 = 110.39; the limit is 1,051.
        stage = both(daily_loss_limit=0.01051)
        stage.state("10:00:10", 0.40, 0.41, symbol=stage.book.options()[0].symbol)
        stage.quote("10:00:11", bid, bid + 0.01, symbol="SPXL")
        stage.bar("10:00:12")
        assert stage.book.trading == state

    def test_stops_in_a_row_are_counted_over_both(self) -> None:
        # The option's stop, then the fund's, then that of a fund for IWM.
        stage = both()
        stage.state("10:00:10", 0.36, 0.37, symbol=stage.book.options()[0].symbol)
        stage.quote("10:00:11", 48.9, 48.91, symbol="SPXL")
        stage.quote("10:00:12", symbol="TNA")
        entered(stage, "10:00:12.5", ticker="IWM")
        assert (stage.book.stops_in_row, stage.book.trading) == (2, "ACTIVE")
        stage.quote("10:00:13", 48.9, 48.91, symbol="TNA")
        stage.reach("10:00:13.2")
        assert stage.book.trading_reason == "3 stops in a row"

    def test_scalps_of_the_day_are_counted_over_both(self) -> None:
        stage = both(max_scalps_per_day=2)
        stage.quote("10:00:12", symbol="TNA")
        signal = stage.signal("10:00:12.5", ticker="IWM")
        assert (signal.decision, stage.failed(signal, "option")) == ("refused", {"no_chain", "day_cap"})


class TestApart:
    def test_an_option_takes_no_slot_of_the_funds(self) -> None:
        stage = option(max_concurrent_scalps=1, etf_max_concurrent_scalps=1)
        stage.command("10:00:02", "mode", "leveraged_etf")
        stage.quote("10:00:02.5", symbol="SPXL")
        entered(stage, "10:00:03", ticker="SPY")

    def test_a_fund_takes_no_slot_of_the_options(self) -> None:
        stage = OptionStage(engine=PATIENT, mode="both", max_concurrent_scalps=1, etf_max_concurrent_scalps=1)
        stage.quote("09:59:50", symbol="SPXL")
        entered(stage, "09:59:51", ticker="SPY")
        assert stage.buy().option_symbol == "QQQ250818C00572000"

    def test_options_have_no_slot_left_when_theirs_are_taken(self) -> None:
        # Want of a slot is no want of a contract: the fund is not tried either.
        stage = option(max_concurrent_scalps=1)
        stage.quote("10:00:02", symbol="SPXL")
        signal = stage.signal("10:00:02.5", ticker="SPY")
        assert (stage.failed(signal, "option"), stage.verdicts(signal)) == ({"no_chain", "slots"}, [])

    def test_funds_have_no_slot_left_when_theirs_are_taken(self) -> None:
        stage = both(etf_max_concurrent_scalps=1)
        stage.quote("10:00:12", symbol="TNA")
        signal = stage.signal("10:00:12.5", ticker="IWM")
        assert (signal.code, stage.failed(signal)) == ("no_chain", {"slots"})

    def test_one_ticker_is_not_held_twice_by_another_kind(self) -> None:
        stage = option()
        stage.quote("10:00:02", symbol="TQQQ")
        signal = stage.signal("10:01:02.5")
        assert (signal.code, stage.verdicts(signal)) == ("position_open", [])

    def test_the_silence_of_the_chain_leaves_the_option_alone(self) -> None:
        stage = both(engine=FREE)
        stage.stand("10:00:40")
        assert [(order.symbol, order.reason) for order in stage.orders if order.action == "exit"] == [
            (stage.book.options()[0].symbol, "stale_quote")
        ]

    def test_the_silence_of_the_funds_leaves_the_fund_alone(self) -> None:
        stage = both(engine=FREE)
        for second in (15, 30, 40):
            stage.state(f"10:00:{second}", 0.75, 0.77, symbol=stage.book.options()[0].symbol)
        assert [(order.symbol, order.reason) for order in stage.orders if order.action == "exit"] == [
            ("SPXL", "stale_quote")
        ]

    def test_the_cutoff_leaves_the_option_alone(self) -> None:
        stage = both(zero_dte_cutoff="10:30")
        stage.reach("10:30")
        assert [(order.symbol[:3], order.reason) for order in stage.orders if order.action == "exit"] == [
            ("QQQ", "time_cutoff")
        ]


class TestCommands:
    @pytest.mark.parametrize(
        ("action", "reason", "state"), [("flatten", "operator", "ACTIVE"), ("kill", "risk", "HALTED")]
    )
    def test_flatten_and_kill_leave_both(self, action: Any, reason: str, state: str) -> None:
        stage = both()
        stage.command("10:00:03", action)
        stage.reach("10:00:03.2")
        assert [scalp.exit_reason for scalp in (stage.option_scalp, stage.scalp)] == [reason, reason]
        # 98,058.75 + 25 x (75.00 - 0.65) - 133 x 0.01.
        assert (stage.book.scalps, stage.book.trading, stage.book.cash_micros) == ({}, state, 99_916_170_000)

    @pytest.mark.parametrize("mode", ["options", "leveraged_etf"])
    def test_a_new_mode_leaves_both_their_exits(self, mode: str) -> None:
        stage = both()
        stage.command("10:00:03", "mode", mode)
        stage.state("10:00:10", 0.36, 0.37, symbol=stage.book.options()[0].symbol)
        stage.quote("10:00:11", 48.9, 48.91, symbol="SPXL")
        stage.reach("10:00:12")
        assert [scalp.exit_reason for scalp in (stage.option_scalp, stage.scalp)] == ["stop_loss", "stop_loss"]

    @pytest.mark.parametrize("mode", ["options", "leveraged_etf"])
    def test_a_new_mode_sends_nothing_but_drops_the_second_halves_of_both(self, mode: str) -> None:
        stage = both()
        sent = len(stage.orders)
        stage.command("10:00:03", "mode", mode)
        assert [scalp.second_half for scalp in (stage.option_scalp, stage.scalp)] == ["mode", "mode"]
        assert (len(stage.orders), stage.book.premium_micros(), stage.book.exposure_micros()) == (
            sent,
            25 * 77_000_000,
            3 * 133 * 50_000_000,
        )

    def test_a_new_mode_cancels_the_entries_of_both_that_still_work(self) -> None:
        stage = OptionStage(engine=PATIENT, mode="both", scalp_tickers=MINE)
        stage.chain("10:00", {symbol: {"ask_size": 0.0} for symbol in stage.contracts.symbols})
        stage.quote("10:00:00.5", symbol="SPXL", ask_size=0.0)
        stage.signal("10:00:01")
        stage.signal("10:00:01.5", ticker="SPY")
        stage.command("10:00:03", "mode", "options")
        stage.reach("10:00:03.2")
        assert [(order.state, order.reason) for order in stage.orders] == [("cancelled", "mode")] * 2

    @pytest.mark.parametrize(("mode", "symbols"), [("options", ["IWM"]), ("leveraged_etf", ["TNA"]), ("both", ["IWM"])])
    def test_the_next_entry_is_of_the_new_mode(self, mode: str, symbols: list[str]) -> None:
        stage = both()
        stage.command("10:00:03", "mode", mode)
        sent = len(stage.orders)
        other_chain(stage, "10:00:10")
        stage.quote("10:00:10.5", symbol="TNA")
        stage.signal("10:00:11", ticker="IWM")
        assert [order.symbol[:3] for order in stage.orders[sent:]] == symbols

    def test_a_pause_leaves_both_their_exits_and_lasts_over_the_next_open(self) -> None:
        stage = both()
        stage.command("10:00:03", "pause")
        stage.state("10:00:10", 0.97, 0.98, symbol=stage.book.options()[0].symbol)
        stage.quote("10:00:11", 51.0, 51.01, symbol="SPXL")
        stage.reach("10:00:12")
        assert [scalp.exit_reason for scalp in (stage.option_scalp, stage.scalp)] == ["profit_target", "profit_target"]
        stage.reach(ny("09:30", TOMORROW))
        assert stage.book.trading == "REDUCING"
