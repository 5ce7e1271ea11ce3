"""Checkpoints: where barriers stand, the same digests whatever the batch, and runs that go on from each of them."""

from collections.abc import Sequence
from functools import cache

import msgspec
import pytest
from bytewax.testing import TestingSink, TestingSource, run_main
from msgspec.structs import replace

from flows.scalp import scalp
from operators.book import BookState
from operators.checkpoints import Barrier, Barriers, States, checkpoint, digest, encode_state, shape, states
from operators.config import EngineSettings
from operators.desk import Desk
from operators.events import AnyEvent, Checkpoint, Clock, RunStarted, Stop
from operators.market import Market, MarketState
from operators.records import Record
from operators.steps import LINE, SHAPE, Desks, Outcome
from tests.market_builders import bar, ny, quote
from tests.play import Line, started
from tests.walks import BUSY, trades, walk

MINUTE, HALF_HOUR = 60, 1800
NONE = "0" * 16


def began(at_ns: int, seconds: int = MINUTE, mode: str = "both") -> RunStarted:
    return replace(started(at_ns, mode), checkpoint_seconds=seconds)  # type: ignore[arg-type]


@cache
def session() -> tuple[AnyEvent, ...]:
    """A walk of two sessions with history before and a Stop behind it, in a run of checkpoints each half hour."""
    events = walk(4)
    last = events[-1]
    return (
        began(events[0].at_ns, HALF_HOUR),
        *events,
        Stop(last.seq + 1, last.at_ns + 1, last.at_ns + 1),
    )


class Whole:
    """The line with barriers in a loop, from its beginning or from a checkpoint."""

    def __init__(self, from_: Checkpoint | None = None) -> None:
        self.line = Line(BUSY)
        if from_ is not None:
            found = states(from_)
            market = msgspec.msgpack.decode(found.market, type=MarketState)
            self.line.market = Market(BUSY, EngineSettings(), market)
            books = {name: msgspec.msgpack.decode(book, type=BookState) for name, book in found.books.items()}
            self.line.desks.books = {name: Desk(book, BUSY, EngineSettings()) for name, book in books.items()}
        # Of a line's steps the first sets the barriers; what it makes of an event the others take as ever.
        self.line.market = Barriers(self.line.market)  # type: ignore[assignment]

    def play(self, events: Sequence[AnyEvent]) -> list[Outcome]:
        return list(self.line.play(events))


@cache
def played() -> tuple[Outcome, ...]:
    """What the whole session makes."""
    return tuple(Whole().play(session()))


def taken(outcomes: Sequence[Outcome]) -> list[Checkpoint]:
    return [outcome for outcome in outcomes if isinstance(outcome, Checkpoint)]


def through_bytewax(events: Sequence[AnyEvent], batch: int) -> list[Outcome]:
    """What the steps of the line make of events in batches of this size."""
    out: list[tuple[str, Outcome]] = []
    tape = TestingSource([(LINE, event) for event in events], batch)
    market, desks = Market(BUSY, EngineSettings()), Desks(BUSY, EngineSettings())
    run_main(scalp(tape, TestingSink(out), market, desks))
    return [outcome for _, outcome in out]


class TestBarriers:
    def places(self, seconds: int, *events: AnyEvent) -> list[int]:
        """After which events barriers stand."""
        barriers = Barriers(Market(BUSY, EngineSettings()))
        items = [item for event in (began(ny("10:00"), seconds), *events) for item in barriers.on(event)]
        return [item.at_seq for item in items if isinstance(item, Barrier)]

    def at(self, seq: int, clock: str) -> AnyEvent:
        return replace(quote(ny(clock)), seq=seq)

    def test_one_stands_before_the_first_event_of_a_new_minute(self) -> None:
        events = [self.at(2, "10:00:10"), self.at(3, "10:00:59"), self.at(4, "10:01"), self.at(5, "10:01:30")]
        assert self.places(MINUTE, *events) == [1, 3]

    def test_it_stands_before_what_the_event_became(self) -> None:
        barriers = Barriers(Market(BUSY, EngineSettings()))
        barriers.on(began(ny("10:00")))
        event = self.at(2, "10:00:10")
        barrier, item = barriers.on(event)
        assert isinstance(barrier, Barrier)
        assert item is event

    def test_it_holds_the_market_as_it_was_before_the_event(self) -> None:
        market = Market(BUSY, EngineSettings())
        barriers = Barriers(market)
        barriers.on(began(ny("10:00")))
        before = encode_state(market.state)
        barrier = barriers.on(self.at(2, "10:00:10"))[0]
        assert isinstance(barrier, Barrier)
        assert barrier.market == before != encode_state(market.state)

    def test_a_gap_of_hours_has_one(self) -> None:
        assert self.places(MINUTE, self.at(2, "10:00:10"), self.at(3, "15:00"), self.at(4, "15:00:01")) == [1, 2]

    def test_its_place_is_the_number_before_even_where_echoes_took_some(self) -> None:
        assert self.places(MINUTE, self.at(2, "10:00:10"), self.at(9, "10:01")) == [1, 8]

    def test_the_clock_tells_time_like_any_event(self) -> None:
        assert self.places(MINUTE, Clock(2, ny("10:01"), 0)) == [1]

    def test_history_tells_no_time(self) -> None:
        old = [replace(bar(minute, history=True), seq=minute + 1) for minute in (1, 2, 3)]
        assert self.places(MINUTE, *old) == []

    def test_one_stands_behind_a_stop(self) -> None:
        barriers = Barriers(Market(BUSY, EngineSettings()))
        barriers.on(began(ny("10:00")))
        stop = Stop(7, ny("10:00:30"), ny("10:00:30"))
        item, barrier = barriers.on(stop)
        assert item is stop
        assert isinstance(barrier, Barrier)
        assert barrier.at_seq == 7

    def test_a_stop_in_a_new_minute_has_the_one_behind_it_alone(self) -> None:
        assert self.places(MINUTE, self.at(2, "10:00:10"), Stop(3, ny("10:05"), 0)) == [1, 3]

    def test_a_run_without_checkpoints_has_none(self) -> None:
        assert self.places(0, self.at(2, "10:00:10"), self.at(3, "10:01"), Stop(4, ny("10:02"), 0)) == []


class TestBatches:
    @pytest.mark.parametrize("batch", [1, 7, 1000])
    def test_every_checkpoint_is_the_same_in_batches_of_any_size(self, batch: int) -> None:
        # A step that kept a reference instead of bytes would show what came later in the batch.
        assert len(taken(played())) > 15  # sessions of 6.5 and 1 hours
        assert through_bytewax(session(), batch) == list(played())


class TestGoingOn:
    def test_a_run_goes_on_from_each_checkpoint_as_if_nothing_had_been(self) -> None:
        assert trades([one for one in played() if isinstance(one, Record)]) > 10
        for number, made in enumerate(taken(played())):
            rest = [event for event in session() if event.seq > made.at_seq]
            again = Whole(made).play(rest)
            place = played().index(made)
            # Behind a Stop nothing comes; any other makes its own checkpoint once more.
            assert again == list(played()[place if rest else place + 1 :]), f"checkpoint {number}"

    def test_a_restored_market_makes_its_own_checkpoint_again(self) -> None:
        made = taken(played())[5]
        first = next(event for event in session() if event.seq > made.at_seq)
        (again,) = taken(Whole(made).play([first]))
        assert (again.at_seq, again.digest, again.state) == (made.at_seq, made.digest, made.state)

    def test_different_moments_have_different_digests(self) -> None:
        assert len({made.digest for made in taken(played())}) == len(taken(played()))


class TestStates:
    def test_a_checkpoint_gives_back_what_it_was_made_of(self) -> None:
        made = checkpoint(Barrier(7, b"market"), {"paper:a": b"book"}, SHAPE)
        assert (made.at_seq, made.shape) == (7, SHAPE)
        assert states(made) == States(b"market", {"paper:a": b"book"})

    def test_a_state_that_is_not_the_digests_is_refused(self) -> None:
        made = checkpoint(Barrier(7, b"market"), {}, SHAPE)
        with pytest.raises(ValueError, match=f"the checkpoint at event 7 is {made.digest}, its digest {NONE}"):
            states(replace(made, digest=NONE))
        with pytest.raises(ValueError, match="the checkpoint at event 7"):
            states(replace(made, state=made.state[:-1] + b"!"))

    def test_equal_states_have_equal_bytes_whatever_the_order_of_a_dict(self) -> None:
        one, other = {"a": b"1", "b": b"2"}, {"b": b"2", "a": b"1"}
        assert encode_state(States(b"", one)) == encode_state(States(b"", other))

    def test_a_digest_is_sixteen_digits_of_a_sha256(self) -> None:
        assert digest(b"") == "e3b0c44298fc1c14"  # that of nothing, FIPS 180-4


def struct(
    fields: Sequence[tuple[str, type]] = (("a", int),), doc: str = "A state.", name: str = "State"
) -> type[msgspec.Struct]:
    return msgspec.defstruct(name, fields, namespace={"__doc__": doc})


class TestShape:
    def test_it_changes_with_a_new_field(self) -> None:
        assert shape(struct([("a", int), ("b", int)])) != shape(struct())

    def test_it_changes_with_the_type_of_a_field(self) -> None:
        assert shape(struct([("a", float)])) != shape(struct())

    def test_it_changes_with_a_field_deep_inside(self) -> None:
        def around(inner: type[msgspec.Struct]) -> type[msgspec.Struct]:
            return struct([("inner", dict[str, list[inner]])], name="Outer")  # type: ignore[valid-type]

        assert shape(around(struct([("a", int), ("b", int)]))) != shape(around(struct()))

    def test_it_does_not_change_with_a_docstring(self) -> None:
        assert shape(struct(doc="A state, in other words.")) == shape(struct())

    def test_it_is_that_of_both_states_in_this_program(self) -> None:
        assert shape(MarketState, BookState) == SHAPE != shape(MarketState)
