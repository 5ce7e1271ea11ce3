"""Ways in which a database goes away and comes back."""

import sqlite3
import subprocess
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Protocol

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


def fill(disk: Path) -> Path:
    """Leaves no room on a disk; gives the file that takes it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    return ballast


class Full:
    """A SQLite file on a small disk without room."""

    def __init__(self, disk: Path) -> None:
        self._disk, self.url = disk, f"sqlite:///{disk}/full.db"
        self._room = ExitStack()

    def begin(self) -> None:
        self._room.callback(fill(self._disk).unlink)

    def end(self) -> None:
        self._room.close()


class FullServer(Full):
    """A PostgreSQL server with its data on a small disk without room: it ends when its own log finds none."""

    def __init__(self, disk: Path, server: Postgres) -> None:
        super().__init__(disk)
        self._server, self.url = server, server.url

    def end(self) -> None:
        super().end()
        with suppress(subprocess.CalledProcessError):  # it may have ended by itself
            self._server.stop("immediate")
        self._server.start()


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
