"""Alpaca's quotes, bars and contracts as events: noise, what is absent, what cannot be."""

import datetime as dt
from math import inf, isnan, nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from flows.feeds.alpaca.listing import Listing, listing, volumes, volumes_in
from flows.feeds.alpaca.translating import bar, instant_ns, price, quote
from flows.tape.faults import Refused
from operators import prices
from operators.contracts import counts_of, prices_of
from operators.events import Chain, Quote
from operators.listings import sound
from tests.alpaca_market import CALL, DAY, FRIDAY, PUT, ny

TOLD = {"t": "2026-03-02T15:00:02.000000007Z", "bp": 1.0, "ap": 1.05, "bs": 10, "as": 20}
MINUTE = {"t": "2026-03-02T15:00:00Z", "o": 680.0, "h": 681.0, "l": 679.5, "c": 680.5, "v": 1000}


def row(symbol: str = CALL, **changes: Any) -> dict[str, Any]:
    """A contract as Alpaca tells it."""
    told = {"symbol": symbol, "size": "100", "tradable": True}
    return told | {"open_interest": "510", "open_interest_date": FRIDAY.isoformat()} | changes


def chain(
    found: Listing,
    told: dict[str, Any],
    traded: dict[str, float] | None = None,
    streamed: dict[str, Quote] | None = None,
) -> tuple[Chain | None, int]:
    """A snapshot in the session of 2 March."""
    return found.chain(told, traded or {}, streamed or {}, ny("09:30"))


def listed(*rows: dict[str, Any]) -> Listing:
    return listing("SPY", rows or (row(), row(PUT)), DAY, ny("09:30"))


class TestTimes:
    def test_text_is_read_to_the_nanosecond(self) -> None:
        assert instant_ns("2026-03-02T15:00:02.000000007Z") == ny("10:00:02") + 7
        assert instant_ns("2026-03-02T15:00:02.5Z") == ny("10:00:02.5")
        assert instant_ns("2026-03-02T15:00:02Z") == ny("10:00:02")

    def test_a_streams_time_has_seconds_and_nanoseconds(self) -> None:
        assert instant_ns(SimpleNamespace(seconds=2, nanoseconds=3)) == 2_000_000_003

    @pytest.mark.parametrize("told", ["", "today", "2026-03-02T15:00:02", "2026-03-02T15:00:02.x1Z", None, 7])
    def test_anything_else_is_no_time(self, told: object) -> None:
        with pytest.raises(ValueError, match="is no"):
            instant_ns(told)


class TestPrices:
    @pytest.mark.parametrize("cents", [1, 105, 30, 68_002, 123_456_789])
    def test_noise_leaves_the_float_of_the_tick_itself(self, cents: int) -> None:
        assert price(cents / 100 + 4e-15) == cents / 100
        assert price(cents / 100 * (1.0 + 1e-15)) == cents / 100

    def test_a_price_between_two_ticks_stays_there(self) -> None:
        assert price(680.0051) == 680.0051

    @pytest.mark.parametrize("told", [0, 0.0, -1.0, nan, inf, 1e12, None, "1.05", True])
    def test_what_is_no_price_is_missing(self, told: object) -> None:
        assert isnan(price(told))


class TestQuotes:
    def test_a_quote_has_its_own_time_and_no_place_yet(self) -> None:
        found = quote(CALL, TOLD)
        assert (found.seq, found.at_ns, found.event_ns) == (0, 0, ny("10:00:02") + 7)
        assert (found.symbol, found.bid, found.ask, found.bid_size, found.ask_size) == (CALL, 1.0, 1.05, 10.0, 20.0)

    def test_an_absent_side_is_missing_with_its_size(self) -> None:
        found = quote(CALL, TOLD | {"bp": 0, "bs": 0})
        assert (isnan(found.bid), isnan(found.bid_size), found.ask) == (True, True, 1.05)

    def test_a_crossed_quote_is_passed_on_and_cannot_be_used(self) -> None:
        found = quote(CALL, TOLD | {"bp": 1.10})
        assert (found.bid, found.ask, prices.usable(found)) == (1.10, 1.05, False)


class TestBars:
    def test_a_bar_ends_a_minute_after_the_begin_that_names_it(self) -> None:
        refused = Refused()
        found = bar("SPY", MINUTE, refused)
        assert found is not None
        assert (found.event_ns, found.open, found.close, found.volume) == (ny("10:01"), 680.0, 680.5, 1000.0)
        assert (found.history, refused.counts) == (False, {})

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"h": 679.0}, "high_below_low"),
            ({"c": nan}, "not_finite"),
            ({"v": None}, "missing"),
            ({"o": 0}, "price_not_positive"),
            ({"t": "now"}, "time_bad"),
        ],
    )
    def test_what_is_no_bar_is_left_out_and_counted(self, changes: dict[str, Any], reason: str) -> None:
        refused = Refused()
        assert bar("SPY", MINUTE | changes, refused) is None
        assert refused.counts == {reason: 1}


class TestContracts:
    def test_the_table_is_sound_and_in_the_order_of_symbols(self) -> None:
        table = listed(row(PUT), row()).table
        assert (table.symbols, table.rights, table.strikes) == ((CALL, PUT), (1, -1), (680.0, 680.0))
        assert (table.expiries, table.adjusted, sound(table)) == ((DAY, DAY), (False, False), True)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"symbol": "SPY1260302C00680000"}, "adjusted"),
            ({"symbol": "SPXW260302C00680000"}, "adjusted"),
            ({"size": "150"}, "adjusted"),
            ({"size": None}, "adjusted"),
            ({"symbol": "XOM2_ADJ"}, "unreadable"),
            ({"symbol": None}, "unreadable"),
            ({"tradable": False}, "not_tradable"),
        ],
    )
    def test_what_cannot_be_traded_as_it_looks_is_left_out_and_counted(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        found = listed(row(), row() | changes)
        assert (found.table.symbols, found.left_out) == ((CALL,), {reason: 1})

    # The newest session before Monday 2 March is Friday the 27th, the one before it Thursday the 26th.
    @pytest.mark.parametrize(
        ("day", "expected", "stale"), [("2026-02-27", 510.0, 0), ("2026-02-26", 510.0, 0), ("2026-02-25", None, 1)]
    )
    def test_open_interest_keeps_its_date_and_is_missing_on_the_chain_if_old(
        self, day: str, expected: float | None, stale: int
    ) -> None:
        found = listed(row(open_interest_date=day))
        (interest,) = found.interests
        assert (interest.contracts, interest.day) == (510.0, dt.date.fromisoformat(day))
        made, _ = chain(found, {CALL: {"latestQuote": TOLD}})
        assert made is not None
        (told,) = counts_of(made.open_interest, 1)
        assert (None if isnan(told) else told, found.stale_interests) == (expected, stale)

    @pytest.mark.parametrize(
        "changes",
        [{"open_interest": None}, {"open_interest_date": None}, {"open_interest": "-1"}, {"open_interest_date": "?"}],
    )
    def test_open_interest_without_number_or_date_is_missing(self, changes: dict[str, Any]) -> None:
        found = listed(row(**changes))
        (interest,) = found.interests
        assert (isnan(interest.contracts), interest.day, found.stale_interests) == (True, None, 0)


class TestChains:
    def test_a_streamed_quote_that_is_newer_stands(self) -> None:
        newer = Quote(0, 0, ny("10:00:02") + 8, CALL, 0.9, nan, 3.0, nan)
        older = Quote(0, 0, ny("10:00:02"), PUT, 0.9, 0.95, 3.0, 3.0)
        told = {CALL: {"latestQuote": TOLD}, PUT: {"latestQuote": TOLD}}
        made, _ = chain(listed(), told, streamed={CALL: newer, PUT: older})
        assert made is not None
        assert made.event_ns == ny("10:00:02") + 8
        np.testing.assert_array_equal(prices_of(made.bid, 2), [0.9, 1.0])
        np.testing.assert_array_equal(prices_of(made.ask, 2), [nan, 1.05])
        np.testing.assert_array_equal(counts_of(made.bid_size, 2), [3.0, 10.0])

    def test_a_quote_from_before_the_open_is_missing(self) -> None:
        before = TOLD | {"t": "2026-02-27T20:59:59Z"}
        made, _ = chain(listed(), {CALL: {"latestQuote": TOLD}, PUT: {"latestQuote": before}})
        assert made is not None
        np.testing.assert_array_equal(prices_of(made.bid, 2), [1.0, nan])
        assert chain(listed(), {PUT: {"latestQuote": before}}) == (None, 0)

    def test_a_snapshot_has_the_tables_order_and_the_newest_quotes_time(self) -> None:
        told = {PUT: {"latestQuote": TOLD | {"t": "2026-03-02T15:00:01Z", "ap": 0}}, CALL: {"latestQuote": TOLD}}
        made, strange = chain(listed(), told, {CALL: 7.0})
        assert made is not None
        assert (made.underlying, made.event_ns, strange) == ("SPY", ny("10:00:02") + 7, 0)
        np.testing.assert_array_equal(prices_of(made.ask, 2), [1.05, nan])
        np.testing.assert_array_equal(counts_of(made.bid_size, 2), [10.0, 10.0])
        np.testing.assert_array_equal(counts_of(made.volume, 2), [7.0, nan])
        np.testing.assert_array_equal(counts_of(made.open_interest, 2), [510.0, 510.0])

    def test_a_contract_without_a_quote_is_missing(self) -> None:
        made, _ = chain(listed(), {CALL: {"latestQuote": TOLD}, PUT: {"latestQuote": None}})
        assert made is not None
        np.testing.assert_array_equal(prices_of(made.bid, 2), [1.0, nan])

    def test_symbols_that_are_not_in_the_table_are_counted(self) -> None:
        told = {CALL: {"latestQuote": TOLD}, "SPY1260302C00680000": {"latestQuote": TOLD}, "XOM2_ADJ": None}
        assert chain(listed(), told)[1] == 2

    def test_without_any_quote_there_is_no_chain(self) -> None:
        assert chain(listed(), {CALL: None}) == (None, 0)

    def test_a_contract_that_was_asked_for_and_has_no_bar_of_today_was_not_traded(self) -> None:
        bars = {CALL: [{"t": "2026-02-27T05:00:00Z", "v": 99}, {"t": "2026-03-02T05:00:00Z", "v": 12}]}
        assert volumes([CALL, PUT], bars, DAY) == {CALL: 12.0, PUT: 0.0}

    def test_a_days_bar_within_a_snapshot_is_of_today_or_nothing_was_traded(self) -> None:
        told = {
            CALL: {"dailyBar": {"t": "2026-03-02T05:00:00Z", "v": 12}},
            PUT: {"dailyBar": {"t": "2026-02-27T05:00:00Z", "v": 99}},
            "SPY260302C00681000": {"latestQuote": TOLD},
            "SPY260302C00682000": None,
        }
        assert volumes_in(told, DAY) == {CALL: 12.0, PUT: 0.0}
