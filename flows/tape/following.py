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
        self._next, self._block, self._short = seq, b"", False
        self._file = self._enter(starts[-1])

    def read(self) -> list[AnyEvent]:
        """The next events that are written, about a block of them; none if there is nothing new."""
        self._block += self._file.read(max(BLOCK - len(self._block), BLOCK if self._short else 0))
        payloads, used = whole_events(self._block, self._next)
        events = [decode(payload) for payload in payloads]
        self._block, self._next = self._block[used:], self._next + len(payloads)
        self._short = not payloads and len(self._block) >= BLOCK
        if not payloads and self._closed() and self._follow():
            return self.read()
        return events if not events or events[0].seq >= self.seq else [e for e in events if e.seq >= self.seq]

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _enter(self, path: Path) -> FileIO:
        """Begins a segment, at the event that is wanted or shortly before it."""
        tape = Tape(path)
        entry = tape.entry(self.seq)
        file = FileIO(path)
        file.seek(entry.offset)
        self._next, self._block, self._short = entry.seq, b"", False
        return file

    def _closed(self) -> bool:
        """Whether what follows is the closing frame of the segment."""
        if len(self._block) < HEAD.size:
            return False
        magic, _, seq, _ = HEAD.unpack_from(self._block)
        if seq != self._next or (magic not in (CLOSING,) and not self._growing()):
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
            return False
        self._file.close()
        self._file = self._enter(path)
        return True
