"""Makes the database of an engine anew from its tape: a replay as recorded, with the engine's mark at its end."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flows.engine.recording import Beginning, beginning
from flows.engine.recovery import BrokenState, begun
from flows.engine.state import StateFolder
from flows.records.database import database_url, ensure, open_database, writing
from flows.records.marks import mark_of, take
from flows.records.queries import records_sha256
from flows.runs import Options, prepare
from flows.tape.segments import open_tape
from operators.sessions import new_york


class Rebuilt(NamedTuple):
    """What a rebuild found; the book is complete to event `mark`, from which the engine goes on.

    `missing` says what of the book is neither on the tape nor in the database, empty for nothing.
    """

    book_id: str
    events: int
    compared: int
    mark: int
    records_sha256: str
    missing: str = ""


def rebuild(state: Path, database: str | None, progress: Callable[[int], None] | None = None) -> Rebuilt:
    """Reads an engine's tape into a database. Raises BadState, Locked, BrokenState, RunFailed for what differs.

    The mark stands at the newest checkpoint, so that the engine goes on from there. Where the tape's beginning was
    dropped, a new database lacks what was before; one that holds the book already must reach to what is left.
    """
    folder = StateFolder(state)
    folder.lock()
    try:
        first = begun(folder.tape)
        if first is None:
            raise BrokenState(f"{folder.tape} holds no tape: nothing can be rebuilt from it")
        missing = _missing(beginning(open_tape(folder.tape)), database)
        run, flow = prepare([folder.tape], Options(database=database))
        run.reading.progress = progress
        run.execute(flow)
        echoes = run.echoes
        if echoes is None:
            raise BrokenState(f"{folder.tape} was not replayed as recorded")
        mark = take(run.engine, first.book_id, first.tapes[0])
        with writing(run.engine) as connection:
            mark.move(connection, echoes.newest)
        digest = records_sha256(run.engine, first.book_id)
        run.engine.dispose()
    finally:
        folder.release()
    return Rebuilt(first.book_id, run.reading.events, echoes.compared, echoes.newest, digest, missing)


def _missing(begins: Beginning, database: str | None) -> str:
    """What a rebuild cannot make. Raises BrokenState for a database that ends before the tape begins."""
    from_seq, book_id = begins.restored.from_seq, begins.run.book_id
    if from_seq == 0:
        return ""
    engine = open_database(database_url(database), create=True)
    try:
        ensure(engine)
        mark = mark_of(engine, book_id)
    finally:
        engine.dispose()
    known = 0 if mark is None else mark.tape_seq
    said = f"before {new_york(begins.at_ns):%Y-%m-%d %H:%M} New York time (event {from_seq + 1})"
    if 0 < known < from_seq:
        raise BrokenState(
            f"the database has {book_id} up to event {known}, and the tape lost what was {said}: what is between is in "
            "neither; name a newer copy of the database, or a new one"
        )
    return "" if known else f"all of {book_id} {said}: it was dropped from the tape (tape_keep_days)"
