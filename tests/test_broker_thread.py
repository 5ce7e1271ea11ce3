"""The thread of a broker: entries wait until the account is reconciled, orders go out, and what it hears comes in."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from flows.brokers.lanes import Lanes
from flows.brokers.port import Account, Connection, Held, Unclear
from flows.brokers.thread import RECONCILED
from operators.answers import Answer, Execution, Power, Withdrawal
from operators.events import Command, Intent
from operators.orders import Order
from tests.broker_engines import LIMIT_SECONDS, Engine, restored, said
from tests.fakes.exchange import Exchange
from tests.fakes.exchange import Order as Placed
from tests.virtual import fast_loops

BUY = Intent(5, 0, 0, 4, "sc-1", "TQQQ", "buy", 133, 50_010_000)
SELL = Intent(7, 0, 0, 6, "sc-2", "TQQQ", "sell", 50, 49_990_000)


@pytest.fixture
def engine() -> Iterator[Engine]:
    with fast_loops():
        made = Engine(Exchange())
    yield made
    made.thread.close(LIMIT_SECONDS)


def test_entries_wait_until_both_sides_agree(engine: Engine) -> None:
    engine.thread.start()
    engine.until(restored)
    first, *_ = (event for event in engine.tape if isinstance(event, Command))
    assert (first.action, first.actor, first.argument) == ("reduce", "engine", f"{RECONCILED}: not looked at yet")
    assert (engine.commands, engine.thread.difference) == (["reduce", "restore"], "")


def test_entries_wait_for_the_stream_though_all_agrees(engine: Engine) -> None:
    engine.broker.mute = True
    engine.thread.start()
    engine.until(lambda tape: sum(isinstance(event, Power) for event in tape) == 2)  # reconciled twice
    assert engine.commands == ["reduce"]
    engine.broker.mute = False
    engine.broker.tell_from_outside(Connection(True))
    engine.until(restored)


def test_a_break_of_the_stream_ends_entries_until_it_is_up_again(engine: Engine) -> None:
    engine.thread.start()
    engine.until(restored)
    engine.broker.tell_from_outside(Connection(False, "reset by peer"))
    engine.until(lambda _: engine.commands == ["reduce", "restore", "reduce"])
    assert engine.thread.difference == "the broker does not tell of orders: reset by peer"
    engine.broker.tell_from_outside(Connection(True))
    engine.until(lambda _: engine.commands[-1] == "restore")


def test_a_broker_that_cannot_be_reached_is_tried_again(engine: Engine) -> None:
    engine.broker.before["connect"].append(Unclear("no route to host"))
    engine.thread.start()
    engine.until(restored)
    assert engine.broker.calls.count("connect") == 2


def test_an_order_goes_out_and_what_becomes_of_it_comes_in(engine: Engine) -> None:
    engine.thread.start()
    engine.until(restored)
    engine.thread.send(BUY)
    engine.until(said("working"))
    engine.broker.fill_from_outside("sc-1", 133)
    engine.until(lambda tape: any(isinstance(event, Execution) for event in tape))
    assert engine.broker.accepted == {"sc-1": 1}


def test_a_cancel_goes_out(engine: Engine) -> None:
    engine.thread.start()
    engine.until(restored)
    engine.thread.send(BUY)
    engine.until(said("working"))
    engine.thread.send(Withdrawal(6, 0, 0, 5, "sc-1"))
    engine.until(said("cancelled"))


def test_after_a_halt_no_entry_leaves(engine: Engine) -> None:
    engine.thread.start()
    engine.thread.halt()
    engine.thread.send(BUY)
    engine.until(said("rejected"))
    assert engine.broker.accepted == {}


def test_a_position_that_differs_ends_entries_and_is_told(engine: Engine) -> None:
    engine.put(Execution(0, 0, 0, "x0", "sc-0", "TQQQ", "buy", 50, 50_000_000))
    engine.thread.start()
    differs = f"{RECONCILED}: TQQQ: 50 here, 0 at the broker"
    engine.until(lambda tape: any(isinstance(event, Command) and event.argument == differs for event in tape))
    assert engine.thread.difference == "TQQQ: 50 here, 0 at the broker"
    assert not restored(engine.tape)
    engine.broker.bought["TQQQ"] = 50
    engine.until(restored)


def test_reasons_of_a_run_that_was_killed_are_lifted(engine: Engine) -> None:
    before = f"{RECONCILED}: TQQQ: 50 here, 0 at the broker"
    engine.put(Command(0, 0, 0, "reduce", "engine", before))
    engine.thread.start(said=[before])
    engine.until(restored)


LEFT = Order("sc-1", "s1", "first", 1, "TQQQ", "buy", 133, 50_010_000, 0, "working")
"""An order that the run before this one sent."""


def test_a_cancel_that_the_run_before_this_one_may_not_have_sent_goes_out(engine: Engine) -> None:
    engine.broker.orders["sc-1"] = Placed(BUY)
    engine.thread.start([replace(LEFT, cancel_asked=True)])
    engine.until(said("cancelled"))
    engine.until(restored)


def test_a_fill_from_long_before_the_end_of_the_run_before_this_one_is_brought_in() -> None:
    with fast_loops():
        engine = Engine(Exchange(), since_ns=10**12)
    engine.broker.orders["sc-1"] = Placed(BUY)
    engine.broker.mute = True
    engine.broker.fill("sc-1", 133)
    engine.broker.mute = False
    engine.thread.start([LEFT])
    engine.until(lambda tape: any(isinstance(event, Execution) for event in tape))
    engine.until(restored)
    engine.thread.close(LIMIT_SECONDS)


def test_why_entries_wait_is_said_again_where_it_was_lifted(engine: Engine) -> None:
    engine.broker.mute = True
    engine.thread.start()
    engine.thread.lifted()
    engine.until(lambda _: engine.commands == ["reduce", "reduce"])


def test_what_no_longer_holds_is_not_said_again(engine: Engine) -> None:
    engine.thread.start()
    engine.until(restored)
    engine.thread.lifted()
    assert engine.thread.idle()  # the loop has turned
    assert engine.commands == ["reduce", "restore"]


def test_while_the_two_sides_differ_sales_leave_and_purchases_do_not(engine: Engine) -> None:
    engine.put(Execution(0, 0, 0, "x0", "sc-0", "TQQQ", "buy", 50, 50_000_000))
    engine.thread.start()
    engine.until(lambda _: engine.thread.difference == "TQQQ: 50 here, 0 at the broker")
    engine.thread.send(BUY)
    engine.until(said("rejected"))
    (answer,) = (event for event in engine.tape if isinstance(event, Answer))
    assert answer.reason == f"{RECONCILED}: TQQQ: 50 here, 0 at the broker"
    engine.thread.send(SELL)
    engine.until(said("working"))
    assert engine.broker.accepted == {"sc-2": 1}


def test_another_account_is_sent_nothing(engine: Engine) -> None:
    engine.broker.account_id = "X2"
    engine.thread.start()
    differs = f"{RECONCILED}: it is X2, not X1: start with that account's keys"
    engine.until(lambda tape: any(isinstance(event, Command) and event.argument == differs for event in tape))
    engine.thread.send(SELL)
    engine.broker.account_id = "X1"
    engine.until(said("working"))
    assert engine.broker.calls.index("submit") > max(
        place for place, call in enumerate(engine.broker.calls) if call == "connect"
    )


class Listening(Exchange):
    """An exchange with work of its own, which ends when it is closed; `left` says how."""

    left = ""

    async def connect(self) -> Account:
        self._closed = asyncio.Event()
        self._own = asyncio.create_task(self._closed.wait())
        return await super().connect()

    async def close(self) -> None:
        self._closed.set()
        await asyncio.wait([self._own])
        self.left = "cancelled" if self._own.cancelled() else "in order"
        await super().close()


def test_at_the_end_the_broker_is_closed_and_ends_its_own_work() -> None:
    engine = Engine(Listening())
    engine.thread.start()
    engine.until(restored)
    engine.thread.send(BUY)
    engine.until(said("working"))
    engine.thread.send(Withdrawal(6, 0, 0, 5, "sc-1"))
    engine.thread.close(LIMIT_SECONDS)
    assert (engine.broker.left, engine.broker.calls[-1]) == ("in order", "close")


def test_a_thread_that_ends_before_it_is_connected_closes_the_broker() -> None:
    engine = Engine(Exchange())
    engine.broker.before["connect"] = [Unclear("no route to host")] * 100
    engine.thread.start()
    engine.until(lambda _: engine.thread.difference.startswith("the broker cannot be reached"))
    engine.thread.close(LIMIT_SECONDS)
    assert engine.broker.calls[-1] == "close"


def test_every_request_of_the_broker_takes_a_token_and_reconciling_leaves_some_for_exits() -> None:
    # Connecting takes 2, reconciling 4 a round: 3 of 9 are left after the first, and what is no exit waits for 3.7.
    engine = Engine(Exchange(), Lanes(9, 0.001))
    engine.broker.mute = True
    engine.thread.start()
    engine.until(lambda tape: any(isinstance(event, Power) for event in tape))
    engine.thread.send(Intent(9, 0, 0, 8, "sc-2", "TQQQ", "sell", 133, None))
    engine.until(said("working"))
    engine.thread.close(LIMIT_SECONDS)
    assert engine.broker.calls.count("positions") == 1


class Broken(Exchange):
    """An exchange whose adapter has a fault of its own."""

    async def positions(self) -> Sequence[Held]:
        raise ZeroDivisionError("a fault of the adapter")


def test_a_fault_of_the_adapter_is_told_and_nothing_is_sent_any_more() -> None:
    engine = Engine(Broken())
    engine.thread.start()
    engine.until(lambda _: engine.thread.fault is not None)
    engine.thread.send(BUY)
    engine.thread.close(LIMIT_SECONDS)
    assert (str(engine.thread.fault), engine.broker.calls[-1]) == ("a fault of the adapter", "close")
    assert engine.broker.accepted == {}
