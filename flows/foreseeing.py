"""What a start on a folder would meet before it writes anything, for `scalp doctor`: asked of what the start asks.

Nothing is made, locked or written. The feed counts as that of the run before.
"""

import threading
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Final

from sqlalchemy import Engine as Database

from flows.engine.changing import Change
from flows.engine.hints import Hints
from flows.engine.placing import NoAccount
from flows.engine.process import Plan, started
from flows.engine.recovery import BrokenState, OtherSettings, begun, in_force, restored, settings_at
from flows.engine.state import BadState, Locked, StateFolder
from flows.engine.unreachable import advising
from flows.feeds.feed import Feed, Put
from flows.findings import Finding
from flows.records.database import at_head, database_url, file_of, head, open_database
from flows.records.faults import UnusableDatabase
from flows.records.marks import Mark, check_tape, mark_of
from flows.tape.frames import Corrupt, NotATape, WrongVersion
from flows.tape.segments import last_seq
from operators.changes import told
from operators.events import RunStarted

REFUSED: Final = (BadState, BrokenState, OtherSettings, NoAccount, Corrupt, NotATape, WrongVersion, OSError)
"""Why a start goes no further than a folder and its tape."""
TAPE, DATABASE = "tape", "database"
NAME_IT: Final = "name the one that this engine has run with; or start, and name this one to page and commands too"


class _Before(Feed):
    """Stands for the feed of the run before, of which the tape tells."""

    def __init__(self, run: RunStarted | None) -> None:
        self.cadences, self.marks = ({}, ()) if run is None else (dict(run.cadences), run.marks)

    def now_ns(self) -> int:
        """No time."""
        return 0

    def run(self, put: Put, stopping: threading.Event, passed: int) -> None:
        """Brings nothing."""


class Start:
    """How far a start comes on a folder and its tape, which ends with event `last`.

    Raises one of REFUSED, as the start does.
    """

    def __init__(self, plan: Plan) -> None:
        self.folder = StateFolder(plan.state, make=False)
        with suppress(Locked):  # told of the folder; the engine that runs there may be looked at
            self.folder.look()
        before, self._newest = begun(self.folder.tape), in_force(self.folder.tape)
        self.begun, self.last = before is not None, last_seq(self.folder.tape)
        tape_id = self.folder.tape_id if before is None else before.tapes[0]
        self.run = started(plan, _Before(self._newest), tape_id, self._newest)
        self._change = Change(self.folder, self._newest, self.run)

    def __str__(self) -> str:
        """What it would go on with."""
        if not self.begun:
            return f"none yet, the first start begins it as {self.run.book_id}"
        changed = f", with other settings than before: {told(self._change.changed)}" if self._change.changed else ""
        return f"{self.run.book_id} goes on behind event {self.last}{changed}"

    def marked(self, database: Database | None) -> tuple[Mark | None, int]:
        """Up to where a database has the book, and behind which event the start goes on from there.

        No mark is that of a database that has nothing of the book, or is not there yet.

        Raises BrokenState, OtherSettings, UnusableDatabase and what a tape raises where the start goes no further.
        """
        mark = None if database is None else mark_of(database, self.run.book_id)
        self._change.check_mark(mark, self.run.book_id)
        if mark is not None:
            check_tape(mark, self.run.tapes[0])
        known = Mark(self.run.book_id, self.run.tapes[0], 0, 0) if mark is None else mark
        # An engine that runs there has written more of both meanwhile, and of its tape first.
        last = self.last if known.tape_seq <= self.last else last_seq(self.folder.tape)
        found = restored(self.folder.tape, Hints(self.folder.hints), known, last)
        if self._newest is not None:
            settings_at(self.folder.tape, found.from_seq, self._newest)
        return mark, found.from_seq


def start(plan: Plan) -> Iterator[Finding]:
    """How far a start would come on what is on the tape, and on the database."""
    try:
        found = Start(plan)
        yield Finding("ok", TAPE, str(found))
    except BadState:
        found = None
        yield Finding("warn", TAPE, "not looked at", "mend the state folder first")
    except REFUSED as fault:
        found = None
        yield Finding("FAIL", TAPE, str(fault))
    yield database(plan.database, found)


def database(given: str | None, start: Start | None = None) -> Finding:
    """Whether the database can be reached, its tables are this program's, and its records of the start's tape."""
    try:
        with nullcontext() if start is None else advising(start.folder, start.begun):
            return _database(database_url(given), start)
    except (*REFUSED, UnusableDatabase) as fault:
        return Finding("FAIL", DATABASE, str(fault))


def _database(url: str, start: Start | None) -> Finding:
    path = file_of(url)
    if path is not None and path.parent.is_dir() and not path.exists():
        return _told(f"{path} is not there yet, the first start makes it", None, start)
    engine = open_database(url, create=False, look=True)
    try:
        if at_head(engine):
            return _told(f"at revision {head()}", engine, start)
        return _told("empty, the first start makes the tables", None, start)
    finally:
        engine.dispose()


def _told(where: str, engine: Database | None, start: Start | None) -> Finding:
    """What is there of the book that would go on."""
    if start is None:
        return Finding("ok", DATABASE, where)
    (mark, from_seq), book_id = start.marked(engine), start.run.book_id
    if mark is not None:
        known = f"has {book_id} up to event {mark.tape_seq}: the start catches up from event {from_seq}"
        return Finding("ok", DATABASE, f"{where}, {known}")
    if not start.begun:
        return Finding("ok", DATABASE, where)
    filled = f"it has nothing of {book_id}: the start fills it from the tape, {start.last} events"
    return Finding("warn", DATABASE, f"{where}; {filled}", NAME_IT)
