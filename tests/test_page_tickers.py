"""The head of the chart: which ticker, its price and clouds, its option chain, each in words with its tone."""

from datetime import timedelta
from typing import Any

import pytest

from dashboard.tickers import newest_ticker, said
from flows.records.now_parts import ChainLine
from tests.page_rows import candles, executed, held, put_now, snapshot
from tests.rows import NOON


def told(**changes: Any) -> dict[str, str]:
    """What is said of QQQ, tone by text."""
    return {str(item["text"]): str(item["tone"]) for item in said(snapshot(**changes), "QQQ")}


def test_the_newest_position_is_charted_else_the_newest_fill_else_any() -> None:
    both = {"SPY": candles(1, ticker="SPY"), "QQQ": candles(1)}
    assert newest_ticker(snapshot(candles=both)) == "QQQ"
    assert newest_ticker(snapshot(candles=both, executions=(executed(1),))) == "QQQ"
    assert newest_ticker(snapshot(candles=both, executions=(executed(1),), positions=(held(put_now()),))) == "SPY"
    assert newest_ticker(snapshot()) == ""


def test_price_and_clouds_are_told_with_their_tone() -> None:
    # Bars open at 500 and close at 501: 0.2 % up; 500.5 is over 500; the 50 is unknown.
    shown = told(candles={"QQQ": candles(1, 2)})
    assert list(shown)[:5] == [
        "QQQ 501.00",
        "▲ +0.20 % since the first bar shown",
        "5/12 bullish",
        "34/50 not ready",
        "macro bullish",
    ]
    assert [shown[text] for text in list(shown)[1:5]] == ["gain", "gain", "quiet", "gain"]


def test_where_the_day_began_within_the_chart_the_move_is_since_its_open() -> None:
    evening = 4 * 60
    next_morning = 21 * 60 + 31
    shown = told(candles={"QQQ": candles(evening, next_morning)})
    assert "▲ +0.20 % since the open" in shown


@pytest.mark.parametrize(
    ("fresh", "tone", "ending"), [(True, "quiet", "IV 0DTE 20.0 %"), (False, "warn", "IV 0DTE 20.0 %, stale")]
)
def test_the_chain_is_told_in_a_line(fresh: bool, tone: str, ending: str) -> None:
    chain = ChainLine("QQQ", NOON - timedelta(seconds=4), fresh, 501.0, 60, 58, None, 0, 0.2)
    shown = told(candles={"QQQ": candles(1)}, chains=(chain,))
    line = f"chain 4 s old, 58 of 60 contracts quoted, spot 501.00, at-the-money {ending}"
    assert shown[line] == tone


def test_a_ticker_without_a_chain_or_a_bar_says_so() -> None:
    assert "no option chain" in told(candles={"QQQ": candles(1)})
    assert told() == {"no bar yet": "quiet"}
