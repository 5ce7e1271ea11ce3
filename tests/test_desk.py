"""The desk over sessions: the roll, day orders, positions held overnight, trading states, loss limit, commands."""

from datetime import date
from typing import Any

import pytest

from operators import sessions, timetable
from operators.audit import AuditRecord
from operators.config import EngineSettings, ScalpConfig
from operators.events import Command
from operators.steps import Desks
from tests.builders import DAY, Stage, entered, ny, quote, quoted, refused, stop_out
from tests.play import started

TOMORROW = date(2025, 8, 19)


def held(clock: str = "10:00", **changes: Any) -> Stage:
    """133 TQQQ at 50.00, bought 1.2 s after the clock."""
    stage = Stage(**changes)
    stage.hold(clock)
    return stage


def overnight() -> Stage:
    """133 TQQQ that nobody bid for since 15:54: the exit expired at the close."""
    stage = held("15:30")
    stage.stand("15:54")
    stage.reach("16:00:01")
    return stage


def test_quotes_of_contracts_that_nobody_looks_at_are_not_kept_and_keep_no_fund_fresh() -> None:
    stage, name = held(), "QQQ250818C00570000"
    assert stage.book.fresh("TQQQ")
    stage.quote("10:00:09", 1.0, 1.01, symbol=name)
    assert (name in stage.book.quotes, stage.book.fresh("TQQQ")) == (False, False)


class TestSession:
    def test_an_entry_that_still_works_five_minutes_before_the_close_is_cancelled(self) -> None:
        stage = Stage(min_minutes_to_exit=0)
        stage.quote("15:54:58", ask_size=0.0)
        stage.signal("15:54:59")
        stage.reach("15:55:00.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "session_end")

    def test_an_exit_expires_at_the_close(self) -> None:
        stage = overnight()
        order = stage.order("exit")
        assert (order.state, order.ended_at) == ("expired", sessions.utc(ny("16:00")))

    def test_nothing_is_sent_between_the_close_and_the_open(self) -> None:
        stage = overnight()
        sent = len(stage.orders)
        stage.quote("16:05", 49.0, 49.01)
        stage.quote(ny("08:00", TOMORROW), 49.0, 49.01)
        assert len(stage.orders) == sent

    def test_a_position_held_overnight_is_sold_at_the_first_quote_of_the_next_session(self) -> None:
        stage = overnight()
        stage.quote(ny("09:30", TOMORROW), 49.5, 49.51)
        stage.reach(ny("09:30:00.2", TOMORROW))
        assert stage.scalp.status == "closed"
        assert stage.scalp.exit_time == sessions.utc(ny("09:30:00.2", TOMORROW))

    def test_a_position_held_overnight_waits_for_a_usable_quote(self) -> None:
        stage = overnight()
        stage.quote(ny("09:30", TOMORROW), 49.5, 49.5)
        stage.reach(ny("09:30:01", TOMORROW))
        assert stage.scalp.status == "open"
        stage.quote(ny("09:30:02", TOMORROW), 49.5, 49.51)
        stage.reach(ny("09:30:03", TOMORROW))
        assert stage.scalp.status == "closed"

    def test_the_ids_of_the_next_sessions_orders_carry_its_date(self) -> None:
        stage = overnight()
        stage.quote(ny("09:30", TOMORROW), 49.5, 49.51)
        assert stage.order("exit").client_order_id.startswith("sc-20250819-")

    def test_the_days_counters_begin_anew_at_the_open(self) -> None:
        stage = Stage(max_scalps_per_day=1)
        stop_out(stage, "10:00", "QQQ")
        stage.quote("10:30")
        refused(stage, "10:30:00.5", "day_cap")
        stage.quote(ny("10:00", TOMORROW))
        entered(stage, ny("10:00:00.5", TOMORROW))

    def test_a_cooldown_does_not_last_overnight(self) -> None:
        stage = Stage(cooldown_minutes=390, min_minutes_to_exit=0)
        stop_out(stage, "15:50", "QQQ")
        stage.quote(ny("09:36", TOMORROW))
        entered(stage, ny("09:36:00.5", TOMORROW))

    def test_the_session_after_a_weekend_is_mondays(self) -> None:
        stage = Stage(day=date(2025, 8, 15))
        stage.reach("16:30")
        stage.reach(ny("12:00", date(2025, 8, 16)))
        assert stage.book.day == "2025-08-15"
        stage.reach(ny("09:30", DAY))
        assert stage.book.day == "2025-08-18"

    def test_a_run_that_begins_in_the_middle_of_a_session_trades_in_it(self) -> None:
        stage = quoted("13:00")
        entered(stage, "13:00:01")

    def test_past_the_end_of_the_table_no_session_begins(self) -> None:
        stage = Stage(day=date(2028, 12, 29), no_scalp_around_fomc=False)
        stage.reach(ny("10:00", date(2029, 1, 2)))
        assert stage.book.day == "2028-12-29"

    def test_an_unscheduled_statement_is_not_left_ahead(self) -> None:
        # 2020-03-03 10:00, announced to nobody; from 10:00 to 10:30 nothing is entered.
        stage = Stage(day=date(2020, 3, 3))
        stage.hold("09:50")
        stage.stand("10:10")
        assert stage.count("exit") == 0
        refused(stage, "10:10:00.5", "fomc", "position_open", bar_close_ns=ny("10:10", stage.day))

    def test_an_unscheduled_statement_cancels_entries_when_it_comes(self) -> None:
        stage = Stage(day=date(2020, 3, 3))
        stage.quote("09:59:58", ask_size=0.0)
        stage.signal("09:59:59")
        stage.reach("10:00:00.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "event")

    def test_the_window_of_a_statement_cancels_entries(self) -> None:
        stage = Stage(day=date(2025, 7, 30))
        stage.quote("13:29:58", ask_size=0.0)
        stage.signal("13:29:59")
        stage.reach("13:30:00.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "event")


class TestMode:
    def test_a_change_of_mode_cancels_entries(self) -> None:
        stage = Stage()
        stage.quote("10:00", ask_size=0.0)
        stage.signal("10:00:01")
        stage.command("10:00:02", "mode", "options")
        stage.reach("10:00:02.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "mode")

    def test_a_change_of_mode_drops_second_halves(self) -> None:
        stage = held()
        stage.command("10:00:02", "mode", "both")
        assert (stage.scalp.second_half, stage.position.second) == ("mode", 0)

    def test_a_change_of_mode_leaves_positions_alone(self) -> None:
        stage = held()
        stage.command("10:00:02", "mode", "options")
        stage.stand("10:05")
        assert stage.count("exit") == 0

    def test_the_new_mode_decides_the_next_signal(self) -> None:
        stage = quoted()
        stage.command("10:00:00.5", "mode", "options")
        assert stage.signal("10:00:01").code == "no_chain"

    def test_an_unknown_mode_changes_nothing(self) -> None:
        stage = quoted()
        stage.command("10:00:00.5", "mode", "futures")
        assert stage.book.mode == "leveraged_etf"


class TestTimers:
    def test_timers_run_in_the_order_of_their_times_whatever_the_order_of_making(self) -> None:
        # One event after the close: the exit is sent at 15:55, dies at 16:00, and only then does the next day begin.
        stage = held("15:30")
        stage.reach(ny("09:29", TOMORROW))
        order = stage.order("exit")
        assert (order.reason, order.state) == ("stale_quote", "expired")
        assert order.ended_at == sessions.utc(ny("16:00"))
        assert stage.book.day == "2025-08-18"

    def test_a_timer_runs_at_its_own_time_not_at_the_events(self) -> None:
        stage = held()
        stage.reach("10:20")
        assert stage.order("exit").sent_at == sessions.utc(ny("10:00:30"))

    def test_a_timer_knows_only_the_quotes_before_it(self) -> None:
        # The order arrives at 10:00:01.2, the ask rises at 10:00:01.3: filled at the old ask.
        stage = quoted()
        stage.signal("10:00:01")
        stage.quote("10:00:01.3", 50.5, 50.51)
        assert [str(fill.price) for fill in stage.fills] == ["50.000000"]


class TestBooks:
    def test_two_runs_started_give_two_desks_that_share_nothing(self) -> None:
        desks = Desks(ScalpConfig(), EngineSettings())
        at_ns = ny("09:00")
        for name, equity in (("replay:a", 100_000), ("replay:b", 50_000)):
            desks.on(started(at_ns, "leveraged_etf", equity, book_id=name))
        desks.on(quote(ny("10:00")))
        records = desks.on(Command(2, ny("10:00:01"), ny("10:00:01"), "pause", "ann"))
        assert list(desks.books) == ["replay:a", "replay:b"]
        assert [(type(record), record.book_id) for record in records if isinstance(record, AuditRecord)] == [
            (AuditRecord, "replay:a"),
            (AuditRecord, "replay:b"),
        ]
        assert len(records) == 2
        cash = [desk.book.cash_micros for desk in desks.books.values()]
        assert cash == [100_000_000_000, 50_000_000_000]

    def test_the_same_signal_has_one_id_and_other_orders_in_every_book(self) -> None:
        stages = [Stage(book_id=name) for name in ("replay:a", "replay:b")]
        names = {stage.hold().signal_id for stage in stages}
        assert len(names) == 1
        assert len({stage.order("first").client_order_id for stage in stages}) == 2

    def test_every_record_carries_its_book(self) -> None:
        stage = held(book_id="replay:mine")
        assert {record.book_id for record in stage.records} == {"replay:mine"}

    def test_a_day_without_a_session_does_not_begin(self) -> None:
        with pytest.raises(KeyError, match="2025-08-17 has no session"):
            timetable.begin_session(Stage().book, ScalpConfig(), "2025-08-17")
