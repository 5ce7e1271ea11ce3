"""Replays at a multiple of the tape's own time: what is due when, and that the records do not know of it."""

from collections.abc import Iterator
from math import inf, nan
from pathlib import Path

import pytest

from flows.tape.pace import BadSpeed, Pace
from flows.tape.source import Reading, TapeSource
from operators.events import SECOND_NS, AnyEvent
from tests.commands import replayed, scalp
from tests.play import started
from tests.tape_builders import T0, bar

pytest_plugins = ("tests.tape_fixtures",)


class Wall:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def at(seq: int, seconds: float, **changes: object) -> AnyEvent:
    """A bar that was known so many seconds after the tape's beginning."""
    return bar(seq, T0 + round(seconds * SECOND_NS), **changes)


def partition(events: list[AnyEvent], wall: Wall, speed: float = 10.0, batch: int = 1000) -> tuple[object, Reading]:
    reading = Reading()
    source = TapeSource(started(T0), iter(events), batch, reading, Pace(speed, wall))
    part = source.build("tape", 0, 1)
    part.next_batch()  # RunStarted
    return part, reading


def seqs(part: object) -> list[int]:
    return [event.seq for _, event in part.next_batch()]  # type: ignore[attr-defined]


class TestPace:
    def test_an_event_is_due_when_its_tape_time_has_passed_at_the_speed(self) -> None:
        # 20 s of tape at ten times its time are 2 s of the wall.
        wall = Wall()
        part, _ = partition([at(1, 0), at(2, 20), at(3, 20.001)], wall)
        assert seqs(part) == [1]
        wall.seconds += 1.999
        assert seqs(part) == []
        wall.seconds += 0.001
        assert seqs(part) == [2]
        wall.seconds += 0.0001
        assert seqs(part) == [3]

    def test_a_night_passes_as_a_minute(self) -> None:
        wall = Wall()
        part, _ = partition([at(1, 0), at(2, 60_000)], wall, speed=60.0)
        assert seqs(part) == [1]
        wall.seconds += 0.99
        assert seqs(part) == []
        wall.seconds += 0.02
        assert seqs(part) == [2]

    def test_history_takes_no_time(self) -> None:
        wall = Wall()
        events = [at(seq, 30.0 * seq, history=True) for seq in range(1, 6)]
        part, reading = partition([*events, at(6, 180.0)], wall)
        assert seqs(part) == [1, 2, 3, 4, 5]
        assert reading.history_events == 5

    def test_what_was_late_is_made_up_for(self) -> None:
        wall = Wall()
        part, _ = partition([at(seq, seq) for seq in range(1, 40)], wall)
        seqs(part)
        wall.seconds += 2.0
        assert seqs(part) == list(range(2, 22))

    def test_a_batch_holds_no_more_than_it_may(self) -> None:
        part, _ = partition([at(seq, 0.001 * seq) for seq in range(1, 10)], Wall(), speed=1e6, batch=4)
        assert len(seqs(part)) <= 4

    @pytest.mark.parametrize("speed", [0.0, -1.0, nan, inf, 1e7])
    def test_a_speed_that_cannot_be_is_refused(self, speed: float) -> None:
        with pytest.raises(BadSpeed, match="expected a number over 0"):
            Pace(speed)


class TestSource:
    def test_it_sleeps_until_the_next_event_but_hears_a_stop(self) -> None:
        wall = Wall()
        part, reading = partition([at(1, 0), at(2, 50)], wall)
        assert part.next_awake() is None  # type: ignore[attr-defined]
        seqs(part)
        seqs(part)
        assert part.next_awake() is not None  # type: ignore[attr-defined]
        reading.stop()
        with pytest.raises(StopIteration):
            seqs(part)
        assert (reading.events, reading.ended) == (1, False)

    def test_it_ends_after_its_last_event(self) -> None:
        wall = Wall()
        part, reading = partition([at(1, 0)], wall)
        assert seqs(part) == [1]
        with pytest.raises(StopIteration):
            seqs(part)
        assert reading.ended


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[str]:
    return iter([f"sqlite:///{tmp_path / name}.db" for name in "ab"])


def test_the_speed_changes_no_record(made_tape: Path, databases: Iterator[str]) -> None:
    whole = replayed(made_tape, database=next(databases))
    paced = replayed(made_tape, "--speed", "1000000", database=next(databases))
    assert paced | {"seconds": 0} == whole | {"seconds": 0}


def test_a_speed_of_nothing_is_refused_in_one_line(made_tape: Path) -> None:
    said = scalp("replay", made_tape, "--speed", "0")
    assert (said.code, said.out) == (2, "")
    assert "a speed of 0.0: expected a number over 0, at most 1000000" in said.err
