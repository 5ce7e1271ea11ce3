"""Broker, tape and desk agree, or what differs is told with both sides."""

from typing import Any

import pytest

from flows.brokers.lanes import Lanes
from flows.brokers.port import Unclear
from flows.brokers.reconciling import Reconciling, Standing
from flows.brokers.sending import Sending
from operators.answers import Answer, Execution, Power
from operators.events import Intent
from operators.orders import Order
from tests.fakes.exchange import Exchange
from tests.virtual import run

BUY = Intent(5, 0, 0, 4, "sc-1", "TQQQ", "buy", 133, 50_010_000)


class Account:
    """An exchange, the sending that it is reached by, and a desk that believes what the test says."""

    def __init__(self, **held: int) -> None:
        self.exchange, self.told, self.held = Exchange(), list[Any](), held
        self.orders: list[Order] = []
        self.sending = Sending(self.exchange, self.told.append, self._safe, lambda: 0, Lanes(100, 10.0))
        self.reconciling = Reconciling(self.exchange, self.sending, self.told.append, 0)

    async def _safe(self, _: int) -> None:
        """Everything is safe."""

    def standing(self) -> Standing:
        return Standing(dict(self.held), tuple(self.orders))

    def left_open(self, filled: int = 0) -> None:
        """The order is one that a run before this one left."""
        order = Order("sc-1", "s1", "first", 1, "TQQQ", "buy", 133, 50_010_000, 0, "working", filled)
        order.executions = ["x1"] if filled else []
        self.orders.append(order)
        self.sending.flights.restore(order, 0.0)

    def differs(self) -> list[str] | None:
        return run(self.reconciling.once(self.standing))

    @property
    def news(self) -> list[str]:
        """What came onto the tape, but for what may be spent."""
        return [
            said.state if isinstance(said, Answer) else f"{said.side} {said.quantity} {said.symbol}"
            for said in self.told
            if not isinstance(said, Power)
        ]


def accepted(account: Account, *fills: int, told: bool = False) -> None:
    """The broker took the order and filled parts of it; without `told` no stream says so."""
    account.exchange.mute = not told

    async def main() -> None:
        await account.exchange.submit(BUY)
        for quantity in fills:
            account.exchange.fill("sc-1", quantity)

    run(main())


def test_where_both_agree_there_is_nothing_to_tell() -> None:
    account = Account(TQQQ=133)
    account.exchange.bought["TQQQ"] = 133
    assert (account.differs(), account.news) == ([], [])


@pytest.mark.parametrize(("here", "there"), [(133, 0), (133, 100), (100, 133)])
def test_another_number_is_told_with_both(here: int, there: int) -> None:
    account = Account(TQQQ=here)
    account.exchange.bought["TQQQ"] = there
    assert account.differs() == [f"TQQQ: {here} here, {there} at the broker"]


def test_what_others_hold_and_order_is_shown_and_no_difference() -> None:
    account = Account()
    account.exchange.bought["F"] = 12
    run(account.exchange.submit(Intent(5, 0, 0, 4, "by-hand", "GM", "sell", 3, None)))
    assert account.differs() == []
    assert account.reconciling.strangers == ["12 F", "sell 3 GM"]


def test_what_may_be_spent_is_told_each_time() -> None:
    account = Account()
    account.exchange.power_micros = 7
    account.differs()
    assert [said.power_micros for said in account.told] == [7]


def test_executions_that_no_stream_told_of_are_brought_in_once() -> None:
    account = Account()
    account.left_open()
    accepted(account, 33, 100)
    assert account.differs() is None
    assert account.differs() == []
    assert account.news == ["buy 33 TQQQ", "buy 100 TQQQ"]


def test_those_that_are_booked_already_are_not() -> None:
    account = Account()
    account.left_open(filled=33)
    accepted(account, 33, 100)
    account.differs()
    assert account.news == ["buy 100 TQQQ"]


def test_a_fill_of_an_order_that_had_ended_in_the_run_before_is_brought_in() -> None:
    account = Account()
    accepted(account, 33)
    account.exchange.orders["sc-1"].state = "cancelled"
    assert account.differs() is None
    assert account.differs() == []
    assert account.news == ["buy 33 TQQQ"]


def test_an_order_that_ended_meanwhile_ends_here() -> None:
    account = Account()
    account.left_open()
    accepted(account)
    account.exchange.orders["sc-1"].state = "expired"
    account.differs()
    assert account.news == ["expired"]


def test_what_was_filled_and_no_execution_tells_of_is_a_difference() -> None:
    account = Account()
    account.left_open()
    accepted(account)
    account.exchange.orders["sc-1"].state, account.exchange.orders["sc-1"].filled = "cancelled", 50
    assert account.differs() is None
    assert account.differs() == ["order sc-1 has 50 filled at the broker, executions tell of 0"]


def test_an_order_that_never_arrived_is_asked_for_until_that_is_sure() -> None:
    account = Account()
    account.left_open()
    account.differs()
    assert account.news == ["unknown", "rejected"]
    assert account.exchange.calls.count("lookup") >= 3


def test_while_an_order_is_under_way_positions_are_not_compared() -> None:
    account = Account(TQQQ=50)
    account.left_open()
    accepted(account, 33)
    assert account.differs() is None


def test_a_desk_that_moves_meanwhile_is_not_compared() -> None:
    account = Account(TQQQ=50)
    standing = iter([Standing({"TQQQ": 50}, ()), Standing({"TQQQ": 60}, ())])
    assert run(account.reconciling.once(lambda: next(standing))) is None


def test_an_order_with_our_mark_that_no_tape_knows_is_a_difference() -> None:
    account = Account()
    accepted(account)
    assert account.differs() == ["order sc-1 is at the broker and not on the tape"]


def test_an_order_that_lives_at_the_broker_and_has_ended_here_is_a_difference() -> None:
    account = Account()
    accepted(account)
    account.left_open()
    account.orders.clear()
    account.sending.flights.known["sc-1"].state = "rejected"
    assert account.differs() == ["order sc-1 is open at the broker and has ended here: cancel it there"]


def test_a_strangers_sale_of_what_the_desk_holds_is_brought_in_once() -> None:
    account = Account(TQQQ=133)
    account.exchange.done.append(Execution(0, 0, 1, "x9", "liquidation", "TQQQ", "sell", 133, 50_000_000))
    account.differs()
    account.differs()
    assert account.news == ["sell 133 TQQQ"]


def test_a_strangers_sale_that_the_stream_told_of_is_not_brought_in_again() -> None:
    account = Account(TQQQ=133)
    sale = Execution(0, 0, 1, "x9", "liquidation", "TQQQ", "sell", 133, 50_000_000)

    async def hear() -> None:
        account.sending.hear(sale)

    run(hear())
    account.exchange.done.append(sale)
    account.differs()
    assert account.news == ["sell 133 TQQQ"]


def test_a_strangers_trade_in_something_else_is_not() -> None:
    account = Account(TQQQ=133)
    account.exchange.done.append(Execution(0, 0, 1, "x9", "by-hand", "F", "sell", 5, 12_000_000))
    account.differs()
    assert account.news == []


@pytest.mark.parametrize("call", ["account", "positions", "open_orders", "executions"])
def test_a_broker_that_does_not_say_is_no_agreement(call: str) -> None:
    account = Account()
    account.exchange.before[call].append(Unclear("timeout"))
    with pytest.raises(Unclear):
        account.differs()
