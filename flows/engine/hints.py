"""Where the newest checkpoints are on the tape: a hint that saves a scan, believed only after a look at the tape."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from flows.points import armed, die
from flows.tape.frames import CHECK, HEAD
from flows.tape.reader import Tape
from flows.tape.scan import whole_events
from flows.tape.segments import segment_paths
from operators.checkpoints import States, states
from operators.events import Checkpoint, decode
from operators.steps import SHAPE

KEPT: Final = 64
"""At one a minute: a ledger that is further behind costs a scan."""


class Hint(NamedTuple):
    """A checkpoint: the event after which it stands, its own seq, its segment's name and its byte offset there."""

    at_seq: int
    seq: int
    segment: str
    offset: int


class Hints:
    """The hints beside a tape, newest last; what cannot be read is no hint."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hints = _read(path)
        self._seen = deque[int](maxlen=KEPT)

    def add(self, checkpoint: Checkpoint, segment: Path, offset: int) -> None:
        """Notes a checkpoint that was written; a file that cannot be written is only missed at the next start."""
        self._hints = [*self._hints, Hint(checkpoint.at_seq, checkpoint.seq, segment.name, offset)][-KEPT:]
        self._seen.append(checkpoint.at_seq)
        text = json.dumps(self._hints)
        beside = self._path.with_suffix(".new")
        if armed("in a checkpoint file"):
            self._path.write_text(text[: len(text) // 2], encoding="utf-8")
            die()
        with suppress(OSError):
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)

    def find(self, tape: Path, mark: int) -> tuple[Checkpoint, States] | None:
        """The newest sound checkpoint at or before event `mark`; None if the tape has none.

        What the hints name is looked at first; then the tape is read from its end backwards, segment by segment.
        """
        hinted = (_at(tape, hint) for hint in reversed(self._hints) if hint.at_seq <= mark)
        found = next((one for one in chain(hinted, _scanned(tape, mark)) if one is not None), None)
        if found is not None:
            self._seen.append(found[0].at_seq)
        return found

    def passed(self, mark: int) -> int:
        """The event of the newest checkpoint at or before event `mark`, 0 if there is none.

        What the file says counts for nothing here, only checkpoints that this engine has found or written.
        """
        return max((at_seq for at_seq in self._seen if at_seq <= mark), default=0)


def _read(path: Path) -> list[Hint]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [Hint(int(a), int(b), str(c), int(d)) for a, b, c, d in rows]
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return []


def _at(tape: Path, hint: Hint) -> tuple[Checkpoint, States] | None:
    """The checkpoint that a hint names, if it is there."""
    if Path(hint.segment).name != hint.segment:
        return None
    try:
        with (tape / hint.segment).open("rb") as file:
            file.seek(hint.offset)
            head = file.read(HEAD.size)
            length = HEAD.unpack(head)[1] if len(head) == HEAD.size else 0
            payloads, _ = whole_events(head + file.read(length + CHECK.size), hint.seq)
    except (OSError, OverflowError, ValueError):
        return None
    event = decode(payloads[0]) if payloads else None
    return sound(event) if isinstance(event, Checkpoint) and event.at_seq == hint.at_seq else None


def _scanned(folder: Path, mark: int) -> Iterator[tuple[Checkpoint, States]]:
    for path in reversed(segment_paths(folder)):
        newest: tuple[Checkpoint, States] | None = None
        for event in Tape(path).events():
            if type(event) is Checkpoint and event.at_seq <= mark:
                newest = sound(event) or newest
        if newest is not None:
            yield newest


def sound(event: Checkpoint) -> tuple[Checkpoint, States] | None:
    """The checkpoint with its states, if this program can restore them."""
    if event.shape != SHAPE:
        return None
    try:
        return event, states(event)
    except ValueError:
        return None
