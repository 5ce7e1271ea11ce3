"""What is asked of an engine by rows: taken once, refused when stale, answered by an audit that nobody changes."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import Engine

from flows.engine.asking import AWAY_SECONDS, EVERY_SECONDS, Asking
from flows.records.database import ensure, open_database, reading, writing
from flows.records.ledger import Ledger
from flows.records.steering import MOST_AT_ONCE, Answer, answer, ask, refuse, waiting
from flows.records.tables import audit, commands
from operators.audit import AuditRecord
from operators.events import AnyEvent, Command
from tests.builders import Stage, ny
from tests.rows import NOON

pytest_plugins = ("tests.databases",)
BOOK, OTHER = "paper:main", "paper:other"
UNKIND = [
    "'); DROP TABLE audit; --",
    "\"; DELETE FROM commands WHERE ''='",
    "%s %(actor)s :actor {actor} $1 ?",
    "line\nbreak \\ back\u202e 😀",
    "",
]


def audited(number: int | None = 1, tape_seq: int = 10, **changes: Any) -> AuditRecord:
    """The desk's row on a pause that was done."""
    row: dict[str, Any] = {"book_id": BOOK, "tape_seq": tape_seq, "command_id": number, "at": NOON, "actor": "ann"}
    row |= {"action": "pause", "argument": "", "refused": None, "before": "{}", "after": "[]"}
    return AuditRecord(**(row | changes))


def numbers(engine: Engine, book_id: str = BOOK, after: int = 0) -> list[int]:
    """The numbers of what waits."""
    return [asked.id for asked in waiting(engine, book_id, after)]


def stored(engine: Engine, *columns: Any) -> list[tuple[Any, ...]]:
    """What stands in these columns, sorted."""
    with reading(engine, few=True) as connection:
        return sorted(map(tuple, connection.execute(sa.select(*columns))))


def execute(engine: Engine, statement: str) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text(statement))


def poller(engine: Engine, put: list[AnyEvent], seconds: float = 0.0) -> Asking:
    """A poller of an engine's run whose clock stands so many seconds after the newest row was asked."""
    ((at,),) = stored(engine, sa.func.max(commands.c.requested_at))
    return Asking(engine, BOOK, put.append, lambda: at + timedelta(seconds=seconds))


def commanded(put: list[AnyEvent]) -> list[str]:
    """The numbers of the commands that were put."""
    return [event.command_id for event in put if isinstance(event, Command)]


def obeyed(stage: Stage, put: list[AnyEvent]) -> list[AuditRecord]:
    """What the desk says to the commands that were put, each at its place on the tape; none is left."""
    records = []
    while put:
        stage.seq += 1
        at_ns = ny("10:00") + stage.seq
        records += stage.desk.on(replace(put.pop(0), seq=stage.seq, at_ns=at_ns, event_ns=at_ns))
    return [record for record in records if isinstance(record, AuditRecord)]


class Steps(threading.Event):
    """An event nobody waits for in vain: each wait takes the next step, after the last one it is set."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        super().__init__()
        self.steps, self.waited = list(steps), list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        if self.steps:
            self.steps.pop(0)()
            return False
        return True


class TestRows:
    def test_what_was_asked_waits_in_its_order(self, engine: Engine) -> None:
        first, second = ask(engine, BOOK, "ann", "pause"), ask(engine, BOOK, "bob", "ticker", "QQQ off")
        found = [asked[:4] for asked in waiting(engine, BOOK, 0)]
        assert found == [(first, "ann", "pause", ""), (second, "bob", "ticker", "QQQ off")]
        assert first < second

    def test_only_what_is_asked_of_the_book_waits(self, engine: Engine) -> None:
        ask(engine, OTHER, "ann", "kill")
        own = ask(engine, BOOK, "ann", "pause")
        assert (numbers(engine), numbers(engine, "paper:none")) == ([own], [])

    def test_only_what_came_after_a_number_waits(self, engine: Engine) -> None:
        first, second = ask(engine, BOOK, "ann", "pause"), ask(engine, BOOK, "ann", "resume")
        assert (numbers(engine, after=first), numbers(engine, after=second)) == ([second], [])

    @pytest.mark.parametrize("said", [None, "trading is HALTED"])
    def test_what_the_desk_has_answered_waits_no_more(self, engine: Engine, said: str | None) -> None:
        first, second = ask(engine, BOOK, "ann", "pause"), ask(engine, BOOK, "ann", "resume")
        Ledger(engine).write([audited(first, refused=said)])
        assert numbers(engine) == [second]

    @pytest.mark.parametrize("foreign", [{"book_id": OTHER}, {"number": None}])
    def test_no_other_row_of_the_audit_answers_it(self, engine: Engine, foreign: Any) -> None:
        number = ask(engine, BOOK, "ann", "pause")
        Ledger(engine).write([audited(**({"number": number} | foreign))])
        assert numbers(engine) == [number]

    def test_what_was_refused_waits_no_more(self, engine: Engine) -> None:
        first, second = ask(engine, BOOK, "ann", "pause"), ask(engine, BOOK, "ann", "resume")
        refuse(engine, first, "too old")
        assert numbers(engine) == [second]


class TestAnswers:
    def test_there_is_none_to_what_was_just_asked_or_never_was(self, engine: Engine) -> None:
        number = ask(engine, BOOK, "ann", "pause")
        assert (answer(engine, number), answer(engine, number + 1)) == (None, None)

    def test_it_is_what_the_desk_did(self, engine: Engine) -> None:
        Ledger(engine).write([audited(ask(engine, BOOK, "ann", "pause"), before='{"a": 1}', after='{"a": 2}')])
        assert answer(engine, 1) == Answer(None, '{"a": 1}', '{"a": 2}')

    def test_it_is_why_the_desk_was_not_asked(self, engine: Engine) -> None:
        refuse(engine, ask(engine, BOOK, "ann", "pause"), "too old")
        assert answer(engine, 1) == Answer("too old", None, None)

    def test_of_two_rows_on_one_command_the_first_on_the_tape_answers(self, engine: Engine) -> None:
        ask(engine, BOOK, "ann", "pause")
        Ledger(engine).write([audited(1, 12, refused="came before"), audited(1, 11)])
        assert answer(engine, 1) == Answer(None, "{}", "[]")


class TestNumbers:
    def test_a_database_made_anew_gives_no_number_that_its_audit_knows(self, engine: Engine) -> None:
        Ledger(engine).write([audited(7, 10)])
        number = ask(engine, BOOK, "ann", "kill")
        assert (number, answer(engine, number)) == (8, None)
        assert [asked.id for asked in waiting(engine, BOOK, 0)] == [8]

    def test_another_books_answer_is_none(self, engine: Engine) -> None:
        number = ask(engine, "paper:other", "ann", "kill")
        Ledger(engine).write([audited(number, 10)])
        assert answer(engine, number) is None

    @pytest.mark.parametrize(("action", "argument"), [("explode", ""), ("reduce", "x"), ("rearm", "x" * 501)])
    def test_what_no_desk_could_do_is_refused_and_never_put(self, engine: Engine, action: Any, argument: str) -> None:
        number = ask(engine, BOOK, "ann", action, argument)
        put: list[AnyEvent] = []
        Asking(engine, BOOK, put.append).look()
        found = answer(engine, number)
        assert (put, found is not None and bool(found.refused)) == ([], True)


class TestAppendOnly:
    def test_a_row_is_not_replaced_either(self, sqlite_url: str) -> None:
        engine = open_database(sqlite_url, create=True)
        ensure(engine)
        Ledger(engine).write([audited(1, 10)])
        columns = "command_id, at, actor, action, argument, refused, before, after, recorded_at"
        changed = columns.replace("actor", "'bob'")
        into = f"INSERT OR REPLACE INTO audit (book_id, tape_seq, {columns})"
        execute(engine, f"{into} SELECT book_id, tape_seq, {changed} FROM audit")
        assert stored(engine, audit.c.actor) == [("ann",)]
        engine.dispose()

    @pytest.mark.parametrize("what", ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit"])
    @pytest.mark.parametrize("which", ["", " WHERE tape_seq = 11"])
    def test_no_row_is_changed_or_taken_away(self, engine: Engine, what: str, which: str) -> None:
        Ledger(engine).write([audited(1, 10), audited(2, 11)])
        with pytest.raises(sa.exc.DBAPIError, match="the audit is append-only"):
            execute(engine, what + which)
        assert stored(engine, audit.c.tape_seq, audit.c.actor) == [(10, "ann"), (11, "ann")]

    def test_not_all_rows_are_taken_away_at_once(self, postgres_url: str) -> None:
        engine = open_database(postgres_url, create=False)
        ensure(engine)
        with pytest.raises(sa.exc.DBAPIError, match="the audit is append-only"):
            execute(engine, "TRUNCATE audit")
        engine.dispose()

    def test_a_row_that_comes_again_changes_nothing(self, engine: Engine) -> None:
        Ledger(engine).write([audited(1, 10)])
        Ledger(engine).write([audited(1, 10), audited(2, 11)])
        assert stored(engine, audit.c.command_id) == [(1,), (2,)]


@pytest.mark.parametrize("text", UNKIND)
def test_whatever_is_asked_by_whomever_stays_text_to_the_answer(engine: Engine, text: str) -> None:
    number, put = ask(engine, BOOK, text, "mode", text), list[AnyEvent]()
    poller(engine, put).look()
    Ledger(engine).write(obeyed(Stage(book_id=BOOK), put))
    for table in (commands, audit):
        assert stored(engine, table.c.actor, table.c.argument) == [(text, text)]
    found = answer(engine, number)
    assert found is not None
    assert found.refused == f"{text!r} is no mode: options, leveraged_etf, both are"


class TestPoller:
    def test_a_row_becomes_a_command_with_its_number(self, engine: Engine) -> None:
        number, put = ask(engine, BOOK, "ann", "ticker", "QQQ off"), list[AnyEvent]()
        poller(engine, put).look()
        assert put == [Command(0, 0, 0, "ticker", "ann", "QQQ off", str(number))]

    def test_a_row_is_put_once_though_its_answer_takes_its_time(self, engine: Engine) -> None:
        ask(engine, BOOK, "ann", "pause")
        put = list[AnyEvent]()
        asking = poller(engine, put)
        for _ in range(3):
            asking.look()
        assert commanded(put) == ["1"]

    def test_more_rows_than_are_read_at_once_come_in_their_order(self, engine: Engine) -> None:
        asked, put = [ask(engine, BOOK, "ann", "flatten") for _ in range(MOST_AT_ONCE + 1)], list[AnyEvent]()
        asking = poller(engine, put)
        asking.look()
        asking.look()
        assert commanded(put) == list(map(str, asked))

    @pytest.mark.parametrize(("seconds", "old"), [(60.5, 60), (61, 61), (3600, 3600), (-61, -61)])
    def test_a_stale_row_is_refused_and_never_put(self, engine: Engine, seconds: float, old: int) -> None:
        number, put = ask(engine, BOOK, "ann", "pause"), list[AnyEvent]()
        for later in (seconds, 0.0):
            poller(engine, put, later).look()
        assert answer(engine, number) == Answer(f"it is {old} s old, limit 60 s: ask again", None, None)
        assert put == []

    @pytest.mark.parametrize("seconds", [60, -60])
    def test_a_row_at_the_limit_is_put(self, engine: Engine, seconds: float) -> None:
        ask(engine, BOOK, "ann", "pause")
        put = list[AnyEvent]()
        poller(engine, put, seconds).look()
        assert (commanded(put), answer(engine, 1)) == (["1"], None)

    def test_a_row_that_was_on_the_tape_unanswered_is_put_again_after_a_restart_and_obeyed_once(
        self, engine: Engine
    ) -> None:
        stage, put = Stage(book_id=BOOK), list[AnyEvent]()
        ask(engine, BOOK, "ann", "ticker", "QQQ off")
        poller(engine, put).look()
        records = obeyed(stage, put)  # the engine dies before they are written
        poller(engine, put).look()
        records += obeyed(stage, put)
        assert [record.refused for record in records] == [None, "command 1 came before: each is obeyed once"]
        Ledger(engine).write(records)
        found = answer(engine, 1)
        assert (found is not None and found.refused, numbers(engine)) == (None, [])

    def test_a_database_that_is_away_is_asked_again_less_often(self, engine: Engine) -> None:
        ask(engine, BOOK, "ann", "pause")
        put = list[AnyEvent]()
        asking = poller(engine, put)
        away, back = ("ALTER TABLE commands RENAME TO away", "ALTER TABLE away RENAME TO commands")
        stopping = Steps(lambda: execute(engine, away), lambda: execute(engine, back))
        asking.run(stopping)
        assert (stopping.waited, commanded(put)) == ([EVERY_SECONDS, AWAY_SECONDS, EVERY_SECONDS], ["1"])

    def test_nothing_is_put_once_the_engine_stops(self, engine: Engine) -> None:
        ask(engine, BOOK, "ann", "pause")
        put = list[AnyEvent]()
        poller(engine, put).run(Steps())
        assert put == []
