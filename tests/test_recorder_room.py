"""The ledger thread while it cannot write: who brings records goes on, and signs of life say how things are."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from flows.records import recorder as module
from flows.records.database import reading
from flows.records.tables import marks_now, positions_now
from tests.recorders import LIMIT_SECONDS, Desk, away, life, marked, stored
from tests.rows import fill
from tests.scribed import some
from tests.view_rows import mark_now, position_now

pytest_plugins = ("tests.databases", "tests.recorder_fixtures")


class TestRoom:
    def test_whoever_brings_more_than_memory_takes_goes_on_and_all_is_written(self, desk: Desk) -> None:
        desk = desk.but(rows=4, in_memory=10)
        desk.safe.clear()
        desk.recorder.start()
        for number in range(25):
            desk.recorder.take([*some(3, 3 * number), number])
        assert desk.recorder.waiting == 100
        assert desk.recorder.behind_seconds > 0.0
        desk.safe.set()
        assert desk.recorder.close(LIMIT_SECONDS)
        assert (stored(desk.engine), marked(desk.engine), desk.recorder.waiting) == (75, 24, 0)

    def test_of_looks_the_newest_alone_is_written(self, desk: Desk) -> None:
        desk.safe.clear()
        desk.recorder.start()
        for number in (1, 2, 3):
            desk.recorder.take([mark_now(number), position_now(tape_seq=number), fill(f"e{number}")])
        desk.safe.set()
        assert desk.recorder.close(LIMIT_SECONDS)
        with reading(desk.engine) as connection:
            found = connection.execute(sa.select(marks_now.c.tape_seq)).scalars().all()
            found += connection.execute(sa.select(positions_now.c.tape_seq)).scalars().all()
        assert (found, stored(desk.engine)) == ([3, 3], 3)

    def test_where_the_disk_takes_no_more_the_rest_is_left_and_it_is_behind_for_good(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        gone = tmp_path / "gone"  # no file can be made there
        desk = Desk(desk.engine, gone, rows=4, in_memory=8)
        desk.safe.clear()
        desk.recorder.start()
        for number in range(5):
            desk.recorder.take([*some(3, 3 * number), number])
        assert (desk.recorder.waiting, str(gone) in desk.recorder.lost) == (20, True)
        desk.safe.set()
        assert not desk.recorder.close(LIMIT_SECONDS)
        assert (stored(desk.engine), marked(desk.engine), desk.recorder.waiting) == (6, 1, 12)
        assert desk.recorder.behind_seconds > 0.0


class TestLife:
    @pytest.fixture(autouse=True)
    def lively(self, lifeless: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG002  # it comes after
        monkeypatch.setattr(module, "BEAT_SECONDS", 0.0)

    def test_it_is_shown_again_and_again_without_records(self, desk: Desk) -> None:
        desk.recorder.start()
        desk.ledger.await_tries(3)
        assert desk.recorder.close(LIMIT_SECONDS)
        assert life(desk.engine) == desk.lives - 1 >= 2

    def test_it_is_shown_while_the_tape_cannot_be_made_safe(self, desk: Desk) -> None:
        desk.safe.clear()
        desk.recorder.start()
        desk.recorder.take([*some(2), 7])
        desk.ledger.await_tries(2)
        assert (stored(desk.engine), marked(desk.engine), life(desk.engine) is None) == (0, 0, False)
        desk.safe.set()
        assert desk.recorder.close(LIMIT_SECONDS)

    def test_a_database_that_is_away_is_seen_by_it_without_records(self, impatient: Desk) -> None:
        with away(impatient.engine):
            impatient.recorder.start()
            impatient.ledger.await_tries(2)
            assert "is locked by another program" in impatient.recorder.away
            assert not impatient.recorder.reachable
        impatient.ledger.await_tries(impatient.ledger.tries + 2)
        assert (impatient.recorder.close(LIMIT_SECONDS), impatient.recorder.away) == (True, "")
        assert impatient.recorder.reachable
