"""Each fault of the fake Alpaca as the real client sees it, and how many orders there are afterwards."""

import json
from pathlib import Path

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderStatus

from tests.alpaca_clients import buy, sell, trading
from tests.alpaca_market import CALL, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)


def refused(client: TradingClient, client_id: str = "a") -> APIError:
    """What the client raises for a purchase of TQQQ."""
    with pytest.raises(APIError) as caught:
        buy(client, "TQQQ", 10, 50.02, client_id)
    return caught.value


def accepted(fake: Alpaca) -> dict[str, int]:
    return dict(fake.state()["accepted"])


class TestNothingDone:
    @pytest.mark.parametrize(("kind", "status"), [("500", 500), ("502", 502), ("503", 503), ("504", 504)])
    def test_an_error_of_the_server_has_a_body_that_is_no_json(
        self, client: TradingClient, fake: Alpaca, kind: str, status: int
    ) -> None:
        fake.faults({"kind": kind, "path": "/v2/orders"})
        error = refused(client)
        assert (error.status_code, accepted(fake)) == (status, {})
        with pytest.raises(json.JSONDecodeError):
            _ = error.code
        buy(client, "TQQQ", 10, 50.02, "a")
        assert accepted(fake) == {"a": 1}

    @pytest.mark.parametrize(
        ("kind", "status", "words"),
        [
            ("buying_power", 403, "insufficient buying power"),
            ("permission", 403, "not eligible to trade option"),
            ("market_closed", 422, "market hours"),
            ("bad_tick", 422, "price increment"),
            ("unauthorized", 401, "not authorized"),
        ],
    )
    def test_a_refusal_says_why(self, client: TradingClient, fake: Alpaca, kind: str, status: int, words: str) -> None:
        fake.faults({"kind": kind})
        error = refused(client)
        assert (error.status_code, accepted(fake)) == (status, {})
        assert words in error.message

    def test_too_many_requests_once_tell_the_limit(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "429"})
        error = refused(client)
        headers = error.response.headers
        assert (error.status_code, headers["X-Ratelimit-Limit"], headers["X-Ratelimit-Remaining"]) == (429, "200", "0")
        assert int(headers["X-Ratelimit-Reset"]) > 0
        buy(client, "TQQQ", 1, 50.02, "b")
        assert accepted(fake) == {"b": 1}

    def test_too_many_requests_for_a_minute_of_the_fakes_clock(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "429", "for_seconds": 60.0})
        assert [refused(client).status_code for _ in range(3)] == [429] * 3
        fake.wait(59.0)
        assert refused(client).status_code == 429
        fake.wait(1.0)
        buy(client, "TQQQ", 1, 50.02, "a")

    def test_headers_count_the_requests_of_a_minute(self, client: TradingClient, fake: Alpaca) -> None:
        left: list[int] = []
        client._session.hooks["response"].append(
            lambda answer, **_: left.append(int(answer.headers["X-Ratelimit-Remaining"]))
        )
        for _ in range(3):
            client.get_account()
        fake.wait(61.0)
        client.get_account()
        assert left == [199, 198, 197, 199]

    def test_a_connection_that_is_reset_before(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "reset", "method": "POST"})
        with pytest.raises(requests.ConnectionError):
            buy(client, "TQQQ", 10, 50.02, "a")
        assert accepted(fake) == {}

    def test_a_broker_that_is_down_refuses_the_connection(self, alpaca_tape: Path) -> None:
        with Alpaca.on(alpaca_tape, "--lock-step") as fake:
            other = trading(fake)
            other.get_account()
        with pytest.raises(requests.ConnectionError):
            other.get_account()


class TestDoneAllTheSame:
    def test_a_504_after_accept_leaves_one_order(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "504_after"})
        assert refused(client).status_code == 504
        assert client.get_order_by_client_id("a").status == OrderStatus.FILLED
        again = refused(client)
        assert (again.status_code, accepted(fake)) == (422, {"a": 1})
        assert "unique" in again.message

    def test_the_clients_own_retry_after_a_504_ends_in_a_422(self, client: TradingClient, fake: Alpaca) -> None:
        client._retry, client._retry_wait = 3, 0
        fake.faults({"kind": "504_after"})
        assert refused(client).status_code == 422
        assert (accepted(fake), fake.state()["requests"]["POST /v2/orders"]) == ({"a": 1}, 2)

    @pytest.mark.parametrize(("kind", "status"), [("500_after", 500), ("429_after", 429)])
    def test_an_error_after_accept_leaves_one_order(
        self, client: TradingClient, fake: Alpaca, kind: str, status: int
    ) -> None:
        fake.faults({"kind": kind})
        assert refused(client).status_code == status
        assert (accepted(fake), fake.state()["positions"]) == ({"a": 1}, {"TQQQ": 10})

    def test_a_reset_after_accept_leaves_one_order(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "reset_after"})
        with pytest.raises(requests.ConnectionError):
            buy(client, "TQQQ", 10, 50.02, "a")
        assert client.get_order_by_client_id("a").status == OrderStatus.FILLED
        assert accepted(fake) == {"a": 1}

    def test_a_hang_after_accept_is_a_timeout_with_one_order(self, fake: Alpaca) -> None:
        client = trading(fake, timeout=0.2)
        fake.faults({"kind": "hang_after", "seconds": 30.0})
        with pytest.raises(requests.ReadTimeout):
            buy(client, "TQQQ", 10, 50.02, "a")
        assert client.get_order_by_client_id("a").status == OrderStatus.FILLED
        assert accepted(fake) == {"a": 1}

    def test_a_slow_answer_comes_in_the_end(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "hang_after", "seconds": 0.2})
        assert buy(client, "TQQQ", 10, 50.02, "a").status == OrderStatus.PENDING_NEW

    def test_a_hidden_order_is_found_when_its_time_has_come(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "504_after"}, {"kind": "hidden", "seconds": 3_600.0})
        refused(client)
        for seconds in (0.0, 3_500.0):
            fake.wait(seconds)
            with pytest.raises(APIError) as caught:
                client.get_order_by_client_id("a")
            assert (caught.value.status_code, client.get_orders()) == (404, [])
        fake.wait(100.0)
        assert client.get_order_by_client_id("a").status == OrderStatus.FILLED

    def test_a_cancel_that_was_done_may_answer_504(self, client: TradingClient, fake: Alpaca) -> None:
        order = buy(client, "TQQQ", 1, 10.0, "a")
        fake.faults({"kind": "504_after", "method": "DELETE", "path": "/v2/orders/.*"})
        with pytest.raises(APIError) as caught:
            client.cancel_order_by_id(order.id)
        assert caught.value.status_code == 504
        assert client.get_order_by_client_id("a").status == OrderStatus.CANCELED


class TestOrders:
    @pytest.mark.parametrize(
        ("kind", "status", "event"),
        [
            ("partial_then_cancel", OrderStatus.CANCELED, "canceled"),
            ("partial_then_reject", OrderStatus.REJECTED, "rejected"),
        ],
    )
    def test_half_of_an_order_fills_and_the_rest_ends(
        self, client: TradingClient, fake: Alpaca, kind: str, status: OrderStatus, event: str
    ) -> None:
        fake.faults({"kind": kind})
        buy(client, "TQQQ", 10, 50.02, "a")
        found = client.get_order_by_client_id("a")
        assert (found.status, found.filled_qty) == (status, "5")
        assert fake.state()["updates"] == ["new a", "partial_fill a", f"{event} a"]

    def test_a_status_that_no_client_knows_breaks_the_typed_client(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "unknown_status"})
        with pytest.raises(ValueError, match="status"):
            buy(client, "TQQQ", 10, 50.02, "a")
        assert accepted(fake) == {"a": 1}

    def test_a_fill_between_the_request_to_cancel_and_its_ack(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "fill_on_cancel"})
        client.cancel_order_by_id(buy(client, CALL, 3, 0.5, "a").id)
        found = client.get_order_by_client_id("a")
        assert (found.status, found.filled_qty, found.filled_avg_price) == (OrderStatus.FILLED, "3", "0.5")
        assert fake.state()["updates"] == ["new a", "fill a"]

    def test_a_fill_after_the_order_was_cancelled(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "fill_after_cancel"})
        client.cancel_order_by_id(buy(client, CALL, 3, 0.5, "a").id)
        assert fake.state()["updates"] == ["new a", "canceled a", "fill a"]
        assert fake.state()["positions"] == {CALL: 3}

    def test_a_cancel_that_is_never_answered(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "cancel_never"})
        client.cancel_order_by_id(buy(client, CALL, 3, 0.95, "a").id)
        assert client.get_order_by_client_id("a").status == OrderStatus.PENDING_CANCEL
        fake.until(ny("10:00:10.5"))
        assert client.get_order_by_client_id("a").status == OrderStatus.FILLED

    def test_the_broker_sells_at_a_quarter_past_three(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "liquidate", "at": "15:15"})
        buy(client, CALL, 3, 1.05, "a")
        buy(client, "TQQQ", 5, 50.02, "b")
        sell(client, CALL, 3, 9.0, "c")
        fake.until(ny("15:14:59"))
        assert fake.state()["foreign"] == []
        fake.until(ny("15:15"))
        state = fake.state()
        (foreign,) = state["foreign"]
        assert state["updates"][-3:] == ["canceled c", f"new {foreign}", f"fill {foreign}"]
        assert (state["positions"], client.get_order_by_client_id(foreign).filled_avg_price) == ({"TQQQ": 5}, "1.2")


class TestScript:
    def test_a_fault_meets_as_many_as_it_says_after_those_it_lets_pass(
        self, client: TradingClient, fake: Alpaca
    ) -> None:
        fake.faults({"kind": "500", "path": "/v2/account", "skip": 1, "count": 2})
        answers = []
        for _ in range(4):
            try:
                client.get_account()
                answers.append(200)
            except APIError as error:
                answers.append(error.status_code)
        assert answers == [200, 500, 500, 200]

    def test_a_fault_without_an_end_goes_on_until_it_is_taken_away(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "502", "count": 0})
        for _ in range(3):
            with pytest.raises(APIError):
                client.get_clock()
        fake.call("DELETE", "faults")
        assert client.get_clock().is_open

    def test_a_fault_may_be_about_one_symbol(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "permission", "symbol": CALL})
        buy(client, "TQQQ", 1, 50.02, "a")
        with pytest.raises(APIError):
            buy(client, CALL, 1, 1.05, "b")

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ({"kind": "earthquake"}, "no fault is called"),
            ({"kind": "lose"}, "needs a stream"),
            ({"kind": "429", "often": 3}, "cannot be read"),
            ({"kind": "liquidate", "at": "3 pm"}, "needs a New York time"),
        ],
    )
    def test_a_fault_that_cannot_be_is_refused(self, fake: Alpaca, fault: dict[str, object], words: str) -> None:
        with pytest.raises(requests.HTTPError, match=words):
            fake.faults(fault)
