"""Which engine a command reaches: the one that is named, or the only one there is or that runs."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from flows.records.database import writing
from flows.records.engines import Known, NoEngine, known, meant
from flows.records.heartbeat import beat
from flows.records.tables import heartbeat

pytest_plugins = ("tests.databases",)
ALPACA, MAIN, REPLAY = "live:PA3FAKE00001", "paper:main", "replay:0123"


def runs(engine: Engine, *books: str) -> None:
    for book in books:
        beat(engine, book, "running", events=1, tape_at=None, speed=1.0)


def ended(engine: Engine, *books: str) -> None:
    for book in books:
        beat(engine, book, "ended", events=1, tape_at=None, speed=1.0)


def said(engine: Engine, account: str) -> str:
    with pytest.raises(NoEngine) as fault:
        meant(engine, account)
    return str(fault.value)


def test_replays_are_no_engines(engine: Engine) -> None:
    runs(engine, REPLAY)
    assert known(engine, datetime.now(UTC)) == []
    assert said(engine, "") == said(engine, "0123") == "no engine has run on this database: name its --database"


@pytest.mark.parametrize("book", [ALPACA, MAIN])
def test_the_only_engine_is_meant_whether_it_runs_or_not(engine: Engine, book: str) -> None:
    ended(engine, book)
    assert meant(engine, "") == book
    runs(engine, book, REPLAY)
    assert meant(engine, "") == book


def test_of_several_engines_the_one_that_runs_is_meant(engine: Engine) -> None:
    ended(engine, MAIN, "paper:other")
    runs(engine, ALPACA)
    assert meant(engine, "") == ALPACA


@pytest.mark.parametrize("account", ["PA3FAKE00001", ALPACA])
def test_an_engine_is_named_by_account_or_book(engine: Engine, account: str) -> None:
    runs(engine, MAIN)
    ended(engine, ALPACA)
    assert meant(engine, account) == ALPACA


def test_where_two_run_none_is_guessed(engine: Engine) -> None:
    runs(engine, MAIN, ALPACA)
    ended(engine, "paper:other")
    told = f"{ALPACA} (runs), {MAIN} (runs), paper:other (does not run)"
    assert said(engine, "") == f"2 of 3 engines of this database run: name one with --account: {told}"


def test_an_unknown_account_is_told_who_there_is(engine: Engine) -> None:
    runs(engine, ALPACA)
    assert said(engine, "main") == (
        f"account main is that of no engine of this database: name one with --account: {ALPACA} (runs)"
    )


def test_an_account_of_two_books_is_not_guessed(engine: Engine) -> None:
    runs(engine, "paper:PA3FAKE00001", ALPACA)
    assert "several engines" in said(engine, "PA3FAKE00001")
    assert meant(engine, ALPACA) == ALPACA


def test_one_that_was_silent_for_three_seconds_does_not_run(engine: Engine) -> None:
    row = {"beat_at": datetime.now(UTC) - timedelta(seconds=5), "state": "running", "events": 1}
    with writing(engine) as connection:
        connection.execute(heartbeat.insert().values(book_id=ALPACA, **row))
    assert known(engine, datetime.now(UTC)) == [Known(ALPACA, alive=False)]
    runs(engine, MAIN)
    assert meant(engine, "") == MAIN
