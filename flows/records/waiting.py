"""What waits for the database: records in line order, in memory and then on disk; of views of now the newest alone."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from flows.records.spill import Chunk, Spill
from operators.records import Record
from operators.views import NowRecord

IN_MEMORY: Final = 20_000
"""Records that wait in memory at most, some 20 MB: a week of trading. More wait in a file."""
ROWS: Final = 5_000
"""Records in one transaction at most."""


class Waiting:
    """A queue that one thread fills and another empties, in chunks of at most `rows` records; its file is in `folder`.

    It never keeps the one who fills it from going on: when the disk fails, `lost` says why, and from then on nothing
    is taken. What waits in memory came before all that is lost.
    """

    def __init__(self, folder: Path, in_memory: int = IN_MEMORY, rows: int = ROWS) -> None:
        self.lost = ""
        self._in_memory, self._rows = in_memory, rows
        self._lock = threading.Lock()
        self._memory: deque[Chunk] = deque()
        self._count = self._lost_count = 0
        self._lost_since: float | None = None
        self._spill = Spill(folder)

    def __len__(self) -> int:
        """Records that are not in the database yet, the lost ones too."""
        return self._count + self._spill.waiting + self._lost_count

    @property
    def drained(self) -> bool:
        """Whether nothing is left that could be written."""
        return not self._count and not self._spill.waiting

    @property
    def since(self) -> float | None:
        """When the oldest came that waits (monotonic seconds), None if none does."""
        with self._lock:
            if self._memory:
                return self._memory[0].came
            return self._spill.since if self._spill.waiting else self._lost_since

    def put(self, came: float, records: Sequence[Record | int]) -> None:
        """Takes records and marks behind all others."""
        with self._lock:
            for start in range(0, len(records), self._rows):
                self._put(Chunk(came, records[start : start + self._rows]))

    def oldest(self) -> list[Chunk]:
        """The oldest chunks, at most `rows` records together; they stay until `written` passes over them."""
        while self._spill.waiting and self._count < self._rows:
            self._bring_back()
        with self._lock:
            return list(self._fitting())

    def written(self, chunks: Sequence[Chunk]) -> None:
        """Passes over chunks that `oldest` gave."""
        with self._lock:
            for _ in chunks:
                self._count -= len(self._memory.popleft().records)

    def close(self) -> None:
        """Gives the room on disk back; what waits there is left to the next start."""
        with self._lock:
            self._lost_count += self._spill.waiting
            self._spill.close()

    def _fitting(self) -> Iterator[Chunk]:
        room = self._rows
        for chunk in self._memory:
            room -= len(chunk.records)
            if room < 0:
                return
            yield chunk

    def _put(self, chunk: Chunk) -> None:
        size = len(chunk.records)
        if self.lost:
            self._lost_count += size
        elif self._spill.waiting or self._count + size > self._in_memory:
            try:
                self._spill.append(chunk)
            except OSError as fault:
                self._lose(fault, chunk.came, size)
        else:
            self._memory.append(chunk)
            self._count += size

    def _bring_back(self) -> None:
        """Reads without the lock: what is in the file stands there until it is passed over."""
        try:
            chunk, size = self._spill.read()
        except (OSError, ValueError) as fault:
            with self._lock:
                self._lose(fault, self._spill.since, 0)
            return
        with self._lock:
            self._memory.append(chunk)
            self._count += len(chunk.records)
            self._spill.pass_over(chunk, size)

    def _lose(self, fault: Exception, came: float, size: int) -> None:
        """Gives the file's room back to the tape, which has all that is needed to make the records anew."""
        self.lost = str(fault)
        self._lost_since = self._spill.since if self._spill.waiting else came
        self._lost_count = self._spill.waiting + size
        self._spill.close()


class Looks:
    """The newest look at each book: the one before it, if it was not written, is of no use to anyone any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, list[NowRecord]] = {}
        self._came: dict[str, float] = {}

    def __len__(self) -> int:
        """Rows that are not in the database yet."""
        return sum(map(len, self._newest.copy().values()))

    @property
    def since(self) -> float | None:
        """When the oldest look came that a book's newest took the place of; None if none waits."""
        with self._lock:
            return min(self._came.values(), default=None)

    def put(self, came: float, rows: Sequence[NowRecord]) -> None:
        """Takes rows of looks, in line order."""
        with self._lock:
            for row in rows:
                of_book = self._newest.setdefault(row.book_id, [])
                if of_book and of_book[0].tape_seq != row.tape_seq:
                    of_book = self._newest[row.book_id] = []
                of_book.append(row)
                self._came.setdefault(row.book_id, came)

    def newest(self) -> list[NowRecord]:
        """The newest looks; they stay until `written` passes over them."""
        with self._lock:
            return [row for of_book in self._newest.values() for row in of_book]

    def written(self, rows: Sequence[NowRecord], now: float) -> None:
        """Passes over looks that `newest` gave; one that came meanwhile waits since `now`."""
        with self._lock:
            for book_id, tape_seq in {(row.book_id, row.tape_seq) for row in rows}:
                self._came[book_id] = now
                if self._newest[book_id][0].tape_seq == tape_seq:
                    del self._newest[book_id], self._came[book_id]
