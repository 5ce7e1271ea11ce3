"""A replay while it runs: what it has read and written, and how it ends."""

import time
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from typing import Literal, NamedTuple

from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.run import cli_main
from sqlalchemy import Engine

from flows.engine.echoes import Echoes
from flows.engine.recovery import Restored
from flows.engine.stopping import told_by_signals
from flows.records.faults import UnusableDatabase
from flows.records.heartbeat import State, beat
from flows.records.ledger import Attempt, Ledger
from flows.records.scribe import Scribe
from flows.settings import Settings
from flows.tape.segments import AnyTape
from flows.tape.source import Reading
from operators import prices
from operators.events import SECOND_NS, AnyEvent, RunStarted
from operators.looking import Looking
from operators.sessions import utc
from operators.steps import Desks


class RunFailed(Exception):
    """A run that began and did not end well; the message says why."""


class Input(NamedTuple):
    """What a run reads: its first event, then those of its tapes and signals, `total` of them.

    `echoes` compares a recording of an engine, which is replayed as it was recorded; None for other tapes. It goes on
    from states that are `restored` where the tape's beginning was dropped.
    """

    started: RunStarted
    events: Iterator[AnyEvent]
    total: int
    tapes: list[AnyTape]
    settings: Settings
    echoes: Echoes | None = None
    restored: Restored = Restored(0, None)


class Run:
    """A prepared replay: its book, its two states, what it has read and written so far.

    Raises UnusableDatabase where the attempt cannot be noted.
    """

    def __init__(
        self,
        engine: Engine,
        given: Input,
        batch: int,
        speed: float | None = None,
    ) -> None:
        self.engine, self.started, self.tapes, self.speed = engine, given.started, given.tapes, speed
        self.reading, self.total, self.echoes = Reading(), given.total, given.echoes
        settings, started = given.settings, given.started
        self.market = given.restored.market(settings, started)
        self.looking = Looking(self.market, between_looks_ns(speed))
        self.desks = Desks(*settings, None if speed is None else self.looking, given.restored.books(settings), started)
        self.ledger, self._attempts = Ledger(engine), Attempt(engine)
        self.scribe = Scribe(self, looked_on=speed is not None)
        self.reading.tick = self.scribe.tick
        self._began = time.perf_counter()
        self._attempt = self._attempts.begin(started.book_id, batch, version("scalp"))

    @property
    def seconds(self) -> float:
        """Wall time since the run was prepared."""
        return time.perf_counter() - self._began

    @property
    def equity(self) -> Decimal:
        """Cash and what is held, at the last bid, in USD."""
        return prices.decimal(self.desks.books[self.started.book_id].book.equity_micros())

    @property
    def torn(self) -> list[AnyTape]:
        """The tapes that end in an unfinished write, once they were read."""
        return [tape for tape in self.tapes if tape.torn]

    def failed(self, fault: Exception) -> None:
        """Reads no further."""
        self.reading.stop(fault)

    def beat(self) -> None:
        """Notes that the run is alive; raises UnusableDatabase."""
        self._beat("running")

    def closed(self) -> None:
        """Notes how the attempt ended; a database that is gone cannot be told, and the fault stands already."""
        if self.echoes is not None and self.reading.ended:
            self.echoes.finished()
        fault = self._fault()
        done = self.reading.ended and fault is None
        message = None if done else "the line broke" if fault is None else str(fault)
        state: State = "ended" if done else "stopped" if self._was_stopped() else "failed"
        try:
            desk = self.desks.books.get(self.started.book_id)
            self.ledger.write([] if desk is None else self.looking.look(desk.book))
        except UnusableDatabase as gone:
            self.reading.stop(gone)
        self._finish(state, message)

    def _beat(self, state: State, message: str | None = None) -> None:
        tape_at = utc(self.reading.at_ns) if self.reading.at_ns else None
        book, events = self.started.book_id, self.reading.events
        beat(self.engine, book, state, events=events, tape_at=tape_at, speed=self.speed, message=message)

    def execute(self, flow: Dataflow) -> None:
        """Runs the line to the end of the tapes, or until SIGINT or SIGTERM, after which what was read is recorded.

        Raises what broke the line, and RunFailed for facts that differ and for a run that was stopped.
        """
        try:
            # By itself a signal would break the line off, or end the process.
            with told_by_signals(self.reading.stop):
                cli_main(flow)  # type: ignore[no-untyped-call]  # Bytewax gives its runner no types
        except BytewaxRuntimeError as error:
            broken = cause(error)
            self._finish("failed", f"{type(broken).__name__}: {broken}")
            raise broken from error
        fault = self._fault()
        if fault is not None:
            raise fault

    def _fault(self) -> Exception | None:
        """Why the run did not end well."""
        if self.reading.fault is not None:
            return self.reading.fault
        if self.echoes is not None and self.echoes.fault is not None:
            return RunFailed(str(self.echoes.fault))
        if self.reading.stopped:
            return RunFailed(f"stopped after event {self.reading.events}; what it decided until then is recorded")
        if self.ledger.alarm_count:
            first = self.ledger.alarms[0]
            return RunFailed(f"{self.ledger.alarm_count} recorded facts differ from this run's, the first: {first}")
        return None

    def _was_stopped(self) -> bool:
        """Whether a person ended it."""
        return self.reading.stopped and self.reading.fault is None

    def _finish(self, state: State, message: str | None) -> None:
        """Notes how it ended: the attempt, which was done or failed, and the heartbeat."""
        status: Literal["done", "failed"] = "done" if state == "ended" else "failed"
        try:
            self._attempts.finish(self._attempt, status, message, self.reading.events, self.seconds)
            self._beat(state, message)
        except UnusableDatabase as fault:
            self.reading.stop(fault)


def between_looks_ns(speed: float | None) -> int:
    """Time of the tape between two looks: half a second, or what passes in a quarter of one on the wall if more."""
    return round(max(0.5, 0.25 * (speed or 0.0)) * SECOND_NS)


def cause(error: BaseException) -> BaseException:
    """The error that an operator, the source or the sink raised, out of Bytewax's wrapping."""
    while isinstance(error, BytewaxRuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error
