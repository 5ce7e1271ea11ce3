"""Streams of a live market, in the virtual time of a scheduler: reconnected, watched for silence, conflated."""

from collections.abc import Callable
from typing import Any

import pytest
import reactivex
from reactivex import Observable
from reactivex.testing import ReactiveTest, TestScheduler

from flows.feeds.merging import Backoff, Conflating, Connecting, Ended, Silent, merged, reconnecting, watched
from operators.events import AnyEvent, Bar, Chain, Contracts, Quote

on_next, on_error, on_completed = ReactiveTest.on_next, ReactiveTest.on_error, ReactiveTest.on_completed
STEADY = Backoff(first_seconds=1.0, longest_seconds=8.0)
FAR = 100_000.0


def quote(place: int, symbol: str = "TQQQ") -> Quote:
    return Quote(0, 0, place, symbol, 50.0, 50.01)


def chain(place: int, underlying: str = "QQQ") -> Chain:
    return Chain(0, 0, place, underlying, b"", b"", b"", b"", b"")


TABLE = Contracts(0, 0, 9, "QQQ", (), (), (), (), ())


class Line:
    """A subscription in virtual seconds that remembers what came, and what was said of breaks."""

    def __init__(self, scheduler: TestScheduler, until: float = 1_000.0) -> None:
        self.scheduler, self.until = scheduler, until
        self.breaks: list[tuple[float, str, float]] = []

    def told(self, fault: Exception, seconds: float) -> None:
        self.breaks.append((self.scheduler.clock, type(fault).__name__, seconds))

    def how(self, connect: Callable[[], Observable[AnyEvent]]) -> Connecting:
        return Connecting(connect, self.scheduler, self.told, STEADY, lambda: 1.0)

    def seen(self, stream: Observable[AnyEvent]) -> list[tuple[float, Any]]:
        """The times and events, and the name of what ended it."""
        observer = self.scheduler.start(lambda: stream, created=1.0, subscribed=2.0, disposed=self.until)
        return [
            (message.time, getattr(message.value, "value", None) or type(message.value.exception).__name__)
            for message in observer.messages
        ]


class TestBackoff:
    def test_it_doubles_up_to_the_longest(self) -> None:
        assert [STEADY.seconds(failures, 1.0) for failures in (1, 2, 3, 4, 5, 99)] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]

    def test_half_of_it_is_by_chance(self) -> None:
        assert [STEADY.seconds(3, chance) for chance in (0.0, 0.5, 1.0)] == [2.0, 3.0, 4.0]


class TestSilence:
    def test_a_stream_that_speaks_goes_on(self) -> None:
        scheduler = TestScheduler()
        stream = scheduler.create_cold_observable(*(on_next(place * 4.0, quote(place)) for place in range(1, 6)))
        found = Line(scheduler, 24.0).seen(watched(stream, 5.0, lambda: True, scheduler))
        assert [event for _, event in found] == [quote(place) for place in range(1, 6)]

    def test_a_silent_one_ends_at_the_first_look_after_its_limit(self) -> None:
        scheduler = TestScheduler()
        stream = scheduler.create_cold_observable(on_next(3.0, quote(1)))
        found = Line(scheduler, 60.0).seen(watched(stream, 5.0, lambda: True, scheduler))
        # Heard at 2 + 3, silent for more than 5 s at the look at 11.
        assert found == [(5.0, quote(1)), (11.0, Silent.__name__)]

    def test_while_the_market_is_closed_silence_is_nothing(self) -> None:
        scheduler = TestScheduler()
        opens = 50.0
        stream = scheduler.create_cold_observable(on_next(FAR, quote(1)))
        found = Line(scheduler, 80.0).seen(watched(stream, 5.0, lambda: scheduler.clock >= opens, scheduler))
        # The last look before the open at 49: nothing for over 5 s at 55.
        assert found == [(55.0, Silent.__name__)]


class TestReconnecting:
    def test_a_broken_stream_is_connected_again_after_its_wait(self) -> None:
        scheduler = TestScheduler()
        line = Line(scheduler, 30.0)
        streams = [
            scheduler.create_cold_observable(on_next(1.0, quote(1)), on_error(2.0, ConnectionError("reset"))),
            scheduler.create_cold_observable(on_next(1.0, quote(2)), on_completed(2.0)),
            scheduler.create_cold_observable(on_next(1.0, quote(3))),
        ]
        stream = reconnecting(line.how(lambda: streams.pop(0)))
        # Begins at 2, breaks at 4, waits 1; begins at 5, ends at 7, waits 2; begins at 9.
        assert line.seen(stream) == [(3.0, quote(1)), (6.0, quote(2)), (10.0, quote(3))]
        assert line.breaks == [(4.0, "ConnectionError", 1.0), (7.0, Ended.__name__, 2.0)]

    def test_a_connection_that_cannot_be_made_is_tried_again(self) -> None:
        scheduler = TestScheduler()
        line, tries = Line(scheduler, 9.0), list[float]()

        def connect() -> Observable[AnyEvent]:
            tries.append(scheduler.clock)
            raise ConnectionRefusedError("nobody listens")

        assert line.seen(reconnecting(line.how(connect))) == []
        assert tries == [2.0, 3.0, 5.0]

    def test_one_that_held_for_a_minute_begins_with_the_shortest_wait(self) -> None:
        scheduler = TestScheduler()
        line = Line(scheduler, 200.0)
        lengths = [1.0, 1.0, 60.0, 1.0, FAR]
        stream = reconnecting(
            line.how(lambda: scheduler.create_cold_observable(on_error(lengths.pop(0), ConnectionError())))
        )
        assert line.seen(stream) == []
        assert [seconds for _, _, seconds in line.breaks] == [1.0, 2.0, 1.0, 2.0]

    def test_who_leaves_is_not_connected_again(self) -> None:
        scheduler = TestScheduler()
        line, tries = Line(scheduler, 3.5), list[float]()

        def connect() -> Observable[AnyEvent]:
            tries.append(scheduler.clock)
            return scheduler.create_cold_observable(on_error(1.0, ConnectionError()))

        line.seen(reconnecting(line.how(connect)))
        scheduler.advance_to(100.0)
        assert tries == [2.0]

    def test_a_silent_stream_is_connected_again(self) -> None:
        scheduler = TestScheduler()
        line = Line(scheduler, 20.0)
        stream = reconnecting(line.how(lambda: watched(reactivex.never(), 5.0, lambda: True, scheduler)))
        assert line.seen(stream) == []
        assert line.breaks == [(8.0, Silent.__name__, 1.0), (15.0, Silent.__name__, 2.0)]


def test_streams_are_merged_as_they_come() -> None:
    scheduler = TestScheduler()
    one = scheduler.create_cold_observable(on_next(1.0, quote(1)), on_next(3.0, quote(3)))
    two = scheduler.create_cold_observable(on_next(2.0, quote(2)))
    assert [event for _, event in Line(scheduler).seen(merged({"a": one, "b": two}))] == [quote(1), quote(2), quote(3)]


class TestConflating:
    @pytest.fixture
    def put(self) -> list[AnyEvent]:
        return []

    def test_with_room_every_quote_passes(self, put: list[AnyEvent]) -> None:
        conflating = Conflating(put.append, lambda: 10, 10)
        for place in range(5):
            conflating.take(quote(place))
        assert (put, conflating.lost) == ([quote(place) for place in range(5)], 0)

    def test_under_load_the_newest_quote_of_a_symbol_waits_and_the_rest_passes(self, put: list[AnyEvent]) -> None:
        waiting = 11
        conflating = Conflating(put.append, lambda: waiting, 10)
        bar = Bar(0, 0, 9, "QQQ", 1.0, 1.0, 1.0, 1.0, 1.0)
        for event in (quote(1), quote(2, "SQQQ"), quote(3), bar, quote(4)):
            conflating.take(event)
        assert (put, conflating.lost) == ([bar], 2)
        waiting = 0
        conflating.take(quote(5))
        assert put == [bar, quote(4), quote(2, "SQQQ"), quote(5)]

    def test_what_waits_is_released_once(self, put: list[AnyEvent]) -> None:
        conflating = Conflating(put.append, lambda: 11, 10)
        conflating.take(quote(1))
        conflating.release()
        conflating.release()
        assert put == [quote(1)]

    def test_the_newest_chain_of_each_underlying_waits_too(self, put: list[AnyEvent]) -> None:
        conflating = Conflating(put.append, lambda: 11, 10)
        for event in (chain(1), quote(2, "QQQ"), chain(3, "SPY"), chain(4)):
            conflating.take(event)
        assert (put, conflating.lost) == ([], 1)
        conflating.release()
        assert put == [chain(4), quote(2, "QQQ"), chain(3, "SPY")]

    def test_a_chain_that_waits_is_worthless_after_a_new_table_of_its_underlying(self, put: list[AnyEvent]) -> None:
        conflating = Conflating(put.append, lambda: 11, 10)
        for event in (chain(1), chain(2, "SPY"), TABLE):
            conflating.take(event)
        conflating.release()
        assert (put, conflating.lost) == ([TABLE, chain(2, "SPY")], 1)
