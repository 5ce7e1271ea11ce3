"""`scalp record`: what a feed brings is on the tape, once and in order, whenever the recording ends and how."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from flows.engine.state import BadState, Locked
from flows.engine.taping import Recording
from flows.feeds.recorded import RecordedFeed
from flows.records.tables import metadata
from flows.runs import Options, prepare
from flows.tape.segments import Segments, segment_paths
from operators.events import AnyEvent, encode
from tests.kills import market_tape
from tests.tape_builders import engine_types, segment, write

FAST = 1e6
SCALP = Path(sys.executable).with_name("scalp")
LIMIT_SECONDS = 60.0


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market") / "market.tape", "gaps,crossed")


def recording(state: Path, market: Path, segment_bytes: int = 1_000_000) -> Recording:
    return Recording(state, lambda _: RecordedFeed(market, FAST), segment_bytes)


def brought(events: list[AnyEvent]) -> list[bytes]:
    return [encode(event) for event in events]


def test_what_the_feed_brings_is_on_the_tape_as_it_was(market: Path, tmp_path: Path) -> None:
    made = recording(tmp_path / "state", market).run()
    there = list(Segments(made.tape).events())
    assert brought(there) == brought(list(RecordedFeed(market, FAST).events()))
    assert (made.before, made.events) == (0, len(there))


def test_its_segments_begin_with_any_event(market: Path, tmp_path: Path) -> None:
    made = recording(tmp_path / "state", market, 200_000).run()
    sizes = [path.stat().st_size for path in segment_paths(made.tape)]
    assert len(sizes) > 3
    assert max(sizes) < 400_000


def test_it_replays_as_the_feeds_own_tape_does(market: Path, tmp_path: Path) -> None:
    made, rows = recording(tmp_path / "state", market).run(), []
    for tape in (made.tape, market):
        run, flow = prepare([tape], Options(database=f"sqlite:///{tmp_path}/{tape.name}.db"))
        run.execute(flow)
        rows.append([rows_of_book(run.engine, name) for name in ("signals", "orders", "fills", "marks", "bars")])
    assert rows[0] == rows[1]
    assert all(rows[0])


def test_a_recording_goes_on_behind_what_is_there(market: Path, tmp_path: Path) -> None:
    whole = list(RecordedFeed(market, FAST).events())
    with subprocess.Popen(words(tmp_path / "state", market, "3000"), stdout=subprocess.PIPE, text=True) as process:
        await_events(tmp_path / "state" / "tape", 100)
        process.send_signal(signal.SIGKILL)
    before = sum(1 for _ in Segments(tmp_path / "state" / "tape").events())
    made = recording(tmp_path / "state", market).run()
    assert 0 < made.before < len(whole)
    assert made.before >= before - 1
    assert brought(list(Segments(made.tape).events())) == brought(whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(market: Path, tmp_path: Path, number: int) -> None:
    state = tmp_path / "state"
    with subprocess.Popen(words(state, market, "3000"), stdout=subprocess.PIPE, text=True) as process:
        await_events(state / "tape", 100)
        process.send_signal(number)
        out, _ = process.communicate(timeout=LIMIT_SECONDS)
    events = len(list(Segments(state / "tape").events()))
    assert process.returncode == 0
    assert out.splitlines()[-1] == f"{state}/tape: {events} events, {events} of them new"
    assert not Segments(state / "tape").torn


def rows_of_book(engine: sa.Engine, name: str) -> list[tuple[object, ...]]:
    """The rows of a table without the name of their book, which tells the tapes apart, and what that name makes."""
    table = metadata.tables[name]
    without = ("book_id", "client_order_id", "execution_id", "recorded_at", "order_id")
    columns = [column for column in table.c if column.name not in without]
    with engine.connect() as connection:
        return sorted((tuple(row) for row in connection.execute(sa.select(*columns))), key=repr)


def words(state: Path, market: Path, speed: str) -> list[str]:
    return [str(SCALP), "record", "--state", str(state), "--feed", f"replay:{market}", "--speed", speed]


def await_events(tape: Path, count: int) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until:
        if tape.is_dir() and segment_paths(tape) and segment_paths(tape)[0].stat().st_size > count * 100:
            return
        threading.Event().wait(0.01)
    raise AssertionError("nothing was recorded")


class TestRefused:
    def test_the_tape_of_an_engine(self, market: Path, tmp_path: Path) -> None:
        (tmp_path / "state" / "tape").mkdir(parents=True, mode=0o700)
        (tmp_path / "state").chmod(0o700)
        write(tmp_path / "state" / "tape" / "000000000001.tape", engine_types())
        with pytest.raises(BadState, match="is the tape of an engine"):
            recording(tmp_path / "state", market)

    def test_a_tape_of_another_kind_of_feed(self, market: Path, tmp_path: Path) -> None:
        (tmp_path / "state").mkdir(mode=0o700)
        segment(tmp_path / "state" / "tape", 1, 3, cadences={"bar": 300.0})
        (tmp_path / "state" / "tape").chmod(0o700)
        with pytest.raises(BadState, match="begun by a feed with cadences"):
            recording(tmp_path / "state", market)

    def test_a_folder_in_which_something_runs(self, market: Path, tmp_path: Path) -> None:
        first = recording(tmp_path / "state", market)
        with pytest.raises(Locked):
            recording(tmp_path / "state", market)
        first.run()
