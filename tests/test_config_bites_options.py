"""Every setting of the option leg changes some decision: at the default and at the value given here they differ."""

import json
from collections.abc import Callable
from datetime import time
from typing import Any

import pytest

from operators.config import EngineSettings
from tests.option_builders import TOMORROW, OptionStage, table
from tests.strike_builders import Chains, single

RISING = tuple(0.10 + 0.01 * number for number in range(21))
"""IVs of 21 sessions among which the chain's 0.20 ranks 0.5."""
SKEWED = (*[0.10] * 18, 0.19, 0.19, 1.0)
"""Of these 20 of 21 are under 0.20, whose rank is (0.20 - 0.10) / 0.90."""
INDEX = EngineSettings(risk_free_rate=0.0, index_options=True)


def decided(stage: OptionStage, when: str = "10:00:01", ticker: str = "QQQ") -> str | None:
    """The contract that a signal buys, or the code that refused it."""
    record = stage.signal(when, ticker)
    return stage.order("first").symbol if record.code is None else record.code


def bought(**rules: Any) -> str | None:
    """The contract that the usual chain gives, or the code of the refusal."""
    stage = OptionStage(**rules)
    stage.chain("10:00")
    return decided(stage)


def tomorrow(atm_ivs: tuple[float, ...] = RISING, **rules: Any) -> str | None:
    """The contract of 1DTE that is bought, or the code of the refusal."""
    stage = OptionStage(contracts=table(expiries=(TOMORROW,)), **rules)
    stage.atm_ivs = atm_ivs
    stage.chain("10:00")
    return decided(stage)


def contracts(atm_ivs: tuple[float, ...] = RISING, **rules: Any) -> tuple[int, int] | str:
    """Contracts of both halves of one 1DTE call at 0.77, or the code of the refusal."""
    stage = single(0.76, 0.77, **rules)
    stage.atm_ivs = atm_ivs
    record = stage.signal("10:00:01")
    return (stage.order("first").quantity, stage.option.second) if record.code is None else record.code


def level(name: str, **rules: Any) -> str:
    """The stop or target of the scalp that the usual chain gives at 0.77."""
    told: dict[str, str] = json.loads(OptionStage(**rules).buy().metadata_json)
    return told[name]


def index(**rules: Any) -> str | None:
    """What a signal of SPY buys where SPX has options too."""
    stage = Chains(scalp_tickers=("SPY", "SPX"), engine=INDEX, **rules)
    for underlying in ("SPX", "SPY"):
        stage.list("10:00" if underlying == "SPX" else "10:00:00.5", underlying)
    return decided(stage, ticker="SPY")


def second(**rules: Any) -> str | None:
    """What a signal of SPY buys while an option scalp of QQQ is pending."""
    stage = Chains(**rules)
    stage.chain("10:00")
    stage.list("10:00:00.5", "SPY")
    stage.signal("10:00:01")
    return decided(stage, "10:00:01.1", "SPY")


def share(**rules: Any) -> str | None:
    """What a signal of NVDA buys that lists 0DTE and 1DTE."""
    stage = OptionStage(contracts=table("NVDA"), **rules)
    stage.chain("10:00")
    return decided(stage, ticker="NVDA")


OPTION_BITES: dict[str, Callable[..., object]] = {
    "allow_spx": index,
    "target_delta_min": bought,
    "target_delta_max": bought,
    "max_spread_pct": bought,
    "min_open_interest": bought,
    "min_volume": bought,
    "max_risk_per_scalp": contracts,
    "max_loss_pct": lambda **rules: level("stop", **rules),
    "profit_target_pct": lambda **rules: level("target", **rules),
    "max_concurrent_scalps": second,
    "max_iv_rank": tomorrow,
    "max_theta_burn_pct": tomorrow,
    "max_gamma": tomorrow,
    "zero_dte_cutoff": bought,
    "stock_zero_dte": share,
    "iv_rank_unknown": lambda **rules: contracts((), **rules),
    "iv_rank_kind": lambda **rules: tomorrow(SKEWED, **rules),
    "theta_basis": tomorrow,
    "planned_hold_minutes": tomorrow,
    "max_total_premium_fraction": contracts,
    "max_order_contracts": contracts,
}
# At these settings the decision differs from the default's; the comment says how.
SETTINGS: dict[str, Any] = {
    "allow_spx": False,  # SPY's own option
    "target_delta_min": 0.38,  # 0DTE has 0.370 and 0.501: 1DTE is bought
    "target_delta_max": 0.36,  # the same
    "max_spread_pct": 0.02,  # 0.75 to 0.77 is 0.026: 1DTE is bought
    "min_open_interest": 12_000,  # that many are open, and must be exceeded
    "min_volume": 6_000,  # the same of contracts traded
    "max_risk_per_scalp": 0.01,  # 25 in place of 50
    "max_loss_pct": 0.40,  # the stop is 0.462 in place of 0.385
    "profit_target_pct": 0.30,  # the target is 1.001 in place of 0.9625
    "max_concurrent_scalps": 1,  # the second is refused
    "max_iv_rank": 0.49,  # the rank is 0.5
    "max_theta_burn_pct": 0.01,  # an hour of a day's option costs about 2 %
    "max_gamma": 0.05,  # near 0.4 / (571 x 0.20 x 0.0585) = 0.06 at the money
    "zero_dte_cutoff": time(10, 10),  # 10 minutes are too few: 1DTE is bought
    "stock_zero_dte": True,
    "iv_rank_unknown": "allow",  # 50 in place of 25
    "iv_rank_kind": "percentile",  # 0.95 in place of 0.11
    "theta_basis": "day",  # about 40 % a day
    "planned_hold_minutes": 390,  # more than 10 %
    "max_total_premium_fraction": 0.02,  # 25 in place of 50
    "max_order_contracts": 10,  # 10 and 10 in place of 25 and 25
}
# What is decided then.
CHANGED: dict[str, object] = {
    "allow_spx": "SPY250818C00572000",
    "target_delta_min": "QQQ250819C00572000",
    "target_delta_max": "QQQ250819C00574000",
    "max_spread_pct": "QQQ250819C00573000",
    "min_open_interest": "open_interest",
    "min_volume": "volume",
    "max_risk_per_scalp": (13, 12),
    "max_loss_pct": "0.462000",
    "profit_target_pct": "1.001000",
    "max_concurrent_scalps": "slots",
    "max_iv_rank": "iv_rank",
    "max_theta_burn_pct": "theta",
    "max_gamma": "gamma",
    "zero_dte_cutoff": "QQQ250819C00573000",
    "stock_zero_dte": "NVDA250818C00572000",
    "iv_rank_unknown": (25, 25),
    "iv_rank_kind": "iv_rank",
    "theta_basis": "theta",
    "planned_hold_minutes": "theta",
    "max_total_premium_fraction": (13, 12),
    "max_order_contracts": (10, 10),
}


@pytest.mark.parametrize("name", OPTION_BITES)
def test_a_setting_of_the_option_leg_changes_a_decision(name: str) -> None:
    default, changed = OPTION_BITES[name](), OPTION_BITES[name](**{name: SETTINGS[name]})
    assert default != changed
    assert changed == CHANGED[name]
