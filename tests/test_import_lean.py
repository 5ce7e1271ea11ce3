"""Importing recorded chains: what becomes of good rows. `test_import_lean_refusals.py` has bad rows and files."""

from datetime import date
from pathlib import Path
from struct import pack

import pytest

from flows.tape.reader import Tape
from operators.events import MINUTE_NS, Bar, Chain, Contracts, Quote
from tests.lean_made import (
    CALL,
    DAY,
    OPEN_NS,
    PUT,
    column,
    imported,
    least,
    of_kind,
    options,
    quote,
    rows,
    trade,
    underlying,
)

HALF_DAY = date(2024, 7, 3)
WINTER = date(2024, 1, 3)
WINTER_OPEN_NS = 1_704_292_200_000_000_000
"""2024-01-03 14:30 UTC: 09:30 in New York, 08:30 in Chicago."""


def minutes(events: list[Chain] | list[Quote] | list[Bar]) -> list[int]:
    """When events happened, in minutes after the open."""
    return [(event.event_ns - OPEN_NS) // MINUTE_NS for event in events]


def test_a_minute_becomes_a_quote_a_chain_and_a_bar_after_the_table_of_contracts(tmp_path: Path) -> None:
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000))})
    options(tmp_path, "trade", {CALL: rows(trade(0, "51000,52000,51000,52000,12"))})
    options(tmp_path, "openinterest", {CALL: "23400000,555"})
    underlying(tmp_path, "quote", rows(quote(0, 1804000, 1806000, 300, 200)))
    underlying(tmp_path, "trade", rows(trade(0)))
    name, end_ns = "GOOG240705C00180000", OPEN_NS + MINUTE_NS
    sides, counts = (pack("<d", 5.1), pack("<d", 5.3)), [pack("<f", count) for count in (7, 9, 12, 555)]
    assert imported(tmp_path)[1][:4] == [
        Contracts(1, OPEN_NS, OPEN_NS, "GOOG", (name,), (1,), (180.0,), (date(2024, 7, 5),), (False,)),
        Quote(2, end_ns, end_ns, "GOOG", 180.4, 180.6, 300.0, 200.0),
        Chain(3, end_ns + 1, end_ns, "GOOG", *sides, *counts),
        Bar(4, end_ns + 2, end_ns, "GOOG", 180.0, 181.0, 179.0, 180.5, 900.0),
    ]


def test_the_table_names_what_any_file_names_by_expiry_strike_and_call_first(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "trade", {"put_1800000_20240705": "", "call_1750000_20240712": ""})
    options(tmp_path, "openinterest", {"call_1750000_20240705": "", "put_571100_20240705": ""})
    (table,) = of_kind(imported(tmp_path)[1], Contracts)
    first, later = "GOOG240705", "GOOG240712"
    ends = ("P00057110", "C00175000", "C00180000", "P00180000")
    assert table.symbols == (*(first + end for end in ends), later + "C00175000")
    assert table.strikes == (57.11, 175.0, 180.0, 180.0, 175.0)
    assert table.rights == (-1, 1, 1, -1, 1)


def test_a_quote_stands_each_minute_until_the_next_one(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000), quote(3, 52000, 54000, 1, 2))})
    events = imported(tmp_path)[1]
    assert column(events, "bid")[:5] == [5.1, 5.1, 5.1, 5.2, 5.2]
    assert column(events, "bid_size")[:5] == [7, 7, 7, 1, 1]


def test_each_contract_has_its_own_quote(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {PUT: rows(quote(1, 41000, 43000)), CALL: rows(quote(0, 51000, 53000))})
    events = imported(tmp_path)[1]
    assert column(events, "ask", row=0)[:2] == [5.3, 5.3]
    assert column(events, "ask", row=1)[:2] == [None, 4.3]


def test_an_absent_side_has_no_size_and_is_never_filled_from_an_older_row(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000), quote(1, None, 54000), quote(3, 52000, None))})
    events = imported(tmp_path)[1]
    assert column(events, "bid")[:4] == [5.1, None, None, 5.2]
    assert column(events, "bid_size")[:4] == [7, None, None, 7]
    assert column(events, "ask")[:4] == [5.3, 5.4, 5.4, None]
    assert column(events, "ask_size")[:4] == [9, 9, 9, None]


def test_a_side_without_a_close_is_absent_whatever_else_it_has(tmp_path: Path) -> None:
    least(tmp_path)
    row = "34260000,51000,51000,51000,,7,53000,53000,53000,53000,"
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000), row)})
    events = imported(tmp_path)[1]
    assert (column(events, "bid")[1], column(events, "bid_size")[1]) == (None, None)
    assert (column(events, "ask")[1], column(events, "ask_size")[1]) == (5.3, None)


def test_chains_begin_with_the_first_quote_and_end_with_the_session(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(5, 51000, 53000)), PUT: rows(quote(2, 51000, 53000))})
    chains = of_kind(imported(tmp_path)[1], Chain)
    # The row of minute 2 is known when it ends; 09:30 to 16:00 are 390 minutes.
    assert minutes(chains) == list(range(3, 391))


def test_a_half_day_ends_at_one(tmp_path: Path) -> None:
    least(tmp_path, HALF_DAY)
    report, events = imported(tmp_path, HALF_DAY)
    # 09:30 to 13:00 are 210 minutes; 13:00 in New York is 17:00 UTC.
    assert report.chains == 210
    assert of_kind(events, Chain)[-1].event_ns == OPEN_NS + 24 * 60 * MINUTE_NS + 210 * MINUTE_NS


def test_quotes_outside_the_session_are_left_out_and_counted(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(-1, 1000, 2000), quote(1, 51000, 53000), quote(390, 1000, 2000))})
    underlying(tmp_path, "quote", rows(*(quote(minute, 1804000, 1806000) for minute in (-1, 0, 389, 390, 391))))
    report, events = imported(tmp_path)
    assert minutes(of_kind(events, Quote)) == [1, 390]
    assert set(column(events, "bid")) == {5.1}
    assert report.outside == {"option quotes": 2, "underlying quotes": 3}


def test_volume_is_what_was_traded_today_up_to_the_minutes_end(tmp_path: Path) -> None:
    least(tmp_path)
    prices = "51000,51000,51000,51000"
    lines = [trade(minute, f"{prices},{size}") for minute, size in ((-30, 4), (0, 3), (2, 10), (390, 99))]
    options(tmp_path, "trade", {CALL: rows(*lines), PUT: ""})
    report, events = imported(tmp_path)
    # 4 were traded before the open; 4 + 3, then 7 + 10; what trades after the close is never known in the session.
    assert column(events, "volume", row=0)[:4] == [7, 7, 17, 17]
    assert column(events, "volume", row=0)[-1] == 17
    assert set(column(events, "volume", row=1)) == {0}
    assert report.outside == {"option trades": 1}


def test_open_interest_is_known_from_its_own_time_on(tmp_path: Path) -> None:
    least(tmp_path)
    # 09:31:30 is 34,290,000 ms; of two rows before the open the later one stands.
    options(tmp_path, "openinterest", {CALL: "23400000,500\n23520000,555\n34290000,600\n", PUT: ""})
    events = imported(tmp_path)[1]
    assert column(events, "open_interest", row=0)[:3] == [555, 600, 600]
    assert set(column(events, "open_interest", row=1)) == {None}


def test_an_open_interest_of_nothing_is_a_number(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "openinterest", {CALL: "23400000,0"})
    assert set(column(imported(tmp_path)[1], "open_interest")) == {0}


def test_without_their_files_volume_and_open_interest_have_no_column(tmp_path: Path) -> None:
    chains = of_kind(imported(least(tmp_path))[1], Chain)
    assert {(chain.volume, chain.open_interest) for chain in chains} == {(b"", b"")}


def test_bars_of_any_hour_are_imported(tmp_path: Path) -> None:
    least(tmp_path)
    underlying(tmp_path, "trade", rows(*(trade(minute) for minute in (-330, -1, 0, 390, 869))))
    events = imported(tmp_path)[1]
    # 869 is 23:59, known at midnight.
    assert minutes(of_kind(events, Bar)) == [-329, 0, 1, 391, 870]
    # The bar that ends at the open comes after the table of that moment.
    assert [type(event) for event in events[:3]] == [Bar, Contracts, Bar]


def test_a_quote_without_a_side_stays_without_it(tmp_path: Path) -> None:
    least(tmp_path)
    underlying(tmp_path, "quote", rows(quote(0, None, 1806000)))
    (found,) = of_kind(imported(tmp_path)[1], Quote)
    assert (str(found.bid), str(found.bid_size), found.ask) == ("nan", "nan", 180.6)


def test_in_winter_new_york_opens_an_hour_later_in_utc(tmp_path: Path) -> None:
    (table,) = of_kind(imported(least(tmp_path, WINTER), WINTER)[1], Contracts)
    assert table.event_ns == WINTER_OPEN_NS


@pytest.mark.parametrize("ticker", ["SPX", "spxw"])
def test_the_index_keeps_the_clock_of_chicago_and_plain_points(tmp_path: Path, ticker: str) -> None:
    options(
        tmp_path, "quote", {"call_47000000_20240103": rows(quote(0, 51000, 53000))},
        day=WINTER, name="spxw", style="european", folder="indexoption",
    )  # fmt: skip
    bar = "30600000,4725.07,4729.29,4699.71,4704.81,59"
    underlying(tmp_path, "trade", bar, day=WINTER, name="spx", folder="index")
    underlying(tmp_path, "quote", quote(-60, 4704, 4705), day=WINTER, name="spx", folder="index")
    table, sides, chain, found = imported(tmp_path, WINTER, ticker=ticker)[1][:4]
    end_ns = WINTER_OPEN_NS + MINUTE_NS
    assert isinstance(table, Contracts)
    assert (table.underlying, table.symbols, table.strikes) == ("SPX", ("SPXW240103C04700000",), (4700.0,))
    assert (table.settlement, table.event_ns) == ("cash", WINTER_OPEN_NS)
    assert isinstance(chain, Chain)
    assert (chain.underlying, chain.event_ns, chain.bid) == ("SPX", end_ns, pack("<d", 5.1))
    assert found == Bar(4, end_ns + 2, end_ns, "SPX", 4725.07, 4729.29, 4699.71, 4704.81, 59.0)
    assert sides == Quote(2, end_ns, end_ns, "SPX", 4704.0, 4705.0, 7.0, 9.0)


def test_days_stand_in_their_order_however_they_were_given(tmp_path: Path) -> None:
    for day in (DAY, HALF_DAY):
        least(tmp_path, day)
    report, events = imported(tmp_path, HALF_DAY, DAY)
    days = [event.event_ns for event in of_kind(events, Contracts)]
    assert days == [OPEN_NS, OPEN_NS + 24 * 60 * MINUTE_NS]
    assert (report.sessions, report.contracts, report.chains) == (2, 1, 390 + 210)
    assert Tape(tmp_path / "out.tape").verify().events == report.events == 2 + 600 + 2
