"""Which segments of an engine's tape go, when, and in which order; what is never touched."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.engine.hints import KEPT, Hints
from flows.engine.recovery import BrokenState, begun
from flows.engine.retention import DAY_NS, MOST_AT_ONCE, Retention
from flows.settings import BadSettings, load
from flows.tape.frames import Corrupt, Header
from flows.tape.journal import Journal
from flows.tape.reader import Tape
from flows.tape.segments import Segments, segment_path, segment_paths
from flows.tape.writer import TapeWriter
from operators.changes import changes
from operators.config import EngineSettings
from operators.events import AnyEvent, RunStarted
from tests.journals import QUOTE, Make, makes, wrote
from tests.play import started
from tests.tape_builders import T0, bar, checkpoint, cut_end, first_types, header

RUN = first_types()[0]
assert isinstance(RUN, RunStarted)
ALL = 10**9
"""Nothing that is on the tape is needed any more."""


def segments(folder: Path, count: int, run: RunStarted | None = RUN) -> Path:
    """Segments of two bars each, a day after each other: 1 and 2 at T0, 3 and 4 a day later, and so on."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        first = 2 * number + 1
        with TapeWriter(segment_path(folder, first), header(first_seq=first, run=run if number else None)) as tape:
            tape.append(bar(first, T0 + number * DAY_NS + 1))
            tape.append(bar(first + 1, T0 + number * DAY_NS + 2))
    return folder


def front(folder: Path, keep_days: int, last_ns: int, needed: int = ALL) -> int:
    return Retention(folder, keep_days, lambda: needed).kept_from(last_ns)


def firsts(folder: Path) -> list[int]:
    return [int(path.stem) for path in segment_paths(folder)]


class TestWhatGoes:
    """Of five segments that begin with 1, 3, 5, 7 and 9; their last events were 0 to 4 days and 2 ns after T0."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return segments(tmp_path / "tape", 5)

    @pytest.mark.parametrize(
        ("keep_days", "days", "kept"),
        [(1, 4, 7), (2, 4, 5), (3, 4, 3), (4, 4, 1), (100, 4, 1), (1, 5, 9), (1, 3, 5), (1, 50, 9), (3, 50, 9)],
    )
    def test_what_ended_earlier_goes(self, folder: Path, keep_days: int, days: int, kept: int) -> None:
        assert front(folder, keep_days, T0 + days * DAY_NS + 2) == kept

    def test_what_ended_exactly_so_long_ago_stays(self, folder: Path) -> None:
        assert (front(folder, 1, T0 + DAY_NS + 2), front(folder, 1, T0 + DAY_NS + 3)) == (1, 3)

    def test_nothing_goes_by_default(self, folder: Path) -> None:
        keep_days = EngineSettings().tape_keep_days
        assert front(folder, keep_days, T0 + 10_000 * DAY_NS) == 1
        Retention(folder, keep_days, lambda: ALL).drop(9)
        assert firsts(folder) == [1, 3, 5, 7, 9]

    @pytest.mark.parametrize(("needed", "kept"), [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (8, 7), (9, 9), (10, 9)])
    def test_the_segment_of_the_event_that_a_start_needs_stays(self, folder: Path, needed: int, kept: int) -> None:
        assert front(folder, 1, T0 + 100 * DAY_NS, needed) == kept

    def test_the_newest_segment_stays_however_old_it_is(self, folder: Path) -> None:
        retention = Retention(folder, 1, lambda: ALL)
        retention.drop(retention.kept_from(T0 + 1000 * DAY_NS))
        assert firsts(folder) == [9]

    def test_a_segment_that_does_not_name_its_run_is_no_front(self, tmp_path: Path) -> None:
        assert front(segments(tmp_path / "old", 4, run=None), 1, T0 + 100 * DAY_NS) == 1

    def test_one_that_was_written_since_is(self, tmp_path: Path) -> None:
        folder = segments(tmp_path / "old", 4, run=None)
        path = segment_path(folder, 7)
        events = list(Tape(path).events())
        with TapeWriter(path, header(first_seq=7, run=RUN), overwrite=True) as tape:
            for event in events:
                tape.append(event)
        assert front(folder, 1, T0 + 100 * DAY_NS) == 7

    def test_a_segment_that_cannot_be_read_stays_with_all_behind_it_and_is_told(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for path in segment_paths(folder):
            path.write_bytes(path.read_bytes()[:40])
        assert front(folder, 1, T0 + 100 * DAY_NS) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert (json.loads(line)["code"], "cut inside its header" in line) == ("W109", True)


class TestHowItGoes:
    def test_the_oldest_goes_first_and_only_what_ends_before(self, tmp_path: Path) -> None:
        folder, left = segments(tmp_path / "tape", 5), list[list[int]]()
        for kept_from in (1, 2, 3, 6, 7):
            Retention(folder, 1, lambda: ALL).drop(kept_from)
            left.append(firsts(folder))
        assert left == [[1, 3, 5, 7, 9], [1, 3, 5, 7, 9], [3, 5, 7, 9], [5, 7, 9], [7, 9]]

    def test_what_a_run_before_gave_up_stays_while_an_older_database_needs_it(self, tmp_path: Path) -> None:
        folder = segments(tmp_path / "tape", 5)
        Retention(folder, 1, lambda: 4).drop(7)
        assert firsts(folder) == [3, 5, 7, 9]

    def test_a_few_go_at_once_and_the_others_the_next_times(self, tmp_path: Path) -> None:
        folder = segments(tmp_path / "tape", 2 * MOST_AT_ONCE + 2)
        retention, left = Retention(folder, 1, lambda: ALL), list[int]()
        for _ in range(3):
            retention.drop(2 * (2 * MOST_AT_ONCE + 1) + 1)
            left.append(len(firsts(folder)))
        assert left == [MOST_AT_ONCE + 2, 2, 1]

    def test_it_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        retention = Retention(segments(tmp_path / "tape", 5), 1, lambda: ALL)
        retention.drop(5)
        retention.drop(5)
        (line,) = map(json.loads, capsys.readouterr().err.splitlines())
        assert (line["code"], line["segments"], line["kept_from"]) == ("I005", 2, 5)

    def test_a_segment_that_cannot_be_deleted_stops_no_engine(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = segments(tmp_path / "tape", 4)
        segment_path(folder, 3).unlink()
        segment_path(folder, 3).mkdir()  # no rights needed: a folder is not unlinked
        Retention(folder, 1, lambda: ALL).drop(7)
        assert firsts(folder) == [3, 5, 7]
        (line,) = map(json.loads, capsys.readouterr().err.splitlines())
        assert line["code"] == "W109"

    def test_each_step_leaves_a_tape(self, tmp_path: Path) -> None:
        folder = segments(tmp_path / "tape", 6)
        marked(folder, 9)
        for place, path in enumerate(segment_paths(folder)[:4]):
            assert [event.seq for event in Segments(folder).events()] == list(range(2 * place + 1, 13))
            path.unlink()
        assert [event.seq for event in Segments(folder).events()] == [9, 10, 11, 12]


def marked(folder: Path, kept_from: int) -> None:
    """Says in the last segment's header what may have been dropped."""
    last = Tape(segment_paths(folder)[-1])
    events = list(last.events())
    with TapeWriter(last.path, replace(last.header, kept_from=kept_from), overwrite=True) as tape:
        for event in events:
            tape.append(event)


class TestFront:
    """What a reader makes of a tape that begins later than with event 1."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = segments(tmp_path / "tape", 5)
        marked(folder, 5)
        return folder

    def drop(self, folder: Path, count: int) -> None:
        for path in segment_paths(folder)[:count]:
            path.unlink()

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_what_was_dropped_may_be_missing(self, folder: Path, count: int) -> None:
        self.drop(folder, count)
        tape = Segments(folder)
        assert [event.seq for event in tape.events()] == list(range(2 * count + 1, 11))
        assert (tape.info().first_seq, tape.verify().events) == (2 * count + 1, 10 - 2 * count)

    @pytest.mark.parametrize("count", [3, 4])
    def test_more_than_that_is_an_accident(self, folder: Path, count: int) -> None:
        self.drop(folder, count)
        with pytest.raises(Corrupt, match=f"begins with event {2 * count + 1}, and nothing from 5 on was dropped"):
            Segments(folder)
        with pytest.raises(Corrupt, match="nothing from 5 on was dropped"):
            Journal(folder, Header(), lambda: T0)

    def test_of_a_tape_that_dropped_nothing_any_missing_front_is_an_accident(self, tmp_path: Path) -> None:
        folder = segments(tmp_path / "whole", 3)
        self.drop(folder, 1)
        with pytest.raises(Corrupt, match="begins with event 3, and nothing from 1 on was dropped"):
            Segments(folder)

    def test_a_missing_middle_is_corrupt(self, folder: Path) -> None:
        self.drop(folder, 2)
        segment_path(folder, 7).unlink()
        with pytest.raises(Corrupt, match="begins with event 9, the one before ends before 7"):
            list(Segments(folder).events())
        with pytest.raises(Corrupt):
            Segments(folder).verify()

    def test_the_tape_begins_with_the_run_that_its_first_segment_names(self, folder: Path) -> None:
        self.drop(folder, 2)
        assert begun(folder) == RUN

    def test_a_front_without_a_run_is_no_engines(self, tmp_path: Path) -> None:
        folder = segments(tmp_path / "old", 3, run=None)
        self.drop(folder, 1)
        with pytest.raises(BrokenState, match="begins with Bar"):
            begun(folder)


class TestRunAt:
    """Runs began at events 1, 4 and 8 of three segments that begin with 1, 4 and 7."""

    @pytest.fixture
    def tape(self, tmp_path: Path) -> Segments:
        run, events = None, dict[int, list[AnyEvent]]()
        for seq in range(1, 10):
            event = replace(RUN, seq=seq, at_ns=T0 + seq) if seq in (1, 4, 8) else bar(seq)
            events.setdefault((seq - 1) // 3 * 3 + 1, []).append(event)
        for first, own in events.items():
            with TapeWriter(segment_path(tmp_path, first), Header(first_seq=first, run=run)) as tape:
                for event in own:
                    tape.append(event)
                    run = event if isinstance(event, RunStarted) else run
        return Segments(tmp_path)

    @pytest.mark.parametrize(
        ("seq", "run"), [(0, None), (1, 1), (3, 1), (4, 4), (6, 4), (7, 4), (8, 8), (9, 8), (99, 8)]
    )
    def test_it_is_the_newest_that_began_until_then(self, tape: Segments, seq: int, run: int | None) -> None:
        found = tape.run_at(seq)
        assert (None if found is None else found.seq) == run

    def test_it_is_known_where_the_front_was_dropped(self, tape: Segments) -> None:
        marked(tape.path, 7)
        for first in (1, 4):
            segment_path(tape.path, first).unlink()
        runs = [Segments(tape.path).run_at(seq) for seq in (7, 8)]
        assert [None if run is None else run.seq for run in runs] == [4, 8]

    def test_the_tape_of_a_market_has_none(self, tmp_path: Path) -> None:
        assert Segments(segments(tmp_path / "market", 2, run=None)).run_at(4) is None


class TestPassed:
    def hints(self, path: Path, *at_seqs: int) -> Hints:
        hints = Hints(path)
        for at_seq in at_seqs:
            hints.add(replace(checkpoint(at_seq), seq=at_seq + 1), segment_path(path.parent, 1), 0)
        return hints

    @pytest.mark.parametrize(("mark", "passed"), [(0, 0), (4, 0), (5, 5), (8, 5), (9, 9), (100, 14)])
    def test_it_is_the_newest_at_or_before_the_mark(self, tmp_path: Path, mark: int, passed: int) -> None:
        assert self.hints(tmp_path / "checkpoints", 5, 9, 14).passed(mark) == passed

    def test_what_the_file_says_counts_for_nothing(self, tmp_path: Path) -> None:
        self.hints(tmp_path / "checkpoints", 5, 9)
        assert Hints(tmp_path / "checkpoints").passed(100) == 0

    def test_a_database_that_is_far_behind_has_passed_none(self, tmp_path: Path) -> None:
        assert self.hints(tmp_path / "checkpoints", *range(1, KEPT + 3)).passed(2) == 0

    def test_one_that_was_found_on_the_tape_counts(self, tmp_path: Path) -> None:
        folder = tmp_path / "tape"
        folder.mkdir()
        wrote(Journal(folder, Header(), lambda: T0), QUOTE, QUOTE, checkpoint(2))
        hints = Hints(tmp_path / "checkpoints")
        assert (hints.passed(9), hints.find(folder, 9) is None, hints.passed(9)) == (0, False, 2)


class TestJournal:
    @pytest.fixture
    def make(self, tmp_path: Path) -> Iterator[Make]:
        yield from makes(tmp_path)

    STARTED = replace(RUN, seq=0, at_ns=0)
    EVENTS: tuple[AnyEvent, ...] = (STARTED, QUOTE, checkpoint(2), QUOTE, checkpoint(4), STARTED, checkpoint(6), QUOTE)

    def headers(self, folder: Path) -> list[tuple[int, int | None, int]]:
        """First event, event of the run and front of each segment."""
        found = [Tape(path).header for path in segment_paths(folder)]
        return [(one.first_seq, None if one.run is None else one.run.seq, one.kept_from) for one in found]

    def test_a_segments_header_repeats_the_newest_run_before_it(self, make: Make, tmp_path: Path) -> None:
        wrote(make(segment_bytes=1), *self.EVENTS)
        assert self.headers(tmp_path) == [(1, None, 1), (3, 1, 1), (5, 1, 1), (7, 6, 1)]
        assert Tape(segment_path(tmp_path, 7)).header.run == Segments(tmp_path).run_at(7)

    def test_the_next_journal_knows_the_run_of_the_one_before(self, make: Make, tmp_path: Path) -> None:
        wrote(make(segment_bytes=1), *self.EVENTS)
        wrote(make(segment_bytes=1), QUOTE, checkpoint(9))
        assert self.headers(tmp_path)[-1] == (10, 6, 1)

    @pytest.mark.parametrize("torn", [False, True])
    def test_a_run_that_began_in_the_last_segment_is_repeated_by_the_next(
        self, make: Make, tmp_path: Path, torn: bool
    ) -> None:
        wrote(make(), *self.EVENTS)
        if torn:
            cut_end(segment_path(tmp_path, 1))
        wrote(make(segment_bytes=1), checkpoint(8))
        assert self.headers(tmp_path) == [(1, None, 1), (9, 6, 1)]

    def test_what_may_go_is_written_before_it_goes(self, make: Make, tmp_path: Path) -> None:
        journal, found = make(segment_bytes=1), list[tuple[int, list[int]]]()

        def drop(kept_from: int) -> None:
            assert Tape(segment_paths(tmp_path)[-1]).header.kept_from == kept_from
            found.append((kept_from, firsts(tmp_path)))

        journal.kept_from, journal.drop = lambda _: firsts(tmp_path)[-1], drop
        wrote(journal, *self.EVENTS)
        assert found == [(1, [1, 3]), (3, [1, 3, 5]), (5, [1, 3, 5, 7])]

    def test_the_front_never_goes_back(self, make: Make, tmp_path: Path) -> None:
        journal = make(segment_bytes=1)
        journal.kept_from = lambda _: 3
        wrote(journal, *self.EVENTS[:5])
        wrote(make(segment_bytes=1), *self.EVENTS[5:])  # keeps all from now on
        assert [kept_from for _, _, kept_from in self.headers(tmp_path)] == [1, 3, 3, 3]

    def test_it_is_asked_with_the_time_of_the_newest_event(self, make: Make) -> None:
        journal, asked = make(segment_bytes=1), list[int]()

        def kept_from(last_ns: int) -> int:
            asked.append(last_ns)
            return 1

        journal.kept_from = kept_from
        wrote(journal, bar(0, T0 + 5), checkpoint(1), bar(0, T0 + 90), checkpoint(3))
        assert asked == [T0 + 5, T0 + 90]

    def test_the_count_of_the_market_goes_on(self, make: Make, tmp_path: Path) -> None:
        journal = make(segment_bytes=1)
        retention = Retention(tmp_path, 1, lambda: ALL)
        journal.kept_from, journal.drop = retention.kept_from, retention.drop
        events = [event for day in range(6) for event in (bar(0, T0 + day * DAY_NS), checkpoint(2 * day + 2))]
        wrote(journal, self.STARTED, *events, bar(0, T0 + 6 * DAY_NS))
        assert firsts(tmp_path)[0] > 1
        assert make().market_events == 7


class TestSetting:
    @pytest.mark.parametrize("value", ["-1", "1.5", "true", "forever"])
    def test_only_whole_days_are_taken(self, value: str) -> None:
        with pytest.raises(BadSettings, match=r"tape_keep_days = .* \(expected days, at least 0\)"):
            load(None, [f"tape_keep_days={value}"])

    def test_it_may_change_from_one_run_to_the_next(self) -> None:
        # It decides nothing: a tape that must not grow any more is no reason for a new one.
        now, then = (self.settings(*values) for values in ([], ["tape_keep_days=30"]))
        assert changes(self.run(now), self.run(then)) == {}
        del now[1]["tape_keep_days"]  # of a program that had no such setting
        assert changes(self.run(now), self.run(then)) == {}

    def settings(self, *values: str) -> list[dict[str, object]]:
        return [json.loads(model.model_dump_json()) for model in load(None, values)]

    def run(self, settings: list[dict[str, object]]) -> RunStarted:
        return replace(started(T0), settings=json.dumps(settings))
