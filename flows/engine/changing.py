"""Whether an engine may go on with changed settings: only one that holds nothing, judged before anything is written.

Nothing is judged where nothing changed. Else what is held is known from the tape alone.
"""

from typing import Final

from sqlalchemy import Engine

from flows.engine.believing import behind, books, newest
from flows.engine.recovery import OtherSettings
from flows.engine.state import StateFolder
from flows.records.marks import Mark, mark_of
from operators import prices
from operators.carrying import held, moved_micros
from operators.changes import OF_THE_PROGRAM, changes, told
from operators.events import RunStarted

ANOTHER: Final = "Begin a new one with another --state"


class Change:
    """What the run that is about to start changes of the one in force at the tape's end, None for a new tape.

    Raises OtherSettings for another account or loop, and for changes that have to wait.
    """

    def __init__(self, folder: StateFolder, before: RunStarted | None, now: RunStarted) -> None:
        self._needs_seq = 0
        self.changed = {} if before is None else changes(before, now)
        if before is None:
            return
        for name in ("book_id", "loop"):
            if getattr(before, name) != getattr(now, name):
                raise OtherSettings(
                    f"the tape was begun otherwise: {name} {getattr(before, name)!r} is now {getattr(now, name)!r}. "
                    f"{ANOTHER}"
                )
        if self.changed:
            self._judge(folder, before, now)

    def check(self, database: Engine, book_id: str) -> None:
        """Raises OtherSettings where the database has to catch up first, and this program cannot do it."""
        self.check_mark(mark_of(database, book_id) if self._needs_seq else None, book_id)

    def check_mark(self, mark: Mark | None, book_id: str) -> None:
        """The same of what is known of the database: its mark of the book, None if it has none."""
        known = 0 if mark is None else mark.tape_seq
        if known < self._needs_seq:
            self._refuse(
                f"the database has {book_id} up to event {known} of {self._needs_seq}, and what is missing was decided "
                "by another version of the program. Start that version once and stop it in order, then this one"
            )

    def _judge(self, folder: StateFolder, before: RunStarted, now: RunStarted) -> None:
        restored = newest(folder)
        events = behind(folder.tape, restored.from_seq)
        if self.changed.keys() & OF_THE_PROGRAM:
            if next(events, None) is not None:
                self._refuse(
                    f"the tape goes on behind its newest checkpoint (event {restored.from_seq}), and what is there was "
                    "decided by another version of the program. Start that version once and stop it in order, then "
                    "this one"
                )
            self._needs_seq = restored.from_seq
        found = books(folder.tape, restored, before, events)
        holding = [f"{what} ({book.book_id})" for book in found for what in held(book)]
        if holding:
            self._refuse(
                f"the engine holds {', '.join(holding)}. Start it with the settings before, `scalp flatten` or wait "
                "until nothing is held, and stop it; then change them"
            )
        for book in found:
            cash = book.cash_micros + moved_micros(before, now)
            if cash <= 0:
                self._refuse(f"{book.book_id} would have {prices.decimal(cash)} USD: an account needs more than 0")

    def _refuse(self, why: str) -> None:
        raise OtherSettings(f"settings cannot change now ({told(self.changed)}): {why}")
