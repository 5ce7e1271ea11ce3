"""A tape in a folder: segments, each a tape file named by its first event, that together are one tape."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from flows.tape.frames import Corrupt
from flows.tape.reader import Tape, TapeInfo
from operators.events import AnyEvent, RunStarted

SUFFIX: Final = ".tape"
DIGITS: Final = 12


def segment_path(folder: Path, first_seq: int) -> Path:
    """The file of the segment that begins with an event."""
    return folder / f"{first_seq:0{DIGITS}d}{SUFFIX}"


def segment_paths(folder: Path) -> list[Path]:
    """The segments of a folder, in order."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.stem.isdigit() and len(path.stem) == DIGITS)


class Segments:
    """The segments of a folder read as one tape, which may begin later than it once did.

    Raises FileNotFoundError for a folder without any, Corrupt where its first ones are missing and were not dropped.
    Reading raises Corrupt where a segment is missing between two, or ends torn though another follows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tapes = [Tape(one) for one in segment_paths(path)]
        if not self._tapes:
            raise FileNotFoundError(f"{path} holds no segment of a tape: name a tape file, or the folder of an engine")
        check_front(self._tapes[0], self._tapes[-1])
        self.header = self._tapes[0].header

    @property
    def torn(self) -> bool:
        """Whether bytes of an unfinished write stand at the end of what was read."""
        return self._tapes[-1].torn

    def events(self, from_seq: int = 1) -> Iterator[AnyEvent]:
        """The events from `from_seq` on; raises Corrupt where a frame is bad or a segment is missing."""
        starts = [tape.header.first_seq for tape in self._tapes]
        first = max((place for place, start in enumerate(starts) if start <= from_seq), default=0)
        place: int | None = None
        for tape in self._tapes[first:]:
            start = tape.header.first_seq
            if place is not None and start != place:
                raise Corrupt(str(tape.path), 0, f"it begins with event {start}, the one before ends before {place}")
            place = start
            for event in tape.events(from_seq):
                place = event.seq + 1
                yield event
            place = max(place, start + self._count(tape))

    def sha256(self) -> str:
        """SHA-256 of the digests of all segments, in hex."""
        text = "".join(tape.sha256() for tape in self._tapes)
        return hashlib.sha256(text.encode()).hexdigest()

    def info(self) -> TapeInfo:
        """What the segments hold together."""
        return self._summed([tape.info() for tape in self._tapes])

    def verify(self) -> TapeInfo:
        """Reads every frame and decodes every event; raises Corrupt."""
        for _ in self.events():
            pass
        return self._summed([tape.verify() for tape in self._tapes])

    def run_at(self, seq: int) -> RunStarted | None:
        """The run in force behind an event: the newest that began at or before it; None for the tape of no engine."""
        tapes = [tape for tape in self._tapes if tape.header.first_seq <= seq]
        return next((run for tape in reversed(tapes) if (run := tape.run_at(seq)) is not None), None)

    def _summed(self, infos: list[TapeInfo]) -> TapeInfo:
        last, firsts = infos[-1], [info.first_at_ns for info in infos if info.first_at_ns is not None]
        return replace(
            last,
            events=sum(info.events for info in infos),
            history_events=sum(info.history_events for info in infos),
            first_at_ns=min(firsts, default=None),
            last_at_ns=max((info.last_at_ns for info in infos if info.last_at_ns is not None), default=None),
            tickers=_summed([info.tickers for info in infos]),
            chains=_summed([info.chains for info in infos]),
            rejected=_summed([info.rejected for info in infos]),
            bytes=sum(info.bytes for info in infos),
            first_seq=infos[0].first_seq,
        )

    def _count(self, tape: Tape) -> int:
        return tape.info().events if tape.finished else 0


def last_seq(folder: Path) -> int:
    """The newest whole event of a folder's tape, 0 if it has none. Raises what Tape raises."""
    paths = segment_paths(folder)
    return Tape(paths[-1]).header.first_seq + Tape(paths[-1]).info().events - 1 if paths else 0


AnyTape = Tape | Segments


def end_of_the_one_before(folder: Path) -> int:
    """Time of the last event before the newest segment; 0 where that is the first."""
    before = segment_paths(folder)[:-1]
    return (Tape(before[-1]).info().last_at_ns or 0) if before else 0


def check_front(first: Tape, last: Tape) -> None:
    """Raises Corrupt if a tape begins later than its last segment says that it may."""
    begins, kept_from = first.header.first_seq, last.header.kept_from
    if begins > kept_from:
        raise Corrupt(str(first.path), 0, f"it begins with event {begins}, and nothing from {kept_from} on was dropped")


def open_tape(path: Path) -> AnyTape:
    """A tape file, or a folder of segments. Raises what either raises."""
    return Segments(path) if path.is_dir() else Tape(path)


def _summed(counts: list[dict[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))
