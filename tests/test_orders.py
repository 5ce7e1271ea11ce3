"""Orders: states that only move up, names, the checks before sending, limits on ticks."""

from itertools import product
from typing import get_args

import pytest

from operators import orders, prices
from operators.book import BookState
from operators.codes import Refusal
from operators.config import EngineSettings
from operators.events import SECOND_NS
from operators.intents import Verdict
from operators.orders import Action, LegName, Order, OrderState
from operators.pretrade import pretrade, remember
from tests.builders import quote
from tests.play import started

NOW = 10**18
STATES: tuple[OrderState, ...] = get_args(OrderState)
ENDS = ("cancelled", "rejected", "expired")


def order(state: OrderState = "intent", number: int = 0, sent_ns: int = NOW, limit: int | None = 50_000_000) -> Order:
    """A purchase of 100 TQQQ at 50.00."""
    return Order(f"sc-{number}", "s", "first", 1, "TQQQ", "buy", 100 + number, limit, sent_ns, state)


def book(*sent: Order) -> BookState:
    """A book at NOW with TQQQ at 49.99 to 50.00 that has sent these entries."""
    found = BookState.begun(started(NOW), EngineSettings())
    found.now_ns = NOW
    found.quotes["TQQQ"] = quote(NOW)
    for earlier in sent:
        found.now_ns = earlier.sent_ns
        remember(found, earlier)
    found.now_ns = NOW
    return found


def failed(verdicts: list[Verdict]) -> set[Refusal]:
    """The codes that did not pass."""
    return {verdict.code for verdict in verdicts if not verdict.passed}


class TestStates:
    def test_every_state_has_its_rank(self) -> None:
        assert set(orders.RANK) == set(STATES)

    @pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
    def test_an_order_moves_upwards_or_not_at_all(self, before: OrderState, after: OrderState) -> None:
        moving = order(before)
        moved = orders.advance(moving, after)
        assert moved is (orders.RANK[after] > orders.RANK[before])
        assert moving.state == (after if moved else before)

    def test_the_way_of_an_order_that_is_filled_in_parts_is_legal(self) -> None:
        way: tuple[OrderState, ...] = ("sending", "unknown", "working", "partial", "filled")
        moving = order("intent")
        assert all(orders.advance(moving, state) for state in way)

    @pytest.mark.parametrize("end", ENDS)
    def test_a_fill_after_the_end_is_legal(self, end: OrderState) -> None:
        assert orders.advance(order(end), "filled")

    @pytest.mark.parametrize(("end", "other"), list(product(ENDS, ENDS)))
    def test_an_end_does_not_become_another_end(self, end: OrderState, other: OrderState) -> None:
        assert not orders.advance(order(end), other)

    @pytest.mark.parametrize("state", [*ENDS, "filled"])
    def test_an_order_that_ended_is_not_open(self, state: OrderState) -> None:
        assert not order(state).open

    @pytest.mark.parametrize("state", ["intent", "sending", "unknown", "working", "partial"])
    def test_an_order_that_did_not_end_is_open(self, state: OrderState) -> None:
        assert order(state).open


class TestNames:
    def name(self, **changes: object) -> str:
        """The id of a usual order with some parts changed."""
        parts: dict[str, object] = {"day": "2025-08-18", "book_id": "b", "signal_id": "s", "leg": "fund"}
        parts |= {"action": "first", "attempt": 1}
        return orders.order_id(**(parts | changes))  # type: ignore[arg-type]  # parts of several types

    def test_the_id_is_the_session_and_twenty_hex_digits_of_the_intent(self) -> None:
        # sha256sum of "b|s|fund|first|1", its first 20 digits.
        assert self.name() == "sc-20250818-fa021b6400e20e83876e"

    def test_the_same_intent_has_the_same_id(self) -> None:
        assert self.name() == self.name()

    @pytest.mark.parametrize(
        "change", [{"book_id": "c"}, {"signal_id": "t"}, {"leg": "option"}, {"action": "second"}, {"attempt": 2}]
    )
    def test_another_intent_has_another_id(self, change: dict[str, object]) -> None:
        assert self.name(**change) != self.name()

    def test_actions_and_attempts_of_one_signal_never_share_an_id(self) -> None:
        parts = list(product(get_args(LegName), get_args(Action), range(1, 30)))
        names = {self.name(leg=leg, action=action, attempt=attempt) for leg, action, attempt in parts}
        assert len(names) == len(parts)


class TestPretrade:
    def test_the_collar_passes_at_five_percent_over_the_ask_and_not_a_tick_beyond(self) -> None:
        # 50.00 x 1.05 = 52.50.
        assert failed(pretrade(book(), "TQQQ", 1, 52_500_000)) == set()
        assert failed(pretrade(book(), "TQQQ", 1, 52_510_000)) == {Refusal.COLLAR}

    def test_the_collar_of_a_cheap_fund_is_five_cents(self) -> None:
        # 5 % of 0.50 is 0.025, so 0.55.
        cheap = book()
        cheap.quotes["TQQQ"] = quote(NOW, bid=0.49, ask=0.50)
        assert failed(pretrade(cheap, "TQQQ", 1, 550_000)) == set()
        assert failed(pretrade(cheap, "TQQQ", 1, 560_000)) == {Refusal.COLLAR}

    @pytest.mark.parametrize(("bid", "ask"), [(float("nan"), 50.0), (49.99, float("nan")), (50.0, 50.0)])
    def test_without_a_usable_quote_the_collar_fails(self, bid: float, ask: float) -> None:
        blind = book()
        blind.quotes["TQQQ"] = quote(NOW, bid=bid, ask=ask)
        assert failed(pretrade(blind, "TQQQ", 1, 50_000_000)) == {Refusal.COLLAR}

    def test_a_market_order_has_no_collar(self) -> None:
        codes = {verdict.code for verdict in pretrade(book(), "TQQQ", 1, None)}
        assert codes == {Refusal.RATE}

    def test_the_tenth_order_in_ten_seconds_passes_and_the_eleventh_does_not(self) -> None:
        nine = [order(number=number, sent_ns=NOW - 3 * SECOND_NS) for number in range(9)]
        assert failed(pretrade(book(*nine), "TQQQ", 1, 50_000_000)) == set()
        ten = [*nine, order(number=9, sent_ns=NOW - 3 * SECOND_NS)]
        assert failed(pretrade(book(*ten), "TQQQ", 1, 50_000_000)) == {Refusal.RATE}

    def test_an_order_of_ten_seconds_ago_counts_no_more(self) -> None:
        for age_ns, codes in ((10 * SECOND_NS, set()), (10 * SECOND_NS - 1, {Refusal.RATE})):
            ten = [order(number=number, sent_ns=NOW - age_ns) for number in range(10)]
            assert failed(pretrade(book(*ten), "TQQQ", 1, 50_000_000)) == codes

    def test_an_identical_order_within_two_seconds_is_a_duplicate(self) -> None:
        for age_ns, codes in ((2 * SECOND_NS - 1, {Refusal.DUPLICATE}), (2 * SECOND_NS, set())):
            earlier = book(order(sent_ns=NOW - age_ns))
            assert failed(pretrade(earlier, "TQQQ", 100, 50_000_000)) == codes

    @pytest.mark.parametrize(
        ("symbol", "quantity", "limit"),
        [("SQQQ", 100, 50_000_000), ("TQQQ", 101, 50_000_000), ("TQQQ", 100, 49_990_000)],
    )
    def test_an_order_that_differs_is_no_duplicate(self, symbol: str, quantity: int, limit: int) -> None:
        earlier = book(order(sent_ns=NOW - 1))
        earlier.quotes["SQQQ"] = quote(NOW, "SQQQ")
        assert failed(pretrade(earlier, symbol, quantity, limit)) == set()


class TestLimits:
    @pytest.mark.parametrize(
        ("bid", "ask", "offset", "limit"),
        [
            (49.99, 50.00, 20_000, 50_000_000),  # mid 49.995 + 0.02 = 50.015, the ask is 50.00
            (49.90, 50.00, 20_000, 49_970_000),  # mid 49.95 + 0.02
            (49.91, 50.00, 20_000, 49_980_000),  # mid 49.955 + 0.02 = 49.975, rounded up
            (49.90, 50.00, 0, 49_960_000),  # mid 49.95 + half a tick = 49.955, rounded up
            (49.9001, 49.9999, 20_000, 49_970_000),  # mid 49.95 + 0.02 = 49.97 exactly
            (49.98, 49.985, 20_000, 49_980_000),  # the ask lies between ticks: never above it
            (10.0, 10.001, 20_000, 10_000_000),
        ],
    )
    def test_the_entry_limit_is_rounded_up_and_never_above_the_ask(
        self, bid: float, ask: float, offset: int, limit: int
    ) -> None:
        assert prices.entry_limit(quote(NOW, bid=bid, ask=ask), offset, prices.fund_tick) == limit

    def test_without_an_offset_the_limit_of_a_one_tick_market_is_the_ask_not_the_bid(self) -> None:
        assert prices.entry_limit(quote(NOW), 0, prices.fund_tick) == 50_000_000

    @pytest.mark.parametrize(
        ("bid", "ask", "limit"),
        [
            (49.99, 50.00, 49_990_000),
            (49.999, 50.00, 49_990_000),  # rounded down: a seller may not ask more than the bid
            (49.99, float("nan"), 49_990_000),
            (float("nan"), 50.00, 10_000),  # no bid: one tick
            (0.0, 50.00, 10_000),
            (50.01, 50.00, 10_000),  # crossed: the bid is not believed
        ],
    )
    def test_the_exit_limit_is_the_bid_or_one_tick(self, bid: float, ask: float, limit: int) -> None:
        assert prices.exit_limit(quote(NOW, bid=bid, ask=ask), prices.fund_tick) == limit

    def test_the_exit_limit_without_any_quote_is_one_tick(self) -> None:
        assert prices.exit_limit(None, prices.fund_tick) == 10_000

    def test_half_a_dollar_of_micros_survives_both_ways(self) -> None:
        assert prices.micros_of(prices.decimal(500_001)) == 500_001

    def test_more_than_six_decimal_places_are_refused(self) -> None:
        with pytest.raises(ValueError, match="six decimal places"):
            prices.micros_of(prices.decimal(1) / 10)
