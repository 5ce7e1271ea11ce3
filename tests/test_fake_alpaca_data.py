"""The fake Alpaca's market data over REST as the real clients read it, and its faults."""

import datetime as dt
from typing import Any

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.requests import (
    OptionBarsRequest,
    OptionChainRequest,
    OptionLatestQuoteRequest,
    StockBarsRequest,
    StockLatestQuoteRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.models import OptionContract
from alpaca.trading.requests import GetOptionContractsRequest

from operators.contracts import parse_occ
from tests.alpaca_clients import options, stocks
from tests.alpaca_market import CALL, DAY, PUT, TOMORROW, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)

UNQUOTED = "SPY260302C00675000"


def page(client: TradingClient, token: str | None = None, **words: Any) -> Any:
    asked = GetOptionContractsRequest(underlying_symbols=["SPY"], page_token=token, **words)
    return client.get_option_contracts(asked)


def all_contracts(client: TradingClient, pages: int, **words: Any) -> list[OptionContract]:
    """All contracts, in so many pages at most."""
    found, token = list[OptionContract](), None
    for _ in range(pages):
        answer = page(client, token, **words)
        found += answer.option_contracts
        token = answer.next_page_token
        if token is None:
            return found
    raise AssertionError(f"more than {pages} pages, {len(found)} contracts")


def chain(fake: Alpaca, **words: Any) -> dict[str, Any]:
    return options(fake, raw=True).get_option_chain(OptionChainRequest(underlying_symbol="SPY", **words))


class TestContracts:
    def test_contracts_are_paged_and_each_comes_once(self, client: TradingClient) -> None:
        found = [contract.symbol for contract in all_contracts(client, 3, limit=25)]
        assert (len(found), len(set(found)), found == sorted(found)) == (60, 60, True)

    def test_a_contract_tells_its_terms_and_open_interest_of_the_session_before(self, client: TradingClient) -> None:
        found = {contract.symbol: contract for contract in all_contracts(client, 1)}
        call = found[CALL]
        # The eleventh row of the table: 500 + 10.
        assert (call.strike_price, call.expiration_date, call.size, call.style.value) == (680.0, DAY, "100", "american")
        assert (call.open_interest, call.open_interest_date) == ("510", dt.date(2026, 2, 27))

    def test_contracts_are_chosen_by_expiry_side_and_strike(self, client: TradingClient) -> None:
        asked = {"expiration_date": DAY, "type": "put", "strike_price_gte": "679", "strike_price_lte": "681"}
        assert [one.symbol[-9:] for one in all_contracts(client, 1, **asked)] == ["P00679000", "P00680000", "P00681000"]

    def test_without_an_expiry_contracts_reach_to_the_weekend(self, client: TradingClient, fake: Alpaca) -> None:
        fake.until(ny("16:04"))
        assert {one.expiration_date for one in all_contracts(client, 1)} == {DAY, TOMORROW}

    def test_before_the_first_snapshot_open_interest_is_not_known(self, client: TradingClient, fake: Alpaca) -> None:
        fake.reset()
        assert {contract.open_interest for contract in all_contracts(client, 1)} == {None}

    def test_pages_that_loop_never_end(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "page_loops", "count": 0})
        with pytest.raises(AssertionError, match="more than 9 pages"):
            all_contracts(client, 9, limit=25)

    def test_a_second_page_that_fails(self, client: TradingClient, fake: Alpaca) -> None:
        fake.faults({"kind": "page_fails"})
        first = page(client, limit=25)
        with pytest.raises(APIError) as caught:
            page(client, first.next_page_token, limit=25)
        assert (len(first.option_contracts), caught.value.status_code) == (25, 500)

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("no_open_interest", (None, None)), ("stale_open_interest", ("510", dt.date(2026, 2, 23)))],
    )
    def test_open_interest_may_be_missing_or_old(
        self, client: TradingClient, fake: Alpaca, kind: str, expected: tuple[object, object]
    ) -> None:
        # Five sessions before 2 March: Friday the 27th is the first, Monday the 23rd the fifth.
        fake.faults({"kind": kind})
        (call,) = [one for one in all_contracts(client, 1) if one.symbol == CALL]
        assert (call.open_interest, call.open_interest_date) == expected


class TestChain:
    def test_a_snapshot_has_quote_iv_and_greeks(self, fake: Alpaca) -> None:
        found = options(fake).get_option_chain(OptionChainRequest(underlying_symbol="SPY"))
        call = found[CALL]
        assert len(found) == 60
        assert (call.latest_quote.bid_price, call.latest_quote.ask_price) == (1.0, 1.05)
        assert 0.4 < call.greeks.delta < 0.6
        assert call.greeks.theta < 0.0 < call.implied_volatility

    def test_a_side_that_nobody_quotes_is_zero(self, fake: Alpaca) -> None:
        told = chain(fake)[UNQUOTED]
        assert (told["latestQuote"]["bp"], told["latestQuote"]["ap"], "greeks" in told) == (0.0, 0.0, False)

    def test_a_chain_is_chosen_by_expiry_and_strikes(self, fake: Alpaca) -> None:
        asked = {"expiration_date": TOMORROW, "strike_price_gte": 688.0}
        assert sorted(chain(fake, **asked)) == ["SPY260303C00688000", "SPY260303C00689000"]

    def test_greeks_may_be_missing(self, fake: Alpaca) -> None:
        whole = chain(fake)
        fake.faults({"kind": "missing_greeks"})
        partial = chain(fake)
        counts = [sum("greeks" in told for told in found.values()) for found in (whole, partial)]
        assert (len(partial), counts[0] > 50, 20 < counts[1] < 35) == (60, True, True)

    def test_strange_roots_are_among_the_symbols(self, fake: Alpaca) -> None:
        fake.faults({"kind": "strange_roots"})
        strange = set(chain(fake)) - set(chain(fake))
        assert strange == {"SPY2260302C00670000", "SPY2260302C00671000", "XOM2_ADJ"}
        assert [named.root for symbol in sorted(strange) if (named := parse_occ(symbol)) is not None] == ["SPY2"] * 2

    def test_nan_is_no_json_to_the_client(self, fake: Alpaca) -> None:
        fake.faults({"kind": "nan"})
        with pytest.raises(requests.JSONDecodeError):
            chain(fake)

    def test_prices_may_have_a_floats_noise(self, fake: Alpaca) -> None:
        fake.faults({"kind": "float_noise"})
        told = chain(fake)[CALL]["latestQuote"]
        assert told["ap"] != 1.05
        assert told["ap"] == pytest.approx(1.05)


class TestBarsAndQuotes:
    def test_todays_bar_of_a_contract_has_its_volume(self, fake: Alpaca) -> None:
        asked = OptionBarsRequest(symbol_or_symbols=[CALL, PUT, UNQUOTED], timeframe=TimeFrame.Day)
        found = options(fake).get_option_bars(asked)
        assert {symbol: bars[0].volume for symbol, bars in found.data.items()} == {CALL: 10.0, PUT: 30.0}
        fake.until(ny("10:00:10.5"))
        day = options(fake).get_option_bars(asked)[CALL][0]
        assert (day.open, day.low, day.close) == (1.025, 0.925, 0.925)

    def test_bars_of_a_share_are_history_and_what_has_come(self, fake: Alpaca) -> None:
        asked = StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Minute)
        assert [bar.close for bar in stocks(fake).get_stock_bars(asked)["SPY"]] == [678.57, 678.58, 678.59]
        fake.until(ny("10:01:01"))
        bars = stocks(fake).get_stock_bars(asked)["SPY"]
        assert (bars[-1].close, bars[-1].timestamp) == (680.5, dt.datetime(2026, 3, 2, 15, 0, tzinfo=dt.UTC))

    def test_bars_are_chosen_by_their_begin(self, fake: Alpaca) -> None:
        start, end = (dt.datetime(2026, 2, 27, 20, minute, tzinfo=dt.UTC) for minute in (57, 57))
        asked = StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Minute, start=start, end=end)
        assert [bar.close for bar in stocks(fake).get_stock_bars(asked)["SPY"]] == [678.58]

    def test_the_day_of_a_share_is_made_of_its_minutes(self, fake: Alpaca) -> None:
        asked = StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Day)
        (day,) = stocks(fake).get_stock_bars(asked)["SPY"]
        assert (day.close, day.volume, day.timestamp.date()) == (678.59, 3000.0, dt.date(2026, 2, 27))

    def test_newest_quotes(self, fake: Alpaca) -> None:
        of_shares = stocks(fake).get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["SPY", "TQQQ"]))
        of_options = options(fake).get_option_latest_quote(OptionLatestQuoteRequest(symbol_or_symbols=CALL))
        found = {symbol: quote.ask_price for symbol, quote in (of_shares | of_options).items()}
        assert found == {"SPY": 680.02, "TQQQ": 50.02, CALL: 1.05}
