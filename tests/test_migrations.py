"""From any earlier tables to those of this program, with the rows in them, wholly or not at all."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import main
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from flows.records import database
from flows.records.faults import OldDatabase
from flows.records.tables import audit, candidates, etf_scalps, marks, metadata, natural_key, options_scalps
from tests.rows import NOON, option_scalp

pytest_plugins = ("tests.databases",)
ROOT = Path(__file__).parents[1]
LATER = ("book_id", "tape_seq", "gross_pnl", "fees", "second_half")
CANDIDATE = {"book_id": "replay:1", "signal_id": "s1", "leg": "fund", "position": 1, "symbol": "TQQQ", "chosen": True}
CANDIDATE |= {"lost_by": None, "measured": None, "limit_value": None}
MARK = {"book_id": "replay:1", "marked_at": NOON, "tape_seq": 7}
MARK |= {name: Decimal("12.5") for name in ("equity", "day_pnl", "open_pnl", "realised_pnl")}
AUDITED = {"book_id": "paper:1", "tape_seq": 7, "command_id": 3, "at": NOON, "actor": "ann", "action": "pause"}
AUDITED |= {"argument": "", "refused": None, "before": "{}", "after": '{"a": 1}'}
FUND = {"signal_id": "s1", "ticker": "TQQQ", "leverage": 3.0, "direction": "long", "shares": 10, "entry_time": NOON}


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    engine = database.open_database(database_url, create=True)
    yield engine
    engine.dispose()


def move(engine: Engine, target: str, how: Callable[[Any, str], None] = command.upgrade) -> None:
    with database.writing(engine) as connection:
        how(database.alembic_config(connection), target)


def differences(engine: Engine) -> list[Any]:
    with database.reading(engine) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    return found


def rows_at_136(engine: Engine) -> None:
    """Two option scalps of one signal, which no key forbade, one without signal, and a fund scalp."""
    puts = [{name: value for name, value in option_scalp().items() if name not in LATER}] * 2
    fund = FUND | {"entry_price": option_scalp()["entry_premium"]}
    with database.writing(engine) as connection:
        connection.execute(options_scalps.insert().values([*puts, puts[0] | {"signal_id": None}]))
        connection.execute(etf_scalps.insert().values(fund))


def check_136(engine: Engine) -> None:
    with database.reading(engine) as connection:
        puts = connection.execute(sa.select(options_scalps).order_by("id")).mappings().all()
        fund = connection.execute(sa.select(etf_scalps)).mappings().one()
    assert [row["book_id"] for row in puts] == ["before-137:1", "before-137:2", "before-137:3"]
    assert [row["signal_id"] for row in puts] == ["s2", "s2", None]
    kept = {name: value for name, value in option_scalp().items() if name not in LATER}
    assert {name: puts[0][name] for name in kept} == kept
    assert (puts[0]["tape_seq"], puts[0]["fees"], puts[0]["created_at"].tzinfo is None) == (0, None, False)
    assert (fund["book_id"], fund["status"]) == ("before-137:1", "open")


def rows_at_137(engine: Engine) -> None:
    """A fund that was looked at, from before contracts were."""
    with database.writing(engine) as connection:
        connection.execute(candidates.insert().values(CANDIDATE))


def check_137(engine: Engine) -> None:
    with database.reading(engine) as connection:
        row = connection.execute(sa.select(candidates)).mappings().one()
    assert {name: row[name] for name in CANDIDATE} == CANDIDATE
    assert {row[name] for name in row if name not in CANDIDATE} == {None}


def rows_at_138(engine: Engine) -> None:
    """A contract that was looked at, with its quote."""
    with database.writing(engine) as connection:
        connection.execute(candidates.insert().values(CANDIDATE | {"score": 71.5, "bid": 1.25}))


def check_138(engine: Engine) -> None:
    with database.reading(engine) as connection:
        row = connection.execute(sa.select(candidates)).mappings().one()
    assert (row["score"], row["bid"], row["ask"]) == (71.5, 1.25, None)


def rows_at_139(engine: Engine) -> None:
    """A book's money at a minute."""
    with database.writing(engine) as connection:
        connection.execute(marks.insert().values(MARK))


def check_139(engine: Engine) -> None:
    with database.reading(engine) as connection:
        assert dict(connection.execute(sa.select(marks)).mappings().one()) == MARK


def rows_at_140(engine: Engine) -> None:
    """What a command did."""
    with database.writing(engine) as connection:
        connection.execute(audit.insert().values(AUDITED))


def check_140(engine: Engine) -> None:
    """It stands as it was, and nobody changes it."""
    with database.reading(engine) as connection:
        row = connection.execute(sa.select(audit)).mappings().one()
        assert {name: row[name] for name in AUDITED} == AUDITED
    for change in (audit.delete(), audit.update().values(actor="bob")):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(change)


# Every revision before head has its rows here; a new migration adds the one that it leaves behind.
ROWS = {
    "136": (rows_at_136, check_136),
    "137": (rows_at_137, check_137),
    "138": (rows_at_138, check_138),
    "139": (rows_at_139, check_139),
    "140": (rows_at_140, check_140),
}


def earlier() -> list[str]:
    scripts = ScriptDirectory.from_config(database.alembic_config())
    return [script.revision for script in scripts.walk_revisions() if script.revision != database.head()]


def test_the_names_of_the_files_tell_the_revisions() -> None:
    scripts = ScriptDirectory.from_config(database.alembic_config())
    known = {script.revision for script in scripts.walk_revisions()}
    assert (database.head(), database.known_revisions()) == (scripts.get_current_head(), known)


def test_an_empty_database_comes_to_the_tables_of_this_program(empty: Engine) -> None:
    database.ensure(empty)
    assert (database.revision(empty), differences(empty)) == (database.head(), [])
    database.ensure(empty)


@pytest.mark.parametrize("start", earlier())
def test_rows_of_every_earlier_revision_survive(empty: Engine, start: str) -> None:
    fill_in, check = ROWS[start]
    move(empty, start)
    fill_in(empty)
    database.migrate(empty)
    check(empty)
    assert differences(empty) == []


def test_the_way_back_keeps_the_scalps(empty: Engine) -> None:
    move(empty, "136")
    with database.reading(empty) as connection:
        before = sa.inspect(connection).get_columns("options_scalps")
    rows_at_136(empty)
    database.migrate(empty)
    move(empty, "136", command.downgrade)
    with database.reading(empty) as connection:
        assert [str(c) for c in sa.inspect(connection).get_columns("options_scalps")] == [str(c) for c in before]
        assert connection.execute(sa.text("SELECT count(*) FROM options_scalps")).scalar_one() == 3
    database.migrate(empty)
    move(empty, "base", command.downgrade)
    with database.reading(empty) as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]


def test_an_upgrade_that_fails_leaves_the_old_tables(empty: Engine) -> None:
    move(empty, "136")
    rows_at_136(empty)
    with empty.begin() as connection:
        connection.execute(sa.text("CREATE TABLE fills (id INTEGER)"))  # in the way of the last step
    with pytest.raises(sa.exc.DBAPIError, match="already exists"):
        database.migrate(empty)
    with database.reading(empty) as connection:
        tables = sa.inspect(connection)
        assert "book_id" not in {column["name"] for column in tables.get_columns("options_scalps")}
        assert not tables.has_table("signals")
    assert database.revision(empty) == "136"


def test_an_older_database_is_refused_with_the_command(empty: Engine, database_url: str) -> None:
    move(empty, "136")
    with pytest.raises(OldDatabase) as caught:
        database.ensure(empty)
    text = f"is at 136, needs {database.head()}; run `scalp db upgrade --database {database_url}`"
    assert text in str(caught.value)


def test_migrations_are_found_from_any_folder(empty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database.ensure(empty)
    assert database.revision(empty) == database.head()


def test_a_wheel_brings_its_migrations_inside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "flows"
    with pytest.raises(FileNotFoundError, match="install the program again"):
        database.migrations_folder(package)
    for folder in (tmp_path / "alembic", package / "migrations"):
        folder.mkdir(parents=True)
        (folder / "env.py").touch()
        assert database.migrations_folder(package) == folder


def test_the_alembic_command_reads_pyproject(empty: Engine, database_url: str) -> None:
    main(["-c", str(ROOT / "pyproject.toml"), "-x", f"database={database_url}", "upgrade", "136"])
    assert database.revision(empty) == "136"
    main(["-c", str(ROOT / "pyproject.toml"), "-x", f"database={database_url}", "upgrade", "head"])
    main(["-c", str(ROOT / "pyproject.toml"), "-x", f"database={database_url}", "check"])


def test_the_migrations_are_no_package_that_would_hide_alembic() -> None:
    assert list((ROOT / "alembic").rglob("__init__.py")) == []


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_every_natural_key_begins_with_the_book(table: sa.Table) -> None:
    assert "book_id" in table.c
    assert natural_key(table)[0].name == "book_id" or table.name in ("run_attempts", "commands")
