"""Reads a tape, from its start or from any event, and says what is in it."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from io import BufferedReader
from itertools import takewhile
from pathlib import Path

import msgspec

from flows.tape.frames import (
    OVERHEAD,
    Closing,
    Corrupt,
    Header,
    IndexEntry,
    Source,
    Tally,
)
from flows.tape.scan import Batch, Scan, file_size, read_closing, read_header
from operators.events import AnyEvent, RunStarted, decode


class TapeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a tape holds; times are `at_ns`, None if it has no event; `tickers` counts bars, `chains` snapshots.

    A `first_seq` over 1 says that its beginning was dropped.
    """

    version: int
    marks: tuple[str, ...]
    cadences: dict[str, float]
    sources: tuple[Source, ...]
    events: int
    history_events: int
    first_at_ns: int | None
    last_at_ns: int | None
    tickers: dict[str, int]
    chains: dict[str, int]
    rejected: dict[str, int]
    finished: bool
    torn_offset: int | None
    bytes: int
    first_seq: int = 1

    @property
    def torn(self) -> bool:
        """Whether bytes of an unfinished write stand at its end."""
        return self.torn_offset is not None


class Tape:
    """A tape file opened for reading.

    `finished` says that it ends with its index. `torn` and `torn_offset` are known after its events were read to the
    end, or after `info()` or `verify()`. Raises FileNotFoundError, NotATape, WrongVersion or Corrupt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn_offset: int | None = None
        with self._open() as file:
            self.header: Header
            self.header, self._start = read_header(file, str(path))
            found = read_closing(file, str(path))
        self._closing: Closing | None = None if found is None else found[0]
        self._limit = None if found is None else found[1]
        self._told, self._end = self._closing, self._start

    @property
    def finished(self) -> bool:
        """Whether the tape was closed: it has its index, and its end is known to be the end."""
        return self._closing is not None

    @property
    def torn(self) -> bool:
        """Whether bytes of an unfinished write stand at the end of what was read."""
        return self.torn_offset is not None

    def events(self, from_seq: int = 1) -> Iterator[AnyEvent]:
        """The events from `from_seq` on, none if the tape ends before it; raises Corrupt where a frame is bad."""
        for _, batch in self._decoded(max(from_seq, self.header.first_seq)):
            yield from batch

    def run_at(self, seq: int) -> RunStarted | None:
        """The run in force behind an event: the newest that began at or before it, here or before; None for none."""
        run = self.header.run
        for event in takewhile(lambda event: event.seq <= seq, self.events()):
            run = event if type(event) is RunStarted else run
        return run

    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hex."""
        with self._open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def info(self) -> TapeInfo:
        """What the closing frame says; a tape without one is read whole, which raises Corrupt if it is."""
        return self.verify() if self._closing is None else self._info(self._closing)

    def verify(self) -> TapeInfo:
        """Reads every frame and decodes every event; raises Corrupt, also if the closing frame tells another story."""
        tally, _, rejected = self.tally()
        return self._info(tally.closing(rejected))

    def tally(self, each: Callable[[AnyEvent], None] | None = None) -> tuple[Tally, int, dict[str, int]]:
        """All events counted, the offset after the last one, and the rejected rows that the tape names.

        `each` hears every event.
        """
        tally = Tally()
        for source, batch in self._decoded(self.header.first_seq):
            offset = source.offset
            for event, payload in zip(batch, source.payloads, strict=True):
                tally.add(event, offset)
                offset += len(payload) + OVERHEAD
                if each is not None:
                    each(event)
        rejected = {} if self._told is None else self._told.rejected
        if self._told is not None and tally.closing(rejected) != self._told:
            raise Corrupt(str(self.path), self._end, "the closing frame does not describe the events before it")
        return tally, self._end, rejected

    def _open(self) -> BufferedReader:
        try:
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{self.path} does not exist: import or record a tape first") from error
        except IsADirectoryError as error:
            raise IsADirectoryError(f"{self.path} is a folder: name a tape file") from error

    def _decoded(self, from_seq: int) -> Iterator[tuple[Batch, list[AnyEvent]]]:
        """Each batch of frames with its events from `from_seq` on."""
        entry, last = self.entry(from_seq), 0
        with self._open() as file:
            scan = Scan(file, str(self.path), entry.offset, entry.seq, self._limit)
            for batch in scan.batches():
                if batch.seq + len(batch.payloads) <= from_seq:
                    continue
                events = self._decode(batch, last)
                last = events[-1].at_ns
                yield batch, events[max(0, from_seq - batch.seq) :]
        self.torn_offset, self._end = scan.torn_offset, scan.offset
        self._told = self._closing or scan.closing
        if self._told is not None and scan.seq != self.header.first_seq + self._told.events:
            found = f"{scan.seq - self.header.first_seq} events where the closing frame counts {self._told.events}"
            raise Corrupt(str(self.path), scan.offset, found)

    def entry(self, from_seq: int) -> IndexEntry:
        """Where to start: the last indexed event that is not after `from_seq`."""
        index = () if self._closing is None else self._closing.index
        place = bisect_right(index, from_seq, key=lambda entry: entry.seq)
        return index[place - 1] if place else IndexEntry(self.header.first_seq, 0, self._start)

    def _decode(self, batch: Batch, last: int) -> list[AnyEvent]:
        """The events of a batch, whose seq must be that of its frame and whose `at_ns` must rise above `last`."""
        events: list[AnyEvent] = []
        try:
            for seq, payload in enumerate(batch.payloads, batch.seq):
                event = decode(payload)
                if event.seq != seq or event.at_ns <= last:
                    self._refuse(batch, seq, f"event seq {event.seq} at {event.at_ns} follows {seq - 1} at {last}")
                last = event.at_ns
                events.append(event)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._refuse(batch, batch.seq + len(events), f"the event cannot be read ({error})")
        return events

    def _refuse(self, batch: Batch, seq: int, found: str) -> None:
        raise Corrupt(str(self.path), batch.offset_of(seq - batch.seq), found)

    def _info(self, counted: Closing) -> TapeInfo:
        with self._open() as file:
            size = file_size(file)
        return TapeInfo(
            version=self.header.version,
            marks=self.header.marks,
            cadences=self.header.cadences,
            sources=self.header.sources,
            events=counted.events,
            history_events=counted.history_events,
            first_at_ns=counted.first_at_ns,
            last_at_ns=counted.last_at_ns,
            tickers=counted.tickers,
            chains=counted.chains,
            rejected=counted.rejected,
            finished=self.finished,
            torn_offset=self.torn_offset,
            bytes=size,
            first_seq=self.header.first_seq,
        )
