"""The ledger thread: records on their way to the database in batches, so that no commit stands before an order.

Marks travel among the records: a mark is committed with what came before it, never ahead of it. A database that is
away is tried again until it is there; what waits is counted, and how long it has waited. Nobody else waits for it: the
one who brings records never, and the engine's sign of life is given from here.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from flows.points import point
from flows.records.faults import DatabaseUnavailable
from flows.records.ledger import Ledger
from flows.records.marks import Mark
from flows.records.waiting import Looks, Waiting
from operators.records import Record
from operators.views import NowRecord

BATCH_SECONDS: Final = 0.05
BEAT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 0.5

Write = Callable[[Connection], None]


class Recorder:
    """Takes records and marks from the line, writes them from a thread of its own.

    `safe` is asked before each commit whether the tape behind the records cannot be lost; it may wait, for less than a
    second. `alive` gives a sign of life, once a second in a transaction with the records if there are any. `away` says
    why the database takes nothing, `fault` is what ended the thread: another engine's fence, or what no waiting mends.
    `lost` says why no more can wait: then the next start makes it anew from the tape, and all that follows.
    """

    def __init__(
        self,
        ledger: Ledger,
        mark: Mark,
        safe: Callable[[], bool],
        alive: Write,
        waiting: Waiting,
    ) -> None:
        self.fault: Exception | None = None
        self.away: str = ""
        self._ledger, self._mark, self._safe, self._alive = ledger, mark, safe, alive
        self._waiting, self._looks = waiting, Looks()
        self._closing, self._next_beat = False, 0.0
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    @property
    def behind_seconds(self) -> float:
        """How long the oldest record has waited; 0 if none does."""
        since = [came for came in (self._waiting.since, self._looks.since) if came is not None]
        return time.monotonic() - min(since) if since else 0.0

    @property
    def waiting(self) -> int:
        """Records that are not in the database yet."""
        return len(self._waiting) + len(self._looks)

    @property
    def lost(self) -> str:
        """Why records are left to the next start, empty if none are."""
        return self._waiting.lost

    @property
    def tape_seq(self) -> int:
        """The event of the tape up to which the database has all."""
        return self._mark.tape_seq

    def start(self) -> None:
        """Begins to write, with a sign of life: commands find the engine by it."""
        self._thread.start()

    def take(self, records: Sequence[Record | int]) -> None:
        """Takes records in line order; a number is a mark: all records of the events up to it came before."""
        if not records or self.fault is not None:
            return
        came = time.monotonic()
        looks = [one for one in records if isinstance(one, NowRecord)]
        self._waiting.put(came, [one for one in records if not isinstance(one, NowRecord)])
        self._looks.put(came, looks)

    def close(self, seconds: float) -> bool:
        """Whether all was written within so many seconds; what was not the next start makes anew from the tape."""
        self._closing = True
        self._thread.join(seconds)
        if not self._thread.is_alive():
            self._waiting.close()
        return not self._thread.is_alive() and not self.waiting and self.fault is None

    @property
    def reachable(self) -> bool:
        """Whether the database answered last and nobody waits for it now: after `close` it may be told more."""
        return not self.away and not self._thread.is_alive()

    def last_words(self, words: Write) -> None:
        """Writes one thing more after `close`. Raises Fenced if the book is another engine's, DatabaseUnavailable."""
        self._ledger.write([], lambda connection: self._also(connection, self._mark.tape_seq, words))

    def _run(self) -> None:
        next_try = 0.0
        while not self._closing or not self._waiting.drained or len(self._looks):
            time.sleep(BATCH_SECONDS)
            if time.monotonic() < next_try:
                continue
            try:
                if self._write():
                    self.away = ""
            except DatabaseUnavailable as fault:
                self.away, next_try = str(fault), time.monotonic() + RETRY_SECONDS
            except Exception as fault:
                self.fault = fault
                return

    def _write(self) -> bool:
        """Writes what waits, at most so many rows, with the last mark among them; and a sign of life if it is time.

        Whether there was anything to write.
        """
        chunks, looks = self._waiting.oldest(), self._looks.newest()
        if (chunks or looks) and not self._safe():
            chunks, looks = [], []
        beats = time.monotonic() >= self._next_beat
        if not chunks and not looks and not beats:
            return False
        batch = [one for chunk in chunks for one in chunk.records]
        records: list[Record] = [one for one in batch if not isinstance(one, int)]
        tape_seq = max([self._mark.tape_seq, *(one for one in batch if isinstance(one, int))])
        alive = self._alive if beats else None
        point("before a commit")
        self._ledger.write([*records, *looks], lambda connection: self._also(connection, tape_seq, alive))
        point("after a commit")
        self._mark = self._mark._replace(tape_seq=tape_seq)
        self._waiting.written(chunks)
        self._looks.written(looks, time.monotonic())
        self._next_beat = time.monotonic() + BEAT_SECONDS if beats else self._next_beat
        return True

    def _also(self, connection: Connection, tape_seq: int, words: Write | None) -> None:
        """What goes with the records: the mark, behind this engine's fence."""
        self._mark.move(connection, tape_seq)
        if words is not None:
            words(connection)
        point("in a commit")
