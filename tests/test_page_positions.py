"""Open scalps as rows: in words, with the way from stop to target, and what is said where there are none."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboard import positions
from flows.records.now_parts import Decided
from operators.codes import ExitReason
from operators.views import PositionNow
from tests.page_rows import held, put_now, snapshot
from tests.rows import NOON
from tests.view_rows import position_now


def cells(row: PositionNow) -> dict[str, dict[str, Any]]:
    (shown,) = positions.rows(snapshot(positions=(held(row),)))
    found: dict[str, dict[str, Any]] = shown["cells"]
    assert set(found) == {column.key for column in positions.COLUMNS}
    return found


def texts(row: PositionNow) -> dict[str, str]:
    return {key: cell["text"] for key, cell in cells(row).items()}


def test_an_option_reads_as_traders_say_it() -> None:
    # The tape stands at noon of 5 January 2026, the day on which the put expires.
    told = cells(put_now(entered_at=NOON - timedelta(minutes=5)))
    assert (told["position"]["text"], told["position"]["sub"]) == ("SPY 5 Jan 600 P", "0DTE")
    assert {key: told[key]["text"] for key in ("delta", "theta", "iv", "held", "quote", "pnl", "percent")} == {
        "delta": "\N{MINUS SIGN}0.40",
        "theta": "\N{MINUS SIGN}0.90",
        "iv": "20.0 %",
        "held": "0:05:00",
        "quote": "1.35 / 1.37",
        "pnl": "▲ +30.00",
        "percent": "▲ +12.5 %",
    }


def test_a_fund_has_leverage_in_place_of_greeks() -> None:
    told = texts(position_now())
    assert (told["position"], told["iv"]) == ("TQQQ \N{MULTIPLICATION SIGN}3", "\N{MULTIPLICATION SIGN}3")
    assert (told["delta"], told["theta"]) == ("\N{EN DASH}", "\N{EN DASH}")


def test_the_bar_runs_from_stop_to_target() -> None:
    # Stop 0.60, target 1.50: entry 1.20 is 0.6 / 0.9 of the way, the mark 1.35 is 0.75 / 0.9.
    way = cells(put_now())["way"]
    assert (round(way["entry"], 4), round(way["mark"], 4), way["tone"]) == (0.6667, 0.8333, "gain")
    assert way["text"] == "stop 0.60, entry 1.20, mark 1.35, target 1.50"


def test_a_mark_beyond_the_bar_stands_at_its_end() -> None:
    assert cells(put_now(mark=Decimal("0.1")))["way"]["mark"] == 0.0
    assert cells(put_now(mark=Decimal(9)))["way"]["mark"] == 1.0


def test_a_bar_without_a_way_has_words_alone() -> None:
    assert "entry" not in cells(put_now(stop=Decimal("1.5")))["way"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "target 40 %"),
        ({"nearest": None}, "\N{EN DASH}"),
        ({"nearest": "time_cutoff", "nearest_way": 0.5, "nearest_at": NOON}, "time cut-off 50 %"),
        ({"exit_due": "stop_loss"}, "EXIT DUE: stop"),
        ({"nearest": "something_new"}, "something_new 40 %"),
    ],
)
def test_the_exit_that_is_due_or_nearest_is_told(changes: dict[str, Any], said: str) -> None:
    assert texts(position_now(**changes))["nearest"] == said


def test_every_exit_has_a_short_name() -> None:
    assert set(positions.EXITS) == {str(reason) for reason in ExitReason}


def test_a_quote_that_is_too_old_to_judge_on_is_stale() -> None:
    told = cells(position_now(fresh=False, quoted_at=NOON - timedelta(seconds=41)))["age"]
    assert (told["text"], told["sub"], told["tone"]) == ("41 s", "stale", "warn")


def decided(**changes: Any) -> Decided:
    row: dict[str, Any] = {"signal_id": "s1", "ticker": "QQQ", "direction": "short", "conviction": 62.6, "leg": None}
    row |= {"decided_at": NOON, "decision": "refused", "code": "spread", "tape_seq": 1}
    return Decided(**(row | changes))


def test_without_scalps_the_newest_signal_says_why() -> None:
    said = positions.empty(snapshot(decided=(decided(),)))
    assert said == (
        "No open scalps. Newest signal: QQQ short at 12:00:00, conviction 63: refused, the option's spread is too wide."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code": "of another version"}, "refused, of another version"),
        ({"code": None}, "refused, for an unknown reason"),
        ({"decision": "entered", "leg": "fund"}, "entered by the fund leg"),
    ],
)
def test_a_decision_reads_in_words(changes: dict[str, Any], said: str) -> None:
    assert positions.outcome(decided(**changes)) == said


def test_before_the_first_signal_there_is_none() -> None:
    assert positions.empty(snapshot()) == "No open scalps, and no signal yet."
