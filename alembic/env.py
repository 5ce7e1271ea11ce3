"""Run the migrations on the connection that `flows.records.database` hands over, or on `-x database=URL`."""

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection

from flows.points import point
from flows.records.database import open_database, writing
from flows.records.tables import metadata


def run(connection: Connection) -> None:
    """All wanted revisions in the transaction that is open: the old tables or the new ones, never between."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
        transactional_ddl=True,
        on_version_apply=lambda **_: point("in a migration"),
    )
    with context.begin_transaction():
        context.run_migrations()


def run_on_url(url: str | None) -> None:
    """Without a connection, as from the `alembic` command; the database file is made where there is none."""
    if url is None:
        raise CommandError("no database named; say `alembic -x database=URL ...` or use `scalp db upgrade`")
    engine = open_database(url, create=True)
    try:
        with writing(engine) as connection:
            run(connection)
    finally:
        engine.dispose()


if context.is_offline_mode():
    raise CommandError("migrations read the database that they change, so --sql cannot be served")
given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    run_on_url(context.get_x_argument(as_dictionary=True).get("database"))
