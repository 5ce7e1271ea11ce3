"""The fake Alpaca's trade updates as the real client hears them: both kinds of frames, and each fault of the stream."""

import logging

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.models import TradeUpdate

from tests.alpaca_clients import Heard, buy, connected, updates
from tests.alpaca_market import CALL, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)


def listening(fake: Alpaca, heard: Heard, *, raw: bool = True) -> None:
    heard.run(updates(fake, heard.handler, raw=raw))
    connected(fake, "trade_updates")


def events(heard: Heard, count: int) -> list[str]:
    return [message["data"]["event"] for message in heard.until(count)]


class TestMessages:
    @pytest.mark.parametrize("frames", ["binary", "text", "both"])
    def test_updates_come_in_frames_of_either_kind(self, fake: Alpaca, client: TradingClient, frames: str) -> None:
        fake.reset(frames=frames)
        fake.until(ny("10:00:01.5"))
        with Heard() as heard:
            listening(fake, heard)
            buy(client, "TQQQ", 10, 50.02, "a")
            assert events(heard, 2) == ["new", "fill"]

    def test_a_fill_tells_execution_price_and_position(self, fake: Alpaca, client: TradingClient) -> None:
        with Heard() as heard:
            listening(fake, heard, raw=False)
            buy(client, CALL, 15, 1.05, "a")
            _, fill = heard.until(2)
        assert isinstance(fill, TradeUpdate)
        assert (fill.event, fill.price, fill.qty, fill.position_qty) == ("partial_fill", 1.05, 10.0, 10.0)
        assert (fill.order.client_order_id, fill.order.filled_qty) == ("a", "10")
        assert str(fill.execution_id) == fake.state()["fills"][0]["execution_id"]

    def test_what_was_missed_is_not_told_again(self, fake: Alpaca, client: TradingClient) -> None:
        buy(client, "TQQQ", 10, 50.02, "a")
        with Heard() as heard:
            listening(fake, heard)
            buy(client, "TQQQ", 10, 50.02, "b")
            heard.until(2)
        assert {message["data"]["order"]["client_order_id"] for message in heard.messages} == {"b"}


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "heard_of"),
        [
            ({"kind": "lose", "event": "fill"}, ["new"]),
            ({"kind": "duplicate", "event": "fill"}, ["new", "fill", "fill"]),
            ({"kind": "delay", "event": "new"}, ["fill", "new"]),
            ({"kind": "unknown_event", "event": "new"}, ["audited", "fill"]),
        ],
    )
    def test_updates_are_lost_doubled_late_or_strange(
        self, fake: Alpaca, client: TradingClient, fault: dict[str, object], heard_of: list[str]
    ) -> None:
        fake.faults({"stream": "trade_updates", **fault})
        with Heard() as heard:
            listening(fake, heard)
            buy(client, "TQQQ", 10, 50.02, "a")
            assert events(heard, len(heard_of)) == heard_of
        assert fake.state()["updates"] == ["new a", "fill a"]

    @pytest.mark.parametrize(("kind", "price"), [("nan", "NaN"), ("float_noise", "1.050000000000004")])
    def test_the_price_of_a_fill_may_be_none_or_have_a_floats_noise(
        self, fake: Alpaca, client: TradingClient, kind: str, price: str
    ) -> None:
        fake.faults({"kind": kind, "stream": "trade_updates", "event": "fill"})
        with Heard() as heard:
            listening(fake, heard)
            buy(client, CALL, 1, 1.05, "a")
            assert heard.until(2)[1]["data"]["price"] == price

    def test_updates_may_come_before_the_answer_to_the_order(self, fake: Alpaca, client: TradingClient) -> None:
        fake.faults({"kind": "ack_late", "seconds": 0.3})
        with Heard() as heard:
            listening(fake, heard)
            before: list[str] = []
            client._session.hooks["response"].append(
                lambda *_, **__: before.extend(message["data"]["event"] for message in heard.messages)
            )
            answer = buy(client, "TQQQ", 10, 50.02, "a")
        assert (before, answer.filled_qty) == (["new", "fill"], "0")

    def test_a_status_that_no_client_knows_is_lost_by_the_typed_stream_alone(
        self, fake: Alpaca, client: TradingClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.faults({"kind": "unknown_status"})
        with Heard() as raw, Heard() as typed:
            raw.run(updates(fake, raw.handler))
            typed.run(updates(fake, typed.handler, raw=False))
            connected(fake, "trade_updates", 2)
            with pytest.raises(ValueError, match="status"):
                buy(client, "TQQQ", 10, 50.02, "a")
            buy(client, "TQQQ", 1, 49.0, "b")
            assert events(raw, 3) == ["new", "fill", "new"]
            assert [message.order.client_order_id for message in typed.until(1)] == ["b"]
        assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2

    def test_a_drop_in_mid_frame_loses_the_update_and_the_client_connects_again(
        self, fake: Alpaca, client: TradingClient
    ) -> None:
        fake.faults({"kind": "drop_mid_frame", "stream": "trade_updates", "event": "new"})
        with Heard() as heard:
            listening(fake, heard)
            buy(client, "TQQQ", 10, 50.02, "a")
            connected(fake, "trade_updates")
            buy(client, "TQQQ", 10, 49.0, "b")
            assert [message["data"]["order"]["client_order_id"] for message in heard.until(1)] == ["b"]

    def test_bad_keys_are_refused(self, fake: Alpaca, caplog: pytest.LogCaptureFixture) -> None:
        fake.faults({"kind": "refuse_auth", "stream": "trade_updates"})
        with Heard() as heard:
            listening(fake, heard)
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
            "error during websocket communication: failed to authenticate"
        ]

    def test_fills_while_nobody_listens_are_known_to_rest_alone(self, fake: Alpaca, client: TradingClient) -> None:
        with Heard() as heard:
            listening(fake, heard)
            buy(client, CALL, 3, 0.95, "a")
            heard.until(1)
            fake.faults({"kind": "refuse_auth", "stream": "trade_updates", "count": 0})
            fake.drop("trade_updates")
            fake.until(ny("10:00:10.5"))
            fake.call("DELETE", "faults")
            connected(fake, "trade_updates")
        assert [message["data"]["event"] for message in heard.messages] == ["new"]
        assert client.get_order_by_client_id("a").filled_qty == "3"
