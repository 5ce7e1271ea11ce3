"""Where an engine finds the checkpoint that it goes on from: hints are believed only after a look at the tape."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.engine.hints import KEPT, Hints
from flows.tape.frames import EVENT, Corrupt, Header
from flows.tape.journal import Journal
from flows.tape.segments import segment_path
from operators.checkpoints import States
from operators.events import AnyEvent, Checkpoint, Stop
from tests.journals import QUOTE, wrote
from tests.tape_builders import T0, bar, checkpoint, first_types

FIRST = segment_path(Path(), 1).name
STARTED = replace(first_types()[0], seq=0, at_ns=0)
EVENTS: list[AnyEvent] = [STARTED, QUOTE, QUOTE, checkpoint(3, b"three"), QUOTE, checkpoint(5, b"five"), QUOTE]
"""A tape with the checkpoint of event 3 at place 4, and that of event 5 at place 6."""
Found = tuple[Checkpoint, States] | None


class Place:
    """A folder with a tape and the hints beside it, as an engine leaves them."""

    def __init__(self, folder: Path, events: list[AnyEvent], segment_bytes: int = 2**20) -> None:
        self.tape, self.path = folder / "tape", folder / "checkpoints"
        self.tape.mkdir(exist_ok=True)
        journal = Journal(self.tape, Header(), lambda: T0, segment_bytes)
        journal.checkpoint = Hints(self.path).add
        wrote(journal, *events)

    def find(self, mark: int) -> int | None:
        """The event of the checkpoint that a new engine finds, with what the hints say."""
        found = Hints(self.path).find(self.tape, mark)
        return None if found is None else found[0].at_seq

    def rows(self) -> list[list[object]]:
        rows: list[list[object]] = json.loads(self.path.read_text())
        return rows

    def hint(self, *rows: object) -> None:
        self.path.write_text(json.dumps(rows))

    def damage(self, row: int, byte: int) -> None:
        """Flips a bit of the frame that a hint names."""
        data = bytearray((self.tape / FIRST).read_bytes())
        data[int(str(self.rows()[row][3])) + byte] ^= 1
        (self.tape / FIRST).write_bytes(data)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, EVENTS)


def without_hints(place: Place) -> None:
    place.path.unlink()


def with_hints(place: Place) -> None:
    assert len(place.rows()) == 2


@pytest.mark.parametrize("prepare", [with_hints, without_hints])
@pytest.mark.parametrize(("mark", "at_seq"), [(2, None), (3, 3), (4, 3), (5, 5), (6, 5), (100, 5)])
def test_the_newest_checkpoint_at_or_before_the_mark_is_found(
    place: Place, prepare: Callable[[Place], None], mark: int, at_seq: int | None
) -> None:
    prepare(place)
    assert place.find(mark) == at_seq


@pytest.mark.parametrize("prepare", [with_hints, without_hints])
@pytest.mark.parametrize(("mark", "at_seq"), [(2, None), (3, 3), (4, 3), (5, 5), (100, 5)])
def test_checkpoints_are_found_in_any_segment(
    tmp_path: Path, prepare: Callable[[Place], None], mark: int, at_seq: int | None
) -> None:
    place = Place(tmp_path, EVENTS, segment_bytes=1)
    prepare(place)
    assert place.find(mark) == at_seq


def test_a_checkpoint_is_found_with_its_states(place: Place) -> None:
    found = Hints(place.path).find(place.tape, 5)
    assert found is not None
    assert (found[0].seq, found[1]) == (6, States(b"five", {"paper:test": b"book"}))


def test_a_tape_without_checkpoint_has_none(tmp_path: Path) -> None:
    assert Place(tmp_path, [STARTED, QUOTE, Stop(0, 0, 0)]).find(100) is None


def test_a_folder_without_tape_has_none(tmp_path: Path) -> None:
    assert Hints(tmp_path / "checkpoints").find(tmp_path, 100) is None


def test_a_hint_saves_the_reading_of_the_tape(place: Place) -> None:
    data = bytearray((place.tape / FIRST).read_bytes())
    data[data.index(EVENT) + 50] ^= 1
    (place.tape / FIRST).write_bytes(data)
    assert place.find(5) == 5
    without_hints(place)
    with pytest.raises(Corrupt):
        place.find(5)


DEEP = b"[" * 100_000
BROKEN = [b"", b"[", b"[1]", b"5", b"null", b'{"a": 1}', b"\xff\xfe", b"[[1, 2]]", b'[["a", 1, "b", 2]]', DEEP]
BROKEN += [b'[[1e999, 4, "a", 1]]', b'[[null, 4, "a", 1]]', b'"text"', bytes(100)]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_or_foreign_file_of_hints_is_no_hint(place: Place, content: bytes) -> None:
    place.path.write_bytes(content)
    assert place.find(5) == 5


def test_half_a_file_of_hints_is_no_hint(place: Place) -> None:
    place.path.write_bytes(place.path.read_bytes()[:30])
    assert place.find(5) == 5


def test_a_folder_in_the_place_of_the_hints_is_no_hint(place: Place) -> None:
    without_hints(place)
    place.path.mkdir()
    assert place.find(5) == 5


WRONG = [
    [5, 6, FIRST, 0],
    [5, 6, FIRST, -1],
    [5, 6, FIRST, 10**6],
    [5, 6, FIRST, 2**70],
    [5, 6, "000000000009.tape", 400],
    [5, 6, "a\0b", 400],
    [5, 6, "", 400],
    [5, 6, "..", 400],
]


@pytest.mark.parametrize("row", WRONG)
def test_a_hint_that_names_no_checkpoint_is_passed_over(place: Place, row: list[object]) -> None:
    place.hint(row)
    assert place.find(5) == 5


@pytest.mark.parametrize("by", [-1, 1, 20, 100])
def test_a_hint_at_a_wrong_offset_is_passed_over(place: Place, by: int) -> None:
    at_seq, seq, name, offset = place.rows()[1]
    place.hint([at_seq, seq, name, int(str(offset)) + by])
    assert place.find(5) == 5


def test_a_hint_that_calls_a_newer_checkpoint_older_is_passed_over(place: Place) -> None:
    place.hint([3, *place.rows()[1][1:]])
    assert place.find(4) == 3


def test_a_hint_to_an_event_that_is_no_checkpoint_is_passed_over(place: Place) -> None:
    offset = (place.tape / FIRST).read_bytes().index(EVENT)
    place.hint([5, 1, FIRST, offset])
    assert place.find(5) == 5


@pytest.mark.parametrize("absolute", [True, False])
def test_a_hint_that_points_outside_of_the_tape_is_not_followed(tmp_path: Path, absolute: bool) -> None:
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other", EVENTS)
    place = Place(tmp_path, [STARTED, QUOTE])
    outside = other.tape / FIRST if absolute else Path("..") / "other" / "tape" / FIRST
    assert (place.tape / outside).exists()
    place.hint([5, 6, str(outside), other.rows()[1][3]])
    assert place.find(5) is None


@pytest.mark.parametrize("byte", [0, 4, 8, 16, 30, 60])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(place: Place, byte: int) -> None:
    place.damage(1, byte)
    assert place.find(5) == 3


@pytest.mark.parametrize("prepare", [with_hints, without_hints])
@pytest.mark.parametrize(
    "other",
    [checkpoint(5, shape="another program"), replace(checkpoint(5), digest="0" * 16)],
    ids=["shape", "digest"],
)
def test_a_checkpoint_that_cannot_be_restored_is_passed_over(
    tmp_path: Path, prepare: Callable[[Place], None], other: Checkpoint
) -> None:
    place = Place(tmp_path, [*EVENTS[:5], other, QUOTE])
    prepare(place)
    assert (place.find(5), place.find(2)) == (3, None)


def test_only_checkpoints_of_another_program_are_none(tmp_path: Path) -> None:
    assert Place(tmp_path, [STARTED, checkpoint(1, shape="another program")]).find(100) is None


def test_hints_that_lag_behind_the_tape_give_an_older_checkpoint(place: Place) -> None:
    place.hint(place.rows()[0])
    assert place.find(5) == 3  # sound, and only a longer way


def test_the_newest_hints_are_kept(tmp_path: Path) -> None:
    hints = Hints(tmp_path / "checkpoints")
    for at_seq in range(1, KEPT + 6):
        hints.add(replace(checkpoint(at_seq), seq=at_seq + 1), segment_path(tmp_path, 1), 10 * at_seq)
    rows = json.loads((tmp_path / "checkpoints").read_text())
    assert (len(rows), rows[0], rows[-1]) == (64, [6, 7, FIRST, 60], [69, 70, FIRST, 690])


def test_hints_go_on_where_the_last_engine_left_them(place: Place) -> None:
    Place(place.tape.parent, [bar(0), checkpoint(8)])
    assert [row[:2] for row in place.rows()] == [[3, 4], [5, 6], [8, 9]]


def test_hints_that_cannot_be_written_are_known_to_the_engine_that_has_them(place: Place, tmp_path: Path) -> None:
    hints = Hints(tmp_path / "nowhere" / "checkpoints")
    found = Hints(place.path).find(place.tape, 5)
    assert found is not None
    hints.add(found[0], place.tape / FIRST, int(str(place.rows()[1][3])))
    assert hints.find(place.tape, 5) == found
