"""What is left of an engine's tape is a tape: wherever it begins, it gives the states and records of the whole one."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from flows.engine.hints import Hints
from flows.engine.process import Engine, Plan
from flows.engine.rebuild import rebuild
from flows.engine.recording import beginning
from flows.engine.recovery import BrokenState, restored
from flows.engine.retention import DAY_NS
from flows.feeds.recorded import RecordedFeed
from flows.records.database import open_database, writing
from flows.records.marks import Mark, take
from flows.running import Run
from flows.runs import Options, prepare
from flows.settings import load
from flows.tape.frames import Corrupt
from flows.tape.reader import Tape
from flows.tape.segments import Segments, open_tape, segment_path, segment_paths
from flows.tape.writer import TapeWriter
from operators.checkpoints import encode_state
from operators.events import Checkpoint, RunStarted
from tests.commands import replayed, scalp
from tests.kills import market_tape
from tests.lives import FAST, Place, Row, live_out, rows

pytestmark = pytest.mark.slow
UNHURRIED = 6_000.0
"""A speed at which the line is never far behind the tape: then most segments hold a checkpoint to begin with."""
FRONTS = range(1, 14, 2)
"""How many segments are dropped of the tape of these tests."""


class Whole(NamedTuple):
    """An engine's whole tape, and what a replay of it gives."""

    state: Path
    rows: set[Row]
    ends: tuple[bytes, ...]

    @property
    def tape(self) -> Path:
        return self.state / "tape"


def ends(run: Run) -> tuple[bytes, ...]:
    """Both states at the end of a run, encoded."""
    return encode_state(run.market.state), *(encode_state(desk.book) for desk in run.desks.books.values())


def played(tape: Path, url: str) -> tuple[Run, tuple[bytes, ...], set[Row]]:
    """A replay as recorded: the run, its states at the end, its records."""
    run, flow = prepare([tape], Options(database=url))
    run.execute(flow)
    run.engine.dispose()
    return run, ends(run), rows(url)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    market = market_tape(folder / "market.tape")
    place = Place(folder / "state", f"sqlite:///{folder}/live.db", market, UNHURRIED, segment_bytes=400_000)
    live_out(place)
    print(
        "SEGS",
        [int(p.stem) for p in segment_paths(place.tape)],
        [(e.seq, e.at_seq) for e in Segments(place.tape).events() if isinstance(e, Checkpoint)][::10],
    )
    assert len(segment_paths(place.tape)) > FRONTS[-1] + 3
    _, states, records = played(place.tape, f"sqlite:///{folder}/whole.db")
    return Whole(place.state, records, states)


def left(whole: Whole, folder: Path, dropped: int) -> Path:
    """A state folder whose tape lost its first segments; the last one says so in its header."""
    shutil.copytree(whole.state, folder / "state")
    paths = segment_paths(folder / "state" / "tape")
    for path in paths[:dropped]:
        path.unlink()
    last = Tape(paths[-1])
    events = list(last.events())
    kept = replace(last.header, kept_from=int(paths[dropped].stem))
    with TapeWriter(paths[-1], kept, overwrite=True) as tape:
        for event in events:
            tape.append(event)
    return folder / "state"


@pytest.fixture
def half(whole: Whole, tmp_path: Path) -> Path:
    """A state folder whose tape lost three segments."""
    return left(whole, tmp_path, 3)


@pytest.mark.parametrize("dropped", FRONTS)
def test_wherever_a_tape_begins_it_ends_in_the_same_states_with_the_same_records(
    whole: Whole, tmp_path: Path, dropped: int
) -> None:
    tape = left(whole, tmp_path, dropped) / "tape"
    begins = beginning(Segments(tape)).restored.from_seq
    run, states, records = played(tape, f"sqlite:///{tmp_path}/left.db")
    recorded = [event for event in open_tape(tape).events() if isinstance(event, Checkpoint) and event.at_seq > begins]
    assert run.echoes is not None
    assert run.echoes.compared >= len(recorded) > 0
    assert states == whole.ends
    assert records <= whole.rows
    assert {row for row in whole.rows if dict(row[1]).get("tape_seq", 0) > begins} <= records


def test_all_that_the_checkpoint_at_the_front_does_not_know_is_on_the_tape(whole: Whole, half: Path) -> None:
    # A segment's own first checkpoint stands behind events of the segment before: it is no beginning.
    tape = Segments(half / "tape")
    first = next(tape.events())
    found = beginning(tape)
    assert isinstance(first, Checkpoint)
    assert first.at_seq + 1 < tape.header.first_seq <= found.restored.from_seq + 1
    assert next(tape.events(found.restored.from_seq + 1)).at_ns == found.at_ns
    assert found.run == next(event for event in Segments(whole.tape).events() if isinstance(event, RunStarted))


@pytest.mark.parametrize("words", [(), ("--speed", 1e6)])
def test_a_replay_says_that_the_front_is_missing_and_keeps_the_books_name(
    half: Path, tmp_path: Path, words: tuple[object, ...]
) -> None:
    said = scalp("replay", half / "tape", "--database", f"sqlite:///{tmp_path}/r.db", *words)
    begins = int(segment_paths(half / "tape")[0].stem)
    assert said.code == 0
    assert f"begins with event {begins}: what was before was dropped" in said.err
    assert said.out.startswith("book paper:test\n")


def test_its_market_can_be_played_anew_from_where_it_begins(half: Path, tmp_path: Path) -> None:
    summary = replayed(half / "tape", database=f"sqlite:///{tmp_path}/r.db", mode="leveraged_etf")
    assert summary["book_id"].startswith("replay:")
    assert 0 < summary["events"] < Segments(half / "tape").info().events


def test_info_and_verify_tell_of_a_folder_and_of_its_front(half: Path) -> None:
    begins = int(segment_paths(half / "tape")[0].stem)
    for command in ("info", "verify"):
        said = scalp("tape", command, half / "tape")
        assert (said.code, f"begins with event {begins}: what was before was dropped" in said.out) == (0, True)


@pytest.mark.parametrize("known", [0, 5])
def test_a_database_that_ends_before_the_tape_begins_is_no_start(half: Path, known: int) -> None:
    paths = segment_paths(half / "tape")
    begins, head = int(paths[0].stem), Tape(paths[-1]).header.first_seq
    mark = Mark("paper:test", "tape", 1, known)
    with pytest.raises(BrokenState, match=f"begins with event {begins}, what was before was dropped") as said:
        restored(half / "tape", Hints(half / "checkpoints"), mark, head)
    assert f"up to event {known}" in str(said.value)
    assert "`scalp rebuild`" in str(said.value)


def test_an_engine_goes_on_from_a_database_that_was_made_of_what_is_left(
    half: Path, whole: Whole, tmp_path: Path
) -> None:
    place = Place(half, f"sqlite:///{tmp_path}/new.db", whole.state.parent / "market.tape")
    made, found = rebuild(half, place.database), beginning(Segments(place.tape))
    assert f"(event {found.restored.from_seq + 1})" in made.missing
    assert rows(place.database) <= whole.rows
    live_out(place)
    again = rebuild(half, f"sqlite:///{tmp_path}/again.db")
    assert again.mark > made.mark
    assert rows(f"sqlite:///{tmp_path}/again.db") == rows(place.database)


def test_a_rebuild_says_which_days_it_cannot_make(half: Path, tmp_path: Path) -> None:
    said = scalp("rebuild", "--state", half, "--database", f"sqlite:///{tmp_path}/new.db")
    assert said.code == 0
    assert "missing: all of paper:test before 2026-03-02 1" in said.err
    assert "New York time" in said.err


def marked(url: str, half: Path, tape_seq: int) -> Mark:
    """A database that holds the book up to an event."""
    run = beginning(Segments(half / "tape")).run
    engine = open_database(url, create=True)
    mark = take(engine, run.book_id, run.tapes[0])
    with writing(engine) as connection:
        mark.move(connection, tape_seq)
    engine.dispose()
    return mark


def test_a_database_that_reaches_to_the_front_is_mended_and_lacks_nothing(
    half: Path, whole: Whole, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    shutil.copy(whole.state.parent / "live.db", tmp_path / "old.db")
    assert rebuild(half, url).missing == ""
    assert rows(url) == whole.rows


def test_a_database_that_ends_before_the_tape_begins_is_refused(half: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    rebuild(half, url)
    marked(url, half, 5)
    before = rows(url)
    with pytest.raises(BrokenState, match="up to event 5, and the tape lost what was before .* in neither"):
        rebuild(half, url)
    assert rows(url) == before


@pytest.mark.parametrize("part", [0.3, 0.6, 1.0])
def test_an_engine_never_gives_up_what_its_next_start_needs(whole: Whole, tmp_path: Path, part: float) -> None:
    shutil.copytree(whole.state, tmp_path / "state")
    shutil.copy(whole.state.parent / "live.db", tmp_path / "live.db")
    tape, url = tmp_path / "state" / "tape", f"sqlite:///{tmp_path}/live.db"
    passed = [event.at_seq for event in Segments(tape).events() if isinstance(event, Checkpoint)]
    at_seq = passed[round(part * (len(passed) - 1))]
    marked(url, tmp_path / "state", at_seq)
    plan = Plan(tmp_path / "state", url, "test", "both", load(None, ["tape_keep_days=1"]), FAST)
    engine = Engine(plan, lambda _: RecordedFeed(whole.state.parent / "market.tape", FAST))
    kept = engine.journal.kept_from(engine.journal.last_ns + 30 * DAY_NS)
    assert engine.from_seq == at_seq
    assert kept == max(int(path.stem) for path in segment_paths(tape) if int(path.stem) <= at_seq + 1) > 1
    engine.run()


@pytest.mark.parametrize("lost", [0, 2])
def test_a_tape_that_lost_its_front_or_its_middle_by_accident_is_corrupt(half: Path, tmp_path: Path, lost: int) -> None:
    segment_paths(half / "tape")[lost].unlink()
    with pytest.raises(Corrupt, match="begins with event"):
        rebuild(half, f"sqlite:///{tmp_path}/new.db")
    said = scalp("tape", "verify", half / "tape")
    assert (said.code, "is corrupt" in said.err) == (2, True)


def test_a_program_that_can_restore_no_checkpoint_says_so(half: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    for path in segment_paths(half / "tape"):
        tape = Tape(path)
        with TapeWriter(segment_path(folder, tape.header.first_seq), tape.header) as other:
            for event in tape.events():
                other.append(replace(event, shape="0" * 16) if isinstance(event, Checkpoint) else event)
    said = scalp("replay", folder, "--database", f"sqlite:///{tmp_path}/r.db")
    assert (said.code, "can restore no checkpoint of what is left" in said.err) == (2, True)


def test_the_settings_are_those_of_the_run(half: Path) -> None:
    assert beginning(Segments(half / "tape")).run.settings.count("tape_keep_days") == 1
    assert load().engine.tape_keep_days == 0
