"""Reads the segments of a folder while they are written: whole frames only, from one segment into the next."""

from io import FileIO
from pathlib import Path
from zlib import crc32

from flows.tape.frames import BODY, CLOSING, HEAD, OVERHEAD, Corrupt
from flows.tape.reader import Tape
from flows.tape.scan import BLOCK, whole_events
from flows.tape.segments import segment_path, segment_paths
from operators.events import AnyEvent, decode


class Follower:
    """Gives the events of a folder in order, from `seq` on, as far as they are written.

    Raises FileNotFoundError where no segment holds that event.
    """

    def __init__(self, folder: Path, seq: int) -> None:
        self.folder, self.seq = folder, seq
        starts = [path for path in segment_paths(folder) if int(path.stem) <= seq]
        if not starts:
            raise FileNotFoundError(f"{folder} holds no segment with event {seq}")
        self._next, self._block = seq, b""
        self._file = self._enter(starts[-1])

    def read(self) -> list[AnyEvent]:
        """The next events that are written, about a block of them; none if there is nothing new.

        Raises Corrupt where something else stands than an event or the end of a segment with the next one behind it.
        """
        while True:
            more = self._file.read(BLOCK)
            self._block += more
            payloads, used = whole_events(self._block, self._next)
            self._block, self._next = self._block[used:], self._next + len(payloads)
            events = [event for payload in payloads if (event := decode(payload)).seq >= self.seq]
            if events:
                return events
            if not payloads and not more and not (self._closed() and self._follow()):
                return []

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _enter(self, path: Path) -> FileIO:
        """Begins a segment, at the event that is wanted or shortly before it."""
        tape = Tape(path)
        entry = tape.entry(self.seq)
        file = FileIO(path)
        file.seek(entry.offset)
        self._next, self._block = entry.seq, b""
        return file

    def _closed(self) -> bool:
        """Whether what follows is the closing frame of the segment."""
        if len(self._block) < HEAD.size:
            return False
        magic, _, seq, _ = HEAD.unpack_from(self._block)
        if seq != self._next or (magic != CLOSING and not self._growing()):
            raise Corrupt(self._file.name, self._file.tell() - len(self._block), f"no event {self._next}")
        return bool(magic == CLOSING)

    def _growing(self) -> bool:
        """Whether the block holds the start of a frame that is still written."""
        _, length, _, check = HEAD.unpack_from(self._block)
        return bool(check == crc32(self._block[: BODY.size]) and len(self._block) < OVERHEAD + length)

    def _follow(self) -> bool:
        """Goes on to the next segment, if it is there."""
        path = segment_path(self.folder, self._next)
        if not path.exists():
            later = segment_paths(self.folder)[-1]
            if int(later.stem) > self._next:
                raise Corrupt(str(path), 0, f"this segment is missing, and {later.name} is there")
            return False
        self._file.close()
        self._file = self._enter(path)
        return True
