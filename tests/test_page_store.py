"""The store: every change reaches who subscribed, the last one above all; what is wrong is a value; it never writes."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from queue import Queue
from time import monotonic

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from dashboard.store import LOOKS_A_SECOND, Moment, Store
from flows.records.database import migrate
from flows.records.ledger import Ledger
from tests.page_rows import beats, opened, write
from tests.rows import run
from tests.view_rows import mark_now

pytest_plugins = ("tests.databases",)

END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
PATIENCE = 20.0  # far longer than anything takes; only a fault waits for it


class Told:
    """What a subscriber of a store was told."""

    def __init__(self, store: Store) -> None:
        self._queue: Queue[Moment] = Queue()
        self.moments: list[Moment] = []
        self.subscription = store.moments.subscribe(self._queue.put)

    def until(self, right: Callable[[Moment], bool]) -> Moment:
        """The first moment from now on that is right."""
        ends = monotonic() + PATIENCE
        while True:
            self.moments.append(self._queue.get(timeout=max(ends - monotonic(), 0.001)))
            if right(self.moments[-1]):
                return self.moments[-1]


@contextmanager
def stored(url: str) -> Iterator[tuple[Store, Told]]:
    store = Store(url)
    try:
        yield store, Told(store)
    finally:
        store.close()


def equity(moment: Moment) -> Decimal | None:
    money = None if moment.snapshot is None else moment.snapshot.money
    return None if money is None else money.equity


def trouble(moment: Moment) -> str | None:
    return None if moment.trouble is None else moment.trouble.kind


def put(engine: Engine, amount: int) -> None:
    Ledger(engine).write([mark_now(equity=Decimal(amount))])


def begin(engine: Engine) -> None:
    write(engine, mark_now(equity=Decimal(1)))
    beats(engine)


def test_a_run_and_each_change_of_it_are_told(engine: Engine, database_url: str) -> None:
    begin(engine)
    with stored(database_url) as (_, told):
        told.until(lambda moment: equity(moment) == 1)
        put(engine, 2)
        told.until(lambda moment: equity(moment) == 2)


def test_the_last_change_of_a_burst_is_never_lost_and_few_are_looked_at(engine: Engine, database_url: str) -> None:
    begin(engine)
    with stored(database_url) as (_, told):
        told.until(lambda moment: equity(moment) == 1)
        began, before = monotonic(), len(told.moments)
        for amount in range(2, 102):
            put(engine, amount)
        told.until(lambda moment: equity(moment) == 101)
        looks = {id(moment.snapshot) for moment in told.moments[before:]}
        assert len(looks) <= (monotonic() - began) * LOOKS_A_SECOND + 2


def test_ages_go_on_without_a_change(engine: Engine, database_url: str) -> None:
    begin(engine)
    with stored(database_url) as (_, told):
        first = told.until(lambda moment: moment.snapshot is not None)
        told.until(lambda moment: (moment.at - first.at).total_seconds() > 1.5)


def test_who_has_left_is_not_told(engine: Engine, database_url: str) -> None:
    with stored(database_url) as (store, told):
        other = Told(store)
        assert len(store.moments.observers) == 2
        for one in (told, other):
            one.subscription.dispose()
        assert store.moments.observers == []


def test_who_comes_late_is_told_what_is_known(engine: Engine, database_url: str) -> None:
    begin(engine)
    with stored(database_url) as (store, told):
        told.until(lambda moment: equity(moment) == 1)
        assert equity(store.moments.value) == 1


def test_it_ends_with_all_its_threads(engine: Engine, database_url: str) -> None:
    before = set(threading.enumerate())
    with stored(database_url) as (_, told):
        told.until(lambda moment: trouble(moment) == "no_run")
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
    assert set(threading.enumerate()) <= before


def test_it_serves_from_a_database_that_it_may_not_write(engine: Engine, database_url: str) -> None:
    begin(engine)
    read_only = database_url + "?options=-c%20default_transaction_read_only%3Don"
    if engine.dialect.name == "sqlite":
        read_only = database_url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    with stored(read_only) as (_, told):
        told.until(lambda moment: equity(moment) == 1)


def test_a_missing_file_is_unreachable_until_it_is_there(sqlite_url: str) -> None:
    with stored(sqlite_url) as (store, told):
        found = told.until(lambda moment: trouble(moment) == "unreachable")
        assert found.trouble is not None
        assert "there is no such file" in found.trouble.sentence
        assert store.engine is None
        with opened(sqlite_url, create=True) as engine:
            migrate(engine)
            begin(engine)
            told.until(lambda moment: equity(moment) == 1 and moment.trouble is None)


def test_an_address_that_is_none_says_so() -> None:
    with stored("no address") as (_, told):
        found = told.until(lambda moment: trouble(moment) == "unreachable")
        assert found.trouble is not None
        assert "the database URL cannot be read" in found.trouble.sentence


def test_tables_that_are_missing_are_waited_for(database_url: str) -> None:
    with opened(database_url, create=True) as engine, stored(database_url) as (_, told):
        told.until(lambda moment: trouble(moment) == "upgrade")
        migrate(engine)
        told.until(lambda moment: trouble(moment) == "no_run")
        begin(engine)
        told.until(lambda moment: equity(moment) == 1)


def test_a_file_in_the_place_of_another_is_found(sqlite_url: str, tmp_path: Path) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with opened(sqlite_url, create=True) as engine:
        migrate(engine)
        begin(engine)
    with stored(sqlite_url) as (_, told):
        told.until(lambda moment: equity(moment) == 1)
        with opened(f"sqlite:///{tmp_path / 'other.db'}", create=True) as other:
            migrate(other)
            put(other, 2)
            Ledger(other).write([run()])
            beats(other)
        path.unlink()
        gone = told.until(lambda moment: trouble(moment) == "unreachable")
        assert equity(gone) == 1  # the old numbers stay, and are said to be old
        shutil.move(tmp_path / "other.db", path)
        told.until(lambda moment: equity(moment) == 2)


def test_a_connection_that_is_cut_is_seen_at_once_and_made_anew(postgres_url: str) -> None:
    with opened(postgres_url) as engine:
        migrate(engine)
        begin(engine)
        with stored(postgres_url) as (_, told):
            told.until(lambda moment: equity(moment) == 1)
            with opened(postgres_url) as cutting, cutting.begin() as connection:
                connection.execute(sa.text(END_OTHERS))
            gone = told.until(lambda moment: trouble(moment) == "unreachable")
            assert equity(gone) == 1
            put(engine, 2)
            told.until(lambda moment: equity(moment) == 2 and moment.trouble is None)


def test_a_database_that_does_not_answer_is_said_to_be_so(postgres_url: str) -> None:
    with opened(postgres_url) as engine:
        migrate(engine)
        begin(engine)
        with stored(postgres_url) as (_, told):
            told.until(lambda moment: equity(moment) == 1)
            with engine.begin() as connection:
                connection.execute(sa.text("LOCK TABLE heartbeat"))
                hangs = told.until(lambda moment: trouble(moment) == "unreachable")
                assert hangs.trouble is not None
                assert hangs.trouble.sentence == "the database does not answer"
            told.until(lambda moment: moment.trouble is None)


def test_a_fault_of_the_reader_is_shown_and_logged(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with opened(sqlite_url, create=True) as engine:
        migrate(engine)
        begin(engine)
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE marks_now DROP COLUMN equity"))
        with stored(sqlite_url) as (_, told):
            told.until(lambda moment: trouble(moment) == "broken")
    assert "the reader of the page failed" in caplog.text
