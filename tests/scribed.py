"""A keeper with memory for the scribe: a real ledger on SQLite, a clock that the test moves.

Another program takes the database away by holding its lock.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from flows.records.database import ensure, open_database, reading
from flows.records.heartbeat import beat
from flows.records.ledger import Ledger
from flows.records.scribe import Scribe
from flows.records.tables import fills
from operators.records import Record
from tests.rows import BOOK, fill


class Clock:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Noting(Ledger):
    """A ledger that remembers when it was asked to write how many records."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine)
        self.clock, self.asked = clock, list[tuple[float, int]]()

    def write(self, records: Sequence[Record]) -> None:
        self.asked.append((self.clock(), len(records)))
        super().write(records)


class Desk:
    """Who runs the line: a keeper with memory, its database, the clock and the scribe."""

    def __init__(self, path: Path, looked_on: bool) -> None:
        self.path, self.clock = path, Clock()
        self.engine = open_database(f"sqlite:///{path}?timeout=0", create=True)
        ensure(self.engine)
        self.ledger = Noting(self.engine, self.clock)
        self.faults: list[Exception] = []
        self.beats: list[float] = []
        self.beaten: list[float] = []
        self.at_close: list[int] = []
        self.wrong: Exception | None = None
        self.lock: sqlite3.Connection | None = None
        self.scribe = Scribe(self, looked_on, self.clock)

    def failed(self, fault: Exception) -> None:
        self.faults.append(fault)

    def beat(self) -> None:
        self.beats.append(self.clock())
        if self.wrong is not None:
            raise self.wrong
        beat(self.engine, BOOK, "running", events=0, tape_at=None, speed=None)
        self.beaten.append(self.clock())

    def closed(self) -> None:
        self.at_close.append(self.stored())

    def stored(self) -> int:
        """How many fills are in the database."""
        with reading(self.engine) as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(fills)).scalar_one()

    def go(self) -> None:
        """The database goes away."""
        self.lock = sqlite3.connect(self.path, isolation_level=None)
        self.lock.execute("BEGIN IMMEDIATE")

    def come(self) -> None:
        """The database is back."""
        assert self.lock is not None
        self.lock.close()
        self.lock = None

    def ticks(self, seconds: float, every: float = 0.125) -> None:
        """Lets time pass; the source is asked each eighth of a second."""
        for _ in range(round(seconds / every)):
            self.clock.seconds += every
            self.scribe.tick()

    def close(self) -> None:
        """The test is over."""
        if self.lock is not None:
            self.come()
        self.engine.dispose()


def some(count: int, first: int = 0) -> list[Record]:
    return [fill(f"e{number}") for number in range(first, first + count)]
