"""Importing recorded chains: rows that are none, archives that cannot be read, entries that contradict their file."""

from datetime import date
from pathlib import Path

import pytest

from flows.tape.lean_files import BadLean
from flows.tape.lean_zips import contracts_in, survey
from flows.tape.reader import Tape
from tests.lean_made import BAR, CALL, PUT, archive, column, imported, least, options, quote, rows, trade, underlying

GOOD_SIDE = "51000,51000,51000,51000,7"
QUOTES = "20240702_quote_american.zip"
STEM = "20240702_goog_minute_quote_american"
BAD_QUOTES = {
    f"34260000,{GOOD_SIDE},51000,51000,51000,51000": "malformed",
    f"34260000,{GOOD_SIDE},{GOOD_SIDE},1": "malformed",
    f"34260001,{GOOD_SIDE},{GOOD_SIDE}": "time_bad",
    f"-60000,{GOOD_SIDE},{GOOD_SIDE}": "time_bad",
    f"86400000,{GOOD_SIDE},{GOOD_SIDE}": "time_bad",
    f",{GOOD_SIDE},{GOOD_SIDE}": "not_finite",
    f"3.426e7,{GOOD_SIDE},{GOOD_SIDE}": "not_finite",
    f"{'9' * 5000},{GOOD_SIDE},{GOOD_SIDE}": "not_finite",
    f"34140000,{GOOD_SIDE},{GOOD_SIDE}": "time_steps_back",
    f"34200000,{GOOD_SIDE},{GOOD_SIDE}": "duplicate",
    f"34260000,0,0,0,0,0,{GOOD_SIDE}": "price_not_positive",
    f"34260000,{GOOD_SIDE},51000,51000,51000,-51000,7": "price_not_positive",
    f"34260000,-1,,,,0,{GOOD_SIDE}": "price_not_positive",
    f"34260000,51000,50999,51000,51000,7,{GOOD_SIDE}": "high_below_low",
    f"34260000,51000,51000,51000,nan,7,{GOOD_SIDE}": "not_finite",
    f"34260000,51000,51000,51000,1e999,7,{GOOD_SIDE}": "not_finite",
    f"34260000,51000,51000,51000,51_000,7,{GOOD_SIDE}": "not_finite",
    f"34260000,51000,51000,51000,\N{ARABIC-INDIC DIGIT FIVE},7,{GOOD_SIDE}": "not_finite",
    f"34260000,51000,51000,51000,5-1,7,{GOOD_SIDE}": "not_finite",
    f"34260000,51000,51000,51000,51000,-7,{GOOD_SIDE}": "count_negative",
    f"34260000,51000,51000,51000,51000,1e999,{GOOD_SIDE}": "not_finite",
    f"34260000,51000,51000,51000,51000,16777217,{GOOD_SIDE}": "count_too_large",
}
BAD_BARS = {
    "34260000,1,1,1,1": "malformed",
    "34260000,,1810000,1790000,1805000,900": "missing",
    "34260000,1800000,1810000,1790000,1805000,": "missing",
    "34260000,1800000,1810000,1790000,0,900": "price_not_positive",
    "34260000,1800000,1790000,1810000,1805000,900": "high_below_low",
    "34260000,1800000,1810000,1790000,1815000,900": "outside_range",
    "34260000,1800000,1810000,1790000,1805000,-1": "volume_negative",
    f"34200000,{BAR}": "duplicate",
}


@pytest.mark.parametrize(("line", "reason"), BAD_QUOTES.items(), ids=range(len(BAD_QUOTES)))
def test_a_row_that_is_no_quote_is_refused_and_the_former_no_longer_stands(
    tmp_path: Path, line: str, reason: str
) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000), line, quote(2, 52000, 54000))})
    report, events = imported(tmp_path)
    assert report.rejected == {reason: 1}
    # From its minute on nothing is known; a line that has no good time of its own is as if it were not there.
    second = None if line.startswith("34260000,") else 5.1
    assert column(events, "bid")[:3] == [5.1, second, 5.2]


@pytest.mark.parametrize(("line", "reason"), BAD_BARS.items(), ids=range(len(BAD_BARS)))
def test_a_row_that_is_no_bar_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    least(tmp_path)
    underlying(tmp_path, "trade", rows(trade(0), line, trade(2)))
    report, _ = imported(tmp_path)
    assert (report.bars, report.rejected) == (2, {reason: 1})


def test_a_row_that_is_no_trade_of_an_option_adds_no_volume(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "trade", {CALL: rows(trade(0), trade(1, "1,1,1,1,1e30"), trade(2, "0,0,0,0,5"), trade(3))})
    report, events = imported(tmp_path)
    assert column(events, "volume")[:4] == [900, 900, 900, 1800]
    assert report.rejected == {"count_too_large": 1, "price_not_positive": 1}


def test_shares_may_be_more_than_a_chain_counts(tmp_path: Path) -> None:
    least(tmp_path)
    underlying(tmp_path, "trade", trade(0, "1800000,1810000,1790000,1805000,20000000"))
    assert imported(tmp_path)[0].rejected == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [("23400000", "malformed"), ("23400000,", "missing"), ("23400000,-1", "count_negative"), ("x,1", "not_finite")],
)
def test_a_row_that_is_no_open_interest_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    least(tmp_path)
    options(tmp_path, "openinterest", {CALL: line})
    report, events = imported(tmp_path)
    assert (report.rejected, set(column(events, "open_interest"))) == ({reason: 1}, {None})


def test_a_refused_row_does_not_move_the_clock(tmp_path: Path) -> None:
    least(tmp_path)
    late = "57540000,0,0,0,0,0,0,0,0,0,0"
    options(tmp_path, "quote", {CALL: rows(late, quote(0, 51000, 53000))})
    assert imported(tmp_path)[0].rejected == {"price_not_positive": 1}


def test_the_first_refused_rows_are_named_and_all_are_counted_on_the_tape(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000), "", *["34260000,2"] * 7)})
    report, _ = imported(tmp_path)
    # The blank line counts as a line and is no row.
    assert report.first_rejected[0] == f"{STEM}_{CALL}.csv line 3 refused (malformed): 2 fields where 11 are expected"
    assert len(report.first_rejected) == 5
    assert Tape(tmp_path / "out.tape").info().rejected == {"malformed": 7}


def test_rows_without_a_quote_in_the_session_are_no_chain(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(-1, 51000, 53000))})
    with pytest.raises(BadLean, match="20240702_quote_american.zip has no quote in the session"):
        imported(tmp_path)
    assert list(tmp_path.glob("*tape*")) == []


def test_rows_without_a_bar_are_no_underlying(tmp_path: Path) -> None:
    least(tmp_path)
    underlying(tmp_path, "trade", "\n")
    with pytest.raises(BadLean, match=r"20240702_trade.zip of GOOG holds no bar"):
        imported(tmp_path)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("readme.txt", "expected 20240702_goog_minute_quote_american_call_STRIKE_EXPIRY.csv"),
        ("20240702_goog_minute_quote_american_call_1800000.csv", "expected"),
        ("20240702_goog_minute_quote_american_straddle_1800000_20240705.csv", "expected"),
        ("20240702_goog_second_quote_american_call_1800000_20240705.csv", "expected"),
        ("20240702_twx_minute_quote_american_call_1800000_20240705.csv", "expected"),
        ("20240701_goog_minute_quote_american_call_1800000_20240705.csv", "expected"),
        ("20240702_goog_minute_trade_american_call_1800000_20240705.csv", "expected"),
        ("20240702_goog_minute_quote_european_call_1800000_20240705.csv", "expected"),
        (f"{STEM}_call_1800000_20240230.csv", "day is out of range"),
        (f"{STEM}_call_1800000_00000705.csv", "year 0 is out of range"),
        (f"{STEM}_call_1800001_20240705.csv", "no OCC name"),
        (f"{STEM}_call_0_20240705.csv", "no OCC name"),
        (f"{STEM}_call_{'9' * 400}_20240705.csv", "expected"),
        (f"{STEM}_call_1800000_20240701.csv", "expired before"),
    ],
)
def test_an_entry_that_is_no_contract_of_its_file_is_named(tmp_path: Path, entry: str, said: str) -> None:
    path = archive(tmp_path / QUOTES, {f"{STEM}_{CALL}.csv": "", entry: ""})
    with pytest.raises(BadLean, match=f"{QUOTES} holds {entry}.* {said}"):
        contracts_in(path, "GOOG")


def test_a_contract_that_stands_twice_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / QUOTES, {f"{STEM}_{CALL}.csv": "", f"{STEM}_call_01800000_20240705.csv": ""})
    with pytest.raises(BadLean, match=f"{QUOTES} holds GOOG240705C00180000 twice"):
        contracts_in(path, "GOOG")


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"20240702_twx_minute_trade.csv": trade(0)},
        {"20240702_goog_minute_trade.csv": trade(0), "20240703_goog_minute_trade.csv": trade(0)},
    ],
    ids=["none", "other", "two"],
)
def test_a_file_of_the_underlying_holds_its_own_minutes_alone(tmp_path: Path, entries: dict[str, str]) -> None:
    least(tmp_path)
    archive(tmp_path / "equity/usa/minute/goog/20240702_trade.zip", entries)
    with pytest.raises(BadLean, match=r"20240702_trade.zip holds .*, expected 20240702_goog_minute_trade.csv alone"):
        imported(tmp_path)


@pytest.mark.parametrize("text", [b"", b"no zip file at all"])
def test_a_file_that_is_no_zip_is_named(tmp_path: Path, text: bytes) -> None:
    least(tmp_path)
    (tmp_path / "option/usa/minute/goog" / QUOTES).write_bytes(text)
    with pytest.raises(BadLean, match=f"{QUOTES} cannot be read as a zip file"):
        imported(tmp_path)


def test_a_bad_checksum_is_named(tmp_path: Path) -> None:
    least(tmp_path)
    path = tmp_path / "option/usa/minute/goog" / QUOTES
    path.write_bytes(path.read_bytes().replace(b"51000", b"51001"))
    with pytest.raises(BadLean, match=f"{QUOTES} cannot be read as a zip file .*CRC"):
        imported(tmp_path)


@pytest.mark.parametrize("packed", [False, True], ids=["stored", "deflated"])
def test_no_damage_to_a_zip_is_more_than_a_named_fault(tmp_path: Path, packed: bool) -> None:
    text = rows(*(quote(minute, 51000, 53000) for minute in range(3)))
    path = archive(tmp_path / QUOTES, {f"{STEM}_{CALL}.csv": text, f"{STEM}_{PUT}.csv": ""}, packed=packed)
    whole, named = path.read_bytes(), 0
    damaged = [whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :] for at in range(len(whole))]
    for data in damaged + [whole[:end] for end in range(len(whole))]:
        path.write_bytes(data)
        try:
            survey(path)
            contracts_in(path, "GOOG")
        except BadLean as fault:
            named += QUOTES in str(fault)
    # Every cut is found; of the changed bytes those in times and attributes mean nothing.
    assert named > len(whole) * 1.5


def test_a_day_before_its_expiry_may_be_the_expiry(tmp_path: Path) -> None:
    path = options(tmp_path, "quote", {"call_1800000_20240702": ""})
    assert [contract.expiry for contract in contracts_in(path, "GOOG")] == [date(2024, 7, 2)]
