"""Looks after a running engine once a second: its clock, its kill file, its database; and ends it in order.

It asks no database: how the ledger thread fares says enough, and a locked one must not hold back clock and kill.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from flows.engine.telling import Changes, tell
from flows.records.recorder import Recorder
from flows.tape.journal import Journal
from operators.book import BookState
from operators.events import AnyEvent, Clock, Command, Stop

EVERY_SECONDS: Final = 1.0
BEHIND_SECONDS: Final = 2.0
"""A database further behind than this ends entries. Source: product rule "Intent first, then broker"."""
AGAIN_SECONDS: Final = 1.0
"""How soon the restraint is said again where a person or a session's open lifted it and it still holds."""
BEHIND: Final = "the database is behind"


class Watched(Protocol):
    """An engine, as its watch sees it."""

    journal: Journal
    recorder: Recorder

    def put(self, event: AnyEvent) -> None:
        """Appends to the tape what steers the engine."""

    @property
    def books(self) -> Sequence[BookState]:
        """What its desks have; none before the line has caught up."""


class Watch:
    """A thread that puts the clock onto the tape, and Stop once `stopping` is set. `fault` is what broke a thread."""

    def __init__(self, engine: Watched, kill: Path, stopping: threading.Event) -> None:
        self.fault: Exception | None = None
        self._engine, self._kill, self._stopping = engine, kill, stopping
        self._reduced_at: float | None = None
        self._lost_told = False
        self._database, self._tape = Changes("W101", "I003"), Changes("W103", "I004")
        self._thread = threading.Thread(target=self.guard, args=(self._run,), name="watch", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def guard(self, run: Callable[..., None], *arguments: object) -> None:
        """Runs the work of a thread; its end, or what breaks it, ends the engine in order."""
        try:
            run(*arguments)
        except Exception as fault:
            self.fault = self.fault or fault
        self._stopping.set()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(EVERY_SECONDS):
                self._tell()  # before anything waits for a tape that cannot be written
                self._engine.journal.put(Clock(0, 0, 0))
                self._look_for_kill()
                self._look_at_database()
        finally:
            self._engine.journal.put(Stop(0, 0, 0))

    def _tell(self) -> None:
        """Says what has begun to be wrong with database or tape, and what is over."""
        fault = self._engine.journal.fault
        recorder = self._engine.recorder
        self._database.look(recorder.away)
        if recorder.lost and not self._lost_told:
            tell("W108", detail=recorder.lost)
            self._lost_told = True
        self._tape.look("" if fault is None else str(fault))

    def _look_for_kill(self) -> None:
        """A file asks for a kill where no database can; it is taken away when the tape has the command."""
        if self._kill.is_file():
            tell("W104", file=str(self._kill))
            self._engine.put(Command(0, 0, 0, "kill", "file"))
            if self._engine.journal.drained(EVERY_SECONDS):
                self._kill.unlink(missing_ok=True)

    def _look_at_database(self) -> None:
        """No entries while the database is behind."""
        behind, now, books = self._engine.recorder.behind_seconds, time.monotonic(), self._engine.books
        if behind > BEHIND_SECONDS:
            lifted = any(book.trading == "ACTIVE" for book in books)
            if self._reduced_at is None or (lifted and now - self._reduced_at >= AGAIN_SECONDS):
                self._engine.journal.put(Command(0, 0, 0, "reduce", "engine", BEHIND))
                tell("W102", seconds=round(behind, 1), limit_seconds=BEHIND_SECONDS)
                self._reduced_at = now
        elif not self._engine.recorder.away and (
            self._reduced_at is not None or any(BEHIND in book.reasons for book in books)
        ):
            self._engine.journal.put(Command(0, 0, 0, "restore", "engine", BEHIND))
            self._reduced_at = None
