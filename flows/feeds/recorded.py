"""A tape played as if it were live: its events at their own pace, in its own time."""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from flows.engine import recording
from flows.feeds.faults import Fault, faulty
from flows.feeds.feed import Feed, Put
from flows.tape.pace import Pace
from flows.tape.segments import open_tape
from operators.events import SECOND_NS, AnyEvent

MOMENT_SECONDS: Final = 0.05
SEED: Final = 1
"""Of the faults: the same tape goes wrong in the same way."""


class EmptyFeed(ValueError):
    """A tape without an event cannot be played."""


class RecordedFeed(Feed):
    """Plays a tape `speed` times as fast as its own time; a gap of over a minute passes as a minute.

    With `faults` the line is a bad one. Raises what a tape raises, BadSpeed, EmptyFeed.
    """

    def __init__(self, path: Path, speed: float, faults: frozenset[Fault] = frozenset()) -> None:
        self._tape, self._pace, self._speed, self._faults = open_tape(path), Pace(speed), speed, faults
        self.cadences, self.marks = self._tape.header.cadences, self._tape.header.marks
        first_ns = self._tape.info().first_at_ns
        if first_ns is None:
            raise EmptyFeed(f"{path} holds no event: name a tape of a market")
        self._last_ns = self._next_ns = first_ns - 1
        self._passed_at = time.monotonic()

    def now_ns(self) -> int:
        """Time of the recording: goes on between two events, as far as the next one."""
        passed = round((time.monotonic() - self._passed_at) * self._speed * SECOND_NS)
        return min(self._last_ns + passed, max(self._next_ns - 1, self._last_ns))

    def run(self, put: Put, stopping: threading.Event, passed: int) -> None:
        """Puts all events but the first that `passed` already, each when it is due."""
        for event in islice(self.events(), passed, None):
            self._next_ns = event.at_ns
            if not self._await(event, stopping):
                return
            put(event)
            self._pace.take(event)
            self._last_ns, self._passed_at = event.at_ns, time.monotonic()

    def events(self) -> Iterator[AnyEvent]:
        """All that the feed brings, faults included."""
        events = recording.market(self._tape)
        return faulty(events, self._faults, SEED) if self._faults else events

    def _await(self, event: AnyEvent, stopping: threading.Event) -> bool:
        """Whether the event is due; False if the engine stops before."""
        while (seconds := self._pace.due_in(event)) > 0.0:
            if stopping.wait(min(seconds, MOMENT_SECONDS)):
                return False
        return not stopping.is_set()
