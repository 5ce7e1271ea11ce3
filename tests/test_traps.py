"""The traps of the rules' last section that funds can fall into; each was seen in earlier software of this kind."""

from datetime import date
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest

from operators import sessions
from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS
from operators.market import Market
from operators.moments import Setup
from operators.signals import conviction
from tests.builders import LIQUID, Stage, bar, ny, quoted, view
from tests.play import started


def market(**rules: Any) -> Market:
    """A market whose macro cloud is not asked and whose fast cloud is ready after 12 bars."""
    made = Market(ScalpConfig(require_macro_alignment=False, cloud_warmup_multiple=1, **rules), EngineSettings())
    made.on(started(ny("09:30")))
    return made


def fed(made: Market, prices: list[float], volumes: list[float] | None = None) -> list[Setup]:
    """The setups of bars at these prices from 09:30 on; volume 1,000 unless told."""
    found: list[Setup] = []
    for number, price in enumerate(prices, start=1):
        volume = 1000.0 if volumes is None else volumes[number - 1]
        item = bar(ny("09:30") + number * MINUTE_NS, open=price, high=price, low=price, close=price, volume=volume)
        found += [one for one in made.on(item) if isinstance(one, Setup)]
    return found


FALL = [500.0 - number / 10 for number in range(40)]
"""Prices of forty falling bars: the fast cloud is bearish after them."""


def test_an_inverse_fund_is_bought_never_sold_short_for_a_bearish_signal() -> None:
    stage = quoted()
    stage.signal("10:00:01", direction=-1)
    stage.reach("10:00:01.2")
    assert [(fill.symbol, fill.side, fill.quantity) for fill in stage.fills] == [("SQQQ", "buy", 133)]


def test_no_stock_order_is_sent_in_options_mode() -> None:
    stage = quoted(mode="options")
    for second in range(1, 9):
        stage.quote(f"10:00:0{second}")
        stage.signal(f"10:00:0{second}.5", bar_close_ns=ny("10:00") - second * MINUTE_NS, max_age_ns=10**15)
    assert stage.orders == []


def test_the_stop_of_a_fund_is_of_its_own_price_not_of_the_underlyings() -> None:
    # QQQ at 500 would give 490; TQQQ was bought at 50.00, so 49.00.
    stage = Stage()
    assert stage.hold().stop_loss == Decimal(49)


def test_a_scalp_is_closed_only_by_a_fill_of_a_sale() -> None:
    stage = Stage()
    stage.hold()
    stage.quote("10:00:02", 48.0, 48.01, bid_size=0.0)
    stage.reach("10:00:10")
    assert (stage.order("exit").side, stage.scalp.status) == ("sell", "open")
    stage.quote("10:00:11", 48.0, 48.01)
    assert (stage.scalp.status, sum(f.quantity for f in stage.fills if f.side == "sell")) == ("closed", 133)


def test_an_order_that_was_not_filled_is_no_position() -> None:
    stage = Stage()
    stage.quote("10:00", ask_size=0.0)
    stage.signal("10:00:01")
    stage.reach("10:00:02")
    assert stage.scalps == {}
    assert (stage.position.held, stage.book.cash_micros) == (0, 100_000_000_000)


def test_a_contract_is_never_invented() -> None:
    stage = quoted(mode="options")
    signal = stage.signal("10:00:01")
    (found,) = [verdict for verdict in stage.verdicts(signal, "option") if not verdict.passed]
    assert (found.code, found.evaluated, found.symbol) == ("no_chain", False, None)


def test_a_crossed_market_is_no_narrow_market() -> None:
    # ask - bid is -1.00, under every spread limit.
    stage = Stage()
    stage.quote("10:00", 51.0, 50.0)
    assert stage.signal("10:00:01").code == "fund_spread"


def test_new_york_is_five_hours_behind_utc_in_winter_and_four_in_summer() -> None:
    for day, hour in ((date(2025, 1, 14), 14), (date(2025, 8, 18), 13)):
        stage = quoted("09:34:59", day=day)
        assert stage.signal("09:34:59.5").code == "start_time"
        assert sessions.utc(stage.at("09:35")).hour == hour
        assert quoted("09:35", day=day).signal("09:35:00.5", bar_close_ns=ny("09:35", day)).code is None


def test_one_share_is_never_forced_over_the_budget() -> None:
    # 0.40 x 370 / 3 = 49.33 USD do not pay for one share of 50.00; with 375 they do.
    poor, rich = quoted(equity_usd=370), quoted(equity_usd=375)
    assert poor.signal("10:00:01").code == "too_small"
    assert (rich.signal("10:00:01").code, rich.order("first").quantity) == (None, 1)


def test_a_second_signal_opens_no_second_position() -> None:
    stage = Stage()
    stage.hold()
    stage.stand("10:03")
    assert stage.signal("10:03:00.5").code == "position_open"
    assert stage.count("first") == 1


def test_exhaustion_is_a_reason_to_sell_and_never_to_buy() -> None:
    stage = Stage()
    stage.hold()
    stage.quote("10:00:02", 50.0, 50.01)
    for minute in (2, 3, 4):
        stage.stand(f"10:0{minute}")
        stage.bar(f"10:0{minute}:00.1", event_ns=ny(f"10:0{minute}"), cloud=(400.0, 401.0))
    assert [(order.action, order.side) for order in stage.orders] == [("first", "buy"), ("exit", "sell")]
    assert stage.order("exit").reason == "exhaustion"


def test_a_bar_that_is_still_forming_is_never_used() -> None:
    # The five-minute cloud has seen only what closed: 7 one-minute bars are one bar of five.
    made = market()
    fed(made, [500.0] * 7)
    assert made.state.tickers["QQQ"].fast5.long.count == 1


def test_the_volume_average_leaves_the_trigger_out() -> None:
    # Twenty bars of 1,000: a trigger of 1,510 is over 1,500. With itself in the mean the limit would be
    # 1.5 x (20 x 1,000 + 1,510) / 21 = 1,536.
    for volume, expected in ((1500.0, 0), (1510.0, 1)):
        prices = [*FALL, 520.0]
        volumes = [1000.0] * len(FALL) + [volume]
        assert len(fed(market(), prices, volumes)) == expected


def test_an_unknown_ticker_is_not_mapped_to_the_nasdaq_funds() -> None:
    stage = quoted(scalp_tickers=("ZZZZ",))
    assert stage.signal("10:00:01", "ZZZZ").code == "unmapped"


@pytest.mark.parametrize("conviction_points", [nan, -inf])
def test_a_conviction_of_nan_does_not_pass(conviction_points: float) -> None:
    assert quoted().signal("10:00:01", conviction=conviction_points).code == "conviction"


@pytest.mark.parametrize(("bid", "ask"), [(nan, 50.0), (49.99, nan), (nan, nan)])
def test_a_price_of_nan_does_not_pass_the_spread_check(bid: float, ask: float) -> None:
    stage = Stage()
    stage.quote("10:00", bid, ask)
    assert stage.signal("10:00:01").code == "fund_spread"


def test_a_dollar_volume_of_nan_does_not_pass() -> None:
    assert quoted().signal("10:00:01", seen={"dollar_volume": LIQUID | {"TQQQ": nan}}).code == "fund_volume"


def test_a_bid_of_nan_does_not_pass_as_no_loss_for_the_second_half() -> None:
    stage = Stage()
    stage.hold()
    stage.stand("10:01:59")
    stage.quote("10:01:59.9", nan, 50.0)
    stage.bar("10:02", cloud=(499.0, 500.5))
    assert stage.count("second") == 0


def test_an_average_of_exactly_zero_is_not_taken_for_missing() -> None:
    # Close 1.00 over an EMA of 0.0 with a true range of 2.00: half of the 10 points.
    closed = bar(ny("10:00"), open=1.0, high=1.0, low=1.0, close=1.0)
    seen = view(bar=closed, ema12=0.0, ema12_before=0.0, atr=2.0)
    assert conviction(seen, 1, 2.0).distance == 5.0


def test_christmas_eve_is_no_full_day() -> None:
    # The close is at 13:00: 12:41 is too late, 12:55 sells, 13:00 is the end.
    day = date(2024, 12, 24)
    late = quoted("12:41", day=day)
    assert late.signal("12:41:00.5", bar_close_ns=ny("12:41", day)).code == "too_late"
    stage = Stage(day=day)
    stage.hold("12:30")
    stage.stand("12:56")
    assert (stage.scalp.exit_reason, stage.order("exit").sent_at) == ("session_end", sessions.utc(ny("12:55", day)))


@pytest.mark.parametrize("bid", [nan, 0.0])
def test_a_fund_that_nobody_bids_for_still_has_its_stop(bid: float) -> None:
    stage = Stage()
    stage.hold()
    stage.quote("10:00:02", bid, 50.0)
    assert (stage.order("exit").reason, stage.order("exit").limit_price) == ("stop_loss", Decimal("0.01"))


@pytest.mark.parametrize("offset", [0.0, 0.001, 0.004])
def test_a_limit_is_never_rounded_down_to_the_bid(offset: float) -> None:
    # One tick wide: mid 49.995 plus half a tick is the ask.
    stage = Stage(limit_offset=offset)
    stage.hold()
    assert stage.order("first").limit_price == Decimal(50)
    assert stage.order("first").state == "filled"


def test_a_cap_on_the_rate_of_orders_does_not_hold_back_exits() -> None:
    # Ten entries within a second, then all ten funds fall to their stops at once.
    stage = quoted(etf_leverage_budget_per_scalp=0.05, etf_max_concurrent_scalps=20, max_gross_leverage=9.0)
    funds = {"SPY": "SPXL", "IWM": "TNA", "SMH": "SOXL", "XLK": "TECL", "META": "FNGU", "XLF": "FAS", "XBI": "LABU"}
    funds |= {"GDX": "NUGT", "UNG": "BOIL", "USO": "UCO"}
    for number, symbol in enumerate(funds.values()):
        stage.quote(ny("10:00:00.5") + number, symbol=symbol)
    for number, ticker in enumerate(funds):
        stage.signal(f"10:00:01.{number:02d}", ticker)
    stage.reach("10:00:01.5")
    for number, symbol in enumerate(funds.values()):
        stage.quote(ny("10:00:02") + number, 48.0, 48.01, symbol)
    assert (stage.count("first"), stage.count("exit")) == (10, 10)


def test_a_day_without_a_signal_leaves_nothing_but_its_marks() -> None:
    stage = quoted()
    stage.stand("10:30")
    # 09:31 to 10:30, each minute's end.
    assert [record.table for record in stage.records] == ["runs", *["marks"] * 60]
