"""How many contracts: the risk budget, and what caps and cash leave of it at the desk."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.codes import Refusal
from operators.config import EngineSettings, ScalpConfig
from operators.prices import DOLLAR
from operators.sizing import ScalpSizer
from tests.builders import DAY, Stage, ny
from tests.option_builders import OptionStage
from tests.strike_builders import Chains, single

EQUITY, LIMIT, FEES = 100_000 * DOLLAR, 770_000, 1_300_000
"""One contract at 0.77 risks 0.77 x 100 x 0.50 + 2 x 0.65 = 39.80 USD."""


def size(conviction: float = 80.0, halved: bool = False, equity: int = EQUITY, **rules: float) -> int:
    """Contracts at 0.77 with the usual fees."""
    return ScalpSizer(ScalpConfig(**rules)).calculate(LIMIT, 100, FEES, conviction, equity, halved)  # type: ignore[arg-type]


def refusals(stage: Stage, when: str | int = "10:00:01", **signal: Any) -> set[str]:
    """The codes that the option leg of a signal failed with."""
    return {str(code) for code in stage.failed(stage.signal(when, **signal), "option")}


def planned(stage: Stage) -> tuple[int, int]:
    """Contracts of the first order and of the second half."""
    return stage.order("first").quantity, next(reversed(stage.book.scalps.values())).second


def usual(**more: Any) -> OptionStage:
    """A stage at 10:00 with one 0DTE call at 0.76 to 0.77."""
    return single(0.76, 0.77, expiry=DAY, **more)


class TestScalpSizer:
    @pytest.mark.parametrize(
        ("rules", "contracts"),
        [
            ({}, 50),  # 2,000 / 39.80 = 50.25
            ({"max_risk_per_scalp": 0.03}, 75),  # 3,000 / 39.80 = 75.4
            ({"max_loss_pct": 0.25}, 97),  # 2,000 / (19.25 + 1.30) = 97.3
            ({"max_loss_pct": 1.0}, 25),  # 2,000 / (77 + 1.30) = 25.5
        ],
    )
    def test_the_risk_budget_pays_for_the_loss_at_the_stop_and_the_fees(
        self, rules: dict[str, float], contracts: int
    ) -> None:
        assert size(**rules) == contracts

    def test_the_fees_of_both_sides_count(self) -> None:
        # At 0.80: 2,000 / 40.00 = 50 without fees, 2,000 / 41.30 = 48.4 with them.
        sizer = ScalpSizer(ScalpConfig())
        assert [sizer.calculate(800_000, 100, fees, 80.0, EQUITY, False) for fees in (0, FEES)] == [50, 48]

    def test_a_smaller_contract_risks_less(self) -> None:
        # 2,000 / (0.77 x 10 x 0.50 + 1.30) = 2,000 / 5.15 = 388.3.
        assert ScalpSizer(ScalpConfig()).calculate(LIMIT, 10, FEES, 80.0, EQUITY, False) == 388

    @pytest.mark.parametrize(
        ("conviction", "halved", "contracts"),
        [(75.0, False, 50), (74.999, False, 25), (75.0, True, 25), (74.999, True, 12), (50.0, False, 25)],
    )
    def test_medium_conviction_and_the_gates_adjustment_each_halve(
        self, conviction: float, halved: bool, contracts: int
    ) -> None:
        assert size(conviction, halved) == contracts

    @pytest.mark.parametrize(("equity", "contracts"), [(1_990 * DOLLAR, 1), (1_990 * DOLLAR - 100, 0), (0, 0), (-1, 0)])
    @pytest.mark.parametrize("conviction", [80.0, 60.0])
    @pytest.mark.parametrize("halved", [True, False])
    def test_neither_halving_goes_under_one_and_none_is_forced(
        self, equity: int, contracts: int, conviction: float, halved: bool
    ) -> None:
        # 0.02 x 1,990 = 39.80 pays for exactly one.
        assert size(conviction, halved, equity) == contracts

    def test_three_contracts_of_medium_conviction_are_one(self) -> None:
        # 0.02 x 6,000 / 39.80 = 3.02.
        assert [size(60.0, halved, 6_000 * DOLLAR) for halved in (False, True)] == [1, 1]

    @pytest.mark.parametrize("limit", [0, -10_000])
    def test_a_contract_without_a_price_is_an_error(self, limit: int) -> None:
        with pytest.raises(ValueError, match="cannot cost"):
            ScalpSizer(ScalpConfig()).calculate(limit, 100, FEES, 80.0, EQUITY, False)

    def test_stop_and_target_are_fractions_of_the_premium(self) -> None:
        # 0.77 x 0.60 = 0.462 and 0.77 x 1.30 = 1.001.
        sizer = ScalpSizer(ScalpConfig(max_loss_pct=0.40, profit_target_pct=0.30))
        assert (sizer.stop(770_000.0), sizer.target(770_000.0)) == (462_000, 1_001_000)

    @given(st.integers(1, 10**9), st.integers(0, 10**8), st.integers(0, 10**13), st.floats(0.001, 1.0))
    def test_the_budget_is_used_up_and_never_exceeded(self, limit: int, fees: int, equity: int, risk: float) -> None:
        contracts = ScalpSizer(ScalpConfig(max_risk_per_scalp=risk)).calculate(limit, 100, fees, 80.0, equity, False)
        one, budget = limit * 100 * 0.50 + fees, equity * risk
        # A whole number of contracts may cost the budget itself, to the last digit of a float.
        assert contracts * one <= budget * (1 + 1e-12)
        assert (contracts + 1) * one >= budget * (1 - 1e-12)


class TestRiskAtTheDesk:
    def test_half_of_the_size_is_bought_and_half_is_planned(self) -> None:
        stage = usual()
        assert refusals(stage) == set()
        assert planned(stage) == (25, 25)

    def test_one_contract_has_no_second_half(self) -> None:
        stage = usual(equity_usd=1_990)
        assert refusals(stage) == set()
        assert (planned(stage), stage.option.second_half) == ((1, 0), "single")

    def test_a_budget_under_one_contract_is_too_small_and_nothing_is_forced(self) -> None:
        stage = usual(equity_usd=1_989)
        assert refusals(stage) == {"too_small"}
        assert stage.orders == []

    def test_the_accounts_fees_count_on_both_sides(self) -> None:
        # 2,000 / (38.50 + 2 x 1.50) = 48.2.
        stage = usual(engine=EngineSettings(risk_free_rate=0.0, paper_fee_per_contract_usd=Decimal("1.5")))
        assert refusals(stage) == set()
        assert planned(stage) == (24, 24)


class TestCaps:
    def test_the_premium_cap_cuts_the_size(self) -> None:
        # 0.02 x 100,000 / 77 = 25.97.
        stage = usual(max_total_premium_fraction=0.02)
        assert refusals(stage) == set()
        assert planned(stage) == (13, 12)

    def test_a_premium_cap_that_leaves_none_is_refused(self) -> None:
        # 0.00076 x 100,000 = 76 of 77 USD.
        stage = usual(max_total_premium_fraction=0.00076)
        assert refusals(stage) == {"premium_cap"}

    @pytest.mark.parametrize("clock", ["10:00:01.1", "10:00:01.3"], ids=["working", "bought"])
    def test_the_premium_of_working_bought_and_planned_contracts_counts(self, clock: str) -> None:
        # QQQ takes 50 x 77 = 3,850 of 5,000 (at 10:00:01.3 of 4,997, for 25 x 2.65 are lost to spread and fees):
        # 1,150 / 77 = 14.9.
        stage = Chains(max_total_premium_fraction=0.05)
        stage.chain("10:00")
        stage.list("10:00:00.5", "SPY")
        assert refusals(stage) == set()
        stage.reach(clock)
        assert refusals(stage, ny(clock) + 1, ticker="SPY") == set()
        assert planned(stage) == (7, 7)

    def test_one_order_has_at_most_50_contracts(self) -> None:
        # 20,000 / 39.80 = 502.
        stage = usual(equity_usd=1_000_000)
        assert refusals(stage) == set()
        assert planned(stage) == (50, 50)

    def test_one_orders_notional_is_capped(self) -> None:
        # 0.01 x 100,000 / 77 = 12.99 in each order.
        stage = usual(max_order_notional_fraction=0.01)
        assert refusals(stage) == set()
        assert planned(stage) == (12, 12)

    def test_a_cap_on_an_order_that_leaves_none_is_refused(self) -> None:
        assert refusals(usual(max_order_notional_fraction=0.00076)) == {"exposure_cap"}

    def test_cash_cuts_the_size(self) -> None:
        # 100,000 / 39.80 = 2,512 are wanted, 100,000 / (77 + 1.30) = 1,277.1 can be paid.
        stage = usual(max_risk_per_scalp=1.0, max_total_premium_fraction=1.0, max_order_contracts=5_000)
        assert refusals(stage) == set()
        assert planned(stage) == (639, 638)

    def test_cash_promised_to_a_fund_is_not_there(self) -> None:
        # 120 / 1.5 = 80 pays for a share of UVXY at 50.00: 70 are left, a contract is 77 + 1.30.
        rich = {"max_risk_per_scalp": 1.0, "max_total_premium_fraction": 1.0, "etf_max_position_fraction": 1.0}
        stage = usual(
            equity_usd=120,
            mode="leveraged_etf",
            scalp_tickers=("QQQ", "VXX"),
            etf_leverage_budget_per_scalp=1.0,
            **rich,
        )
        stage.quote("10:00:00.5", symbol="UVXY")
        assert stage.signal("10:00:01", "VXX").decision == "entered"
        stage.reach("10:00:01.5")
        stage.command("10:00:02", "mode", "options")
        signal = stage.signal("10:00:03")
        assert stage.failed(signal, "option") == {"buying_power"}
        told = stage.verdict(signal, Refusal.BUYING_POWER, "option")
        assert (told.measured, told.limit_value) == (70.0, 78.3)
