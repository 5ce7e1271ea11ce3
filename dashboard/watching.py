"""Waits until a database has something new: PostgreSQL says so, SQLite is asked again and again."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Final

import psycopg
from sqlalchemy import Engine

from flows.records.faults import DatabaseUnavailable, masked
from flows.records.ledger import CHANNEL

LOOK_SECONDS: Final = 1.0
"""A look is taken this often even if nothing was heard: a lost notice costs no more."""
POLL_SECONDS: Final = 0.1

Wait = Callable[[Event], None]


@contextmanager
def changes(engine: Engine) -> Iterator[Wait]:
    """A function that returns when the database may have changed since it returned last, after a second, or on stop.

    It raises DatabaseUnavailable where the database has gone.
    """
    raw = engine.raw_connection()
    connection: Any = raw.driver_connection
    try:
        yield _listening(connection, engine) if engine.dialect.name == "postgresql" else _polling(connection, engine)
    finally:
        # Not back into the pool: nobody else gets a connection that listens, and one that is lost cannot be reset.
        raw.invalidate()


def _listening(connection: psycopg.Connection[Any], engine: Engine) -> Wait:
    connection.autocommit = True
    connection.execute(f"LISTEN {CHANNEL}")

    def wait(stop: Event) -> None:
        until = monotonic() + LOOK_SECONDS
        try:
            while not stop.is_set() and monotonic() < until:
                if list(connection.notifies(timeout=POLL_SECONDS, stop_after=1)):
                    return
        except psycopg.Error as error:
            said = " ".join(str(error).split())
            raise DatabaseUnavailable(f"database {masked(engine.url)} ended the connection ({said})") from error

    return wait


def _polling(connection: sqlite3.Connection, engine: Engine) -> Wait:
    path = Path(str(engine.url.database).removeprefix("file:"))
    file = _file(path, engine)
    seen = _version(connection)

    def wait(stop: Event) -> None:
        nonlocal seen
        until = monotonic() + LOOK_SECONDS
        while monotonic() < until and not stop.wait(POLL_SECONDS):
            if _file(path, engine) != file:
                raise DatabaseUnavailable(f"database {masked(engine.url)} was replaced by another file")
            if _version(connection) != seen:
                seen = _version(connection)
                return

    return wait


def _file(path: Path, engine: Engine) -> tuple[int, int]:
    """Which file lies there; an open connection would still see one that was deleted."""
    try:
        found = path.stat()
    except OSError as error:
        raise DatabaseUnavailable(f"database {masked(engine.url)}: {error.strerror}") from error
    return found.st_dev, found.st_ino


def _version(connection: sqlite3.Connection) -> int:
    """A number that changes with every commit of another connection.

    Source: https://www.sqlite.org/pragma.html#pragma_data_version
    """
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version
