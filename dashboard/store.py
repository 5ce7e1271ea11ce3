"""One reader for all sessions of a process: a thread that owns the live connection and tells who subscribed."""

import logging
from datetime import UTC, datetime
from functools import cache
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

import msgspec
import reactivex
from reactivex.scheduler import EventLoopScheduler
from reactivex.subject import BehaviorSubject
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from dashboard.departures import expect_departures
from dashboard.watching import LOOK_SECONDS, changes
from flows.records.database import database_url, open_database
from flows.records.faults import DatabaseUnavailable
from flows.records.now import Follower, unfit
from flows.records.now_parts import Snapshot, Trouble

LOOKS_A_SECOND: Final = 8
RETRY_SECONDS: Final = 0.5
TICK_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 2.0
"""Looks come at least once in LOOK_SECONDS; without one for so long the database hangs."""

log = logging.getLogger(__name__)


class Moment(msgspec.Struct, frozen=True):
    """What is known at a wall time: the newest snapshot, when it was read, and what keeps newer ones away."""

    at: datetime
    snapshot: Snapshot | None = None
    read_at: datetime | None = None
    trouble: Trouble | None = None


class Store:
    """Reads the newest run as it goes on; `moments` gives the last moment to who subscribes and each one after it.

    It never writes. A moment comes with every change, at most LOOKS_A_SECOND times a second with the last change never
    lost, and each second besides, so that ages go on. Subscribers are called in threads of the store.
    """

    def __init__(self, url: str) -> None:
        self.moments = BehaviorSubject(Moment(at=datetime.now(UTC)))
        self.engine: Engine | None = None
        self._url, self._stop, self._lock = url, Event(), Lock()
        self._snapshot: Snapshot | None = None
        self._read_at: datetime | None = None
        self._trouble: Trouble | None = None
        self._heard = monotonic()
        self._thread = Thread(target=self._run, name="store", daemon=True)
        self._clock = EventLoopScheduler()
        self._ticks = reactivex.interval(TICK_SECONDS, scheduler=self._clock).subscribe(self._tick)
        self._thread.start()

    def close(self) -> None:
        """Ends the threads; nobody is told any more."""
        self._stop.set()
        self._ticks.dispose()
        self._clock.dispose()
        self._thread.join()
        self.moments.on_completed()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except DatabaseUnavailable as error:
                self._tell(Trouble("unreachable", str(error)))
            except Exception as error:
                # A fault of the page's own reader is shown like any other, and the log has the whole of it, once.
                if self._trouble is None or self._trouble.kind != "broken":
                    log.exception("the reader of the page failed")
                self._tell(Trouble("broken", f"the page's reader failed, its log says more: {error}"))
            self._stop.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        """Reads through one connection as long as it lives."""
        engine = open_database(_soon(self._url), create=False)
        try:
            trouble = unfit(engine)
            if trouble is not None:
                return self._tell(trouble)
            self.engine = engine
            follower = Follower()
            with changes(engine) as wait:
                while not self._stop.is_set():
                    self._tell(follower.look(engine))
                    self._stop.wait(1 / LOOKS_A_SECOND)
                    wait(self._stop)
        finally:
            self.engine = None
            engine.dispose()

    def _tell(self, found: Snapshot | Trouble) -> None:
        with self._lock:
            self._heard, self._trouble = monotonic(), found if isinstance(found, Trouble) else None
            if isinstance(found, Snapshot):
                self._snapshot, self._read_at = found, datetime.now(UTC)
            elif found.kind == "no_run":
                self._snapshot = self._read_at = None
            self._publish()

    def _tick(self, _: int) -> None:
        with self._lock:
            if monotonic() - self._heard > LOOK_SECONDS + SILENT_SECONDS and self._trouble is None:
                self._trouble = Trouble("unreachable", "the database does not answer")
            self._publish()

    def _publish(self) -> None:
        now = datetime.now(UTC)
        self.moments.on_next(Moment(now, self._snapshot, self._read_at, self._trouble))


def _soon(url: str) -> str:
    """The address with the shortest wait for a connection that its driver knows, so that the page can say so."""
    try:
        address = make_url(url)
    except ArgumentError:
        return url  # open_database says what is wrong with it
    if address.get_backend_name().startswith("postgres") and "connect_timeout" not in address.query:
        address = address.update_query_dict({"connect_timeout": "1"})
    return address.render_as_string(hide_password=False)


@cache
def shared() -> Store:
    """The store of this process, begun with its first visitor."""
    expect_departures()
    return Store(database_url())
