"""A run as it is now: which book, only what is new, nothing beyond its present, and a sentence where there is none."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from flows.records.database import open_database
from flows.records.ledger import Attempt
from flows.records.now import BARS_KEPT, BARS_READ, SIGNALS_SHOWN, Follower, unfit
from flows.records.now_parts import Snapshot, Trouble
from tests.page_rows import PUT, bar, beats, mark, put_now, seen, write
from tests.rows import BOOK, NOON, fill, run, signal
from tests.view_rows import chain_now, mark_now, position_now

pytest_plugins = ("tests.databases",)


def look(follower: Follower, engine: Engine) -> Snapshot:
    found = follower.look(engine)
    assert isinstance(found, Snapshot)
    return found


def closes(snapshot: Snapshot, ticker: str = "QQQ") -> list[float]:
    """Minutes after noon at which the ticker's bars closed."""
    return [(candle.closed_at - NOON).total_seconds() / 60 for candle in snapshot.candles.get(ticker, ())]


def test_a_database_at_head_is_fit(engine: Engine) -> None:
    assert unfit(engine) is None


def test_a_database_without_tables_needs_the_upgrade_and_stays_as_it_is(database_url: str) -> None:
    bare = open_database(database_url, create=True)
    trouble = unfit(bare)
    tables = sa.inspect(bare).get_table_names()
    bare.dispose()
    assert trouble is not None
    assert (trouble.kind, tables) == ("upgrade", [])
    assert "run `scalp db upgrade --database " in trouble.sentence


@pytest.mark.parametrize(("revision", "kind"), [("138", "upgrade"), ("999", "newer")])
def test_a_database_of_another_revision_says_which_program_is_needed(engine: Engine, revision: str, kind: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :found"), {"found": revision})
    trouble = unfit(engine)
    assert trouble is not None
    assert trouble.kind == kind
    assert f"is at {revision}" in trouble.sentence


def test_an_empty_database_has_no_run_yet(engine: Engine) -> None:
    trouble = Follower().look(engine)
    assert isinstance(trouble, Trouble)
    assert trouble.kind == "no_run"


def test_a_lost_table_is_a_trouble_with_a_sentence(engine: Engine) -> None:
    write(engine)
    beats(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE marks_now"))
    trouble = Follower().look(engine)
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, "has lost a table of ours" in trouble.sentence) == ("unreachable", True)


def test_the_book_whose_heart_beat_last_is_shown(engine: Engine) -> None:
    write(engine, run(book_id="replay:b"))
    beats(engine, "replay:b")
    beats(engine, BOOK)
    assert seen(engine).run.book_id == BOOK


def test_without_a_heartbeat_the_newest_attempt_names_the_book(engine: Engine) -> None:
    write(engine, run(book_id="replay:b"))
    for book_id in ("replay:b", BOOK):
        Attempt(engine).begin(book_id, 1, "0.1.0")
    found = seen(engine)
    assert (found.run.book_id, found.beat) == (BOOK, None)
    assert found.attempt is not None
    assert found.attempt.status == "running"


def test_views_are_read_as_they_stand(engine: Engine) -> None:
    write(engine, mark_now(), position_now(), put_now(entered_at=NOON - timedelta(minutes=1)), chain_now())
    beats(engine, tape_at=NOON + timedelta(seconds=1))
    found = seen(engine)
    assert found.money is not None
    assert found.money.option_slots_limit == 3
    assert [position.symbol for position in found.positions] == [PUT, "TQQQ"]  # oldest first
    assert [line.underlying for line in found.chains] == ["QQQ"]
    assert found.tape_at == NOON + timedelta(seconds=1)


def test_only_new_bars_are_read_and_others_keep_their_very_tuple(engine: Engine) -> None:
    follower = Follower()
    write(engine, bar(1), bar(1, "SPYX"))
    beats(engine)
    first = look(follower, engine)
    write(engine, bar(2))
    second = look(follower, engine)
    assert (closes(first), closes(second)) == ([1], [1, 2])
    assert second.candles["SPYX"] is first.candles["SPYX"]


def test_each_ticker_keeps_its_newest_bars(engine: Engine) -> None:
    follower = Follower()
    write(engine, *(bar(minute) for minute in range(1, BARS_KEPT + 1)), bar(1, "SPYX"))
    beats(engine)
    look(follower, engine)
    write(engine, bar(BARS_KEPT + 1))
    found = look(follower, engine)
    assert (closes(found), closes(found, "SPYX")) == (list(range(2, BARS_KEPT + 2)), [1])


def test_more_bars_than_are_read_at_once_leave_no_hole(engine: Engine) -> None:
    follower = Follower()
    write(engine, bar(1, "OLD"))
    beats(engine)
    look(follower, engine)
    write(engine, *(bar(minute) for minute in range(2, BARS_READ + 3)))
    found = look(follower, engine)
    assert (list(found.candles), closes(found)[-1]) == (["QQQ"], BARS_READ + 2)


def test_facts_beyond_the_present_of_a_repeated_run_are_not_shown(engine: Engine) -> None:
    # Event numbers: bars of minute m at 100 m + 3, marks at 100 m + 9, fills as given.
    facts = [bar(1), bar(5), mark(1), mark(5), fill("e1", tape_seq=110), fill("e2", tape_seq=510)]
    write(engine, *facts, signal("s1", tape_seq=105), signal("s9", tape_seq=505), mark_now(200))
    beats(engine)
    found = seen(engine)
    assert (closes(found), len(found.marks), len(found.executions)) == ([1], 1, 1)
    assert [decided.signal_id for decided in found.decided] == ["s1"]


def test_a_run_that_begins_anew_is_read_from_its_start(engine: Engine) -> None:
    follower = Follower()
    write(engine, bar(1), bar(5), mark(1), mark(5), mark_now(10_000))
    beats(engine)
    assert closes(look(follower, engine)) == [1, 5]
    write(engine, mark_now(200))
    again = look(follower, engine)
    write(engine, mark_now(600))
    assert (closes(again), len(again.marks), closes(look(follower, engine))) == ([1], 1, [1, 5])


def test_marks_are_those_of_the_last_day_in_new_york(engine: Engine) -> None:
    follower = Follower()
    day = 24 * 60
    write(engine, mark(1, "1"), mark(2, "2"))
    beats(engine)
    assert [row.day_pnl for row in look(follower, engine).marks] == [1, 2]
    write(engine, mark(day + 1, "3"))
    assert [row.day_pnl for row in look(follower, engine).marks] == [3]


def test_a_fill_carries_the_ticker_of_its_signal(engine: Engine) -> None:
    write(engine, signal("s1", ticker="QQQ"), fill("e1", signal_id="s1", symbol="TQQQ"))
    beats(engine)
    (executed,) = seen(engine).executions
    assert (executed.ticker, executed.symbol, executed.side) == ("QQQ", "TQQQ", "buy")


def test_the_newest_signals_come_first_and_are_few(engine: Engine) -> None:
    write(engine, *(signal(f"s{number}", tape_seq=number) for number in range(1, SIGNALS_SHOWN + 6)))
    beats(engine)
    shown = [decided.signal_id for decided in seen(engine).decided]
    assert shown == [f"s{number}" for number in range(SIGNALS_SHOWN + 5, 5, -1)]


def test_another_book_replaces_all_that_was_kept(engine: Engine) -> None:
    follower = Follower()
    write(engine, bar(1), mark(1))
    beats(engine)
    look(follower, engine)
    write(engine, run(book_id="replay:b"), bar(3, book_id="replay:b"))
    beats(engine, "replay:b")
    found = look(follower, engine)
    assert (closes(found), found.marks) == ([3], ())


@pytest.mark.parametrize(("marks", "kinds"), [('["SIMULATED"]', ("SIMULATED",)), ("[]", ()), ("3", ())])
def test_what_a_run_is_besides_real_stands_in_its_marks(engine: Engine, marks: str, kinds: tuple[str, ...]) -> None:
    write(engine, run(book_id="replay:c", marks=marks))
    beats(engine, "replay:c")
    assert seen(engine).run.kinds == kinds
