"""Whole replays of a small simulated market: the pace changes no record, and the heartbeat says how each ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from flows.market.generate import generate
from flows.records.database import reading, writing
from flows.records.heartbeat import beat
from flows.records.queries import records_sha256, trades
from flows.records.tables import fills, metadata
from flows.running import Run, RunFailed
from flows.runs import Options, prepare
from flows.settings import load
from flows.tape.frames import Corrupt
from operators.desk import Desk
from operators.events import MINUTE_NS
from operators.intents import Item
from operators.records import Record
from operators.sessions import utc
from tests.play import tape_events
from tests.rows import BOOK, NOON
from tests.simulated import HALF_DAY, plan

pytest_plugins = ("tests.databases",)
EAGER = load(None, ["require_macro_alignment=false", "min_conviction_to_scalp=0", "iv_rank_unknown=allow"])
"""Few signals are refused, so that the half day has trades."""
FAST = 5_000.0
"""Times the tape's own: its three hours and a half take two seconds and a half."""
HISTORY_UNTIL = 9_480
"""Events of history before the half day."""


@pytest.fixture(scope="module")
def market_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "made.tape"
    generate(plan(seed=5), path, overwrite=True)
    return path


@contextmanager
def prepared(tape: Path, url: str, **changes: Any) -> Iterator[tuple[Run, Any]]:
    """A run and its dataflow; its database is let go at the end."""
    run, flow = prepare([tape], Options(**({"settings": EAGER, "database": url} | changes)))
    yield run, flow
    run.engine.dispose()


@pytest.fixture(scope="module")
def whole(market_tape: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A replay at full speed that ended well."""
    with prepared(market_tape, f"sqlite:///{tmp_path_factory.mktemp('whole') / 'records.db'}") as (run, flow):
        run.execute(flow)
        yield run


@pytest.fixture(scope="module")
def digest(whole: Run) -> str:
    return records_sha256(whole.engine, whole.started.book_id)


def rows(engine: Engine, table: str) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(sa.select(metadata.tables[table])).mappings()]


def heartbeat(engine: Engine) -> dict[str, Any]:
    """The only one."""
    (row,) = rows(engine, "heartbeat")
    return row


class TestBeat:
    def test_a_book_has_one_heartbeat_the_newest(self, engine: Engine) -> None:
        beat(engine, BOOK, "running", events=1, tape_at=None, speed=60.0)
        beat(engine, BOOK, "failed", events=7, tape_at=NOON, speed=None, message="a sentence")
        row = heartbeat(engine)
        assert row.pop("beat_at").tzinfo is UTC
        expected = {"book_id": BOOK, "state": "failed", "events": 7, "tape_at": NOON, "speed": None}
        assert row == expected | {"message": "a sentence"}

    def test_a_run_that_begins_anew_has_no_message_of_the_one_before(self, engine: Engine) -> None:
        beat(engine, BOOK, "failed", events=7, tape_at=NOON, speed=None, message="a sentence")
        beat(engine, BOOK, "running", events=0, tape_at=None, speed=None)
        assert (heartbeat(engine)["message"], heartbeat(engine)["tape_at"]) == (None, None)

    def test_books_have_their_own(self, engine: Engine) -> None:
        for number, book in enumerate(("replay:a", "replay:b")):
            beat(engine, book, "running", events=number, tape_at=None, speed=None)
        found = {row["book_id"]: row["events"] for row in rows(engine, "heartbeat")}
        assert found == {"replay:a": 0, "replay:b": 1}


def test_the_tape_trades(whole: Run) -> None:
    assert list(trades(whole.engine, whole.started.book_id))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 13, 1000])
@pytest.mark.parametrize("speed", [None, FAST])
def test_neither_pace_nor_batch_nor_looks_change_a_record(
    market_tape: Path, sqlite_url: str, digest: str, batch: int, speed: float | None
) -> None:
    with prepared(market_tape, sqlite_url, batch=batch, speed=speed) as (run, flow):
        run.looking.every_ns = MINUTE_NS
        run.execute(flow)
        assert records_sha256(run.engine, run.started.book_id) == digest


@pytest.mark.slow
def test_postgres_keeps_the_same_records_of_a_paced_run(market_tape: Path, postgres_url: str, digest: str) -> None:
    with prepared(market_tape, postgres_url, speed=FAST) as (run, flow):
        run.execute(flow)
        assert records_sha256(run.engine, run.started.book_id) == digest


class TestCharts:
    def test_each_ticker_that_may_trade_has_its_bars(self, whole: Run) -> None:
        found = [row["ticker"] for row in rows(whole.engine, "bars")]
        assert {ticker: found.count(ticker) for ticker in set(found)} == {"SPY": 210, "NVDA": 210}

    def test_each_minute_of_the_half_day_has_its_mark(self, whole: Run) -> None:
        # 9:31 to 13:00 in New York are 14:31 to 18:00.
        first = datetime(HALF_DAY.year, HALF_DAY.month, HALF_DAY.day, 14, 31, tzinfo=UTC)
        times = sorted(row["marked_at"] for row in rows(whole.engine, "marks"))
        assert times == [first + timedelta(minutes=number) for number in range(210)]

    def test_held_and_ended_add_up_to_each_minutes_day(self, whole: Run) -> None:
        wrong = [row for row in rows(whole.engine, "marks") if row["day_pnl"] != row["open_pnl"] + row["realised_pnl"]]
        assert wrong == []

    def test_what_is_realised_at_the_close_is_what_the_trades_made(self, whole: Run) -> None:
        last = max(rows(whole.engine, "marks"), key=lambda row: row["marked_at"])
        made = sum(row["pnl"] for name in ("options_scalps", "etf_scalps") for row in rows(whole.engine, name))
        assert (last["realised_pnl"], last["open_pnl"]) == (made, 0)


class TestEnded:
    def test_the_heartbeat_says_so(self, whole: Run, market_tape: Path) -> None:
        row, last = heartbeat(whole.engine), tape_events(market_tape)[-1]
        assert (row["state"], row["message"], row["speed"]) == ("ended", None, None)
        assert (row["events"], row["tape_at"]) == (last.seq, utc(last.at_ns))

    def test_the_views_are_those_of_the_end(self, whole: Run) -> None:
        (mark,), chains = rows(whole.engine, "marks_now"), rows(whole.engine, "chains_now")
        assert (mark["tape_seq"], mark["equity"]) == (whole.reading.events, whole.equity)
        assert rows(whole.engine, "positions_now") == []
        assert {row["underlying"] for row in chains} == {"NVDA", "SPY"}

    @pytest.mark.slow
    def test_a_paced_run_tells_its_speed(self, market_tape: Path, sqlite_url: str) -> None:
        with prepared(market_tape, sqlite_url, speed=1e6) as (run, flow):
            run.execute(flow)
            assert (heartbeat(run.engine)["state"], heartbeat(run.engine)["speed"]) == ("ended", 1e6)


@contextmanager
def halted(tape: Path, url: str, **changes: Any) -> Iterator[tuple[Run, dict[str, Any]]]:
    """A run that is stopped as soon as it holds something, and what was in the views just before."""
    with prepared(tape, url, batch=13, **changes) as (run, flow):
        before: dict[str, Any] = {}

        def stop_once_held(_: int) -> None:
            desk = run.desks.books.get(run.started.book_id)
            if desk is not None and any(scalp.held for scalp in desk.book.scalps.values()):
                before.update(marks=rows(run.engine, "marks_now"), beat=heartbeat(run.engine))
                run.reading.stop()

        run.reading.progress = stop_once_held
        with pytest.raises(RunFailed, match=r"stopped after event \d+"):
            run.execute(flow)
        yield run, before


class TestStopped:
    @pytest.mark.slow
    def test_the_heartbeat_says_so_and_how_far_the_tape_came(self, market_tape: Path, sqlite_url: str) -> None:
        with halted(market_tape, sqlite_url) as (run, _):
            row, events = heartbeat(run.engine), run.reading.events
            assert (row["state"], row["events"], row["tape_at"]) == ("stopped", events, utc(run.reading.at_ns))
            assert row["message"] == f"stopped after event {events}; what it decided until then is recorded"

    @pytest.mark.slow
    def test_the_views_show_what_is_held(self, market_tape: Path, sqlite_url: str) -> None:
        with halted(market_tape, sqlite_url) as (run, _):
            held = [scalp for scalp in run.desks.books[run.started.book_id].book.scalps.values() if scalp.held]
            shown = {row["signal_id"]: row["quantity"] for row in rows(run.engine, "positions_now")}
            assert shown == {scalp.signal_id: scalp.held for scalp in held}
            assert [row["tape_seq"] for row in rows(run.engine, "marks_now")] == [run.reading.events]

    @pytest.mark.slow
    def test_while_it_runs_only_who_is_looked_on_shows_anything(self, market_tape: Path, tmp_path: Path) -> None:
        with halted(market_tape, f"sqlite:///{tmp_path / 'a.db'}") as (_, full_speed):
            assert (full_speed["marks"], full_speed["beat"]["state"]) == ([], "running")
        with halted(market_tape, f"sqlite:///{tmp_path / 'b.db'}", speed=1e6) as (_, paced):
            assert [row["tape_seq"] > HISTORY_UNTIL for row in paced["marks"]] == [True]
            assert (paced["beat"]["state"], paced["beat"]["speed"]) == ("running", 1e6)


class Broken(Desk):
    """A desk with a fault of the program, some way into the session."""

    def on(self, item: Item) -> list[Record]:
        """What the desk says, until it breaks."""
        if item.seq >= HISTORY_UNTIL + 500:  # type: ignore[union-attr]  # no ticket comes before that
            raise ZeroDivisionError("the desk is broken")
        return super().on(item)


class TestFailed:
    @pytest.mark.slow
    def test_a_damaged_tape_is_told_in_its_own_words(self, market_tape: Path, tmp_path: Path, sqlite_url: str) -> None:
        path, data = tmp_path / "damaged.tape", bytearray(market_tape.read_bytes())
        data[len(data) * 3 // 4] ^= 1
        path.write_bytes(data)
        with prepared(path, sqlite_url) as (run, flow):
            with pytest.raises(Corrupt) as damage:
                run.execute(flow)
            row = heartbeat(run.engine)
            assert (row["state"], row["message"]) == ("failed", str(damage.value))
            assert row["events"] == run.reading.events > HISTORY_UNTIL

    def test_a_line_that_broke_is_told(self, market_tape: Path, sqlite_url: str) -> None:
        with prepared(market_tape, sqlite_url) as (run, flow):
            run.desks.books[run.started.book_id] = Broken.started(run.started, *EAGER)
            with pytest.raises(ZeroDivisionError, match="the desk is broken"):
                run.execute(flow)
            row = heartbeat(run.engine)
            assert (row["state"], row["message"]) == ("failed", "ZeroDivisionError: the desk is broken")

    @pytest.mark.slow
    def test_facts_that_differ_are_told(self, market_tape: Path, sqlite_url: str) -> None:
        with prepared(market_tape, sqlite_url) as (run, flow):
            run.execute(flow)
            with writing(run.engine) as connection:
                connection.execute(fills.update().values(quantity=12_345))
        with prepared(market_tape, sqlite_url) as (again, flow):
            with pytest.raises(RunFailed, match="recorded facts differ"):
                again.execute(flow)
            row = heartbeat(again.engine)
            assert row["state"] == "failed"
            assert "recorded facts differ from this run's, the first: fills" in row["message"]
