"""The desk at a real broker: nothing is filled before the broker says so, whatever it says and in whatever order."""

from typing import Any

import pytest

from operators.answers import Answer, Execution, Power
from operators.audit import AuditRecord
from operators.orders import Cancel
from operators.records import FillRecord, OrderRecord
from operators.sessions import new_york, ns
from tests.builders import Stage, ny, refused

ACCOUNT: dict[str, Any] = {"loop": "alpaca", "book_id": "live:X1"}


class Account(Stage):
    """A stage whose loop is closed by a broker."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(**(ACCOUNT | changes))

    @property
    def newest(self) -> OrderRecord:
        """The order that was told of last."""
        return [record for record in self.records if isinstance(record, OrderRecord)][-1]

    def answers(self, when: str, state: Any, name: str = "", filled: int = 0, reason: str = "") -> list[Any]:
        """What the broker says of an order, the newest one by itself."""
        at_ns = self.at(when)
        return self._on(Answer(self.seq, at_ns, at_ns, name or self.newest.client_order_id, state, filled, reason))

    def executes(self, when: str, quantity: int, price: float = 50.0, name: str = "", **changes: Any) -> list[Any]:
        """An execution of an order, of the newest one by itself; its id is a new one."""
        at_ns, order = self.at(when), self.newest
        row: dict[str, Any] = {"execution_id": f"x{self.seq}", "client_order_id": name or order.client_order_id}
        row |= {"symbol": order.symbol, "side": order.side, "quantity": quantity, "event_ns": at_ns}
        return self._on(Execution(self.seq, at_ns, **(row | {"price_micros": round(price * 1e6)} | changes)))

    def enters(self, clock: str = "10:00") -> str:
        """A first half of 133 TQQQ is sent, a second after its quote; the order's name."""
        self.quote(clock)
        self.signal(f"{clock}:01" if clock.count(":") == 1 else clock)
        return self.newest.client_order_id

    def holds(self) -> str:
        """133 TQQQ bought at 50.00 at 10:00:02, whole; the entry's name."""
        name = self.enters()
        self.answers("10:00:01.5", "working")
        self.executes("10:00:02", 133)
        return name


def of(records: list[Any], kind: type) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


class TestEntries:
    def test_nothing_fills_before_the_broker_says_so(self) -> None:
        stage = Account()
        stage.enters()
        stage.quote("10:00:05", 49.98, 49.99)
        stage.reach("10:00:06")
        assert (stage.newest.state, of(stage.records, FillRecord)) == ("sending", [])

    def test_an_order_works_once_the_broker_has_it(self) -> None:
        stage = Account()
        stage.enters()
        stage.answers("10:00:01.5", "working")
        assert stage.newest.state == "working"

    def test_an_execution_is_booked_at_its_price_with_its_fee(self) -> None:
        stage = Account()
        stage.enters()
        (fill,) = of(stage.executes("10:00:02", 133, 49.99, fee_micros=70_000), FillRecord)
        assert (fill.quantity, str(fill.price), str(fill.fee)) == (133, "49.990000", "0.070000")
        assert (stage.newest.state, stage.scalp.status, stage.scalp.broker) == ("filled", "open", "alpaca")
        assert stage.book.cash_micros == 100_000_000_000 - 133 * 49_990_000 - 70_000

    def test_an_execution_before_the_answer_counts_and_the_answer_changes_nothing(self) -> None:
        stage = Account()
        stage.enters()
        stage.executes("10:00:02", 133)
        assert stage.answers("10:00:02.1", "working") == []
        assert stage.newest.state == "filled"

    def test_parts_add_up(self) -> None:
        stage = Account()
        stage.enters()
        stage.executes("10:00:02", 33)
        assert (stage.newest.state, stage.position.working) == ("partial", 100)
        stage.executes("10:00:02.5", 100)
        assert (stage.newest.state, stage.position.held, stage.position.working) == ("filled", 133, 0)

    def test_an_execution_that_comes_again_is_booked_once(self) -> None:
        stage = Account()
        stage.enters()
        stage.executes("10:00:02", 33, execution_id="x1")
        assert stage.executes("10:00:02.5", 33, execution_id="x1") == []
        assert stage.position.held == 33

    def test_a_refused_entry_gives_its_slot_back_and_says_why(self) -> None:
        stage = Account()
        stage.enters()
        stage.answers("10:00:02", "rejected", reason="insufficient buying power")
        assert (stage.newest.state, stage.newest.reason) == ("rejected", "insufficient buying power")
        assert stage.book.scalps == {}

    def test_an_order_of_which_nothing_is_known_keeps_its_money(self) -> None:
        stage = Account()
        stage.enters()
        before = stage.book.buying_power_micros(settled_only=False)
        stage.answers("10:00:02", "unknown")
        assert stage.newest.state == "unknown"
        assert stage.book.buying_power_micros(settled_only=False) == before < 100_000_000_000
        stage.stand("10:00:30")
        assert [scalp.working for scalp in stage.book.scalps.values()] == [133]

    def test_an_unknown_order_that_the_broker_has_after_all_works(self) -> None:
        stage = Account()
        stage.enters()
        stage.answers("10:00:02", "unknown")
        stage.answers("10:00:04", "working")
        assert stage.newest.state == "working"


class TestCancels:
    def after_timeout(self) -> tuple[Account, str]:
        """An entry whose fifteen seconds are over."""
        stage = Account()
        name = stage.enters()
        stage.answers("10:00:01.5", "working")
        stage.stand("10:00:16.5")
        return stage, name

    def test_a_cancel_goes_to_the_broker_once(self) -> None:
        stage, name = self.after_timeout()
        assert [cancel.client_order_id for cancel in of(stage.records, Cancel)] == [name]
        assert (stage.newest.state, stage.position.working) == ("working", 133)

    def test_the_broker_ends_it(self) -> None:
        stage, _ = self.after_timeout()
        stage.answers("10:00:17", "cancelled")
        assert (stage.newest.state, stage.newest.reason, stage.book.scalps) == ("cancelled", "timeout", {})

    def test_an_end_waits_for_the_executions_that_it_tells_of(self) -> None:
        stage, name = self.after_timeout()
        assert stage.answers("10:00:17", "cancelled", filled=50) == []
        stage.executes("10:00:17.5", 50, name=name)
        assert (stage.newest.state, stage.newest.filled_quantity) == ("cancelled", 50)
        assert (stage.position.held, stage.position.working) == (50, 0)

    def test_a_fill_wins_over_a_cancel_that_was_asked(self) -> None:
        stage, _ = self.after_timeout()
        stage.executes("10:00:16.6", 133)
        assert (stage.newest.state, stage.position.held) == ("filled", 133)

    def test_a_fill_after_the_end_takes_the_scalp_up_again(self) -> None:
        stage, name = self.after_timeout()
        stage.answers("10:00:17", "cancelled")
        stage.executes("10:00:18", 33, name=name)
        assert (stage.position.held, stage.position.working, stage.scalp.status) == (33, 0, "open")
        stage.quote("10:00:20", 48.0, 48.01)
        assert (stage.newest.side, stage.newest.quantity, stage.newest.reason) == ("sell", 33, "stop_loss")

    def test_that_fill_comes_again_and_is_booked_once(self) -> None:
        stage, name = self.after_timeout()
        stage.answers("10:00:17", "cancelled")
        stage.executes("10:00:18", 33, name=name, execution_id="x1")
        assert stage.executes("10:00:19", 33, name=name, execution_id="x1") == []

    def test_the_close_ends_no_order_that_the_broker_has(self) -> None:
        stage, _ = self.after_timeout()
        stage.reach("16:00:01")
        assert stage.newest.state == "working"
        stage.answers("16:00:02", "expired")
        assert stage.newest.state == "expired"


class TestExits:
    def leaving(self) -> tuple[Account, str]:
        """133 TQQQ whose stop was reached at 10:00:05: an exit is sent; its name."""
        stage = Account()
        stage.holds()
        stage.quote("10:00:05", 48.0, 48.01)
        return stage, stage.newest.client_order_id

    def test_an_exit_that_is_filled_ends_the_scalp(self) -> None:
        stage, _ = self.leaving()
        stage.executes("10:00:06", 133, 48.0)
        assert (stage.scalp.status, stage.scalp.exit_reason, stage.book.scalps) == ("closed", "stop_loss", {})

    def test_a_refused_exit_is_sent_again_once_a_second(self) -> None:
        stage, _ = self.leaving()
        stage.answers("10:00:05.1", "rejected", reason="halted")
        for clock in ("10:00:05.3", "10:00:05.6", "10:00:06.05"):
            stage.quote(clock, 48.0, 48.01)
        assert [order.state for order in stage.orders if order.side == "sell"][-1] == "rejected"
        stage.reach("10:00:06.2")
        assert (stage.newest.side, stage.newest.attempt, stage.newest.state) == ("sell", 2, "sending")

    def refused(self, stage: Account, clock: str) -> list[AuditRecord]:
        """What is told when the newest exit is refused."""
        return of(stage.answers(clock, "rejected", reason="not now"), AuditRecord)

    def exits(self, stage: Account) -> list[str]:
        """When each exit was sent."""
        sent = {order.client_order_id: order.sent_at for order in stage.orders if order.side == "sell"}
        return [f"{new_york(ns(at)):%H:%M:%S}" for at in sent.values()]

    def test_each_refusal_in_a_row_doubles_the_time_to_the_next_up_to_ten_seconds(self) -> None:
        stage, _ = self.leaving()
        sent, second = ["10:00:05"], 5
        for after in (1, 2, 4, 8, 10, 10):
            self.refused(stage, f"10:00:{second:02}.0")
            for late in range(1, 10 * after):
                stage.quote(f"10:00:{second + late // 10:02}.{late % 10}", 48.0, 48.01)
            assert self.exits(stage) == sent
            second += after
            stage.reach(f"10:00:{second:02}.0")
            sent.append(f"10:00:{second:02}")
        assert self.exits(stage) == sent

    def test_the_second_refusal_in_a_row_ends_entries_and_calls_for_a_person(self) -> None:
        stage, _ = self.leaving()
        assert (self.refused(stage, "10:00:05.1"), stage.book.trading) == ([], "ACTIVE")
        stage.reach("10:00:06.2")
        (alarm,) = self.refused(stage, "10:00:06.3")
        why = "TQQQ cannot be sold, 2 exits were refused: not now"
        assert (alarm.action, alarm.argument) == ("alarm", why)
        assert (stage.book.trading, stage.book.reduced_by, stage.book.trading_reason) == ("REDUCING", "engine", why)
        stage.reach("10:00:09")
        assert self.refused(stage, "10:00:09.1") == []

    @pytest.mark.parametrize("how", ["working", "filled"])
    def test_entries_begin_again_once_an_exit_is_taken(self, how: str) -> None:
        stage, _ = self.leaving()
        self.refused(stage, "10:00:05.1")
        stage.reach("10:00:06.2")
        self.refused(stage, "10:00:06.3")
        stage.reach("10:00:09")
        told = stage.answers("10:00:09.1", "working") if how == "working" else stage.executes("10:00:09.1", 133, 48.0)
        assert [(one.action, one.argument[:19]) for one in of(told, AuditRecord)] == [
            ("restore", "TQQQ cannot be sold")
        ]
        assert (stage.book.trading, stage.book.reasons) == ("ACTIVE", [])

    def test_refusals_of_exits_that_the_broker_had_taken_count_as_those_in_a_row(self) -> None:
        stage, _ = self.leaving()
        for clock, sent_again in (("05.1", "06.2"), ("06.3", "08.3"), ("08.4", "12.4")):
            stage.answers(f"10:00:{clock}", "working")
            alarms = [one.action for one in self.refused(stage, f"10:00:{clock}")]
            assert (alarms, stage.book.trading) == (([], "ACTIVE") if clock == "05.1" else (["alarm"], "REDUCING"))
            stage.reach(f"10:00:{sent_again}")
        assert self.exits(stage) == ["10:00:05", "10:00:06", "10:00:08", "10:00:12"]

    def test_an_exit_that_worked_and_was_priced_anew_ends_the_row(self) -> None:
        stage, _ = self.leaving()
        self.refused(stage, "10:00:05.1")
        stage.reach("10:00:06.2")
        stage.answers("10:00:06.3", "working")
        stage.quote("10:00:08.5", 47.5, 47.51)
        stage.answers("10:00:08.7", "cancelled")
        assert (self.refused(stage, "10:00:08.9"), stage.book.trading) == ([], "ACTIVE")

    def test_a_person_who_resumes_is_told_again_at_the_next_refusal(self) -> None:
        stage, _ = self.leaving()
        self.refused(stage, "10:00:05.1")
        stage.reach("10:00:06.2")
        self.refused(stage, "10:00:06.3")
        stage.command("10:00:07", "resume")
        assert stage.book.trading == "ACTIVE"
        stage.reach("10:00:09")
        (alarm,) = self.refused(stage, "10:00:09.1")
        assert (alarm.action, stage.book.trading) == ("alarm", "REDUCING")

    def test_a_halted_book_tells_of_it_too(self) -> None:
        stage, _ = self.leaving()
        self.refused(stage, "10:00:05.1")
        stage.command("10:00:05.5", "kill")
        stage.reach("10:00:06.2")
        (alarm,) = self.refused(stage, "10:00:06.3")
        assert (alarm.action, stage.book.trading) == ("alarm", "HALTED")

    def test_a_kill_does_not_wait_for_the_next_try(self) -> None:
        stage, _ = self.leaving()
        for refused_at, sent_again in (("05.0", "06.0"), ("06.0", "08.0"), ("08.0", "12.0")):
            self.refused(stage, f"10:00:{refused_at}")
            stage.reach(f"10:00:{sent_again}")
        self.refused(stage, "10:00:12.0")  # the next would go out at 10:00:20
        before = self.exits(stage)
        stage.command("10:00:12.5", "kill")
        assert self.exits(stage) == before
        stage.reach("10:00:13.5")
        assert self.exits(stage) == [*before, "10:00:13"]

    def test_what_the_entry_bought_beside_an_exit_is_sold_at_once_when_that_has_filled(self) -> None:
        stage = Account()
        entry = stage.enters()
        stage.executes("10:00:02", 33)
        stage.command("10:00:03", "kill")
        assert (stage.newest.side, stage.newest.quantity) == ("sell", 33)
        first = stage.newest.client_order_id
        stage.executes("10:00:03.2", 50, name=entry, symbol="TQQQ", side="buy")  # before the cancel reached it
        stage.executes("10:00:03.4", 33, 49.99, name=first, side="sell")
        assert (stage.newest.side, stage.newest.quantity, stage.newest.attempt) == ("sell", 50, 2)

    def test_an_exit_of_which_nothing_is_known_is_not_sent_again(self) -> None:
        stage, name = self.leaving()
        stage.answers("10:00:05.1", "unknown")
        stage.quote("10:00:08", 47.5, 47.51)
        stage.stand("10:00:30")
        assert {order.client_order_id for order in stage.orders if order.side == "sell"} == {name}
        assert [cancel.client_order_id for cancel in of(stage.records, Cancel)] == [name]

    def test_an_exit_that_a_late_fill_made_too_large_is_withdrawn(self) -> None:
        stage, name = self.leaving()
        stage.quote("10:00:07.5", 47.9, 47.91)
        stage.answers("10:00:07.8", "cancelled", name)
        second = stage.newest.client_order_id
        stage.executes("10:00:08", 100, 48.0, name=name)
        assert of(stage.records, Cancel)[-1].client_order_id == second
        stage.answers("10:00:08.2", "cancelled", second)
        assert (stage.newest.attempt, stage.newest.quantity) == (3, 33)

    def test_more_sold_than_held_needs_a_person(self) -> None:
        stage, name = self.leaving()
        stage.executes("10:00:06", 140, 48.0, name=name)
        assert stage.book.trading == "REDUCING"
        assert "buy them back" in stage.book.trading_reason or "look at the account" in stage.book.trading_reason

    @pytest.mark.parametrize("parts", [(7,), (3, 4), (3, 10)])
    def test_a_scalp_that_sold_more_than_it_held_is_over_once_that_is_bought_back(self, parts: tuple[int, ...]) -> None:
        stage, name = self.leaving()
        stage.executes("10:00:06", 140, 48.0, name=name)
        assert stage.executes("10:00:30", 7, 48.0, name="early", side="buy", event_ns=ny("10:00:03")) == []
        assert stage.position.held == -7
        for part in parts:
            stage.executes("10:01", part, 48.5, name="by-hand", side="buy")
        assert (stage.scalp.status, stage.scalp.shares, stage.book.scalps) == ("closed", 140, {})
        cash = 100_000_000_000 - 133 * 50_000_000 + 140 * 48_000_000 - 7 * 48_500_000
        assert stage.book.cash_micros == cash


class TestStrangers:
    def test_a_sale_by_somebody_else_ends_the_scalp_for_the_broker(self) -> None:
        stage = Account()
        stage.holds()
        stage.executes("10:00:05", 133, 49.5, name="liquidation-1", side="sell")
        assert (stage.scalp.status, stage.scalp.exit_reason) == ("closed", "broker")

    def test_what_it_leaves_is_sold(self) -> None:
        stage = Account()
        stage.holds()
        stage.executes("10:00:05", 33, 49.5, name="liquidation-1", side="sell")
        assert (stage.newest.side, stage.newest.quantity, stage.newest.reason) == ("sell", 100, "broker")

    def test_a_sale_in_parts_is_one_order_and_no_fault(self) -> None:
        stage = Account()
        stage.holds()
        stage.executes("10:00:05", 33, 49.5, name="liquidation-1", side="sell")
        exit_ = stage.newest.client_order_id
        stage.executes("10:00:05.1", 60, 49.5, name="liquidation-1", side="sell")
        stage.executes("10:00:05.2", 40, 49.5, name="liquidation-1", side="sell")
        assert (stage.newest.quantity, stage.newest.filled_quantity, stage.newest.state) == (133, 133, "filled")
        stage.answers("10:00:05.5", "cancelled", exit_)
        assert (stage.scalp.status, stage.book.trading) == ("closed", "ACTIVE")

    @pytest.mark.parametrize("parts", [(200,), (33, 167), (133, 67)])
    def test_what_a_strangers_order_sells_beyond_the_scalp_was_not_ours(self, parts: tuple[int, ...]) -> None:
        stage = Account()
        stage.holds()
        stage.quote("10:00:05", 48.0, 48.01)
        exit_ = stage.newest.client_order_id
        for part in parts:
            stage.executes("10:00:06", part, 49.5, name="by-hand", side="sell")
        stage.answers("10:00:07", "cancelled", exit_)
        assert (stage.scalp.status, stage.scalp.shares, stage.book.trading) == ("closed", 133, "ACTIVE")
        assert stage.book.cash_micros == 100_000_000_000 - 133 * 500_000

    def test_what_a_strangers_order_sells_once_the_scalp_is_over_was_not_ours(self) -> None:
        stage = Account()
        stage.holds()
        stage.executes("10:00:05", 133, 49.5, name="by-hand", side="sell")
        assert stage.executes("10:00:06", 67, 49.5, name="by-hand", symbol="TQQQ", side="sell") == []
        assert (stage.book.scalps, stage.book.trading) == ({}, "ACTIVE")

    def test_no_exit_rule_takes_over_what_it_leaves_and_no_second_half_follows(self) -> None:
        stage = Account()
        stage.holds()
        stage.executes("10:00:05", 33, 49.5, name="liquidation-1", side="sell")
        assert stage.position.second_half == "exit_due"
        stage.quote("10:00:06", 40.0, 40.01)
        stage.command("10:00:07", "kill")
        assert (stage.position.exit_due, stage.newest.side) == ("broker", "sell")

    def test_a_sale_from_before_the_scalp_is_none_of_it_whenever_it_is_told(self) -> None:
        stage = Account()
        stage.holds()
        at_ns = stage.at("10:00:05")
        sale = ("x99", "by-hand", "TQQQ", "sell", 133, 49_500_000)
        assert stage._on(Execution(stage.seq, at_ns, ny("09:40"), *sale)) == []
        assert stage.position.held == 133

    def test_our_exit_is_withdrawn_when_somebody_else_sold_all(self) -> None:
        stage = Account()
        stage.holds()
        stage.quote("10:00:05", 48.0, 48.01)
        exit_ = stage.newest.client_order_id
        stage.executes("10:00:05.5", 133, 48.0, name="liquidation-1", side="sell")
        assert of(stage.records, Cancel)[-1].client_order_id == exit_
        stage.answers("10:00:06", "cancelled", exit_)
        assert stage.scalp.status == "closed"

    def test_an_execution_of_a_scalp_that_is_over_is_none_of_a_new_one(self) -> None:
        stage = Account()
        stage.holds()
        stage.executes("10:00:05", 133, 49.5, name="liquidation-1", side="sell", execution_id="x1")
        stage.enters("10:02")
        stage.executes("10:02:02", 133)
        assert stage.executes("10:02:05", 133, 49.5, name="liquidation-1", side="sell", execution_id="x1") == []
        assert stage.position.held == 133

    @pytest.mark.parametrize("changes", [{"side": "buy"}, {"symbol": "F", "side": "sell"}])
    def test_what_is_no_sale_of_ours_is_not_booked(self, changes: dict[str, Any]) -> None:
        stage = Account()
        stage.holds()
        assert stage.executes("10:00:05", 10, 49.5, name="by-hand", **changes) == []

    def test_what_the_account_may_spend_less_is_not_spent(self) -> None:
        stage = Account()
        stage.quote("10:00")
        own = stage.book.buying_power_micros(settled_only=False)
        at_ns = stage.at("10:00:00.1")
        stage._on(Power(stage.seq, at_ns, at_ns, own - 99_990_000_000))
        refused(stage, "10:00:01", "buying_power")
        at_ns = stage.at("10:00:02")
        stage._on(Power(stage.seq, at_ns, at_ns, own + 1))
        assert stage.book.buying_power_micros(settled_only=False) == own


def test_a_paper_book_hears_nothing_of_a_broker() -> None:
    stage = Stage()
    stage.hold()
    at_ns = ny("10:00:05", stage.day)
    assert stage._on(Execution(9, at_ns, at_ns, "x", "liquidation", "TQQQ", "sell", 133, 50_000_000)) == []
