"""Options that expire while no engine runs: the close comes with the bars that the next start brings."""

import json
from datetime import timedelta
from decimal import Decimal
from math import nan

import pytest
from msgspec.structs import replace

from operators.config import ScalpConfig
from operators.events import MINUTE_NS, SECOND_NS, AnyEvent, Bar, Clock, OutsideSignal
from operators.records import OptionsScalpRecord, Record
from tests.builders import DAY, When, bar, ny
from tests.option_builders import PATIENT, OptionStage, closes, snapshot, table, unsold
from tests.play import EVENT_DRIVEN, Line, started

TOMORROW = DAY + timedelta(days=1)
MORNING = ny("09:00", TOMORROW)
ANY_SIGNAL = ScalpConfig(require_macro_alignment=False)


def start(stage: OptionStage, when: When) -> None:
    """A run begins."""
    stage._on(started(stage.at(when) + 1, "options", book_id=stage.book.book_id))


def left(clock: str = "15:58", settlement: str = "cash") -> OptionStage:
    """25 calls of strike 572 whose engine ends after a bar that closes at 573.25."""
    stage = unsold(settlement)
    closes(stage, clock, 573.25)
    return stage


class TestMissed:
    def test_the_close_that_comes_after_the_start_settles_it(self) -> None:
        # 0.50 x 25 x 100 = 1,250.00, and not 1.25 x 2,500 by the last bar before the engine ended.
        stage = left()
        start(stage, MORNING)
        stage.reach(MORNING + SECOND_NS)
        assert stage.option_scalp.status == "open"
        closes(stage, MORNING + 2 * SECOND_NS, 574.0, event_ns=ny("15:59"))
        assert stage.option_scalp.status == "open"
        closes(stage, MORNING + 3 * SECOND_NS, 572.5, event_ns=ny("16:00"))
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("expired", Decimal("0.5"))
        assert stage.book.cash_micros == 98_058_750_000 + 1_250_000_000

    def test_five_minutes_after_the_start_the_newest_price_known_stands(self) -> None:
        stage = left()
        start(stage, MORNING)
        closes(stage, MORNING + 2 * SECOND_NS, 574.0, event_ns=ny("15:59"))
        stage.reach(MORNING + 5 * MINUTE_NS - 1)
        assert stage.option_scalp.status == "open"
        stage.reach(MORNING + 5 * MINUTE_NS)
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("expired", Decimal(2))

    def test_a_second_start_waits_anew(self) -> None:
        stage = left()
        for minute in (0, 4):
            start(stage, MORNING + minute * MINUTE_NS)
        stage.reach(MORNING + 9 * MINUTE_NS - 1)
        assert stage.option_scalp.status == "open"
        stage.reach(MORNING + 9 * MINUTE_NS)
        assert stage.option_scalp.status == "expired"

    def test_an_engine_that_heard_the_close_settles_at_it_whenever_it_starts(self) -> None:
        stage = unsold("cash")
        stage.reach("15:59:59")
        closes(stage, "16:00", 572.5)
        start(stage, MORNING)
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("expired", Decimal("0.5"))

    @pytest.mark.parametrize("clock", ["16:02", "16:05:00.1", "17:00"])
    def test_a_start_soon_after_the_close_waits_too(self, clock: str) -> None:
        stage = left()
        start(stage, clock)
        stage.reach(ny(clock) + 5 * MINUTE_NS - 1)
        assert stage.option_scalp.status == "open"
        closes(stage, ny(clock) + 5 * MINUTE_NS - 1, 572.5, event_ns=ny("16:00"))
        assert stage.option_scalp.exit_premium == Decimal("0.5")

    def test_a_start_before_the_close_changes_nothing(self) -> None:
        stage = left()
        start(stage, "15:59")
        stage.reach("16:05")
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("expired", Decimal("1.25"))

    def test_an_engine_that_ran_over_the_close_does_not_wait_again(self) -> None:
        stage = left()
        stage.reach("16:05")
        assert stage.option_scalp.status == "expired"

    def test_a_start_within_the_next_session_waits_and_sends_nothing(self) -> None:
        stage = left()
        sent = len(stage.orders)
        start(stage, ny("10:00", TOMORROW))
        stage.state(ny("10:00:01", TOMORROW), 0.40, 0.41)
        stage.bar(ny("10:01", TOMORROW), flip=-1)
        assert (stage.option_scalp.status, len(stage.orders)) == ("open", sent)
        closes(stage, ny("10:01:01", TOMORROW), 572.5, event_ns=ny("16:00"))
        assert stage.option_scalp.exit_premium == Decimal("0.5")

    def test_without_any_price_a_person_is_alarmed_after_the_wait(self) -> None:
        stage = unsold("cash")
        start(stage, MORNING)
        stage.reach(MORNING + 5 * MINUTE_NS - 1)
        assert "alarm" not in json.loads(stage.option_scalp.metadata_json)
        stage.reach(MORNING + 5 * MINUTE_NS)
        assert "settle it by hand" in json.loads(stage.option_scalp.metadata_json)["alarm"]


def known(event: Bar, at_ns: int) -> Bar:
    """A bar that came later than it closed."""
    return replace(event, at_ns=at_ns)


def test_on_a_tape_the_bars_of_the_next_morning_settle_what_expired_in_between() -> None:
    contracts, bought = table(settlement="cash"), "QQQ250818C00572000"
    nobody = {bought: {"bid": nan, "ask": 0.05}}
    events: list[AnyEvent] = [
        started(ny("09:30"), "options", cadences=EVENT_DRIVEN),
        replace(contracts, at_ns=ny("09:30")),
        bar(ny("10:00"), open=571.0, high=571.0, low=571.0, close=571.0),
        snapshot(contracts, ny("10:00:00.5")),
        OutsideSignal(1, ny("10:00:01"), ny("10:00"), "QQQ", "long", 80.0),
        Clock(1, ny("10:00:01.5"), 0),
        snapshot(contracts, ny("10:00:02"), nobody),
        bar(ny("10:01"), open=571.0, high=573.0, low=571.0, close=573.0),
        started(MORNING, "options", cadences=EVENT_DRIVEN),
        Clock(1, MORNING + SECOND_NS, 0),
        *(
            known(bar(ny(clock), open=at, high=at, low=at, close=at), MORNING + 2 * SECOND_NS + place)
            for place, (clock, at) in enumerate((("15:59", 574.0), ("16:00", 572.5)))
        ),
    ]
    records = Line(ANY_SIGNAL, PATIENT).play(events)
    assert [(scalp.status, scalp.exit_premium) for scalp in _of(bought, records)][-1] == ("expired", Decimal("0.5"))


def _of(symbol: str, records: list[Record]) -> list[OptionsScalpRecord]:
    found = [record for record in records if isinstance(record, OptionsScalpRecord)]
    assert {record.option_symbol for record in found} == {symbol}
    return found
