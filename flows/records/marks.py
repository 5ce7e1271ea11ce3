"""Up to which event of its tape a database has all of a book, and which engine may write it.

The mark goes with the records, in one transaction; so does the fence: who finds another engine's number writes nothing.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Select, func, select

from flows.records.database import reading, writing
from flows.records.faults import UnusableDatabase
from flows.records.ledger import insert_of
from flows.records.tables import ledger_marks


class Fenced(UnusableDatabase):
    """Another engine writes this book now."""


class OtherTape(UnusableDatabase):
    """The database holds this book from another tape."""


class Mark(NamedTuple):
    """A book with the tape that it comes from, the number of the engine that writes it, the event it is complete to."""

    book_id: str
    tape_id: str
    fence: int
    tape_seq: int

    def move(self, connection: Connection, tape_seq: int) -> None:
        """Notes, in the transaction of the records, that all up to an event is there. Raises Fenced."""
        table = ledger_marks
        mine = (table.c.book_id == self.book_id) & (table.c.fence == self.fence)
        row = {"tape_seq": tape_seq, "updated_at": func.now()}
        if connection.execute(table.update().where(mine).values(**row)).rowcount != 1:
            raise Fenced(f"another engine writes {self.book_id} now; this one was engine {self.fence} and stops")


def mark_of(engine: Engine, book_id: str) -> Mark | None:
    """The mark of a book, None if the database knows none; raises DatabaseUnavailable."""
    with reading(engine, few=True) as connection:
        row = connection.execute(_of(book_id)).first()
    return None if row is None else Mark(*row)


def _of(book_id: str) -> Select[Any]:
    return select(*(ledger_marks.c[name] for name in Mark._fields)).where(ledger_marks.c.book_id == book_id)


def take(engine: Engine, book_id: str, tape_id: str) -> Mark:
    """Makes this engine the only one that writes a book. Raises OtherTape, DatabaseUnavailable."""
    table = ledger_marks
    with writing(engine) as connection:
        new = {"book_id": book_id, "tape_id": tape_id, "fence": 0, "tape_seq": 0}
        connection.execute(insert_of(connection, table).values(**new).on_conflict_do_nothing())
        connection.execute(
            table.update().where(table.c.book_id == book_id, table.c.tape_id == tape_id).values(fence=table.c.fence + 1)
        )
        mark = Mark(*connection.execute(_of(book_id)).one())
    check_tape(mark, tape_id)
    return mark


def check_tape(mark: Mark, tape_id: str) -> None:
    """Raises OtherTape for a book that comes from another tape than this one, which has no name before it begins."""
    if mark.tape_id != tape_id:
        this = f"tape {tape_id}" if tape_id else "a new tape"
        raise OtherTape(
            f"the database holds {mark.book_id} from tape {mark.tape_id}, this is {this}: name the database that "
            "belongs to this --state, or another --account"
        )
