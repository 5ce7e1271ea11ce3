"""Writes down what a run decides, and that it is alive: many records at a time, or as they come for who looks on."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from flows.records.faults import DatabaseUnavailable, UnusableDatabase
from flows.records.ledger import Ledger
from operators.records import Record

ROWS: Final = 2_000
"""Records gathered before a write: a commit costs milliseconds, a row microseconds."""
BEAT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 0.5
MOST_WAITING: Final = 200_000
"""Records that wait for a database that is away, some 200 MB; then the run ends."""


class Keeper(Protocol):
    """Who runs the line."""

    ledger: Ledger

    def failed(self, fault: Exception) -> None:
        """Nothing more is written, for this reason."""

    def beat(self) -> None:
        """Notes that the run is alive; raises UnusableDatabase."""

    def closed(self) -> None:
        """The last record was written, or the line broke."""


class Scribe:
    """The records of one run on their way to the database.

    A replay at full speed gathers them and fails with its database. One that is `looked_on` writes each batch at once
    and waits for a database that is away: nothing is lost, and the line goes on meanwhile.
    """

    def __init__(self, keeper: Keeper, looked_on: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._keeper, self._looked_on, self._clock = keeper, looked_on, clock
        self._records: list[Record] = []
        self._failed = False
        self._next_beat = self._next_try = 0.0

    def take(self, records: Sequence[Record]) -> None:
        """Writes records now or later."""
        self._records += records
        if self._looked_on or len(self._records) >= ROWS:
            self._flush()

    def tick(self) -> None:
        """Called as often as the source is asked: writes what waits, and notes now and then that the run is alive."""
        if self._looked_on and self._records:
            self._flush()
        if self._clock() >= self._next_beat and not self._failed and not self._away():
            self._next_beat = self._clock() + BEAT_SECONDS
            self._try(self._keeper.beat)

    def close(self) -> None:
        """Writes what is left; a database that is still away fails the run."""
        self._looked_on = False
        self._next_try = 0.0
        self._flush()
        self._keeper.closed()

    def _away(self) -> bool:
        return self._clock() < self._next_try

    def _flush(self) -> None:
        """Writes what was gathered. A fault is told and not raised: close() is called on the way out of Bytewax."""
        if self._failed or not self._records or self._away():
            return
        records = self._records
        if self._try(lambda: self._keeper.ledger.write(records)):
            self._records = []

    def _try(self, write: Callable[[], None]) -> bool:
        """Whether it was written; if not, it is tried again in a while or the run fails."""
        try:
            write()
        except UnusableDatabase as fault:
            waits = self._looked_on and isinstance(fault, DatabaseUnavailable)
            if waits and len(self._records) <= MOST_WAITING:
                self._next_try = self._clock() + RETRY_SECONDS
            else:
                self._failed = True
                self._keeper.failed(fault)
            return False
        return True
