"""The ledger thread: records on their way to the database in batches, so that no commit stands before an order.

Marks travel among the records: a mark is committed with what came before it, never ahead of it. A database that is
away is tried again until it is there; what waits is counted, and how long it has waited.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import Connection

from flows.points import point
from flows.records.faults import DatabaseUnavailable
from flows.records.ledger import Ledger
from flows.records.marks import Mark
from operators.records import Record

BATCH_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 0.5
ROWS: Final = 5_000
"""Records in one transaction at most."""
MOST_WAITING: Final = 200_000
"""Records that wait for a database that is away, some 200 MB; then who brings more waits too."""


class Recorder:
    """Takes records and marks from the line, writes them from a thread of its own.

    `safe` is asked before each commit and returns once the tape behind the records cannot be lost. `fault` is what
    ended the thread: another engine's fence, or what no waiting mends. With `stopping` set nobody waits for room any
    more: what finds none is left to the next start, which makes it anew from the tape, and so is all that follows.
    """

    def __init__(
        self, ledger: Ledger, mark: Mark, safe: Callable[[], None], stopping: threading.Event | None = None
    ) -> None:
        self.fault: Exception | None = None
        self.away: str = ""
        self._ledger, self._mark, self._safe = ledger, mark, safe
        self._stopping = threading.Event() if stopping is None else stopping
        self._waiting: deque[Record | int] = deque()
        self._arrivals: deque[tuple[float, int]] = deque()
        self._taken = self._written = 0
        self._news, self._closing, self._left = threading.Condition(), False, False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    @property
    def behind_seconds(self) -> float:
        """How long the oldest record has waited; 0 if none does."""
        with self._news:
            return time.monotonic() - self._arrivals[0][0] if self._arrivals else 0.0

    @property
    def waiting(self) -> int:
        """Records that are not in the database yet."""
        return len(self._waiting)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def take(self, records: Sequence[Record | int]) -> None:
        """Takes records in line order; a number is a mark: all records of the events up to it came before."""
        with self._news:
            while len(self._waiting) >= MOST_WAITING and self.fault is None and not self._left:
                self._left = self._stopping.is_set()
                self._news.wait(BATCH_SECONDS)
            if not records or self._left:
                return
            self._taken += len(records)
            self._arrivals.append((time.monotonic(), self._taken))
            self._waiting.extend(records)

    def close(self, seconds: float) -> bool:
        """Whether all was written within so many seconds; what was not the next start makes anew from the tape."""
        self._closing = True
        self._thread.join(seconds)
        return not self._waiting and not self._left and self.fault is None

    def _run(self) -> None:
        next_try = 0.0
        while not self._closing or self._waiting:
            time.sleep(BATCH_SECONDS)
            if not self._waiting or time.monotonic() < next_try:
                continue
            try:
                self._write()
                self.away = ""
            except DatabaseUnavailable as fault:
                self.away, next_try = str(fault), time.monotonic() + RETRY_SECONDS
            except Exception as fault:
                self.fault = fault
                return

    def _write(self) -> None:
        """Writes what waits, at most so many rows, with the last mark among them."""
        with self._news:
            batch = list(islice(self._waiting, ROWS))
        records = [one for one in batch if not isinstance(one, int)]
        tape_seq = max([self._mark.tape_seq, *(one for one in batch if isinstance(one, int))])
        self._safe()
        point("before a commit")
        self._ledger.write(records, lambda connection: self._move(connection, tape_seq))
        point("after a commit")
        self._mark = self._mark._replace(tape_seq=tape_seq)
        with self._news:
            for _ in batch:
                self._waiting.popleft()
            self._written += len(batch)
            while self._arrivals and self._arrivals[0][1] <= self._written:
                self._arrivals.popleft()
            self._news.notify_all()

    def _move(self, connection: Connection, tape_seq: int) -> None:
        self._mark.move(connection, tape_seq)
        point("in a commit")
