"""The scribe: many records at a time or each batch at once, a database that is away, and beats in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flows.records.database import reading
from flows.records.faults import DatabaseUnavailable, OldDatabase
from flows.records.scribe import MOST_WAITING, ROWS
from flows.records.tables import fills, orders
from tests.rows import fill, order
from tests.scribed import Desk, some


@pytest.fixture
def full_speed(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "records.db", looked_on=False)
    yield desk
    desk.close()


@pytest.fixture
def looked_on(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "records.db", looked_on=True)
    yield desk
    desk.close()


class TestFullSpeed:
    def test_it_gathers_two_thousand_records(self, full_speed: Desk) -> None:
        full_speed.scribe.take(some(ROWS - 1))
        assert full_speed.stored() == 0
        full_speed.scribe.take(some(1, ROWS))
        assert (ROWS, full_speed.stored()) == (2_000, 2_000)

    def test_what_was_written_is_not_written_again(self, full_speed: Desk) -> None:
        full_speed.scribe.take(some(ROWS))
        full_speed.scribe.take(some(10, ROWS))
        full_speed.scribe.close()
        assert [count for _, count in full_speed.ledger.asked] == [2_000, 10]

    def test_a_tick_writes_nothing(self, full_speed: Desk) -> None:
        full_speed.scribe.take(some(5))
        full_speed.ticks(10.0)
        assert full_speed.ledger.asked == []

    def test_the_rest_is_there_before_the_run_is_told_that_it_closed(self, full_speed: Desk) -> None:
        full_speed.scribe.take(some(5))
        full_speed.scribe.close()
        assert (full_speed.at_close, full_speed.faults) == ([5], [])

    def test_a_database_that_is_away_fails_the_run_at_once(self, full_speed: Desk) -> None:
        full_speed.go()
        full_speed.scribe.take(some(ROWS))
        assert [type(fault) for fault in full_speed.faults] == [DatabaseUnavailable]
        assert "is locked by another program" in str(full_speed.faults[0])

    def test_after_that_nothing_is_written_though_the_database_is_back(self, full_speed: Desk) -> None:
        full_speed.go()
        full_speed.scribe.take(some(ROWS))
        full_speed.come()
        full_speed.scribe.take(some(ROWS, ROWS))
        full_speed.scribe.close()
        assert (full_speed.at_close, len(full_speed.faults)) == ([0], 1)

    def test_a_beat_that_cannot_be_noted_fails_it_too(self, full_speed: Desk) -> None:
        full_speed.go()
        full_speed.scribe.tick()
        assert [type(fault) for fault in full_speed.faults] == [DatabaseUnavailable]


class TestLookedOn:
    def test_each_batch_is_written_at_once(self, looked_on: Desk) -> None:
        looked_on.scribe.take(some(1))
        assert looked_on.stored() == 1
        looked_on.scribe.take(some(2, 1))
        assert looked_on.stored() == 3

    def test_an_empty_batch_is_no_write(self, looked_on: Desk) -> None:
        looked_on.scribe.take([])
        looked_on.ticks(3.0)
        assert looked_on.ledger.asked == []

    def test_while_the_database_is_away_nothing_fails_and_all_is_kept(self, looked_on: Desk) -> None:
        looked_on.go()
        for number in range(100):
            looked_on.scribe.take(some(3, 3 * number))
            looked_on.ticks(0.125)
        assert looked_on.faults == []
        looked_on.come()
        looked_on.ticks(0.5)
        assert looked_on.stored() == 300

    def test_what_waited_is_written_with_the_next_batch_too(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take(some(1))
        looked_on.come()
        looked_on.clock.seconds += 0.5
        looked_on.scribe.take(some(1, 1))
        assert looked_on.stored() == 2

    def test_what_waited_keeps_its_order(self, looked_on: Desk) -> None:
        # Of one order's rows of one event the last stands; of a fill that comes twice the first.
        looked_on.go()
        for state in ("sending", "working", "cancelled"):
            looked_on.scribe.take([order(state=state), fill(quantity=len(state))])
        looked_on.come()
        looked_on.ticks(0.5)
        with reading(looked_on.engine) as connection:
            assert connection.execute(sa.select(orders.c.state)).scalars().all() == ["cancelled"]
            assert connection.execute(sa.select(fills.c.quantity)).scalars().all() == [len("sending")]

    def test_it_is_tried_again_each_half_second_and_no_more_often(self, looked_on: Desk) -> None:
        looked_on.go()
        for number in range(32):  # 4 s
            looked_on.scribe.take(some(1, number))
            looked_on.ticks(0.125)
        tried = [seconds - 1000.0 for seconds, _ in looked_on.ledger.asked]
        assert tried == [0.5 * number for number in range(9)]

    def test_what_was_written_is_not_written_again(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take(some(4))
        looked_on.come()
        looked_on.ticks(0.5)
        looked_on.scribe.take(some(1, 4))
        looked_on.ticks(5.0)
        assert [count for _, count in looked_on.ledger.asked] == [4, 4, 1]

    def test_as_many_as_may_wait_wait(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take([fill()] * MOST_WAITING)
        assert (looked_on.faults, MOST_WAITING) == ([], 200_000)

    def test_more_than_may_wait_fail_the_run(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take([fill()] * (MOST_WAITING + 1))
        assert [type(fault) for fault in looked_on.faults] == [DatabaseUnavailable]

    def test_a_database_that_is_another_programs_fails_the_run(self, looked_on: Desk) -> None:
        looked_on.wrong = OldDatabase("the tables are old")
        looked_on.ticks(0.125)
        assert looked_on.faults == [looked_on.wrong]


class TestClose:
    def test_what_waited_is_written_where_the_database_is_back(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take(some(7))
        looked_on.come()
        looked_on.scribe.close()  # though no half second has passed
        assert (looked_on.at_close, looked_on.faults) == ([7], [])

    def test_a_database_that_is_still_away_fails_the_run(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take(some(7))
        looked_on.scribe.close()
        assert [type(fault) for fault in looked_on.faults] == [DatabaseUnavailable]

    def test_the_run_is_told_even_so(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take(some(7))
        looked_on.scribe.close()
        assert looked_on.at_close == [0]

    def test_with_nothing_to_write_a_database_that_is_away_does_not_matter(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.close()
        assert looked_on.faults == []


class TestBeats:
    @pytest.mark.parametrize("speed", ["full_speed", "looked_on"])
    def test_it_beats_at_the_first_tick_and_each_second_from_then(
        self, speed: str, request: pytest.FixtureRequest
    ) -> None:
        desk: Desk = request.getfixturevalue(speed)
        desk.ticks(4.125)
        assert desk.beaten == [1000.125, 1001.125, 1002.125, 1003.125, 1004.125]

    def test_a_database_that_is_away_hears_no_beat_while_records_wait(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take(some(1))
        looked_on.ticks(10.0)
        assert looked_on.beats == []

    def test_without_records_a_beat_tries_once_a_second(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.ticks(3.125)
        assert (looked_on.beats, looked_on.beaten) == ([1000.125, 1001.125, 1002.125, 1003.125], [])
        assert looked_on.faults == []

    def test_a_beat_that_failed_keeps_records_waiting_half_a_second(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.ticks(0.125)
        looked_on.scribe.take(some(1))
        looked_on.ticks(0.5)
        assert [seconds for seconds, _ in looked_on.ledger.asked] == [1000.625]

    def test_it_beats_again_once_the_database_is_back(self, looked_on: Desk) -> None:
        looked_on.go()
        looked_on.scribe.take(some(1))
        looked_on.ticks(10.0)
        looked_on.come()
        looked_on.ticks(0.5)
        assert (looked_on.stored(), len(looked_on.beaten)) == (1, 1)
