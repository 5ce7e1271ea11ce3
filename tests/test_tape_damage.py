"""What a reader makes of a tape that was cut or altered, and how a writer continues one."""

from pathlib import Path

import pytest

from flows.tape.frames import CLOSING, EVENT, HEAD, TRAIL, Corrupt, NotATape, frame
from flows.tape.reader import Tape
from flows.tape.writer import TapeWriter
from operators.events import encode
from tests.tape_builders import T0, bar, bars, closing_start, encoded, first_types, write

EVENTS = first_types()
LAST = len(frame(EVENT, 8, encode(EVENTS[-1])))
MIDDLE = sum(len(frame(EVENT, event.seq, encode(event))) for event in EVENTS[3:])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.tape"


@pytest.fixture
def whole(path: Path) -> bytes:
    """The bytes of a finished tape with eight events, one of each type at least."""
    return write(path, EVENTS).read_bytes()


def read(path: Path, data: bytes) -> tuple[int, int | None]:
    """How many events a tape of these bytes has, and where its tail is torn."""
    path.write_bytes(data)
    tape = Tape(path)
    return len(list(tape.events())), tape.torn_offset


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def offset_of_damage(path: Path, data: bytes) -> int:
    """Reads the whole tape, which must be found corrupt; where."""
    path.write_bytes(data)
    with pytest.raises(Corrupt) as caught:
        Tape(path).verify()
    assert f"corrupt at byte {caught.value.offset}" in str(caught.value)
    return caught.value.offset


def test_a_cut_inside_the_last_event_loses_that_event_only(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    for cut in range(end - LAST + 1, end):
        assert read(path, whole[:cut]) == (7, end - LAST), cut


def test_a_cut_between_two_events_is_an_unfinished_tape(path: Path, whole: bytes) -> None:
    assert read(path, whole[: closing_start(whole) - LAST]) == (7, None)


def test_a_cut_inside_the_closing_frame_loses_no_event(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    for cut in range(end + 1, len(whole) - TRAIL.size):
        assert read(path, whole[:cut]) == (8, end), cut


def test_a_cut_inside_the_trailer_loses_no_event(path: Path, whole: bytes) -> None:
    for cut in range(len(whole) - TRAIL.size, len(whole)):
        assert read(path, whole[:cut]) == (8, len(whole) - TRAIL.size), cut


def test_a_cut_inside_the_header_leaves_no_usable_tape(path: Path, whole: bytes) -> None:
    for cut in range(whole.index(EVENT)):
        path.write_bytes(whole[:cut])
        with pytest.raises(NotATape):
            Tape(path)


@pytest.mark.parametrize("zeros", [1, 3, 19, 20, 24, 4096, 200_000])
def test_zeros_after_the_last_event_are_a_torn_tail(path: Path, whole: bytes, zeros: int) -> None:
    end = closing_start(whole)
    assert read(path, whole[:end] + bytes(zeros)) == (8, end)


def test_zeros_after_any_byte_of_the_last_event_are_a_torn_tail(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    for cut in range(end - LAST, end):
        assert read(path, whole[:cut] + bytes(4096)) == (7, end - LAST), cut


@pytest.mark.parametrize("kept", [0, 4, 11, 13, 15, 16])
def test_zeros_in_and_after_the_trailer_are_a_torn_tail(path: Path, whole: bytes, kept: int) -> None:
    start = len(whole) - TRAIL.size
    assert read(path, whole[: start + kept] + bytes(100)) == (8, start if kept < TRAIL.size else len(whole))


def test_zeros_between_events_are_corruption(path: Path, whole: bytes) -> None:
    start = closing_start(whole) - LAST
    assert offset_of_damage(path, whole[:start] + bytes(LAST) + whole[start + LAST :]) == start


@pytest.mark.parametrize("place", range(40))
@pytest.mark.parametrize("finished", [True, False])
def test_a_flipped_bit_anywhere_is_corruption(path: Path, whole: bytes, place: int, finished: bool) -> None:
    data = whole if finished else whole[: closing_start(whole)]
    at = place * (len(data) - 1) // 39
    assert offset_of_damage(path, flipped(data, at, place % 8)) <= at


@pytest.mark.parametrize("after", [MIDDLE, LAST])
@pytest.mark.parametrize("byte", range(HEAD.size))
def test_a_flipped_bit_in_a_frame_header_is_corruption_of_that_frame(
    path: Path, whole: bytes, byte: int, after: int
) -> None:
    start = closing_start(whole) - after
    for bit in range(8):
        assert offset_of_damage(path, flipped(whole[: closing_start(whole)], start + byte, bit)) == start


@pytest.mark.parametrize("byte", range(TRAIL.size))
def test_a_flipped_bit_in_the_trailer_is_corruption_and_not_a_torn_tail(path: Path, whole: bytes, byte: int) -> None:
    start = len(whole) - TRAIL.size
    for bit in range(8):
        assert offset_of_damage(path, flipped(whole, start + byte, bit)) == start


def test_events_before_the_damage_are_given_first(path: Path, whole: bytes) -> None:
    path.write_bytes(flipped(whole, closing_start(whole) - LAST, 0))
    events = Tape(path).events()
    assert [next(events).seq for _ in range(7)] == list(range(1, 8))
    with pytest.raises(Corrupt):
        next(events)


def test_a_missing_frame_is_corruption(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    assert offset_of_damage(path, whole[: end - MIDDLE] + whole[end - LAST : end]) == end - MIDDLE


def test_a_whole_frame_cut_out_before_the_closing_frame_is_corruption(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    offset_of_damage(path, whole[: end - LAST] + whole[end:])


def test_bytes_after_the_trailer_are_corruption(path: Path, whole: bytes) -> None:
    assert offset_of_damage(path, whole + b"more") == len(whole)


def test_an_event_that_is_not_later_is_corruption(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    late = frame(EVENT, 9, encode(bar(9, T0 + 7)))
    assert offset_of_damage(path, whole[:end] + late) == end


def test_an_event_with_another_seq_than_its_frame_is_corruption(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    assert offset_of_damage(path, whole[:end] + frame(EVENT, 9, encode(bar(10)))) == end


def test_a_payload_that_is_no_event_is_corruption(path: Path, whole: bytes) -> None:
    end = closing_start(whole)
    assert offset_of_damage(path, whole[:end] + frame(EVENT, 9, b"\x91\x63")) == end


def test_a_closing_frame_of_other_events_is_corruption(path: Path, whole: bytes, tmp_path: Path) -> None:
    other = write(tmp_path / "b.tape", list(bars(8))).read_bytes()
    end = closing_start(whole)
    assert offset_of_damage(path, whole[:end] + other[closing_start(other) : -TRAIL.size]) == end
    assert CLOSING in other


def test_a_reopened_tape_is_continued_as_if_it_had_never_been_closed(path: Path, tmp_path: Path) -> None:
    write(path, bars(5000))
    with TapeWriter.reopen(path) as tape:
        for event in bars(9000)[5000:]:
            tape.append(event)
    assert path.read_bytes() == write(tmp_path / "b.tape", bars(9000)).read_bytes()


@pytest.mark.parametrize("lost", [1, LAST // 2, LAST - 1])
def test_a_tape_reopened_after_a_cut_goes_on_after_its_last_whole_event(path: Path, whole: bytes, lost: int) -> None:
    path.write_bytes(whole[: closing_start(whole) - lost])
    with TapeWriter.reopen(path) as tape:
        tape.append(EVENTS[-1])
    assert encoded(list(Tape(path).events())) == encoded(EVENTS)
    assert Tape(path).verify().torn is False


def test_a_tape_reopened_after_zeros_goes_on_after_its_last_whole_event(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[: closing_start(whole)] + bytes(5000))
    with TapeWriter.reopen(path) as tape:
        assert tape.tally.events == 8
    assert Tape(path).verify().events == 8


def test_a_reopened_tape_keeps_its_counters(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)
    with TapeWriter.reopen(path) as tape, pytest.raises(ValueError, match="seq must be 9"):
        tape.append(bar(1))
    assert path.read_bytes() == whole


def test_an_error_while_continuing_keeps_the_whole_events(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)
    with pytest.raises(ZeroDivisionError), TapeWriter.reopen(path) as tape:
        tape.append(bar(9))
        raise ZeroDivisionError
    assert read(path, path.read_bytes()) == (9, None)


def test_a_corrupt_tape_is_not_continued(path: Path, whole: bytes) -> None:
    damaged = flipped(whole, closing_start(whole) - LAST, 0)
    path.write_bytes(damaged)
    with pytest.raises(Corrupt):
        TapeWriter.reopen(path)
    assert path.read_bytes() == damaged
