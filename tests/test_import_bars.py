"""Importing one-minute bars: what becomes of good rows. `test_import_refusals.py` has the bad ones."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from flows.tape.bars import import_bars, modelled_sides
from flows.tape.reader import Tape
from operators.events import MINUTE_NS, Bar, Quote
from tests.bar_files import HEADING, OPEN, bars_of, csv, imported, line, minute, quotes_of

OPEN_NS = int(OPEN.timestamp()) * 1_000_000_000
TABLE = {"open": [56.5], "high": [56.75], "low": [56.25], "close": [56.44], "volume": [1005.0]}


def table(folder: Path, **columns: object) -> Path:
    """A Parquet file of one bar, with these columns added or changed."""
    path = folder / "TQQQ.parquet"
    parquet.write_table(pa.table(TABLE | columns), path)
    return path


def only_time(path: Path, **options: Any) -> datetime:
    """When the only bar of a file started."""
    (bar,) = bars_of(imported(path, **options)[1])
    return datetime.fromtimestamp((bar.event_ns - MINUTE_NS) // 1_000_000_000, UTC)


def test_a_row_becomes_a_quote_and_a_bar_known_at_its_close(tmp_path: Path) -> None:
    close = OPEN_NS + MINUTE_NS
    # 1 bp of 56.44 is 0.56 cents, so the spread is its least, one cent; 10 % of 1,005 shares is 100.5, floored.
    assert imported(csv(tmp_path, line(0)))[1] == [
        Quote(1, close, close, "TQQQ", 56.43, 56.44, 100.0, 100.0),
        Bar(2, close + 1, close, "TQQQ", 56.5, 56.75, 56.25, 56.44, 1005.0),
    ]


def test_a_row_stamped_with_its_close_is_known_then(tmp_path: Path) -> None:
    events = imported(csv(tmp_path, line(1)), stamp="close")[1]
    assert [event.event_ns for event in events] == [OPEN_NS + MINUTE_NS] * 2


def test_files_stand_on_one_time_line_quotes_before_bars_then_by_symbol(tmp_path: Path) -> None:
    files = [csv(tmp_path, line(0), line(1), name=f"{name}.csv") for name in ("TQQQ", "SQQQ")]
    events = [event for event in imported(*files)[1] if isinstance(event, Bar | Quote)]
    names = [(type(event).__name__, event.symbol if isinstance(event, Quote) else event.ticker) for event in events]
    assert names == [("Quote", "SQQQ"), ("Quote", "TQQQ"), ("Bar", "SQQQ"), ("Bar", "TQQQ")] * 2
    close = OPEN_NS + MINUTE_NS
    assert [event.at_ns for event in events] == [c + i for c in (close, close + MINUTE_NS) for i in range(4)]


def test_bars_outside_regular_hours_and_on_closed_days_have_no_quote(tmp_path: Path) -> None:
    # 390 is 16:00, the closing auction; day 4 is a Saturday.
    events = imported(csv(tmp_path, line(-1), line(0), line(389), line(390), line(0, day=4)))[1]
    assert len(bars_of(events)) == 5
    assert [(quote.event_ns - OPEN_NS) // MINUTE_NS for quote in quotes_of(events)] == [1, 390]


def test_the_afternoon_of_a_half_day_has_no_quote(tmp_path: Path) -> None:
    lines = ("2025-07-03T16:59:00Z,1,1,1,1,1", "2025-07-03T17:00:00Z,1,1,1,1,1")
    report = imported(csv(tmp_path, *lines))[0]
    assert (report.bars, report.quotes) == (2, 1)


@pytest.mark.parametrize(("history", "expected"), [(0, 0), (1, 3), (2, 6), (3, 8), (9, 8)])
def test_history_is_the_first_sessions_with_all_their_rows(tmp_path: Path, history: int, expected: int) -> None:
    # Days 0 to 2 with a row before the open, one inside (and after hours on the first two).
    rows = [line(number, day=day) for day in range(3) for number in (-60, 0, 400)][:-1]
    report, events = imported(csv(tmp_path, *rows), history=history)
    assert [bar.history for bar in bars_of(events)] == [True] * expected + [False] * (8 - expected)
    assert (report.history_bars, report.sessions) == (expected, 3)


def test_history_has_no_quote(tmp_path: Path) -> None:
    assert imported(csv(tmp_path, line(0)), history=1)[0].quotes == 0


@pytest.mark.parametrize(
    ("close", "sides"),
    [
        (56.44, (56.43, 56.44)),
        (14.505, (14.50, 14.51)),
        (0.29, (0.28, 0.29)),
        (0.0101, (0.01, 0.02)),
        (0.005, None),
        (149.99, (149.98, 149.99)),  # 1 bp is 1.4999 cents
        (150.0, (149.98, 150.0)),  # 1 bp is 1.5 cents, rounded half up
        (570.4401, (570.39, 570.45)),  # 1 bp is 5.7 cents, rounded to 6
    ],
)
def test_modelled_sides_are_whole_cents_around_the_close(close: float, sides: tuple[float, float] | None) -> None:
    assert modelled_sides(close) == sides


def test_every_price_in_whole_cents_is_its_own_ask() -> None:
    sides = [modelled_sides(cents / 100) for cents in range(2, 100_000)]
    assert [round(side[1] * 100) for side in sides if side] == list(range(2, 100_000))


def test_gzip_gives_the_same_events_as_plain_text(tmp_path: Path) -> None:
    plain = imported(csv(tmp_path, line(0), line(1)))[1]
    assert imported(csv(tmp_path, line(0), line(1), name="TQQQ.csv.gz"))[1] == plain


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_timestamps_with_a_zone_are_instants(tmp_path: Path, unit: str) -> None:
    values = pa.array([OPEN], pa.timestamp(unit, "America/New_York"))
    assert only_time(table(tmp_path, time=values)) == OPEN


def test_naive_parquet_timestamps_are_read_in_the_given_zone(tmp_path: Path) -> None:
    values = pa.array([OPEN.replace(hour=9, tzinfo=None)], pa.timestamp("us"))
    assert only_time(table(tmp_path, time=values), zone="America/New_York") == OPEN


def test_32_bit_prices_keep_their_digits(tmp_path: Path) -> None:
    path = table(tmp_path, close=pa.array([56.44], pa.float32()), t=[OPEN_NS])
    assert bars_of(imported(path)[1])[0].close == 56.44


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("kind", [int, float, str])
def test_an_epoch_has_the_unit_of_its_magnitude(tmp_path: Path, factor: int, kind: type) -> None:
    assert only_time(table(tmp_path, ts=[kind(OPEN_NS // 10**9 * factor)])) == OPEN


@pytest.mark.parametrize("text", ["2025-04-01 09:30:00-04:00", "2025-04-01T13:30:00+00:00", "20250401T133000Z"])
def test_iso_text_with_an_offset_is_an_instant(tmp_path: Path, text: str) -> None:
    assert only_time(csv(tmp_path, f"{text},1,1,1,1,1"), zone="Asia/Tokyo") == OPEN


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 13), ("America/New_York", 9), ("Europe/Berlin", 15)])
def test_naive_text_is_read_in_the_given_zone(tmp_path: Path, zone: str, hour: int) -> None:
    assert only_time(csv(tmp_path, f"2025-04-01 {hour:02}:30,1,1,1,1,1"), zone=zone) == OPEN


def test_columns_are_found_by_short_names_in_any_case_and_order(tmp_path: Path) -> None:
    path = csv(tmp_path, f"1005,x,56.44,56.25,56.75,56.5,{minute(0)}", heading="V,other,C,L,H,O,Ts_Utc")
    bar = bars_of(imported(path)[1])[0]
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (56.5, 56.75, 56.25, 56.44, 1005.0)


def test_two_time_columns_that_agree_are_one(tmp_path: Path) -> None:
    path = csv(tmp_path, f"{OPEN_NS // 10**9},{line(0)}", heading=f"ts_nyt_epoch,{HEADING}")
    assert only_time(path) == OPEN


@pytest.mark.parametrize(
    ("name", "ticker"),
    [("SPY_1m.csv.gz", "SPY"), ("nvda-1min.csv", "NVDA"), ("QQQ.csv.gz", "QQQ"), ("SPY_2024-02-20_x.csv", "SPY")],
)
def test_the_ticker_is_what_the_file_name_begins_with(tmp_path: Path, name: str, ticker: str) -> None:
    assert imported(csv(tmp_path, line(0), name=name))[0].tickers == {ticker: 1}


def test_a_symbol_column_goes_before_the_file_name(tmp_path: Path) -> None:
    path = csv(tmp_path, f"brk.b,{line(0)}", heading=f"Symbol,{HEADING}")
    assert imported(path)[0].tickers == {"BRK.B": 1}


def test_the_ticker_given_goes_before_everything(tmp_path: Path) -> None:
    path = csv(tmp_path, f"NVDA,{line(0)}", heading=f"symbol,{HEADING}")
    assert imported(path, ticker="spy")[0].tickers == {"SPY": 1}


def test_the_tape_is_marked_modelled_and_names_its_sources_without_folder(tmp_path: Path) -> None:
    imported(csv(tmp_path, line(0), line(1, "1,1,1,1,nan")))
    info = Tape(tmp_path / "out.tape").verify()
    assert (info.marks, info.cadences) == (("MODELLED",), {"bar": 60.0, "quote": 60.0})
    assert [(source.name, source.rows) for source in info.sources] == [("TQQQ_1m.csv", 2)]
    assert info.rejected == {"not_finite": 1}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        imported(csv(tmp_path / name, line(0), line(1)))
        digests.add(Tape(tmp_path / name / "out.tape").sha256())
    assert len(digests) == 1


def test_progress_is_told_the_rows_read(tmp_path: Path) -> None:
    told: list[int] = []
    imported(csv(tmp_path, *(line(n, day=d) for d in range(28) for n in range(400))), progress=told.append)
    assert told == [10_000, 11_200]


def test_a_byte_order_mark_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    report = imported(csv(tmp_path, line(0), "", line(1), "", heading="\ufeff" + HEADING))[0]
    assert (report.bars, report.rejected) == (2, {})


REAL = {  # rows of each file, none of them refused
    "bars_1m_2025/FAS.csv.gz": 31_180,
    "bars_1m_2025/QQQ.csv.gz": 4_517,
    "bars_1m_2025/SPY.csv.gz": 36_661,
    "bars_1m_2025/SQQQ.csv.gz": 39_312,
    "bars_1m_2025/TNA.csv.gz": 39_308,
    "bars_1m_2025/TQQQ.csv.gz": 39_312,
    "bars_1m_2025/TZA.csv.gz": 39_229,
    "bars_1m_2025/UVXY.csv.gz": 39_289,
    "bars_1m_ext/SPY_2024-02-20_2024-03-28.csv.gz": 22_082,
    "bars_1m_spy_2024/SPY_1m.csv.gz": 102_236,
    "bars_1m_windows/NVDA_1min.csv.gz": 20_000,
    "bars_1m_windows/QQQ_1min.csv.gz": 20_000,
    "bars_1m_windows/SPY_1min.csv.gz": 20_000,
    "bars_1m_windows/TSLA_1min.csv.gz": 20_000,
}


@pytest.mark.parametrize("name", REAL)
def test_each_recorded_file_is_imported_whole(shared_data: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.tape"
    report = import_bars([shared_data / name], out, ticker=None)
    ticker = Path(name).name.split(".")[0].split("_")[0]
    assert (report.tickers, report.rejected) == ({ticker: REAL[name]}, {})
    assert Tape(out).verify().events == report.bars + report.quotes


def test_three_recorded_files_make_one_tape_with_a_history_of_four_sessions(shared_data: Path, tmp_path: Path) -> None:
    files = [shared_data / "bars_1m_2025" / f"{name}.csv.gz" for name in ("QQQ", "TQQQ", "SQQQ")]
    report = import_bars(files, tmp_path / "out.tape", ticker=None)
    # Two funds with 391 rows (closing auction included) on each of four days; QQQ begins in August.
    assert (report.sessions, report.history_bars) == (101, 4 * 2 * 391)
