"""The watch of an engine: clock and Stop on the tape, the kill file, a database that is behind, broken threads."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.engine import watch as module
from flows.engine.process import Engine, Plan
from flows.engine.watch import BEHIND, Watch
from flows.feeds.feed import Feed, Put
from flows.settings import load
from flows.tape.segments import Segments
from operators.book import BookState, Stream
from operators.events import SECOND_NS, AnyEvent, Bar, Checkpoint, Clock, Command, Stop
from tests import scribed
from tests.tape_builders import T0, bars

LIMIT_SECONDS = 30.0
Turn = Callable[[], object]


class Stopping(threading.Event):
    """An event whose waits are the turns of a test: before each something happens, after the last it is set."""

    def __init__(self, turns: list[Turn]) -> None:
        super().__init__()
        self.turns = turns

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002  # a turn takes no time
        if not self.is_set() and self.turns:
            self.turns.pop(0)()
        else:
            self.set()
        return self.is_set()


class Watched:
    """An engine with memory: what came onto its tape, and how its database fares."""

    def __init__(self, folder: Path) -> None:
        self.journal = self.recorder = self
        self.kill = folder / "kill"
        self.tape: list[AnyEvent] = []
        self.behind_seconds, self.away, self.lost, self.drains = 0.0, "", "", True
        stream = Stream(SECOND_NS, SECOND_NS, SECOND_NS, minutes=False)
        self.books = [BookState("paper:main", "both", 0, {}, stream)]
        self.fault: Exception | None = None
        self.ended = threading.Event()

    def put(self, event: AnyEvent) -> None:
        """Takes an event; the book obeys at once what ends entries, and what lets them begin again."""
        self.tape.append(event)
        match event:
            case Command(action="reduce", argument=reason):
                self.books[0].reduce(reason, "engine")
            case Command(action="restore", argument=reason):
                self.books[0].restore(reason)
        if isinstance(event, Stop):
            self.ended.set()

    def drained(self, seconds: float) -> bool:  # noqa: ARG002  # a list takes no time
        return self.drains

    def play(self, *turns: Turn) -> Watch:
        """Watches for so many turns, to the end."""
        stopping = Stopping(list(turns))
        watch = Watch(self, self.kill, stopping)  # type: ignore[arg-type]  # it is its own journal and recorder
        watch.start()
        assert self.ended.wait(LIMIT_SECONDS)
        return watch

    def change(self, behind_seconds: float, away: str = "") -> Turn:
        """A turn before which the database is so far behind."""

        def turn() -> None:
            self.behind_seconds, self.away = behind_seconds, away

        return turn

    @property
    def commands(self) -> list[tuple[str, str, str]]:
        return [(one.action, one.actor, one.argument) for one in self.tape if isinstance(one, Command)]


def nothing() -> None:
    """A turn before which nothing happens."""


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


class TestClock:
    def test_it_puts_the_clock_each_turn_and_a_stop_at_the_end(self, watched: Watched) -> None:
        watched.play(nothing, nothing, nothing)
        assert [type(event) for event in watched.tape] == [Clock, Clock, Clock, Stop]

    def test_one_that_is_stopped_at_once_puts_a_stop_alone(self, watched: Watched) -> None:
        watched.play()
        assert [type(event) for event in watched.tape] == [Stop]

    def test_its_events_take_place_and_time_where_they_are_written(self, watched: Watched) -> None:
        watched.play(watched.kill.touch)
        assert {(event.seq, event.at_ns, event.event_ns) for event in watched.tape} == {(0, 0, 0)}


class TestKillFile:
    def test_a_file_stays_until_the_tape_has_the_command(self, watched: Watched) -> None:
        watched.drains = False
        watched.play(watched.kill.touch, nothing)
        assert watched.commands == [("kill", "file", "")] * 2
        assert watched.kill.exists()

    def test_a_folder_of_that_name_is_no_kill_file(self, watched: Watched) -> None:
        watched.play(watched.kill.mkdir, nothing)
        assert watched.commands == []

    def test_a_kill_file_becomes_one_command_and_goes_away(self, watched: Watched) -> None:
        watched.play(nothing, watched.kill.touch, nothing, nothing)
        assert watched.commands == [("kill", "file", "")]
        assert not watched.kill.exists()

    def test_one_that_was_there_before_is_heard_at_the_first_turn(self, watched: Watched) -> None:
        watched.kill.touch()
        watched.play(nothing)
        assert [type(event) for event in watched.tape] == [Clock, Command, Stop]

    def test_it_is_heard_while_the_database_is_away(self, watched: Watched) -> None:
        watched.play(watched.change(9.0, away="it is locked"), watched.kill.touch)
        assert ("kill", "file", "") in watched.commands

    def test_a_second_file_is_a_second_command(self, watched: Watched) -> None:
        watched.play(watched.kill.touch, watched.kill.touch)
        assert len(watched.commands) == 2


class TestDatabase:
    def test_a_restraint_of_the_run_before_is_lifted(self, watched: Watched) -> None:
        watched.books[0].reduce(BEHIND, "engine")
        watched.play(nothing)
        assert watched.commands == [("restore", "engine", BEHIND)]

    @pytest.fixture
    def wall(self, monkeypatch: pytest.MonkeyPatch) -> scribed.Clock:
        """The clock of the watch, moved by the test."""
        clock = scribed.Clock()
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
        return clock

    @pytest.mark.parametrize(("behind", "commands"), [(2.0, 0), (2.001, 1)])
    def test_a_database_over_two_seconds_behind_ends_entries(
        self, watched: Watched, behind: float, commands: int
    ) -> None:
        watched.play(watched.change(behind))
        assert watched.commands == [("reduce", "engine", BEHIND)] * commands

    def test_it_is_said_once_while_nobody_lifts_it(self, watched: Watched) -> None:
        watched.play(watched.change(3.0), nothing, nothing)
        assert watched.commands == [("reduce", "engine", BEHIND)]

    def test_it_is_said_again_within_a_second_of_whoever_lifted_it(self, watched: Watched, wall: scribed.Clock) -> None:
        # A person's resume and a session's open lift what the engine itself set.
        def lifted(seconds: float) -> Turn:
            def turn() -> None:
                wall.seconds += seconds
                watched.books[0].activate()

            return turn

        watched.play(watched.change(3.0), lifted(0.875), lifted(0.125), lifted(0.875), lifted(0.125))
        placed = [number for number, event in enumerate(watched.tape) if isinstance(event, Command)]
        assert placed == [1, 4, 7]  # behind the clocks of turns 1, 3 and 5

    def test_entries_begin_again_once_it_has_caught_up(self, watched: Watched) -> None:
        watched.play(watched.change(3.0), watched.change(0.5), nothing)
        assert watched.commands == [("reduce", "engine", BEHIND), ("restore", "engine", BEHIND)]

    def test_they_do_not_begin_while_it_is_away(self, watched: Watched) -> None:
        # After a restart of its clock or with a short queue it may be away and not yet behind.
        watched.play(watched.change(3.0, "it is locked"), watched.change(0.5, "it is locked"))
        assert watched.commands == [("reduce", "engine", BEHIND)]

    def test_what_comes_a_second_time_is_said_at_once(self, watched: Watched) -> None:
        watched.play(watched.change(3.0), watched.change(0.0), watched.change(3.0))
        assert [action for action, *_ in watched.commands] == ["reduce", "restore", "reduce"]

    def test_records_that_find_no_room_are_told_of_once(
        self, watched: Watched, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def lose() -> None:
            watched.lost = "no space left"

        watched.play(nothing, lose, nothing)
        said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [(one["code"], one["detail"]) for one in said] == [("W108", "no space left")]


class BrokenFeed(Feed):
    """A market that brings two bars and breaks."""

    cadences, marks = {"bar": 60.0}, ()

    def now_ns(self) -> int:
        return T0

    def run(self, put: Put, stopping: threading.Event, passed: int) -> None:  # noqa: ARG002  # it breaks before
        for event in bars(2):
            put(event)
        raise ConnectionError("the exchange hung up")


def breaks(fault: Exception) -> Callable[[], None]:
    """Work that ends with a fault."""

    def work() -> None:
        raise fault

    return work


class TestThreads:
    def guarded(self, *works: Callable[..., Any]) -> tuple[Watch, threading.Event]:
        stopping = threading.Event()
        watch = Watch(SimpleNamespace(), Path("kill"), stopping)  # type: ignore[arg-type]  # it is not started
        for work in works:
            watch.guard(work)
        return watch, stopping

    def test_a_thread_that_breaks_stops_the_engine_with_its_fault(self) -> None:
        fault = ConnectionError("the exchange hung up")
        watch, stopping = self.guarded(breaks(fault))
        assert (watch.fault, stopping.is_set()) == (fault, True)

    def test_a_thread_that_ends_stops_the_engine_without_a_fault(self) -> None:
        watch, stopping = self.guarded(nothing)
        assert (watch.fault, stopping.is_set()) == (None, True)

    def test_of_two_faults_the_first_stands(self) -> None:
        first, second = ConnectionError("first"), ConnectionError("second")
        watch, _ = self.guarded(breaks(first), breaks(second))
        assert watch.fault is first

    def test_a_broken_feed_ends_the_engine_in_order_with_its_fault(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)
        url = f"sqlite:///{tmp_path / 'records.db'}"
        plan = Plan(tmp_path / "state", url, "test", "both", load(), None)
        with pytest.raises(ConnectionError, match="the exchange hung up"):
            Engine(plan, lambda _: BrokenFeed()).run()
        *tape, last = Segments(tmp_path / "state" / "tape").events()
        (stop,) = (event for event in tape if isinstance(event, Stop))
        assert isinstance(last, Checkpoint)
        assert last.at_seq == stop.seq
        assert sum(isinstance(event, Bar) for event in tape) == 2
