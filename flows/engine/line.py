"""Both ends of a running engine's line: its source reads the tape's file, its sink feeds ledger and tape."""

import time
from datetime import UTC, datetime
from typing import Final

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.engine.echoes import Echoes
from flows.engine.metrics import Metrics
from flows.engine.placing import Placing
from flows.engine.telling import tell
from flows.records.recorder import Recorder
from flows.tape.following import Follower
from flows.tape.journal import Journal
from operators.audit import AuditRecord
from operators.events import AnyEvent, Checkpoint, Echo, RunStarted, Stop
from operators.orders import Cancel
from operators.records import Record, RunRecord
from operators.steps import LINE, Outcome

TOLD: Final = {"warn": "W106", "reduce": "W107", "alarm": "W111", "restore": "I007", "settings": "I006"}
"""What the desk did without a person that a person should hear of, by its action in the audit."""
AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
WAIT_SECONDS: Final = 0.001
"""How long the source waits for news: blocking so long and no longer gives the lowest latency at 10 % of a core."""


class Ends:
    """What the source tells the sink: how many runs began on the tape up to this one.

    `events` counts what was read, `at_ns` is the time of the newest event, `lag_ns` how much later that is than it
    happened, and `read_at` when it was read (monotonic).
    `own_seq` is where this run begins on the tape, `head` the number of its beginning once that was read.
    """

    def __init__(self, own_seq: int) -> None:
        self.own_seq = own_seq
        self.runs_read = self.runs_out = self.events = self.at_ns = self.lag_ns = 0
        self.read_at = time.monotonic()
        self.head: int | None = None
        self.fault: Exception | None = None


class _Reading(StatelessSourcePartition[tuple[str, AnyEvent]]):
    def __init__(
        self, follower: Follower, journal: Journal, echoes: Echoes, ends: Ends, placing: Placing | None
    ) -> None:
        self._follower, self._journal, self._echoes, self._ends = follower, journal, echoes, ends
        self._placing, self._over = placing, False

    def next_batch(self) -> list[tuple[str, AnyEvent]]:
        if self._over or self._ends.fault is not None:
            raise StopIteration
        news = self._journal.written
        ended = self._journal.ended  # asked before the read, which then finds all that was written
        if self._ends.head is not None and not ended and not news.wait(WAIT_SECONDS):
            self._look_after_threads(ended)
            return []
        news.clear()
        events = self._follower.read()
        if not events:
            self._look_after_threads(ended)
            return []
        news.set()  # there may be more than one block
        return [(LINE, event) for event in events if self._takes(event)]

    def next_awake(self) -> datetime:
        """At once: by itself Bytewax would rest for a millisecond after an empty batch, and hear of nothing."""
        return AT_ONCE

    def _takes(self, event: AnyEvent) -> bool:
        """Whether an event enters the line."""
        ends = self._ends
        if isinstance(event, Echo):
            self._echoes.recorded(event)
            if self._placing is not None and event.seq > ends.own_seq:
                self._placing.read(event)
            return False
        ends.events, ends.at_ns, ends.read_at = ends.events + 1, event.at_ns, time.monotonic()
        ends.lag_ns = event.at_ns - event.event_ns
        if type(event) is RunStarted:
            ends.runs_read += 1
            ends.head = ends.runs_read if event.seq == ends.own_seq else ends.head
        self._over = self._over or (type(event) is Stop and event.seq > ends.own_seq)
        return True

    def _look_after_threads(self, ended: bool) -> None:
        if ended and self._ends.fault is None:
            self._ends.fault = self._journal.fault or RuntimeError("the tape is no longer written")
        if self._placing is not None:
            self._ends.fault = self._ends.fault or self._placing.fault

    def close(self) -> None:
        self._follower.close()


class LiveTape(DynamicSource[tuple[str, AnyEvent]]):
    """The tape of an engine as it is written, to this run's Stop. More than one worker is refused with a ValueError."""

    def __init__(
        self, follower: Follower, journal: Journal, echoes: Echoes, ends: Ends, placing: Placing | None = None
    ) -> None:
        self._partition = _Reading(follower, journal, echoes, ends, placing)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Reading:
        """The only partition; `worker_count` has to be 1."""
        if worker_count != 1:
            raise ValueError(f"{worker_count} workers were started, an engine has one: its order is that of the tape")
        return self._partition


class _Writing(StatelessSinkPartition[tuple[str, Outcome]]):
    def __init__(
        self, recorder: Recorder, echoes: Echoes, ends: Ends, metrics: Metrics, placing: Placing | None
    ) -> None:
        self._recorder, self._echoes, self._ends, self._metrics = recorder, echoes, ends, metrics
        self._placing = placing

    def write_batch(self, items: list[tuple[str, Outcome]]) -> None:
        ready, seen = list[Record | int](), list[Outcome]()
        for _, outcome in items:
            self._echoes.take(outcome)
            if self._echoes.live:
                seen.append(outcome)
                self._metrics.take(outcome)
                if type(outcome) is AuditRecord and outcome.refused is None and outcome.action in TOLD:
                    tell(TOLD[outcome.action], detail=outcome.argument)
            if not isinstance(outcome, Cancel):
                ready.append(outcome.at_seq if isinstance(outcome, Checkpoint) else outcome)
            if isinstance(outcome, RunRecord):
                self._began()
        self._recorder.take(ready)
        self._ends.fault = self._ends.fault or self._echoes.fault or self._recorder.fault
        if self._placing is not None and seen:
            self._placing.wrote(seen)

    def _began(self) -> None:
        self._ends.runs_out += 1
        if self._ends.runs_out == self._ends.head:
            if self._placing is not None:
                self._placing.begin(self._echoes.missing)
            self._echoes.head()


class LiveSink(DynamicSink[tuple[str, Outcome]]):
    """Hands records to the ledger thread; orders and checkpoints go onto the tape, once the line has caught up.

    A broker is heard of from then on.
    """

    def __init__(
        self, recorder: Recorder, echoes: Echoes, ends: Ends, metrics: Metrics, placing: Placing | None = None
    ) -> None:
        self._partition = _Writing(recorder, echoes, ends, metrics, placing)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Writing:
        """The only partition: the source has refused more workers."""
        return self._partition
