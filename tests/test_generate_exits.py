"""Usual sessions of a simulated market as the engine trades them: both kinds of scalp, and why they are left."""

from datetime import datetime, time
from typing import Any

import pytest

from operators import sessions
from operators.codes import ExitReason
from tests.commands import replayed, scalp

SEEDS = (1, 2, 3, 4, 5)
FROM_THE_MARKET = {
    ExitReason.STOP_LOSS,
    ExitReason.CLOUD_FLIP,
    ExitReason.PROFIT_TARGET,
    ExitReason.EXHAUSTION,
    ExitReason.TIME_CUTOFF,
    ExitReason.SESSION_END,
}
"""What a session without trouble and without a statement of the central bank can end a scalp with."""
COFFEE = time(10, 40)
Trades = list[dict[str, Any]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """The summaries of the replays by seed, everything at its default."""
    return {seed: _day(seed, tmp_path_factory) for seed in SEEDS}


def _day(seed: int, folders: pytest.TempPathFactory) -> Any:
    folder = folders.mktemp("day")
    assert scalp("generate", "--seed", seed, "--out", folder / "one.tape").code == 0
    told = replayed(folder / "one.tape", mode="both", database=f"sqlite:///{folder / 'one.db'}")
    (folder / "one.tape").unlink()
    return told


def kinds(trades: Trades) -> set[str]:
    return {trade["kind"] for trade in trades}


def reasons(trades: Trades) -> set[str]:
    return {trade["exit_reason"] for trade in trades}


def clock(stated: str) -> time:
    """New York's time of a moment in a summary."""
    return sessions.new_york(int(datetime.fromisoformat(stated).timestamp() * 1e9)).time()


def over_early(trades: Trades) -> Trades:
    return [trade for trade in trades if clock(trade["exit_time"]) < COFFEE]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_session_closes_scalps_of_both_kinds_and_holds_none_at_its_end(days: dict[int, Any], seed: int) -> None:
    assert kinds(days[seed]["trades"]) == {"option", "etf"}
    assert days[seed]["open_positions"] == []


def test_every_reason_that_a_market_alone_can_give_ends_a_scalp(days: dict[int, Any]) -> None:
    found = set().union(*(reasons(day["trades"]) for day in days.values()))
    assert found == {str(reason) for reason in FROM_THE_MARKET}


def test_most_single_sessions_show_four_reasons_or_more(days: dict[int, Any]) -> None:
    many = [seed for seed, day in days.items() if len(reasons(day["trades"])) >= 4]
    assert len(many) >= 3


def test_a_session_has_an_option_scalp_and_a_fund_scalp_behind_it_by_20_to_11(days: dict[int, Any]) -> None:
    assert any(kinds(over_early(day["trades"])) == {"option", "etf"} for day in days.values())


def test_a_scalp_is_open_for_an_hour_and_a_half_or_more_of_each_session(days: dict[int, Any]) -> None:
    for day in days.values():
        held: set[int] = set()
        for trade in day["trades"]:
            first, last = (clock(trade[when]) for when in ("entry_time", "exit_time"))
            held |= set(range(first.hour * 60 + first.minute, last.hour * 60 + last.minute))
        assert len(held) >= 90


def test_no_reason_ends_most_of_the_scalps(days: dict[int, Any]) -> None:
    found = [trade["exit_reason"] for day in days.values() for trade in day["trades"]]
    assert max(map(found.count, set(found))) <= len(found) / 2


def test_a_session_has_some_scalps_and_not_as_many_as_a_day_may_have(days: dict[int, Any]) -> None:
    assert all(5 <= len(day["trades"]) < 20 for day in days.values())
