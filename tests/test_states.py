"""The two states of the line: whatever happened, they encode, restore equal and go on as if nothing had been."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from math import isnan, nan
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import operators
from operators.book import BookState
from operators.config import EngineSettings, ScalpConfig
from operators.desk import Desk
from operators.events import AnyEvent
from operators.market import Market, MarketState
from operators.quoted import Quoted
from operators.records import Record
from tests.market_builders import ny, quote
from tests.play import Line, started
from tests.real_bars import cut, tape_of
from tests.walks import BUSY, line, trades, walk

pytestmark = pytest.mark.slow

STATES: tuple[type[msgspec.Struct], ...] = (MarketState, BookState)
DETERMINISTIC = msgspec.msgpack.Encoder(order="deterministic")


def reachable(*roots: type[msgspec.Struct]) -> set[type]:
    """The structs that the fields of these are made of, themselves included."""
    found: set[type] = set()
    waiting: list[object] = [msgspec.inspect.type_info(root) for root in roots]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (list, tuple)):
            waiting += node
        elif isinstance(node, msgspec.inspect.StructType):
            if node.cls not in found:
                found.add(node.cls)
                waiting += [field.type for field in node.fields]
        elif isinstance(node, msgspec.Struct):
            waiting += [getattr(node, name) for name in node.__struct_fields__]
    return found


def changing() -> set[type]:
    """All structs of the operators that are not frozen, but for those that are only there to be derived from."""
    names = [f"operators.{module.name}" for module in pkgutil.iter_modules(operators.__path__)]
    found = [value for name in names for value in vars(importlib.import_module(name)).values()]
    structs = {one for one in found if isinstance(one, type) and issubclass(one, msgspec.Struct)}
    own = {one for one in structs if one.__module__.startswith("operators.") and not one.__subclasses__()}
    return {one for one in own if not one.__struct_config__.frozen}


def parts(value: object) -> Iterator[msgspec.Struct]:
    """Every struct inside a value, itself included."""
    if isinstance(value, msgspec.Struct):
        yield value
        value = [getattr(value, name) for name in value.__struct_fields__]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from parts(one)


def states(made: Line) -> list[msgspec.Struct]:
    """The state of the market and those of all books."""
    return [made.market.state, *(desk.book for desk in made.desks.books.values())]


def encoded(made: Line) -> list[bytes]:
    """Both states as bytes that do not depend on the order of a dict: equal states have equal bytes."""
    return [DETERMINISTIC.encode(state) for state in states(made)]


def restored(made: Line) -> Line:
    """A new line, with nothing but the encoded states of another."""
    state, *books = states(made)
    again = Line(made.config, made.settings)
    again.market = Market(
        made.config, made.settings, msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=MarketState)
    )
    for book in books:
        copy = msgspec.msgpack.decode(msgspec.msgpack.encode(book), type=BookState)
        again.desks.books[copy.book_id] = Desk(copy, made.config, made.settings)
    return again


def broken(events: Sequence[AnyEvent], points: set[int], config: ScalpConfig = BUSY) -> tuple[list[Record], Line]:
    """The records of a run that was put away and restored after each of these events, and its last line."""
    made, records = line(events, config), list[Record]()
    for number, event in enumerate(events):
        records += made.on(event)
        if number in points:
            made = restored(made)
    return records, made


def unbroken(events: Sequence[AnyEvent], config: ScalpConfig = BUSY) -> tuple[list[Record], Line]:
    """The same without a break."""
    return broken(events, set(), config)


@pytest.fixture(scope="module")
def recorded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[AnyEvent]:
    """Seven recorded sessions of QQQ and its funds, four of them history."""
    folder = tmp_path_factory.mktemp("recorded")
    names = ("QQQ", "TQQQ", "SQQQ")
    files = [
        cut(shared_data / "bars_1m_2025" / f"{name}.csv.gz", folder / f"{name}.csv", "2025-08-11", "2025-08-19")
        for name in names
    ]
    return tape_of(files, folder / "recorded.tape")


class TestClasses:
    def test_every_struct_that_changes_belongs_to_one_of_the_two_states(self) -> None:
        # A machine that keeps something elsewhere would lose it in a restart.
        assert changing() <= reachable(*STATES)

    def test_the_search_finds_what_is_known_to_change(self) -> None:
        names = {one.__name__ for one in changing()}
        assert names >= {"Ema", "Cloud", "Atr", "Bucket", "TickerState", "MarketState", "Order", "BookState"}

    def test_a_new_state_shares_nothing_with_another(self) -> None:
        for begun in (MarketState, lambda: BookState.begun(started(2), EngineSettings())):
            one, other = begun(), begun()
            for name in one.__struct_fields__:
                value = getattr(one, name)
                assert not isinstance(value, (list, dict)) or value is not getattr(other, name), name

    def test_every_class_of_the_states_round_trips_equal_at_any_point(self) -> None:
        events, met = walk(4), set[type]()
        made = line(events)
        for number, event in enumerate(events):
            made.on(event)
            for one in parts(states(made)) if number % 7 == 0 else ():
                met.add(type(one))
                assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=type(one)) == one
        assert met == reachable(*STATES), "the session does not meet every class"

    def test_an_absent_side_of_a_quote_stays_absent(self) -> None:
        state = MarketState(quoted=Quoted({"TQQQ": quote(ny("10:00"), bid=nan, bid_size=nan)}))
        copy = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=MarketState)
        assert isnan(copy.quoted.quotes["TQQQ"].bid)
        assert copy.quoted.quotes["TQQQ"].ask == 56.44


class TestRestart:
    @pytest.mark.parametrize("seed", [0, 4, 7])
    def test_a_restart_after_every_single_event_changes_no_record(self, seed: int) -> None:
        events = walk(seed)
        expected, last = unbroken(events)
        found, again = broken(events, set(range(len(events))))
        assert trades(expected) >= 10
        assert found == expected
        assert encoded(again) == encoded(last)

    def test_a_restart_on_five_minute_entries_changes_no_record(self) -> None:
        events, config = walk(7), BUSY.model_copy(update={"entry_timeframe_minutes": 5})
        expected, _ = unbroken(events, config)
        assert any(record.table == "signals" for record in expected)
        assert broken(events, set(range(len(events))), config)[0] == expected

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 1000), points=st.sets(st.integers(0, 4000), max_size=12))
    def test_a_restart_at_any_points_of_any_session_changes_no_record(self, seed: int, points: set[int]) -> None:
        events = walk(seed)
        (expected, last), (found, again) = unbroken(events), broken(events, points)
        assert found == expected
        assert encoded(again) == encoded(last)

    def test_recorded_sessions_go_on_after_a_restart_at_every_fifth_event(self, recorded: list[AnyEvent]) -> None:
        expected, last = unbroken(recorded)
        found, again = broken(recorded, set(range(0, len(recorded), 5)))
        assert trades(expected) >= 5
        assert found == expected
        assert encoded(again) == encoded(last)

    @settings(max_examples=8, deadline=None)
    @given(data=st.data())
    def test_recorded_sessions_go_on_after_a_restart_at_any_points(
        self, recorded: list[AnyEvent], data: st.DataObject
    ) -> None:
        points = data.draw(st.sets(st.integers(0, len(recorded) - 1), min_size=1, max_size=8))
        assert broken(recorded, points)[0] == unbroken(recorded)[0]


class TestEncoding:
    @pytest.mark.parametrize("seed", [1, 5])
    def test_equal_states_have_equal_bytes_after_a_restore(self, seed: int) -> None:
        events = walk(seed)
        made = line(events)
        for number, event in enumerate(events):
            made.on(event)
            if number % 50 == 0:
                assert encoded(restored(made)) == encoded(made)

    def test_two_runs_over_one_tape_end_in_the_same_bytes(self) -> None:
        assert encoded(unbroken(walk(2))[1]) == encoded(unbroken(walk(2))[1])

    def test_different_tapes_end_in_different_bytes(self) -> None:
        assert encoded(unbroken(walk(2))[1]) != encoded(unbroken(walk(3))[1])

    def test_a_state_stays_small(self) -> None:
        # Recovery is by replay, but a state that grows with the tape would grow the memory of a long run.
        made = unbroken(walk(7))[1]
        assert sum(map(len, encoded(made))) < 40_000
