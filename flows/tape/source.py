"""Tapes as the one source of the line: their events in order, in batches, with a count of what was read."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from bytewax.inputs import DynamicSource, StatelessSourcePartition

from flows.tape.frames import Corrupt
from flows.tape.pace import Pace
from operators.events import AnyEvent, is_history
from operators.steps import LINE

Keyed = tuple[str, AnyEvent]
MOMENT_SECONDS: Final = 0.05
"""How long a paced source sleeps at most: events come, and a stop is heard, that much later."""


class Reading:
    """How far a run has read: events of the tapes, how many of them are history, and whether it ended by itself.

    `stop` ends it before the next batch, for a `fault` if there is one: an exception that Bytewax carries out of a
    source or sink prints its own stack first, so faults that a person can mend go this way. `at_ns` is the time of the
    newest event. `progress` hears the number of events after each batch, `tick` that the source was asked for more.
    """

    def __init__(self) -> None:
        self.events = self.history_events = self.at_ns = 0
        self.ended = self.stopped = False
        self.fault: Exception | None = None
        self.progress: Callable[[int], None] | None = None
        self.tick: Callable[[], None] | None = None

    def stop(self, fault: Exception | None = None) -> None:
        """Reads no further; of several faults the first stands."""
        self.stopped = True
        self.fault = fault if self.fault is None else self.fault

    def add(self, batch: list[AnyEvent]) -> None:
        """Counts a batch."""
        self.events += len(batch)
        self.history_events += sum(map(is_history, batch))
        self.at_ns = batch[-1].at_ns if batch else self.at_ns
        if self.progress is not None:
            self.progress(self.events)


class _Partition(StatelessSourcePartition[Keyed]):
    def __init__(
        self, first: AnyEvent | None, events: Iterator[AnyEvent], batch: int, reading: Reading, pace: Pace | None
    ) -> None:
        self._first: list[Keyed] = [] if first is None else [(LINE, first)]
        self._events, self._batch, self._reading = events, batch, reading
        self._pace = pace
        self._waiting: AnyEvent | None = None

    def next_batch(self) -> list[Keyed]:
        if self._first:
            first, self._first = self._first, []
            return first
        if self._reading.tick is not None:
            self._reading.tick()
        batch = [] if self._reading.stopped else self._read()
        if not batch and (self._waiting is None or self._reading.stopped):
            self._reading.ended = not self._reading.stopped
            raise StopIteration
        return [(LINE, event) for event in batch]

    def next_awake(self) -> datetime | None:
        """At once, or when the event that waits is due; a stop is heard within a moment."""
        if self._pace is None or self._waiting is None:
            return None
        return datetime.now(UTC) + timedelta(seconds=min(max(self._pace.due_in(self._waiting), 0.0), MOMENT_SECONDS))

    def _read(self) -> list[AnyEvent]:
        """The next events that are due; those before a corrupt frame are whole and still count."""
        batch: list[AnyEvent] = []
        try:
            for event in islice(self._events, self._batch) if self._pace is None else self._due(self._pace):
                batch.append(event)
        except Corrupt as fault:
            self._reading.stop(fault)
        self._reading.add(batch)
        return batch

    def _due(self, pace: Pace) -> Iterator[AnyEvent]:
        """At most a batch of what the pace has reached; the event after it waits."""
        for _ in range(self._batch):
            self._waiting = self._waiting or next(self._events, None)
            if self._waiting is None or pace.due_in(self._waiting) > 0.0:
                return
            event, self._waiting = self._waiting, None
            pace.take(event)
            yield event


class TapeSource(DynamicSource[Keyed]):
    """Gives `first`, then the events, `batch` at a time, as fast as `pace` says or can be.

    `first` is the run's RunStarted; None for a run that goes on from restored states. The order of a run is
    that of its tape, so more than one worker is refused with a ValueError.
    """

    def __init__(
        self,
        first: AnyEvent | None,
        events: Iterator[AnyEvent],
        batch: int,
        reading: Reading,
        pace: Pace | None = None,
    ) -> None:
        self._partition = _Partition(first, events, batch, reading, pace)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """The only partition; `worker_count` has to be 1."""
        if worker_count != 1:
            raise ValueError(f"{worker_count} workers were started, a run has one: its order is that of the tape")
        return self._partition
