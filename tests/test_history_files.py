"""Importing what happened before and beside the market: IV of past sessions, and declared dividends."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.tape.history_files import BadHistory, HistoryReport, import_dividends, import_iv
from flows.tape.reader import Tape
from operators.events import AtmIv, Dividend
from operators.sessions import ns
from tests.commands import complaint, scalp

IV, DIVIDENDS = "date,ticker,iv", "ticker,ex_date,amount,declared"
GOOD_IV, GOOD_DIVIDEND = "2025-04-01,QQQ,0.25", "QQQ,2025-06-23,0.591,2025-06-20"
Import = Callable[..., HistoryReport]


def file(folder: Path, heading: str, *lines: str) -> Path:
    path = folder / "history.csv"
    path.write_text("\n".join((heading, *lines)) + "\n")
    return path


def ivs(folder: Path, *lines: str) -> list[AtmIv]:
    """The events of the tape that these lines become."""
    import_iv(file(folder, IV, *lines), folder / "iv.tape")
    return [event for event in Tape(folder / "iv.tape").events() if isinstance(event, AtmIv)]


def dividends(folder: Path, *lines: str) -> list[Dividend]:
    """The events of the tape that these lines become."""
    import_dividends(file(folder, DIVIDENDS, *lines), folder / "d.tape")
    return [event for event in Tape(folder / "d.tape").events() if isinstance(event, Dividend)]


def utc_ns(text: str) -> int:
    return ns(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_the_iv_of_a_session_is_known_15_minutes_before_its_close(tmp_path: Path) -> None:
    # 16:00 in New York is 20:00 UTC in summer.
    known = utc_ns("2025-04-01T19:45")
    assert ivs(tmp_path, GOOD_IV) == [AtmIv(1, known, known, "QQQ", 0.25)]


def test_on_an_early_close_it_is_known_15_minutes_before_that(tmp_path: Path) -> None:
    # The day after Thanksgiving ends at 13:00, 18:00 UTC in winter.
    assert ivs(tmp_path, "2024-11-29,QQQ,0.25")[0].event_ns == utc_ns("2024-11-29T17:45")


def test_iv_stands_by_day_and_ticker_each_a_nanosecond_later(tmp_path: Path) -> None:
    events = ivs(tmp_path, "2025-04-02,SPY,0.3", "2025-04-02,QQQ,0.2", "2025-04-01,spy,10")
    first, second = utc_ns("2025-04-01T19:45"), utc_ns("2025-04-02T19:45")
    assert events == [
        AtmIv(1, first, first, "SPY", 10.0),
        AtmIv(2, second, second, "QQQ", 0.2),
        AtmIv(3, second + 1, second, "SPY", 0.3),
    ]


def test_a_dividend_is_known_when_the_day_of_its_declaration_is_over(tmp_path: Path) -> None:
    # Midnight in New York is 04:00 UTC in summer.
    known = utc_ns("2025-06-21T04:00")
    assert dividends(tmp_path, GOOD_DIVIDEND) == [Dividend(1, known, known, "QQQ", date(2025, 6, 23), 0.591)]


@pytest.mark.parametrize(
    ("declared", "known"),
    [
        ("2025-03-08", "2025-03-09T05:00"),  # a Saturday; the clock changes two hours after that midnight
        ("2025-03-09", "2025-03-10T04:00"),  # a Sunday
        ("2024-12-24", "2024-12-25T05:00"),  # the day after it is a holiday
    ],
)
def test_a_dividend_may_be_declared_on_any_day(tmp_path: Path, declared: str, known: str) -> None:
    (event,) = dividends(tmp_path, f"QQQ,2025-06-21,0.5,{declared}")
    assert (event.event_ns, event.ex_date) == (utc_ns(known), date(2025, 6, 21))


def test_dividends_stand_by_declaration_and_ticker_each_a_nanosecond_later(tmp_path: Path) -> None:
    events = dividends(tmp_path, "B,2025-07-01,2,2025-06-20", "A,2025-07-02,3,2025-06-20", "C,2025-06-01,1,2025-05-01")
    known = utc_ns("2025-06-21T04:00")
    assert [(event.ticker, event.at_ns - known) for event in events][1:] == [("A", 0), ("B", 1)]
    assert events[0].ticker == "C"


def test_two_dividends_of_one_ex_date_are_two(tmp_path: Path) -> None:
    assert len(dividends(tmp_path, GOOD_DIVIDEND, GOOD_DIVIDEND.replace("0.591", "0.2"))) == 2


def test_the_header_names_the_file_and_claims_nothing_of_a_market(tmp_path: Path) -> None:
    ivs(tmp_path, GOOD_IV, "", "2025-04-02,QQQ,0.25")
    header = Tape(tmp_path / "iv.tape").header
    digest = hashlib.sha256((tmp_path / "history.csv").read_bytes()).hexdigest()
    assert [(source.name, source.rows, source.sha256) for source in header.sources] == [("history.csv", 2, digest)]
    assert (header.cadences, header.marks) == ({}, ())


def test_every_event_is_history(tmp_path: Path) -> None:
    ivs(tmp_path, GOOD_IV, "2025-04-02,QQQ,0.25")
    info = Tape(tmp_path / "iv.tape").verify()
    assert (info.events, info.history_events, info.tickers) == (2, 2, {})


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    import_iv(file(tmp_path, "iv,date,ticker", "0.25,2025-04-01,QQQ"), tmp_path / "turned.tape")
    assert list(Tape(tmp_path / "turned.tape").events()) == ivs(tmp_path, GOOD_IV)


BAD_IV = [
    ("2025-04-05,QQQ,0.25", "2025-04-05 is no session"),
    ("2025-04-18,QQQ,0.25", "2025-04-18 is no session"),
    ("2012-12-31,QQQ,0.25", "2012-12-31 is outside the session table, .*; cut the file to those years"),
    ("04/01/2025,QQQ,0.25", "date is '04/01/2025', expected an ISO date"),
    ("2025-04-02T15:45,QQQ,0.25", "date is '2025-04-02T15:45', expected an ISO date"),
    ("2025-04-02,QQQ,25", "iv is 25, expected a fraction of at most 10: 0.25 for 25 percent"),
    ("2025-04-02,QQQ,10.01", "iv is 10.01, expected a fraction of at most 10"),
    ("2025-04-02,QQQ,0", "iv is 0, expected a finite number above 0"),
    ("2025-04-02,QQQ,-0.2", "iv is -0.2, expected"),
    ("2025-04-02,QQQ,nan", "iv is nan, expected"),
    ("2025-04-02,QQQ,inf", "iv is inf, expected"),
    ("2025-04-02,QQQ,", "iv is '', expected a finite number"),
    ("2025-04-02,QQQ3,0.2", "ticker is 'QQQ3', expected 1 to 6 letters or dots"),
    ("2025-04-02,QQQ", "2 fields where 3 are expected"),
    ("2025-04-01,qqq,0.3", "a second row for QQQ on 2025-04-01"),
]
BAD_DIVIDENDS = [
    ("QQQ,2025-06-23,0.5,2025-06-23", "declared is 2025-06-23, expected a day before the ex_date 2025-06-23"),
    ("QQQ,2025-06-23,0.5,2025-06-24", "declared is 2025-06-24, expected a day before"),
    ("QQQ,2025-06-23,0.5,", "declared is '', expected an ISO date"),
    ("QQQ,soon,0.5,2025-06-20", "ex_date is 'soon', expected an ISO date"),
    ("QQQ,2025-06-23,0,2025-06-20", "amount is 0, expected a finite number above 0"),
    ("QQQ,2025-06-23,$0.5,2025-06-20", "amount is '\\$0.5', expected a finite number above 0"),
    ("QQQ,2013-06-23,0.5,2012-12-30", "2012-12-31 is outside the session table, .*; cut the file to those years"),
    (GOOD_DIVIDEND, "a second row for QQQ of 0.591 declared on 2025-06-20 for 2025-06-23"),
]


@pytest.mark.parametrize(
    ("make", "heading", "good", "line", "match"),
    [(import_iv, IV, GOOD_IV, *bad) for bad in BAD_IV]
    + [(import_dividends, DIVIDENDS, GOOD_DIVIDEND, *bad) for bad in BAD_DIVIDENDS],
)
def test_a_bad_row_is_refused_with_its_line_and_nothing_is_written(
    tmp_path: Path, make: Import, heading: str, good: str, line: str, match: str
) -> None:
    path = file(tmp_path, heading, good, line)
    with pytest.raises(BadHistory, match=f"^history.csv line 3: {match}"):
        make(path, tmp_path / "out.tape")
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_day_of_the_table_may_follow_a_declaration(tmp_path: Path) -> None:
    assert len(dividends(tmp_path, "QQQ,2013-06-23,0.5,2012-12-31")) == 1


@pytest.mark.parametrize("make", [import_iv, import_dividends])
@pytest.mark.parametrize("heading", ["", "ticker,date", IV + ",note", DIVIDENDS + ",note", IV.replace("iv", "IV")])
def test_other_columns_are_refused_listing_those_found(tmp_path: Path, make: Import, heading: str) -> None:
    with pytest.raises(BadHistory, match=f"line 1: columns must be exactly .*; found: {heading.replace(',', ', ')}"):
        make(file(tmp_path, heading), tmp_path / "out.tape")


def test_a_file_with_its_heading_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadHistory, match="history.csv holds no row after its heading"):
        ivs(tmp_path)


def test_the_file_itself_is_not_overwritten(tmp_path: Path) -> None:
    path = file(tmp_path, IV, GOOD_IV)
    with pytest.raises(BadHistory, match="is the file to import"):
        import_iv(path, tmp_path / "." / "history.csv", overwrite=True)
    assert path.read_text().startswith(IV)


def test_import_iv_says_what_it_wrote(tmp_path: Path) -> None:
    path, out = file(tmp_path, IV, "2025-04-02,QQQ,0.2", GOOD_IV, "2025-04-02,AMD,0.5"), tmp_path / "iv.tape"
    said = scalp("import", "iv", path, "--out", out)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"{out}: 3 events of 2025-04-01 to 2025-04-02; at-the-money IV AMD 1, QQQ 2\n"


def test_import_dividends_says_what_it_wrote(tmp_path: Path) -> None:
    path, out = file(tmp_path, DIVIDENDS, GOOD_DIVIDEND), tmp_path / "d.tape"
    said = scalp("import", "dividends", path, "--out", out)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"{out}: 1 events of 2025-06-20 to 2025-06-20; dividends QQQ 1\n"


@pytest.mark.parametrize(("kind", "heading", "good"), [("iv", IV, GOOD_IV), ("dividends", DIVIDENDS, GOOD_DIVIDEND)])
def test_a_tape_is_replaced_only_when_told(tmp_path: Path, kind: str, heading: str, good: str) -> None:
    words = ("import", kind, file(tmp_path, heading, good), "--out", tmp_path / "h.tape")
    assert [scalp(*words).code, scalp(*words).code, scalp(*words, "--overwrite").code] == [0, 2, 0]


@pytest.mark.parametrize("kind", ["iv", "dividends"])
def test_a_bad_file_is_one_line(tmp_path: Path, kind: str) -> None:
    path = file(tmp_path, "a,b", "1,2")
    line = complaint(scalp("import", kind, path, "--out", tmp_path / "h.tape"))
    assert line.startswith("history.csv line 1: columns must be exactly ")


@pytest.mark.parametrize("kind", ["iv", "dividends"])
def test_a_missing_file_is_named(tmp_path: Path, kind: str) -> None:
    assert "none.csv does not exist" in complaint(
        scalp("import", kind, tmp_path / "none.csv", "--out", tmp_path / "h.tape")
    )


def test_info_of_history_tells_its_events_and_its_source_alone(tmp_path: Path) -> None:
    ivs(tmp_path, GOOD_IV, "2025-04-02,QQQ,0.25")
    first, second, third = scalp("tape", "info", tmp_path / "iv.tape").out.splitlines()
    assert first.startswith(f"{tmp_path / 'iv.tape'}: version 1, ")
    assert second == "2 events, 2 of them history, 2025-04-01 15:45 to 2025-04-02 15:45 New York"
    assert third.startswith("from history.csv, 2 rows, SHA-256 ")
