"""The stream of trade updates: read without trust, connected again after every break, mute sockets noticed."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from flows.brokers.alpaca.broker import Alpaca as Broker
from flows.brokers.alpaca.updates import Pace, read
from flows.brokers.port import Connection, Heard
from operators.answers import Answer, Execution
from tests.alpaca_brokers import KEYS, PACE, buy, connected, place, sell, states
from tests.alpaca_market import ny
from tests.ears import Ear
from tests.fakes.alpaca.process import Alpaca
from tests.virtual import run_fast

pytest_plugins = ("tests.alpaca_fixtures",)
pytestmark = pytest.mark.usefixtures("no_error_records")
FALL = ny("10:00:10.5")
ORDER = {
    "id": "o1",
    "client_order_id": "sc-1",
    "status": "partially_filled",
    "filled_qty": "30",
    "qty": "50",
    "symbol": "TQQQ",
    "side": "buy",
    "updated_at": "2026-03-02T15:00:10Z",
}
FILL = {
    "event": "partial_fill",
    "timestamp": "2026-03-02T15:00:10.123456789Z",
    "price": "49.95",
    "qty": "20",
    "order": ORDER,
}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.floats().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def frame(order: dict[str, Any] | None = None, **data: Any) -> str:
    """A partial fill with some other fields."""
    return json.dumps({"stream": "trade_updates", "data": FILL | data | {"order": ORDER | (order or {})}})


def warnings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["code"] for line in capsys.readouterr().err.splitlines()]


class TestReading:
    def test_a_fill_is_an_execution_and_the_orders_state(self) -> None:
        at_ns = ny("10:00:10") + 123_456_000
        assert read(frame()) == [
            Execution(0, 0, at_ns, "o1:30", "sc-1", "TQQQ", "buy", 20, 49_950_000),
            Answer(0, 0, at_ns, "sc-1", "working", 30, "", "o1"),
        ]

    def test_binary_frames_are_read_as_text_is(self) -> None:
        assert read(frame().encode()) == read(frame())

    @pytest.mark.parametrize("price", ["49.950000000000003", 49.950000000000003, 49.94999999999999, "49.9500000"])
    def test_noise_in_a_price_is_rounded_away(self, price: object) -> None:
        execution = read(frame(price=price))[0]
        assert isinstance(execution, Execution)
        assert execution.price_micros == 49_950_000

    @pytest.mark.parametrize("price", ["NaN", float("nan"), "Infinity", float("inf"), None, "", "0", "-1", "1e400", {}])
    def test_a_fill_at_no_price_is_told_and_left_to_the_list_of_fills(
        self, price: object, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert [type(one) for one in read(frame(price=price))] == [Answer]
        assert warnings(capsys) == ["W120"]

    @pytest.mark.parametrize("order", [{"filled_qty": "19"}, {"filled_qty": "0"}])
    def test_a_fill_of_more_than_all_is_none(self, order: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
        assert [type(one) for one in read(frame(order))] == [Answer]
        assert warnings(capsys) == ["W120"]

    def test_an_event_that_nobody_knows_is_told_and_gives_the_state(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert read(frame(event="audited")) == [
            Answer(0, 0, ny("10:00:10") + 123_456_000, "sc-1", "working", 30, "", "o1")
        ]
        assert warnings(capsys) == ["W120"]

    def test_a_status_that_nobody_knows_is_unknown(self) -> None:
        answer = read(frame({"status": "held_by_compliance"}, event="new"))[0]
        assert isinstance(answer, Answer)
        assert answer.state == "unknown"

    @pytest.mark.parametrize(
        ("status", "state"),
        [("filled", "working"), ("canceled", "cancelled"), ("expired", "expired"), ("rejected", "rejected")],
    )
    def test_each_status_has_its_state(self, status: str, state: str) -> None:
        answer = read(frame({"status": status}, event="new"))[0]
        assert isinstance(answer, Answer)
        assert answer.state == state

    def test_other_streams_are_none_of_ours(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert read('{"stream": "listening", "data": {}}') == []
        assert warnings(capsys) == []

    @pytest.mark.parametrize(
        "noise", ["", "[]", "null", "{", b"\xff\xfe", '{"stream": "trade_updates"}', "[" * 100_000]
    )
    def test_what_cannot_be_read_is_told_and_skipped(
        self, noise: bytes | str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert read(noise) == []
        assert warnings(capsys) == ["W120"]

    @given(name=st.sampled_from(sorted(FILL)), value=ANYTHING)
    def test_no_field_can_hold_what_is_an_exception(self, name: str, value: object) -> None:
        told = read(json.dumps({"stream": "trade_updates", "data": FILL | {name: value}}))
        assert all(isinstance(one, Answer | Execution) for one in told)

    @given(name=st.sampled_from(sorted(ORDER)), value=ANYTHING)
    def test_no_field_of_an_order_can_hold_what_is_an_exception(self, name: str, value: object) -> None:
        assert all(isinstance(one, Answer | Execution) for one in read(frame({name: value})))

    @given(st.binary() | st.text())
    def test_no_frame_is_an_exception(self, noise: bytes | str) -> None:
        assert read(noise) == []


def heard(fake: Alpaca, act: Callable[[Broker, Ear], Awaitable[None]], **words: Any) -> list[Heard]:
    """All that a broker told while something was done."""

    async def main() -> list[Heard]:
        async with connected(fake, **words) as (made, ear):
            await act(made, ear)
            return ear.told

    return run_fast(main())


def executions(told: list[Heard]) -> list[Execution]:
    return [one for one in told if isinstance(one, Execution)]


def breaks(told: list[Heard]) -> list[str]:
    return [one.reason for one in told if isinstance(one, Connection) and not one.up]


class TestFills:
    @pytest.mark.parametrize("frames", ["binary", "text", "both"])
    def test_a_fill_has_the_same_name_on_the_stream_and_in_the_list(self, fake: Alpaca, frames: str) -> None:
        fake.reset(frames=frames)
        fake.until(ny("10:00:01.5"))
        listed = list[Execution]()

        async def act(made: Broker, ear: Ear) -> None:
            await made.submit(buy("a", 250, 50_020_000))
            fake.until(ny("10:00:03.5"))
            await made.submit(sell("b", 70))
            await ear.until(lambda told: len(executions(told)) == 4)
            listed.extend(await made.executions(0))

        told = heard(fake, act)
        assert executions(told) == listed
        assert [(one.client_order_id, one.quantity) for one in listed] == [("a", 100), ("a", 100), ("a", 50), ("b", 70)]

    def test_a_foreign_sale_bears_the_name_that_the_broker_gave_it(self, fake: Alpaca) -> None:
        async def act(made: Broker, ear: Ear) -> None:
            await made.submit(buy("a", 1, 1_050_000, "SPY260302C00680000"))
            fake.call("POST", "liquidate", {"everything": True})
            await ear.until(lambda told: len(executions(told)) == 2)
            assert executions(ear.told) == list(await made.executions(0))

        sale = executions(heard(fake, act))[1]
        assert (sale.side, sale.symbol, sale.client_order_id == "a") == ("sell", "SPY260302C00680000", False)


class TestBreaks:
    @pytest.mark.parametrize("kind", ["drop_mid_frame", "close"])
    def test_it_connects_again_and_says_so(self, fake: Alpaca, kind: str) -> None:
        fake.faults({"kind": kind, "stream": "trade_updates"})

        async def act(made: Broker, ear: Ear) -> None:
            await made.submit(buy("a"))
            await ear.until(lambda told: told.count(Connection(True)) == 2)
            fake.until(FALL)
            await ear.until(lambda told: bool(executions(told)))

        told = heard(fake, act)
        assert [one.up for one in told if isinstance(one, Connection)] == [True, False, True]

    @pytest.mark.parametrize("kind", ["refuse_auth", "connection_limit"])
    def test_a_login_that_is_refused_is_told_and_tried_again(self, fake: Alpaca, kind: str) -> None:
        fake.faults({"kind": kind, "stream": "trade_updates", "count": 2})

        async def main() -> list[Heard]:
            async with connected(fake) as (_, ear):
                return ear.told

        told = run_fast(main())
        assert told[-1] == Connection(True)
        assert breaks(told) == ["Refused: the login to Alpaca's stream: unauthorized"]

    def test_a_socket_that_is_open_and_mute_is_noticed(self, fake: Alpaca) -> None:
        async def act(_: Broker, ear: Ear) -> None:
            os.kill(fake.process.pid, signal.SIGSTOP)
            try:
                await ear.until(lambda told: bool(breaks(told)))
            finally:
                os.kill(fake.process.pid, signal.SIGCONT)
            await ear.until(lambda told: told[-1] == Connection(True))

        told = heard(fake, act, pace=Pace(100.0, 4.0, PACE.backoff))
        assert breaks(told)[0].startswith("ConnectionClosedError")

    def test_it_can_be_closed_though_the_other_side_is_mute(self, fake: Alpaca) -> None:
        async def act(made: Broker, _: Ear) -> None:
            os.kill(fake.process.pid, signal.SIGSTOP)
            try:
                async with asyncio.timeout(50.0):
                    await made.close()
            finally:
                os.kill(fake.process.pid, signal.SIGCONT)

        assert heard(fake, act) == [Connection(True)]

    def test_a_stream_that_cannot_be_reached_is_told_once(self, fake: Alpaca) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            nowhere = place(fake)._replace(stream=f"ws://127.0.0.1:{taken.getsockname()[1]}/stream")

        async def main() -> list[Heard]:
            made = Broker(KEYS, nowhere, pace=PACE)
            ear = Ear(made)
            await made.connect()
            await asyncio.sleep(4.0)
            await ear.end()
            await made.close()
            return ear.told

        assert [type(one) for one in run_fast(main())] == [Connection]

    def test_listening_that_fails_for_good_is_a_break_too(self, fake: Alpaca) -> None:
        async def main() -> list[Heard]:
            made = Broker(KEYS, place(fake)._replace(stream="ws://127.0.0.1:nowhere/stream"), pace=PACE)
            ear = Ear(made)
            await made.connect()
            told = await ear.until(bool)
            await ear.end()
            await made.close()
            return told

        assert run_fast(main()) == [Connection(False, "listening failed: ValueError")]

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            ('[{"T": "error", "code": 406, "msg": "connection limit exceeded"}]', "connection limit exceeded"),
            ('{"stream": "authorization", "data": {"status": "unauthorized"}}', "unauthorized"),
            ("<html>", "no answer that can be read"),
        ],
    )
    def test_the_words_of_a_refusal_are_told(self, fake: Alpaca, said: str, reason: str) -> None:
        async def refuse(socket: ServerConnection) -> None:
            await socket.recv()
            await socket.send(said)
            await socket.wait_closed()

        async def main() -> list[Heard]:
            async with serve(refuse, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                made = Broker(KEYS, place(fake)._replace(stream=f"ws://127.0.0.1:{port}"), pace=PACE)
                ear = Ear(made)
                await made.connect()
                told = await ear.until(bool)
                await ear.end()
                await made.close()
                return told

        assert breaks(run_fast(main())) == [f"Refused: the login to Alpaca's stream: {reason}"]


class TestDisorder:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("duplicate", ["working"] * 3), ("delay", ["working", "working"]), ("lose", ["working"])],
    )
    def test_what_comes_twice_late_or_not_is_passed_on_as_it_comes(
        self, fake: Alpaca, kind: str, expected: list[str]
    ) -> None:
        fake.faults({"kind": kind, "stream": "trade_updates", "event": "new"})

        async def act(made: Broker, ear: Ear) -> None:
            await made.submit(buy("a", 50, 50_020_000))
            await ear.until(lambda told: len(states(told, "a")) == len(expected))

        assert states(heard(fake, act), "a") == expected
