"""A recorder with a ledger that remembers, a database of either kind, and a tape that is safe when the test says so."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from flows.records.database import reading
from flows.records.heartbeat import note
from flows.records.ledger import Ledger
from flows.records.marks import mark_of, take
from flows.records.recorder import Recorder
from flows.records.tables import fills, heartbeat
from flows.records.waiting import Waiting
from operators.records import Record
from tests.rows import BOOK

LIMIT_SECONDS = 30.0


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
    """A recorder with its database; nothing is written while `safe` is not set, and no life is shown unless asked."""

    def __init__(self, engine: Engine, folder: Path, rows: int = 5_000, in_memory: int = 20_000) -> None:
        self.engine, self.folder, self.ledger = engine, folder, Keeper(engine)
        self.safe, self.lives = threading.Event(), 0
        self.safe.set()
        self.asked: list[int] = []
        waiting = Waiting(folder, in_memory, rows)
        self.recorder = Recorder(self.ledger, take(engine, BOOK, "tape"), self._safe, self._alive, waiting)

    def but(self, **changes: int) -> "Desk":
        """Another desk on the same database, which takes the book over."""
        return Desk(self.engine, self.folder, **changes)

    def _safe(self) -> bool:
        self.asked.append(stored(self.engine))
        return self.safe.is_set()

    def _alive(self, connection: Connection) -> None:
        note(connection, BOOK, "running", events=self.lives, tape_at=None, speed=None)
        self.lives += 1

    def write(self, *batches: Sequence[Record | int]) -> bool:
        """Takes these and closes; whether all was written."""
        self.recorder.start()
        for batch in batches:
            self.recorder.take(batch)
        return self.recorder.close(LIMIT_SECONDS)


def stored(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(fills)).scalar_one()


def marked(engine: Engine) -> int:
    mark = mark_of(engine, BOOK)
    assert mark is not None
    return mark.tape_seq


def life(engine: Engine) -> int | None:
    """What the newest sign of life counted."""
    with reading(engine) as connection:
        return connection.execute(sa.select(heartbeat.c.events)).scalar_one_or_none()


@contextmanager
def away(engine: Engine) -> Iterator[None]:
    """Another program holds the lock of a SQLite database."""
    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
