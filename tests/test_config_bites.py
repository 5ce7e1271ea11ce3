"""Every field of ScalpConfig changes some decision; those of the option leg alone stand in a file of their own."""

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS
from operators.market import Market
from operators.moments import Setup
from tests.builders import LIQUID, Stage, bar, ny, quoted
from tests.play import started
from tests.test_config_bites_options import OPTION_BITES


def code(clock: str = "10:00:01", **rules: Any) -> str | None:
    """The code of a signal that nothing but the rules could refuse."""
    seen = rules.pop("seen", None)
    signal = rules.pop("signal", {})
    stage = quoted(clock, **rules)
    return stage.signal(stage.at(clock) + 1, seen=seen, **signal).code


def scalp(**rules: Any) -> Any:
    """The usual scalp after its first half."""
    stage = Stage(**rules)
    return stage.hold()


def second_half(**rules: Any) -> str | None:
    """What becomes of a second half whose bar bounces at a small loss."""
    stage = Stage(**rules)
    stage.hold()
    stage.stand("10:01:59.9")
    stage.bar("10:02", cloud=(499.0, 500.5))
    return stage.scalp.second_half


def reasons(day: Any, until: str, **rules: Any) -> list[str | None]:
    """The exits of a scalp of 13:20 that stands until a time."""
    stage = Stage(day=day, **rules)
    stage.hold("13:20")
    stage.stand(until)
    return [order.reason for order in stage.orders if order.action == "exit"]


def after_stop(**rules: Any) -> str | None:
    """The code of a signal five minutes after a stop."""
    stage = quoted(**rules)
    stage.hold()
    stage.quote("10:00:02", 48.0, 48.01)
    stage.reach("10:00:03")
    stage.quote("10:05:30")
    return stage.signal("10:05:30.5").code


def loss(**rules: Any) -> str:
    """The trading state after an open loss of 133 x 0.90 = 119.70."""
    stage = Stage(**rules)
    stage.hold()
    stage.quote("10:00:02", 49.1, 49.11)
    stage.bar("10:00:03")
    return stage.book.trading


def timed_out(**rules: Any) -> str:
    """The state of an unfilled entry ten seconds after its sending."""
    stage = Stage(**rules)
    stage.quote("10:00", ask_size=0.0)
    stage.signal("10:00:01")
    stage.quote("10:00:05", ask_size=0.0)
    stage.reach("10:00:11")
    return stage.order("first").state


def setups(**rules: Any) -> list[tuple[int, int, int]]:
    """Own signals of a session whose prices and volumes wander, always on the same way."""
    market, way = Market(ScalpConfig(**(READY_SOON | rules)), EngineSettings()), Random(7)
    market.on(started(ny("09:30")))
    found: list[tuple[int, int, int]] = []
    price = 500.0
    for number in range(1, 385):
        close = price + way.uniform(-1.0, 1.0)
        high, low = max(price, close) + way.uniform(0.0, 1.0), min(price, close) - way.uniform(0.0, 1.0)
        volume = way.uniform(500.0, 3000.0)
        item = bar(ny("09:30") + number * MINUTE_NS, open=price, high=high, low=low, close=close, volume=volume)
        born = [one for one in market.on(item) if isinstance(one, Setup)]
        found += [(one.bar_close_ns, one.direction, one.timeframe_minutes) for one in born]
        price = close
    return found


def buying(**rules: Any) -> int | str | None:
    """Shares of the first half of the usual signal, or the code that refused it."""
    stage = quoted(**rules)
    record = stage.signal("10:00:01")
    return stage.order("first").quantity if record.code is None else record.code


def symbol(*symbols: str, ticker: str = "QQQ", **rules: Any) -> str | None:
    """The fund that is bought where these are quoted, or the code of the refusal."""
    stage = Stage(scalp_tickers=(ticker,), **rules)
    for number, name in enumerate(symbols):
        stage.quote(ny("10:00") + number, symbol=name)
    record = stage.signal("10:00:01", ticker)
    return stage.order("first").symbol if record.code is None else record.code


def limit(**rules: Any) -> Decimal | None:
    """The limit of an entry at 49.90 to 50.00."""
    stage = Stage(etf_max_spread_pct=1.0, **rules)
    stage.quote("10:00", 49.9, 50.0)
    stage.signal("10:00:01")
    return stage.order("first").limit_price


def second_scalp(**rules: Any) -> str | None:
    """The code of a signal on SPY while a scalp of QQQ is open."""
    stage = quoted(**rules)
    stage.quote("10:00:00.5", symbol="SPXL")
    stage.signal("10:00:01")
    return stage.signal("10:00:01.1", "SPY").code


def late_option(**rules: Any) -> set[str]:
    """The codes of the option leg at 14:50."""
    stage = Stage(mode="options", **rules)
    stage.quote("14:50")
    return stage.failed(stage.signal("14:50:00.5"), "option")


def wide(**rules: Any) -> str | None:
    """The code of a signal at 39.98 to 40.00, 0.05001 % of the mid."""
    stage = Stage(**rules)
    stage.quote("10:00", 39.98, 40.0)
    return stage.signal("10:00:01").code


READY_SOON = {"require_macro_alignment": False, "cloud_warmup_multiple": 1}
FED = date(2025, 7, 30)
BITES: dict[str, Callable[..., object]] = {
    "scalp_tickers": buying,
    "no_average_up": second_half,
    "scalp_start_time": lambda **rules: code("09:35", **rules),
    "one_dte_cutoff": late_option,
    "no_scalp_around_fomc": lambda **rules: code("13:31", day=FED, **rules),
    "entry_order_type": limit,
    "limit_offset": limit,
    "fill_timeout_seconds": timed_out,
    "min_conviction_to_scalp": lambda **rules: code(signal={"conviction": 50.0}, **rules),
    "require_macro_alignment": lambda **rules: code(seen={"bias": 0}, **rules),
    "etf_max_risk_per_scalp": buying,
    "etf_stop_loss_pct": lambda **rules: scalp(**rules).stop_loss,
    "etf_profit_target_pct": lambda **rules: scalp(**rules).target_price,
    "etf_max_concurrent_scalps": second_scalp,
    "etf_min_daily_volume": lambda **rules: code(seen={"dollar_volume": LIQUID}, **rules),
    "etf_max_spread_pct": wide,
    "etf_prefer_3x": lambda **rules: symbol("TQQQ", "QLD", **rules),
    "etf_sector_mapping_enabled": lambda **rules: symbol("SOXL", "TQQQ", ticker="NVDA", **rules),
    "entry_timeframe_minutes": setups,
    "volume_ratio_min": setups,
    "cloud_source": setups,
    "cloud_warmup_multiple": setups,
    "min_minutes_to_exit": lambda **rules: code("15:39:30", **rules),
    "cooldown_minutes": after_stop,
    "fomc_flatten": lambda **rules: reasons(FED, "13:56", **rules),
    "allow_etn": lambda **rules: symbol("FNGU", ticker="META", **rules),
    "etf_leverage_budget_per_scalp": buying,
    "etf_max_position_fraction": buying,
    "max_gross_leverage": second_scalp,
    "max_scalps_per_day": second_scalp,
    "max_order_shares": buying,
    "max_order_notional_fraction": buying,
    "daily_loss_limit": loss,
}
# At these settings the decision differs from the default's; the comment says how.
SETTINGS: dict[str, Any] = {
    "scalp_tickers": ("SPY",),  # QQQ is refused
    "no_average_up": False,  # the bid of 49.99 is under the entry of 50.00
    "scalp_start_time": time(9, 36),  # 09:35 is too early
    "one_dte_cutoff": time(15, 0),  # the option leg is too late at 14:50
    "no_scalp_around_fomc": False,  # 13:31 is inside the window
    "entry_order_type": "market",  # no limit
    "limit_offset": 0.04,  # 49.95 + 0.04 = 49.99 in place of 49.97
    "fill_timeout_seconds": 9,  # cancelled at 10:00:10.2
    "min_conviction_to_scalp": 50.001,  # 50 points are too few
    "require_macro_alignment": False,  # a neutral macro is not asked
    "etf_max_risk_per_scalp": 0.002,  # 200 / 0.02 = 10,000: 200 shares in place of 266
    "etf_stop_loss_pct": 0.01,  # 49.50 in place of 49.00
    "etf_profit_target_pct": 0.03,  # 51.50 in place of 51.00
    "etf_max_concurrent_scalps": 1,  # the second is refused
    "etf_min_daily_volume": 1_000_000_001.0,  # the funds of these tests trade 1,000,000,000 a day
    "etf_max_spread_pct": 0.06,  # two ticks of 40.00 are 0.05001 %
    "etf_prefer_3x": False,
    "etf_sector_mapping_enabled": False,  # NVDA is a Nasdaq-100 member too
    "entry_timeframe_minutes": 5,
    "volume_ratio_min": 1.2,
    "cloud_source": "close",
    "cloud_warmup_multiple": 12,  # 144 bars before the fast cloud is ready
    "min_minutes_to_exit": 16,  # 15:39:30 is 15.5 minutes before the exit
    "cooldown_minutes": 5,  # five minutes and 28 s after the stop
    "fomc_flatten": False,
    "allow_etn": False,
    "etf_leverage_budget_per_scalp": 0.30,  # 10,000 / 50 = 200
    "etf_max_position_fraction": 0.10,  # 10,000 / 50 = 200
    "max_gross_leverage": 0.5,  # 0.40 is taken, 0.10 is less than half of 0.40
    "max_scalps_per_day": 1,
    "max_order_shares": 100,  # 100 in place of 133 in the first order
    "max_order_notional_fraction": 0.06,  # 6,000 / 50 = 120 shares an order
    "daily_loss_limit": 0.001,  # 119.70 is more than 100
}


@pytest.mark.parametrize("name", BITES)
def test_a_setting_changes_a_decision(name: str) -> None:
    default, changed = BITES[name](), BITES[name](**{name: SETTINGS[name]})
    assert default != changed


def test_every_field_bites() -> None:
    assert set(BITES) | set(OPTION_BITES) == set(ScalpConfig.model_fields)
    assert not set(BITES) & set(OPTION_BITES)
