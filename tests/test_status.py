"""What `scalp status` says, from heartbeat, money and positions."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from flows.engine.status import lines
from flows.records.database import writing
from flows.records.ledger import Ledger
from flows.records.tables import heartbeat
from tests.rows import NOON, order
from tests.view_rows import mark_now, position_now

pytest_plugins = ("tests.databases",)
BOOK = "paper:main"


def beats(engine: Engine, state: str, message: str | None = None) -> None:
    row = {"book_id": BOOK, "beat_at": NOON, "tape_at": NOON, "speed": 1.0, "state": state}
    with writing(engine) as connection:
        connection.execute(heartbeat.insert().values(**row, message=message, events=7))


def test_without_an_engine_it_says_so(engine: Engine) -> None:
    assert list(lines(engine, BOOK, NOON)) == [f"{BOOK}: no engine has run on this database"]


def test_an_engine_that_beats_is_running(engine: Engine) -> None:
    beats(engine, "running")
    (said,) = lines(engine, BOOK, NOON + timedelta(seconds=3))
    assert said.startswith(f"{BOOK}: running; event 7, tape time ")


def test_one_that_missed_three_beats_is_silent(engine: Engine) -> None:
    beats(engine, "running")
    (said,) = lines(engine, BOOK, NOON + timedelta(seconds=4))
    assert "SILENT for 4 s" in said


def test_one_that_ended_is_not_silent_and_says_why(engine: Engine) -> None:
    beats(engine, "failed", "the disk is full")
    (said,) = lines(engine, BOOK, NOON + timedelta(hours=4))
    assert "failed: the disk is full" in said


def test_money_and_each_position_have_a_line(engine: Engine) -> None:
    beats(engine, "running")
    paused = mark_now(book_id=BOOK, trading="REDUCING", trading_reason="paused by ann")
    Ledger(engine).write([paused, position_now(book_id=BOOK)])
    _, money, held = lines(engine, BOOK, NOON)
    assert money.startswith("trading REDUCING (paused by ann), mode ")
    row = position_now()
    assert held.startswith(f"{row.quantity} {row.symbol} for {row.ticker} {row.direction}: entry {row.entry_price:.4f}")


@pytest.mark.parametrize(("newest", "told"), [("rejected", "3 in a row"), ("sending", "2 in a row"), ("working", "")])
def test_exits_that_were_refused_are_counted_with_the_newest_words(engine: Engine, newest: str, told: str) -> None:
    beats(engine, "running")
    states = ["cancelled", "rejected", "rejected", newest]
    exits = [
        order(f"o{number}", book_id=BOOK, action="exit", side="sell", attempt=number, state=state, reason="not now")
        for number, state in enumerate(states)
    ]
    Ledger(engine).write([mark_now(book_id=BOOK), position_now(book_id=BOOK), *exits])
    *_, held = lines(engine, BOOK, NOON)
    assert held.partition(" USD")[2] == (f", exit refused: {told}, last: not now" if told else "")
