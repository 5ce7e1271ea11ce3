"""The catalogue of leveraged funds and the way from a ticker to a family of them."""

from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

import pytest

from operators import catalog, members, sessions
from operators.catalog import DIRECT, GROUPS, LEVERAGED_ETF_CATALOG, SECTOR, Fund, family, funds

TODAY = date(2025, 8, 18)
# Product requirement "Supported instruments": bull, bear, leverage as it states it, except SVXY, which is -0.5.
NAMED_PAIRS = [
    ("TQQQ", "SQQQ", 3.0, -3.0),
    ("SPXL", "SPXS", 3.0, -3.0),
    ("SOXL", "SOXS", 3.0, -3.0),
    ("FNGU", "FNGD", 3.0, -3.0),
    ("TECL", "TECS", 3.0, -3.0),
    ("TNA", "TZA", 3.0, -3.0),
    ("LABU", "LABD", 3.0, -3.0),
    ("FAS", "FAZ", 3.0, -3.0),
    ("NUGT", "DUST", 2.0, -2.0),
    ("BOIL", "KOLD", 2.0, -2.0),
    ("UCO", "SCO", 2.0, -2.0),
    ("UVXY", "SVXY", 1.5, -0.5),
]
# Product rule "Fund".
DOUBLES = [
    ("SSO", "SDS"),
    ("QLD", "QID"),
    ("USD", "SSG"),
    ("ROM", "REW"),
    ("UWM", "TWM"),
    ("UYG", "SKF"),
    ("BIB", "BIS"),
]


def row(ticker: str, day: date = TODAY) -> Fund:
    """The only row of a ticker that is live on a day."""
    (found,) = (fund for fund in LEVERAGED_ETF_CATALOG if fund.ticker == ticker and fund.live(day))
    return found


def tickers(name: str, bullish: bool, day: date = TODAY) -> list[str]:
    """The tickers that a family offers, in order."""
    return [fund.ticker for fund in funds(name, bullish, day)]


class TestCatalogue:
    @pytest.mark.parametrize(("bull", "bear", "up", "down"), NAMED_PAIRS)
    def test_a_pair_of_the_requirement_has_its_leverage_and_sign(
        self, bull: str, bear: str, up: float, down: float
    ) -> None:
        assert (row(bull).leverage, row(bear).leverage) == (up, down)
        assert row(bull).family == row(bear).family

    @pytest.mark.parametrize(("bull", "bear"), DOUBLES)
    def test_a_pair_of_doubles_is_signed(self, bull: str, bear: str) -> None:
        assert (row(bull).leverage, row(bear).leverage) == (2.0, -2.0)
        assert row(bull).family == row(bear).family

    def test_rows_of_one_ticker_do_not_overlap(self) -> None:
        for ticker in {fund.ticker for fund in LEVERAGED_ETF_CATALOG}:
            rows = sorted((fund for fund in LEVERAGED_ETF_CATALOG if fund.ticker == ticker), key=lambda f: f.since)
            assert all(early.until is not None and early.until < late.since for early, late in pairwise(rows))

    def test_a_row_ends_after_it_begins(self) -> None:
        assert all(fund.until is None or fund.since <= fund.until for fund in LEVERAGED_ETF_CATALOG)

    def test_a_ticker_keeps_family_and_side_in_all_its_rows(self) -> None:
        sides = {(fund.ticker, fund.family, fund.leverage > 0) for fund in LEVERAGED_ETF_CATALOG}
        assert len(sides) == len({fund.ticker for fund in LEVERAGED_ETF_CATALOG})

    @pytest.mark.parametrize("name", GROUPS)
    @pytest.mark.parametrize("bullish", [True, False])
    def test_every_family_has_both_sides(self, name: str, bullish: bool) -> None:
        assert tickers(name, bullish)

    def test_since_the_fang_notes_no_session_lacks_a_fund_on_either_side(self) -> None:
        first = date(2018, 1, 22)
        days = [day for n in range(9 * 365) if sessions.session(day := first + timedelta(days=n)) is not None]
        assert all(funds(name, bullish, day) for name in GROUPS for bullish in (True, False) for day in days)

    def test_every_group_is_known_and_used(self) -> None:
        assert {fund.group for fund in LEVERAGED_ETF_CATALOG} == set(get_args(catalog.Group))

    def test_fang_and_technology_belong_to_the_nasdaq_group(self) -> None:
        assert row("FNGU").group == row("TECL").group == row("TQQQ").group == "nasdaq"

    def test_only_the_fang_notes_are_notes(self) -> None:
        assert {f.ticker for f in LEVERAGED_ETF_CATALOG if f.kind == "etn"} == {"FNGU", "FNGA", "FNGB", "FNGD"}

    def test_gold_miners_lost_a_third_of_their_leverage_after_march_2020(self) -> None:
        last, first = date(2020, 3, 31), date(2020, 4, 1)
        assert (row("NUGT", last).leverage, row("NUGT", first).leverage) == (3.0, 2.0)
        assert (row("DUST", last).leverage, row("DUST", first).leverage) == (-3.0, -2.0)

    def test_volatility_funds_lost_leverage_after_27_february_2018(self) -> None:
        last, first = date(2018, 2, 27), date(2018, 2, 28)
        assert (row("UVXY", last).leverage, row("UVXY", first).leverage) == (2.0, 1.5)
        assert (row("SVXY", last).leverage, row("SVXY", first).leverage) == (-1.0, -0.5)


class TestFunds:
    def test_bullish_is_strongest_first(self) -> None:
        assert tickers("nasdaq100", bullish=True) == ["TQQQ", "QLD"]

    def test_bearish_buys_the_inverse_strongest_first(self) -> None:
        assert tickers("nasdaq100", bullish=False) == ["SQQQ", "QID"]
        assert all(fund.leverage < 0 for fund in funds("nasdaq100", False, TODAY))

    def test_a_fund_not_yet_launched_is_not_offered(self) -> None:
        # LABU began on 2015-05-28.
        assert tickers("biotech", bullish=True, day=date(2015, 5, 27)) == ["BIB"]
        assert tickers("biotech", bullish=True, day=date(2015, 5, 28)) == ["LABU", "BIB"]

    def test_a_family_without_a_live_fund_offers_none(self) -> None:
        assert tickers("fang", bullish=True, day=date(2018, 1, 21)) == []

    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            (date(2025, 2, 19), ["FNGU"]),
            (date(2025, 2, 28), ["FNGU", "FNGB"]),
            (date(2025, 3, 3), ["FNGA", "FNGB"]),
            (date(2025, 5, 15), ["FNGB"]),
            (date(2025, 6, 2), ["FNGU"]),
        ],
    )
    def test_the_fang_note_goes_by_the_name_of_the_day(self, day: date, expected: list[str]) -> None:
        assert tickers("fang", bullish=True, day=day) == expected

    def test_an_unknown_family_is_an_error(self) -> None:
        with pytest.raises(KeyError):
            funds("bonds", True, TODAY)


class TestTickerToETFMapping:
    @pytest.mark.parametrize(
        ("ticker", "bull", "bear"),
        [
            ("SPY", "SPXL", "SPXS"),
            ("SPX", "SPXL", "SPXS"),
            ("QQQ", "TQQQ", "SQQQ"),
            ("IWM", "TNA", "TZA"),
            ("SMH", "SOXL", "SOXS"),
            ("SOXX", "SOXL", "SOXS"),
            ("XLK", "TECL", "TECS"),
            ("XLF", "FAS", "FAZ"),
            ("XBI", "LABU", "LABD"),
            ("GDX", "NUGT", "DUST"),
            ("UNG", "BOIL", "KOLD"),
            ("USO", "UCO", "SCO"),
            ("VXX", "UVXY", "SVXY"),
            ("NVDA", "SOXL", "SOXS"),
            ("AMD", "SOXL", "SOXS"),
            ("AAPL", "TECL", "TECS"),
            ("MSFT", "TECL", "TECS"),
            ("META", "FNGU", "FNGD"),
            ("AMZN", "FNGU", "FNGD"),
            ("NFLX", "FNGU", "FNGD"),
            ("GOOGL", "FNGU", "FNGD"),
            ("JPM", "FAS", "FAZ"),
            ("AMGN", "LABU", "LABD"),
            ("TSLA", "TQQQ", "SQQQ"),
            ("XOM", "SPXL", "SPXS"),
        ],
    )
    def test_a_ticker_is_traded_through_this_pair(self, ticker: str, bull: str, bear: str) -> None:
        name = family(ticker, sector_mapping=True)
        assert name is not None
        assert (tickers(name, bullish=True)[0], tickers(name, bullish=False)[0]) == (bull, bear)

    @pytest.mark.parametrize("ticker", ["ZZZZ", "", "nvda", "GME", "TQQQ", "SQQQ", "DIA", "TLT"])
    def test_an_unknown_ticker_maps_to_nothing(self, ticker: str) -> None:
        assert family(ticker, sector_mapping=True) is None
        assert family(ticker, sector_mapping=False) is None

    def test_a_direct_ticker_does_not_ask_for_the_sector_setting(self) -> None:
        assert family("SMH", sector_mapping=False) == "semis"

    def test_without_sectors_a_nasdaq_member_goes_to_the_nasdaq(self) -> None:
        # NVDA is in both indexes; the Nasdaq-100 is asked first.
        assert family("NVDA", sector_mapping=False) == "nasdaq100"

    def test_without_sectors_a_bank_goes_to_the_s_and_p(self) -> None:
        assert family("JPM", sector_mapping=False) == "sp500"

    def test_a_class_share_is_found_as_vendors_write_it(self) -> None:
        assert family("BRK.B", sector_mapping=True) == "sp500"

    def test_every_mapped_family_has_funds(self) -> None:
        assert {*DIRECT.values(), *SECTOR.values(), "nasdaq100", "sp500"} == set(GROUPS)

    def test_every_share_of_a_sector_is_a_member_of_an_index(self) -> None:
        assert set(SECTOR) <= members.NASDAQ_100 | members.SP_500

    def test_no_fund_is_itself_mapped(self) -> None:
        mapped = {*DIRECT, *SECTOR, *members.NASDAQ_100, *members.SP_500}
        assert not mapped & {fund.ticker for fund in LEVERAGED_ETF_CATALOG}


class TestMembers:
    def test_the_indexes_have_their_size(self) -> None:
        assert (len(members.NASDAQ_100), len(members.SP_500)) == (102, 503)

    def test_the_great_names_are_in_both(self) -> None:
        assert {"TSLA", "NVDA", "AAPL"} <= members.NASDAQ_100 & members.SP_500

    def test_a_bank_is_in_the_s_and_p_only(self) -> None:
        assert "JPM" in members.SP_500 - members.NASDAQ_100
