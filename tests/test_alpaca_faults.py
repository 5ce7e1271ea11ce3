"""Whatever goes wrong at Alpaca: at most one order of a name, no fill lost or counted twice, and a state is told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from operators.answers import Answer, Execution, Withdrawal
from operators.events import AnyEvent, Command, Intent
from tests.alpaca_brokers import broker, buy, sell
from tests.alpaca_market import CALL, ny
from tests.broker_engines import LIMIT_SECONDS, Engine, restored
from tests.fakes.alpaca.process import Alpaca
from tests.virtual import SPEED, fast_loops

pytest_plugins = ("tests.alpaca_fixtures",)
pytestmark = pytest.mark.usefixtures("no_error_records")
FALL = ny("10:00:10.5")
AT_ONCE = 50_020_000
"""A limit at which a purchase fills at once, up to 100 units a second."""


class Trade(Engine):
    """An engine with Alpaca's adapter and the fake behind it."""

    def __init__(self, fake: Alpaca, **words: Any) -> None:
        self.fake = fake
        super().__init__(broker(fake, **words), account_id="PA3FAKE00001")

    def states(self, name: str = "sc-1") -> list[str]:
        """What came onto the tape of an order: states, and units that were executed."""
        found = list[str]()
        for event in list(self.tape):
            if isinstance(event, Answer) and event.client_order_id == name:
                found.append(event.state)
            elif isinstance(event, Execution) and event.client_order_id == name:
                found.append(str(event.quantity))
        return found

    def goes(self, *echoes: Intent | Withdrawal) -> None:
        """Sends what stands on the tape."""
        for echo in echoes:
            self.thread.send(echo)

    def reach(self, *told: str, name: str = "sc-1") -> None:
        """Waits until just this was told of an order, and holds it against what the broker has."""
        self.until(lambda _: self.states(name)[: len(told)] == list(told))
        assert self.states(name) == list(told)
        self.check()

    def settle(self) -> None:
        """Waits until nothing is under way any more: what waits to be sent again may yet be."""
        ends = time.monotonic() + LIMIT_SECONDS
        while not self.thread.idle():
            assert time.monotonic() < ends, self.tape
            time.sleep(0.01)

    def check(self) -> None:
        """No order twice, and the tape holds what the account does."""
        state = self.fake.state()
        assert all(count == 1 for count in state["accepted"].values())
        assert {symbol: held for symbol, held in self.standing().held.items() if held} == state["positions"]


@contextmanager
def trading(fake: Alpaca, *faults: dict[str, Any], speed: float = SPEED, **words: Any) -> Iterator[Trade]:
    """An engine whose account is reconciled, and then the faults."""
    with fast_loops(speed):
        trade = Trade(fake, **words)
    trade.thread.start()
    try:
        trade.until(restored)
        fake.faults(*faults)
        yield trade
    finally:
        trade.thread.close(LIMIT_SECONDS)


def waits_for_stream(tape: list[AnyEvent]) -> bool:
    """Whether entries had to wait because nothing was told of orders."""
    return any(isinstance(event, Command) and "does not tell of orders" in event.argument for event in tape)


def at_once(quantity: int = 50) -> Intent:
    return buy("sc-1", quantity, AT_ONCE)


def withdrawal(name: str = "sc-1") -> Withdrawal:
    return Withdrawal(6, 0, 0, 5, name)


def posts(fake: Alpaca) -> int:
    return int(fake.state()["requests"].get("POST /v2/orders", 0))


class TestSubmit:
    @pytest.mark.parametrize("kind", ["429", "500", "502", "503", "504", "reset"])
    def test_a_purchase_that_never_arrived_is_rejected_and_not_sent_again(self, fake: Alpaca, kind: str) -> None:
        with trading(fake, {"kind": kind, "method": "POST"}) as trade:
            trade.goes(at_once())
            trade.reach("unknown", "rejected")
            assert (posts(fake), fake.state()["accepted"]) == (1, {})

    @pytest.mark.parametrize("kind", ["429_after", "500_after", "504_after", "reset_after"])
    def test_a_purchase_that_arrived_is_found(self, fake: Alpaca, kind: str) -> None:
        with trading(fake, {"kind": kind}) as trade:
            trade.goes(at_once())
            trade.until(lambda _: set(trade.states()) >= {"working", "50"} or trade.states() == ["unknown", "50"])
            trade.check()
            assert (posts(fake), fake.state()["accepted"]) == (1, {"sc-1": 1})

    def test_an_answer_that_hangs_is_not_waited_for(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "hang_after", "seconds": 1.0}) as trade:
            trade.goes(buy("sc-1"))
            trade.reach("working")
            assert posts(fake) == 1

    def test_an_order_that_is_found_only_after_two_seconds_is_found(self, fake: Alpaca) -> None:
        hidden = {"kind": "hidden", "seconds": 2.0 / SPEED}
        with trading(fake, {"kind": "504_after"}, hidden, {"kind": "lose", "stream": "trade_updates"}) as trade:
            trade.goes(buy("sc-1"))
            trade.reach("unknown", "working")
            assert posts(fake) == 1

    @pytest.mark.parametrize(("kind", "sent"), [("429", 3), ("429_after", 2)])
    def test_a_sale_that_was_too_much_fills_once_and_goes_again_unless_it_was_told_of(
        self, fake: Alpaca, kind: str, sent: int
    ) -> None:
        with trading(fake, speed=50.0) as trade:
            trade.goes(at_once())
            trade.until(lambda _: "50" in trade.states())
            fake.faults({"kind": kind, "method": "POST"})
            trade.goes(sell("sc-2"))
            trade.until(lambda _: "50" in trade.states("sc-2"))
            trade.settle()
            assert posts(fake) == sent
            trade.check()

    def test_a_minute_of_too_many_requests_starves_no_sale(self, fake: Alpaca) -> None:
        with trading(fake) as trade:
            trade.goes(at_once())
            trade.until(lambda _: "50" in trade.states())
            fake.faults({"kind": "429", "for_seconds": 60.0, "seconds": 1.0})
            trade.goes(sell("sc-2"))
            trade.until(lambda _: posts(fake) >= 3)
            fake.wait(60.0)
            trade.until(lambda _: "50" in trade.states("sc-2"))
            trade.check()

    @pytest.mark.parametrize("kind", ["buying_power", "market_closed", "permission", "bad_tick"])
    def test_what_is_refused_is_rejected_with_the_brokers_words(self, fake: Alpaca, kind: str) -> None:
        with trading(fake, {"kind": kind}) as trade:
            trade.goes(at_once())
            trade.reach("rejected")
            assert fake.state()["accepted"] == {}

    def test_what_the_account_cannot_pay_is_rejected(self, fake: Alpaca) -> None:
        with trading(fake) as trade:
            trade.goes(buy("sc-1", 3_000, AT_ONCE))
            trade.reach("rejected")


class TestUpdates:
    def test_what_comes_twice_counts_once(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "duplicate", "stream": "trade_updates", "count": 0}) as trade:
            trade.goes(at_once(150))
            trade.until(lambda _: "100" in trade.states())
            fake.until(FALL)
            trade.until(lambda _: "50" in trade.states())
            trade.goes(buy("sc-2", 1))
            trade.until(lambda _: "1" in trade.states("sc-2"))
            trade.check()

    @pytest.mark.parametrize("kind", ["lose", "mute"])
    def test_a_fill_that_no_update_tells_of_is_asked_for(self, fake: Alpaca, kind: str) -> None:
        with trading(fake, {"kind": kind, "stream": "trade_updates", "count": 0}, speed=50.0) as trade:
            trade.goes(at_once())
            trade.until(lambda _: "50" in trade.states())
            trade.check()

    def test_fills_in_the_wrong_order_all_count(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "delay", "stream": "trade_updates", "event": "partial_fill"}) as trade:
            trade.goes(at_once(150))
            trade.until(lambda _: "working" in trade.states())
            fake.until(FALL)
            trade.until(lambda _: {"50", "100"} <= set(trade.states()))
            assert [one for one in trade.states() if one != "working"] == ["50", "100"]
            trade.check()

    def test_a_fill_before_the_answer_counts(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "ack_late", "seconds": 0.2}) as trade:
            trade.goes(at_once())
            trade.until(lambda _: "50" in trade.states())
            trade.check()

    def test_a_status_that_nobody_knows_is_unknown_and_its_fill_counts(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "unknown_status"}) as trade:
            trade.goes(buy("sc-1"))
            trade.reach("unknown")
            fake.until(FALL)
            trade.reach("unknown", "50")

    @pytest.mark.parametrize(
        ("kind", "end"), [("partial_then_cancel", "cancelled"), ("partial_then_reject", "rejected")]
    )
    def test_what_is_filled_in_part_and_ended_keeps_its_part(self, fake: Alpaca, kind: str, end: str) -> None:
        with trading(fake, {"kind": kind}) as trade:
            trade.goes(at_once())
            trade.until(lambda _: {"25", end} <= set(trade.states()))
            trade.check()

    @pytest.mark.parametrize("kind", ["nan", "float_noise"])
    def test_a_price_that_is_none_is_asked_for_again(self, fake: Alpaca, kind: str) -> None:
        with trading(fake, {"kind": kind, "stream": "trade_updates", "event": "fill"}) as trade:
            trade.goes(at_once())
            trade.until(lambda _: "50" in trade.states())
            prices = [event.price_micros for event in trade.tape if isinstance(event, Execution)]
            assert prices == [AT_ONCE]
            trade.check()


class TestCancel:
    def test_a_fill_between_request_and_answer_wins(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "fill_on_cancel"}) as trade:
            trade.goes(buy("sc-1"))
            trade.reach("working")
            trade.goes(withdrawal())
            trade.reach("working", "50")

    def test_a_fill_after_the_end_counts(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "fill_after_cancel"}) as trade:
            trade.goes(buy("sc-1"))
            trade.reach("working")
            trade.goes(withdrawal())
            trade.until(lambda _: {"cancelled", "50"} <= set(trade.states()))
            trade.check()

    def test_a_cancel_that_is_never_answered_is_asked_for_again(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "cancel_never"}) as trade:
            trade.goes(buy("sc-1"))
            trade.reach("working")
            trade.goes(withdrawal())
            trade.reach("working", "cancelled")

    def test_what_is_cancelled_before_anybody_knows_whether_it_arrived_ends(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "504_after"}, {"kind": "lose", "stream": "trade_updates"}) as trade:
            trade.goes(buy("sc-1"))
            trade.until(lambda _: "unknown" in trade.states())
            trade.goes(withdrawal())
            trade.until(lambda _: "cancelled" in trade.states())
            trade.check()


class TestStream:
    @pytest.mark.parametrize("kind", ["drop_mid_frame", "close"])
    def test_a_fill_that_a_break_swallowed_is_asked_for(self, fake: Alpaca, kind: str) -> None:
        with trading(fake, {"kind": kind, "stream": "trade_updates", "event": "fill"}) as trade:
            trade.goes(at_once())
            trade.until(lambda _: "50" in trade.states())
            trade.until(waits_for_stream)
            trade.until(restored)
            trade.check()

    @pytest.mark.parametrize("kind", ["refuse_auth", "connection_limit"])
    def test_entries_wait_until_the_stream_lets_it_in(self, fake: Alpaca, kind: str) -> None:
        with trading(fake, {"kind": kind, "stream": "trade_updates", "count": 3}) as trade:
            fake.drop("trade_updates")
            trade.until(lambda _: "unauthorized" in trade.thread.difference)
            assert not restored(trade.tape)
            trade.until(restored)

    def test_a_fill_while_nobody_listens_is_asked_for(self, fake: Alpaca) -> None:
        with trading(fake, {"kind": "refuse_auth", "stream": "trade_updates", "count": 0}, speed=50.0) as trade:
            trade.goes(at_once())
            trade.until(lambda _: "50" in trade.states())
            fake.drop("trade_updates")
            trade.until(waits_for_stream)
            trade.goes(sell("sc-2"), buy("sc-3"))
            trade.until(lambda _: "50" in trade.states("sc-2"))
            trade.until(lambda _: trade.states("sc-3") == ["rejected"])
            trade.check()


class TestReconciling:
    @pytest.mark.parametrize("path", ["/v2/account", "/v2/positions", "/v2/orders", "/v2/account/activities/FILL"])
    @pytest.mark.parametrize("kind", ["500", "reset", "429", "unauthorized"])
    def test_what_is_not_answered_ends_entries_until_it_is(self, fake: Alpaca, kind: str, path: str) -> None:
        with trading(fake, {"kind": kind, "path": path, "method": "GET", "count": 2}) as trade:
            fake.drop("trade_updates")
            trade.until(lambda _: trade.thread.difference.startswith("the broker does not answer"))
            trade.until(lambda _: trade.commands[-1] == "restore")

    @pytest.mark.parametrize("path", ["/v2/orders", "/v2/account/activities/FILL"])
    def test_pages_that_loop_end_entries(self, fake: Alpaca, path: str) -> None:
        with trading(fake, pages=(2, 2)) as trade:
            for number in range(2):
                trade.goes(buy(f"sc-a{number}", 1), buy(f"sc-b{number}", 1, AT_ONCE))
            trade.until(lambda _: len(fake.state()["accepted"]) == 4)
            fake.faults({"kind": "page_loops", "path": path, "count": 0})
            fake.drop("trade_updates")
            trade.until(lambda _: "does not go on" in trade.thread.difference)

    def test_what_the_broker_sells_by_itself_is_on_the_tape(self, fake: Alpaca) -> None:
        with trading(fake) as trade:
            trade.goes(buy("sc-1", 2, 1_050_000, CALL))
            trade.until(lambda _: "2" in trade.states())
            fake.call("POST", "liquidate", {"everything": True})
            trade.until(lambda tape: sum(isinstance(event, Execution) for event in tape) == 2)
            trade.check()


def test_the_tape_says_why_entries_wait(fake: Alpaca) -> None:
    fake.faults({"kind": "unauthorized", "count": 2})
    with trading(fake) as trade:
        said = [event.argument for event in trade.tape if isinstance(event, Command) and event.action == "reduce"]
        assert "cannot be reached" in said[1], said
