"""The engine's own restraint while its database is behind: what it stops, what it leaves alone, and when it ends."""

from datetime import date
from typing import Any

import pytest

from flows.engine.watch import BEHIND
from tests.builders import Stage, entered, ny, pending, quoted, refused, stop_out

TOMORROW = date(2025, 8, 19)
LATER = (BEHIND, "another reason")


def reduce(stage: Stage, when: str | int, reason: str = BEHIND) -> None:
    action: Any = "reduce"
    stage.command(when, action, reason)


def restore(stage: Stage, when: str | int, reason: str = BEHIND) -> None:
    action: Any = "restore"
    stage.command(when, action, reason)


def trading(stage: Stage) -> tuple[str, str, str]:
    return stage.book.trading, stage.book.reduced_by, stage.book.trading_reason


class TestReduce:
    def test_it_says_why_and_that_it_was_the_engine(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1")
        assert trading(stage) == ("REDUCING", "engine", "the database is behind")

    def test_it_cancels_an_entry_that_still_works(self) -> None:
        stage = pending()
        reduce(stage, "10:00:02")
        stage.reach("10:00:02.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "state")

    def test_it_refuses_the_next_signal_for_the_state(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1")
        refused(stage, "10:00:01", "state")

    def test_what_is_held_keeps_its_exits(self) -> None:
        stage = Stage()
        stage.hold("10:00")
        reduce(stage, "10:00:02")
        stage.quote("10:00:03", 51.0, 51.01)
        stage.reach("10:00:04")
        assert (stage.scalp.status, stage.scalp.exit_reason) == ("closed", "profit_target")

    def test_what_is_held_is_not_left_for_it(self) -> None:
        stage = Stage()
        stage.hold("10:00")
        reduce(stage, "10:00:02")
        stage.reach("10:00:02.5")
        assert stage.count("exit") == 0

    def test_a_sessions_open_lifts_it_and_it_may_be_said_again(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:02")
        stage.quote(ny("10:00", TOMORROW))
        assert stage.book.trading == "ACTIVE"
        reduce(stage, ny("10:00:00.1", TOMORROW))
        refused(stage, ny("10:00:00.5", TOMORROW), "state")

    def test_said_again_it_changes_nothing(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1")
        reduce(stage, "10:00:10.1")
        assert trading(stage) == ("REDUCING", "engine", BEHIND)

    def test_it_takes_no_persons_pause_over(self) -> None:
        stage = quoted()
        stage.command("10:00:00.1", "pause")
        reduce(stage, "10:00:00.2")
        assert trading(stage) == ("REDUCING", "person", "paused by ann")

    def test_it_ends_no_halt(self) -> None:
        stage = quoted()
        stage.command("10:00:00.1", "kill")
        reduce(stage, "10:00:00.2")
        assert (stage.book.trading, stage.book.trading_reason) == ("HALTED", "killed by ann")


class TestRestore:
    def test_entries_begin_again(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1")
        restore(stage, "10:00:00.2")
        assert trading(stage) == ("ACTIVE", "", "")
        entered(stage, "10:00:01")

    def test_said_twice_one_restore_is_enough(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1")
        reduce(stage, "10:00:00.2")
        restore(stage, "10:00:00.3")
        entered(stage, "10:00:01")

    @pytest.mark.parametrize(("first", "second"), [LATER, LATER[::-1]])
    def test_it_lifts_its_own_reason_alone(self, first: str, second: str) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1", first)
        restore(stage, "10:00:00.2", second)
        assert trading(stage) == ("REDUCING", "engine", first)

    def test_three_stops_in_a_row_before_it_stay(self) -> None:
        stage = Stage()
        for clock in ("10:00", "10:20", "10:40"):
            stop_out(stage, clock, "QQQ")
        reduce(stage, "10:50")
        restore(stage, "10:51")
        assert trading(stage) == ("REDUCING", "engine", "3 stops in a row")

    def test_a_persons_pause_before_it_stays(self) -> None:
        stage = quoted()
        stage.command("10:00:00.1", "pause")
        reduce(stage, "10:00:00.2")
        restore(stage, "10:00:00.3")
        refused(stage, "10:00:01", "state")

    def test_a_persons_pause_after_it_stays(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1")
        stage.command("10:00:00.2", "pause")
        restore(stage, "10:00:00.3")
        assert trading(stage) == ("REDUCING", "person", "paused by ann")

    def test_a_halt_stays(self) -> None:
        stage = quoted()
        reduce(stage, "10:00:00.1")
        stage.command("10:00:00.2", "kill")
        restore(stage, "10:00:00.3")
        assert stage.book.trading == "HALTED"

    def test_without_a_restraint_it_does_nothing(self) -> None:
        stage = quoted()
        restore(stage, "10:00:00.1")
        assert trading(stage) == ("ACTIVE", "", "")

    def test_a_cancelled_entry_does_not_come_back(self) -> None:
        stage = pending()
        reduce(stage, "10:00:02")
        restore(stage, "10:00:02.1")
        stage.quote("10:00:03")
        stage.reach("10:00:04")
        assert (stage.fills, [order.state for order in stage.orders]) == ([], ["cancelled"])
