"""Makes the database of an engine anew from its tape: a replay as recorded, with the engine's mark at its end."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flows.engine.recovery import BrokenState, begun
from flows.engine.state import StateFolder
from flows.records.database import writing
from flows.records.marks import take
from flows.records.queries import records_sha256
from flows.runs import Options, prepare


class Rebuilt(NamedTuple):
    """What a rebuild found; the book is complete to event `mark`, from which the engine goes on."""

    book_id: str
    events: int
    compared: int
    mark: int
    records_sha256: str


def rebuild(state: Path, database: str | None, progress: Callable[[int], None] | None = None) -> Rebuilt:
    """Reads an engine's tape into a database. Raises BadState, Locked, BrokenState, RunFailed for what differs.

    The mark stands at the newest checkpoint, so that the engine goes on from there.
    """
    folder = StateFolder(state)
    folder.lock()
    try:
        first = begun(folder.tape)
        if first is None:
            raise BrokenState(f"{folder.tape} holds no tape: nothing can be rebuilt from it")
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
    return Rebuilt(first.book_id, run.reading.events, echoes.compared, echoes.newest, digest)
