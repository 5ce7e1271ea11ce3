"""Says that a run is alive: when it was last, how far its tape had come, and how it ended."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine

from flows.records.database import writing
from flows.records.ledger import insert_of, notify
from flows.records.tables import heartbeat

STALE_SECONDS: Final = 3.0
"""A run notes each second that it is alive; three missed beats are no accident."""
State = Literal["running", "ended", "stopped", "failed"]


def beat(
    engine: Engine,
    book_id: str,
    state: State,
    *,
    events: int,
    tape_at: datetime | None,
    speed: float | None,
    message: str | None = None,
) -> None:
    """Notes that the run of a book is in this state now; `speed` None is as fast as can be.

    Raises DatabaseUnavailable.
    """
    with writing(engine) as connection:
        note(connection, book_id, state, events=events, tape_at=tape_at, speed=speed, message=message)
        notify(connection)


def note(
    connection: Connection,
    book_id: str,
    state: State,
    *,
    events: int,
    tape_at: datetime | None,
    speed: float | None,
    message: str | None = None,
) -> None:
    """The same in a transaction that is open, which wakes who listens."""
    row: dict[str, Any] = {"beat_at": datetime.now(UTC), "tape_at": tape_at, "speed": speed, "state": state}
    row |= {"message": message, "events": events}
    statement = insert_of(connection, heartbeat).values(book_id=book_id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["book_id"], set_=row))
