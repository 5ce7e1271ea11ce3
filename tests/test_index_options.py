"""Signals of SPY buy options of the index where the account may, and signals of the index itself are outside ones."""

from datetime import date
from typing import Any

import pytest

from operators.config import EngineSettings
from operators.records import SignalRecord
from tests.builders import DAY
from tests.option_builders import OptionStage
from tests.strike_builders import Chains

BOTH = ("SPY", "SPX")
INDEX = EngineSettings(risk_free_rate=0.0, index_options=True)


def stage(**more: Any) -> OptionStage:
    """A stage at 10:00:00.5 with chains of SPY, SPX (under the root SPXW) and QQQ."""
    made = Chains(**({"engine": INDEX, "scalp_tickers": BOTH} | more))
    made.chain("10:00")
    made.list("10:00:00.4", "SPX", "SPXW")
    made.list("10:00:00.5", "SPY")
    return made


def told(made: OptionStage, ticker: str = "SPY", **signal: Any) -> tuple[SignalRecord, str | None, set[str]]:
    """A signal's record, the contract that it bought, and the codes that its option leg failed with."""
    record = made.signal("10:00:01", ticker, **signal)
    name = made.order("first").symbol if made.orders else None
    return record, name, made.failed(record, "option")


class TestOptionsScalper:
    @pytest.mark.parametrize(
        ("direction", "name"), [(1, "SPXW250818C00572000"), (-1, "SPXW250818P00570000")], ids=["long", "short"]
    )
    def test_a_signal_of_spy_buys_spxw_where_the_account_may(self, direction: int, name: str) -> None:
        record, bought, codes = told(stage(), direction=direction)
        assert (record.ticker, record.decision, bought, codes) == ("SPY", "entered", name, set())

    @pytest.mark.parametrize(
        "more",
        [
            {"engine": EngineSettings(risk_free_rate=0.0)},
            {"allow_spx": False},
            {"scalp_tickers": ("SPY",)},
        ],
        ids=["without the account's permission", "where it is not allowed", "where SPX is not among the tickers"],
    )
    def test_a_signal_of_spy_otherwise_buys_its_own_options(self, more: dict[str, Any]) -> None:
        made = stage(**more)
        record, bought, codes = told(made)
        assert (bought, codes) == ("SPY250818C00572000", set())
        assert "permission" not in {verdict.code for verdict in made.verdicts(record, "option")}

    def test_the_options_of_the_index_replace_those_of_spy_and_do_not_add_to_them(self) -> None:
        # Without a chain of SPX there is no chain, whatever SPY's says.
        made = Chains(engine=INDEX, scalp_tickers=BOTH)
        made.list("10:00:00.5", "SPY")
        _, bought, codes = told(made)
        assert (bought, codes) == (None, {"no_chain"})

    def test_a_signal_of_another_ticker_buys_its_own_options(self) -> None:
        _, bought, codes = told(stage(scalp_tickers=("QQQ", "SPY", "SPX")), "QQQ")
        assert (bought, codes) == ("QQQ250818C00572000", set())

    def test_an_outside_signal_of_spx_buys_spxw_where_the_account_may(self) -> None:
        record, bought, codes = told(stage(), "SPX", source="outside")
        assert (record.decision, bought, codes) == ("entered", "SPXW250818C00572000", set())

    def test_an_outside_signal_of_spx_is_refused_without_the_accounts_permission(self) -> None:
        record, bought, codes = told(stage(engine=EngineSettings(risk_free_rate=0.0)), "SPX", source="outside")
        assert (record.code, bought, codes) == ("permission", None, {"permission"})

    def test_an_outside_signal_of_spx_is_refused_where_it_is_not_allowed(self) -> None:
        record, bought, codes = told(stage(allow_spx=False), "SPX", source="outside")
        assert (record.code, bought, codes) == ("permission", None, {"permission"})

    def test_in_mode_both_no_fund_is_bought_where_permission_failed(self) -> None:
        made = stage(mode="both", engine=EngineSettings(risk_free_rate=0.0))
        made.quote("10:00:00.9", symbol="SPXL")
        record, bought, _ = told(made, "SPX", source="outside")
        assert (record.code, bought, made.verdicts(record, "fund")) == ("permission", None, [])

    def test_an_own_signal_of_spx_is_refused(self) -> None:
        record, bought, codes = told(stage(), "SPX")
        assert (record.code, bought, codes) == ("ticker", None, {"ticker"})

    def test_a_scalp_of_the_index_is_told_by_spy_and_its_own_contract(self) -> None:
        # A nickel wide, as prices of SPX are.
        made = Chains(engine=INDEX, scalp_tickers=BOTH)
        made.list("10:00:00.5", "SPX", "SPXW", changes={"SPXW250818C00572000": {"bid": 0.75, "ask": 0.80}})
        told(made)
        made.reach("10:00:01.3")
        scalp = made.option_scalp
        assert (scalp.ticker, scalp.option_symbol, scalp.expiry) == ("SPY", "SPXW250818C00572000", DAY)
        assert (made.option.underlying, made.option.group) == ("SPX", "sp500")

    def test_of_the_index_1dte_is_bought_where_0dte_is_not_listed(self) -> None:
        made = Chains(engine=INDEX, scalp_tickers=BOTH)
        made.list("10:00:00.5", "SPX", "SPXW", expiries=(date(2025, 8, 19), date(2025, 8, 20)))
        _, bought, codes = told(made)
        assert (bought, codes) == ("SPXW250819C00573000", set())
