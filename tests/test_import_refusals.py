"""Importing one-minute bars: rows that are left out, and files that are not imported at all."""

import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from flows.tape.columns import BadBars
from flows.tape.reader import Tape
from tests.bar_files import HEADING, MINUTE, OPEN, PRICES, bars_of, csv, imported, line, minute


def refuse(path: Path, match: str, **options: Any) -> None:
    """Imports a file, which must fail with this message and leave nothing behind."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(BadBars, match=match):
        imported(path, **options)
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        (",2,1,1.5,10", "missing"),
        ("1.5,2,1,1.5,", "missing"),
        ("1.5,nan,1,1.5,10", "not_finite"),
        ("1.5,inf,1,1.5,10", "not_finite"),
        ("1.5,2,1,1.5,-inf", "not_finite"),
        ("1.5,2,1,n.a.,10", "not_finite"),
        ("1.5,2,0,1.5,10", "price_not_positive"),
        ("-1.5,2,1,1.5,10", "price_not_positive"),
        ("1.5,2,1,1.5,-1", "volume_negative"),
        ("1.5,1,2,1.5,10", "high_below_low"),
        ("2.01,2,1,1.5,10", "outside_range"),
        ("1.5,2,1,0.99,10", "outside_range"),
        ("1.5,2,1,1.5", "malformed"),
        ("1.5,2,1,1.5,10,7", "malformed"),
    ],
)
def test_a_bad_row_is_left_out_counted_and_named(tmp_path: Path, prices: str, reason: str) -> None:
    report, events = imported(csv(tmp_path, line(0), line(1, prices), line(2)))
    assert ([bar.event_ns // 60_000_000_000 % 60 for bar in bars_of(events)], report.rejected) == (
        [31, 33],
        {reason: 1},
    )
    assert report.first_rejected[0].startswith(f"TQQQ_1m.csv line 3 refused ({reason}): ")


def test_a_row_without_a_time_is_left_out(tmp_path: Path) -> None:
    assert imported(csv(tmp_path, line(0), f",{PRICES}"))[0].rejected == {"missing": 1}


@pytest.mark.parametrize("prices", ["2.000000001,2,1,1,0", "1,2,1.000000001,1,0", "1,1,1,1,0"])
def test_float_noise_and_zero_volume_are_no_fault(tmp_path: Path, prices: str) -> None:
    assert imported(csv(tmp_path, line(0, prices)))[0].rejected == {}


def test_a_second_row_of_a_time_is_a_duplicate_and_the_first_stands(tmp_path: Path) -> None:
    report, events = imported(csv(tmp_path, line(0, "1,1,1,1,1"), line(0, "2,2,2,2,2")))
    assert ([bar.close for bar in bars_of(events)], report.rejected) == ([1.0], {"duplicate": 1})


def test_a_good_row_stands_in_for_a_bad_one_of_the_same_time(tmp_path: Path) -> None:
    report = imported(csv(tmp_path, line(0, "1,1,1,nan,1"), line(0)))[0]
    assert (report.bars, report.rejected) == (1, {"not_finite": 1})


def test_files_of_one_ticker_that_overlap_give_duplicates_and_the_first_file_stands(tmp_path: Path) -> None:
    first = csv(tmp_path, line(0, "1,1,1,1,1"), line(1), name="SPY_a.csv")
    report, events = imported(first, csv(tmp_path, line(0), line(2), name="SPY_b.csv"))
    assert ([bar.close for bar in bars_of(events)], report.rejected) == ([1.0, 56.44, 56.44], {"duplicate": 1})
    assert report.first_rejected[0].startswith("SPY_b.csv line 2 refused (duplicate)")


def test_five_refused_rows_are_named_and_all_counted(tmp_path: Path) -> None:
    report = imported(csv(tmp_path, *(line(n, "1,1,1,0,1") for n in range(9)), line(9)))[0]
    assert (len(report.first_rejected), report.rejected) == (5, {"price_not_positive": 9})


def test_line_numbers_hold_behind_blank_and_malformed_lines(tmp_path: Path) -> None:
    report = imported(csv(tmp_path, line(0), "", "1,2", line(1), "3", "", line(2, "0,1,1,1,1")))[0]
    lines = [sentence.split(" ")[2] for sentence in report.first_rejected]
    assert (lines, report.rejected) == (["4", "6", "8"], {"malformed": 2, "price_not_positive": 1})


def test_rows_in_wrong_order_are_refused_naming_row_and_times(tmp_path: Path) -> None:
    rows = "line 4 is at 2025-04-01T13:30:00.00:00, earlier than the row before it at 2025-04-01T13:31:00.00:00"
    refuse(csv(tmp_path, line(0), line(1), line(0)), rows.replace(".00:00", r"\+00:00") + ": sort the file by time")


def test_a_file_without_one_good_row_is_refused(tmp_path: Path) -> None:
    refuse(csv(tmp_path, line(0, "1,1,1,0,1")), "no row of TQQQ_1m.csv is a bar")


@pytest.mark.parametrize("lines", [(), ("", ""), ("1,2",)])
def test_a_file_without_rows_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    refuse(csv(tmp_path, *lines), "TQQQ_1m.csv holds no bar")


def test_naive_text_without_a_zone_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, "2025-04-01 09:30,1,1,1,1,1")
    refuse(path, "line 2.*ambiguous zone: give --zone America/New_York or --zone UTC")


def test_naive_timestamps_without_a_zone_are_refused(tmp_path: Path) -> None:
    columns = {name: [1.0] for name in ("open", "high", "low", "close", "volume")}
    stamps = pa.array([OPEN.replace(tzinfo=None)], pa.timestamp("ns"))
    parquet.write_table(pa.table(columns | {"time": stamps}), tmp_path / "SPY.parquet")
    refuse(tmp_path / "SPY.parquet", "SPY.parquet row 1.*ambiguous zone")


@pytest.mark.parametrize(
    ("wall", "what"), [("2025-03-09 02:30", "does not exist"), ("2025-11-02 01:30", "occurs twice")]
)
def test_a_local_time_that_clocks_skip_or_repeat_is_refused(tmp_path: Path, wall: str, what: str) -> None:
    path = csv(tmp_path, "2025-01-02 09:30,1,1,1,1,1", f"{wall},1,1,1,1,1")
    refuse(path, f"line 3.*{wall}:00 {what} in America/New_York", zone="America/New_York")


@pytest.mark.parametrize("text", ["04/01/2025 09:30", "soon", "99:99", "1e400"])
def test_text_that_is_no_time_is_refused_naming_the_row(tmp_path: Path, text: str) -> None:
    refuse(csv(tmp_path, line(0), f"{text},1,1,1,1,1"), "line 3: column timestamp: .* is no time")


def test_dates_without_a_time_of_day_are_refused(tmp_path: Path) -> None:
    columns = {name: [1.0] for name in ("open", "high", "low", "close", "volume")}
    parquet.write_table(pa.table(columns | {"date": pa.array([OPEN.date()])}), tmp_path / "SPY.parquet")
    refuse(tmp_path / "SPY.parquet", "column date: holds date32")


def test_two_time_columns_that_differ_are_refused_naming_the_row(tmp_path: Path) -> None:
    rows = [f"{minute(0)},{line(0)}", f"{minute(2)},{line(1)}"]
    path = csv(tmp_path, *rows, heading=f"ts,{HEADING}")
    refuse(path, "line 3: ts is 2025-04-01T13:32:00.* but timestamp is 2025-04-01T13:31:00")


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no time zone is named 'Mars/Base'"):
        imported(csv(tmp_path, line(0)), zone="Mars/Base")


@pytest.mark.parametrize("minutes", [2, 5, 60, 1440])
def test_bars_of_another_length_are_refused(tmp_path: Path, minutes: int) -> None:
    path = csv(tmp_path, *(line(minutes * number) for number in range(20)))
    refuse(path, f"19 of 19 gaps of {minutes} minutes: give 1-minute bars")


def test_times_between_two_minutes_are_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, f"{(OPEN + MINUTE / 2).isoformat()},1,1,1,1,1")
    refuse(path, "line 2 is at .*13:30:30.*, not on a whole minute")


def test_a_thinly_traded_minute_file_is_no_other_length(tmp_path: Path) -> None:
    gaps = [1, 2, 4, 5, 7, 8, 11, 12, 14, 15, 17, 20, 21, 25]
    assert imported(csv(tmp_path, *map(line, gaps)))[0].bars == len(gaps)


def test_years_outside_the_session_table_are_refused(tmp_path: Path) -> None:
    refuse(csv(tmp_path, "2012-01-03T15:00:00Z,1,1,1,1,1"), "line 2: 2012-01-03 is outside the session table")


@pytest.mark.parametrize(
    ("heading", "match"),
    [
        (
            "timestamp,open,high,low,price,volume",
            "no column for close; found: timestamp, open, high, low, price, volume",
        ),
        ("when,open,high,low,close,volume", "no column for a time .such as timestamp.; found: when"),
        ("timestamp,open,Open,low,close,volume", "two columns for open .open and Open.; found: timestamp, open, Open"),
        ("timestamp,o,high,low,close,Open", "two columns for open .o and Open."),
        ("timestamp;open;high;low;close;volume", "no column for open, high"),
    ],
)
def test_missing_or_double_columns_are_refused_listing_those_found(tmp_path: Path, heading: str, match: str) -> None:
    refuse(csv(tmp_path, line(0), heading=heading), match)


def test_two_symbols_in_one_file_are_refused_naming_both(tmp_path: Path) -> None:
    rows = [f"SPY,{line(0)}", f"QQQ,{line(1)}"]
    refuse(csv(tmp_path, *rows, heading=f"symbol,{HEADING}"), "bars of QQQ and of SPY: split it")


@pytest.mark.parametrize("name", ["1m.csv", "_SPY.csv", "SPYWEEKLY.csv", "SPY1m.csv"])
def test_a_file_name_without_a_ticker_is_refused(tmp_path: Path, name: str) -> None:
    refuse(csv(tmp_path, line(0), name=name), "begins with no ticker .*: give --ticker")


@pytest.mark.parametrize("ticker", ["TOOLONG", "SP Y", "123", ".A"])
def test_a_ticker_that_is_none_is_refused(tmp_path: Path, ticker: str) -> None:
    refuse(csv(tmp_path, line(0)), "expected 1 to 6 letters or dots", ticker=ticker)


def test_one_ticker_for_two_files_is_refused(tmp_path: Path) -> None:
    files = [csv(tmp_path, line(0), name=name) for name in ("A.csv", "B.csv")]
    with pytest.raises(ValueError, match="--ticker SPY was given with 2 files"):
        imported(*files, ticker="SPY")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.csv does not exist"):
        imported(tmp_path / "no.csv")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    refuse(csv(tmp_path, line(0), name="SPY.xlsx"), r"expected .csv, .csv.gz or .parquet")


@pytest.mark.parametrize("name", ["SPY.csv.gz", "SPY.parquet"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"garbage in here" * 9)
    refuse(tmp_path / name, f"{name} cannot be read")


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, *(line(n, day=d) for d in range(20) for n in range(400)), name="SPY.csv.gz")
    path.write_bytes(path.read_bytes()[:-5000])
    refuse(path, "SPY.csv.gz cannot be read")


def test_an_existing_tape_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    path = csv(tmp_path, line(0))
    imported(path)
    with pytest.raises(FileExistsError, match="exists already"):
        imported(path, overwrite=False)
    assert Tape(tmp_path / "out.tape").verify().events == 2


def test_reading_a_tape_needs_no_pyarrow() -> None:
    code = "import sys, flows.tape.reader, flows.tape.writer, flows.tape.signals_file; print('pyarrow' in sys.modules)"
    root = Path(__file__).parents[1]
    assert run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout == "False\n"
