"""Who looks on while an engine lives: at its tape, its database, its log, the files that it has open."""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import RowMapping

from flows.engine.rebuild import rebuild
from flows.records.database import open_database, reading
from flows.records.faults import DatabaseUnavailable
from flows.records.marks import mark_of
from flows.records.queries import Trade, open_positions, records_sha256
from flows.records.tables import audit, heartbeat, orders
from flows.tape.following import Follower
from flows.tape.segments import segment_paths
from operators.events import AnyEvent, Bar, Command
from tests.lives import LIMIT_SECONDS, Place
from tests.outages import Locked, Outage


class Onlooker:
    """Reads the tape of a living engine, event by event; `seen` was read of it, up to `seq` it was looked at."""

    def __init__(self, place: Place, engine: BaseProcess) -> None:
        self.seen: list[AnyEvent] = []
        self.seq = 0
        self._place, self._engine = place, engine
        self._follower: Follower | None = None

    def await_event(self, wanted: Callable[[AnyEvent], bool]) -> AnyEvent:
        """The first such event behind all that were looked at."""
        until = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < until and self._engine.is_alive():
            for event in self.seen[self.seq :]:
                self.seq = event.seq
                if wanted(event):
                    return event
            self._read()
        raise AssertionError(f"it never came; exit code {self._engine.exitcode}, {self.seq} events were looked at")

    def catch_up(self) -> AnyEvent:
        """The newest event; all before it were looked at."""
        before = -1
        while len(self.seen) != before:
            before = len(self.seen)
            self._read()
        self.seq = self.seen[-1].seq
        return self.seen[-1]

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()

    def _read(self) -> None:
        tape = self._place.state / "tape"
        if self._follower is None and segment_paths(tape):
            self._follower = Follower(tape, 1)
        events = [] if self._follower is None else self._follower.read()
        self.seen += events
        if not events:
            self._engine.join(0.02)


def files_without_a_name(engine: BaseProcess, folder: Path) -> int:
    """How many open files of an engine lie in a folder and have no name."""
    links = Path(f"/proc/{engine.pid}/fd").iterdir()
    names = [str(link.readlink()) for link in links if link.is_symlink()]
    return sum(name.startswith(f"{folder}/") and name.endswith(" (deleted)") for name in names)


def told(log: Path) -> list[str]:
    """The codes that an engine told, in order."""
    return [json.loads(line)["code"] for line in log.read_text(encoding="utf-8").splitlines()]


class Life(NamedTuple):
    """An engine with an open position, and who looks on."""

    place: Place
    engine: BaseProcess
    onlooker: Onlooker

    @property
    def log(self) -> Path:
        """Where it says what happens."""
        assert self.place.log is not None, "give it a place with a log"
        return self.place.log

    def lose(self, outage: Outage) -> AnyEvent:
        """Its database goes away at one moment of the tape, behind the event that this gives."""
        assert self.engine.pid is not None
        if isinstance(outage, Locked):  # an engine that is halted may hold the lock itself
            outage.begin()
            return self.onlooker.catch_up()
        os.kill(self.engine.pid, signal.SIGSTOP)
        outage.begin()
        gone = self.onlooker.catch_up()
        os.kill(self.engine.pid, signal.SIGCONT)
        return gone

    def end(self) -> int:
        """Ends it in order, within five seconds; gives its exit code."""
        assert self.engine.pid is not None
        os.kill(self.engine.pid, signal.SIGTERM)
        self.engine.join(5.0)
        assert self.engine.exitcode is not None
        return self.engine.exitcode

    def orders(self) -> list[RowMapping]:
        """All orders in the database, as they were sent."""
        return self._rows(orders)

    def audited(self) -> list[RowMapping]:
        """What the desk answered to commands."""
        return self._rows(audit)

    def _rows(self, table: sa.Table) -> list[RowMapping]:
        database = open_database(self.place.database, create=False)
        with reading(database) as connection:
            found = list(connection.execute(sa.select(table)).mappings())
        database.dispose()
        return found

    def beaten_at(self) -> datetime:
        """When it was last alive, as its database knows it."""
        (row,) = self._rows(heartbeat)
        at: datetime = row["beat_at"]
        return at

    def held(self) -> list[Trade]:
        """Positions that are open, as its database knows them."""
        database = open_database(self.place.database, create=False)
        found = open_positions(database, "paper:test")
        database.dispose()
        return found

    def digests(self) -> tuple[str, str]:
        """Of the database, and of one that is rebuilt from the tape."""
        database = open_database(self.place.database, create=False)
        digest = records_sha256(database, "paper:test")
        database.dispose()
        return digest, rebuild(self.place.state, f"sqlite:///{self.place.state}-again.db").records_sha256


def command(action: str) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, Command) and event.action == action


def minutes_after(begun_ns: int, minutes: int) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, Bar) and event.at_ns >= begun_ns + minutes * 60_000_000_000


def await_file(life: Life, there: bool) -> None:
    """Waits until records wait in a file, or none do."""
    until = time.monotonic() + LIMIT_SECONDS
    while (files_without_a_name(life.engine, life.place.state) > 0) is not there:
        assert time.monotonic() < until
        life.engine.join(0.02)


def await_mark(place: Place, engine: BaseProcess, seq: int) -> None:
    """Waits until the database has all up to an event."""
    database, until = open_database(place.database, create=False), time.monotonic() + LIMIT_SECONDS
    while (mark := mark_of(database, "paper:test")) is None or mark.tape_seq < seq:
        assert engine.is_alive()
        assert time.monotonic() < until
        engine.join(0.05)
    database.dispose()


def await_sale(life: Life) -> None:
    """Waits until the database has a filled order to sell."""
    until, sold = time.monotonic() + LIMIT_SECONDS, False
    while not sold:
        assert life.engine.is_alive()
        assert time.monotonic() < until
        life.engine.join(0.1)
        with suppress(DatabaseUnavailable):  # it is not made yet
            sold = ("sell", "filled") in [(row["side"], row["state"]) for row in life.orders()]


def await_told(life: Life, code: str) -> None:
    """Waits until the engine has told of something."""
    until = time.monotonic() + LIMIT_SECONDS
    while not life.log.exists() or code not in told(life.log):
        assert life.engine.is_alive()
        assert time.monotonic() < until
        life.engine.join(0.1)
