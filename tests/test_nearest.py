"""Which exit a scalp has come nearest to: how far each has come by hand, who wins, and what is not asked."""

from datetime import date
from math import nan
from typing import Any

import pytest

from operators.codes import ExitReason
from operators.events import MINUTE_NS, SECOND_NS
from operators.nearest import Nearest, nearest
from tests.builders import Stage, ny, pending, quote
from tests.option_builders import held as held_option

AT_ENTRY = (49.99, 50.01)
"""Mid 50.00 is the average entry, and the bid is under it: neither stop nor target has begun."""
STATEMENT = date(2025, 7, 30)
"""A statement at 14:00: positions are left at 13:55."""


def bought(day: date | None = None, clock: str = "10:00", **scalp: Any) -> Stage:
    """133 TQQQ at 50.00 since 1.2 s after the clock, stop 49.00, target 51.00; `scalp` changes its fields."""
    stage = Stage() if day is None else Stage(day=day)
    stage.hold(clock)
    for name, value in scalp.items():
        setattr(stage.position, name, value)
    return stage


def at(stage: Stage, when: int, bid: float = AT_ENTRY[0], ask: float = AT_ENTRY[1]) -> Nearest | None:
    """The nearest exit of the only scalp at an instant with this newest quote."""
    stage.book.now_ns = when
    stage.book.quotes[stage.position.symbol] = quote(when, stage.position.symbol, bid=bid, ask=ask)
    return nearest(stage.book, stage.position)


def soon(stage: Stage, bid: float = AT_ENTRY[0], ask: float = AT_ENTRY[1]) -> Nearest | None:
    """The same at the very moment of the entry, when no time has passed."""
    return at(stage, stage.position.entry_ns, bid, ask)


def test_while_nothing_is_bought_there_is_none() -> None:
    stage = pending()
    assert nearest(stage.book, stage.position) is None


def test_an_exit_that_is_due_is_the_nearest_whatever_the_others_say() -> None:
    stage = bought(exit_due=ExitReason.CLOUD_FLIP)
    assert soon(stage, 48.0, 48.01) == Nearest(ExitReason.CLOUD_FLIP, 1.0, None)


class TestByPrice:
    def test_the_way_to_the_stop_is_measured_by_the_mid(self) -> None:
        # (50.00 - 49.75) / (50.00 - 49.00)
        assert soon(bought(), 49.5, 50.0) == Nearest(ExitReason.STOP_LOSS, 0.25)

    def test_the_way_to_the_target_is_measured_by_the_bid(self) -> None:
        # (50.75 - 50.00) / (51.00 - 50.00); the mid would say 0.875.
        assert soon(bought(), 50.75, 51.0) == Nearest(ExitReason.PROFIT_TARGET, 0.75)

    def test_both_ways_begin_at_the_average_entry(self) -> None:
        # 133 at 50.00 and 133 at 50.01 are 50.005 on average, target 51.0051: (50.50505 - 50.005) / 1.0001.
        stage = Stage()
        stage.hold_both()
        assert soon(stage, 50.50505, 50.51) == Nearest(ExitReason.PROFIT_TARGET, 0.5)

    @pytest.mark.parametrize(
        ("bid", "ask", "reason"),
        [(40.0, 40.01, ExitReason.STOP_LOSS), (60.0, 60.01, ExitReason.PROFIT_TARGET)],
    )
    def test_a_way_has_no_more_than_its_whole(self, bid: float, ask: float, reason: ExitReason) -> None:
        assert soon(bought(), bid, ask) == Nearest(reason, 1.0)

    def test_a_missing_bid_counts_as_nothing(self) -> None:
        # Mid 49.00 of nothing and 98.00: the whole way.
        assert soon(bought(), nan, 98.0) == Nearest(ExitReason.STOP_LOSS, 1.0)

    def test_without_an_ask_the_bid_still_tells_of_the_target(self) -> None:
        assert soon(bought(), 50.75, nan) == Nearest(ExitReason.PROFIT_TARGET, 0.75)

    def test_without_an_ask_the_bid_tells_nothing_of_the_stop(self) -> None:
        assert soon(bought(outside_run=1), 48.0, nan) == Nearest(ExitReason.EXHAUSTION, 1 / 3)

    @pytest.mark.parametrize(("bid", "ask"), [(48.0, 48.0), (52.0, 51.0)])
    def test_a_locked_or_crossed_quote_tells_nothing(self, bid: float, ask: float) -> None:
        assert soon(bought(outside_run=1), bid, ask) == Nearest(ExitReason.EXHAUSTION, 1 / 3)

    def test_without_a_quote_bars_and_times_are_left(self) -> None:
        stage = bought(outside_run=1)
        del stage.book.quotes["TQQQ"]
        assert nearest(stage.book, stage.position) == Nearest(ExitReason.EXHAUSTION, 1 / 3)


class TestByBars:
    @pytest.mark.parametrize(("run", "way"), [(1, 1 / 3), (2, 2 / 3), (3, 1.0), (4, 1.0)])
    def test_three_bars_outside_are_the_way_to_exhaustion(self, run: int, way: float) -> None:
        assert soon(bought(outside_run=run)) == Nearest(ExitReason.EXHAUSTION, way)


class TestByTime:
    def test_a_fund_is_on_its_way_to_the_end_of_the_session(self) -> None:
        # 10:00:01.2 to 15:55:00 are 5:54:58.8; after half of it, 2:57:29.4, it is 12:57:30.6.
        assert at(bought(), ny("12:57:30.6")) == Nearest(ExitReason.SESSION_END, 0.5, ny("15:55"))

    def test_an_option_is_on_its_way_to_its_cutoff(self) -> None:
        # 10:00:01.2 to 14:00:00 are 3:59:58.8; after half of it it is 12:00:00.6. Entry 0.77, mid 0.77.
        found = at(held_option(), ny("12:00:00.6"), 0.76, 0.78)
        assert found == Nearest(ExitReason.TIME_CUTOFF, 0.5, ny("14:00"))

    def test_an_option_of_tomorrow_has_the_later_cutoff(self) -> None:
        # 10:00:01.2 to 15:30:00 are 5:29:58.8; after half of it it is 12:45:00.6.
        stage = held_option()
        stage.option.cutoff_ns = ny("15:30")
        assert at(stage, ny("12:45:00.6"), 0.76, 0.78) == Nearest(ExitReason.TIME_CUTOFF, 0.5, ny("15:30"))

    def test_a_statement_comes_before_the_end_of_the_session(self) -> None:
        # 10:00:01.2 to 13:55:00 are 3:54:58.8; after half of it it is 11:57:30.6.
        found = at(bought(STATEMENT), ny("11:57:30.6", STATEMENT))
        assert found == Nearest(ExitReason.EVENT, 0.5, ny("13:55", STATEMENT))

    def test_a_statement_before_the_entry_is_no_exit(self) -> None:
        # Entered at 15:20:01.2; 15:37:30.6 is half the way to 15:55.
        found = at(bought(STATEMENT, "15:20"), ny("15:37:30.6", STATEMENT))
        assert found == Nearest(ExitReason.SESSION_END, 0.5, ny("15:55", STATEMENT))

    def test_what_was_held_past_the_end_has_gone_the_whole_way(self) -> None:
        assert at(bought(), ny("15:59")) == Nearest(ExitReason.SESSION_END, 1.0, ny("15:55"))

    def test_an_end_that_lay_before_the_entry_has_gone_the_whole_way(self) -> None:
        stage = bought()
        stage.book.exit_ns = stage.position.entry_ns - MINUTE_NS
        assert soon(stage) == Nearest(ExitReason.SESSION_END, 1.0, stage.book.exit_ns)


class TestTies:
    def test_at_the_entry_nothing_has_begun_and_the_uppermost_row_stands(self) -> None:
        assert soon(bought()) == Nearest(ExitReason.STOP_LOSS, 0.0)

    def test_of_target_and_exhaustion_the_target_stands(self) -> None:
        assert soon(bought(outside_run=3), 51.0, 51.01) == Nearest(ExitReason.PROFIT_TARGET, 1.0)

    def test_of_exhaustion_and_times_exhaustion_stands(self) -> None:
        assert at(bought(outside_run=3), ny("15:55")) == Nearest(ExitReason.EXHAUSTION, 1.0)

    def test_of_cutoff_and_session_end_the_cutoff_stands(self) -> None:
        found = at(held_option(), ny("15:55"), 0.76, 0.78)
        assert found == Nearest(ExitReason.TIME_CUTOFF, 1.0, ny("14:00"))

    def test_of_statement_and_session_end_the_statement_stands(self) -> None:
        found = at(bought(STATEMENT), ny("15:55", STATEMENT))
        assert found == Nearest(ExitReason.EVENT, 1.0, ny("13:55", STATEMENT))

    def test_the_greater_way_beats_the_upper_row(self) -> None:
        # Stop (50.00 - 49.80) / 1.00 = 0.2 against a third.
        assert soon(bought(outside_run=1), 49.79, 49.81) == Nearest(ExitReason.EXHAUSTION, 1 / 3)


def test_to_ask_changes_nothing() -> None:
    stage = bought()
    at(stage, stage.position.entry_ns + SECOND_NS)
    before = repr(stage.book)
    nearest(stage.book, stage.position)
    assert repr(stage.book) == before
