"""Write what the desk decided: facts once, changing rows as far as the tape has come, each batch wholly or not."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from math import isnan
from typing import Any, Final, Literal

from msgspec.structs import asdict
from sqlalchemy import Connection, Engine, RowMapping, Select, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from flows.records.database import writing
from flows.records.tables import metadata, run_attempts
from operators.records import Record
from operators.views import ChainNow, MarkNow, PositionNow

ALARMS_KEPT = 20
CHANNEL = "scalp"
"""Where PostgreSQL tells of each commit; the notice says nothing but that there is news."""
VIEWS: Final = (MarkNow, PositionNow, ChainNow)
KEYS_PER_SELECT = 1_000  # SQLite takes 32,766 parameters, PostgreSQL 65,535

Row = dict[str, Any]
Key = tuple[Any, ...]


class Ledger:
    """Writes batches of records to a database at head; for one thread.

    `alarm_count` counts facts that came again with another content, `alarms` keeps a sentence on the first of them.
    """

    def __init__(self, engine: Engine) -> None:
        self.alarms: list[str] = []
        self.alarm_count = 0
        self._engine = engine

    def write(self, records: Sequence[Record], also: Callable[[Connection], None] | None = None) -> None:
        """Write a batch in line order, in one transaction with what `also` writes.

        A fact that is there already stands, and one that differs from it is an alarm. A changing row takes an update
        only with an equal or higher `tape_seq`. Raises DatabaseUnavailable, and then nothing of the batch is written.
        """
        if not records and also is None:
            return
        alarms: list[str] = []
        with writing(self._engine) as connection:
            by_kind = _by_kind(records)
            for kind, rows in by_kind.items():
                if kind.changes or kind.newest:
                    _upsert(connection, kind, rows)
                elif not kind.now:
                    alarms += _insert(connection, kind, rows)
            _replace(connection, by_kind)
            if also is not None:
                also(connection)
            notify(connection)
        self.alarm_count += len(alarms)
        self.alarms += alarms[: ALARMS_KEPT - len(self.alarms)]


class Attempt:
    """Notes each run of a book with its wall times, the caller's or else the database's; raises DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, book_id: str, batch: int, program: str, *, at: datetime | None = None) -> int:
        """Note that a run of this program version has begun, `batch` events at a time; gives the attempt's number."""
        row = {"book_id": book_id, "batch": batch, "program": program, "status": "running"}
        started = {} if at is None else {"started_at": at}
        with writing(self._engine) as connection:
            number: int = connection.execute(
                run_attempts.insert().values(**row, **started).returning(run_attempts.c.id)
            ).scalar_one()
        return number

    def finish(
        self,
        attempt: int,
        status: Literal["done", "failed"],
        message: str | None,
        events: int,
        seconds: float,
        *,
        at: datetime | None = None,
    ) -> None:
        """Note how the attempt ended; raises LookupError for a number that `begin` did not give."""
        ended = {"status": status, "message": message, "events": events, "seconds": seconds}
        update = run_attempts.update().where(run_attempts.c.id == attempt)
        with writing(self._engine) as connection:
            done = connection.execute(update.values(**ended, finished_at=func.now() if at is None else at))
        if done.rowcount == 0:
            raise LookupError(f"no attempt {attempt} to finish; begin gives the number")


def _by_kind(records: Sequence[Record]) -> dict[type[Record], list[Row]]:
    """Rows by class, in line order within it; tables do not refer to each other, so their order is free."""
    rows: dict[type[Record], list[Row]] = {}
    for record in records:
        rows.setdefault(type(record), []).append(asdict(record))
    return rows


def _replace(connection: Connection, by_kind: dict[type[Record], list[Row]]) -> None:
    """Puts the rows of each book's newest look in the place of those of the one before."""
    newest = {row["book_id"]: row["tape_seq"] for row in by_kind.get(MarkNow, [])}
    if not newest:
        return
    for kind in VIEWS:
        table = metadata.tables[kind.table]
        connection.execute(table.delete().where(table.c.book_id.in_(newest)))
        rows = [row for row in by_kind.get(kind, []) if row["tape_seq"] == newest[row["book_id"]]]
        if rows:
            connection.execute(table.insert(), rows)


def notify(connection: Connection) -> None:
    """Wakes who listens, once this transaction is there; SQLite has nobody to wake, there one looks."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, "")))


def _upsert(connection: Connection, kind: type[Record], rows: list[Row]) -> None:
    """Write changing rows; of several updates of one row only the one that would stand goes to the database.

    Of what stands for the newest of its kind the last one does.
    """
    latest, ordered = dict[Key, Row](), kind.changes
    for row in rows:
        key = _key(kind, row)
        if key not in latest or not ordered or row["tape_seq"] >= latest[key]["tape_seq"]:
            latest[key] = row
    table, index = metadata.tables[kind.table], ("book_id", *kind.key)
    statement = insert_of(connection, table)
    new = {name: statement.excluded[name] for name in rows[0] if name not in index}
    newer = statement.excluded["tape_seq"] >= table.c.tape_seq if ordered else None
    connection.execute(
        statement.on_conflict_do_update(index_elements=index, set_=new, where=newer), list(latest.values())
    )


def _insert(connection: Connection, kind: type[Record], rows: list[Row]) -> list[str]:
    """Write facts that are not there yet; a sentence on each that is there with another content."""
    statement = insert_of(connection, metadata.tables[kind.table]).on_conflict_do_nothing()
    done = connection.execute(statement, rows, execution_options={"preserve_rowcount": True})
    if done.rowcount == len(rows):
        return []
    stored = {_key(kind, row): row for select_ in _stored(kind, rows) for row in connection.execute(select_).mappings()}
    return [said for row in rows if (said := _difference(kind, row, stored[_key(kind, row)]))]


def _stored(kind: type[Record], rows: list[Row]) -> Iterator[Select[Any]]:
    """Selects that together read these rows back (with others of the same signals), in pieces of bounded size."""
    table = metadata.tables[kind.table]
    columns = [table.c[name] for name in rows[0]]
    firsts: dict[str, dict[Any, None]] = {}
    for row in rows:
        firsts.setdefault(row["book_id"], {})[row[kind.key[0]] if kind.key else None] = None
    for book_id, values in firsts.items():
        of_book = select(*columns).where(table.c.book_id == book_id)
        wanted = list(values)
        for start in range(0, len(wanted), KEYS_PER_SELECT):
            some = wanted[start : start + KEYS_PER_SELECT]
            yield of_book.where(table.c[kind.key[0]].in_(some)) if kind.key else of_book


def _difference(kind: type[Record], new: Row, old: RowMapping) -> str:
    """What differs between a fact and the one that stands, empty when nothing does."""
    names = [name for name, value in new.items() if not _same(value, old[name])]
    if not names:
        return ""
    changes = ", ".join(f"{name} {old[name]!r} became {new[name]!r}" for name in names[:3])
    key = " ".join(str(part) for part in _key(kind, new))
    return f"{kind.table} {key}: {changes}{' and more' if names[3:] else ''}; the first stands"


def _same(new: object, old: object) -> bool:
    return new == old or (old is None and isinstance(new, float) and isnan(new))  # NaN is stored as NULL


def _key(kind: type[Record], row: RowMapping | Row) -> Key:
    return (row["book_id"], *(row[name] for name in kind.key))


def insert_of(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the connection's own dialect, which knows ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
