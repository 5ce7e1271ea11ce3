"""A database that cannot be used: one sentence that says why and what to do, no password, nothing half-written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from flows.records.database import ensure, open_database, reading, revision, writing
from flows.records.faults import DatabaseUnavailable, NewDatabase
from flows.records.ledger import Ledger
from flows.records.tables import signals
from tests.rows import fill, signal

pytest_plugins = ("tests.databases",)


@contextmanager
def opened(url: str, *, create: bool = False) -> Iterator[Engine]:
    engine = open_database(url, create=create)
    try:
        yield engine
    finally:
        engine.dispose()


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(signals)).scalar_one()


def impatient(url: str) -> str:
    return url + ("?timeout=0.01" if url.startswith("sqlite") else "?options=-c%20lock_timeout%3D10")


def unwritable(url: str) -> str:
    if url.startswith("sqlite"):  # not the file's mode: root writes whatever it says
        return url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    return url + "?options=-c%20default_transaction_read_only%3Don"


def test_a_locked_database_is_said_to_be_locked_and_serves_again(engine: Engine, database_url: str) -> None:
    with opened(impatient(database_url)) as other:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE signals"))
            with pytest.raises(DatabaseUnavailable, match="locked by another"):
                Ledger(other).write([signal()])
        Ledger(other).write([signal()])
    assert count(engine) == 1


def test_a_database_that_cannot_be_written_says_so(engine: Engine, database_url: str) -> None:
    with opened(unwritable(database_url)) as other:
        assert count(other) == 0
        with pytest.raises(DatabaseUnavailable, match="cannot be written"):
            Ledger(other).write([signal()])


def test_a_table_lost_in_mid_run_leaves_nothing_of_the_batch(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE fills"))
    with pytest.raises(DatabaseUnavailable, match="lost a table of ours"):
        Ledger(engine).write([signal(), fill()])
    assert count(engine) == 0


def test_a_connection_cut_in_a_batch_leaves_nothing_of_it(postgres_url: str) -> None:
    with opened(postgres_url) as engine, opened(postgres_url) as killer:
        ensure(engine)

        @sa.event.listens_for(engine, "before_cursor_execute")
        def cut(connection: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
            if statement.startswith("INSERT INTO fills"):
                pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
                with killer.begin() as other:
                    other.execute(sa.text("SELECT pg_terminate_backend(:pid, 1000)"), {"pid": pid})

        with pytest.raises(DatabaseUnavailable, match="ended the connection"):
            Ledger(engine).write([signal(), fill()])
        Ledger(engine).write([signal("s2")])
        assert count(engine) == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"folder .*gone does not exist; make it first"):
        open_database(f"sqlite:///{tmp_path}/gone/records.db", create=True)


def test_a_missing_file_is_not_made_unasked(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"no such file; make it with `scalp db upgrade --database sqlite:"):
        open_database(sqlite_url, create=False)
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of ours, but long enough to be looked at" * 50)
    with pytest.raises(DatabaseUnavailable, match="is a file but no SQLite database"):
        open_database(f"sqlite:///{tmp_path}/notes.txt", create=False)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        open_database(f"sqlite:///{tmp_path}", create=False)


@pytest.mark.parametrize(
    "url", ["postgresql://u:sekret@127.0.0.1:1/x", "postgres://127.0.0.1:1/x?user=u&password=sekret"]
)
def test_an_unreachable_server_is_said_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be reached") as caught:
        open_database(url, create=False)
    assert "***" in str(caught.value)
    assert "sekret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mysql://u:sekret@h/x", "records.db", "sqlite://", "sqlite:///:memory:", "", "postgresql://h:x/y"]
)
def test_an_address_that_is_not_served_names_those_that_are(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="use sqlite:///FILE or postgresql") as caught:
        open_database(url, create=True)
    assert "sekret" not in str(caught.value)


def test_a_fault_of_our_own_sql_stays_what_it_is(engine: Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError), reading(engine) as connection:
        connection.execute(sa.text("SELEKT 1"))


def test_sqlite_commits_to_a_log_beside_the_file(sqlite_url: str) -> None:
    with opened(sqlite_url, create=True) as engine, reading(engine) as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(sa.text("PRAGMA busy_timeout")).scalar_one() == 5_000


def test_a_database_of_a_later_program_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '999'"))
    with pytest.raises(NewDatabase, match=r"is at 999.*the program is older"):
        ensure(engine)


def test_tables_of_our_names_without_revision_are_left_alone(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE orders (id INTEGER)"))
        with pytest.raises(NewDatabase, match="has orders but no revision"):
            ensure(engine)
        assert revision(engine) is None
