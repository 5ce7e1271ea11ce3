"""Records a feed onto a tape, and nothing else: no desk, no orders, no database."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from flows.engine.recording import of_an_engine
from flows.engine.state import BadState, StateFolder
from flows.engine.stopping import told_by_signals
from flows.engine.telling import Changes
from flows.feeds.feed import Feed
from flows.tape.frames import Header
from flows.tape.journal import SEGMENT_BYTES, Journal
from flows.tape.segments import open_tape, segment_paths

LOOK_SECONDS: Final = 0.5


class Recorded(NamedTuple):
    """A tape and how many events are on it, of which `before` were when the recording began."""

    tape: Path
    before: int
    events: int


class Recording:
    """A feed and the folder that its events go into, behind those that are there already.

    Making it takes the folder's lock. Raises BadState, Locked, what the feed and what a tape raises.
    """

    def __init__(self, state: Path, feed: Callable[[Path], Feed], segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = StateFolder(state)
        self._folder.lock()
        self._feed = feed(self._folder.path)
        header = Header(cadences=self._feed.cadences, marks=self._feed.marks)
        _refuse_others(self._folder.tape, header)
        self._journal = Journal(self._folder.tape, header, self._feed.now_ns, segment_bytes)
        self._journal.begins_with = None
        self.before = self._journal.written_seq
        self._fault: Exception | None = None

    def run(self) -> Recorded:
        """Records until SIGTERM, SIGINT or the end of the feed. Raises what broke feed or tape."""
        stopping, told = self._journal.stopping, Changes("W103", "I004")
        self._journal.start()
        feed = threading.Thread(target=self._bring, args=(stopping,), daemon=True)
        with told_by_signals(stopping.set):
            feed.start()
            while feed.is_alive() and not self._journal.ended:
                feed.join(LOOK_SECONDS)
                told.look("" if self._journal.fault is None else str(self._journal.fault))
            stopping.set()
        missing = self._journal.close()
        self._folder.release()
        fault = OSError(missing) if missing else self._fault
        if fault is not None:
            raise fault
        return Recorded(self._folder.tape, self.before, self._journal.written_seq)

    def _bring(self, stopping: threading.Event) -> None:
        try:
            self._feed.run(self._journal.put, stopping, self._journal.market_events)
        except Exception as fault:
            self._fault = fault


def _refuse_others(folder: Path, header: Header) -> None:
    if not segment_paths(folder):
        return
    tape = open_tape(folder)
    if of_an_engine(tape):
        raise BadState(f"{folder} is the tape of an engine: name another --state to record into")
    for name in ("cadences", "marks"):
        there, now = getattr(tape.header, name), getattr(header, name)
        if there != now:
            raise BadState(
                f"{folder} was begun by a feed with {name} {there!r}, this one has {now!r}: name another --state"
            )
