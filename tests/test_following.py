"""Reading a tape while it is written: whole frames only, over the ends of segments, from any event on."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.tape.following import Follower
from flows.tape.frames import BODY, CHECK, EVENT, HEAD, Corrupt, Header, frame
from flows.tape.reader import Tape
from flows.tape.scan import BLOCK
from flows.tape.segments import segment_path
from flows.tape.writer import TapeWriter
from operators.events import AnyEvent, Chain, encode
from tests.tape_builders import T0, bar, closing_start, cut_end, encoded, segment

LENGTH = len(frame(EVENT, 1, encode(bar(1))))


def drained(follower: Follower) -> list[AnyEvent]:
    """All that a follower gives of what is written: it gives nothing only where nothing is left."""
    return [event for events in iter(follower.read, []) for event in events]


def seqs(folder: Path, seq: int) -> list[int]:
    """The places that a follower from an event on gives."""
    with closing(Follower(folder, seq)) as follower:
        return [event.seq for event in drained(follower)]


def grown(path: Path, data: bytes) -> Iterator[int]:
    """Writes the bytes behind a file one by one, and gives how many there are after each."""
    with path.open("ab", buffering=0) as file:
        for place in range(len(data)):
            file.write(data[place : place + 1])
            yield place + 1


def test_a_file_that_grows_byte_by_byte_gives_each_event_once_it_is_whole(tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 3)
    data = path.read_bytes()
    start = data.index(EVENT)
    path.write_bytes(data[:start])
    given = 0
    with closing(Follower(tmp_path, 1)) as follower:
        for written in grown(path, data[start:]):
            given += len(follower.read())
            assert given == min(written // LENGTH, 3), written


def test_events_come_as_they_were_written(tmp_path: Path) -> None:
    segment(tmp_path, 1, 3)
    with closing(Follower(tmp_path, 1)) as follower:
        assert encoded(drained(follower)) == encoded([bar(1), bar(2), bar(3)])


def test_a_reader_with_nothing_new_gets_nothing_again_and_again(tmp_path: Path) -> None:
    segment(tmp_path, 1, 3)
    with closing(Follower(tmp_path, 1)) as follower:
        assert [len(follower.read()) for _ in range(4)] == [3, 0, 0, 0]


@pytest.mark.parametrize("first", range(1, 9))
def test_reading_starts_at_any_event_and_goes_over_the_ends_of_segments(tmp_path: Path, first: int) -> None:
    segment(tmp_path, 1, 3)
    segment(tmp_path, 4, 4)
    cut_end(segment(tmp_path, 5, 8))
    assert seqs(tmp_path, first) == list(range(first, 9))


@pytest.mark.parametrize("first", [1, 4096, 4097, 4999, 5000, 5001, 6000])
def test_reading_starts_at_any_event_of_a_segment_with_an_index(tmp_path: Path, first: int) -> None:
    segment(tmp_path, 1, 5000)
    segment(tmp_path, 5001, 6000)
    assert seqs(tmp_path, first) == list(range(first, 6001))


def test_the_index_lets_a_reader_skip_what_stands_before(tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 5000)
    data = bytearray(path.read_bytes())
    data[data.index(EVENT) + LENGTH] ^= 1
    path.write_bytes(data)
    assert seqs(tmp_path, 4500) == list(range(4500, 5001))


def test_an_event_that_is_still_to_come_is_waited_for(tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 5)
    data = path.read_bytes()
    cut_end(path, 2 * LENGTH)
    with closing(Follower(tmp_path, 5)) as follower:
        before = drained(follower)
        path.write_bytes(data)
        assert ([event.seq for event in before], [event.seq for event in drained(follower)]) == ([], [5])


def test_the_next_segment_is_read_once_it_is_there(tmp_path: Path) -> None:
    segment(tmp_path, 1, 3)
    with closing(Follower(tmp_path, 1)) as follower:
        before = drained(follower)
        segment(tmp_path, 4, 6)
        found = [[event.seq for event in events] for events in (before, drained(follower))]
    assert found == [[1, 2, 3], [4, 5, 6]]


def test_a_segment_that_begins_is_followed_while_it_is_written(tmp_path: Path) -> None:
    segment(tmp_path, 1, 3)
    with (
        closing(Follower(tmp_path, 1)) as follower,
        TapeWriter.begin(segment_path(tmp_path, 4), Header(first_seq=4)) as writer,
    ):
        found = [len(drained(follower))]
        for seq in (4, 5):
            writer.append(bar(seq))
            found.append(len(drained(follower)))
            writer.flush()
            found.append(len(drained(follower)))
    assert found == [3, 0, 1, 0, 1]


def test_a_frame_larger_than_a_block_is_read_whole(tmp_path: Path) -> None:
    big = Chain(2, T0 + 2, T0, "SPX", bytes(5 * BLOCK), b"")
    with TapeWriter(segment_path(tmp_path, 1), Header()) as writer:
        for event in (bar(1), big, bar(3)):
            writer.append(event)
    with closing(Follower(tmp_path, 1)) as follower:
        assert encoded(drained(follower)) == encoded([bar(1), big, bar(3)])


def test_a_reader_that_lags_gets_about_a_block_at_once(tmp_path: Path) -> None:
    segment(tmp_path, 1, 5000)
    with closing(Follower(tmp_path, 1)) as follower:
        assert 0 < len(follower.read()) <= BLOCK // LENGTH


PLACES = {"magic": 0, "length": 4, "length, high": 7, "seq": 8, "seq, high": 15, "head CRC": BODY.size}
PLACES |= {"payload": HEAD.size, "payload CRC": LENGTH - CHECK.size}


@pytest.mark.parametrize("bit", [0, 7])
@pytest.mark.parametrize("place", PLACES)
def test_damage_is_found_after_the_events_before_it(tmp_path: Path, place: str, bit: int) -> None:
    path = segment(tmp_path, 1, 3)
    data = bytearray(path.read_bytes())
    start = data.index(EVENT) + LENGTH
    data[start + PLACES[place]] ^= 1 << bit
    path.write_bytes(data)
    with closing(Follower(tmp_path, 1)) as follower:
        assert [event.seq for event in follower.read()] == [1]
        with pytest.raises(Corrupt) as caught:
            follower.read()
    assert caught.value.offset == start


def test_a_frame_that_was_lost_is_damage(tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 3)
    data = path.read_bytes()
    start = data.index(EVENT)
    path.write_bytes(data[: start + LENGTH] + data[start + 2 * LENGTH : closing_start(data)])
    with closing(Follower(tmp_path, 1)) as follower:
        follower.read()
        with pytest.raises(Corrupt, match="no event 2"):
            follower.read()


def test_a_folder_without_the_event_says_so(tmp_path: Path) -> None:
    segment(tmp_path, 4, 6)
    with pytest.raises(FileNotFoundError, match="holds no segment with event 3"):
        Follower(tmp_path, 3)


def test_a_tape_that_is_begun_has_its_name_and_header_at_once(tmp_path: Path) -> None:
    header = Header(first_seq=7, market_events=3)
    with TapeWriter.begin(segment_path(tmp_path, 7), header):
        assert (list(tmp_path.iterdir()), Tape(segment_path(tmp_path, 7)).header) == (
            [segment_path(tmp_path, 7)],
            header,
        )


def test_a_tape_is_not_begun_over_another(tmp_path: Path) -> None:
    before = segment(tmp_path, 1, 3).read_bytes()
    with pytest.raises(FileExistsError, match="exists already"):
        TapeWriter.begin(segment_path(tmp_path, 1), Header())
    assert segment_path(tmp_path, 1).read_bytes() == before


def test_a_begun_tape_that_is_given_up_keeps_what_was_appended(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), TapeWriter.begin(segment_path(tmp_path, 1), Header()) as writer:
        writer.append(bar(1))
        raise ZeroDivisionError
    assert Tape(segment_path(tmp_path, 1)).info().events == 1


def test_a_writer_says_where_the_next_event_will_stand(tmp_path: Path) -> None:
    with TapeWriter.begin(segment_path(tmp_path, 7), Header(first_seq=7)) as writer:
        writer.append(bar(7))
        seq, offset = writer.next_seq, writer.offset
        writer.append(bar(8))
        writer.flush()
        data = writer.path.read_bytes()
    assert (seq, data[offset:]) == (8, frame(EVENT, 8, encode(bar(8))))


def test_a_segment_that_is_missing_between_two_is_damage(tmp_path: Path) -> None:
    for first in (1, 4, 7):
        segment(tmp_path, first, first + 2)
    segment_path(tmp_path, 4).unlink()
    with closing(Follower(tmp_path, 1)) as follower, pytest.raises(Corrupt, match="this segment is missing"):
        drained(follower)
