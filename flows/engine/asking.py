"""Brings what is asked of an engine from the database onto its tape: each row once, stale ones not at all."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine

from flows.records.faults import UnusableDatabase
from flows.records.steering import STALE_SECONDS, Asked, refuse, waiting
from operators.events import AnyEvent, Command

EVERY_SECONDS: Final = 0.1
AWAY_SECONDS: Final = 1.0


class Asking:
    """Looks for new rows ten times a second. `now` is the wall clock, by which a row is stale."""

    def __init__(
        self,
        database: Engine,
        book_id: str,
        put: Callable[[AnyEvent], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._book_id, self._put, self._now = database, book_id, put, now
        self._taken = 0

    def run(self, stopping: threading.Event) -> None:
        """Looks until it is told to stop; a database that is away is asked again."""
        pause = EVERY_SECONDS
        while not stopping.wait(pause):
            try:
                self.look()
                pause = EVERY_SECONDS
            except UnusableDatabase:
                pause = AWAY_SECONDS

    def look(self) -> None:
        """Takes what is new; raises UnusableDatabase."""
        for asked in waiting(self._database, self._book_id, self._taken):
            wrong = asked.wrong() or (self._stale(asked) if asked.stale(self._now()) else "")
            if wrong:
                refuse(self._database, asked.id, wrong)
            else:
                self._put(Command(0, 0, 0, asked.action, asked.actor, asked.argument, str(asked.id)))
            self._taken = asked.id

    def _stale(self, asked: Asked) -> str:
        seconds = (self._now() - asked.requested_at).total_seconds()
        return f"it is {seconds:.0f} s old, limit {STALE_SECONDS:.0f} s: ask again"
