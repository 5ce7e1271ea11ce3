"""A tape played as if it were live: when each event comes, what time it is meanwhile, and the tape of an engine."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.feeds import recorded, simulated
from flows.feeds.recorded import EmptyFeed, RecordedFeed
from flows.runs import Options, read
from flows.settings import load
from flows.tape.pace import BadSpeed, Pace
from flows.tape.segments import segment_path
from operators.events import SECOND_NS, AnyEvent, Bar, Clock, Command, Intent, RunStarted, Stop
from tests.scribed import Clock as Wall
from tests.tape_builders import T0, bar, write


class Stopping(threading.Event):
    """An event that is waited for in the time of a wall clock; set once that has passed `until`.

    `each` is called when a wait is over.
    """

    def __init__(self, wall: Wall) -> None:
        super().__init__()
        self.wall, self.until, self.waits = wall, float("inf"), list[float]()
        self.each: Callable[[], object] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.wall.seconds += timeout
        self.each()
        if self.wall.seconds >= self.until:
            self.set()
        return self.is_set()


class World:
    """A feed over a tape with the wall clock that it looks at; `came` tells what it put, and when."""

    def __init__(self, path: Path, speed: float, wall: Wall) -> None:
        self.feed, self.wall, self.stopping = RecordedFeed(path, speed), wall, Stopping(wall)
        self.began = wall.seconds
        self.came: list[tuple[int, float]] = []

    def play(self, passed: int = 0) -> list[tuple[int, float]]:
        """What came, by number, with the seconds from the beginning."""
        self.feed.run(self.put, self.stopping, passed)
        return self.came

    def put(self, event: AnyEvent) -> None:
        self.came.append((event.seq, round(self.wall.seconds - self.began, 6)))


Make = Callable[..., World]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes the world of a feed over bars known so many seconds after the tape's beginning."""

    def make(*seconds: float, speed: float = 10.0) -> World:
        wall = Wall()
        monkeypatch.setattr(recorded, "time", SimpleNamespace(monotonic=wall))
        monkeypatch.setattr(recorded, "Pace", lambda speed: Pace(speed, wall))
        events = [at(seq, second) for seq, second in enumerate(seconds, start=1)]
        return World(write(tmp_path / "market.tape", events), speed, wall)

    return make


def at(seq: int, seconds: float) -> AnyEvent:
    return bar(seq, T0 + round(seconds * SECOND_NS))


class TestPace:
    def test_an_event_comes_when_its_tape_time_has_passed_at_the_speed(self, world: Make) -> None:
        # 20 s of tape at ten times its time are 2 s of the wall.
        assert world(0, 20, 21).play() == [(1, 0.0), (2, 2.0), (3, 2.1)]

    def test_a_night_passes_as_a_minute(self, world: Make) -> None:
        assert world(0, 60_000, speed=60.0).play() == [(1, 0.0), (2, 1.0)]

    def test_it_hears_of_a_stop_each_moment(self, world: Make) -> None:
        made = world(0, 20)
        made.play()
        assert max(made.stopping.waits) == recorded.MOMENT_SECONDS == 0.05

    @pytest.mark.parametrize("speed", [0.0, -1.0])
    def test_a_speed_that_cannot_be_is_refused(self, world: Make, speed: float) -> None:
        with pytest.raises(BadSpeed):
            world(0, 1, speed=speed)


class TestPassed:
    def test_what_has_passed_does_not_come_again(self, world: Make) -> None:
        assert [seq for seq, _ in world(0, 1, 2, 3).play(passed=2)] == [3, 4]

    def test_the_first_after_it_comes_at_once(self, world: Make) -> None:
        assert world(0, 20, 30).play(passed=1) == [(2, 0.0), (3, 1.0)]

    @pytest.mark.parametrize("passed", [2, 9])
    def test_after_the_last_nothing_comes(self, world: Make, passed: int) -> None:
        assert world(0, 1).play(passed) == []


class TestStop:
    def test_a_stop_while_it_waits_ends_it(self, world: Make) -> None:
        made = world(0, 20, 40)
        made.stopping.until = made.began + 1.0
        assert made.play() == [(1, 0.0)]
        assert made.wall.seconds - made.began < 1.0 + 2 * recorded.MOMENT_SECONDS

    def test_a_stop_before_it_begins_lets_nothing_come(self, world: Make) -> None:
        made = world(0, 1)
        made.stopping.set()
        assert made.play() == []

    def test_a_stop_with_an_event_is_heard_before_the_next(self, world: Make) -> None:
        made = world(0, 0.000001)
        made.feed.run(lambda event: (made.put(event), made.stopping.set()), made.stopping, 0)
        assert made.came == [(1, 0.0)]


class TestNow:
    def test_before_it_begins_it_is_just_before_the_first_event(self, world: Make) -> None:
        made = world(0, 20)
        made.wall.seconds += 100.0
        assert made.feed.now_ns() == T0 - 1

    def test_between_two_events_it_goes_on_at_the_speed(self, world: Make) -> None:
        made, seen = world(0, 20), list[float]()
        made.stopping.each = lambda: seen.append((made.feed.now_ns() - T0) / SECOND_NS)
        made.play()
        assert seen[:3] == pytest.approx([0.5, 1.0, 1.5])  # ten times 0.05 s

    def test_it_never_reaches_the_event_that_comes_next(self, world: Make) -> None:
        # In a night a minute of the tape passes; late by a second each time, it would pass the next event too.
        seconds = [0, 20, 60_000, 60_001]
        made, seen = world(*seconds), list[int]()

        def look() -> None:
            made.wall.seconds += 1.0
            due = seconds[len(made.came)]
            seen.append(made.feed.now_ns())
            assert seen[-1] < T0 + due * SECOND_NS

        made.stopping.each = look
        assert len(made.play()) == 4
        assert seen == sorted(seen)

    def test_after_the_last_event_it_stands(self, world: Make) -> None:
        made = world(0, 20)
        made.play()
        made.wall.seconds += 100.0
        assert made.feed.now_ns() == T0 + 20 * SECOND_NS


def recording(folder: Path, **changes: Any) -> Path:
    """The tape of an engine that saw two bars, with what it wrote itself between them."""
    folder.mkdir()
    settings = json.dumps([json.loads(model.model_dump_json()) for model in load()])
    row: dict[str, Any] = {"book_id": "paper:test", "loop": "paper", "mode": "leveraged_etf", "equity_micros": 10**11}
    row |= {"settings": settings, "tapes": ("tape",), "tables": {}, "rules_version": 1}
    events: list[AnyEvent] = [
        RunStarted(1, T0 + 1, T0 + 1, **(row | changes)),
        bar(2),
        Clock(3, T0 + 3, T0 + 3),
        Command(4, T0 + 4, T0 + 4, "pause", "ann"),
        Intent(5, T0 + 5, T0 + 5, 2, "s1:first:1", "TQQQ", "buy", 1, None),
        bar(6),
        Stop(7, T0 + 7, T0 + 7),
    ]
    write(segment_path(folder, 1), events, cadences={"bar": 60.0}, marks=("SIMULATED",))
    return folder


class TestTapes:
    def test_a_tape_without_an_event_cannot_be_played(self, tmp_path: Path) -> None:
        with pytest.raises(EmptyFeed, match="holds no event"):
            RecordedFeed(write(tmp_path / "empty.tape", []), 1.0)

    def test_it_has_the_cadences_and_marks_of_the_tape(self, tmp_path: Path) -> None:
        feed = RecordedFeed(recording(tmp_path / "tape"), 1.0)
        assert (feed.cadences, feed.marks) == ({"bar": 60.0}, ("SIMULATED",))

    def test_of_an_engines_tape_the_markets_events_come_alone(self, tmp_path: Path) -> None:
        came: list[AnyEvent] = []
        RecordedFeed(recording(tmp_path / "tape"), 1e6).run(came.append, threading.Event(), 0)
        assert came == [bar(2), bar(6)]

    def test_a_simulated_market_is_made_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(simulated, "SESSIONS", 1)
        tape = simulated.simulated(tmp_path / "market", 3)
        made = tape.stat()
        assert simulated.simulated(tmp_path / "market", 3) == tape
        assert (tape.name, tape.stat().st_mtime_ns, tape.stat().st_ino) == (
            "seed-3.tape",
            made.st_mtime_ns,
            made.st_ino,
        )
        assert RecordedFeed(tape, 1.0).marks == ("SIMULATED",)


class TestReplay:
    """What a replay makes of an engine's tape."""

    def of(self, given: Sequence[AnyEvent]) -> list[type]:
        return [type(event) for event in given]

    def test_without_wishes_it_is_read_as_it_was_recorded(self, tmp_path: Path) -> None:
        given = read([recording(tmp_path / "tape")], Options())
        assert (given.started.book_id, given.started.mode, given.started.seq) == ("paper:test", "leveraged_etf", 1)
        assert given.echoes is not None
        assert self.of(list(given.events)) == [Bar, Clock, Command, Bar, Stop]

    def test_as_recorded_the_settings_are_those_of_the_engine(self, tmp_path: Path) -> None:
        own = load(None, ["max_scalps_per_day=3"])
        settings = json.dumps([json.loads(model.model_dump_json()) for model in own])
        given = read([recording(tmp_path / "tape", settings=settings)], Options(settings=load()))
        assert given.settings == own

    @pytest.mark.parametrize("wish", ["mode", "settings", "signals"])
    def test_with_a_wish_its_market_is_played_anew_into_another_book(self, tmp_path: Path, wish: str) -> None:
        signals = tmp_path / "signals.csv"
        signals.write_text("ticker,bar_close_utc,direction,conviction\n")
        wishes = {"mode": "options", "settings": load(None, ["max_scalps_per_day=3"]), "signals": signals}
        given = read([recording(tmp_path / "tape")], Options(**{wish: wishes[wish]}))
        assert given.started.book_id.startswith("replay:")
        assert given.echoes is None
        assert self.of(list(given.events)) == [Bar, Bar]
