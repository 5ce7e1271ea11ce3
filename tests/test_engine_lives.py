"""Whole engines as processes: one winner of a folder, a rebuilt database, a database that is away for a while."""

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from flows.engine.rebuild import rebuild
from flows.engine.state import Locked, StateFolder
from flows.faults import RUN_FAILED
from flows.feeds.faults import FAULTS
from flows.records.database import open_database
from flows.records.queries import open_positions, records_sha256
from flows.tape.following import Follower
from flows.tape.reader import Tape
from flows.tape.segments import Segments, segment_paths
from operators.events import AnyEvent, Checkpoint, Command, Intent, Stop
from tests.commands import scalp
from tests.kills import LIVES, SPEED, days_tape, market_tape, place_of
from tests.lives import LIMIT_SECONDS, Place, begin, check, check_left, killed_after, live_out, market_of

pytestmark = pytest.mark.slow
ROUNDS, CONTENDERS = 50, 4
WATCHED = 600.0
"""A speed at which a session takes 39 seconds."""
_forks = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market") / "market.tape")


def digest_of(url: str) -> str:
    return records_sha256(open_database(url, create=False), "paper:test")


def await_on_tape(place: Place, engine: BaseProcess, wanted: Callable[[AnyEvent], bool]) -> None:
    """Waits until the tape holds such an event."""
    until = time.monotonic() + LIMIT_SECONDS
    while not segment_paths(place.state / "tape") and engine.is_alive() and time.monotonic() < until:
        engine.join(0.02)
    with closing(Follower(place.state / "tape", 1)) as follower:
        while time.monotonic() < until and engine.is_alive():
            events = follower.read()
            if any(map(wanted, events)):
                return
            if not events:
                engine.join(0.02)
    pytest.fail("it never came")


def end(engine: BaseProcess) -> None:
    """Ends an engine in order, within five seconds."""
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGTERM)
    engine.join(5.0)
    assert engine.exitcode == 0


def contend(state: Path, gate: Any) -> None:
    """Takes the folder with the others at once; exits with 0 as the winner, with 3 as a loser."""
    gate.wait(LIMIT_SECONDS)
    try:
        StateFolder(state).lock()
        code = 0
    except Locked:
        code = 3
    gate.wait(LIMIT_SECONDS)  # nobody asks any more
    os._exit(code)


def test_of_four_engines_started_at_once_one_wins_each_of_fifty_times(tmp_path: Path) -> None:
    for _ in range(ROUNDS):
        gate = _forks.Barrier(CONTENDERS)
        engines = [_forks.Process(target=contend, args=(tmp_path / "state", gate)) for _ in range(CONTENDERS)]
        for engine in engines:
            engine.start()
        for engine in engines:
            engine.join(LIMIT_SECONDS)
        assert sorted(engine.exitcode or 0 for engine in engines) == [0, 3, 3, 3]


def test_a_second_engine_is_told_so_and_exits_with_3(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.lock()
    said = scalp("run", "--state", folder.path, "--database", f"sqlite:///{tmp_path}/new.db")
    assert (said.code, "another engine runs" in said.err) == (RUN_FAILED, True)
    assert not (tmp_path / "new.db").exists()


def test_a_rebuilt_database_is_the_engines_and_the_engine_goes_on_from_it(market: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "state", f"sqlite:///{tmp_path}/live.db", market, SPEED)
    assert killed_after(place, 0.8)
    other = f"sqlite:///{tmp_path}/other.db"
    rebuild(place.state, other)
    live_out(place._replace(database=other))
    assert rebuild(place.state, f"sqlite:///{tmp_path}/whole.db").records_sha256 == digest_of(other)


def dropped(market: Path, folder: Path) -> Place:
    """An engine that dropped segments; one whose database came too late behind its tape is followed by another."""
    for number in range(LIVES):
        place = place_of("in compaction", market, folder / f"dropping {number}")
        live_out(place)
        if int(segment_paths(place.tape)[0].stem) > 1:
            return place
    raise AssertionError(f"{LIVES} engines dropped nothing")


def test_an_engine_drops_what_is_older_and_its_database_lacks_nothing(tmp_path: Path) -> None:
    market = days_tape(tmp_path / "days.tape")
    dropping = dropped(market, tmp_path)
    keeping = place_of("half a frame", market, tmp_path / "keeping")
    live_out(keeping._replace(speed=dropping.speed, segment_bytes=dropping.segment_bytes))
    kept, left, whole = (segment_paths(folder) for folder in (keeping.tape, dropping.tape, dropping.whole))
    assert len(kept) > 50
    assert int(kept[0].stem) == int(whole[0].stem) == 1
    assert len(left) < len(whole)
    assert check(dropping, market_of(list(Tape(market).events()))) > 0
    assert check_left(dropping) > 0


def test_sigterm_ends_an_engine_in_order_within_five_seconds(market: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "state", f"sqlite:///{tmp_path}/live.db", market, WATCHED)
    engine = begin(place)
    await_on_tape(place, engine, lambda event: type(event) is Checkpoint)
    end(engine)
    events = list(Segments(place.state / "tape").events())
    (stop,), last = (event for event in events if isinstance(event, Stop)), events[-1]
    assert not [event for event in events[stop.seq :] if not isinstance(event, Intent | Checkpoint)]
    assert isinstance(last, Checkpoint)
    assert rebuild(place.state, f"sqlite:///{tmp_path}/again.db").mark == last.at_seq == stop.seq


def test_over_a_bad_line_with_kills_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    market = market_tape(tmp_path / "market.tape", "gaps,stale,crossed,halt")
    place = Place(tmp_path / "state", f"sqlite:///{tmp_path}/live.db", market, SPEED, frozenset(FAULTS))
    brought = list(place.feed().events())
    assert 0 < len(brought) != Tape(market).info().events
    for seconds in (0.5, 0.7, 0.9):
        killed_after(place, seconds)
    live_out(place)
    assert check(place, market_of(brought)) > 0


def test_a_locked_database_ends_entries_and_neither_exits_nor_kill_and_misses_nothing(
    market: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path / "state", f"sqlite:///{tmp_path}/live.db?timeout=0", market, WATCHED)
    engine = begin(place)
    await_on_tape(place, engine, lambda event: isinstance(event, Intent))
    other = sqlite3.connect(tmp_path / "live.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await_on_tape(place, engine, lambda event: isinstance(event, Command) and event.action == "reduce")
    (place.state / "kill").touch()
    await_on_tape(place, engine, lambda event: isinstance(event, Command) and event.action == "kill")
    other.execute("ROLLBACK")
    other.close()
    await_on_tape(place, engine, lambda event: isinstance(event, Command) and event.action == "restore")
    end(engine)
    assert not (place.state / "kill").exists()
    assert rebuild(place.state, f"sqlite:///{tmp_path}/again.db").records_sha256 == digest_of(place.database)
    assert open_positions(open_database(place.database, create=False), "paper:test") == []
