"""A book's money minute by minute: when it is marked, and what a scalp does to it, worked by hand."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from operators import sessions
from operators.charted import MarkRecord, money
from operators.config import EngineSettings
from tests.builders import DAY, Stage, bar, ny, quote, stop_out
from tests.option_builders import OptionStage
from tests.option_builders import held as held_option
from tests.play import Line, started

TUESDAY = DAY + timedelta(days=1)
HALF_DAY = date(2025, 11, 28)
DEAF = EngineSettings(stale_exit_after_seconds=3600.0)
"""Quotes may be silent for an hour, so that a test need not state them all the time."""


def marks(stage: Stage) -> list[MarkRecord]:
    return [record for record in stage.records if isinstance(record, MarkRecord)]


def times(stage: Stage) -> list[str]:
    """When marks were made, New York time."""
    return [clock(record.marked_at) for record in marks(stage)]


def clock(moment: datetime) -> str:
    return moment.astimezone(sessions.NEW_YORK).strftime("%H:%M:%S.%f").removesuffix(".000000")


def minutes(first: str, count: int) -> list[str]:
    """So many minutes of a day from one on."""
    begun = datetime.fromisoformat(f"2025-08-18 {first}")
    return [(begun + timedelta(minutes=number)).strftime("%H:%M:%S") for number in range(count)]


def amounts(stage: Stage) -> tuple[Decimal, ...]:
    """Equity, the day's P&L, that of what is held and that of what is over, of the newest mark."""
    mark = marks(stage)[-1]
    return mark.equity, mark.day_pnl, mark.open_pnl, mark.realised_pnl


def usd(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


class TestWhen:
    def test_each_minute_of_a_session_from_the_first_to_the_close(self) -> None:
        stage = Stage()
        stage.reach("16:00")
        assert times(stage) == minutes("09:31", 390)

    def test_a_half_day_ends_at_one(self) -> None:
        stage = Stage(day=HALF_DAY)
        stage.reach("16:00")
        assert times(stage) == minutes("09:31", 210)
        assert times(stage)[-1] == "13:00:00"

    def test_none_before_the_first_minute_is_over(self) -> None:
        stage = Stage()
        stage.reach("09:30:59.999999999")
        assert marks(stage) == []

    def test_one_at_the_instant_of_its_minute(self) -> None:
        stage = Stage()
        stage.reach("09:31")
        assert times(stage) == ["09:31:00"]

    def test_none_from_the_close_to_the_next_open(self) -> None:
        stage = Stage()
        stage.reach("16:00")
        stage.reach(ny("09:30:30", TUESDAY))
        assert len(marks(stage)) == 390

    def test_the_next_session_is_marked_too(self) -> None:
        stage = Stage()
        stage.reach("12:00")
        stage.reach(ny("16:00", TUESDAY))
        days = [record.marked_at.date() for record in marks(stage)]
        assert (days.count(DAY), days.count(TUESDAY), len(days)) == (390, 390, 780)

    def test_a_weekend_is_not_marked(self) -> None:
        friday, monday = date(2025, 8, 22), date(2025, 8, 25)
        stage = Stage(day=friday)
        stage.reach("12:00")
        stage.reach(ny("09:31", monday))
        assert [record.marked_at.date() for record in marks(stage)[-2:]] == [friday, monday]

    def test_when_events_come_moves_no_mark(self) -> None:
        one, many = Stage(), Stage()
        one.reach("11:00")
        for minute in range(0, 90):
            many.reach(ny("09:30") + minute * 60_000_000_000 + 7_000_000_001)
        many.reach("11:00")
        assert times(many) == times(one)

    def test_a_mark_names_the_event_that_showed_its_minute_to_be_over(self) -> None:
        stage = Stage()
        stage.reach("09:30:30")
        stage.reach("09:33:30")
        # The run's first item is number 1, the two bars 1 and 2 as the stage counts them.
        assert {record.tape_seq for record in marks(stage)} == {stage.book.seq}

    def test_a_run_that_begins_in_a_session_tells_its_minutes_from_the_first(self) -> None:
        stage = OptionStage()  # its first event is before any session: the table of contracts
        stage.reach("12:00")
        assert times(stage) == minutes("09:31", 150)


class TestMoney:
    def test_before_the_first_session_nothing_is_made(self) -> None:
        assert (money(Stage().book).day_pnl, money(Stage().book).equity) == usd("0", "100000")

    def test_without_a_trade_nothing_changes(self) -> None:
        stage = Stage()
        stage.reach("09:31")
        assert amounts(stage) == usd("100000", "0", "0", "0")

    def test_a_fund_is_marked_at_the_last_bid(self) -> None:
        # 133 bought at 50.00; at a bid of 50.40 they gain 53.20.
        stage = Stage(engine=DEAF)
        stage.hold()
        stage.quote("10:00:30", 50.40, 50.41)
        stage.reach("10:01")
        assert amounts(stage) == usd("100053.20", "53.20", "53.20", "0")

    def test_an_option_counts_a_hundred_times_less_its_fee(self) -> None:
        # 25 x 100 x (0.80 - 0.77) = 75.00, less 25 x 0.65 = 16.25.
        stage = held_option()
        stage.state("10:00:30", 0.80, 0.84)
        stage.reach("10:01")
        assert amounts(stage) == usd("100058.75", "58.75", "58.75", "0")

    def test_a_scalp_that_ended_is_realised_with_the_fees_of_both_sides(self) -> None:
        # Sold at 0.97 over the target of 0.9625: 25 x 100 x 0.20 = 500.00, less 2 x 16.25.
        stage = held_option()
        stage.state("10:00:30", 0.97, 0.99)
        stage.reach("10:01")
        assert amounts(stage) == usd("100467.50", "467.50", "0", "467.50")

    def test_what_was_sold_of_a_scalp_that_goes_on_still_counts_as_open(self) -> None:
        # 33 of 133 fetch the bid of 48.90: 133 x -1.10 = -146.30 in all, none of it realised.
        stage = Stage(engine=DEAF)
        stage.hold()
        stage.quote("10:00:30", 48.90, 48.91, bid_size=33.0)
        stage.reach("10:01")
        assert stage.position.held == 100
        assert amounts(stage) == usd("99853.70", "-146.30", "-146.30", "0")

    def test_scalps_that_ended_add_up(self) -> None:
        # Two funds are bought at 50.00 and stopped at 48.90: 133 x -1.10 = -146.30; the second is sized from 99,853.70:
        # 13,313.83 USD buy 266 shares, 133 of them now: as much again.
        stage = Stage(engine=DEAF, scalp_tickers=("QQQ", "IWM"))
        stop_out(stage, "10:00", "QQQ")
        stage.quote("10:01:00", symbol="TNA")
        stage.signal("10:01:01", ticker="IWM")
        stage.reach("10:01:02")
        stage.quote("10:01:03", 48.9, 48.91, "TNA")
        stage.reach("10:02")
        assert amounts(stage) == usd("99707.40", "-292.60", "0", "-292.60")

    def test_held_and_ended_add_up_to_the_day(self) -> None:
        # TQQQ stopped: -146.30. TNA held at a bid of 50.20: 133 x 0.20 = 26.60.
        stage = Stage(engine=DEAF, scalp_tickers=("QQQ", "IWM"))
        stop_out(stage, "10:00", "QQQ")
        stage.quote("10:01:00", symbol="TNA")
        stage.signal("10:01:01", ticker="IWM")
        stage.reach("10:01:02")
        stage.quote("10:01:03", 50.20, 50.21, "TNA")
        stage.reach("10:02")
        assert amounts(stage) == usd("99880.30", "-119.70", "26.60", "-146.30")

    def test_the_next_session_begins_at_nothing(self) -> None:
        stage = Stage(engine=DEAF)
        stop_out(stage, "10:00", "QQQ")
        stage.reach(ny("09:31", TUESDAY))
        assert [mark.realised_pnl for mark in marks(stage)[-2:]] == list(usd("-146.30", "0"))
        assert amounts(stage) == usd("99853.70", "0", "0", "0")

    def test_what_is_held_overnight_has_lost_more_than_the_day(self) -> None:
        # 133 bought at 50.00, never sold for want of buyers; at the next open the last bid is 49.99, equity 99,998.67.
        # At 49.49 the position has lost 133 x 0.51 = 67.83, and the day 133 x 0.50 = 66.50.
        stage = Stage(engine=DEAF)
        stage.hold("15:00")
        stage.quote("15:50", bid_size=0.0)
        stage.reach("16:01")
        stage.quote(ny("09:30:30", TUESDAY), 49.49, 49.50, bid_size=0.0)
        stage.reach(ny("09:31", TUESDAY))
        assert amounts(stage) == usd("99932.17", "-66.50", "-67.83", "0")

    def test_an_option_that_expires_worthless_is_realised(self) -> None:
        # 25 x 77.00 and 16.25 of fees; the close's own mark comes before the closing price is known.
        stage = held_option()
        stage.state("15:59", float("nan"), 0.05)
        stage.reach("16:00")
        assert amounts(stage) == usd("98058.75", "-1941.25", "-1941.25", "0")
        stage.bar("16:00:00.1", event_ns=ny("16:00"), open=571.0, high=571.0, low=571.0, close=571.0)
        assert money(stage.book).realised_pnl == Decimal("-1941.25")


@pytest.mark.parametrize("engine", [DEAF, DEAF.model_copy(update={"paper_fee_per_contract_usd": Decimal("1.00")})])
def test_the_fee_that_is_set_is_the_fee_that_is_marked(engine: Any) -> None:
    # 25 contracts at the bid of 0.77 that they were bought at: nothing but the fees is lost.
    stage = held_option(engine=engine.model_copy(update={"risk_free_rate": 0.0}))
    stage.state("10:00:30", 0.77, 0.79)
    stage.reach("10:01")
    fee = 25 * Decimal(str(engine.paper_fee_per_contract_usd))
    assert amounts(stage)[1:] == (-fee, -fee, Decimal(0))


def test_history_is_not_marked() -> None:
    # The run begins with a bar of Friday's history; its first event that is none comes on Monday at ten.
    line = Line()
    friday, monday = date(2025, 8, 15), DAY
    old = bar(ny("09:31", friday), seq=1, history=True)
    records = line.play([started(old.at_ns), old, quote(ny("10:00", monday), seq=2)])
    found = [record.marked_at for record in records if isinstance(record, MarkRecord)]
    assert [clock(moment) for moment in found] == minutes("09:31", 30)
    assert {moment.date() for moment in found} == {monday}
