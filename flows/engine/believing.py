"""What an engine believes, known from its folder alone: from its tape's newest checkpoint and what came after that.

The line takes those events under the settings of the run that recorded them, and without a record; nothing is locked
or written, so an engine may run there.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bytewax.errors import BytewaxRuntimeError
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

from flows.engine.hints import Hints
from flows.engine.recovery import BrokenState, Restored, in_force, settings_at
from flows.engine.state import StateFolder, existing
from flows.running import cause
from flows.runs import TABLES
from flows.scalp import scalp
from flows.tape.segments import Segments, segment_paths
from flows.tape.source import Reading, TapeSource
from operators.book import BookState
from operators.changes import OF_THE_PROGRAM
from operators.config import RULES_VERSION
from operators.events import AnyEvent, Echo, RunStarted
from operators.steps import Desks, Outcome

BATCH: Final = 1_000


def newest(folder: StateFolder) -> Restored:
    """The newest checkpoint on the tape, the tape's beginning if it has none."""
    found = Hints(folder.hints).find(folder.tape, sys.maxsize)
    return Restored.behind(found)


def behind(tape: Path, from_seq: int) -> Iterator[AnyEvent]:
    """The events behind one that enter the line."""
    return (event for event in Segments(tape).events(from_seq + 1) if not isinstance(event, Echo))


def books(tape: Path, restored: Restored, before: RunStarted, events: Iterator[AnyEvent]) -> list[BookState]:
    """The books at the tape's end, `events` being those behind the checkpoint. Raises what reading a tape raises."""
    run, settings = settings_at(tape, restored.from_seq, before)
    market = restored.market(settings, run)
    desks, reading = Desks(*settings, books=restored.books(settings), run=run), Reading()
    try:
        cli_main(scalp(TapeSource(None, events, BATCH, reading), _Nowhere(), market, desks))  # type: ignore[no-untyped-call]  # Bytewax gives its runner no types
    except BytewaxRuntimeError as error:
        raise cause(error) from error
    if reading.fault is not None:
        raise reading.fault
    return [desk.book for desk in desks.books.values()]


def believed(path: Path) -> BookState:
    """The book of the engine whose folder this is. Raises BadState, BrokenState, OtherSettings, what a tape raises."""
    folder = existing(path)
    run = in_force(folder.tape)
    if run is None:
        raise BrokenState(f"{folder.tape} is no tape of an engine: name the --state of one that has begun")
    restored, begins = newest(folder), int(segment_paths(folder.tape)[0].stem)
    if restored.from_seq + 1 < begins or (
        _of_another(run) and any(True for _ in behind(folder.tape, restored.from_seq))
    ):
        raise BrokenState(
            f"what the engine in {path} believes was decided by another version of the program: ask that version, or "
            "start and stop it once more"
        )
    found = books(folder.tape, restored, run, behind(folder.tape, restored.from_seq))
    return next(book for book in found if book.book_id == run.book_id)


def _of_another(run: RunStarted) -> bool:
    now = {"tables": TABLES, "rules_version": RULES_VERSION}
    return any(getattr(run, name) != now[name] for name in OF_THE_PROGRAM)


class _Dropping(StatelessSinkPartition[tuple[str, Outcome]]):
    def write_batch(self, items: list[tuple[str, Outcome]]) -> None:
        """Writes nothing: what is computed here is computed again where it is recorded."""


class _Nowhere(DynamicSink[tuple[str, Outcome]]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Dropping:
        return _Dropping()
