"""When a book is looked at, and that a look leaves both states of the line as they were."""

from collections.abc import Sequence

import pytest

from operators.config import ScalpConfig
from operators.events import MINUTE_NS, SECOND_NS, AnyEvent, Chain, Contracts
from operators.looking import Looking
from operators.market import Market
from operators.records import Record
from operators.steps import Desks
from operators.views import ChainNow, MarkNow
from tests.builders import Stage, ny, quote
from tests.looked import DETERMINISTIC, fund, looking, option
from tests.option_builders import FREE, snapshot, table
from tests.play import EVENT_DRIVEN, Line, started


def looked_on(every_ns: int) -> Line:
    """A line whose books are looked at."""
    line = Line(ScalpConfig(), FREE)
    line.desks = Desks(line.config, line.settings, Looking(line.market, every_ns))
    return line


def quotes(every_ns: int, minutes: int = 10) -> list[AnyEvent]:
    """Quotes of TQQQ from ten on."""
    count = minutes * MINUTE_NS // every_ns
    return [quote(ny("10:00") + number * every_ns, seq=number + 1) for number in range(count)]


def chain(clock: str = "10:00", seq: int = 2) -> list[AnyEvent]:
    """A table of QQQ and a snapshot of it."""
    listed: Contracts = table(seq=seq - 1, at_ns=ny(clock) - 1, event_ns=ny(clock) - 1)
    newest: Chain = snapshot(listed, ny(clock), seq=seq)
    return [listed, newest]


def played(line: Line, events: Sequence[AnyEvent], book_id: str = "replay:test") -> list[Record]:
    return line.play([started(ny("09:00"), cadences=EVENT_DRIVEN, book_id=book_id), *events])


def looks(records: Sequence[Record]) -> list[MarkNow]:
    return [record for record in records if isinstance(record, MarkNow)]


class TestCadence:
    def test_between_two_looks_passes_the_time_that_was_asked_for(self) -> None:
        # A quote each 7 s, a look each 30 s at least: at 0, 35, 70, ... of 600 s.
        made = looks(played(looked_on(30 * SECOND_NS), quotes(7 * SECOND_NS)))
        seconds = [(row.tape_at - made[0].tape_at).total_seconds() for row in made]
        assert seconds == [35.0 * number for number in range(17)]

    def test_a_look_is_due_when_its_time_is_reached_exactly(self) -> None:
        made = looks(played(looked_on(30 * SECOND_NS), quotes(10 * SECOND_NS)))
        assert len(made) == 20

    def test_at_one_instant_there_is_one_look(self) -> None:
        stage = fund()
        watching = looking(stage, every_ns=SECOND_NS)
        assert [bool(watching.due(stage.book)), bool(watching.due(stage.book))] == [True, False]

    def test_before_its_first_event_a_book_is_not_looked_at(self) -> None:
        assert looks(played(looked_on(SECOND_NS), [])) == []

    def test_each_book_has_its_own_time(self) -> None:
        line = looked_on(MINUTE_NS)
        run = [started(ny("09:00"), cadences=EVENT_DRIVEN, book_id=name) for name in ("replay:a", "replay:b")]
        made = looks(line.play([*run, *quotes(10 * SECOND_NS, minutes=2)]))
        assert [(row.book_id, row.tape_seq) for row in made] == [
            ("replay:a", 1),
            ("replay:b", 1),
            ("replay:a", 7),
            ("replay:b", 7),
        ]

    def test_a_look_follows_the_records_of_its_event(self) -> None:
        # The quote at 10:01:00 lets the clock reach the mark of 10:01.
        line = looked_on(MINUTE_NS)
        played(line, quotes(10 * SECOND_NS, minutes=1))
        made = line.on(quote(ny("10:01"), seq=7))
        assert [type(record).__name__ for record in made] == ["MarkRecord", "MarkNow"]


class TestChains:
    def seen(self, *clocks: str, every_ns: int = 10 * SECOND_NS) -> list[int]:
        """The chain that each look shows, as the second of its time: chains at these clocks, a quote after each."""
        line, events = looked_on(every_ns), []
        for number, clock in enumerate(clocks):
            events += [*chain(clock, seq=4 * number + 2), quote(ny(clock) + SECOND_NS, seq=4 * number + 3)]
        rows = [row for row in played(line, events) if isinstance(row, ChainNow)]
        return [row.quoted_at.second for row in rows]

    def test_a_look_shows_the_chain_that_came_since_the_last(self) -> None:
        # Each table comes before its chain, and is what a look follows.
        assert self.seen("10:00:00", "10:00:20", "10:00:40", "10:01:00") == [0, 20, 40]

    def test_of_chains_that_come_faster_than_looks_one_is_shown(self) -> None:
        assert self.seen("10:00:00", "10:00:04", "10:00:08", "10:00:12", "10:00:24") == [0, 12]

    def test_a_chain_that_no_other_follows_is_priced_anew_each_minute(self) -> None:
        line = looked_on(10 * SECOND_NS)
        records = played(line, [*chain(), *(quote(ny("10:00") + 20 * n * SECOND_NS, seq=n + 3) for n in range(1, 8))])
        ivs = [row.atm_iv for row in records if isinstance(row, ChainNow)]
        assert [ivs.index(iv) for iv in ivs] == [0, 0, 2, 2, 2, 5, 5]


class TestNothingChanges:
    @pytest.mark.parametrize("make", [fund, option, Stage], ids=["fund", "option", "nothing held"])
    def test_both_states_are_the_same_after_a_look(self, make: type[Stage]) -> None:
        stage = make()
        watching = looking(stage)
        before = [DETERMINISTIC.encode(state) for state in (watching.market.state, stage.book)]
        watching.look(stage.book)
        assert [DETERMINISTIC.encode(state) for state in (watching.market.state, stage.book)] == before

    def test_a_book_that_began_after_the_chain_was_heard_is_left_alone(self) -> None:
        line = Line(ScalpConfig(), FREE)
        played(line, chain(), "replay:early")
        line.on(started(ny("10:00:01"), cadences=EVENT_DRIVEN, book_id="replay:late"))
        line.on(quote(ny("10:00:01"), seq=3))
        book = line.desks.books["replay:late"].book
        before = DETERMINISTIC.encode(book)
        rows = Looking(line.market, SECOND_NS).look(book)
        assert [row.fresh for row in rows if isinstance(row, ChainNow)] == [False]
        assert DETERMINISTIC.encode(book) == before

    def test_who_is_looked_on_makes_the_same_records(self) -> None:
        events = [*chain(), *quotes(SECOND_NS, minutes=2)[3:]]
        looked = played(looked_on(SECOND_NS), events)
        assert [record for record in looked if not getattr(record, "now", False)] == played(Line(), events)
        assert looks(looked)

    def test_market_is_only_read(self) -> None:
        line = looked_on(SECOND_NS)
        played(line, chain())
        alone = Market(line.config, line.settings)
        for event in (started(ny("09:00"), cadences=EVENT_DRIVEN), *chain()):
            alone.on(event)
        assert DETERMINISTIC.encode(line.market.state) == DETERMINISTIC.encode(alone.state)
