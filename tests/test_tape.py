"""Writing and reading a tape."""

import hashlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.tape import frames
from flows.tape.frames import PROGRAM_VERSION, NotATape, WrongVersion
from flows.tape.reader import Tape
from flows.tape.writer import TapeWriter
from operators.events import AnyEvent, Bar, Command, OutsideSignal, Quote
from tests.tape_builders import (
    T0,
    bar,
    bars,
    broker_types,
    closing_start,
    encoded,
    engine_types,
    every_type,
    first_types,
    header,
    split_types,
    write,
)

MANY = 10_000
PRICE = st.floats(width=64)
TEXT = st.text(max_size=8)
PLACE = (st.just(0), st.just(0), st.integers(0, 2**62))
ONE_EVENT = st.one_of(
    st.builds(Bar, *PLACE, TEXT, PRICE, PRICE, PRICE, PRICE, PRICE, st.booleans()),
    st.builds(Quote, *PLACE, TEXT, PRICE, PRICE, PRICE, PRICE),
    st.builds(OutsideSignal, *PLACE, TEXT, st.sampled_from(["long", "short"]), PRICE),
    st.builds(Command, *PLACE, st.sampled_from(["kill", "mode"]), TEXT, TEXT),
)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tape of 10,000 bars: three index entries."""
    return write(tmp_path_factory.mktemp("many") / "many.tape", bars(MANY))


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return write(tmp_path / "small.tape", every_type())


def unfinished(path: Path) -> Path:
    """The same tape without closing frame and trailer."""
    data = path.read_bytes()
    copy = path.with_suffix(".open.tape")
    copy.write_bytes(data[: closing_start(data)])
    return copy


def placed(events: list[AnyEvent]) -> list[AnyEvent]:
    """The events numbered, one nanosecond apart."""
    kinds = [(type(event), event) for event in events]
    names = [[getattr(event, name) for name in kind.__struct_fields__[2:]] for kind, event in kinds]
    return [kind(seq, T0 + seq, *rest) for seq, ((kind, _), rest) in enumerate(zip(kinds, names, strict=True), 1)]


def test_events_of_every_type_are_read_as_they_were_written(tape: Path) -> None:
    assert encoded(list(Tape(tape).events())) == encoded(every_type())


@given(st.lists(ONE_EVENT, max_size=20))
def test_whatever_is_written_is_read_equal_nan_included(
    tmp_path_factory: pytest.TempPathFactory, events: list[AnyEvent]
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "any.tape", placed(events))
    assert encoded(list(Tape(path).events())) == encoded(placed(events))


@pytest.mark.parametrize(
    ("name", "schema", "events"),
    [
        ("version1", "d7bf52a031344ff2", first_types()),
        ("chains", "ffc6ae039d8031bb", every_type()),
        ("engine", "d89a31d0b8cd4ad1", engine_types()),
        ("broker", "37276987c8d58f3e", broker_types()),
        ("split", "fb7c6f1553bf1485", split_types()),
    ],
)
def test_a_golden_tape_is_read_for_ever(name: str, schema: str, events: list[AnyEvent]) -> None:
    golden = Tape(Path(__file__).parent / "tapes" / f"{name}.tape")
    assert golden.header == header(schema_hash=schema)
    assert encoded(list(golden.events())) == encoded(events)
    assert golden.verify().rejected == {"duplicate": 1}


def test_the_header_is_read_as_it_was_written(tape: Path) -> None:
    assert Tape(tape).header == header()


def test_the_same_events_give_the_same_bytes(tape: Path, tmp_path: Path) -> None:
    assert write(tmp_path / "again.tape", every_type()).read_bytes() == tape.read_bytes()


def test_the_program_version_is_that_of_the_project() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{PROGRAM_VERSION}"' in project


@pytest.mark.parametrize("first", [1, 2, 4095, 4096, 4097, 8192, 8193, 9999, 10_000, 10_001, 2**40])
@pytest.mark.parametrize("form", [Path, unfinished])
def test_reading_starts_at_any_event_with_and_without_index(
    many: Path, form: Callable[[Path], Path], first: int
) -> None:
    assert [event.seq for event in Tape(form(many)).events(first)] == list(range(first, MANY + 1))


def test_the_index_lets_a_reader_skip_what_stands_before(many: Path, tmp_path: Path) -> None:
    data = bytearray(many.read_bytes())
    data[1000] ^= 1
    damaged = tmp_path / "damaged.tape"
    damaged.write_bytes(data)
    assert next(Tape(damaged).events(9000)).seq == 9000


def test_reading_200_000_events_takes_bounded_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "long.tape", bars(200_000))
    tracemalloc.start()
    count = sum(1 for _ in Tape(path).events())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A block of 64 KiB, its payloads and its events; the whole tape would be over 30 MB.
    assert (count, peak < 2_000_000) == (200_000, True)


def test_info_tells_what_the_tape_holds(tape: Path) -> None:
    info = Tape(tape).info()
    assert (info.version, info.marks, info.cadences) == (1, ("MODELLED",), {"bar": 60.0, "quote": 60.0})
    assert (info.events, info.history_events, info.tickers) == (13, 3, {"BRK.B": 1, "TQQQ": 1})
    assert (info.first_at_ns, info.last_at_ns, info.rejected) == (T0, T0 + 12, {"duplicate": 1})
    assert (info.finished, info.torn, info.bytes) == (True, False, tape.stat().st_size)
    assert info.sources == header().sources


def test_info_of_an_unfinished_tape_counts_its_events(tape: Path) -> None:
    info = Tape(unfinished(tape)).info()
    assert (info.events, info.history_events, info.finished, info.torn) == (13, 3, False, False)


def test_verify_of_a_finished_tape_equals_its_info(many: Path) -> None:
    assert Tape(many).verify() == Tape(many).info()


def test_a_tape_without_events_is_a_tape(tmp_path: Path) -> None:
    info = Tape(write(tmp_path / "empty.tape", [])).verify()
    assert (info.events, info.first_at_ns, info.last_at_ns) == (0, None, None)


def test_the_digest_is_that_of_the_bytes(tape: Path) -> None:
    assert Tape(tape).sha256() == hashlib.sha256(tape.read_bytes()).hexdigest()


def test_a_missing_tape_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.tape does not exist"):
        Tape(tmp_path / "no.tape")


@pytest.mark.parametrize("content", [b"", b"Sc", b"ts,open,high,low,close,volume\n1,2,3,4,5,6\n", bytes(5000)])
def test_a_file_that_is_no_tape_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "some.file").write_bytes(content)
    with pytest.raises(NotATape, match="is not a tape"):
        Tape(tmp_path / "some.file")


def test_another_format_version_is_refused_naming_both(tmp_path: Path) -> None:
    with pytest.raises(WrongVersion, match="has tape format 2, this program reads format 1"):
        Tape(write(tmp_path / "v2.tape", [], version=2))


def test_an_unknown_schema_is_refused_naming_both(tmp_path: Path) -> None:
    with pytest.raises(
        WrongVersion, match=f"has event schema feed, this program knows {next(iter(frames.KNOWN_SCHEMAS))}"
    ):
        Tape(write(tmp_path / "other.tape", [], schema_hash="feed"))


def test_an_event_out_of_sequence_is_not_written(tmp_path: Path) -> None:
    with TapeWriter(tmp_path / "a.tape", header()) as tape, pytest.raises(ValueError, match="seq must be 1"):
        tape.append(bar(2))


def test_an_event_that_is_not_later_is_not_written(tmp_path: Path) -> None:
    with TapeWriter(tmp_path / "a.tape", header()) as tape:
        tape.append(bar(1, T0))
        with pytest.raises(ValueError, match=f"event 2 is at {T0} ns, not later than the last at {T0} ns"):
            tape.append(bar(2, T0))


def test_an_error_leaves_neither_tape_nor_temporary_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), TapeWriter(tmp_path / "a.tape", header()) as tape:
        tape.append(bar(1))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_tape_that_was_to_be_overwritten(tape: Path) -> None:
    before = tape.read_bytes()
    with pytest.raises(ZeroDivisionError), TapeWriter(tape, header(), overwrite=True):
        raise ZeroDivisionError
    assert tape.read_bytes() == before


def test_an_existing_tape_is_not_replaced_unasked(tape: Path) -> None:
    with pytest.raises(FileExistsError, match="exists already"):
        TapeWriter(tape, header())
    assert len(list(Tape(tape).events())) == 13


def test_a_tape_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    with pytest.raises(FileExistsError), TapeWriter(path, header()):
        path.write_bytes(b"another")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"another"]


def test_overwrite_replaces_a_tape(tape: Path) -> None:
    with TapeWriter(tape, header(), overwrite=True) as writer:
        writer.append(bar(1))
    assert Tape(tape).info().events == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere of the tape does not exist"):
        TapeWriter(tmp_path / "nowhere" / "a.tape", header())


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "a.tape", header())
    writer.close()
    writer.close()
    assert Tape(tmp_path / "a.tape").finished
