"""The paper exchange and time: latency, time-outs, races of quotes and cancels, execution ids."""

from decimal import Decimal  # noqa: F401

from operators import sessions
from operators.config import EngineSettings
from operators.events import SECOND_NS
from tests.builders import Stage, ny, pending

MINUTE_DATA = {"bar": 60.0, "quote": 60.0}


class TestTime:
    def test_an_order_reaches_the_exchange_after_the_latency(self) -> None:
        stage = Stage()
        stage.quote("10:00")
        stage.signal("10:00:01")
        stage.reach(ny("10:00:01.2") - 1)
        assert stage.fills == []
        stage.reach("10:00:01.2")
        assert stage.fills[0].filled_at == sessions.utc(ny("10:00:01.2"))

    def test_the_latency_is_a_setting(self) -> None:
        stage = Stage(engine=EngineSettings(paper_latency_ms=1000))
        stage.quote("10:00")
        stage.signal("10:00:00.5")
        stage.reach("10:00:01.4")
        assert stage.fills == []
        stage.reach("10:00:01.5")
        assert len(stage.fills) == 1

    def test_an_arriving_order_meets_the_quote_of_that_moment_not_of_its_sending(self) -> None:
        stage = Stage()
        stage.quote("10:00")
        stage.signal("10:00:01")
        stage.quote("10:00:01.1", 50.01, 50.02)
        stage.reach("10:00:01.2")
        assert stage.fills == []

    def test_an_order_that_arrives_with_a_quote_does_not_find_the_used_up_size_of_the_one_before(self) -> None:
        # 133 shown and all taken by the first half; the second arrives at 10:01:05.2, when the ask jumps to 60.01.
        stage = Stage(cadences=MINUTE_DATA, no_average_up=False)
        stage.quote("10:00", ask_size=133)
        stage.signal("10:00:01")
        stage.bar("10:01:05", cloud=(499.0, 500.5))
        stage.quote("10:01:05.2", 60.0, 60.01)
        assert (stage.count("second"), len(stage.fills)) == (1, 1)

    def test_an_unfilled_entry_is_cancelled_after_fifteen_seconds_and_a_new_quote(self) -> None:
        stage = pending()
        stage.quote("10:00:10", ask_size=0.0)
        stage.reach("10:00:15.999")
        assert stage.order("first").state == "working"
        stage.reach("10:00:16.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "timeout")

    def test_an_unfilled_entry_on_event_driven_data_is_cancelled_without_a_new_quote_of_its_fund(self) -> None:
        # Other symbols are quoted on, the fund itself is quiet: 10:00:01 + 15 s + 0.2 s.
        stage = pending()
        for second in range(2, 18):
            stage.quote(f"10:00:{second:02d}", symbol="SQQQ")
        assert stage.order("first").state == "cancelled"

    def test_on_minute_data_an_entry_waits_for_its_funds_next_quote(self) -> None:
        stage = pending(cadences=MINUTE_DATA)
        stage.reach("10:00:30")
        assert stage.order("first").state == "working"
        stage.quote("10:01", 50.10, 50.11)
        stage.reach("10:01:00.2")
        assert (stage.order("first").state, stage.order("first").reason) == ("cancelled", "timeout")

    def test_on_minute_data_the_next_quote_may_still_fill_the_entry(self) -> None:
        stage = pending(cadences=MINUTE_DATA)
        stage.quote("10:01", 49.98, 49.99)
        assert stage.order("first").state == "filled"

    def test_the_timeout_is_a_setting(self) -> None:
        stage = pending(fill_timeout_seconds=5)
        stage.quote("10:00:03", ask_size=0.0)
        stage.reach("10:00:06.2")
        assert stage.order("first").state == "cancelled"

    def test_a_quote_is_matched_before_a_cancel_due_at_its_very_time(self) -> None:
        stage = pending()
        stage.quote("10:00:10", ask_size=0.0)
        stage.reach("10:00:16.1")
        stage.quote("10:00:16.2")
        assert stage.order("first").state == "filled"

    def test_so_it_is_where_the_timeout_that_asked_for_the_cancel_runs_with_the_quote(self) -> None:
        # No event between the time-out of 10:00:16 and the quote of 10:00:16.2.
        stage = pending()
        stage.quote("10:00:10", ask_size=0.0)
        stage.quote("10:00:16.2")
        assert stage.order("first").state == "filled"

    def test_a_quote_a_nanosecond_after_the_cancel_comes_too_late(self) -> None:
        stage = pending()
        stage.quote("10:00:10", ask_size=0.0)
        stage.quote(ny("10:00:16.2") + 1)
        assert (stage.order("first").state, stage.fills) == ("cancelled", [])

    def test_an_order_with_its_cancel_under_way_may_still_fill(self) -> None:
        stage = pending()
        stage.quote("10:00:10", ask_size=0.0)
        stage.quote("10:00:16.1")
        assert (stage.order("first").state, stage.scalp.shares) == ("filled", 133)

    def test_what_was_filled_before_the_cancel_is_kept(self) -> None:
        stage = pending()
        stage.quote("10:00:10", ask_size=100)
        stage.reach("10:00:17")
        assert (stage.order("first").state, stage.order("first").filled_quantity) == ("cancelled", 100)
        assert (stage.scalp.status, stage.position.held) == ("open", 100)

    def test_an_entry_that_ends_without_a_fill_frees_its_slot_and_leaves_no_scalp(self) -> None:
        stage = pending()
        stage.quote("10:00:10", ask_size=0.0)
        stage.reach("10:00:17")
        assert (stage.book.scalps, stage.book.orders, stage.scalps) == ({}, {}, {})


class TestExecutions:
    def test_the_execution_id_is_the_order_and_the_number_of_its_fill(self) -> None:
        stage = pending()
        for second in (2, 3):
            stage.quote(f"10:00:0{second}", ask_size=50)
        name = stage.order("first").client_order_id
        assert [fill.execution_id for fill in stage.fills] == [f"{name}-1", f"{name}-2"]

    def test_the_same_quotes_give_the_same_fills(self) -> None:
        runs = [Stage(), Stage()]
        for stage in runs:
            stage.hold_both()
        assert runs[0].fills == runs[1].fills
        assert len(runs[0].fills) == 2

    def test_a_quote_after_the_last_fill_fills_nothing_more(self) -> None:
        stage = Stage()
        stage.hold()
        stage.quote(ny("10:00:01.2") + SECOND_NS)
        assert len(stage.fills) == 1
