"""How an engine begins: its tape's first event, the checkpoint it goes on from, what does not belong together."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from flows.engine.hints import Hints
from flows.engine.process import Engine, Plan
from flows.engine.recovery import BrokenState, Restored, begun, restored
from flows.feeds.recorded import RecordedFeed
from flows.records.database import open_database
from flows.records.marks import Mark, mark_of
from flows.settings import load
from flows.tape.reader import Tape
from flows.tape.segments import segment_path, segment_paths
from flows.tape.writer import TapeWriter
from operators.book import BookState
from operators.checkpoints import Barrier, States, checkpoint, encode_state
from operators.config import EngineSettings
from operators.events import AnyEvent, Bar, Checkpoint
from operators.market import MarketState
from operators.steps import SHAPE
from tests.play import started
from tests.tape_builders import T0, bar, bars, header, write

OTHER_SHAPE = "5a" * 8
HEAD_SEQ = 9
PLACES = (3, 6)
"""After which events the checkpoints of the usual tape stand; each has the place behind that."""


def state_at(seq: int) -> MarketState:
    """A market's state that tells after which event it was taken."""
    return MarketState(cell=seq, bar_late_ns=T0 + seq)


def made(at_seq: int, shape: str = SHAPE) -> Checkpoint:
    book = BookState.begun(replace(started(T0), book_id="paper:test"), EngineSettings())
    book.seq = at_seq
    return checkpoint(Barrier(at_seq, encode_state(state_at(at_seq))), {"paper:test": encode_state(book)}, shape)


def placed(event: AnyEvent, seq: int) -> AnyEvent:
    return replace(event, seq=seq, at_ns=T0 + seq, event_ns=T0)


def engine_tape(folder: Path, hints: Hints | None = None, checkpoints: dict[int, Checkpoint] | None = None) -> Path:
    """An engine's tape of nine events; at some places there are checkpoints, which are told to `hints` if any."""
    folder.mkdir(exist_ok=True)
    found = {at_seq + 1: made(at_seq) for at_seq in PLACES} if checkpoints is None else checkpoints
    tape = TapeWriter.begin(segment_path(folder, 1), header())
    tape.append(placed(started(T0), 1))
    for seq in range(2, HEAD_SEQ + 1):
        event, offset = placed(found.get(seq, bar(seq)), seq), tape.offset
        tape.append(event)
        if hints is not None and isinstance(event, Checkpoint):
            hints.add(event, tape.path, offset)
    tape.close()
    return folder


def mark(tape_seq: int) -> Mark:
    return Mark("paper:test", "tape", 1, tape_seq)


class TestBegun:
    def test_a_folder_without_a_segment_was_not_begun(self, tmp_path: Path) -> None:
        assert begun(tmp_path) is None

    def test_a_segment_without_an_event_was_not_begun(self, tmp_path: Path) -> None:
        write(segment_path(tmp_path, 1), [])
        assert begun(tmp_path) is None

    def test_it_is_the_first_event_of_the_first_run(self, tmp_path: Path) -> None:
        first = placed(started(T0, book_id="paper:test"), 1)
        write(segment_path(tmp_path, 1), [first, bar(2), placed(started(T0, book_id="paper:other"), 3)])
        assert begun(tmp_path) == first

    def test_the_tape_of_a_market_is_no_engines(self, tmp_path: Path) -> None:
        write(segment_path(tmp_path, 1), bars(2))
        with pytest.raises(BrokenState, match="begins with Bar: it is no tape of an engine"):
            begun(tmp_path)


class TestRestored:
    @pytest.mark.parametrize(("upto", "place"), [(0, 0), (2, 0), (3, 3), (5, 3), (6, 6), (HEAD_SEQ, 6)])
    @pytest.mark.parametrize("hinted", [True, False])
    def test_it_goes_on_from_the_newest_checkpoint_at_or_before_the_mark(
        self, tmp_path: Path, upto: int, place: int, hinted: bool
    ) -> None:
        hints = Hints(tmp_path / "checkpoints")
        folder = engine_tape(tmp_path / "tape", hints if hinted else None)
        found = restored(folder, hints, mark(upto), HEAD_SEQ)
        assert (found.from_seq, found.states is None) == (place, place == 0)
        assert found.market(load()).state.cell == place

    def test_hints_are_read_back_by_the_next_engine(self, tmp_path: Path) -> None:
        folder = engine_tape(tmp_path / "tape", Hints(tmp_path / "checkpoints"))
        assert restored(folder, Hints(tmp_path / "checkpoints"), mark(HEAD_SEQ), HEAD_SEQ).from_seq == 6

    def test_a_hint_that_names_another_place_is_not_believed(self, tmp_path: Path) -> None:
        hints = Hints(tmp_path / "checkpoints")
        folder = engine_tape(tmp_path / "tape")
        hints.add(made(8), segment_path(folder, 1), 100)
        assert restored(folder, hints, mark(HEAD_SEQ), HEAD_SEQ).from_seq == 6

    @pytest.mark.parametrize("bad", [made(6, OTHER_SHAPE), replace(made(6), digest="0" * 16)])
    @pytest.mark.parametrize("hinted", [True, False])
    def test_a_checkpoint_that_cannot_be_restored_is_passed_over(
        self, tmp_path: Path, bad: Checkpoint, hinted: bool
    ) -> None:
        hints = Hints(tmp_path / "checkpoints")
        folder = engine_tape(tmp_path / "tape", hints if hinted else None, {4: made(3), 7: bad})
        assert restored(folder, hints, mark(HEAD_SEQ), HEAD_SEQ).from_seq == 3

    def test_a_tape_without_a_checkpoint_is_read_from_its_beginning(self, tmp_path: Path) -> None:
        folder = engine_tape(tmp_path / "tape", checkpoints={})
        assert restored(folder, Hints(tmp_path / "checkpoints"), mark(HEAD_SEQ), HEAD_SEQ) == Restored(0, None)

    def test_a_database_beyond_the_end_of_the_tape_is_refused(self, tmp_path: Path) -> None:
        # Order numbers would be used again: a power cut must not make the database tell of another market.
        folder = engine_tape(tmp_path / "tape")
        with pytest.raises(BrokenState, match=f"paper:test up to event 10, the tape in {folder} ends at 9") as said:
            restored(folder, Hints(tmp_path / "checkpoints"), mark(HEAD_SEQ + 1), HEAD_SEQ)
        assert "scalp rebuild" in str(said.value)

    def test_both_states_are_as_they_were(self, tmp_path: Path) -> None:
        folder = engine_tape(tmp_path / "tape")
        found = restored(folder, Hints(tmp_path / "checkpoints"), mark(5), HEAD_SEQ)
        (book,) = (desk.book for desk in found.books(load()).values())
        assert found.market(load()).state == state_at(3)
        assert (book.book_id, book.seq, list(found.books(load()))) == ("paper:test", 3, ["paper:test"])

    def test_without_a_checkpoint_both_begin_anew(self) -> None:
        assert (Restored(0, None).market(load()).state, Restored(0, None).books(load())) == (MarketState(), {})

    def test_bytes_that_are_no_state_are_an_error(self) -> None:
        with pytest.raises(msgspec.DecodeError):
            Restored(3, States(b"\xc1", {})).market(load())


class TestEngine:
    """The same, asked of whole engines over a market of three bars."""

    def engine(self, folder: Path, *values: str) -> Engine:
        market = folder / "market.tape"
        if not market.exists():
            write(market, bars(3))
        url = f"sqlite:///{folder}/records.db"
        plan = Plan(folder / "state", url, "test", "both", load(None, values), 1e6)
        return Engine(plan, lambda _: RecordedFeed(market, 1e6))

    def test_a_second_run_goes_on_behind_the_first_ones_stop(self, tmp_path: Path) -> None:
        self.engine(tmp_path).run()
        (segment,) = segment_paths(tmp_path / "state" / "tape")
        *_, last = Tape(segment).events()
        again = self.engine(tmp_path)
        assert isinstance(last, Checkpoint)
        assert (again.from_seq, again.head_seq) == (last.at_seq, last.seq)
        again.run()
        assert sum(isinstance(event, Bar) for event in Tape(segment).events()) == 3

    def test_an_empty_database_is_filled_from_the_tapes_beginning(self, tmp_path: Path) -> None:
        self.engine(tmp_path).run()
        (tmp_path / "records.db").unlink()
        again = self.engine(tmp_path)
        assert (again.from_seq, again.head_seq > 0) == (0, True)
        again.run()
        *_, last = Tape(segment_path(tmp_path / "state" / "tape", 1)).events()
        database = open_database(f"sqlite:///{tmp_path}/records.db", create=False)
        found = mark_of(database, "paper:test")
        database.dispose()
        assert isinstance(last, Checkpoint)
        assert found is not None
        assert found.tape_seq == last.at_seq
