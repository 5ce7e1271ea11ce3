"""Slots, open positions and opposing exposure across options and funds."""

from typing import Any

import pytest

from tests.builders import Stage, ny
from tests.option_builders import OptionStage
from tests.strike_builders import Chains, single


def refusals(stage: Stage, when: str | int = "10:00:01", **signal: Any) -> set[str]:
    """The codes that the option leg of a signal failed with."""
    return stage.failed(stage.signal(when, **signal), "option")


class TestOtherScalps:
    def two(self, **rules: Any) -> Chains:
        """A stage with an option scalp of QQQ on which SPY may follow."""
        stage = Chains(**rules)
        stage.chain("10:00")
        stage.list("10:00:00.5", "SPY")
        assert refusals(stage) == set()
        return stage

    @pytest.mark.parametrize(("most", "codes"), [(1, {"slots"}), (2, set())])
    def test_working_entries_of_options_take_slots(self, most: int, codes: set[str]) -> None:
        assert refusals(self.two(max_concurrent_scalps=most), "10:00:01.1", ticker="SPY") == codes

    def test_options_take_no_slots_of_funds(self) -> None:
        stage = held_option(max_concurrent_scalps=1, etf_max_concurrent_scalps=1, scalp_tickers=("QQQ", "IWM"))
        stage.quote("10:00:02.5", symbol="TNA")
        assert stage.failed(stage.signal("10:00:03", "IWM")) == set()

    def test_funds_take_no_slots_of_options(self) -> None:
        stage = single(1.99, 2.01, mode="leveraged_etf", max_concurrent_scalps=1, scalp_tickers=("QQQ", "IWM"))
        hold_fund(stage, "TNA", "IWM")
        assert refusals(stage, "10:00:03") == set()

    def test_an_option_scalp_keeps_its_ticker_from_a_fund(self) -> None:
        stage = held_option()
        stage.quote("10:00:02.5")
        signal = stage.signal("10:00:03", bar_close_ns=ny("09:59"))
        assert stage.failed(signal) == {"position_open"}

    def test_a_fund_scalp_keeps_its_ticker_from_an_option(self) -> None:
        stage = single(1.99, 2.01, mode="leveraged_etf")
        hold_fund(stage, "TQQQ", "QQQ")
        assert refusals(stage, "10:00:03", bar_close_ns=ny("09:59")) == {"position_open"}

    @pytest.mark.parametrize(("direction", "fund", "codes"), [(-1, "SOXS", {"opposing"}), (1, "SOXL", set())])
    def test_an_option_on_nvda_and_a_fund_of_semiconductors_must_not_oppose(
        self, direction: int, fund: str, codes: set[str]
    ) -> None:
        stage = held_option(ticker="NVDA", scalp_tickers=("NVDA", "SMH"))
        stage.quote("10:00:02.5", symbol=fund)
        assert stage.failed(stage.signal("10:00:03", "SMH", direction)) == codes

    @pytest.mark.parametrize(("direction", "fund", "codes"), [(-1, "SOXS", {"opposing"}), (1, "SOXL", set())])
    def test_a_fund_of_semiconductors_and_an_option_on_nvda_must_not_oppose(
        self, direction: int, fund: str, codes: set[str]
    ) -> None:
        stage = single(1.99, 2.01, "NVDA", mode="leveraged_etf", scalp_tickers=("NVDA", "SMH"))
        hold_fund(stage, fund, "SMH", direction)
        assert refusals(stage, "10:00:03", ticker="NVDA") == codes


def held_option(ticker: str = "QQQ", **rules: Any) -> OptionStage:
    """A stage that bought an option at 10:00:01.2 and trades funds from 10:00:02 on."""
    stage = single(1.99, 2.01, ticker, **rules)
    assert stage.signal("10:00:01", ticker).decision == "entered"
    stage.reach("10:00:01.5")
    stage.command("10:00:02", "mode", "leveraged_etf")
    assert stage.option.bought > 0
    return stage


def hold_fund(stage: OptionStage, fund: str, ticker: str, direction: int = 1) -> None:
    """Buys a fund at 10:00:01.2; the stage trades options from 10:00:02 on."""
    stage.quote("10:00:00.5", symbol=fund)
    assert stage.signal("10:00:01", ticker, direction).decision == "entered"
    stage.reach("10:00:01.5")
    stage.command("10:00:02", "mode", "options")
    assert stage.position.bought > 0
