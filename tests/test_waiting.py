"""What waits for the database: order over memory and file, bounded memory, what a failing disk leaves behind."""

import errno
import multiprocessing
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.records.spill import Chunk, Spill
from flows.records.waiting import Looks, Waiting
from operators.looking import Looking
from operators.records import Record
from operators.steps import Desks
from operators.views import NowRecord
from tests.kills import market_tape
from tests.play import Line, started, tape_events
from tests.rows import fill, order, verdict
from tests.scribed import some
from tests.view_rows import chain_now, mark_now, position_now

LIMIT_SECONDS = 60.0
ROWS, IN_MEMORY = 4, 10


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """What a line makes of a session, with a look each minute."""
    events, line = tape_events(market_tape(tmp_path_factory.mktemp("market") / "market.tape")), Line()
    line.desks = Desks(line.config, line.settings, Looking(line.market, 60_000_000_000))
    return line.play([started(events[0].at_ns, "both"), *events])


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    made = Waiting(tmp_path, IN_MEMORY, ROWS)
    yield made
    made.close()


def drain(waiting: Waiting) -> list[Record | int]:
    """Everything that waits, written in transactions of at most so many rows."""
    found: list[Record | int] = []
    while not waiting.drained:
        chunks = waiting.oldest()
        if chunks:
            found += [one for chunk in chunks for one in chunk.records]
            assert sum(len(chunk.records) for chunk in chunks) <= ROWS
            waiting.written(chunks)
    return found


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class TestOrder:
    @given(st.lists(st.one_of(st.integers(1, 9), st.none()), max_size=40))
    def test_what_is_put_comes_out_once_and_in_order(self, turns: list[int | None]) -> None:
        # A number puts so many, None writes a transaction.
        waiting, put, found = Waiting(Path(gettempdir()), IN_MEMORY, ROWS), list[int](), list[Record | int]()
        for turn in turns:
            if turn is None:
                chunks = waiting.oldest()
                found += [one for chunk in chunks for one in chunk.records]
                waiting.written(chunks)
            else:
                more = list(range(len(put), len(put) + turn))
                put += more
                waiting.put(1.0, more)
            assert len(waiting) == len(put) - len(found)
        assert found + drain(waiting) == put
        assert (len(waiting), waiting.since) == (0, None)

    def test_it_comes_out_once_and_in_order_while_more_is_put(self, waiting: Waiting) -> None:
        count, found = 20_000, list[Record | int]()
        putting = threading.Thread(target=lambda: [waiting.put(1.0, [number]) for number in range(count)], daemon=True)
        putting.start()
        while len(found) < count:
            assert putting.is_alive() or not waiting.drained
            found += drain(waiting)
        assert found == list(range(count))

    def test_nothing_that_was_not_written_is_passed_over(self, waiting: Waiting) -> None:
        waiting.put(1.0, some(25))
        first = waiting.oldest()
        assert waiting.oldest() == first
        waiting.written(first)
        assert drain(waiting) == some(21, 4)


class TestSince:
    def test_it_is_when_the_oldest_came_in_memory_and_on_disk(self, waiting: Waiting) -> None:
        for number in range(30):
            waiting.put(float(number), [number])
        while not waiting.drained:
            chunks = waiting.oldest()
            assert waiting.since == chunks[0].came
            waiting.written(chunks)
            assert waiting.drained or (waiting.since or 0.0) >= chunks[-1].came
        assert waiting.since is None


class TestFile:
    def test_it_has_no_name_and_is_gone_once_it_is_drained(self, waiting: Waiting, tmp_path: Path) -> None:
        before = open_files()
        waiting.put(1.0, some(30))
        assert (open_files(), list(tmp_path.iterdir())) == (before + 1, [])
        assert drain(waiting) == some(30)
        assert open_files() == before

    def test_memory_holds_no_more_than_it_may(self, waiting: Waiting) -> None:
        for number in range(1_000):
            waiting.put(1.0, [number])
        assert waiting._count == IN_MEMORY
        assert waiting._spill.waiting == 1_000 - IN_MEMORY

    def test_records_of_a_session_come_back_equal(self, session: list[Record], tmp_path: Path) -> None:
        assert len({type(one) for one in session}) >= 8
        spill = Spill(tmp_path)
        spill.append(Chunk(1.0, session))
        assert spill.read()[0] == Chunk(1.0, session)
        spill.close()

    def test_odd_values_come_back_equal(self, tmp_path: Path) -> None:
        odd = [verdict(measured=float("inf"), reason="ä\n\0😀"), verdict(measured=-0.0, limit_value=5e-324)]
        chunk, spill = Chunk(1.5, [*odd, order(limit_price=None), 2**62, fill()]), Spill(tmp_path)
        spill.append(chunk)
        assert repr(spill.read()[0]) == repr(chunk)
        spill.close()


def run_out(folder: Path, limit: int) -> None:
    """Puts records where a file may only have so many bytes; asserts in a process of its own."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    waiting, before = Waiting(folder, IN_MEMORY, ROWS), open_files()
    for number in range(200):
        waiting.put(float(number), some(2, 2 * number))
    assert os.strerror(errno.EFBIG) in waiting.lost
    assert (len(waiting), open_files(), waiting.drained) == (400, before, False)
    assert drain(waiting) == some(10)
    assert (len(waiting), waiting.since, waiting.drained) == (390, 5.0, True)


def exit_code(target: Callable[..., None], *arguments: object) -> int | None:
    """How a process of its own ends."""
    child = multiprocessing.get_context("forkserver").Process(target=target, args=arguments)
    child.start()
    child.join(LIMIT_SECONDS)
    return child.exitcode


class TestLost:
    @pytest.mark.parametrize("limit", [0, 100, 3_000])
    def test_where_a_file_may_not_grow_what_is_in_memory_is_written_and_the_rest_is_counted(
        self, tmp_path: Path, limit: int
    ) -> None:
        assert exit_code(run_out, tmp_path, limit) == 0

    def test_a_file_that_cannot_be_read_back_is_lost_too(self, waiting: Waiting) -> None:
        for number in range(30):
            waiting.put(float(number), [number])
        file = waiting._spill._file
        assert file is not None
        os.ftruncate(file.fileno(), 40)  # a mark takes 16 bytes
        assert drain(waiting) == list(range(12))
        assert "could be read" in waiting.lost
        assert (len(waiting), waiting.since) == (18, 11.0)


class TestLooks:
    def test_of_each_book_the_newest_look_waits_since_the_oldest_that_nobody_saw(self) -> None:
        looks = Looks()
        looks.put(1.0, [mark_now(7), position_now(tape_seq=7), mark_now(7, book_id="paper:b")])
        looks.put(2.0, [mark_now(9), chain_now(tape_seq=9), position_now(tape_seq=9)])
        newest = [mark_now(9), chain_now(tape_seq=9), position_now(tape_seq=9), mark_now(7, book_id="paper:b")]
        assert (looks.newest(), looks.since, len(looks)) == (newest, 1.0, 4)

    def test_one_that_comes_while_another_is_written_waits(self) -> None:
        looks = Looks()
        looks.put(1.0, [mark_now(7)])
        rows = looks.newest()
        looks.put(2.0, [mark_now(9)])
        looks.written(rows, 3.0)
        assert (looks.newest(), looks.since) == ([mark_now(9)], 3.0)
        looks.written(looks.newest(), 4.0)
        assert (looks.newest(), looks.since, len(looks)) == ([], None, 0)
        looks.written([], 5.0)
        assert looks.since is None

    def test_of_a_session_no_more_than_one_look_waits(self, session: list[Record]) -> None:
        views, looks = [row for row in session if isinstance(row, NowRecord)], Looks()
        looks.put(1.0, views)
        assert looks.newest() == [row for row in views if row.tape_seq == views[-1].tape_seq]
        assert 0 < len(looks) < len(views) / 100
