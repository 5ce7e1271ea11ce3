"""Ways in which a database goes away and comes back, and someone who looks on an engine's tape meanwhile."""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from flows.tape.following import Follower
from flows.tape.segments import segment_paths
from operators.events import AnyEvent
from tests.lives import LIMIT_SECONDS, Place
from tests.servers import Postgres


class Outage(Protocol):
    """A database that goes away and comes back."""

    url: str

    def begin(self) -> None:
        """The database is away from now on."""

    def end(self) -> None:
        """It is back."""


class Locked:
    """Another program holds the lock of a SQLite file, for which the engine waits five seconds a try."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "locked.db"
        self.url = f"sqlite:///{self._path}"
        self._lock = ExitStack()

    def begin(self) -> None:
        other = self._lock.enter_context(closing(sqlite3.connect(self._path, isolation_level=None, timeout=30.0)))
        other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self._lock.close()


class Full:
    """A SQLite file on a disk without room; the disk is a small one of the test's own, in memory."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"
        self.url = f"sqlite:///{folder}/full.db"

    def begin(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            for size in (2**16, 2**12, 1):
                self._fill(file.fileno(), size)

    @staticmethod
    def _fill(file: int, size: int) -> None:
        try:
            while True:
                os.write(file, bytes(size))
        except OSError:
            return

    def end(self) -> None:
        self._ballast.unlink()


class Stopped:
    """A PostgreSQL server that is stopped, orderly or as by a crash, and started again."""

    def __init__(self, server: Postgres, mode: Any) -> None:
        self._server, self._mode, self.url = server, mode, server.url

    def begin(self) -> None:
        self._server.stop(self._mode)

    def end(self) -> None:
        self._server.start()


class Hanging:
    """A PostgreSQL server that keeps its connections and answers none of them."""

    def __init__(self, server: Postgres) -> None:
        self._server, self.url = server, server.url

    def begin(self) -> None:
        self._server.hang()

    def end(self) -> None:
        self._server.wake()


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
        self.await_event(lambda _: True)
        while self.seq < self.seen[-1].seq:
            self.seq = self.seen[-1].seq
            self._read()
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
