"""What the head of the page says of a run: alive, stale, ended, gone; what kind it is; its figures."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dashboard import badges
from dashboard.store import Moment
from flows.records.now_parts import Attempt, Beat, Run, Trouble
from tests.page_rows import WALL, money, snapshot
from tests.rows import NOON


def moment(at: datetime = WALL, trouble: Trouble | None = None, **changes: Any) -> Moment:
    return Moment(at, snapshot(**changes), WALL, trouble)


def state(found: Moment) -> tuple[object, object]:
    """The badge's words, and whether the numbers are old."""
    badge = badges.state(found)
    return badge["text"], badge["old"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, ("RUNNING", False)), (3, ("RUNNING", False)), (3.1, ("STALE 3 s", True))]
)
def test_a_run_that_is_silent_for_more_than_three_seconds_is_stale(seconds: float, said: tuple[str, bool]) -> None:
    assert state(moment(WALL + timedelta(seconds=seconds))) == said


@pytest.mark.parametrize("ended", ["ended", "stopped", "failed"])
def test_a_run_that_is_over_is_never_stale(ended: str) -> None:
    beat = Beat(WALL, NOON, None, ended, "why", 7)
    assert state(moment(WALL + timedelta(hours=1), beat=beat)) == (ended.upper(), False)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("unreachable", "DATABASE UNREACHABLE"),
        ("upgrade", "DATABASE NEEDS UPGRADE"),
        ("newer", "DATABASE IS NEWER"),
        ("no_run", "NO RUN YET"),
        ("broken", "READER FAILED"),
    ],
)
def test_a_trouble_goes_before_all_and_makes_what_is_shown_old(kind: Any, words: str) -> None:
    trouble = Trouble(kind, "why")
    assert state(moment(trouble=trouble)) == (words, True)
    assert state(Moment(WALL, None, None, trouble)) == (words, False)


@pytest.mark.parametrize(
    ("status", "said"),
    [("running", ("NO HEARTBEAT", True)), ("done", ("ENDED", False)), ("failed", ("FAILED", False))],
)
def test_without_a_heartbeat_the_attempt_is_asked(status: str, said: tuple[str, bool]) -> None:
    assert state(moment(beat=None, attempt=Attempt(status, None, WALL))) == said


def test_old_numbers_say_of_when_they_are() -> None:
    trouble = Trouble("unreachable", "it is away")
    note = badges.head(moment(WALL + timedelta(seconds=7), trouble))["note"]
    assert note == "It is away. Shown are the numbers of Mon 5 Jan 2026 12:00:00 New York, read 7 s ago."


def test_live_numbers_need_no_note() -> None:
    assert badges.head(moment())["note"] == ""


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ["SIMULATED", "REPLAY \N{MULTIPLICATION SIGN}60", "PAPER"]),
        ({"beat": Beat(WALL, NOON, None, "ended", None, 7)}, ["SIMULATED", "REPLAY full speed", "PAPER"]),
        ({"run": Run("paper:U1", "paper", "both", '["MODELLED"]')}, ["MODELLED", "PAPER"]),
        ({"run": Run("live:PA1", "alpaca-paper", "both", "[]")}, ["ALPACA PAPER"]),
        ({"run": Run("live:A1", "alpaca", "both", "[]")}, ["ALPACA: REAL MONEY"]),
    ],
)
def test_whose_money_it_is_is_said(changes: dict[str, Any], kinds: list[str]) -> None:
    assert [kind["text"] for kind in badges.kinds(snapshot(**changes))] == kinds


def test_each_kind_has_a_tone_of_its_own() -> None:
    run = Run("replay:a", "paper", "both", '["SIMULATED", "MODELLED"]')
    tones = [kind["tone"] for kind in badges.kinds(snapshot(run=run))]
    assert len(set(tones)) == 4


def figures(**changes: Any) -> dict[object, object]:
    return {tile["key"]: tile["text"] for tile in badges.tiles(money(**changes), NOON)}


def test_the_figures_of_a_run() -> None:
    told = figures(cutoff_at=NOON + timedelta(hours=1, seconds=5), theta_per_hour_usd=-6.02, unknown_greeks=0)
    assert told == {
        "day": "▲ +53.20",
        "open": "▲ +53.20",
        "realised": "0.00",
        "options": "0/3",
        "funds": "1/5",
        "delta": "20,110",
        "theta": "\N{MINUS SIGN}6.02",
        "cutoff": "1:00:05",
        "equity": "100,053.20",
    }


@pytest.mark.parametrize(("cutoff_at", "said"), [(NOON, "passed"), (None, "\N{EN DASH}")])
def test_a_cutoff_that_came_is_passed_and_an_unknown_one_a_dash(cutoff_at: datetime | None, said: str) -> None:
    assert figures(cutoff_at=cutoff_at)["cutoff"] == said


def test_positions_without_greeks_are_counted_beside_the_sums_that_leave_them_out() -> None:
    told = {tile["key"]: tile.get("sub") for tile in badges.tiles(money(unknown_greeks=2), NOON)}
    assert (told["delta"], told["theta"]) == ("2 without Greeks", "2 without Greeks")


def test_without_figures_there_are_dashes() -> None:
    assert {tile["text"] for tile in badges.tiles(None, None)} == {"\N{EN DASH}"}


def test_a_warning_while_trading_goes_on_is_amber() -> None:
    found = snapshot(money=money(trading="ACTIVE", trading_reason="the day's loss reached 0.0812"))
    trading = next(fact for fact in badges.facts(moment(), found) if fact["key"] == "Trading")
    assert (trading["text"], trading["detail"], trading["tone"]) == ("ACTIVE", "the day's loss reached 0.0812", "warn")


def test_the_reason_why_trading_is_held_back_stands_beside_it() -> None:
    found = snapshot(money=money(trading="REDUCING", trading_reason="the day's loss"))
    trading = next(fact for fact in badges.facts(moment(), found) if fact["key"] == "Trading")
    assert (trading["text"], trading["detail"], trading["tone"]) == ("REDUCING", "the day's loss", "warn")
