"""Writes a tape: a new one under a temporary name until it is whole, or more events onto an old one."""

import os
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from flows.points import armed, die
from flows.tape.frames import (
    CLOSING,
    EVENT,
    HEADER,
    Header,
    Tally,
    encode_part,
    frame,
    trailer,
)
from flows.tape.reader import Tape
from operators.events import AnyEvent, encode

BUFFER: Final = 1024 * 1024


class TapeWriter:
    """Appends events to a tape; a context manager that closes it, or gives up what an error left.

    A new tape appears under its name only when it is closed. `tally` counts its events; `rejected` counts by reason
    the rows that an importer refused, and goes into the closing frame. Raises FileExistsError for an existing target
    without `overwrite`, and FileNotFoundError for a missing folder.
    """

    _done: bool
    _ending: bool

    def __init__(self, path: Path, header: Header, *, overwrite: bool = False) -> None:
        self._path, self._overwrite = path, overwrite
        self._partial: Path | None = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._refuse_existing()
        if not path.parent.is_dir():
            raise FileNotFoundError(f"the folder {path.parent} of the tape does not exist: make it first")
        self._start(FileIO(self._partial, "w"), 0, Tally(), {}, header.first_seq)
        self._write(frame(HEADER, 0, encode_part(header)))

    @classmethod
    def begin(cls, path: Path, header: Header) -> Self:
        """A new tape that has its name at once, for who reads it while it is written; a crash leaves what was flushed.

        Raises FileExistsError and FileNotFoundError as above.
        """
        self = cls(path, header)
        self._flush()
        os.fsync(self._file.fileno())
        (self._partial or path).replace(path)
        sync_folder(path.parent)
        self._partial, self._overwrite = None, True
        return self

    @classmethod
    def reopen(cls, path: Path, each: Callable[[AnyEvent], None] | None = None) -> Self:
        """Opens an existing tape to continue it after its last whole event; `each` hears the events that it has.

        Its closing frame and a torn tail are cut off first. Raises what Tape raises, Corrupt included: a damaged
        tape is not continued.
        """
        tape = Tape(path)
        tally, end, rejected = tape.tally(each)
        self = cls.__new__(cls)
        self._path, self._overwrite, self._partial = path, True, None
        file = FileIO(path, "r+")
        file.truncate(end)
        file.seek(end)
        os.fsync(file.fileno())
        self._start(file, end, tally, rejected, tape.header.first_seq)
        return self

    def append(self, event: AnyEvent) -> None:
        """Adds one event; raises ValueError unless its seq follows and its `at_ns` is later than the last one's."""
        tally, place = self.tally, self.next_seq
        if event.seq != place:
            raise ValueError(f"event {event.seq} cannot follow event {place - 1}: seq must be {place}")
        if tally.last is not None and event.at_ns <= tally.last:
            raise ValueError(f"event {event.seq} is at {event.at_ns} ns, not later than the last at {tally.last} ns")
        data = frame(EVENT, event.seq, encode(event))
        tally.add(event, self._offset)
        self._ends.append(self._offset + len(data))
        self._write(data)

    def close(self) -> None:
        """Writes the index, makes the file safe on disk and gives it its name; the second call does nothing.

        Raises OSError on a full disk, and may then be called again.
        """
        if self._done:
            return
        if not self._ending:
            at, closing = self._offset, self.tally.closing(self.rejected)
            self._ending = True
            self._write(frame(CLOSING, self.next_seq, encode_part(closing)) + trailer(at))
        self._flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._partial is not None:
            self._refuse_existing()
            self._partial.replace(self._path)
            sync_folder(self._path.parent)
        self._done = True

    def finish(self) -> None:
        """Closes a tape that has its name already. Raises OSError, for one that somebody deleted meanwhile too."""
        self.check_there()
        self.close()

    def check_there(self) -> None:
        """Raises FileNotFoundError where somebody deleted the file while it was written."""
        links = 1
        with suppress(OSError, ValueError):  # a broken disk does not say, and nobody needs a closed file
            links = os.fstat(self._file.fileno()).st_nlink
        if links == 0:
            raise FileNotFoundError(f"{self._path} was deleted while it was written: restore the tape from a copy")

    def abandon(self) -> None:
        """Leaves nothing of a new tape, and of a continued one its whole events without a new index."""
        if self._done:
            return
        self._done = True
        try:
            if self._partial is None:
                self._flush()
        finally:
            self._file.close()
            if self._partial is not None:
                self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            self.abandon()

    @property
    def path(self) -> Path:
        """The file that the tape has or will have."""
        return self._path

    def flush(self) -> None:
        """Gives readers what was appended; raises OSError, and then what the disk did not take waits for the next."""
        self._flush()

    def fileno(self) -> int:
        """The descriptor of the file, to make safe what was flushed; raises ValueError once the tape is closed."""
        return self._file.fileno()

    @property
    def next_seq(self) -> int:
        """The place of the next event."""
        return self._first_seq + self.tally.events

    @property
    def unwritten(self) -> int:
        """Events that were appended and that the file does not have whole."""
        return sum(end > self._offset - len(self._buffer) for end in self._ends)

    @property
    def offset(self) -> int:
        """Where the frame of the next event starts."""
        return self._offset

    def _start(self, file: FileIO, offset: int, tally: Tally, rejected: dict[str, int], first_seq: int) -> None:
        self._file, self._offset, self.tally, self.rejected = file, offset, tally, rejected
        self._first_seq = first_seq
        self._buffer, self._ends = bytearray(), list[int]()  # the ends of the frames that are in the buffer
        self._done, self._ending = False, False

    def _refuse_existing(self) -> None:
        if self._path.exists() and not self._overwrite:
            raise FileExistsError(f"{self._path} exists already: choose another name, or allow it to be overwritten")

    def _write(self, data: bytes) -> None:
        self._buffer += data
        self._offset += len(data)
        if len(self._buffer) >= BUFFER:
            self._flush()

    def _flush(self) -> None:
        if armed("half a frame"):
            self._file.write(self._buffer[: len(self._buffer) // 2])
            die()
        # A full disk takes part of a write: what it took must leave the buffer, or it would be written twice.
        while self._buffer:
            del self._buffer[: self._file.write(self._buffer)]
        self._ends.clear()


def sync_folder(folder: Path) -> None:
    """Makes a new name safe against a power cut, not only the bytes behind it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
