"""The one writer of an engine's tape: place and time of events, a full queue, segments, a new start."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.tape import safety
from flows.tape.frames import Corrupt
from flows.tape.journal import WAITING
from flows.tape.reader import Tape
from flows.tape.segments import Segments, segment_path, segment_paths
from operators.events import Checkpoint, Command, Intent, RunStarted, Stop
from tests.journals import CLOCK, INTENT, LIMIT_SECONDS, QUOTE, Make, makes, wrote
from tests.tape_builders import T0, bar, checkpoint, cut_end, encoded, first_types, segment

STARTED = replace(first_types()[0], seq=0, at_ns=0)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from makes(tmp_path)


def test_events_are_counted_from_one(make: Make) -> None:
    assert [event.seq for event in wrote(make(), STARTED, QUOTE, INTENT, QUOTE)] == [1, 2, 3, 4]


def test_an_event_without_time_gets_that_of_the_clock(make: Make) -> None:
    times = count(T0, 1000)
    assert [event.at_ns for event in wrote(make(lambda: next(times)), CLOCK, CLOCK)] == [T0, T0 + 1000]


def test_time_rises_although_the_clock_stands_still_or_goes_back(make: Make) -> None:
    times = iter([T0, T0, T0 - 5, T0 + 2, T0 + 9])
    found = wrote(make(lambda: next(times)), *[CLOCK] * 5)
    assert [event.at_ns - T0 for event in found] == [0, 1, 2, 3, 9]


def test_an_event_keeps_its_own_time(make: Make) -> None:
    assert [event.at_ns for event in wrote(make(), bar(0, T0 + 7), bar(0, T0 + 60))] == [T0 + 7, T0 + 60]


def test_an_event_whose_own_time_is_past_comes_a_nanosecond_after_the_last(make: Make) -> None:
    assert [event.at_ns for event in wrote(make(), bar(0, T0 + 7), bar(0, T0 + 7))] == [T0 + 7, T0 + 8]


def test_what_happened_at_no_time_of_its_own_happened_when_it_was_written(make: Make) -> None:
    assert [event.event_ns for event in wrote(make(lambda: T0 + 5), QUOTE, CLOCK)] == [T0, T0 + 6]


def test_after_stop_only_echoes_are_written(make: Make) -> None:
    found = wrote(make(), STARTED, Stop(0, 0, 0), QUOTE, INTENT, CLOCK, checkpoint(2), Command(0, 0, 0, "kill", "ann"))
    assert [type(event) for event in found] == [RunStarted, Stop, Intent, Checkpoint]


def test_a_full_queue_makes_put_wait_until_there_is_room(make: Make, tmp_path: Path) -> None:
    asked, gate = threading.Event(), threading.Event()

    def clock() -> int:
        asked.set()
        assert gate.wait(LIMIT_SECONDS)
        return T0

    journal = make(clock)
    journal.start()
    journal.put(QUOTE)
    assert asked.wait(LIMIT_SECONDS)  # the thread has it and waits for the time
    for _ in range(WAITING):
        journal.put(QUOTE)
    putter = threading.Thread(target=journal.put, args=(CLOCK,))
    putter.start()
    putter.join(0.1)
    assert (putter.is_alive(), journal.waiting) == (True, WAITING)
    gate.set()
    putter.join(LIMIT_SECONDS)
    journal.close()
    assert (putter.is_alive(), Segments(tmp_path).info().events) == (False, WAITING + 2)


def test_put_raises_once_the_queue_is_full_and_nobody_writes(make: Make) -> None:
    journal = make(lambda: 1 // 0)
    journal.start()
    journal.put(CLOCK)
    assert journal.written.wait(LIMIT_SECONDS)  # it wakes the reader, who will find the fault
    with pytest.raises(RuntimeError, match="no longer written") as caught:
        for _ in range(WAITING + 1):
            journal.put(CLOCK)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    journal._safety.join()
    assert (journal.fault, journal.ended) == (caught.value.__cause__, True)


def test_nothing_is_safe_before_it_is_written(make: Make) -> None:
    journal = make()
    journal.put(QUOTE)
    assert (journal.wait_synced(1, 0.0), journal.written_seq, journal.synced_seq) == (False, 0, 0)


def test_what_is_written_is_soon_safe_without_more_news(make: Make) -> None:
    journal = make()
    journal.start()
    journal.put(QUOTE)
    journal.put(QUOTE)
    assert journal.wait_synced(2, LIMIT_SECONDS)
    assert (journal.synced_seq, journal.written_seq) == (2, 2)


def test_who_cannot_wait_does_not_wait_for_the_next_sync(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "SYNC_SECONDS", 2 * LIMIT_SECONDS)
    journal = make()
    journal.start()
    journal.put(QUOTE)
    assert journal.drained(LIMIT_SECONDS)
    assert not journal.wait_synced(1, 0.05)
    assert journal.wait_synced(1, LIMIT_SECONDS, at_once=True)


def test_a_written_event_wakes_the_reader_who_finds_it_in_the_file(make: Make, tmp_path: Path) -> None:
    journal = make()
    journal.start()
    journal.put(QUOTE)
    assert journal.written.wait(LIMIT_SECONDS)
    assert [event.seq for event in Segments(tmp_path).events()] == [1]


def test_a_closed_journal_writes_no_more(make: Make) -> None:
    journal = make()
    wrote(journal, QUOTE)
    assert (journal.ended, journal.synced_seq, journal.waiting) == (True, 1, 0)


def test_a_large_segment_ends_before_a_checkpoint_and_the_next_begins_with_it(make: Make, tmp_path: Path) -> None:
    wrote(make(segment_bytes=1), STARTED, QUOTE, QUOTE, checkpoint(3), INTENT, QUOTE, checkpoint(6), QUOTE)
    kinds = [[type(event).__name__ for event in Tape(path).events()] for path in segment_paths(tmp_path)]
    assert kinds == [
        ["RunStarted", "Quote", "Quote"],
        ["Checkpoint", "Intent", "Quote"],
        ["Checkpoint", "Quote"],
    ]


def test_a_segment_does_not_end_without_a_checkpoint_or_before_it_is_large(make: Make, tmp_path: Path) -> None:
    wrote(make(segment_bytes=1), *[QUOTE] * 20)
    wrote(make(segment_bytes=10_000), checkpoint(20))
    assert len(segment_paths(tmp_path)) == 1


def test_a_segments_header_says_where_it_begins_and_how_much_of_the_market_was_before(
    make: Make, tmp_path: Path
) -> None:
    wrote(make(segment_bytes=1), STARTED, QUOTE, QUOTE, checkpoint(3), INTENT, QUOTE, checkpoint(6), QUOTE)
    headers = [Tape(path).header for path in segment_paths(tmp_path)]
    assert [(found.first_seq, found.market_events) for found in headers] == [(1, 0), (4, 2), (7, 3)]
    assert segment_paths(tmp_path) == [segment_path(tmp_path, seq) for seq in (1, 4, 7)]


def test_segments_that_are_left_have_their_index(make: Make, tmp_path: Path) -> None:
    journal = make(segment_bytes=1)
    journal.start()
    for event in (QUOTE, checkpoint(1), QUOTE):
        journal.put(event)
    assert journal.wait_synced(3, LIMIT_SECONDS)
    first, last = map(Tape, segment_paths(tmp_path))
    assert (first.finished, first.verify().events, last.finished) == (True, 1, False)


def test_each_checkpoint_is_told_with_its_place_once_it_is_in_the_file(make: Make, tmp_path: Path) -> None:
    journal, told = make(segment_bytes=1), list[tuple[int, int, str, bytes]]()

    def hear(event: Checkpoint, path: Path, offset: int) -> None:
        told.append((event.at_seq, event.seq, path.stem, path.read_bytes()[offset : offset + 4]))

    journal.checkpoint = hear
    wrote(journal, QUOTE, checkpoint(1), QUOTE, checkpoint(3))
    frame = b"ScE\x96"
    assert told == [(1, 2, "000000000002", frame), (3, 4, "000000000004", frame)]


def test_a_new_journal_goes_on_with_place_time_and_count(make: Make) -> None:
    wrote(make(lambda: T0 + 9, segment_bytes=1), STARTED, QUOTE, checkpoint(2), QUOTE)
    journal = make(lambda: T0)
    assert (journal.written_seq, journal.synced_seq, journal.last_ns, journal.market_events) == (4, 4, T0 + 12, 2)
    *_, last = wrote(journal, QUOTE)
    assert (last.seq, last.at_ns, journal.market_events) == (5, T0 + 13, 3)


def test_only_what_a_feed_brought_counts_as_the_market(make: Make) -> None:
    journal = make()
    wrote(journal, STARTED, QUOTE, CLOCK, INTENT, bar(0), Command(0, 0, 0, "kill", "ann"), checkpoint(1))
    assert journal.market_events == 2


def test_a_stop_ends_one_run_and_not_the_next(make: Make) -> None:
    wrote(make(), STARTED, Stop(0, 0, 0))
    found = wrote(make(), STARTED, QUOTE)
    assert [type(event).__name__ for event in found] == ["RunStarted", "Stop", "RunStarted", "Quote"]


@pytest.mark.parametrize("lost", [1, 20, 50])
def test_a_torn_tail_is_cut_before_more_is_written(make: Make, tmp_path: Path, lost: int) -> None:
    cut_end(segment(tmp_path, 1, 3), lost)
    assert encoded(wrote(make(), bar(0, T0 + 8))) == encoded([bar(1), bar(2), bar(3, T0 + 8)])


def test_a_damaged_tape_is_not_continued(make: Make, tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 3)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"TQQQ", b"SQQQ"))
    with pytest.raises(Corrupt):
        make()
