"""Databases for tests: every test that asks for `database_url` or `engine` runs on SQLite and on PostgreSQL.

PostgreSQL is the server of SCALP_TEST_POSTGRES; where none answers its tests are skipped, or fail when
SCALP_REQUIRE_ALL is set. The session makes one database of its own there, sorted by ICU en-US so that an order that
leans on the database's collation shows, empties it for each test and drops it at the end.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from flows.records.database import ensure, open_database

SERVER = os.environ.get("SCALP_TEST_POSTGRES", "postgresql+psycopg://root@127.0.0.1:5432/postgres")
LIKE_MOST_SERVERS = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Engine]:
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        server.connect().close()
    except sa.exc.OperationalError as error:
        server.dispose()
        say = pytest.fail if os.environ.get("SCALP_REQUIRE_ALL") else pytest.skip
        say(f"no PostgreSQL at {server.url.render_as_string()}: {error.orig}; set SCALP_TEST_POSTGRES")
    yield server
    server.dispose()


@pytest.fixture(scope="session")
def postgres_database(postgres_server: Engine) -> Iterator[str]:
    name = f"scalp_test_{os.getpid()}"
    with postgres_server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE {name} {LIKE_MOST_SERVERS}"))
    yield postgres_server.url.set(database=name).render_as_string(hide_password=False)
    with postgres_server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgres_url(postgres_database: str) -> Iterator[str]:
    """An empty PostgreSQL database; what a test leaves connected is cut off."""
    yield postgres_database
    engine = sa.create_engine(postgres_database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(END_OTHERS))
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, of each kind in turn."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An open database at head, of each kind in turn."""
    opened = open_database(database_url, create=True)
    ensure(opened)
    yield opened
    opened.dispose()
