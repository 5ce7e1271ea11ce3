"""The fake Alpaca's account as the real client sees it: orders from submit to their end, positions, money, lists."""

import datetime as dt
from decimal import Decimal

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderStatus, QueryOrderStatus
from alpaca.trading.requests import GetCalendarRequest, GetOrdersRequest, MarketOrderRequest

from tests.alpaca_clients import buy, limit, sell
from tests.alpaca_market import CALL, OPENING, PUT, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)


def status(client: TradingClient, client_id: str) -> OrderStatus:
    return client.get_order_by_client_id(client_id).status


class TestLife:
    def test_the_answer_comes_before_the_exchange_has_the_order(self, client: TradingClient) -> None:
        answer = buy(client, "TQQQ", 10, 50.02, "a")
        assert (answer.status, answer.filled_qty, answer.client_order_id) == (OrderStatus.PENDING_NEW, "0", "a")

    def test_an_order_that_reaches_the_other_side_is_filled(self, client: TradingClient, fake: Alpaca) -> None:
        buy(client, "TQQQ", 10, 50.02, "a")
        found = client.get_order_by_client_id("a")
        assert (found.status, found.filled_qty, found.filled_avg_price) == (OrderStatus.FILLED, "10", "50.02")
        assert fake.state()["updates"] == ["new a", "fill a"]

    def test_an_order_below_rests_until_a_quote_falls_to_it(self, client: TradingClient, fake: Alpaca) -> None:
        buy(client, CALL, 3, 0.95, "a")
        assert status(client, "a") == OrderStatus.NEW
        fake.until(ny("10:00:09"))
        assert status(client, "a") == OrderStatus.NEW
        fake.until(ny("10:00:10.5"))
        assert client.get_order_by_client_id("a").filled_avg_price == "0.95"

    def test_no_more_is_filled_than_a_quote_shows(self, client: TradingClient, fake: Alpaca) -> None:
        # 10 contracts a snapshot, one at 10:00:00 and one at 10:00:05.
        buy(client, CALL, 15, 1.05, "a")
        assert client.get_order_by_client_id("a").filled_qty == "10"
        fake.until(ny("10:00:05.5"))
        assert client.get_order_by_client_id("a").filled_qty == "15"
        assert fake.state()["updates"] == ["new a", "partial_fill a", "fill a"]

    def test_a_cancel_ends_what_is_not_filled(self, client: TradingClient, fake: Alpaca) -> None:
        order = buy(client, CALL, 15, 1.05, "a")
        client.cancel_order_by_id(order.id)
        found = client.get_order_by_client_id("a")
        assert (found.status, found.filled_qty) == (OrderStatus.CANCELED, "10")
        assert fake.state()["updates"] == ["new a", "partial_fill a", "canceled a"]

    def test_an_order_and_a_cancel_are_on_their_way_for_the_latency(self, client: TradingClient, fake: Alpaca) -> None:
        fake.reset(latency_ms=200)
        fake.until(OPENING)
        order = buy(client, "TQQQ", 10, 49.0, "a")
        fake.until(OPENING + 199_000_000)
        assert status(client, "a") == OrderStatus.PENDING_NEW
        fake.until(OPENING + 200_000_000)
        assert status(client, "a") == OrderStatus.NEW
        client.cancel_order_by_id(order.id)
        assert status(client, "a") == OrderStatus.PENDING_CANCEL
        fake.until(OPENING + 400_000_000)
        assert status(client, "a") == OrderStatus.CANCELED

    def test_a_day_order_expires_at_the_close(self, client: TradingClient, fake: Alpaca) -> None:
        buy(client, CALL, 1, 0.5, "a")
        fake.until(ny("16:00:00"))
        assert status(client, "a") == OrderStatus.EXPIRED
        assert fake.state()["updates"] == ["new a", "expired a"]

    def test_all_orders_can_be_cancelled_at_once(self, client: TradingClient) -> None:
        buy(client, CALL, 1, 0.5, "a")
        buy(client, PUT, 1, 0.3, "b")
        assert len(client.cancel_orders()) == 2
        assert {status(client, name) for name in ("a", "b")} == {OrderStatus.CANCELED}

    def test_a_market_order_fills_at_the_other_side(self, client: TradingClient) -> None:
        client.submit_order(MarketOrderRequest(symbol="TQQQ", qty=5, side="buy", time_in_force="day"))
        (order,) = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED, limit=500))
        assert order.filled_avg_price == "50.02"


class TestRefusals:
    @pytest.mark.parametrize(
        ("symbol", "side", "quantity", "price", "code"),
        [
            ("TQQQ", "buy", 10_000, 50.0, 403),
            ("TQQQ", "sell", 1, 50.0, 403),
            ("NONE", "buy", 1, 50.0, 422),
            ("SPY260302C00680001", "buy", 1, 1.0, 422),
            ("TQQQ", "buy", 1, 50.005, 422),
            (CALL, "buy", 1, 0.1 + 0.2, 422),
            (CALL, "buy", 1.5, 1.0, 422),
            (CALL, "buy", 1, -1.0, 422),
        ],
    )
    def test_what_the_broker_does_not_take_is_refused_and_not_counted(
        self, client: TradingClient, fake: Alpaca, symbol: str, side: str, quantity: float, price: float, code: int
    ) -> None:
        order = limit(symbol, side, 1, price, "a")
        order.qty = quantity
        with pytest.raises(APIError) as caught:
            client.submit_order(order)
        assert (caught.value.status_code, fake.state()["accepted"]) == (code, {})

    def test_a_name_is_taken_once(self, client: TradingClient, fake: Alpaca) -> None:
        buy(client, "TQQQ", 1, 49.0, "a")
        with pytest.raises(APIError, match="must be unique") as caught:
            buy(client, "TQQQ", 2, 49.0, "a")
        assert (caught.value.status_code, fake.state()["accepted"]) == (422, {"a": 1})

    def test_an_order_that_has_ended_cannot_be_cancelled(self, client: TradingClient) -> None:
        order = buy(client, "TQQQ", 1, 50.02, "a")
        with pytest.raises(APIError, match="filled") as caught:
            client.cancel_order_by_id(order.id)
        assert caught.value.status_code == 422

    def test_an_order_that_never_was_is_not_found(self, client: TradingClient) -> None:
        with pytest.raises(APIError) as caught:
            client.get_order_by_client_id("nobody")
        assert caught.value.status_code == 404

    def test_what_an_open_sale_promises_cannot_be_sold_again(self, client: TradingClient) -> None:
        buy(client, "TQQQ", 10, 50.02, "a")
        sell(client, "TQQQ", 6, 60.0, "b")
        with pytest.raises(APIError, match=r"requested: 5, available: 4") as caught:
            sell(client, "TQQQ", 5, 60.0, "c")
        assert caught.value.status_code == 403


class TestAccount:
    def test_a_position_tells_what_was_paid_and_what_is_free(self, client: TradingClient) -> None:
        buy(client, CALL, 4, 1.05, "a")
        sell(client, CALL, 1, 2.0, "b")
        (held,) = client.get_all_positions()
        # 4 contracts of 100 shares at 1.05, worth 1.00 at the bid.
        assert (held.symbol, held.qty, held.qty_available, held.exchange.value) == (CALL, "4", "3", "")
        assert (held.avg_entry_price, held.cost_basis, held.market_value) == ("1.05", "420", "400")

    def test_cash_and_buying_power_follow_orders_and_fills(self, client: TradingClient) -> None:
        buy(client, CALL, 4, 1.05, "a")
        buy(client, "TQQQ", 10, 49.0, "b")
        account = client.get_account()
        assert (Decimal(account.cash), Decimal(account.options_buying_power)) == (Decimal(99_580), Decimal(99_090))

    def test_a_sale_closes_the_position(self, client: TradingClient) -> None:
        buy(client, "TQQQ", 10, 50.02, "a")
        sell(client, "TQQQ", 10, 50.0, "b")
        assert client.get_all_positions() == []
        assert Decimal(client.get_account().cash) == Decimal("99999.8")
        with pytest.raises(APIError, match="does not exist"):
            client.get_open_position("TQQQ")

    def test_an_expired_option_leaves_for_what_it_is_worth(self, client: TradingClient, fake: Alpaca) -> None:
        # SPY ends at 681.25: 1.25 a share over the strike, 2 contracts cost 1.05 each.
        buy(client, CALL, 2, 1.05, "a")
        fake.until(ny("16:04"))
        assert (fake.state()["positions"], Decimal(client.get_account().cash)) == ({}, Decimal(100_040))

    def test_the_clock_is_the_tapes(self, client: TradingClient, fake: Alpaca) -> None:
        clock = client.get_clock()
        assert (clock.is_open, clock.timestamp.hour, clock.next_close.hour) == (True, 10, 16)
        fake.until(ny("16:00"))
        clock = client.get_clock()
        assert (clock.is_open, clock.next_open.date()) == (False, dt.date(2026, 3, 3))

    def test_the_calendar_knows_early_closes(self, client: TradingClient) -> None:
        days = client.get_calendar(GetCalendarRequest(start=dt.date(2026, 11, 25), end=dt.date(2026, 11, 28)))
        assert [(day.date.day, day.close.hour) for day in days] == [(25, 16), (27, 13)]

    def test_assets_tell_who_has_options(self, client: TradingClient) -> None:
        assert (client.get_asset("SPY").attributes, client.get_asset("TQQQ").attributes) == (["has_options"], [])
        with pytest.raises(APIError):
            client.get_asset("NONE")


class TestLists:
    def test_a_list_holds_fifty_open_orders_unless_asked_for_more(self, client: TradingClient) -> None:
        for number in range(55):
            buy(client, "TQQQ", 1, 10.0, f"n{number:02}")
        newest = client.get_orders()
        assert [newest[0].client_order_id, newest[-1].client_order_id, len(newest)] == ["n54", "n05", 50]
        assert len(client.get_orders(GetOrdersRequest(limit=500))) == 55

    def test_a_list_is_paged_by_time_without_loss(self, client: TradingClient) -> None:
        for number in range(7):
            buy(client, "TQQQ", 1, 10.0, f"n{number}")
        found, after = list[str](), None
        while page := client.get_orders(GetOrdersRequest(limit=3, after=after, direction="asc", status="all")):
            found += [order.client_order_id for order in page]
            after = page[-1].submitted_at
        assert found == [f"n{number}" for number in range(7)]

    def test_a_list_can_be_of_one_symbol_or_state(self, client: TradingClient) -> None:
        buy(client, "TQQQ", 1, 50.02, "filled")
        buy(client, "TQQQ", 1, 10.0, "open")
        buy(client, CALL, 1, 0.5, "option")
        closed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED))
        of_option = client.get_orders(GetOrdersRequest(symbols=[CALL]))
        assert [order.client_order_id for order in (*closed, *of_option)] == ["filled", "option"]

    def test_an_order_is_found_by_its_brokers_name(self, client: TradingClient) -> None:
        order = buy(client, "TQQQ", 1, 10.0, "a")
        assert client.get_order_by_id(order.id).client_order_id == "a"

    def test_the_fake_counts_what_it_accepted(self, client: TradingClient, fake: Alpaca) -> None:
        for name in ("a", "b"):
            buy(client, "TQQQ", 1, 50.02, name)
        state = fake.state()
        assert state["accepted"] == {"a": 1, "b": 1}
        assert [(fill["client_id"], fill["quantity"], fill["price_micros"]) for fill in state["fills"]] == [
            ("a", 1, 50_020_000),
            ("b", 1, 50_020_000),
        ]

    def test_the_same_requests_in_lock_step_get_the_same_answers(self, client: TradingClient, fake: Alpaca) -> None:
        def played() -> dict[str, object]:
            fake.reset()
            fake.until(OPENING)
            client.cancel_order_by_id(buy(client, CALL, 15, 1.05, "a").id)
            buy(client, "TQQQ", 10, 49.92, "b")
            fake.until(ny("10:00:12"))
            return fake.state()

        assert played() == played()
