"""Mode `both`: the option, or the fund where no contract suits; never both, and no fund for another reason."""

from datetime import time
from typing import Any

import pytest

from operators.records import SignalRecord
from tests.builders import DAY, Stage, ny, quote, setup, view
from tests.option_builders import TOMORROW, OptionStage, table


def funds(stage: Stage, *symbols: str) -> None:
    """Quotes of funds at 10:00:00.5."""
    for number, symbol in enumerate(symbols):
        stage.quote(ny("10:00:00.5") + number, symbol=symbol)


class TestOptionsScalper:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"volume": 1.0}, "volume"),
            ({"open_interest": 1.0}, "open_interest"),
            ({"bid": 0.50, "ask": 0.99}, "spread"),
            ({"bid": float("nan")}, "delta"),  # without a quote it has no delta: the one at 571 tells why
        ],
    )
    def test_the_fund_is_bought_where_no_contract_suits(self, changes: dict[str, float], code: str) -> None:
        stage = OptionStage(mode="both", contracts=table(expiries=(DAY,)))
        funds(stage, "TQQQ")
        stage.chain("10:00:00.9", {"QQQ250818C00572000": changes})
        signal = stage.signal("10:00:01")
        assert stage.failed(signal, "option") == {code}
        assert (signal.decision, signal.leg) == ("entered", "fund")
        assert [order.symbol for order in stage.orders] == ["TQQQ"]

    @pytest.mark.parametrize(
        ("rules", "code"),
        [
            ({"max_gamma": 0.001}, "gamma"),
            ({"max_theta_burn_pct": 0.001}, "theta"),
            ({"iv_rank_unknown": "refuse"}, "iv_rank"),
            ({"max_risk_per_scalp": 0.0001}, "too_small"),
            ({"target_delta_min": 0.499, "target_delta_max": 0.4991}, "delta"),
        ],
    )
    def test_the_fund_is_bought_where_greeks_or_budget_do_not_suit(self, rules: dict[str, Any], code: str) -> None:
        stage = OptionStage(mode="both", contracts=table(expiries=(TOMORROW,)), **rules)
        funds(stage, "TQQQ")
        stage.chain("10:00:00.9")
        signal = stage.signal("10:00:01")
        assert stage.failed(signal, "option") == {code}
        assert [order.symbol for order in stage.orders] == ["TQQQ"]

    def test_the_fund_is_bought_where_a_dividend_is_due(self) -> None:
        stage = OptionStage(mode="both", contracts=table(expiries=(TOMORROW,)))
        stage.ex_dates = (TOMORROW,)
        funds(stage, "TQQQ")
        stage.chain("10:00:00.9")
        signal = stage.signal("10:00:01")
        assert (stage.failed(signal, "option"), signal.leg) == ({"dividend"}, "fund")

    def test_the_fund_is_bought_where_the_chain_is_stale(self) -> None:
        stage = OptionStage(mode="both")
        stage.chain("10:00")
        stage.quote("10:00:05.5")
        signal = stage.signal("10:00:06")
        assert (stage.failed(signal, "option"), signal.leg) == ({"no_chain"}, "fund")

    def test_the_inverse_fund_is_bought_for_a_short_signal(self) -> None:
        stage = OptionStage(mode="both", min_volume=6_000)
        funds(stage, "TQQQ", "SQQQ")
        stage.chain("10:00:00.9")
        stage.signal("10:00:01", direction=-1)
        assert [(order.symbol, order.side) for order in stage.orders] == [("SQQQ", "buy")]

    def test_where_a_contract_suits_the_option_alone_is_bought(self) -> None:
        stage = OptionStage(mode="both")
        funds(stage, "TQQQ", "SQQQ")
        stage.chain("10:00:00.9")
        signal = stage.signal("10:00:01")
        assert (signal.decision, signal.leg, stage.verdicts(signal, "fund")) == ("entered", "option", [])
        assert [order.symbol for order in stage.orders] == ["QQQ250818C00572000"]

    @pytest.mark.parametrize(
        ("rules", "code"),
        [
            ({"max_total_premium_fraction": 0.0005}, "premium_cap"),
            ({"max_order_notional_fraction": 0.0005}, "exposure_cap"),
        ],
    )
    def test_no_fund_is_bought_where_a_contract_suits_and_risk_failed(self, rules: dict[str, Any], code: str) -> None:
        stage = OptionStage(mode="both", **rules)
        funds(stage, "TQQQ")
        stage.chain("10:00:00.9")
        record = stage.signal("10:00:01")
        assert stage.failed(record, "option") == {code}
        assert (stage.orders, stage.verdicts(record, "fund")) == ([], [])

    @pytest.mark.parametrize(
        ("rules", "signal", "code"),
        [
            ({"scalp_start_time": time(10, 30)}, {}, "start_time"),
            ({}, {"conviction": 49.0}, "conviction"),
            ({}, {"seen": {"bias": 0}}, "macro"),
            ({}, {"bar_close_ns": ny("09:58")}, "stale"),
        ],
    )
    @pytest.mark.parametrize("least", [500, 6_000], ids=["a contract suits", "no contract suits"])
    def test_no_fund_is_bought_where_time_or_signal_failed(
        self, least: int, rules: dict[str, Any], signal: dict[str, Any], code: str
    ) -> None:
        # 6,000 contracts of each were traded.
        stage = OptionStage(mode="both", min_volume=least, **rules)
        funds(stage, "TQQQ")
        stage.chain("10:00:00.9")
        record = stage.signal("10:00:01", **signal)
        assert stage.failed(record, "option") == ({code} if least == 500 else {code, "volume"})
        assert (stage.orders, stage.verdicts(record, "fund")) == ([], [])

    def test_no_fund_is_bought_where_it_is_too_late_for_every_option(self) -> None:
        # 15:16 is 39 minutes before a fund's exit.
        stage = OptionStage(mode="both")
        stage.chain("15:16")
        stage.quote("15:16:00.5")
        signal = stage.signal("15:16:01")
        assert (signal.code, stage.orders) == ("too_late", [])

    def test_no_fund_is_bought_where_the_options_slots_are_taken(self) -> None:
        stage = OptionStage(mode="both", max_concurrent_scalps=1, scalp_tickers=("QQQ", "IWM"))
        stage.chain("10:00")
        stage.signal("10:00:01")
        stage.quote("10:00:01.1", symbol="TNA")
        signal = stage.signal("10:00:01.15", "IWM")
        assert stage.failed(signal, "option") == {"no_chain", "slots"}
        assert (signal.decision, stage.verdicts(signal, "fund")) == ("refused", [])

    def test_where_the_fund_fails_too_both_legs_are_stored(self) -> None:
        stage = OptionStage(mode="both", min_volume=6_000)
        stage.chain("10:00")
        signal = stage.signal("10:00:01")
        assert (signal.decision, signal.code, signal.leg) == ("refused", "volume", None)
        assert (stage.failed(signal, "option"), stage.failed(signal, "fund")) == ({"volume"}, {"fund_spread"})

    def test_a_fund_that_this_book_has_seen_no_quote_of_is_not_bought(self) -> None:
        # The book began after the fund was quoted last: the market knows the quote, the book does not.
        stage = OptionStage(mode="both")
        market = view({"TQQQ": quote(ny("10:00:00.9"))})
        records = stage.decide(setup(ny("10:00:01"), view=market))
        (signal,) = (record for record in records if isinstance(record, SignalRecord))
        assert (stage.failed(signal, "option"), stage.failed(signal, "fund")) == ({"no_chain"}, {"fund_spread"})
        assert stage.orders == []
