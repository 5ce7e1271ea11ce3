"""Tapes as the one source of the line: their events in order, in batches, with a count of what was read."""

from collections.abc import Callable, Iterator
from itertools import islice

from bytewax.inputs import DynamicSource, StatelessSourcePartition

from flows.tape.frames import Corrupt
from operators.events import AnyEvent, is_history
from operators.steps import LINE

Keyed = tuple[str, AnyEvent]


class Reading:
    """How far a run has read: events of the tapes, how many of them are history, and whether it ended by itself.

    `stop` ends it before the next batch, for a `fault` if there is one: an exception that Bytewax carries out of a
    source or sink prints its own stack first, so faults that a person can mend go this way. `progress` hears the
    number of events after each batch.
    """

    def __init__(self) -> None:
        self.events = self.history_events = 0
        self.ended = self.stopped = False
        self.fault: Exception | None = None
        self.progress: Callable[[int], None] | None = None

    def stop(self, fault: Exception | None = None) -> None:
        """Reads no further; of several faults the first stands."""
        self.stopped = True
        self.fault = fault if self.fault is None else self.fault

    def add(self, batch: list[AnyEvent]) -> None:
        """Counts a batch."""
        self.events += len(batch)
        self.history_events += sum(map(is_history, batch))
        if self.progress is not None:
            self.progress(self.events)


class _Partition(StatelessSourcePartition[Keyed]):
    def __init__(self, first: AnyEvent, events: Iterator[AnyEvent], batch: int, reading: Reading) -> None:
        self._first: list[Keyed] = [(LINE, first)]
        self._events, self._batch, self._reading = events, batch, reading

    def next_batch(self) -> list[Keyed]:
        if self._first:
            first, self._first = self._first, []
            return first
        batch = [] if self._reading.stopped else self._read()
        if not batch:
            self._reading.ended = not self._reading.stopped
            raise StopIteration
        return [(LINE, event) for event in batch]

    def _read(self) -> list[AnyEvent]:
        """The next events; those before a corrupt frame are whole and still count."""
        batch: list[AnyEvent] = []
        try:
            for event in islice(self._events, self._batch):
                batch.append(event)
        except Corrupt as fault:
            self._reading.stop(fault)
        self._reading.add(batch)
        return batch


class TapeSource(DynamicSource[Keyed]):
    """Gives `first` (the run's RunStarted), then the events, `batch` at a time.

    The order of a run is that of its tape, so more than one worker is refused with a ValueError.
    """

    def __init__(self, first: AnyEvent, events: Iterator[AnyEvent], batch: int, reading: Reading) -> None:
        self._partition = _Partition(first, events, batch, reading)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """The only partition; `worker_count` has to be 1."""
        if worker_count != 1:
            raise ValueError(f"{worker_count} workers were started, a run has one: its order is that of the tape")
        return self._partition
