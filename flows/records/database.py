"""Reach the database of the records: open it, bring its tables to this program's revision, refuse another one's."""

import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine

from flows.records.faults import DatabaseUnavailable, NewDatabase, OldDatabase, masked, reaching
from flows.records.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

DATABASE = "sqlite:///scalp.db"
BUSY_SECONDS = 5  # a writer's batch takes milliseconds; who holds a lock longer is stuck
CONNECT_SECONDS = 5
FETCH_ROWS = 2_000  # rows in memory at a time when reading
UPGRADE_LOCK = 136_137  # any number, the same in every program of ours: two upgrades at once wait for each other
FORMS = "use sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"


def database_url(given: str | None = None) -> str:
    """The database that was named, else that of SCALP_DATABASE, else a file in the working directory."""
    return given or os.environ.get("SCALP_DATABASE") or DATABASE


def open_database(url: str, *, create: bool, look: bool = False) -> Engine:
    """An engine that has reached the database once; with `create` a missing SQLite file is made (never a folder).

    With `look` every byte of a SQLite file stays as it is: for who reads a little and writes nothing.
    The caller disposes of it. Raises DatabaseUnavailable.
    """
    address = _parse(url)
    engine = _sqlite(address, create, look) if address.get_backend_name() == "sqlite" else _postgres(address)
    try:
        with reading(engine, few=True) as connection:
            connection.execute(sa.text("SELECT 1")).scalar_one()
    except BaseException:
        engine.dispose()
        raise
    return engine


def _parse(url: str) -> URL:
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise DatabaseUnavailable(f"the database URL cannot be read; {FORMS}") from error
    # postgres:// is how hosting services write it; the driver that we ship is psycopg 3.
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+psycopg")
    if address.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise DatabaseUnavailable(f"database {masked(address)}: {address.drivername} is not served; {FORMS}")
    return address


def _sqlite(url: URL, create: bool, look: bool) -> Engine:
    """An engine in WAL mode whose transactions hold table changes too and, when writing, take the lock at once."""
    path = _file(url)
    if url.database in (None, "", ":memory:"):
        raise DatabaseUnavailable(f"database {masked(url)} has no file, and each thread would see another one; {FORMS}")
    if not path.parent.is_dir():
        raise DatabaseUnavailable(f"database {masked(url)}: folder {path.parent} does not exist; make it first")
    if not create and not path.exists():
        raise DatabaseUnavailable(
            f"database {masked(url)}: there is no such file; make it with `{upgrade_command(url)}`"
        )
    if look:
        engine = sa.create_engine(url, creator=lambda: _as_it_is(path))
    else:
        engine = sa.create_engine(url, connect_args={} if "timeout" in url.query else {"timeout": BUSY_SECONDS})
        sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _as_it_is(path: Path) -> sqlite3.Connection:
    # Who closes a file last writes its log into it, unless he may only read; but then he leaves a log where none was.
    mode = "ro" if path.with_name(f"{path.name}-wal").exists() else "rw"
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=BUSY_SECONDS)


def file_of(url: str) -> Path | None:
    """The file of a SQLite database, None for one on a server. Raises DatabaseUnavailable for what is no address."""
    address = _parse(url)
    return _file(address) if address.get_backend_name() == "sqlite" else None


def _file(url: URL) -> Path:
    return Path((url.database or "").removeprefix("file:"))


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    # By itself the driver begins before INSERT but not before CREATE TABLE, which would leave half an upgrade behind.
    # A read that turns into a write fails at once when another has written meanwhile, without waiting for the lock.
    writes = connection.get_execution_options().get("scalp_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres(url: URL) -> Engine:
    given = url.query.get("options", "")
    options = f"-c timezone=UTC -c lock_timeout={BUSY_SECONDS * 1000} {given if isinstance(given, str) else given[-1]}"
    arguments: dict[str, Any] = {"options": options.strip()}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = CONNECT_SECONDS
    return sa.create_engine(url, connect_args=arguments, pool_pre_ping=True)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that holds the write lock from its beginning; raises DatabaseUnavailable."""
    connect = engine.connect
    with reaching(engine.url), connect().execution_options(scalp_writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine, *, few: bool = False) -> Iterator[Connection]:
    """A connection that sees one moment of the database and streams its rows; raises DatabaseUnavailable.

    Who reads but `few` rows gets them whole: without a cursor on the server, which costs two more ways there and back.
    """
    moment = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with reaching(engine.url), engine.connect() as connection:
        yield connection.execution_options(**moment, **({} if few else {"yield_per": FETCH_ROWS}))


def migrations_folder(package: Path = Path(__file__).parents[1]) -> Path:
    """Where the migrations lie beside `package`, the flows package: `migrations` inside a wheel, else `../alembic`.

    Raises FileNotFoundError when neither holds an env.py.
    """
    places = (package / "migrations", package.parent / "alembic")
    for place in places:
        if (place / "env.py").is_file():
            return place
    raise FileNotFoundError(f"no migrations in {places[0]} or {places[1]}; install the program again")


def alembic_config(connection: Connection | None = None) -> "Config":
    """Alembic's settings without a file, for commands on an open connection."""
    from alembic.config import Config  # a tenth of a second that a start on tables at head does not need

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def head() -> str:
    """The revision of this program's tables."""
    return max(known_revisions(), key=int)


def known_revisions() -> set[str]:
    """All revisions that this program can bring to head: a revision is the number that its file's name begins with."""
    versions = (migrations_folder() / "versions").glob("[0-9]*_*.py")
    return {path.name.partition("_")[0] for path in versions}


def revision(engine: Engine) -> str | None:
    """The revision of the database's tables, None where no migration has run; raises DatabaseUnavailable."""
    with reading(engine, few=True) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(engine: Engine) -> None:
    """Bring the tables to this program's revision, wholly or not at all.

    Raises NewDatabase for a revision that it does not know, DatabaseUnavailable when it cannot be reached.
    """
    from alembic import command  # as above

    _refuse_unknown(engine, revision(engine))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        command.upgrade(alembic_config(connection), "head")


def ensure(engine: Engine) -> None:
    """See that the tables are this program's; an empty database gets them.

    Raises OldDatabase, which names the command that upgrades, NewDatabase, DatabaseUnavailable.
    """
    if not at_head(engine):
        migrate(engine)


def at_head(engine: Engine) -> bool:
    """Whether the tables are this program's; False for an empty database, which can have them. Raises as `ensure`."""
    found = revision(engine)
    if found == head():
        return True
    _refuse_unknown(engine, found)
    if found is not None:
        command_line = upgrade_command(engine.url)
        raise OldDatabase(f"database {masked(engine.url)} is at {found}, needs {head()}; run `{command_line}`")
    return False


def _refuse_unknown(engine: Engine, found: str | None) -> None:
    """Raises NewDatabase for a revision that no migration here has, or tables of our names without a revision."""
    if found is None:
        with reading(engine) as connection:
            taken = sorted(set(sa.inspect(connection).get_table_names()) & set(metadata.tables))
        if taken:
            raise NewDatabase(
                f"database {masked(engine.url)} has {', '.join(taken)} but no revision, so another program "
                "made them; name a database of its own"
            )
        return
    if found not in known_revisions():
        raise NewDatabase(
            f"database {masked(engine.url)} is at {found}, which this program does not know: the program is older "
            f"than the database (it knows up to {head()}); install the newer program"
        )


def upgrade_command(url: URL) -> str:
    """What a person types to bring a database to this program's revision."""
    return f"scalp db upgrade --database {shlex.quote(masked(url))}"
