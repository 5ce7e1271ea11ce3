"""The settings: every field of the requirement with its default, and nothing implausible gets in."""

from datetime import time
from decimal import Decimal
from math import nan
from typing import Any

import pytest
from pydantic import ValidationError

from flows.settings import BadSettings, load
from operators.config import EngineSettings, ScalpConfig
from operators.events import OutsideSignal
from operators.market import Market
from operators.moments import Setup
from tests.builders import Stage, ny
from tests.option_builders import TOMORROW, OptionStage, table
from tests.strike_builders import Chains

# Product requirement "Configuration", field by field; clocks are times here.
REQUIRED: dict[str, Any] = {
    "scalp_tickers": ("SPY", "QQQ", "NVDA", "TSLA", "AAPL", "MSFT", "META", "AMZN"),
    "allow_spx": True,
    "target_delta_min": 0.30,
    "target_delta_max": 0.50,
    "max_spread_pct": 0.10,
    "min_open_interest": 1000,
    "min_volume": 500,
    "max_risk_per_scalp": 0.02,
    "max_loss_pct": 0.50,
    "profit_target_pct": 0.25,
    "max_concurrent_scalps": 3,
    "no_average_up": True,
    "max_iv_rank": 0.80,
    "max_theta_burn_pct": 0.05,
    "max_gamma": 0.15,
    "scalp_start_time": time(9, 35),
    "zero_dte_cutoff": time(14, 0),
    "one_dte_cutoff": time(15, 30),
    "no_scalp_around_fomc": True,
    "entry_order_type": "limit",
    "limit_offset": 0.02,
    "fill_timeout_seconds": 15,
    "min_conviction_to_scalp": 50,
    "require_macro_alignment": True,
    "etf_max_risk_per_scalp": 0.03,
    "etf_stop_loss_pct": 0.02,
    "etf_profit_target_pct": 0.02,
    "etf_max_concurrent_scalps": 5,
    "etf_min_daily_volume": 10_000_000,
    "etf_max_spread_pct": 0.05,
    "etf_prefer_3x": True,
    "etf_sector_mapping_enabled": True,
}


@pytest.mark.parametrize(("name", "default"), REQUIRED.items())
def test_a_field_of_the_requirement_has_its_default(name: str, default: object) -> None:
    assert getattr(ScalpConfig(), name) == default


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("max_spread_pct=10", r"max_spread_pct = 10: .*fraction.*over 0.*at most 1"),
        ("etf_stop_loss_pct=2", r"etf_stop_loss_pct = 2: .*fraction"),
        ("etf_stop_loss_pct=0", r"etf_stop_loss_pct = 0: .*fraction"),
        ("etf_stop_loss_pct=-0.02", r"etf_stop_loss_pct = -0.02: "),
        ("etf_profit_target_pct=2", r"etf_profit_target_pct = 2: .*fraction.*0.001.*0.1"),
        ("etf_profit_target_pct=0.0009", "etf_profit_target_pct"),
        ("etf_max_spread_pct=5", r"etf_max_spread_pct = 5: .*percent.*over 0.*at most 1"),
        ("etf_max_spread_pct=0", "etf_max_spread_pct = 0: .*percent"),
        ("max_risk_per_scalp=NaN", "max_risk_per_scalp = nan: .*finite"),
        ("limit_offset=Infinity", "limit_offset = inf: .*finite.*USD"),
        ("limit_offset=-0.01", "limit_offset = -0.01: .*USD"),
        ("max_risk_per_scalp=true", "max_risk_per_scalp = True: .*fraction"),
        ("max_concurrent_scalps=true", "max_concurrent_scalps = True: .*number"),
        ("max_concurrent_scalps=0", "max_concurrent_scalps = 0: "),
        ("min_volume=-1", "min_volume = -1: "),
        ("min_conviction_to_scalp=101", "min_conviction_to_scalp = 101: .*points of 100"),
        ("no_average_up=1", "no_average_up = 1: .*true or false"),
        ("allow_etn=yes", "allow_etn = 'yes': .*true or false"),
        ("etf_stop_loss_pct=two", "etf_stop_loss_pct = 'two': .*fraction"),
        ("fill_timeout_seconds=15.5", "fill_timeout_seconds = 15.5: "),
        ("cooldown_minutes=391", "cooldown_minutes = 391: .*minutes.*at most 390"),
        ("scalp_start_time=08:00", "scalp_start_time = '08:00': .*New York time"),
        ("scalp_start_time=16:01", "scalp_start_time = '16:01': .*New York time"),
        ("entry_order_type=stop", "entry_order_type = 'stop': .*limit, market"),
        ("entry_timeframe_minutes=3", "entry_timeframe_minutes = 3: .*1, 5"),
        ('scalp_tickers=["QQQ", 7]', r"scalp_tickers\.1 = 7"),
        ("paper_latency_ms=-1", "paper_latency_ms = -1: .*milliseconds"),
        ("start_equity_usd=0", "start_equity_usd = 0: .*USD"),
        ("start_equity_usd=NaN", "start_equity_usd = nan: "),
        ("quote_max_age_seconds=0", "quote_max_age_seconds = 0: .*seconds"),
        ("account_profile=rich", "account_profile = 'rich': .*pdt_25k"),
        ("etf_max_spread=0.05", "etf_max_spread is no setting; did you mean etf_max_spread_pct?"),
        ("leverage=3", "leverage is no setting"),
    ],
)
def test_an_implausible_setting_is_refused_with_its_path_unit_and_range(setting: str, sentence: str) -> None:
    with pytest.raises(BadSettings, match=sentence):
        load(values=[setting])


@pytest.mark.parametrize("setting", ["scalp_start_time=34500", "scalp_start_time=09:35Z", "zero_dte_cutoff=50000.5"])
def test_a_time_is_a_wall_time_of_new_york_and_nothing_else(setting: str) -> None:
    with pytest.raises(BadSettings, match="New York time"):
        load(values=[setting])


def test_true_is_no_number_of_minutes() -> None:
    with pytest.raises(BadSettings, match="entry_timeframe_minutes"):
        load(values=["entry_timeframe_minutes=true"])


def test_the_sentence_about_a_ticker_shows_the_pattern_as_it_is() -> None:
    with pytest.raises(BadSettings) as refused:
        load(values=['scalp_tickers=["qqq"]'])
    assert "^[a-z]" not in str(refused.value)


@pytest.mark.parametrize("low", [0.50, 0.51])
def test_the_delta_band_must_not_be_empty(low: float) -> None:
    with pytest.raises(BadSettings, match=f"target_delta_min {low} must be under target_delta_max 0.5"):
        load(values=[f"target_delta_min={low}"])


def test_an_empty_list_of_tickers_is_refused() -> None:
    with pytest.raises(BadSettings, match="scalp_tickers is empty"):
        load(values=["scalp_tickers=[]"])


def test_a_percent_field_is_a_hundredth_of_a_fraction() -> None:
    # 0.05 percent is 0.0005: 0.0500125 % (39.98 to 40.00) is too wide, 0.04 % (49.98 to 50.00) is not.
    codes = []
    for bid, ask in ((39.98, 40.0), (49.98, 50.0)):
        stage = Stage()
        stage.quote("10:00", bid, ask)
        codes.append(stage.signal("10:00:01").code)
    assert codes == ["fund_spread", None]


def test_settings_do_not_change_after_they_are_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ScalpConfig().etf_stop_loss_pct = 0.5


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("quote_max_age_seconds", 2.0),
        ("stale_exit_after_seconds", 30.0),
        ("paper_latency_ms", 200),
        ("start_equity_usd", Decimal(100_000)),
        ("account_profile", "none"),
        ("chain_max_age_seconds", 5.0),
        ("risk_free_rate", 0.04),
        ("paper_fee_per_contract_usd", Decimal("0.65")),
        ("index_options", False),
    ],
)
def test_an_engine_setting_has_its_default(name: str, default: object) -> None:
    assert getattr(EngineSettings(), name) == default


def test_an_outside_signals_age_limit_is_a_setting() -> None:
    market = Market(ScalpConfig(), EngineSettings(outside_signal_max_age_seconds=10.0))
    (born,) = market.on(OutsideSignal(1, ny("10:00"), ny("10:00"), "QQQ", "long", 80.0))
    assert isinstance(born, Setup)
    assert born.max_age_ns == 10_000_000_000


@pytest.mark.parametrize(("seconds", "code"), [(4.0, None), (3.999, "no_chain")])
def test_a_chains_age_limit_is_a_setting(seconds: float, code: str | None) -> None:
    stage = OptionStage(engine=EngineSettings(chain_max_age_seconds=seconds))
    stage.chain("10:00")
    assert stage.signal("10:00:04").code == code


@pytest.mark.parametrize(("rate", "code"), [(0.0, None), (0.25, "delta")])
def test_without_pairs_the_rate_moves_the_forward_and_with_it_the_deltas(rate: float, code: str | None) -> None:
    # No put is quoted, so the forward of tomorrow is 571 x exp(rate x 30 / 8,760), 571.00 or 571.49: the call at 573
    # is 2.00 or 1.51 away from it, and its delta is 0.385 or 0.406.
    band = {"target_delta_min": 0.38, "target_delta_max": 0.40}
    engine = EngineSettings(risk_free_rate=rate)
    stage = OptionStage(engine=engine, contracts=table(expiries=(TOMORROW,)), **band)
    stage.chain("10:00", {name: {"bid": nan} for name in stage.contracts.symbols if "P0" in name})
    assert stage.signal("10:00:01").code == code


@pytest.mark.parametrize(("fee", "contracts", "fees"), [("0.65", 50, "16.25"), ("0", 51, "0"), ("2.5", 45, "57.5")])
def test_the_fee_of_a_contract_is_risked_on_both_sides_and_paid_on_each(fee: str, contracts: int, fees: str) -> None:
    # At 0.77: 2,000 / (38.50 + 1.30) = 50.3, 2,000 / 38.50 = 51.9, 2,000 / (38.50 + 5.00) = 45.98; half is bought.
    stage = OptionStage(engine=EngineSettings(risk_free_rate=0.0, paper_fee_per_contract_usd=Decimal(fee)))
    scalp = stage.buy()
    assert (scalp.contracts + stage.option.second, scalp.fees) == (contracts, Decimal(fees))


@pytest.mark.parametrize(("may", "bought"), [(False, "SPY250818C00572000"), (True, "SPX250818C00572000")])
def test_options_of_the_index_are_bought_only_where_the_account_may(may: bool, bought: str) -> None:
    stage = Chains(engine=EngineSettings(risk_free_rate=0.0, index_options=may), scalp_tickers=("SPY", "SPX"))
    stage.list("10:00", "SPY")
    stage.list("10:00:00.5", "SPX")
    stage.signal("10:00:01", "SPY")
    assert stage.order("first").symbol == bought
