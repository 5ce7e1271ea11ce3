"""The requirement's test classes, as far as they speak of leveraged funds: mapping, liquidity, size, order."""

from decimal import Decimal
from typing import Any

import pytest

from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.prices import DOLLAR
from operators.records import CandidateRecord
from operators.sizing import ETFScalpSizer
from tests.builders import LIQUID, Stage, ny

EQUITY = 100_000 * DOLLAR
TICKERS = ("SPY", "QQQ", "IWM", "NVDA", "AAPL", "META", "TSLA", "JPM", "KO", "ZZZZ", "AMZN")


def quoted(*symbols: str, **changes: Any) -> Stage:
    """A stage on which these funds have just been quoted 49.99 to 50.00."""
    stage = Stage(**({"scalp_tickers": TICKERS} | changes))
    for number, symbol in enumerate(symbols):
        stage.quote(ny("10:00") + number, symbol=symbol)
    return stage


class TestETFScalper:
    def test_a_bullish_signal_buys_the_bull_fund_in_half_of_its_size(self) -> None:
        # 0.40 x 100,000 / 3 = 13,333.33; / 50.00 = 266 shares, 133 now.
        stage = Stage()
        scalp = stage.hold()
        order = stage.order("first")
        assert (order.symbol, order.side, order.quantity, order.limit_price) == ("TQQQ", "buy", 133, Decimal(50))
        assert (scalp.original_ticker, scalp.direction, scalp.leverage) == ("QQQ", "long", 3.0)

    def test_a_bearish_signal_buys_the_inverse_fund(self) -> None:
        stage = quoted("TQQQ", "SQQQ")
        stage.signal("10:00:01", direction=-1)
        order = stage.order("first")
        assert (order.symbol, order.side) == ("SQQQ", "buy")

    def test_a_bearish_scalp_gains_when_its_inverse_fund_rises(self) -> None:
        # 133 shares from 50.00 to 51.00 (the target) are 133.00.
        stage = quoted("TQQQ", "SQQQ")
        stage.signal("10:00:01", direction=-1)
        stage.reach("10:00:01.2")
        stage.quote("10:00:02", 51.0, 51.01, symbol="SQQQ")
        stage.reach("10:00:02.2")
        scalp = stage.scalp
        assert (scalp.ticker, scalp.direction, scalp.leverage) == ("SQQQ", "short", -3.0)
        assert (scalp.status, scalp.pnl) == ("closed", Decimal("133.00"))

    def test_a_bearish_scalp_loses_when_its_inverse_fund_falls(self) -> None:
        # Stop at 49.00: 133 shares sold at 48.90 lose 1.10 each, 146.30.
        stage = quoted("TQQQ", "SQQQ")
        stage.signal("10:00:01", direction=-1)
        stage.reach("10:00:01.2")
        stage.quote("10:00:02", 48.90, 48.91, symbol="SQQQ")
        stage.reach("10:00:02.2")
        assert stage.scalp.pnl == Decimal("-146.30")

    def test_every_scalp_starts_with_a_purchase(self) -> None:
        for direction in (1, -1):
            stage = quoted("TQQQ", "SQQQ")
            stage.signal("10:00:01", direction=direction)
            stage.reach("10:00:01.2")
            assert [fill.side for fill in stage.fills] == ["buy"]

    def test_mode_options_refuses_with_no_chain_and_never_buys_a_fund(self) -> None:
        stage = quoted("TQQQ", "SQQQ", mode="options")
        signal = stage.signal("10:00:01")
        assert (signal.decision, signal.code) == ("refused", "no_chain")
        assert stage.failed(signal, "option") == {"no_chain"}
        assert stage.orders == []
        assert stage.verdicts(signal, "fund") == []

    def test_mode_both_falls_to_the_fund_where_there_is_no_chain(self) -> None:
        stage = quoted("TQQQ", mode="both")
        signal = stage.signal("10:00:01")
        assert (signal.decision, signal.leg) == ("entered", "fund")
        assert stage.failed(signal, "option") == {"no_chain"}
        assert stage.order("first").symbol == "TQQQ"

    def test_mode_both_does_not_fall_to_the_fund_where_time_failed_too(self) -> None:
        # 15:16: 14 minutes to the option cut-off at 15:30, 39 to the fund's exit at 15:55.
        stage = Stage(mode="both")
        stage.quote("15:16")
        signal = stage.signal("15:16:00.5")
        assert stage.failed(signal, "option") == {"no_chain", "too_late"}
        assert (signal.decision, signal.code) == ("refused", "too_late")
        assert stage.verdicts(signal, "fund") == []

    def test_mode_both_does_not_fall_to_the_fund_where_conviction_failed_too(self) -> None:
        stage = quoted("TQQQ", mode="both")
        signal = stage.signal("10:00:01", conviction=49.0)
        assert signal.code == "conviction"
        assert stage.orders == []

    def test_mode_both_does_not_fall_to_the_fund_while_paused(self) -> None:
        stage = quoted("TQQQ", mode="both")
        stage.command("10:00:00.5", "pause")
        signal = stage.signal("10:00:01")
        assert (signal.code, stage.orders) == ("state", [])

    def test_the_stored_candidates_name_the_chosen_fund(self) -> None:
        stage = quoted("TQQQ", "QLD")
        stage.signal("10:00:01")
        found = [record for record in stage.records if isinstance(record, CandidateRecord)]
        assert [(row.symbol, row.chosen, row.lost_by) for row in found] == [("TQQQ", True, None)]


class TestETFScalpSizer:
    @pytest.mark.parametrize(
        ("rules", "shares"),
        [
            # 100,000 x 0.01 / 0.10 = 10,000 USD of risk; at 50.00 that is 200.
            ({"etf_max_risk_per_scalp": 0.01, "etf_stop_loss_pct": 0.10}, 200),
            # 100,000 x 0.30 / 3 = 10,000.
            ({"etf_leverage_budget_per_scalp": 0.30}, 200),
            # 100,000 x 0.05 = 5,000.
            ({"etf_max_position_fraction": 0.05}, 100),
        ],
    )
    def test_the_smallest_of_risk_leverage_and_position_decides(self, rules: dict[str, float], shares: int) -> None:
        sizer = ETFScalpSizer(ScalpConfig(**rules))  # type: ignore[arg-type]  # floats only
        assert sizer.calculate(50 * DOLLAR, 3.0, 80.0, EQUITY, EQUITY) == shares

    def test_buying_power_bounds_the_size(self) -> None:
        # 1,049.99 / 50.00 = 20.99.
        sizer = ETFScalpSizer(ScalpConfig())
        assert sizer.calculate(50 * DOLLAR, 3.0, 80.0, EQUITY, 1_049_990_000) == 20

    def test_conviction_of_75_is_high_and_just_under_it_is_medium(self) -> None:
        # 13,333.33 / 50 = 266 and 6,666.67 / 50 = 133.
        sizer = ETFScalpSizer(ScalpConfig())
        sizes = [sizer.calculate(50 * DOLLAR, 3.0, points, EQUITY, EQUITY) for points in (75.0, 74.999)]
        assert sizes == [266, 133]

    def test_medium_conviction_halves_what_buying_power_allows_too(self) -> None:
        # 0.5 x 1,000 / 50 = 10.
        sizer = ETFScalpSizer(ScalpConfig())
        assert sizer.calculate(50 * DOLLAR, 3.0, 60.0, EQUITY, 1_000 * DOLLAR) == 10

    def test_leverage_of_one_and_a_half_buys_more_than_leverage_of_three(self) -> None:
        # 40,000 / 1.5 = 26,666.67: 533 shares; 40,000 / 3: 266.
        sizer = ETFScalpSizer(ScalpConfig())
        assert [sizer.calculate(50 * DOLLAR, leverage, 80.0, EQUITY, EQUITY) for leverage in (1.5, 3.0)] == [533, 266]

    def test_an_inverse_fund_is_sized_by_its_absolute_leverage(self) -> None:
        sizer = ETFScalpSizer(ScalpConfig())
        assert sizer.calculate(50 * DOLLAR, -3.0, 80.0, EQUITY, EQUITY) == 266

    def test_a_share_dearer_than_the_budget_gives_none(self) -> None:
        # 13,333.33 does not pay for one share of 13,334.
        sizer = ETFScalpSizer(ScalpConfig())
        assert sizer.calculate(13_334 * DOLLAR, 3.0, 80.0, EQUITY, EQUITY) == 0
        assert sizer.calculate(13_333 * DOLLAR, 3.0, 80.0, EQUITY, EQUITY) == 1

    def test_a_share_without_a_price_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="cannot cost"):
            ETFScalpSizer(ScalpConfig()).calculate(0, 3.0, 80.0, EQUITY, EQUITY)

    def test_negative_buying_power_gives_none(self) -> None:
        assert ETFScalpSizer(ScalpConfig()).calculate(50 * DOLLAR, 3.0, 80.0, EQUITY, -1) == 0

    def test_stop_and_target_are_fractions_of_the_funds_own_price(self) -> None:
        # 50 x 0.985 = 49.25 and 50 x 1.03 = 51.50.
        sizer = ETFScalpSizer(ScalpConfig(etf_stop_loss_pct=0.015, etf_profit_target_pct=0.03))
        assert (sizer.stop(50e6), sizer.target(50e6)) == (49_250_000, 51_500_000)

    def test_both_halves_together_are_the_computed_size(self) -> None:
        # 0.05 x 100,000 = 5,000 / 50 = 100, of 5 x 50 = 250: 5 shares are 3 and 2.
        stage = quoted("TQQQ", equity_usd=5_000, etf_max_position_fraction=0.05)
        stage.signal("10:00:01")
        assert (stage.order("first").quantity, stage.position.second) == (3, 2)


class TestTickerToETFMapping:
    @pytest.mark.parametrize(
        ("ticker", "bull", "bear"),
        [
            ("QQQ", "TQQQ", "SQQQ"),
            ("SPY", "SPXL", "SPXS"),
            ("IWM", "TNA", "TZA"),
            ("NVDA", "SOXL", "SOXS"),
            ("AAPL", "TECL", "TECS"),
            ("META", "FNGU", "FNGD"),
            ("JPM", "FAS", "FAZ"),
            ("TSLA", "TQQQ", "SQQQ"),  # a Nasdaq-100 member without a sector
            ("KO", "SPXL", "SPXS"),  # an S&P 500 member outside the Nasdaq-100
        ],
    )
    def test_a_ticker_is_traded_by_its_nearest_family(self, ticker: str, bull: str, bear: str) -> None:
        for direction, symbol in ((1, bull), (-1, bear)):
            stage = quoted(bull, bear)
            stage.signal("10:00:01", ticker, direction)
            assert stage.order("first").symbol == symbol

    def test_an_unknown_ticker_is_unmapped(self) -> None:
        stage = quoted("TQQQ", "SPXL")
        signal = stage.signal("10:00:01", "ZZZZ")
        assert (signal.code, stage.orders) == ("unmapped", [])

    def test_without_sector_mapping_a_share_follows_its_index(self) -> None:
        stage = quoted("SOXL", "TQQQ", etf_sector_mapping_enabled=False)
        stage.signal("10:00:01", "NVDA")
        assert stage.order("first").symbol == "TQQQ"

    def test_without_notes_a_ticker_that_has_only_notes_is_not_permitted(self) -> None:
        stage = quoted("FNGU", allow_etn=False)
        signal = stage.signal("10:00:01", "META")
        assert (signal.code, stage.orders) == ("permission", [])

    def test_without_notes_a_ticker_that_has_funds_still_trades(self) -> None:
        stage = quoted("TQQQ", allow_etn=False)
        stage.signal("10:00:01", "QQQ")
        assert stage.order("first").symbol == "TQQQ"

    @pytest.mark.parametrize("wide", [(49.90, 50.00), (49.99, float("nan")), (50.01, 50.0)])
    def test_the_2x_fund_is_bought_where_the_3x_fund_has_no_narrow_quote(self, wide: tuple[float, float]) -> None:
        stage = quoted("QLD")
        stage.quote("10:00:00.5", *wide, symbol="TQQQ")
        stage.signal("10:00:01")
        assert (stage.order("first").symbol, stage.position.leverage) == ("QLD", 2.0)

    def test_the_2x_fund_is_bought_where_the_3x_fund_trades_too_little(self) -> None:
        stage = quoted("TQQQ", "QLD")
        stage.signal("10:00:01", seen={"dollar_volume": LIQUID | {"TQQQ": 9_999_999.0}})
        assert stage.order("first").symbol == "QLD"

    def test_the_2x_fund_comes_first_where_3x_is_not_preferred(self) -> None:
        stage = quoted("TQQQ", "QLD", etf_prefer_3x=False)
        stage.signal("10:00:01")
        assert stage.order("first").symbol == "QLD"

    def test_the_3x_fund_is_bought_where_3x_is_not_preferred_and_the_2x_fund_is_not_quoted(self) -> None:
        stage = quoted("TQQQ", etf_prefer_3x=False)
        stage.signal("10:00:01")
        assert stage.order("first").symbol == "TQQQ"

    def test_the_first_funds_verdicts_stand_where_none_is_liquid(self) -> None:
        stage = quoted("TQQQ", "QLD")
        poor = LIQUID | {"TQQQ": 5.0, "QLD": 6.0}
        signal = stage.signal("10:00:01", seen={"dollar_volume": poor})
        assert stage.verdict(signal, Refusal.FUND_VOLUME).measured == 5.0
