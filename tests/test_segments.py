"""The segments of a folder read as one tape: in order, from any event, complete or said not to be."""

import hashlib
from pathlib import Path

import pytest

from flows.tape.frames import EVENT, Corrupt, Header
from flows.tape.reader import Tape
from flows.tape.segments import Segments, open_tape, segment_path, segment_paths
from flows.tape.writer import TapeWriter
from operators.events import AnyEvent
from tests.tape_builders import T0, bar, bars, cut_end, encoded, every_type, segment, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three segments with the events 1 to 3, 4 and 5 to 8, of which the last is still written."""
    segment(tmp_path, 1, 3)
    segment(tmp_path, 4, 4)
    cut_end(segment(tmp_path, 5, 8))
    return tmp_path


def seqs(folder: Path, from_seq: int = 1) -> list[int]:
    return [event.seq for event in Segments(folder).events(from_seq)]


def read_until_damage(folder: Path, from_seq: int = 1) -> tuple[list[int], str]:
    """The places of the events before the damage, and what is said of it."""
    found: list[AnyEvent] = []
    with pytest.raises(Corrupt) as caught:
        for event in Segments(folder).events(from_seq):
            found.append(event)
    return [event.seq for event in found], str(caught.value)


def test_segments_are_read_as_one_tape(folder: Path) -> None:
    assert encoded(list(Segments(folder).events())) == encoded(bars(8))


@pytest.mark.parametrize("first", [*range(10), 100])
def test_reading_starts_at_any_event(folder: Path, first: int) -> None:
    assert seqs(folder, first) == list(range(max(first, 1), 9))


@pytest.mark.parametrize("first", range(1, 9))
def test_reading_starts_at_any_event_where_no_segment_has_an_index(folder: Path, first: int) -> None:
    for path in segment_paths(folder)[:2]:
        cut_end(path)
    assert seqs(folder, first) == list(range(first, 9))


def test_a_segment_is_named_by_its_first_event(tmp_path: Path) -> None:
    assert segment_path(tmp_path, 4711) == tmp_path / "000000004711.tape"


def test_segments_come_in_the_order_of_their_events(tmp_path: Path) -> None:
    paths = [segment(tmp_path, first, first) for first in (10, 9, 100_000, 2)]
    assert segment_paths(tmp_path) == [paths[3], paths[1], paths[0], paths[2]]


@pytest.mark.parametrize("name", ["7.tape", "market.tape", ".000000000009.tape.12.partial", "000000000009.old"])
def test_another_file_in_the_folder_is_no_segment(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"another")
    assert seqs(folder) == list(range(1, 9))


def test_a_missing_segment_between_two_is_corruption(folder: Path) -> None:
    segment_path(folder, 4).unlink()
    found, said = read_until_damage(folder)
    assert (found, "begins with event 5, the one before ends before 4" in said) == ([1, 2, 3], True)


def test_a_missing_segment_is_found_where_reading_would_start_in_it(folder: Path) -> None:
    segment_path(folder, 4).unlink()
    found, said = read_until_damage(folder, 4)
    assert (found, "the one before ends before 4" in said) == ([], True)


def test_what_is_missing_before_the_start_is_not_looked_for(folder: Path) -> None:
    segment_path(folder, 4).unlink()
    assert seqs(folder, 5) == [5, 6, 7, 8]


def test_segments_that_overlap_are_corruption(folder: Path) -> None:
    segment_path(folder, 4).unlink()
    segment(folder, 3, 4)
    assert read_until_damage(folder)[0] == [1, 2, 3]


def test_a_torn_last_segment_gives_its_whole_events_and_says_that_it_is_torn(folder: Path) -> None:
    with segment_path(folder, 5).open("r+b") as file:
        file.truncate(segment_path(folder, 5).stat().st_size - 1)
    tape = Segments(folder)
    assert ([event.seq for event in tape.events()], tape.torn) == ([*range(1, 8)], True)


def test_a_whole_last_segment_is_not_torn(folder: Path) -> None:
    tape = Segments(folder)
    assert (len(list(tape.events())), tape.torn) == (8, False)


def test_a_torn_segment_before_another_is_corruption(folder: Path) -> None:
    cut_end(segment_path(folder, 1), 1)
    found, said = read_until_damage(folder)
    assert (found, "begins with event 4, the one before ends before 3" in said) == ([1, 2], True)


def test_a_flipped_bit_in_any_segment_is_corruption(folder: Path) -> None:
    data = bytearray(segment_path(folder, 4).read_bytes())
    data[data.index(EVENT) + 50] ^= 1
    segment_path(folder, 4).write_bytes(data)
    assert read_until_damage(folder)[0] == [1, 2, 3]


def test_a_last_segment_that_has_only_begun_ends_the_tape(folder: Path) -> None:
    TapeWriter.begin(segment_path(folder, 9), Header(first_seq=9)).abandon()
    assert (seqs(folder), seqs(folder, 9)) == ([*range(1, 9)], [])


def test_info_sums_over_the_segments(tmp_path: Path) -> None:
    paths = [write(segment_path(tmp_path, 1), every_type())]  # 13 events, 3 of history, rejects one duplicate
    paths += [segment(tmp_path, 14, 20), segment(tmp_path, 21, 21)]
    info = Segments(tmp_path).info()
    assert (info.events, info.history_events, info.first_at_ns, info.last_at_ns) == (21, 3, T0, T0 + 21)
    assert (info.tickers, info.chains, info.rejected) == ({"BRK.B": 1, "TQQQ": 9}, {"TQQQ": 1}, {"duplicate": 1})
    assert (info.bytes, info.finished, info.torn) == (sum(path.stat().st_size for path in paths), True, False)


def test_info_says_of_the_end_what_the_last_segment_says(folder: Path) -> None:
    with segment_path(folder, 5).open("ab") as file:
        file.write(b"Sc")
    info = Segments(folder).info()
    assert (info.events, info.finished, info.torn) == (8, False, True)


def test_info_of_segments_without_an_event_has_no_times(tmp_path: Path) -> None:
    TapeWriter.begin(segment_path(tmp_path, 1), Header()).abandon()
    info = Segments(tmp_path).info()
    assert (info.events, info.first_at_ns, info.last_at_ns) == (0, None, None)


def test_the_digest_is_that_of_the_digests_in_order(folder: Path) -> None:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in segment_paths(folder)]
    assert Segments(folder).sha256() == hashlib.sha256("".join(digests).encode()).hexdigest()


def test_the_header_is_that_of_the_first_segment(tmp_path: Path) -> None:
    segment(tmp_path, 4, 4, market_events=2)
    segment(tmp_path, 1, 3, cadences={"bar": 5.0})
    assert Segments(tmp_path).header == Tape(segment_path(tmp_path, 1)).header


def test_a_folder_without_a_segment_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no segment of a tape"):
        Segments(tmp_path)


def test_a_folder_and_a_file_are_opened_alike(folder: Path) -> None:
    found = [[event.seq for event in open_tape(path).events()] for path in (folder, segment_path(folder, 4))]
    assert found == [[*range(1, 9)], [4]]


def test_a_segment_alone_counts_from_its_first_event(folder: Path) -> None:
    tape = Tape(segment_path(folder, 5))
    assert [[event.seq for event in tape.events(first)] for first in (1, 5, 7, 9)] == [
        [5, 6, 7, 8],
        [5, 6, 7, 8],
        [7, 8],
        [],
    ]


def test_a_reopened_segment_goes_on_with_its_own_places(folder: Path) -> None:
    with TapeWriter.reopen(segment_path(folder, 5)) as writer:
        writer.append(bar(9))
    assert seqs(folder) == list(range(1, 10))
