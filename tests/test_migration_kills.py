"""Upgrades killed by SIGKILL after every revision that they apply: the old tables with their rows, or the new ones."""

import multiprocessing
import signal

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from flows import points
from flows.records import database
from tests.commands import scalp
from tests.lives import LIMIT_SECONDS
from tests.test_migrations import ROWS, differences, empty, move

__all__ = ["empty"]
pytest_plugins = ("tests.databases",)
pytestmark = pytest.mark.slow
LEAST_KILLS = 5


def upgrade(url: str, times: int) -> None:
    """Brings a database to head, and dies after so many revisions, before anything is committed."""
    points.arm("in a migration", times)
    engine = database.open_database(url, create=True)
    database.migrate(engine)
    engine.dispose()


def killed(url: str, times: int) -> bool:
    """Whether an upgrade in a process of its own was killed; else it came to its end."""
    process = multiprocessing.get_context("forkserver").Process(target=upgrade, args=(url, times))
    process.start()
    process.join(LIMIT_SECONDS)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def steps(start: str | None) -> int:
    """How many revisions an upgrade applies."""
    scripts = ScriptDirectory.from_config(database.alembic_config())
    return sum(1 for _ in scripts.iterate_revisions(database.head(), start or "base"))


def test_there_are_kills_enough() -> None:
    assert sum(steps(start) for start in ROWS) >= LEAST_KILLS


@pytest.mark.parametrize("start", ROWS)
def test_rows_of_every_earlier_revision_survive_kills_after_each_step(
    empty: Engine, database_url: str, start: str
) -> None:
    fill_in, check = ROWS[start]
    move(empty, start)
    fill_in(empty)
    for times in range(1, steps(start) + 1):
        assert killed(database_url, times)
        assert database.revision(empty) == start
    assert scalp("db", "upgrade", "--database", database_url).code == 0
    check(empty)
    assert (database.revision(empty), differences(empty)) == (database.head(), [])


def test_an_empty_database_stays_empty_until_all_tables_are_there(empty: Engine, database_url: str) -> None:
    for times in range(1, steps(None) + 1):
        assert killed(database_url, times)
        assert database.revision(empty) is None
    database.ensure(empty)
    assert differences(empty) == []
