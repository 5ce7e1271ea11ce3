"""Alpaca behind the port: what it sends and reads, and what each failure means."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import pytest
from alpaca.common.enums import BaseURL

from flows.brokers.alpaca.broker import Alpaca as Broker
from flows.brokers.alpaca.calls import Calls, Reply
from flows.brokers.alpaca.keys import LIVE, PAPER, Place, keys
from flows.brokers.port import Account, Held, NotSent, Unclear, Unusable
from operators.answers import Answer, Execution
from operators.events import SECOND_NS, Intent
from tests.alpaca_brokers import KEYS, LIMIT_SECONDS, TIMEOUT_SECONDS, broker, buy, sell
from tests.alpaca_market import CALL, OPENING, ny
from tests.ears import WAIT_SECONDS
from tests.fakes.alpaca.process import Alpaca
from tests.sources import imported, modules
from tests.virtual import run_fast

pytest_plugins = ("tests.alpaca_fixtures",)
pytestmark = pytest.mark.usefixtures("no_error_records")
FALL = ny("10:00:10.5")
"""The fund has fallen to 49.90 to 49.92."""
LOOKUP, FILLS = "/v2/orders:by_client_order_id", "/v2/account/activities/FILL"
Result = TypeVar("Result")


async def answered(made: Broker, *questions: Callable[[Broker], Awaitable[Any]]) -> Any:
    """What a broker without a stream answers to the last of some questions; it is closed then."""
    try:
        return [await question(made) for question in questions][-1]
    finally:
        await made.close()


def asked(fake: Alpaca, *questions: Callable[[Broker], Awaitable[Any]], **words: Any) -> Any:
    """The answer to the last of some questions, of a broker at the fake."""
    return run_fast(answered(broker(fake, **words), *questions))


def asked_at(address: str, question: Callable[[Broker], Awaitable[Any]]) -> Any:
    """The answer of a broker at another address."""
    made = Broker(KEYS, Place(address, ""), timeout_seconds=TIMEOUT_SECONDS, limit_seconds=30.0)
    return run_fast(answered(made, question))


def submitted(fake: Alpaca, *intents: Intent) -> Answer:
    """The answer to the last of some orders."""

    async def submit(made: Broker) -> Answer:
        return [await made.submit(intent) for intent in intents][-1]

    return asked(fake, submit)


def looked_up(fake: Alpaca, name: str = "a") -> Answer | None:
    return asked(fake, lambda made: made.lookup(name))


class TestImport:
    def test_nothing_else_loads_the_client(self) -> None:
        asked = (
            "import flows.cli, flows.brokers.thread, flows.brokers.alpaca.broker, sys; print('alpaca' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"

    def test_nothing_outside_its_package_imports_the_client(self) -> None:
        users = [path for path in modules("flows") if any(name.split(".")[0] == "alpaca" for name in imported(path))]
        assert {str(path.parent) for path in users} == {"flows/brokers/alpaca", "flows/feeds/alpaca"}


class TestPlaces:
    def test_they_are_those_of_the_client(self) -> None:
        assert (PAPER.rest, PAPER.stream) == (BaseURL.TRADING_PAPER.value, BaseURL.TRADING_STREAM_PAPER.value)
        assert (LIVE.rest, LIVE.stream) == (BaseURL.TRADING_LIVE.value, BaseURL.TRADING_STREAM_LIVE.value)


class TestKeys:
    def test_they_come_from_the_environment(self) -> None:
        found = keys({"ALPACA_API_KEY": "one", "ALPACA_SECRET_KEY": "two"})
        assert (found.key.get_secret_value(), found.secret.get_secret_value()) == ("one", "two")

    def test_those_that_are_missing_are_named(self) -> None:
        with pytest.raises(Unusable, match="set ALPACA_SECRET_KEY in"):
            keys({"ALPACA_API_KEY": "one", "ALPACA_SECRET_KEY": ""})


class TestAccount:
    def test_it_has_the_number_that_its_owner_sees_and_its_money_in_micro_dollars(self, fake: Alpaca) -> None:
        told = asked(fake, lambda made: made.account())
        assert told == Account("PA3FAKE00001", 10**11, 10**11, 10**11, 2)

    def test_keys_that_are_refused_say_what_to_do(self, fake: Alpaca) -> None:
        fake.faults({"kind": "unauthorized"})
        with pytest.raises(Unusable, match="check ALPACA_API_KEY and ALPACA_SECRET_KEY"):
            asked(fake, lambda made: made.account())


def held_back(method: str, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Requests of a method stay in their threads until the event is set."""
    tried, gate = Calls._tried, threading.Event()

    def held(calls: Calls, what: str, path: str, data: Any) -> Reply:
        assert what != method or gate.wait(WAIT_SECONDS)
        return tried(calls, what, path, data)

    monkeypatch.setattr(Calls, "_tried", held)
    return gate


class TestSubmit:
    def test_an_order_below_the_market_works(self, fake: Alpaca) -> None:
        answer = submitted(fake, buy("a"))
        assert (answer.client_order_id, answer.state, answer.filled) == ("a", "working", 0)

    def test_the_limit_goes_out_as_exact_decimal(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", limit_micros=49_070_000))
        assert fake.state()["orders"][0]["limit_price"] == "49.07"

    def test_without_a_limit_it_is_at_the_market(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", limit_micros=None))
        assert (fake.state()["orders"][0]["type"], fake.state()["positions"]) == ("market", {"TQQQ": 50})

    def test_an_option_says_what_it_opens(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", 1, 500_000, CALL))
        order = fake.state()["orders"][0]
        assert (order["symbol"], order["position_intent"]) == (CALL, "buy_to_open")

    def test_an_option_says_what_it_closes(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", 1, 1_050_000, CALL), sell("b", 1, 2_000_000, CALL))
        assert fake.state()["orders"][1]["position_intent"] == "sell_to_close"

    def test_a_name_that_was_used_gives_the_state_of_its_order(self, fake: Alpaca) -> None:
        answer = submitted(fake, buy("a", 50, 50_020_000), buy("a", 50, 50_020_000))
        assert (answer.state, answer.filled, fake.state()["accepted"]) == ("working", 50, {"a": 1})

    @pytest.mark.parametrize("kind", ["buying_power", "market_closed", "permission", "bad_tick"])
    def test_a_refusal_has_the_brokers_words(self, fake: Alpaca, kind: str) -> None:
        fake.faults({"kind": kind})
        words = {
            "buying_power": "HTTP 403: insufficient buying power",
            "market_closed": "HTTP 422: options orders are only allowed during market hours",
            "permission": "HTTP 403: account not eligible to trade option contracts",
            "bad_tick": "HTTP 422: invalid limit_price: price increment does not fulfill minimum pricing criteria",
        }
        answer = submitted(fake, buy("a"))
        assert (answer.state, answer.reason) == ("rejected", words[kind])

    @pytest.mark.parametrize("kind", ["500", "502", "503", "504", "reset", "500_after", "504_after", "reset_after"])
    def test_nobody_knows_what_came_of_it(self, fake: Alpaca, kind: str) -> None:
        fake.faults({"kind": kind, "method": "POST"})
        with pytest.raises(Unclear):
            submitted(fake, buy("a"))

    def test_an_answer_that_takes_too_long_leaves_it_unclear(self, fake: Alpaca) -> None:
        fake.faults({"kind": "hang_after", "seconds": 5.0})
        with pytest.raises(Unclear, match="did not answer in time"):
            submitted(fake, buy("a"))

    def test_of_too_many_requests_a_sale_is_not_sent_and_waits_as_told(self, fake: Alpaca) -> None:
        fake.faults({"kind": "429", "seconds": 30.0})
        with pytest.raises(NotSent) as fault:
            submitted(fake, sell("a"))
        assert 28.0 <= fault.value.wait_seconds <= 31.0

    def test_of_too_many_requests_a_purchase_is_unclear(self, fake: Alpaca) -> None:
        fake.faults({"kind": "429_after"})
        with pytest.raises(Unclear):
            submitted(fake, buy("a"))

    def test_refused_keys_are_no_refusal_of_the_order(self, fake: Alpaca) -> None:
        fake.faults({"kind": "unauthorized"})
        with pytest.raises(Unusable):
            submitted(fake, buy("a"))

    def test_what_cannot_connect_is_not_sent(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(NotSent, match="no connection"):
            asked_at(f"http://127.0.0.1:{port}", lambda made: made.submit(buy("a")))

    @pytest.mark.parametrize(
        ("urgent", "state"),
        [
            (lambda made: made.submit(sell("b", 1, 1_000_000, CALL)), "rejected"),
            (lambda made: made.cancel("before"), "cancelled"),
        ],
        ids=["sale", "cancel"],
    )
    def test_calls_that_hang_hold_no_exit_back(
        self, fake: Alpaca, urgent: Callable[[Broker], Awaitable[Answer]], state: str
    ) -> None:
        submitted(fake, buy("before", 1))
        fake.faults({"kind": "hang_after", "symbol": "TQQQ", "seconds": 3.0, "count": 0})

        async def main(made: Broker) -> tuple[str, int]:
            hanging = [asyncio.ensure_future(made.submit(buy(f"a{number}", 1))) for number in range(8)]
            await asyncio.sleep(0)  # each has taken its thread, or its place before one
            answer = await urgent(made)
            done = sum(task.done() for task in hanging)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            return answer.state, done

        assert asked(fake, main, timeout_seconds=2.0) == (state, 0)

    def test_reads_that_hang_hold_no_purchase_back_until_it_is_old(
        self, fake: Alpaca, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = held_back("get", monkeypatch)

        async def main(made: Broker) -> str:
            reads = [asyncio.ensure_future(made.lookup(f"a{number}")) for number in range(8)]
            await asyncio.sleep(0)  # each has taken its thread, or its place before one
            try:
                return (await made.submit(buy("a"))).state
            finally:
                gate.set()
                await asyncio.gather(*reads)

        assert asked(fake, main) == "working"


class Confused(BaseHTTPRequestHandler):
    """Answers every question about an order with another one."""

    def do_GET(self) -> None:
        body = json.dumps({"id": "1", "client_order_id": "b", "status": "filled", "filled_qty": "50"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class TestLookup:
    def test_an_answer_of_another_order_is_none(self) -> None:
        with ThreadingHTTPServer(("127.0.0.1", 0), Confused) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with pytest.raises(Unclear, match="answered of b instead of a"):
                asked_at(f"http://127.0.0.1:{server.server_port}", lambda made: made.lookup("a"))
            server.shutdown()

    def test_a_request_that_may_still_leave_its_thread_is_no_denial(
        self, fake: Alpaca, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = held_back("post", monkeypatch)

        async def main(made: Broker) -> Answer | None:
            with pytest.raises(Unclear, match="no whole answer"):
                await made.submit(buy("a"))
            made._calls._limit_seconds = LIMIT_SECONDS
            with pytest.raises(Unclear, match="still on its way"):
                await made.lookup("a")
            gate.set()
            while not made._leaving["a"].done():
                await asyncio.sleep(0.1)
            return await made.lookup("a")

        answer = asked(fake, main, limit_seconds=2.0)
        assert answer is not None
        assert answer.state == "working"

    def test_a_name_that_nobody_used_is_none(self, fake: Alpaca) -> None:
        assert looked_up(fake) is None

    def test_it_tells_state_and_units(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", 150, 50_020_000))
        answer = looked_up(fake)
        assert answer is not None
        assert (answer.state, answer.filled, answer.event_ns // SECOND_NS) == ("working", 100, OPENING // SECOND_NS)

    def test_what_was_partly_filled_and_rejected_is_rejected_with_its_part(self, fake: Alpaca) -> None:
        fake.faults({"kind": "partial_then_reject"})
        submitted(fake, buy("a", 50, 50_020_000))
        answer = looked_up(fake)
        assert answer is not None
        assert (answer.state, answer.filled, answer.reason) == ("rejected", 25, "its status at Alpaca is rejected")

    def test_a_status_that_nobody_knows_is_unknown(self, fake: Alpaca) -> None:
        fake.faults({"kind": "unknown_status"})
        submitted(fake, buy("a"))
        answer = looked_up(fake)
        assert answer is not None
        assert (answer.state, answer.reason) == ("unknown", "its status at Alpaca is held_by_compliance")

    @pytest.mark.parametrize("kind", ["500", "504", "reset"])
    def test_a_failed_one_is_no_denial(self, fake: Alpaca, kind: str) -> None:
        fake.faults({"kind": kind})
        with pytest.raises(Unclear):
            looked_up(fake)

    def test_an_address_that_is_none_is_no_denial(self, fake: Alpaca) -> None:
        with pytest.raises(Unclear, match="HTTP 404: endpoint not found"):
            asked_at(f"{fake.urls['TradingClient']}/wrong", lambda made: made.lookup("a"))

    def test_of_too_many_requests_it_is_not_sent(self, fake: Alpaca) -> None:
        fake.faults({"kind": "429"})
        with pytest.raises(NotSent):
            looked_up(fake)


class TestCancel:
    def test_a_name_that_nobody_used_is_unclear(self, fake: Alpaca) -> None:
        with pytest.raises(Unclear, match="finds no order a"):
            asked(fake, lambda made: made.cancel("a"))

    def test_without_a_stream_the_state_is_looked_up(self, fake: Alpaca) -> None:
        submitted(fake, buy("a"))
        assert asked(fake, lambda made: made.cancel("a")).state == "cancelled"

    def test_one_that_has_ended_gives_its_state(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", 50, 50_020_000))
        answer = asked(fake, lambda made: made.cancel("a"))
        assert (answer.state, answer.filled) == ("working", 50)

    def test_a_sale_that_fills_meanwhile_is_filled(self, fake: Alpaca) -> None:
        fake.faults({"kind": "fill_on_cancel"})
        submitted(fake, buy("a"))
        answer = asked(fake, lambda made: made.cancel("a"))
        assert (answer.state, answer.filled) == ("working", 50)


class TestLists:
    def test_open_orders_come_whole_in_small_pages(self, fake: Alpaca) -> None:
        submitted(fake, *(buy(f"a{number}", 1) for number in range(7)))
        found = asked(fake, lambda made: made.open_orders(), pages=(3, 3))
        assert [(one.answer.client_order_id, one.symbol, one.side, one.quantity) for one in found] == [
            (f"a{number}", "TQQQ", "buy", 1) for number in range(7)
        ]

    def test_fills_come_whole_in_small_pages(self, fake: Alpaca) -> None:
        submitted(fake, *(buy(f"a{number}", 1, 50_020_000) for number in range(7)))
        found = asked(fake, lambda made: made.executions(0), pages=(3, 3))
        assert [one.client_order_id for one in found] == [f"a{number}" for number in range(7)]
        assert found[0] == Execution(
            0, 0, OPENING // 1000 * 1000, found[0].execution_id, "a0", "TQQQ", "buy", 1, 50_020_000
        )

    def test_fills_of_before_are_not_among_them(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", 1, 50_020_000), buy("b", 1))
        fake.until(FALL)
        found = asked(fake, lambda made: made.executions(ny("10:00:10")))
        assert [one.client_order_id for one in found] == ["b"]

    def test_fills_of_the_second_before_are_asked_for_and_left_out(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", 1, 50_020_000))
        at_ns = asked(fake, lambda made: made.executions(0))[0].event_ns
        assert asked(fake, lambda made: made.executions(at_ns + 1)) == []
        assert len(asked(fake, lambda made: made.executions(at_ns))) == 1

    @pytest.mark.parametrize(("path", "name"), [("/v2/orders", "open_orders"), (FILLS, "executions")])
    def test_pages_that_loop_are_noticed(self, fake: Alpaca, path: str, name: str) -> None:
        submitted(fake, *(buy(f"a{n}", 1, limit) for limit in (49_950_000, 50_020_000) for n in (limit, limit + 1)))
        fake.faults({"kind": "page_loops", "path": path, "count": 0})
        with pytest.raises(Unclear, match="does not go on after 2 of them"):
            asked(fake, lambda made: getattr(made, name)(*((0,) if path == FILLS else ())), pages=(2, 2))

    @pytest.mark.parametrize(("path", "name"), [("/v2/orders", "open_orders"), (FILLS, "executions")])
    def test_a_page_that_fails_fails_them_all(self, fake: Alpaca, path: str, name: str) -> None:
        submitted(fake, *(buy(f"a{n}", 1, limit) for limit in (49_950_000, 50_020_000) for n in (limit, limit + 1)))
        fake.faults({"kind": "500", "path": path, "method": "GET", "skip": 1})
        with pytest.raises(Unclear, match="HTTP 500"):
            asked(fake, lambda made: getattr(made, name)(*((0,) if path == FILLS else ())), pages=(2, 2))

    def test_positions_are_whole_units_at_the_average_price_of_one(self, fake: Alpaca) -> None:
        submitted(fake, buy("a", 2, 1_050_000, CALL), buy("b", 50, 50_020_000))
        found = asked(fake, lambda made: made.positions())
        assert found == [Held(CALL, 2, 1_050_000), Held("TQQQ", 50, 50_020_000)]

    def test_a_failed_list_of_positions_is_none(self, fake: Alpaca) -> None:
        fake.faults({"kind": "502", "path": "/v2/positions"})
        with pytest.raises(Unclear):
            asked(fake, lambda made: made.positions())


def test_every_request_is_told(fake: Alpaca) -> None:
    submitted(fake, buy("a", 1, 50_020_000))

    async def count(made: Broker) -> int:
        seen = list[int]()
        made.on_request = lambda: seen.append(1)
        await made.executions(0)
        await made.cancel("a")
        return len(seen)

    # A page of fills and the name of their order; a cancel that is refused and looked up: its id is known by then.
    assert asked(fake, count) == 4
