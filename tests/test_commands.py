"""Commands at the desk: what each does and says, what it refuses, its number obeyed once, tickers switched."""

import json
from datetime import date
from typing import Any, get_args

import msgspec
import pytest

from operators import sessions
from operators.audit import AuditRecord
from operators.book import BookState
from operators.desk import Desk
from operators.events import Action, Command
from tests.builders import Stage, entered, ny, pending, quoted, refused

TOMORROW = date(2025, 8, 19)
BEHIND = "the database is behind"
ACTIVE = {"trading": "ACTIVE", "reason": "", "mode": "leveraged_etf", "tickers": {}}
PAUSED = ACTIVE | {"trading": "REDUCING", "reason": "paused by ann"}
RESTRAINED = ACTIVE | {"trading": "REDUCING", "reason": BEHIND}
KILLED = ACTIVE | {"trading": "HALTED", "reason": "killed by ann"}
SAID = {"off": "QQQ is switched off"} | {side: f"QQQ may be traded {side} only" for side in ("long", "short")}
Asked = tuple[Action, str]


def told(stage: Stage, when: str, action: Action, argument: str = "", number: int = 0) -> AuditRecord:
    """What the desk says to a command of ann's; `number` 0 is one that no row asked for."""
    at_ns, stage.seq = stage.at(when), stage.seq + 1
    records = stage.desk.on(Command(stage.seq, at_ns, at_ns, action, "ann", argument, str(number or "")))
    stage.records += records
    (audit,) = (record for record in records if isinstance(record, AuditRecord))
    return audit


def after(*earlier: Asked) -> Stage:
    """A stage with quotes at 10:00, at which these were asked for."""
    stage = quoted()
    for action, argument in earlier:
        told(stage, "10:00:00.1", action, argument)
    return stage


def held() -> Stage:
    """133 TQQQ at 50.00 since 10:00:01.2, a second half planned."""
    stage = Stage()
    stage.hold()
    return stage


class TestAnswers:
    @pytest.mark.parametrize(
        ("earlier", "asked", "before", "then"),
        [
            ([], ("pause", ""), ACTIVE, PAUSED),
            ([("pause", "")], ("pause", ""), PAUSED, PAUSED),
            ([("reduce", BEHIND)], ("pause", ""), RESTRAINED, PAUSED),
            ([("pause", "")], ("resume", ""), PAUSED, ACTIVE),
            ([("reduce", BEHIND)], ("resume", ""), RESTRAINED, ACTIVE),
            ([], ("flatten", ""), ACTIVE, ACTIVE),
            ([], ("kill", ""), ACTIVE, KILLED),
            ([("pause", "")], ("kill", ""), PAUSED, KILLED),
            ([("kill", "")], ("rearm", "checked the account"), KILLED, ACTIVE),
            ([], ("mode", "both"), ACTIVE, ACTIVE | {"mode": "both"}),
            ([("kill", "")], ("mode", "options"), KILLED, KILLED | {"mode": "options"}),
            ([], ("ticker", "QQQ off"), ACTIVE, ACTIVE | {"tickers": {"QQQ": "off"}}),
            ([("ticker", "QQQ off")], ("ticker", "QQQ on"), ACTIVE | {"tickers": {"QQQ": "off"}}, ACTIVE),
            ([], ("reduce", BEHIND), ACTIVE, RESTRAINED),
            ([("pause", "")], ("reduce", BEHIND), PAUSED, PAUSED),
            ([("kill", "")], ("reduce", BEHIND), KILLED, KILLED),
            ([("reduce", BEHIND)], ("restore", BEHIND), RESTRAINED, ACTIVE),
        ],
    )
    def test_a_command_says_what_was_before_it_and_what_is_after(
        self, earlier: list[Asked], asked: Asked, before: Any, then: Any
    ) -> None:
        found = told(after(*earlier), "10:00:00.2", *asked)
        assert (found.refused, json.loads(found.before), json.loads(found.after)) == (None, before, then)

    @pytest.mark.parametrize(
        ("earlier", "asked", "why"),
        [
            ([("kill", "")], ("pause", ""), "trading is HALTED: only a rearm with a reason ends that"),
            ([], ("resume", ""), "trading is ACTIVE: resume ends REDUCING"),
            ([("kill", "")], ("resume", ""), "trading is HALTED: resume ends REDUCING"),
            ([], ("rearm", "a reason"), "trading is ACTIVE: a rearm ends HALTED"),
            ([("pause", "")], ("rearm", "a reason"), "trading is REDUCING: a rearm ends HALTED"),
            ([("kill", "")], ("rearm", ""), "a rearm needs a reason"),
            ([], ("mode", "stocks"), "'stocks' is no mode: options, leveraged_etf, both are"),
            ([], ("ticker", "QQQ"), "'QQQ' is no ticker with one of on, off, long, short"),
            ([], ("ticker", "QQQ up"), "'QQQ up' is no ticker with one of on, off, long, short"),
            ([], ("ticker", " off"), "' off' is no ticker with one of on, off, long, short"),
            ([], ("ticker", "GME off"), "GME is not in scalp_tickers"),
            ([], ("ticker", "qqq off"), "qqq is not in scalp_tickers"),
            ([], ("restore", BEHIND), f"{BEHIND!r} is no reason of the engine now"),
            ([("pause", "")], ("restore", BEHIND), f"{BEHIND!r} is no reason of the engine now"),
            ([("reduce", "a full disk")], ("restore", BEHIND), f"{BEHIND!r} is no reason of the engine now"),
            ([("kill", "")], ("restore", BEHIND), f"{BEHIND!r} is no reason of the engine now"),
        ],
    )
    def test_what_cannot_be_done_says_why_and_changes_nothing(
        self, earlier: list[Asked], asked: Asked, why: str
    ) -> None:
        found = told(after(*earlier), "10:00:00.2", *asked)
        assert (found.refused, found.after) == (why, found.before)

    def test_a_row_says_who_asked_for_what_when_and_where_on_the_tape(self) -> None:
        stage = quoted()
        found = told(stage, "10:00:00.1", "ticker", "QQQ long", 7)
        assert (found.actor, found.action, found.argument, found.command_id) == ("ann", "ticker", "QQQ long", 7)
        assert (found.book_id, found.tape_seq) == ("replay:test", stage.seq)
        assert found.at == sessions.utc(ny("10:00:00.1"))

    @pytest.mark.parametrize("action", get_args(Action))
    def test_every_command_leaves_one_row_done_or_not(self, action: Action) -> None:
        assert told(held(), "10:00:02", action).action == action


class TestNumbers:
    @pytest.mark.parametrize("number", [7, 5, 1])
    def test_a_number_that_is_not_over_the_newest_does_nothing_and_says_so(self, number: int) -> None:
        stage = after()
        told(stage, "10:00:00.1", "flatten", number=7)
        found = told(stage, "10:00:00.2", "pause", number=number)
        assert (found.refused, found.command_id) == (f"command {number} came before: each is obeyed once", number)
        assert (found.after, stage.book.trading) == (found.before, "ACTIVE")

    def test_a_higher_number_is_obeyed_whatever_lies_between(self) -> None:
        stage = after()
        told(stage, "10:00:00.1", "flatten", number=7)
        assert told(stage, "10:00:00.2", "pause", number=70).refused is None

    def test_a_refused_command_has_used_its_number(self) -> None:
        stage = after()
        told(stage, "10:00:00.1", "resume", number=7)
        told(stage, "10:00:00.2", "pause")
        assert told(stage, "10:00:00.3", "resume", number=7).refused == "command 7 came before: each is obeyed once"

    def test_a_repeated_number_does_not_make_older_ones_new(self) -> None:
        stage = after()
        for number in (7, 2, 7):
            told(stage, "10:00:00.1", "flatten", number=number)
        assert stage.book.last_command == 7

    def test_a_command_without_a_number_always_works(self) -> None:
        stage = after()
        told(stage, "10:00:00.1", "flatten", number=7)
        for action in ("pause", "resume", "pause"):
            found = told(stage, "10:00:00.2", action)
            assert (found.refused, found.command_id) == (None, None)
        assert stage.book.last_command == 7

    def test_a_restored_book_keeps_switches_and_numbers(self) -> None:
        stage = after(("ticker", "QQQ off"), ("ticker", "SPY short"))
        told(stage, "10:00:00.2", "pause", number=7)
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(stage.book), type=BookState)
        assert (again, again.sides, again.last_command) == (stage.book, {"QQQ": "off", "SPY": "short"}, 7)
        stage.desk = Desk(again, stage.config, stage.engine)
        assert told(stage, "10:00:00.3", "resume", number=7).refused == "command 7 came before: each is obeyed once"


class TestLeaving:
    @pytest.mark.parametrize(("action", "reason"), [("flatten", "operator"), ("kill", "risk")])
    def test_all_that_is_held_is_sold_for_the_reason_of_the_command(self, action: Action, reason: str) -> None:
        stage = held()
        stage.quote("10:00:01.9")
        told(stage, "10:00:02", action)
        assert (stage.order("exit").reason, stage.order("exit").quantity) == (reason, 133)
        stage.reach("10:00:03")
        assert (stage.scalp.status, stage.scalp.exit_reason, stage.book.scalps) == ("closed", reason, {})

    @pytest.mark.parametrize(
        ("action", "reason"),
        [("flatten", "operator"), ("kill", "risk"), ("pause", "state"), ("reduce", "state"), ("mode", "mode")],
    )
    def test_a_working_entry_is_cancelled(self, action: Action, reason: str) -> None:
        stage = pending()
        told(stage, "10:00:02", action, "both" if action == "mode" else "")
        stage.reach("10:00:02.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", reason)


class TestRestraint:
    def test_a_pause_is_not_lifted_by_the_engines_restore(self) -> None:
        stage = after(("reduce", BEHIND), ("pause", ""), ("restore", BEHIND))
        refused(stage, "10:00:01", "state")

    @pytest.mark.parametrize(("person", "state"), [("", "ACTIVE"), ("pause", "REDUCING"), ("kill", "HALTED")])
    def test_the_next_open_lifts_what_the_engine_set_and_nothing_of_a_person(self, person: Any, state: str) -> None:
        stage = after(("reduce", BEHIND), *([(person, "")] if person else []))
        stage.reach(ny("09:30", TOMORROW))
        assert stage.book.trading == state


class TestMode:
    def test_a_new_mode_drops_a_planned_second_half(self) -> None:
        stage = held()
        assert stage.scalp.second_half == "planned"
        told(stage, "10:00:02", "mode", "both")
        assert (stage.scalp.second_half, stage.position.second) == ("mode", 0)

    def test_what_is_held_keeps_its_exits_under_another_mode(self) -> None:
        stage = held()
        told(stage, "10:00:02", "mode", "options")
        stage.quote("10:00:03", 48.9, 48.91)
        stage.reach("10:00:04")
        assert stage.scalp.exit_reason == "stop_loss"

    def test_new_entries_ask_for_the_instruments_of_the_new_mode(self) -> None:
        stage = after(("mode", "options"))
        found = stage.signal("10:00:01")
        assert (found.decision, stage.verdicts(found, "fund")) == ("refused", [])
        assert stage.verdicts(found, "option") != []


class TestTicker:
    @pytest.mark.parametrize(("switch", "direction"), [("off", 1), ("off", -1), ("long", -1), ("short", 1)])
    def test_a_switched_ticker_refuses_an_entry_and_says_why(self, switch: str, direction: int) -> None:
        stage = after(("ticker", f"QQQ {switch}"))
        found = stage.signal("10:00:01", direction=direction)
        (why,) = (verdict.reason for verdict in stage.verdicts(found) if not verdict.passed)
        assert (found.decision, found.code, why, stage.orders) == ("refused", "ticker", SAID[switch], [])

    @pytest.mark.parametrize(("switch", "direction"), [("long", 1), ("short", -1)])
    def test_the_direction_that_is_left_is_taken(self, switch: str, direction: int) -> None:
        entered(after(("ticker", f"QQQ {switch}")), "10:00:01", direction=direction)

    @pytest.mark.parametrize("switch", ["off", "long", "short"])
    def test_on_lifts_every_switch(self, switch: str) -> None:
        stage = after(("ticker", f"QQQ {switch}"), ("ticker", "QQQ on"))
        entered(stage, "10:00:01", direction=-1 if switch == "long" else 1)
        assert stage.book.sides == {}

    def test_another_ticker_is_not_touched(self) -> None:
        stage = after(("ticker", "QQQ off"))
        stage.quote("10:00:00.5", symbol="SPXL")
        entered(stage, "10:00:01", ticker="SPY")

    def test_a_switch_lasts_over_the_next_open(self) -> None:
        stage = after(("ticker", "QQQ off"))
        stage.quote(ny("10:00", TOMORROW))
        refused(stage, ny("10:00:00.5", TOMORROW), "ticker")

    def test_exits_of_a_ticker_that_is_off_go_on(self) -> None:
        stage = held()
        told(stage, "10:00:02", "ticker", "QQQ off")
        stage.quote("10:00:03", 48.9, 48.91)
        stage.reach("10:00:04")
        assert (stage.scalp.status, stage.scalp.exit_reason) == ("closed", "stop_loss")
