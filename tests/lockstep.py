"""A market in lock step: its next event comes once the desk and its broker have done with the one before."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from flows.engine import recording
from flows.engine.process import Engine
from flows.feeds.feed import Feed, Put
from flows.tape.segments import open_tape
from operators.events import AnyEvent, is_history

LIMIT_SECONDS = 30.0
LOOK_SECONDS = 0.0001


class LockStep(Feed):
    """Plays a tape to an engine that is given as `engine` before it runs; `before` is called with each event."""

    engine: Engine

    def __init__(self, path: Path) -> None:
        self._tape = open_tape(path)
        self.cadences, self.marks = self._tape.header.cadences, self._tape.header.marks
        first_ns = self._tape.info().first_at_ns
        assert first_ns is not None
        self._now_ns = first_ns - 1

    def now_ns(self) -> int:
        return self._now_ns

    def run(self, put: Put, stopping: threading.Event, passed: int) -> None:
        for event in islice(self.events(), passed, None):
            if stopping.is_set():
                return
            self.release(event)
            self._now_ns = event.at_ns
            put(event)
            if not is_history(event):
                self.until(lambda: stopping.is_set() or self.quiet(self._now_ns))

    def events(self) -> Iterator[AnyEvent]:
        return recording.market(self._tape)

    def release(self, event: AnyEvent) -> None:
        """What else hears of the event, before the engine does."""

    def until(self, seen: Callable[[], bool]) -> None:
        """Lets no further event come until something is seen."""
        ends = time.monotonic() + LIMIT_SECONDS
        while not seen():
            assert time.monotonic() < ends, f"an engine is stuck at {self._now_ns}: {self.engine.ends.fault}"
            time.sleep(LOOK_SECONDS)

    def quiet(self, at_ns: int) -> bool:
        """Whether the desk has come so far, no order of it is on its way, and nothing is under way beside it."""
        engine = self.engine
        desk = engine.desks.books.get(engine.started.book_id)
        if desk is None or desk.book.now_ns < at_ns or engine.placing is None:
            return desk is not None and desk.book.now_ns >= at_ns
        orders = list(desk.book.orders.values())
        return all(order.state != "sending" for order in orders) and engine.placing.idle()
