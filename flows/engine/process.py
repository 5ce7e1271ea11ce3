"""The engine as a process: takes its folder, goes on where it ended, runs the line until it is told to stop."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal, NamedTuple

from bytewax.errors import BytewaxRuntimeError
from bytewax.run import cli_main
from sqlalchemy import Connection

from flows.brokers.port import Broker
from flows.engine import pauses, recovery
from flows.engine.asking import Asking
from flows.engine.changing import Change
from flows.engine.echoes import Echoes
from flows.engine.hints import Hints
from flows.engine.line import Ends, LiveSink, LiveTape
from flows.engine.metrics import Ages, Metrics, stream_ages
from flows.engine.placing import Placing, identity
from flows.engine.retention import Retention
from flows.engine.state import StateFolder
from flows.engine.stopping import told_by_signals
from flows.engine.unreachable import advising
from flows.engine.watch import Watch
from flows.feeds.feed import Feed
from flows.records.database import database_url, ensure, open_database
from flows.records.faults import UnusableDatabase
from flows.records.heartbeat import State, note
from flows.records.ledger import Attempt, Ledger
from flows.records.marks import take
from flows.records.recorder import Recorder
from flows.records.waiting import IN_MEMORY, Waiting
from flows.running import RunFailed, between_looks_ns, cause
from flows.runs import TABLES
from flows.scalp import scalp
from flows.settings import Settings
from flows.tape.following import Follower
from flows.tape.frames import Header
from flows.tape.journal import SEGMENT_BYTES, Journal
from operators import prices
from operators.book import BookState
from operators.config import RULES_VERSION
from operators.events import Mode, RunStarted
from operators.looking import Looking
from operators.sessions import utc
from operators.steps import Desks

PAPER_ACCOUNT: Final = "main"
CHECKPOINT_SECONDS: Final = 60
LAST_WORDS_SECONDS: Final = 4.0
"""How long a stopped engine waits for its database: a clean end takes five seconds at most."""
SAFE_SECONDS: Final = 0.5
"""How long the ledger thread waits for the tape at a time: then it gives a sign of life, and waits again."""


class Plan(NamedTuple):
    """What an engine is started with. `account` names the paper account, or is the id that the broker's has to have."""

    state: Path
    database: str | None
    account: str
    mode: Mode
    settings: Settings
    speed: float | None
    segment_bytes: int = SEGMENT_BYTES
    in_memory: int = IN_MEMORY
    checkpoint_seconds: int = CHECKPOINT_SECONDS
    broker: Broker | None = None
    """Where orders go, None for the paper exchange inside the desk."""


class Engine:
    """One run of an engine on its state folder.

    Making it takes the lock of the folder, makes the feed, which may keep a file there, and takes the fence. Raises
    BadState, Locked, BrokenState, OtherSettings, UnusableDatabase and what a tape raises; then nothing was changed but
    the fence.
    """

    def __init__(self, plan: Plan, feed: Callable[[Path], Feed]) -> None:
        self.plan, self.folder = plan, StateFolder(plan.state)
        self.folder.lock()
        self.feed = feed(self.folder.path)
        self.began = time.monotonic()
        before, newest = recovery.begun(self.folder.tape), recovery.in_force(self.folder.tape)
        tape_id = self.folder.tape_id if before is None else before.tapes[0]
        self.started = started(plan, self.feed, tape_id, newest)
        change = Change(self.folder, newest, self.started)
        with advising(self.folder, before is not None):
            self.database = open_database(database_url(plan.database), create=True)
            ensure(self.database)
            change.check(self.database, self.started.book_id)
            self._restore(newest)
            self._attempts = Attempt(self.database)
            self._attempt = self._attempts.begin(self.started.book_id, 1, version("scalp"))

    def _restore(self, newest: RunStarted | None) -> None:
        mark = take(self.database, self.started.book_id, self.started.tapes[0])
        hints = Hints(self.folder.hints)
        header = Header(cadences=self.started.cadences, marks=self.started.marks)
        self.journal = Journal(self.folder.tape, header, self.feed.now_ns, self.plan.segment_bytes)
        self.journal.checkpoint = hints.add
        found = recovery.restored(self.folder.tape, hints, mark, self.journal.written_seq)
        # It catches up under the settings of the runs before, to its own RunStarted.
        run, settings = recovery.settings_at(self.folder.tape, found.from_seq, newest or self.started)
        self.market = found.market(settings, run)
        looking = Looking(self.market, between_looks_ns(self.plan.speed))
        self.desks = Desks(*settings, looking, found.books(settings), run)
        self.feed.held, self.feed.closes = self.desks.held, self.market.closes
        self.ends = Ends(self.journal.written_seq + 1)
        self.echoes = Echoes(self.journal.put, found.from_seq)
        self.placing = self._placing()
        self.put = self.journal.put if self.placing is None else self.placing.put
        self.stopping = self.journal.stopping
        ledger, waiting = Ledger(self.database), Waiting(self.folder.path, self.plan.in_memory)
        self.recorder = Recorder(ledger, mark, self._tape_is_safe, self.beat, waiting)
        keep_days, recorder = self.plan.settings.engine.tape_keep_days, self.recorder
        retention = Retention(self.folder.tape, keep_days, lambda: hints.passed(recorder.tape_seq) + 1)
        self.journal.kept_from, self.journal.drop = retention.kept_from, retention.drop
        self.metrics = Metrics(self.journal, self.recorder, self._ages())
        self.from_seq, self.head_seq = found.from_seq, self.journal.written_seq

    def _placing(self) -> Placing | None:
        broker = self.plan.broker
        return None if broker is None else Placing(broker, self.started, self.journal, self.desks, self.feed.now_ns)

    def _ages(self) -> Ages:
        return Ages(
            lag=lambda: self.ends.lag_ns / 1e9,
            silence=lambda: time.monotonic() - self.ends.read_at,
            streams=lambda: stream_ages(self.desks, self.feed.now_ns()),
        )

    def run(self) -> None:
        """Runs until SIGTERM, SIGINT or the end of the feed. Raises RunFailed and what broke the line."""
        pauses.from_now_on()
        journal, passed = self.journal, self.journal.market_events
        stopping = self.stopping
        journal.start()
        self.recorder.start()
        journal.put(self.started)
        watch = Watch(self, self.folder.kill, stopping)
        feed = threading.Thread(target=watch.guard, args=(self.feed.run, journal.put, stopping, passed), daemon=True)
        asking = Asking(self.database, self.started.book_id, self.put)
        asked = threading.Thread(target=watch.guard, args=(asking.run, stopping), name="asking", daemon=True)
        with told_by_signals(stopping.set):
            try:
                watch.start()
                if _is_written(journal, self.ends.own_seq):
                    feed.start()
                    asked.start()
                    self._follow()
            finally:
                stopping.set()
        self._end(watch.fault)

    def _follow(self) -> None:
        """Runs the line behind the tape until it is told to stop; keeps what broke it."""
        follower = Follower(self.folder.tape, self.from_seq + 1)
        tape = LiveTape(follower, self.journal, self.echoes, self.ends, self.placing)
        sink = LiveSink(self.recorder, self.echoes, self.ends, self.metrics, self.placing)
        try:
            cli_main(scalp(tape, sink, self.market, self.desks))  # type: ignore[no-untyped-call]  # Bytewax gives its runner no types
        except BytewaxRuntimeError as error:
            broken = cause(error)
            self.ends.fault = broken if isinstance(broken, Exception) else RunFailed(repr(broken))

    def _end(self, fault: Exception | None) -> None:
        """Writes what is left and says how it ended."""
        if self.placing is not None:
            self.placing.close()
        missing = self.journal.close()
        whole = self.recorder.close(LAST_WORDS_SECONDS)
        fault = self.ends.fault or self.echoes.fault or self.recorder.fault or fault
        fault = RunFailed(missing) if missing else fault
        self.folder.release()
        if fault is None and not whole:
            away = self.recorder.away or "the database is slow"
            fault = RunFailed(f"{away}; {self.recorder.waiting} records are not in it: the next start brings them in")
        self._say("ended" if fault is None else "failed", None if fault is None else str(fault))
        if fault is not None:
            raise fault

    def _say(self, state: State, message: str | None) -> None:
        """Notes how it ended; a database that is away cannot be told."""
        status: Literal["done", "failed"] = "done" if state == "ended" else "failed"
        seconds = time.monotonic() - self.began
        if self.recorder.reachable:
            with suppress(UnusableDatabase):
                self._attempts.finish(self._attempt, status, message, self.ends.events, seconds)
                self.recorder.last_words(lambda connection: self.beat(connection, state, message))
        self.database.dispose()

    @property
    def books(self) -> list[BookState]:
        """What its desks have; none before the line has caught up."""
        return [desk.book for desk in self.desks.books.values()] if self.echoes.live else []

    def beat(self, connection: Connection, state: State = "running", message: str | None = None) -> None:
        """Notes that the engine is alive, in the transaction of its records."""
        tape_at = utc(self.ends.at_ns) if self.ends.at_ns else None
        events, speed = self.ends.events, self.plan.speed
        book_id = self.started.book_id
        note(connection, book_id, state, events=events, tape_at=tape_at, speed=speed, message=message)

    def _tape_is_safe(self) -> bool:
        """Whether all that is on the tape survives a power cut: a record may not know more than the tape.

        Raises what ended the tape before that.
        """
        ended, seq = self.journal.ended, self.journal.written_seq
        safe = self.journal.wait_synced(seq, SAFE_SECONDS)
        if ended and not safe:
            raise self.journal.fault or RuntimeError("the tape is no longer written")
        return safe


def started(plan: Plan, feed: Feed, tape_id: str, before: RunStarted | None) -> RunStarted:
    """What a run on a tape begins with, after the runs `before`. Raises NoAccount."""
    settings, broker = plan.settings, plan.broker
    book_id = f"paper:{plan.account or PAPER_ACCOUNT}"
    equity_micros = prices.micros_of(settings.engine.start_equity_usd)
    if broker is not None:
        _, equity_micros = account = identity(broker, plan.account, before)
        book_id = account.book_id
    return RunStarted(
        *(0, 0, 0, book_id),
        loop="paper" if broker is None else broker.name,
        mode=plan.mode,
        equity_micros=equity_micros,
        settings=json.dumps([json.loads(model.model_dump_json()) for model in settings], sort_keys=True),
        tapes=(tape_id,),
        tables=TABLES,
        rules_version=RULES_VERSION,
        marks=feed.marks,
        cadences=feed.cadences,
        checkpoint_seconds=plan.checkpoint_seconds,
    )


def _is_written(journal: Journal, seq: int) -> bool:
    """Waits until an event is written; whether it ever is."""
    while journal.written_seq < seq and not journal.ended:
        time.sleep(0.001)
    return journal.written_seq >= seq
