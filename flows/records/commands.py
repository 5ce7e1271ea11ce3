"""`scalp export`, `scalp explain` and `scalp db`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.faults import faults_of_input

if TYPE_CHECKING:
    from sqlalchemy import Engine

databases = typer.Typer(no_args_is_help=True, help="Look after the database.")
exports = typer.Typer(no_args_is_help=True, help="Write recorded rows of one book, or a tape, for a notebook.")
DatabaseOption = Annotated[
    str | None, typer.Option(help="database URL; default SCALP_DATABASE, else sqlite:///scalp.db", show_default=False)
]


class WhatName(StrEnum):
    """What can be exported."""

    SIGNALS = "signals"
    VERDICTS = "verdicts"
    SCALPS = "scalps"
    ORDERS = "orders"
    FILLS = "fills"


def _exporting(what: WhatName) -> Callable[..., None]:
    """The command that exports one kind of records."""

    def export(
        out: Annotated[Path, typer.Option(help="a .csv or .parquet file")],
        database: DatabaseOption = None,
        book: Annotated[str | None, typer.Option(help="book id; default that of the newest run")] = None,
    ) -> None:
        _export(what, out, database, book)

    return export


for _what in WhatName:
    exports.command(_what.value, help=f"Write the {_what.value} of one book to CSV or Parquet.")(_exporting(_what))


def _export(what: WhatName, out: Path, database: str | None, book: str | None) -> None:
    from flows.records import export as exporting
    from flows.records import queries
    from flows.runs import BadTapes

    with faults_of_input(), _database(database) as engine:
        chosen = book or queries.latest_book(engine)
        if chosen is None:
            raise BadTapes("the database has no run yet: replay a tape first")
        if not queries.has_book(engine, chosen):
            raise BadTapes(f"the database has no book {chosen}")
        try:
            rows = exporting.export(engine, what.value, chosen, out)
        except ValueError as fault:
            raise BadTapes(str(fault)) from fault
    print(f"{rows} {what.value} of {chosen} written to {out}")


def explain(
    signal_id: Annotated[str, typer.Argument(help="the signal's id, or its beginning where that is unique")],
    database: DatabaseOption = None,
    book: Annotated[str | None, typer.Option(help="book id; default the newest that has the signal")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Tell one signal's whole story: what was asked of it, what was decided, what became of it."""
    from flows import explain
    from flows.records.beginnings import find
    from flows.records.story import story

    with faults_of_input(), _database(database) as engine:
        told = story(engine, *find(engine, signal_id, book))
    print(explain.as_json(told) if as_json else "\n".join(explain.lines(told)))


@contextmanager
def _database(url: str | None) -> Iterator["Engine"]:
    """The database at this program's revision; it has to exist."""
    from flows.records.database import database_url, ensure, open_database

    engine = open_database(database_url(url), create=False)
    try:
        ensure(engine)
        yield engine
    finally:
        engine.dispose()


@databases.command()
def upgrade(database: DatabaseOption = None) -> None:
    """Bring a database to this program's revision."""
    from flows.records.database import database_url, migrate, open_database, revision

    with faults_of_input():
        engine = open_database(database_url(database), create=True)
        try:
            before = revision(engine)
            migrate(engine)
            print(f"database at revision {revision(engine)} (was {before or 'empty'})")
        finally:
            engine.dispose()
