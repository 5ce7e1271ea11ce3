"""Importing recorded chains: which files are looked for, what is said of them, and the command."""

import hashlib
from datetime import date
from pathlib import Path
from shutil import copytree

import pytest

from flows.tape.frames import Source
from flows.tape.lean import import_lean
from flows.tape.lean_files import BadLean
from flows.tape.reader import Tape
from operators.events import Bar, Chain
from tests.commands import complaint, scalp
from tests.lean_made import CALL, DAY, PUT, imported, least, of_kind, options, quote, rows, trade, underlying

NEXT = date(2024, 7, 3)


@pytest.mark.parametrize(("style", "ending"), [("european", ".zip"), ("american", ".zip.zip")])
def test_other_names_of_a_file_are_found(tmp_path: Path, style: str, ending: str) -> None:
    underlying(tmp_path, "trade", rows(trade(0)))
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000))}, style=style, ending=ending)
    assert imported(tmp_path)[0].chains == 390


@pytest.mark.parametrize(("style", "ending"), [("european", ".zip"), ("american", ".zip.zip")])
def test_a_file_under_two_names_is_not_chosen_from(tmp_path: Path, style: str, ending: str) -> None:
    least(tmp_path)
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000))}, style=style, ending=ending)
    with pytest.raises(BadLean, match=f"2024-07-02 has its option quotes twice: .* 20240702_quote_{style}{ending}"):
        imported(tmp_path)


def test_without_option_quotes_nothing_is_written(tmp_path: Path) -> None:
    least(tmp_path)
    looked_for = tmp_path / "option/usa/minute/goog/20240703_quote_american.zip"
    with pytest.raises(BadLean, match=f"2024-07-03 has no option quotes: looked for {looked_for}"):
        imported(tmp_path, DAY, NEXT)
    assert list(tmp_path.glob("*tape*")) == []


def test_without_underlying_trades_nothing_is_written(tmp_path: Path) -> None:
    options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000))})
    looked_for = tmp_path / "equity/usa/minute/goog/20240702_trade.zip"
    with pytest.raises(BadLean, match=f"2024-07-02 has no underlying trades: looked for {looked_for}"):
        imported(tmp_path)
    assert list(tmp_path.glob("*tape*")) == []


def test_what_else_is_missing_is_named_by_date(tmp_path: Path) -> None:
    for day in (DAY, NEXT):
        least(tmp_path, day)
    options(tmp_path, "trade", {CALL: ""})
    options(tmp_path, "openinterest", {CALL: ""}, day=NEXT)
    underlying(tmp_path, "quote", rows(quote(0, 1804000, 1806000)), day=NEXT)
    missing = [sentence.partition(":")[0] for sentence in imported(tmp_path, DAY, NEXT)[0].missing]
    assert missing == [
        "2024-07-02 has no open interest",
        "2024-07-02 has no underlying quotes",
        "2024-07-03 has no option trades",
    ]


def test_quotes_have_a_cadence_only_where_there_are_some(tmp_path: Path) -> None:
    least(tmp_path)
    imported(tmp_path)
    assert Tape(tmp_path / "out.tape").header.cadences == {"bar": 60.0, "chain": 60.0}
    underlying(tmp_path, "quote", rows(quote(0, 1804000, 1806000)))
    imported(tmp_path)
    assert Tape(tmp_path / "out.tape").header.cadences == {"bar": 60.0, "chain": 60.0, "quote": 60.0}


def test_the_tape_is_not_marked_and_names_every_file_that_was_read(tmp_path: Path) -> None:
    path = options(tmp_path, "quote", {CALL: rows(quote(0, 51000, 53000), "", "1"), PUT: rows(quote(1, 1000, 2000))})
    bars = underlying(tmp_path, "trade", rows(trade(0), trade(1)))
    imported(tmp_path)
    header = Tape(tmp_path / "out.tape").header
    assert header.marks == ()
    # Two rows and one that is refused; the blank line is none.
    assert header.sources == (
        Source("20240702_quote_american.zip", 3, hashlib.sha256(path.read_bytes()).hexdigest()),
        Source("20240702_trade.zip", 2, hashlib.sha256(bars.read_bytes()).hexdigest()),
    )


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    least(tmp_path / "one")
    copytree(tmp_path / "one", tmp_path / "two")
    digests = set()
    for name in ("one", "two"):
        imported(tmp_path / name)
        digests.add(Tape(tmp_path / name / "out.tape").sha256())
    assert len(digests) == 1


def test_the_events_are_counted_by_kind(tmp_path: Path) -> None:
    least(tmp_path)
    options(tmp_path, "openinterest", {PUT: ""})
    underlying(tmp_path, "quote", rows(*(quote(minute, 1804000, 1806000) for minute in range(3))))
    report, events = imported(tmp_path)
    assert (report.ticker, report.sessions, report.contracts) == ("GOOG", 1, 2)
    assert (report.chains, report.bars, report.quotes) == (390, 1, 3)
    assert report.events == len(events) == 1 + 390 + 1 + 3
    assert (report.outside, report.rejected, report.first_rejected) == ({}, {}, ())


def test_progress_is_told_the_events_after_each_day(tmp_path: Path) -> None:
    for day in (DAY, NEXT):
        least(tmp_path, day)
    told: list[int] = []
    imported(tmp_path, DAY, NEXT, progress=told.append)
    # A table, the chains of a whole and of half a day, a bar.
    assert told == [392, 392 + 212]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ((), "no date was given"),
        ((NEXT, DAY, NEXT), "2024-07-03 was given twice"),
        ((date(2024, 7, 4),), "2024-07-04 is no session"),
        ((date(2024, 7, 6),), "2024-07-06 is no session"),
        ((date(1999, 7, 6),), "1999-07-06 cannot be imported: .* outside the session table"),
    ],
)
def test_dates_that_cannot_be_imported_are_named(tmp_path: Path, days: tuple[date, ...], said: str) -> None:
    with pytest.raises(BadLean, match=said):
        import_lean(tmp_path, "GOOG", days, tmp_path / "out.tape")


@pytest.mark.parametrize("ticker", ["", "BRK.B", "../goog", "TOOLONG", "ГАЗП"])
def test_a_ticker_that_can_have_no_options_is_named(tmp_path: Path, ticker: str) -> None:
    with pytest.raises(BadLean, match="ticker is"):
        import_lean(tmp_path, ticker, [DAY], tmp_path / "out.tape")


def test_an_existing_tape_is_replaced_only_when_told(tmp_path: Path) -> None:
    least(tmp_path)
    imported(tmp_path)
    with pytest.raises(FileExistsError):
        imported(tmp_path, overwrite=False)


def test_a_file_to_import_is_never_overwritten(tmp_path: Path) -> None:
    least(tmp_path)
    bars = tmp_path / "equity/usa/minute/goog/20240702_trade.zip"
    with pytest.raises(BadLean, match="is one of the files to import"):
        import_lean(tmp_path, "GOOG", [DAY], bars, overwrite=True)


def test_the_command_says_what_it_wrote_and_what_is_missing(tmp_path: Path) -> None:
    least(tmp_path)
    bad = rows(quote(0, 51000, 53000), "34260000,2", quote(390, 51000, 53000))
    options(tmp_path, "quote", {CALL: bad})
    underlying(tmp_path, "quote", rows(quote(0, 1804000, 1806000)))
    out = tmp_path / "new.tape"
    said = scalp("import", "lean", tmp_path, "--ticker", "goog", "--date", "2024-07-02", "--out", out)
    assert said.code == 0
    assert said.out == f"{out}: 393 events over 1 sessions; 1 contracts, 390 chains, 1 bars and 1 quotes of GOOG\n"
    lines = [line.removeprefix("scalp: warning: ") for line in said.err.splitlines()]
    assert [line.partition(":")[0] for line in lines[:2]] == [
        "2024-07-02 has no option trades",
        "2024-07-02 has no open interest",
    ]
    assert lines[2].endswith("line 2 refused (malformed): 2 fields where 11 are expected")
    assert lines[3:] == ["rows refused: 1 malformed", "rows outside the session left out: 1 option quotes"]


def test_the_command_takes_several_dates(tmp_path: Path) -> None:
    for day in (DAY, NEXT):
        least(tmp_path, day)
    words = ("--date", "2024-07-03", "--date", "2024-07-02", "--ticker", "GOOG", "--out", tmp_path / "new.tape")
    assert [scalp("import", "lean", tmp_path, *words, *more).code for more in ((), (), ("--overwrite",))] == [0, 2, 0]
    events = list(Tape(tmp_path / "new.tape").events())
    assert (len(of_kind(events, Chain)), len(of_kind(events, Bar))) == (600, 2)


@pytest.mark.parametrize(
    ("day", "said"),
    [("2024-07-04", "is no session"), ("2024-07-03", "has no option quotes"), ("tomorrow", "does not match")],
)
def test_the_command_refuses_in_one_line(tmp_path: Path, day: str, said: str) -> None:
    least(tmp_path)
    words = ("import", "lean", tmp_path, "--ticker", "GOOG", "--date", day, "--out", tmp_path / "new.tape")
    assert said in complaint(scalp(*words))
    assert not (tmp_path / "new.tape").exists()
