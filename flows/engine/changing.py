"""Whether an engine may go on with changed settings: only one that holds nothing, judged before anything is written.

Nothing is judged where nothing changed. Else what is held is known from the tape alone: from its newest checkpoint, and
the events behind that, which the line takes under the settings of the run that recorded them and without a record.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main
from sqlalchemy import Engine

from flows.engine.hints import Hints
from flows.engine.recovery import OtherSettings, Restored, settings_at
from flows.engine.state import StateFolder
from flows.records.marks import mark_of
from flows.scalp import scalp
from flows.tape.segments import Segments
from flows.tape.source import Reading, TapeSource
from operators import prices
from operators.book import BookState
from operators.carrying import held, moved_micros
from operators.changes import OF_THE_PROGRAM, changes, told
from operators.events import AnyEvent, Checkpoint, Intent, RunStarted
from operators.steps import Desks, Outcome

BATCH: Final = 1_000
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
        mark = mark_of(database, book_id) if self._needs_seq else None
        known = 0 if mark is None else mark.tape_seq
        if known < self._needs_seq:
            self._refuse(
                f"the database has {book_id} up to event {known} of {self._needs_seq}, and what is missing was decided "
                "by another version of the program. Start that version once and stop it in order, then this one"
            )

    def _judge(self, folder: StateFolder, before: RunStarted, now: RunStarted) -> None:
        found = Hints(folder.hints).find(folder.tape, sys.maxsize)
        restored = Restored(0, None) if found is None else Restored(found[0].at_seq, found[1])
        behind = _inputs(folder.tape, restored.from_seq)
        if self.changed.keys() & OF_THE_PROGRAM:
            if next(behind, None) is not None:
                self._refuse(
                    f"the tape goes on behind its newest checkpoint (event {restored.from_seq}), and what is there was "
                    "decided by another version of the program. Start that version once and stop it in order, then "
                    "this one"
                )
            self._needs_seq = restored.from_seq
        books = _books(folder.tape, restored, before, behind)
        holding = [f"{what} ({book.book_id})" for book in books for what in held(book)]
        if holding:
            self._refuse(
                f"the engine holds {', '.join(holding)}. Start it with the settings before, `scalp flatten` or wait "
                "until nothing is held, and stop it; then change them"
            )
        for book in books:
            cash = book.cash_micros + moved_micros(before, now)
            if cash <= 0:
                self._refuse(f"{book.book_id} would have {prices.decimal(cash)} USD: an account needs more than 0")

    def _refuse(self, why: str) -> None:
        raise OtherSettings(f"settings cannot change now ({told(self.changed)}): {why}")


def _inputs(tape: Path, from_seq: int) -> Iterator[AnyEvent]:
    events = Segments(tape).events(from_seq + 1)
    return (event for event in events if not isinstance(event, Intent | Checkpoint))


def _books(tape: Path, restored: Restored, before: RunStarted, behind: Iterator[AnyEvent]) -> list[BookState]:
    """The books at the tape's end."""
    run, settings = settings_at(tape, restored.from_seq, before)
    market = restored.market(settings, run)
    desks = Desks(*settings, books=restored.books(settings), run=run)
    cli_main(scalp(TapeSource(None, behind, BATCH, Reading()), _Nowhere(), market, desks))  # type: ignore[no-untyped-call]  # Bytewax gives its runner no types
    return [desk.book for desk in desks.books.values()]


class _Dropping(StatelessSinkPartition[tuple[str, Outcome]]):
    def write_batch(self, items: list[tuple[str, Outcome]]) -> None:
        """Writes nothing: what is computed here is computed again where it is recorded."""


class _Nowhere(DynamicSink[tuple[str, Outcome]]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Dropping:
        return _Dropping()
