"""The paper exchange: who is filled, at what price, how much and when, on quotes as they come."""

from decimal import Decimal
from math import inf, nan

import pytest

from operators.config import EngineSettings
from operators.orders import Order
from operators.paper import match, on_quote
from tests.builders import Stage, ny, pending, quote


class TestPrice:
    def test_a_purchase_fills_at_the_ask(self) -> None:
        stage = Stage()
        stage.hold()
        assert [(fill.price, fill.quantity) for fill in stage.fills] == [(Decimal(50), 133)]

    def test_a_sale_fills_at_the_bid(self) -> None:
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 51.25, 51.26)
        stage.reach("10:00:02.2")
        assert (stage.fills[-1].side, stage.fills[-1].price) == ("sell", Decimal("51.25"))

    def test_a_resting_purchase_fills_at_an_ask_under_its_limit(self) -> None:
        stage = pending()
        stage.quote("10:00:02", 49.90, 49.91)
        assert stage.fills[-1].price == Decimal("49.91")

    def test_a_resting_purchase_does_not_fill_at_an_ask_over_its_limit(self) -> None:
        stage = pending()
        stage.quote("10:00:02", 50.0, 50.01)
        assert stage.fills == []

    def test_a_purchase_never_fills_at_the_mid_or_the_bid(self) -> None:
        # Limit 49.97 (mid 49.95 + 0.02) between bid 49.90 and ask 50.00, a wide market of at most 0.25 %.
        stage = Stage(etf_max_spread_pct=1.0)
        stage.quote("10:00", 49.90, 50.00)
        stage.signal("10:00:01")
        stage.quote("10:00:02", 49.96, 49.98)
        assert (stage.order("first").limit_price, stage.fills) == (Decimal("49.97"), [])

    @pytest.mark.parametrize(("ask", "fills"), [(52.5, [Decimal("52.5")]), (52.51, [])])
    def test_a_market_order_fills_as_far_as_the_collar_of_its_quote(self, ask: float, fills: list[Decimal]) -> None:
        # Sent at an ask of 50.00: at most 5 % more.
        stage = Stage(entry_order_type="market")
        stage.quote("10:00", ask_size=0.0)
        stage.signal("10:00:01")
        stage.reach("10:00:01.2")
        assert stage.order("first").limit_price is None
        stage.quote("10:00:02", ask - 0.01, ask)
        assert [fill.price for fill in stage.fills] == fills


class TestSize:
    def test_a_fill_takes_no_more_than_is_shown(self) -> None:
        stage = pending()
        stage.quote("10:00:02", ask_size=100)
        assert (stage.order("first").state, stage.order("first").filled_quantity) == ("partial", 100)

    def test_a_second_order_finds_what_the_first_left(self) -> None:
        # 200 shown: 133 go to the first order, 67 are left for the other.
        stage = Stage()
        stage.quote("10:00", ask_size=200)
        first = Order("a", "s", "first", 1, "TQQQ", "buy", 133, 50_000_000, ny("10:00"), "working")
        second = Order("b", "s", "second", 1, "TQQQ", "buy", 133, 50_000_000, ny("10:00"), "working")
        fills = [match(stage.book, order, stage.quotes["TQQQ"]) for order in (first, second)]
        assert [fill and fill.quantity for fill in fills] == [133, 67]

    def test_what_was_taken_is_gone_until_the_next_quote(self) -> None:
        stage = Stage()
        stage.quote("10:00", ask_size=100)
        order = Order("a", "s", "first", 1, "TQQQ", "buy", 133, 50_000_000, ny("10:00"), "working")
        assert match(stage.book, order, stage.quotes["TQQQ"]) is not None
        assert match(stage.book, order, stage.quotes["TQQQ"]) is None

    def test_a_quote_that_repeats_the_last_one_shows_its_size_anew(self) -> None:
        stage = pending()
        stage.quote("10:00:02", ask_size=100)
        stage.quote("10:00:03", ask_size=100)
        assert (stage.order("first").state, [fill.quantity for fill in stage.fills]) == ("filled", [100, 33])

    def test_another_symbols_quote_shows_nothing_anew(self) -> None:
        stage = pending()
        stage.quote("10:00:02", ask_size=100)
        stage.quote("10:00:03", symbol="SQQQ")
        assert stage.order("first").filled_quantity == 100

    def test_purchases_do_not_use_up_the_bid(self) -> None:
        stage = Stage()
        stage.quote("10:00", ask_size=133, bid_size=133)
        buy = Order("a", "s", "first", 1, "TQQQ", "buy", 133, 50_000_000, ny("10:00"), "working")
        sell = Order("b", "s", "exit", 1, "TQQQ", "sell", 133, 49_000_000, ny("10:00"), "working")
        assert [match(stage.book, order, stage.quotes["TQQQ"]) is not None for order in (buy, sell)] == [True, True]

    @pytest.mark.parametrize("size", [nan, inf, -5.0, 0.0, 0.9])
    def test_a_size_that_is_no_number_of_shares_fills_nothing(self, size: float) -> None:
        stage = pending()
        stage.quote("10:00:02", ask_size=size)
        assert stage.fills == []

    def test_a_sale_is_filled_in_parts_until_nothing_is_held(self) -> None:
        # 133 held: 100 at 51.00, then 33 at 51.00, 133.00 of profit.
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 51.0, 51.01, bid_size=100)
        stage.reach("10:00:02.2")
        assert (stage.scalp.status, stage.position.held) == ("open", 33)
        stage.quote("10:00:03", 51.0, 51.01, bid_size=100)
        assert (stage.scalp.status, stage.scalp.pnl) == ("closed", Decimal(133))


class TestNoFill:
    @pytest.mark.parametrize(
        ("bid", "ask"), [(50.0, 50.0), (50.01, 50.0), (49.99, nan), (49.99, 0.0), (49.99, -1.0), (49.99, inf)]
    )
    def test_a_locked_crossed_or_absent_ask_fills_no_purchase(self, bid: float, ask: float) -> None:
        stage = pending()
        stage.quote("10:00:02", bid, ask)
        assert stage.fills == []

    @pytest.mark.parametrize(("bid", "ask"), [(51.5, 51.5), (51.6, 51.5), (nan, 51.5), (inf, nan), (0.0, 51.5)])
    def test_a_locked_crossed_or_absent_bid_fills_no_sale(self, bid: float, ask: float) -> None:
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 51.0, 51.01, bid_size=0.0)
        stage.reach("10:00:02.5")
        stage.quote("10:00:03", bid, ask)
        assert [fill.side for fill in stage.fills] == ["buy"]

    def test_a_quote_without_ask_fills_a_sale(self) -> None:
        stage = Stage()
        stage.hold()
        stage.quote("10:00:02", 51.0, nan)
        stage.reach("10:00:02.2")
        assert (stage.fills[-1].side, stage.fills[-1].price) == ("sell", Decimal(51))

    def test_a_stale_stream_fills_nothing(self) -> None:
        # Quoted at 10:00:01, arriving at 10:00:03.2: the stream is 2.2 s old.
        stage = Stage(engine=EngineSettings(paper_latency_ms=2200))
        stage.quote("10:00:01")
        stage.signal("10:00:01")
        stage.reach("10:00:04")
        assert (stage.order("first").state, stage.fills) == ("working", [])

    def test_a_quote_that_was_old_when_it_came_fills_nothing(self) -> None:
        stage = pending()
        stage.quote("10:00:10", event_ns=ny("10:00:07"))
        assert stage.fills == []

    def test_without_any_quote_nothing_is_filled(self) -> None:
        stage = Stage()
        stage.reach("10:00")
        order = Order("a", "s", "first", 1, "TQQQ", "buy", 133, 50_000_000, ny("10:00"), "working")
        assert match(stage.book, order, None) is None

    @pytest.mark.parametrize("state", ["intent", "sending", "filled", "cancelled", "expired"])
    def test_an_order_that_is_not_at_the_exchange_is_not_filled_by_a_quote(self, state: str) -> None:
        stage = Stage()
        stage.quote("10:00")
        order = Order("a", "s", "first", 1, "TQQQ", "buy", 133, 50_000_000, ny("10:00"))
        order.state = state  # type: ignore[assignment]  # one of the states of an order
        stage.book.orders["a"] = order
        assert on_quote(stage.book, quote(ny("10:00"))) == []
