"""What the journal makes of a full disk, a file that may not grow, and a kill in the middle of its work."""

import errno
import multiprocessing
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from flows import points
from flows.tape import journal as module
from flows.tape import patience
from flows.tape.frames import Header
from flows.tape.journal import Journal
from flows.tape.reader import Tape
from flows.tape.segments import segment_path, segment_paths
from flows.tape.writer import TapeWriter
from operators.events import Chain
from tests.journals import CLOCK, LIMIT_SECONDS, QUOTE, Make, makes, wrote
from tests.tape_builders import T0, checkpoint


class FullDisk(FileIO):
    """A file on a disk with room for so many bytes until it is `freed`; `refused` says that it was full."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__(path, "r+")
        self.seek(0, 2)
        self.room = room
        self.freed, self.refused = threading.Event(), threading.Event()

    def write(self, data: Any) -> int:
        if self.freed.is_set():
            return super().write(data)
        if self.room == 0:
            self.refused.set()
            raise OSError(errno.ENOSPC, "no space left")
        took = super().write(bytes(data)[: self.room])
        self.room -= took
        return took


Fill = Callable[[Journal, int], FullDisk]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from makes(tmp_path)


@pytest.fixture
def fill(make: Make) -> Iterator[Fill]:
    """Gives a journal that is not started a disk with little room; at the end it is freed, so that it can close."""
    disks: list[FullDisk] = []

    def filled(journal: Journal, room: int) -> FullDisk:
        journal._writer._file.close()
        journal._writer._file = disk = FullDisk(journal._writer.path, room)
        disks.append(disk)
        return disk

    yield filled
    for disk in disks:
        disk.freed.set()


@pytest.mark.parametrize("room", [0, 1, 150])
def test_a_full_disk_is_asked_again_and_nothing_is_written_twice(
    make: Make, fill: Fill, tmp_path: Path, room: int
) -> None:
    journal = make()
    disk = fill(journal, room)
    journal.start()
    for _ in range(20):
        journal.put(QUOTE)
    assert disk.refused.wait(LIMIT_SECONDS)
    disk.freed.set()
    assert journal.wait_synced(20, LIMIT_SECONDS)
    assert journal.fault is None
    journal.close()
    assert (Tape(segment_paths(tmp_path)[0]).verify().events, journal.written_seq) == (20, 20)


def test_nothing_counts_as_written_while_the_disk_is_full(make: Make, fill: Fill) -> None:
    journal = make()
    disk = fill(journal, 0)
    journal.start()
    journal.put(QUOTE)
    assert disk.refused.wait(LIMIT_SECONDS)
    assert (journal.written_seq, journal.synced_seq, journal.ended) == (0, 0, False)


def test_an_event_larger_than_the_buffer_waits_for_a_full_disk_too(make: Make, fill: Fill, tmp_path: Path) -> None:
    journal = make()
    disk = fill(journal, 0)
    journal.start()
    journal.put(Chain(0, 0, 0, "SPX", bytes(2_000_000), b""))
    journal.put(QUOTE)
    assert disk.refused.wait(LIMIT_SECONDS)
    disk.freed.set()
    assert journal.wait_synced(2, LIMIT_SECONDS)
    journal.close()
    assert Tape(segment_paths(tmp_path)[0]).verify().events == 2


def write_under_a_limit(folder: Path) -> None:
    """Writes 50 quotes where a file may have 1000 bytes, until the limit is lifted."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    journal = Journal(folder, Header(), lambda: T0)
    journal.start()
    for _ in range(50):
        journal.put(QUOTE)
    waits = 0
    while journal.fault is None:
        waits += 1
        assert waits < LIMIT_SECONDS / 0.01
        assert not journal.wait_synced(50, 0.01)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert journal.wait_synced(50, LIMIT_SECONDS)
    journal.close()


def write_up_to(folder: Path, point: str, times: int) -> None:
    """Writes quotes and checkpoints, and dies at a point."""
    points.arm(point, times)
    wrote(Journal(folder, Header(), lambda: T0, 1), QUOTE, checkpoint(1), QUOTE, checkpoint(3), QUOTE)


def exit_code(target: Callable[..., None], *arguments: object) -> int | None:
    """How a process of its own ends."""
    child = multiprocessing.get_context("forkserver").Process(target=target, args=arguments)
    child.start()
    child.join(LIMIT_SECONDS)
    code = child.exitcode
    child.kill()
    child.join()
    return code


def test_a_file_that_may_not_grow_loses_and_doubles_nothing_once_it_may(tmp_path: Path) -> None:
    assert exit_code(write_under_a_limit, tmp_path) == 0
    assert Tape(segment_paths(tmp_path)[0]).verify().events == 50


@pytest.mark.parametrize(
    ("point", "times", "events"),
    [
        ("half a frame", 2, 0),  # the first half is the header's
        ("segment closed", 1, 1),
        ("segment closed", 2, 3),
        ("before a checkpoint", 1, 1),
        ("checkpoint written", 1, 2),
        ("checkpoint written", 2, 4),
    ],
)
def test_a_journal_goes_on_after_a_kill(make: Make, tmp_path: Path, point: str, times: int, events: int) -> None:
    assert exit_code(write_up_to, tmp_path, point, times) == -signal.SIGKILL
    assert [event.seq for event in wrote(make(), CLOCK)] == list(range(1, events + 2))


def test_a_name_that_is_no_point_is_refused() -> None:
    with pytest.raises(ValueError, match="'nowhere' is no point; half a frame, "):
        points.arm("nowhere", 1)


def test_a_roll_on_a_full_disk_waits_and_the_closed_segment_is_whole(make: Make, fill: Fill, tmp_path: Path) -> None:
    journal = make(segment_bytes=1)
    disk = fill(journal, 10_000)
    journal.start()
    journal.put(QUOTE)
    assert journal.drained(LIMIT_SECONDS)
    disk.room = 0
    journal.put(checkpoint(1))
    assert disk.refused.wait(LIMIT_SECONDS)
    disk.freed.set()
    assert journal.drained(LIMIT_SECONDS)
    first, second = map(Tape, segment_paths(tmp_path))
    assert (first.verify().events, first.finished, second.verify().events) == (1, True, 1)


def test_a_journal_that_is_closed_on_a_full_disk_does_not_wait(make: Make, fill: Fill) -> None:
    journal = make()
    disk = fill(journal, 0)
    journal.start()
    journal.put(QUOTE)
    assert disk.refused.wait(LIMIT_SECONDS)
    journal.close()
    assert isinstance(journal.fault, OSError)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try more is all that a full disk gets once all ends."""
    monkeypatch.setattr(patience, "LAST_SECONDS", 0.0)


@pytest.mark.parametrize("room", [0, 1, 150, 500])
def test_a_disk_that_stays_full_is_given_up_once_all_ends_and_what_is_missing_is_counted(
    make: Make, fill: Fill, no_patience: None, tmp_path: Path, room: int
) -> None:
    journal = make()
    disk = fill(journal, room)
    journal.start()
    for _ in range(20):
        journal.put(QUOTE)
    assert disk.refused.wait(LIMIT_SECONDS)
    assert not journal.ended
    journal.stopping.set()
    journal._thread.join(LIMIT_SECONDS)
    assert not journal._thread.is_alive()
    journal.put(CLOCK)
    there = sum(1 for _ in Tape(segment_paths(tmp_path)[0]).events())
    assert journal.close() == (
        f"the tape cannot be written ([Errno 28] no space left): {21 - there} events are not on it, and no order among "
        f"them was sent; mend that and start again, which goes on behind event {there}"
    )


def test_there_is_room_again_before_it_is_given_up(make: Make, fill: Fill, tmp_path: Path) -> None:
    journal = make()
    disk = fill(journal, 0)
    journal.start()
    journal.put(QUOTE)
    assert disk.refused.wait(LIMIT_SECONDS)
    journal.stopping.set()
    disk.freed.set()
    assert journal.wait_synced(1, LIMIT_SECONDS)
    assert (journal.close(), Tape(segment_paths(tmp_path)[0]).verify().events) == ("", 1)


def test_who_waits_for_room_in_the_queue_is_told_that_nothing_more_is_written(
    make: Make, fill: Fill, no_patience: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    journal = make()
    disk = fill(journal, 0)
    journal.start()
    journal.put(QUOTE)
    assert disk.refused.wait(LIMIT_SECONDS)
    for _ in range(3):
        journal.put(QUOTE)
    journal.stopping.set()
    with pytest.raises(RuntimeError, match="the tape is no longer written"):
        journal.put(QUOTE)


def test_a_disk_without_room_for_the_index_lacks_no_event(make: Make, fill: Fill, tmp_path: Path) -> None:
    journal = make()
    disk = fill(journal, 10_000)
    journal.start()
    journal.put(QUOTE)
    assert journal.wait_synced(1, LIMIT_SECONDS)
    disk.room = 0
    assert "0 events are not on it" in journal.close()
    disk.freed.set()
    assert [event.seq for event in wrote(make(), CLOCK)] == [1, 2]


@pytest.mark.parametrize("room", [0, 10_000])
def test_a_segment_that_somebody_deleted_is_named_at_the_end(make: Make, fill: Fill, tmp_path: Path, room: int) -> None:
    journal = make()
    fill(journal, room)
    journal.start()
    journal.put(QUOTE)
    (path,) = segment_paths(tmp_path)
    path.unlink()
    assert journal.close() == f"{path} was deleted while it was written: restore the tape from a copy"


def test_time_goes_on_behind_a_segment_that_has_no_event_yet(make: Make, tmp_path: Path) -> None:
    wrote(make(), QUOTE, CLOCK)
    last = Tape(segment_paths(tmp_path)[0]).info().last_at_ns
    TapeWriter.begin(segment_path(tmp_path, 3), Header(first_seq=3)).abandon()
    assert last is not None
    *_, event = wrote(make(clock=lambda: T0 - 100), CLOCK)
    assert (event.seq, event.at_ns) == (3, last + 1)


class SlowDisk(FileIO):
    """A file that is not made safe before it is `freed`, and then only if `fault` is not set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "r+")
        self.seek(0, 2)
        self.freed, self.asked, self.fault = threading.Event(), threading.Event(), False

    def fileno(self) -> int:
        self.asked.set()
        assert self.freed.wait(LIMIT_SECONDS)
        if self.fault:
            raise OSError(errno.EIO, "the disk is broken")
        return super().fileno()


def slow(journal: Journal) -> SlowDisk:
    """Gives a journal that is not started a disk that makes nothing safe yet."""
    journal._writer._file.close()
    journal._writer._file = disk = SlowDisk(journal._writer.path)
    return disk


def test_writes_go_on_while_the_disk_makes_others_safe(make: Make) -> None:
    journal = make()
    disk = slow(journal)
    journal.start()
    journal.put(QUOTE)
    assert disk.asked.wait(LIMIT_SECONDS)
    journal.put(QUOTE)
    assert journal.drained(LIMIT_SECONDS)
    assert (journal.written_seq, journal.synced_seq) == (2, 0)
    disk.freed.set()
    assert journal.wait_synced(2, LIMIT_SECONDS)


def test_a_segment_ends_only_after_the_disk_has_answered(make: Make, tmp_path: Path) -> None:
    journal = make(segment_bytes=1)
    disk = slow(journal)
    journal.start()
    journal.put(QUOTE)
    assert disk.asked.wait(LIMIT_SECONDS)
    journal.put(checkpoint(1))
    assert not journal.drained(0.2)
    assert len(segment_paths(tmp_path)) == 1
    disk.freed.set()
    assert journal.wait_synced(2, LIMIT_SECONDS)
    assert len(segment_paths(tmp_path)) == 2


def test_a_disk_that_makes_nothing_safe_ends_the_journal(make: Make) -> None:
    journal = make()
    disk = slow(journal)
    disk.fault = True
    disk.freed.set()
    journal.start()
    journal.put(QUOTE)
    journal._thread.join(LIMIT_SECONDS)
    assert (journal.ended, journal.synced_seq, str(journal.fault)) == (True, 0, "[Errno 5] the disk is broken")


def test_a_journal_has_not_ended_while_the_disk_makes_its_last_events_safe(make: Make) -> None:
    journal = make()
    disk = slow(journal)
    journal.start()
    journal.put(QUOTE)
    assert disk.asked.wait(LIMIT_SECONDS)
    closing = threading.Thread(target=journal.close)
    closing.start()
    journal._thread.join(LIMIT_SECONDS)
    assert not journal.ended
    disk.freed.set()
    closing.join(LIMIT_SECONDS)
    assert (journal.ended, journal.synced_seq) == (True, 1)
