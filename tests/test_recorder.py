"""The ledger thread: order, marks in the records' transaction, a database that is away, another engine's fence."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from flows.records import recorder as module
from flows.records.database import ensure, open_database, reading
from flows.records.ledger import Ledger
from flows.records.marks import Fenced, mark_of, take
from flows.records.recorder import Recorder
from flows.records.tables import fills, orders
from operators.records import Record
from tests.rows import BOOK, fill, order
from tests.scribed import Clock, some

pytest_plugins = ("tests.databases",)
LIMIT_SECONDS = 30.0
A_MOMENT = 0.1
"""How long a test looks whether something happens that must not."""


class Keeper(Ledger):
    """A ledger with memory: what it wrote, what was in the database after each commit; tries can be waited for."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.database = engine
        self.after: list[tuple[int, int]] = []
        self.tries = 0
        self.news = threading.Condition()

    def write(self, records: Sequence[Record], also: Callable[[Connection], None] | None = None) -> None:
        try:
            super().write(records, also)
            self.after.append((stored(self.database), marked(self.database)))
        finally:
            with self.news:
                self.tries += 1
                self.news.notify_all()

    def await_tries(self, number: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: self.tries >= number, LIMIT_SECONDS)


class Desk:
    """A recorder with its database; `gate` holds it before a commit while it is cleared."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.ledger, self.gate = engine, Keeper(engine), threading.Event()
        self.gate.set()
        self.asked: list[int] = []
        self.recorder = Recorder(self.ledger, take(engine, BOOK, "tape"), self._safe)

    def _safe(self) -> None:
        self.asked.append(stored(self.engine))
        assert self.gate.wait(LIMIT_SECONDS)

    def write(self, *batches: Sequence[Record | int]) -> bool:
        """Takes these and closes; whether all was written."""
        self.recorder.start()
        for batch in batches:
            self.recorder.take(batch)
        return self.recorder.close(LIMIT_SECONDS)

    def brought(self, records: Sequence[Record | int]) -> threading.Event:
        """Takes these in a thread of its own; what is given is set when they are taken."""
        taken = threading.Event()
        threading.Thread(target=lambda: (self.recorder.take(records), taken.set()), daemon=True).start()
        return taken


def stored(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(fills)).scalar_one()


def marked(engine: Engine) -> int:
    mark = mark_of(engine, BOOK)
    assert mark is not None
    return mark.tape_seq


@contextmanager
def away(engine: Engine) -> Iterator[None]:
    """Another program holds the lock of a SQLite database."""
    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


@pytest.fixture
def impatient(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk that does not wait for a lock, and tries again at once."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    opened = open_database(f"{sqlite_url}?timeout=0", create=True)
    ensure(opened)
    yield Desk(opened)
    opened.dispose()


class TestOrder:
    def test_records_come_in_the_order_in_which_they_were_taken(self, desk: Desk) -> None:
        # Of one order's rows of one event the last stands; of a fill that comes twice the first.
        states = ("sending", "working", "cancelled")
        assert desk.write(*([order(state=state), fill(quantity=len(state))] for state in states))
        with reading(desk.engine) as connection:
            assert connection.execute(sa.select(orders.c.state)).scalars().all() == ["cancelled"]
            assert connection.execute(sa.select(fills.c.quantity)).scalars().all() == [len("sending")]

    def test_it_asks_for_a_safe_tape_before_each_commit(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "ROWS", 2)
        assert desk.write(some(5))
        assert desk.asked == [0, 2, 4]

    def test_close_writes_all_that_waits(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "ROWS", 3)
        assert desk.write(some(20), [41])
        assert (stored(desk.engine), marked(desk.engine), desk.recorder.waiting) == (20, 41, 0)

    def test_close_of_one_that_took_nothing_writes_nothing(self, desk: Desk) -> None:
        assert desk.write()
        assert desk.ledger.tries == 0


class TestMarks:
    def test_a_mark_is_committed_with_the_records_before_it(self, desk: Desk) -> None:
        assert desk.write([*some(2), 12])
        assert desk.ledger.after == [(2, 12)]

    def test_a_mark_is_never_ahead_of_its_records(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "ROWS", 2)
        assert desk.write([*some(3), 12, *some(2, 3), 15])
        assert desk.ledger.after == [(2, 0), (3, 12), (5, 12), (5, 15)]

    def test_a_mark_never_goes_back(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "ROWS", 2)
        assert desk.write([20, 12, fill(), 13])
        assert desk.ledger.after == [(0, 20), (1, 20)]

    def test_a_mark_never_goes_back_after_a_restart(self, desk: Desk) -> None:
        assert desk.write([20])
        again = Desk(desk.engine)
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

    def test_it_tries_no_second_time(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "ROWS", 1)
        take(desk.engine, BOOK, "tape")
        assert not desk.write(some(3))
        assert desk.ledger.tries == 1

    def test_whoever_brings_more_does_not_wait_for_one_that_ended(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_WAITING", 1)
        take(desk.engine, BOOK, "tape")
        assert not desk.write(some(1))
        assert desk.brought(some(1, 1)).wait(LIMIT_SECONDS)


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

    def test_whoever_brings_more_waits_while_too_many_wait(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        assert module.MOST_WAITING == 200_000
        monkeypatch.setattr(module, "MOST_WAITING", 3)
        desk.gate.clear()
        desk.recorder.start()
        desk.recorder.take(some(3))
        taken = desk.brought(some(1, 3))
        assert not taken.wait(A_MOMENT)
        desk.gate.set()
        assert taken.wait(LIMIT_SECONDS)
        assert desk.recorder.close(LIMIT_SECONDS)
        assert stored(desk.engine) == 4
