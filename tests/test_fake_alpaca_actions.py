"""The fake Alpaca's corporate actions as the real client reads them."""

import datetime as dt
from typing import Any

import pytest
import requests
from alpaca.data.enums import Adjustment
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.models.corporate_actions import CorporateActionsSet
from alpaca.data.requests import CorporateActionsRequest, StockBarsRequest
from alpaca.data.timeframe import TimeFrame

from tests.alpaca_clients import KEYS, stocks
from tests.alpaca_market import DAY, FRIDAY, TOMORROW, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)

SPLIT = {"symbol": "SPY", "ex_date": DAY.isoformat(), "new_rate": 10.0}
KINDS = ["forward_split", "reverse_split", "unit_split"]


def actions(fake: Alpaca, **words: Any) -> dict[str, list[Any]]:
    client = CorporateActionsClient(*KEYS, url_override=fake.urls["CorporateActionsClient"])
    client._retry = 0
    asked = CorporateActionsRequest(**({"symbols": ["SPY", "TQQQ"], "types": KINDS} | words))
    found = client.get_corporate_actions(asked)
    assert isinstance(found, CorporateActionsSet)
    return found.data


def test_there_are_none_until_a_test_tells_some(fake: Alpaca) -> None:
    assert actions(fake) == {}


def test_the_three_kinds_are_told_in_their_own_words(fake: Alpaca) -> None:
    reverse = {"symbol": "TQQQ", "ex_date": DAY.isoformat(), "old_rate": 20.0, "kind": "reverse_splits"}
    fake.splits(SPLIT, reverse, SPLIT | {"kind": "unit_splits"})
    found = actions(fake)
    (forward,), (back,), (unit,) = (found[kind] for kind in ("forward_splits", "reverse_splits", "unit_splits"))
    assert (forward.symbol, forward.old_rate, forward.new_rate, forward.ex_date) == ("SPY", 1.0, 10.0, DAY)
    assert (back.symbol, back.old_rate, back.new_rate, back.ex_date) == ("TQQQ", 20.0, 1.0, DAY)
    assert (unit.new_symbol, unit.new_rate, unit.effective_date) == ("SPY", 10.0, DAY)


@pytest.mark.parametrize(
    "words",
    [{"symbols": ["QQQ"]}, {"types": ["reverse_split"]}, {"start": TOMORROW, "end": TOMORROW}],
)
def test_others_are_not_told(fake: Alpaca, words: dict[str, Any]) -> None:
    fake.splits(SPLIT)
    assert actions(fake, **words) == {}


@pytest.mark.parametrize(
    ("adjustment", "close", "volume"), [(Adjustment.SPLIT, 67.859, 10_000.0), (Adjustment.RAW, 678.59, 1_000.0)]
)
def test_bars_of_days_before_are_as_of_after_it_if_asked_for_so(
    fake: Alpaca, adjustment: Adjustment, close: float, volume: float
) -> None:
    fake.splits(SPLIT)
    minute = TimeFrame.Minute
    start = dt.datetime.fromtimestamp(ny("15:00", FRIDAY) / 1e9, dt.UTC)
    asked = StockBarsRequest(symbol_or_symbols="SPY", timeframe=minute, adjustment=adjustment, start=start)
    last = stocks(fake).get_stock_bars(asked)["SPY"][-1]
    assert (last.close, last.volume) == (pytest.approx(close), volume)


def test_what_cannot_be_read_is_refused(fake: Alpaca) -> None:
    with pytest.raises(requests.HTTPError, match="corporate actions cannot be read"):
        fake.splits({"symbol": "SPY"})
