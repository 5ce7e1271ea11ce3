"""The mark of a book in its database: how far it is complete, from which tape, and which engine may write it."""

import threading

import pytest
from sqlalchemy import Engine

from flows.records.database import writing
from flows.records.faults import UnusableDatabase
from flows.records.marks import Fenced, Mark, OtherTape, mark_of, take
from tests.rows import BOOK

pytest_plugins = ("tests.databases",)
TAPE, OTHER = "tape-a", "tape-b"
LIMIT_SECONDS = 30.0


def move(engine: Engine, mark: Mark, tape_seq: int) -> None:
    with writing(engine) as connection:
        mark.move(connection, tape_seq)


class TestTake:
    def test_a_book_that_no_engine_wrote_has_no_mark(self, engine: Engine) -> None:
        assert mark_of(engine, BOOK) is None

    def test_the_first_engine_begins_at_nothing(self, engine: Engine) -> None:
        assert take(engine, BOOK, TAPE) == mark_of(engine, BOOK) == Mark(BOOK, TAPE, 1, 0)

    def test_each_engine_has_a_higher_number_and_goes_on_from_the_mark(self, engine: Engine) -> None:
        move(engine, take(engine, BOOK, TAPE), 40)
        assert take(engine, BOOK, TAPE) == mark_of(engine, BOOK) == Mark(BOOK, TAPE, 2, 40)

    def test_another_tape_is_refused_and_both_are_named(self, engine: Engine) -> None:
        take(engine, BOOK, TAPE)
        with pytest.raises(OtherTape, match=f"holds {BOOK} from tape {TAPE}, this is tape {OTHER}"):
            take(engine, BOOK, OTHER)

    def test_a_refused_tape_fences_nobody(self, engine: Engine) -> None:
        mark = take(engine, BOOK, TAPE)
        with pytest.raises(OtherTape):
            take(engine, BOOK, OTHER)
        move(engine, mark, 7)
        assert mark_of(engine, BOOK) == Mark(BOOK, TAPE, 1, 7)

    def test_books_have_marks_of_their_own(self, engine: Engine) -> None:
        first, second = take(engine, BOOK, TAPE), take(engine, "paper:b", OTHER)
        move(engine, second, 9)
        assert (first.fence, second.fence) == (1, 1)
        assert mark_of(engine, BOOK) == first

    def test_engines_that_take_a_book_at_once_have_different_numbers(self, engine: Engine) -> None:
        gate, found = threading.Barrier(4), list[int]()

        def one() -> None:
            gate.wait(LIMIT_SECONDS)
            found.append(take(engine, BOOK, TAPE).fence)

        threads = [threading.Thread(target=one, daemon=True) for _ in range(gate.parties)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_SECONDS)
        assert sorted(found) == [1, 2, 3, 4]


class TestMove:
    def test_a_mark_stands_where_it_was_moved(self, engine: Engine) -> None:
        mark = take(engine, BOOK, TAPE)
        move(engine, mark, 12)
        assert mark_of(engine, BOOK) == mark._replace(tape_seq=12)

    def test_an_older_engine_is_fenced_and_told_its_number(self, engine: Engine) -> None:
        older, newer = take(engine, BOOK, TAPE), take(engine, BOOK, TAPE)
        with pytest.raises(Fenced, match=f"another engine writes {BOOK} now; this one was engine 1"):
            move(engine, older, 12)
        assert mark_of(engine, BOOK) == newer

    def test_the_newest_engine_writes(self, engine: Engine) -> None:
        take(engine, BOOK, TAPE)
        newer = take(engine, BOOK, TAPE)
        move(engine, newer, 12)
        assert mark_of(engine, BOOK) == newer._replace(tape_seq=12)

    def test_a_transaction_that_fails_moves_nothing(self, engine: Engine) -> None:
        mark = take(engine, BOOK, TAPE)
        with pytest.raises(ArithmeticError), writing(engine) as connection:
            mark.move(connection, 12)
            raise ArithmeticError
        assert mark_of(engine, BOOK) == mark

    @pytest.mark.parametrize("fault", [Fenced, OtherTape])
    def test_either_fault_makes_the_database_unusable(self, fault: type[Exception]) -> None:
        # The thread that writes ends for these; one that is away is a database that is tried again.
        assert issubclass(fault, UnusableDatabase)
