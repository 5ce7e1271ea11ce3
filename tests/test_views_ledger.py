"""The views of now in the ledger: each look replaces the one before, nothing is hashed, and PostgreSQL tells of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from msgspec.structs import asdict
from sqlalchemy import Engine

from flows.records.database import ensure, open_database, reading
from flows.records.heartbeat import beat
from flows.records.ledger import VIEWS, Ledger
from flows.records.queries import records_sha256
from flows.records.tables import metadata
from operators.records import Record
from operators.views import NowRecord
from tests.rows import BOOK, fill, order, run
from tests.test_records import kinds
from tests.view_rows import chain_now, mark_now, position_now

pytest_plugins = ("tests.databases",)
OTHER = "replay:b"
LOOK: list[Record] = [mark_now(), position_now("s1"), position_now("s2"), chain_now("QQQ"), chain_now("SPY")]
HEARD_SECONDS = 5.0
"""How long a notice may take; one that comes is heard at once."""


def rows(engine: Engine, table: str, book_id: str = BOOK) -> list[dict[str, Any]]:
    """The rows of a book in a view."""
    named = metadata.tables[table]
    query = sa.select(named).where(named.c.book_id == book_id).order_by(*named.primary_key)
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def look(engine: Engine, book_id: str = BOOK) -> tuple[list[int], list[str], list[str]]:
    """Events of the marks, signals of the positions, underlyings of the chains that a page would show."""
    return (
        [row["tape_seq"] for row in rows(engine, "marks_now", book_id)],
        [row["signal_id"] for row in rows(engine, "positions_now", book_id)],
        [row["underlying"] for row in rows(engine, "chains_now", book_id)],
    )


def test_every_view_is_replaced() -> None:
    assert set(VIEWS) == set(kinds(NowRecord))


@pytest.mark.parametrize("record", [mark_now(), position_now(), chain_now()], ids=["mark", "position", "chain"])
def test_a_row_comes_back_as_it_went(engine: Engine, record: Record) -> None:
    Ledger(engine).write([mark_now(), record] if record != mark_now() else [record])
    assert rows(engine, record.table) == [asdict(record)]


class TestReplacing:
    def test_a_look_stands_until_the_next(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write(LOOK)
        ledger.write([order(tape_seq=101)])
        assert look(engine) == ([100], ["s1", "s2"], ["QQQ", "SPY"])

    def test_what_is_gone_disappears(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write(LOOK)
        ledger.write([mark_now(200), position_now("s2", 200), chain_now("SPY", 200)])
        assert look(engine) == ([200], ["s2"], ["SPY"])

    def test_a_book_that_holds_nothing_shows_nothing(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write(LOOK)
        ledger.write([mark_now(200)])
        assert look(engine) == ([200], [], [])

    def test_what_stays_is_as_the_new_look_says(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write(LOOK)
        ledger.write([mark_now(200), position_now("s1", 200, bid=49.0, quantity=100)])
        assert [(row["bid"], row["quantity"]) for row in rows(engine, "positions_now")] == [(49.0, 100)]

    def test_another_book_is_left_alone(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write([mark_now(7, book_id=OTHER), position_now("s9", 7, book_id=OTHER)])
        ledger.write(LOOK)
        ledger.write([mark_now(200)])
        assert look(engine, OTHER) == ([7], ["s9"], [])

    def test_of_two_looks_in_a_batch_the_later_stands_whole(self, engine: Engine) -> None:
        Ledger(engine).write([*LOOK, mark_now(200), position_now("s3", 200)])
        assert look(engine) == ([200], ["s3"], [])

    def test_looks_of_two_books_in_a_batch_do_not_mix(self, engine: Engine) -> None:
        others = [mark_now(300, book_id=OTHER), position_now("s9", 300, book_id=OTHER)]
        Ledger(engine).write([*LOOK[:2], *others, mark_now(200), position_now("s3", 200)])
        assert (look(engine), look(engine, OTHER)) == (([200], ["s3"], []), ([300], ["s9"], []))

    def test_a_replay_from_the_beginning_takes_the_place_of_a_later_look(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write(LOOK)
        ledger.write([mark_now(5)])
        assert look(engine) == ([5], [], [])

    def test_a_batch_that_fails_leaves_the_look_before(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write(LOOK)
        with pytest.raises(sa.exc.StatementError, match="has no zone"):
            ledger.write([mark_now(200), position_now("s3", 200, entered_at=datetime(2026, 1, 5, 12))])
        assert look(engine) == ([100], ["s1", "s2"], ["QQQ", "SPY"])

    def test_views_raise_no_alarm(self, engine: Engine) -> None:
        ledger = Ledger(engine)
        ledger.write(LOOK)
        ledger.write([mark_now(), position_now("s1", open_pnl_fraction=0.5)])
        assert ledger.alarm_count == 0


def test_views_and_heartbeat_are_not_hashed(engine: Engine) -> None:
    ledger = Ledger(engine)
    ledger.write([run(), order(), fill()])
    before = records_sha256(engine, BOOK)
    ledger.write(LOOK)
    beat(engine, BOOK, "running", events=5, tape_at=None, speed=60.0)
    assert records_sha256(engine, BOOK) == before


@pytest.fixture
def listening(postgres_url: str) -> Iterator[tuple[Engine, psycopg.Connection[Any]]]:
    """An empty database at head, and a connection that listens to it."""
    opened = open_database(postgres_url, create=True)
    ensure(opened)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("LISTEN scalp")
        yield opened, connection
    opened.dispose()


def heard(connection: psycopg.Connection[Any]) -> int:
    """How many notices are there by now: those of an own one at the end come after all others, in order of commit."""
    connection.execute("NOTIFY scalp, 'last'")
    notices: list[str] = []
    while "last" not in notices:
        came = [notice.payload for notice in connection.notifies(timeout=HEARD_SECONDS, stop_after=1)]
        assert came, f"no notice within {HEARD_SECONDS} s"
        notices += came
    assert set(notices) <= {"", "last"}
    return notices.count("")


Listening = tuple[Engine, psycopg.Connection[Any]]


class TestPostgresTells:
    def test_of_each_batch(self, listening: Listening) -> None:
        engine, connection = listening
        Ledger(engine).write([order()])
        Ledger(engine).write(LOOK)
        assert heard(connection) == 2

    def test_of_a_batch_that_is_all_known_already(self, listening: Listening) -> None:
        engine, connection = listening
        for _ in range(2):
            Ledger(engine).write([fill()])
        assert heard(connection) == 2

    def test_of_a_heartbeat(self, listening: Listening) -> None:
        engine, connection = listening
        beat(engine, BOOK, "running", events=1, tape_at=None, speed=None)
        assert heard(connection) == 1

    def test_of_nothing_where_nothing_was_written(self, listening: Listening) -> None:
        engine, connection = listening
        Ledger(engine).write([])
        assert heard(connection) == 0

    def test_of_nothing_where_a_batch_failed(self, listening: Listening) -> None:
        engine, connection = listening
        with pytest.raises(sa.exc.StatementError, match="has no zone"):
            Ledger(engine).write([fill(), order(sent_at=datetime(2026, 1, 5, 12))])
        assert heard(connection) == 0
