"""The ledger thread: order, marks in the records' transaction, a database that is away, another engine's fence."""

from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from flows.records import recorder as module
from flows.records.database import reading
from flows.records.ledger import Ledger
from flows.records.marks import Fenced, take
from flows.records.tables import fills, orders
from tests.recorders import LIMIT_SECONDS, Desk, away, life, marked, stored
from tests.rows import BOOK, fill, order
from tests.scribed import Clock, some
from tests.view_rows import mark_now, position_now

pytest_plugins = ("tests.databases", "tests.recorder_fixtures")
A_MOMENT = 0.1
"""How long a test looks whether something happens that must not."""


class TestOrder:
    def test_records_come_in_the_order_in_which_they_were_taken(self, desk: Desk) -> None:
        # Of one order's rows of one event the last stands; of a fill that comes twice the first.
        states = ("sending", "working", "cancelled")
        assert desk.write(*([order(state=state), fill(quantity=len(state))] for state in states))
        with reading(desk.engine) as connection:
            assert connection.execute(sa.select(orders.c.state)).scalars().all() == ["cancelled"]
            assert connection.execute(sa.select(fills.c.quantity)).scalars().all() == [len("sending")]

    def test_it_asks_for_a_safe_tape_before_each_commit(self, desk: Desk) -> None:
        desk = desk.but(rows=2)
        assert desk.write(some(5))
        assert desk.asked == [0, 2, 4]

    def test_close_writes_all_that_waits(self, desk: Desk) -> None:
        desk = desk.but(rows=3)
        assert desk.write(some(20), [41])
        assert (stored(desk.engine), marked(desk.engine), desk.recorder.waiting) == (20, 41, 0)

    def test_one_that_took_nothing_writes_its_sign_of_life_at_once_and_that_alone(self, desk: Desk) -> None:
        desk.recorder.start()
        desk.ledger.await_tries(1)
        assert desk.recorder.close(LIMIT_SECONDS)
        assert (desk.ledger.after, life(desk.engine)) == ([(0, 0)], 0)


class TestMarks:
    def test_a_mark_is_committed_with_the_records_before_it(self, desk: Desk) -> None:
        assert desk.write([*some(2), 12])
        assert desk.ledger.after == [(2, 12)]

    def test_a_mark_is_never_ahead_of_its_records(self, desk: Desk) -> None:
        desk = desk.but(rows=2)
        assert desk.write([*some(3), 12, *some(2, 3), 15])
        assert desk.ledger.after == [(2, 0), (3, 12), (5, 12), (5, 15)]

    def test_a_mark_never_goes_back(self, desk: Desk) -> None:
        desk = desk.but(rows=2)
        assert desk.write([20, 12, fill(), 13])
        assert desk.ledger.after == [(0, 20), (1, 20)]

    def test_a_mark_never_goes_back_after_a_restart(self, desk: Desk) -> None:
        assert desk.write([20])
        again = desk.but()
        assert again.write([fill(), 12])
        assert again.ledger.after == [(1, 20)]

    def test_a_ledger_that_fails_writes_neither(self, engine: Engine) -> None:
        mark = take(engine, BOOK, "tape")

        def fail(connection: Connection) -> None:
            mark.move(connection, 12)
            raise ArithmeticError

        with pytest.raises(ArithmeticError):
            Ledger(engine).write([fill()], fail)
        assert (stored(engine), marked(engine)) == (0, 0)


class TestFence:
    def test_another_engines_fence_ends_it_and_nothing_is_written(self, desk: Desk) -> None:
        take(desk.engine, BOOK, "tape")
        assert not desk.write([fill(), 12])
        assert isinstance(desk.recorder.fault, Fenced)
        assert (stored(desk.engine), marked(desk.engine)) == (0, 0)

    def test_it_tries_no_second_time(self, desk: Desk) -> None:
        desk = desk.but(rows=1)
        take(desk.engine, BOOK, "tape")
        assert not desk.write(some(3))
        assert desk.ledger.tries == 1

    def test_one_that_ended_takes_no_more(self, desk: Desk) -> None:
        take(desk.engine, BOOK, "tape")
        assert not desk.write(some(1))
        desk.recorder.take(some(1, 1))
        assert desk.recorder.waiting == 1

    def test_it_is_found_out_by_a_sign_of_life_without_records(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "BEAT_SECONDS", 0.0)
        take(desk.engine, BOOK, "tape")
        desk.recorder.start()
        desk.ledger.await_tries(1)
        assert not desk.recorder.close(LIMIT_SECONDS)
        assert isinstance(desk.recorder.fault, Fenced)
        assert life(desk.engine) is None

    def test_its_last_words_are_not_taken(self, desk: Desk) -> None:
        assert desk.write(some(1))
        before = life(desk.engine)
        take(desk.engine, BOOK, "tape")
        with pytest.raises(Fenced):
            desk.recorder.last_words(desk._alive)
        assert life(desk.engine) == before


class TestAway:
    def test_it_tries_until_the_database_is_there(self, impatient: Desk) -> None:
        with away(impatient.engine):
            impatient.recorder.start()
            impatient.recorder.take([*some(4), 9])
            impatient.ledger.await_tries(3)
            assert "is locked by another program" in impatient.recorder.away
        assert impatient.recorder.close(LIMIT_SECONDS)
        assert (impatient.ledger.after, impatient.recorder.away) == ([(4, 9)], "")

    def test_close_says_that_not_all_is_written(self, impatient: Desk) -> None:
        with away(impatient.engine):
            impatient.recorder.start()
            impatient.recorder.take(some(4))
            assert not impatient.recorder.close(A_MOMENT)
        assert impatient.recorder.close(LIMIT_SECONDS)


class TestBehind:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """The clock of the module, moved by the test; the thread is not started."""
        clock = Clock()
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
        return clock

    def test_it_is_not_behind_while_nothing_waits(self, desk: Desk, clock: Clock) -> None:
        desk.recorder.take([])
        clock.seconds += 3.0
        assert desk.recorder.behind_seconds == 0.0

    def test_it_is_behind_since_the_oldest_record_came(self, desk: Desk, clock: Clock) -> None:
        desk.recorder.take(some(1))
        clock.seconds += 2.0
        desk.recorder.take(some(1, 1))
        clock.seconds += 1.0
        assert desk.recorder.behind_seconds == 3.0

    def test_it_is_not_behind_once_all_is_written(self, desk: Desk) -> None:
        assert desk.write(some(3))
        assert desk.recorder.behind_seconds == 0.0

    def test_looks_that_nobody_saw_count_as_the_oldest_of_them(self, desk: Desk, clock: Clock) -> None:
        for number in range(3):
            desk.recorder.take([mark_now(number), position_now(tape_seq=number)])
            clock.seconds += 1.0
        assert (desk.recorder.waiting, desk.recorder.behind_seconds) == (2, 3.0)
