"""Tapes as the one source of the line: their events in order, in batches, with a count of what was read."""

from collections.abc import Callable, Iterator
from itertools import islice

from bytewax.inputs import DynamicSource, StatelessSourcePartition

from operators.events import AnyEvent, Bar
from operators.steps import LINE

Keyed = tuple[str, AnyEvent]


class Count:
    """How far a run has read: events of the tapes, how many of them are history, and whether the end was reached.

    `stopped` ends the reading before the next batch; `progress` hears the total after each.
    """

    def __init__(self) -> None:
        self.events = self.history_events = 0
        self.ended = self.stopped = False
        self.progress: Callable[[int], None] | None = None

    def add(self, batch: list[AnyEvent]) -> None:
        """Counts a batch."""
        self.events += len(batch)
        self.history_events += sum(event.history for event in batch if type(event) is Bar)
        if self.progress is not None:
            self.progress(self.events)


class _Partition(StatelessSourcePartition[Keyed]):
    def __init__(self, first: AnyEvent, events: Iterator[AnyEvent], batch: int, count: Count) -> None:
        self._first: list[Keyed] = [(LINE, first)]
        self._events, self._batch, self._count = events, batch, count

    def next_batch(self) -> list[Keyed]:
        if self._first:
            first, self._first = self._first, []
            return first
        batch = [] if self._count.stopped else list(islice(self._events, self._batch))
        self._count.add(batch)
        if not batch:
            self._count.ended = not self._count.stopped
            raise StopIteration
        return [(LINE, event) for event in batch]


class TapeSource(DynamicSource[Keyed]):
    """Gives `first` (the run's RunStarted), then the events, `batch` at a time.

    The order of a run is that of its tape, so more than one worker is refused with a ValueError.
    """

    def __init__(self, first: AnyEvent, events: Iterator[AnyEvent], batch: int, count: Count) -> None:
        self._partition = _Partition(first, events, batch, count)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """The only partition; `worker_count` has to be 1."""
        if worker_count != 1:
            raise ValueError(f"{worker_count} workers were started, a run has one: its order is that of the tape")
        return self._partition
