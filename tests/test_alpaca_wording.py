"""What Alpaca's words mean: money, states, symbols and sides, and which of them cannot be taken."""

from typing import Any

import pytest

from flows.brokers.alpaca import wording
from flows.brokers.alpaca.wording import Unreadable
from flows.brokers.port import Held, Unusable
from operators.events import Intent
from tests.alpaca_brokers import buy, sell

CALL = "SPY260302C00680000"
ACCOUNT = {
    "account_number": "PA1",
    "status": "ACTIVE",
    "equity": "100000.125",
    "cash": "50000",
    "buying_power": "200000",
    "options_buying_power": "50000.0000019",
    "options_trading_level": 2,
    "account_blocked": False,
    "trading_blocked": False,
    "trade_suspended_by_user": False,
}
POSITION = {"symbol": "TQQQ", "qty": "50", "side": "long", "avg_entry_price": "50.0266666666666667"}
ORDER = {"id": "o1", "client_order_id": "sc-1", "filled_qty": "0", "symbol": "TQQQ", "side": "buy", "qty": "50"}


class TestMoney:
    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ("50.02", 50_020_000),
            (50.02, 50_020_000),
            ("50.020000000000003", 50_020_000),
            ("0.0000005", 0),  # half a micro-dollar goes to the even one
            ("0.0000015", 2),
            ("-1.5", -1_500_000),
            ("100000000000", 10**17),
        ],
    )
    def test_it_is_the_nearest_micro_dollar(self, told: object, expected: int) -> None:
        assert wording.micros(told) == expected

    @pytest.mark.parametrize("told", [None, "", "NaN", "sNaN", "Infinity", float("nan"), "1e999999", "a", [], {}])
    def test_what_is_no_amount_is_none(self, told: object) -> None:
        with pytest.raises(Unreadable, match="is no number"):
            wording.micros(told)

    @pytest.mark.parametrize(("told", "expected"), [("10", 10), ("10.9", 10), ("-0.5", 0), ("-3", -3), (4.0, 4)])
    def test_units_are_whole(self, told: object, expected: int) -> None:
        assert wording.units(told) == expected


class TestOrder:
    @pytest.mark.parametrize(
        ("intent", "expected"),
        [
            (buy("a", 1, 50_020_000), "50.02"),
            (buy("a", 1, 50_029_999), "50.02"),
            (sell("a", 1, 50_020_001), "50.03"),
            (buy("a", 1, 512_345), "0.5123"),
            (buy("a", 1, 512_345, CALL), "0.51"),
            (sell("a", 1, 512_345, CALL), "0.52"),
            (buy("a", 1, 5_000_000_000), "5000"),
        ],
    )
    def test_a_limit_is_exact_and_between_two_steps_on_the_side_that_costs_nothing(
        self, intent: Intent, expected: str
    ) -> None:
        assert float(wording.order(intent)["limit_price"]) == float(expected)
        assert "e" not in wording.order(intent)["limit_price"].lower()

    def test_it_is_for_the_day_in_whole_units_under_its_name(self) -> None:
        body = wording.order(buy("sc-1", 50, 49_950_000))
        assert (body["time_in_force"], body["qty"], body["client_order_id"]) == ("day", "50", "sc-1")
        assert "position_intent" not in body


class TestSymbols:
    @pytest.mark.parametrize("symbol", ["TQQQ", "BRK.B", CALL, "SPY1260302C00680000"])
    def test_they_are_the_tapes(self, symbol: str) -> None:
        assert (wording.ours(wording.theirs(symbol)), wording.ours(symbol)) == (symbol, symbol)

    def test_a_padded_option_loses_its_blanks(self) -> None:
        assert wording.ours("SPY   260302C00680000") == CALL


class TestAccount:
    def test_what_may_be_spent_is_the_least_and_rounded_down(self) -> None:
        account = wording.account(ACCOUNT)
        assert (account.power_micros, account.equity_micros) == (50_000_000_001, 100_000_125_000)

    @pytest.mark.parametrize("changes", [{"options_buying_power": None}, {"options_trading_level": 0}])
    def test_without_options_it_is_the_buying_power(self, changes: dict[str, Any]) -> None:
        assert wording.account(ACCOUNT | changes).power_micros == 200_000_000_000

    @pytest.mark.parametrize(
        "changes",
        [
            {"account_blocked": True},
            {"trading_blocked": True},
            {"trade_suspended_by_user": True},
            {"status": "ACCOUNT_CLOSED"},
            {"status": None},
        ],
    )
    def test_one_that_may_not_trade_is_unusable(self, changes: dict[str, Any]) -> None:
        with pytest.raises(Unusable, match="may not trade"):
            wording.account(ACCOUNT | changes)

    @pytest.mark.parametrize("name", ["account_number", "equity", "cash", "buying_power"])
    def test_one_without_number_or_money_is_none(self, name: str) -> None:
        with pytest.raises(Unreadable):
            wording.account(ACCOUNT | {name: None})


class TestPositions:
    def test_the_average_is_the_nearest_micro_dollar(self) -> None:
        assert wording.held(POSITION) == Held("TQQQ", 50, 50_026_667)

    @pytest.mark.parametrize("quantity", ["-50", "50"])
    def test_a_short_one_is_negative(self, quantity: str) -> None:
        assert wording.held(POSITION | {"qty": quantity, "side": "short"}).quantity == -50


class TestStates:
    def test_a_new_order_has_no_reason(self) -> None:
        assert wording.answer(ORDER | {"status": "new"}).reason == ""

    def test_one_that_a_person_replaced_is_cancelled_and_says_so(self) -> None:
        answer = wording.answer(ORDER | {"status": "replaced"})
        assert (answer.state, answer.reason) == ("cancelled", "its status at Alpaca is replaced")

    @pytest.mark.parametrize("name", ["id", "client_order_id", "status", "filled_qty"])
    def test_one_without_a_name_a_status_or_a_count_is_none(self, name: str) -> None:
        with pytest.raises(Unreadable):
            wording.answer(ORDER | {"status": "new"} | {name: None})

    @pytest.mark.parametrize("told", [None, [], "order", 1])
    def test_what_is_no_order_is_none(self, told: object) -> None:
        with pytest.raises(Unreadable, match="instead of an object"):
            wording.placed(told)

    @pytest.mark.parametrize(("told", "side"), [("buy", "buy"), ("sell", "sell"), ("sell_short", "sell")])
    def test_a_short_sale_is_a_sale(self, told: str, side: str) -> None:
        assert wording.placed(ORDER | {"status": "new", "side": told}).side == side

    @pytest.mark.parametrize("others", [{"qty": None, "notional": "50"}, {"symbol": "", "side": None}])
    def test_an_order_of_others_may_lack_count_or_symbol(self, others: dict[str, Any]) -> None:
        found = wording.placed(ORDER | {"status": "new", "client_order_id": "by-hand"} | others)
        told = ORDER | others
        assert (found.symbol, found.quantity) == (told["symbol"], 0 if told["qty"] is None else 50)
        with pytest.raises(Unreadable):
            wording.placed(ORDER | {"status": "new"} | others)

    def test_another_side_is_none(self) -> None:
        with pytest.raises(Unreadable, match="expected buy or sell"):
            wording.placed(ORDER | {"status": "new", "side": "both"})
