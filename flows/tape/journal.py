"""The one writer of an engine's tape: a thread that gives every event its place and time and writes it before use.

Whoever has news (feeds, clock, commands, the end of the line) puts it into one bounded queue. The thread writes what
has come, then wakes the reader; the wake-up carries no data, the reader reads the file.
"""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from flows.points import point
from flows.tape.frames import Header
from flows.tape.patience import Patience, missing
from flows.tape.reader import Tape
from flows.tape.safety import Safety
from flows.tape.segments import check_front, end_of_the_one_before, segment_path, segment_paths
from flows.tape.writer import TapeWriter
from operators.events import AFTER_STOP, OF_AN_ENGINE, AnyEvent, Checkpoint, Echo, RunStarted, Stop

WAITING: Final = 10_000
"""Events that wait to be written; a feed that is faster than the disk waits for it."""
WRITES_KEPT: Final = 64  # of so many it is known when they were: an order follows from one of the newest
FULL_SECONDS: Final = 0.001  # how long a full queue is left alone
SEGMENT_BYTES: Final = 16 * 1024 * 1024
"""A restart reads the last segment whole: some 0.1 s for this many bytes."""


class Journal:
    """Writes the segments of a folder; `checkpoint` hears each checkpoint's place: at_seq, its seq and segment.

    `clock` gives UTC nanoseconds for events that bring no time; `market_events` counts those on the tape that a feed
    brought. `fault` is what ended the thread, or keeps it from writing. Who ends all sets `stopping`: then a disk that
    takes nothing is soon no longer waited for. Raises what Tape raises for the last segment.
    A later segment begins with an event of the kind `begins_with`, None for any: then `kept_from` says from the time of
    the newest event which one the tape has to keep from then on, and `drop` may delete what ends before that.
    """

    def __init__(
        self, folder: Path, header: Header, clock: Callable[[], int], segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.written = threading.Event()
        self._patience = Patience()
        self.stopping = self._patience.stopping
        self.checkpoint: Callable[[Checkpoint, Path, int], None] = lambda *_: None
        self.kept_from: Callable[[int], int] = lambda _: 1
        self.drop: Callable[[int], None] = lambda _: None
        self.begins_with: type[AnyEvent] | None = Checkpoint
        self._folder, self._header, self._clock, self._segment_bytes = folder, header, clock, segment_bytes
        self._queue: queue.SimpleQueue[AnyEvent | threading.Event | None] = queue.SimpleQueue()
        self.market_events = 0
        self._writer = self._open()
        self.last_ns = self._writer.tally.last or end_of_the_one_before(folder)
        self._due = self._writer.next_seq
        self.written_seq = self._due - 1
        self._writes: deque[tuple[int, float]] = deque(maxlen=WRITES_KEPT)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._rolling = threading.Lock()
        self._unsafe: Exception | None = None
        self._safety = Safety(self.written_seq, self._in_the_file, self._is_unsafe)

    @property
    def fault(self) -> Exception | None:
        """What ended the thread, or what keeps it from writing now."""
        return self._patience.fault

    @property
    def waiting(self) -> int:
        """Events that are not written yet, about."""
        return self._queue.qsize()

    @property
    def ended(self) -> bool:
        """Whether nothing more is written, or made safe: a slow disk may be at that still."""
        return not self._thread.is_alive() and not self._safety.running

    @property
    def synced_seq(self) -> int:
        """The newest event that is safe against a power cut."""
        return self._safety.synced_seq

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()
        self._safety.start()

    def put(self, event: AnyEvent) -> None:
        """Queues an event; its seq is given when it is written, its time too unless it brings one (`at_ns` over 0)."""
        while self._queue.qsize() >= WAITING:
            if not self._thread.is_alive():
                raise RuntimeError("the tape is no longer written") from self.fault
            time.sleep(FULL_SECONDS)
        self._queue.put(event)

    def close(self) -> str:
        """Writes what waits and ends the segment with its index; a disk that is full now is no longer waited for.

        Gives what is not on the tape, and why, in words; empty if all is.
        """
        self._patience.leaving = True
        self._queue.put(None)
        if self._thread.ident is not None:  # it may have ended already, its sync not
            self._thread.join()
            self._safety.join()
        try:
            if self.fault is None:
                self._writer.finish()
        except OSError as fault:
            self._patience.fault = fault
        return "" if self.fault is None else self._missing()

    def written_at(self, seq: int) -> float | None:
        """Monotonic time of the write of an event, None if it is none of the newest."""
        return next((at for last, at in self._writes.copy() if last >= seq), None)

    def drained(self, seconds: float) -> bool:
        """Whether all that was put until now is on the tape, after waiting at most so long."""
        mark = threading.Event()
        self._queue.put(mark)
        return mark.wait(seconds)

    def wait_synced(self, seq: int, seconds: float, *, at_once: bool = False) -> bool:
        """Whether the event and all before it are safe against a power cut, after waiting at most so long.

        What waits `at_once` does not wait for the next of the syncs that come every 50 ms anyway.
        """
        return self._safety.wait(seq, seconds, at_once=at_once)

    def _count(self, event: AnyEvent) -> None:
        self.market_events += not isinstance(event, OF_AN_ENGINE)
        if type(event) is RunStarted:
            self._header = replace(self._header, run=event)

    def _open(self) -> TapeWriter:
        paths = segment_paths(self._folder)
        if paths:
            last = Tape(paths[-1])
            check_front(Tape(paths[0]), last)
            self.market_events = last.header.market_events
            self._header = replace(self._header, run=last.header.run, kept_from=last.header.kept_from)
            return TapeWriter.reopen(paths[-1], self._count)
        return TapeWriter.begin(segment_path(self._folder, 1), self._header)

    def _run(self) -> None:
        try:
            open_ = True
            while open_:
                batch, open_ = self._take()
                self._write(batch)
            if self._unsafe is not None:
                raise self._unsafe
        except Exception as fault:
            self._patience.fault = fault
            self.written.set()
        finally:
            self._safety.end()

    def _is_unsafe(self, fault: Exception) -> None:
        self._unsafe = fault
        self._queue.put(None)

    def _in_the_file(self) -> tuple[int, int]:
        """The newest event that is written, and a descriptor of its segment; one that ended its end made safe."""
        with self._rolling:
            return self.written_seq, os.dup(self._writer.fileno())

    def _take(self) -> tuple[list[AnyEvent | threading.Event], bool]:
        """What waits, at least one; whether more may come."""
        batch, event = list[AnyEvent | threading.Event](), self._queue.get()
        try:
            while event is not None:
                batch.append(event)
                event = self._queue.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _write(self, batch: list[AnyEvent | threading.Event]) -> None:
        self._due = self._writer.next_seq + _events(batch)
        for event in batch:
            if not isinstance(event, threading.Event):
                self._append(event)
        if batch:
            self._flush()
            self.written_seq = self._writer.next_seq - 1
            self._writes.append((self.written_seq, time.monotonic()))
            self.written.set()
        for event in batch:
            if isinstance(event, threading.Event):
                event.set()

    def _append(self, event: AnyEvent) -> None:
        if self._stopped and not isinstance(event, AFTER_STOP):
            return
        self._stopped = self._stopped or type(event) is Stop
        if self._writer.offset >= self._segment_bytes and self.begins_with in (None, type(event)):
            self._roll()
        # An echo moves no clock: events that already wait must not come out later than they were known.
        known_ns = 0 if isinstance(event, Echo) else event.at_ns or self._clock()
        self.last_ns = max(self.last_ns + 1, known_ns)
        placed = replace(event, seq=self._writer.next_seq, at_ns=self.last_ns, event_ns=event.event_ns or self.last_ns)
        offset = self._writer.offset
        with suppress(OSError):  # what a full disk did not take waits for the next flush
            self._writer.append(placed)
        self._count(placed)
        if type(placed) is Checkpoint:
            point("before a checkpoint")
            self._flush()
            point("checkpoint written")
            self.checkpoint(placed, self._writer.path, offset)

    def _roll(self) -> None:
        """Ends the segment and begins the next, which begins with a checkpoint."""
        self._flush()
        place = self._writer.next_seq
        with self._rolling:
            self._begin_next(place)
        self.drop(self._header.kept_from)

    def _begin_next(self, place: int) -> None:
        self._patience.until_there_is_room(self._writer.close)
        point("segment closed")
        # What may go is on the disk, in the new segment's header, before anything goes.
        self._header = replace(self._header, kept_from=max(self._header.kept_from, self.kept_from(self.last_ns)))
        path = segment_path(self._folder, place)
        header = replace(self._header, first_seq=place, market_events=self.market_events)
        self._writer = self._patience.until_there_is_room(lambda: TapeWriter.begin(path, header))

    def _flush(self) -> None:
        """Writes to the file."""
        self._patience.until_there_is_room(self._writer.flush)

    def _missing(self) -> str:
        """What the tape lacks once the thread has ended: what the disk did not take whole, and what came behind it."""
        while not self._queue.empty():
            self._due += _events([self._queue.get()])
        return missing(self.fault, self._due, self._writer)


def _events(batch: Iterable[object]) -> int:
    """How many events are among what waits."""
    return sum(one is not None and not isinstance(one, threading.Event) for one in batch)
