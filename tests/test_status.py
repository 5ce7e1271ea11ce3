"""What `scalp status` says, from heartbeat, money and positions."""

from datetime import timedelta

from sqlalchemy import Engine

from flows.engine.status import lines
from flows.records.database import writing
from flows.records.ledger import Ledger
from flows.records.tables import heartbeat
from tests.rows import NOON
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
