"""The commands around a replay: import, tape, export and db."""

import csv
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet as pq

from tests.commands import replayed, scalp
from tests.made_tapes import MONDAY, TUESDAY, WARM, bar_files

pytest_plugins = ("tests.databases", "tests.tape_fixtures")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('files') / 'records.db'}"


@pytest.fixture(scope="module")
def summary(made_tape: Path, database: str) -> Any:
    return replayed(made_tape, database=database)


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("what", ["signals", "verdicts", "scalps", "orders", "fills"])
def test_export_writes_the_same_rows_as_csv_and_parquet(database: str, summary: Any, tmp_path: Path, what: str) -> None:
    for suffix in ("csv", "parquet"):
        out = tmp_path / f"{what}.{suffix}"
        said = scalp("export", what, "--out", out, "--database", database, "--book", summary["book_id"])
        assert said.code == 0
    rows, table = cells(tmp_path / f"{what}.csv"), pq.read_table(tmp_path / f"{what}.parquet")
    assert len(rows) == table.num_rows >= 3
    assert list(rows[0]) == table.column_names
    assert said.out.startswith(f"{len(rows)} {what} of {summary['book_id']} written to ")


def test_export_takes_the_book_of_the_newest_run(made_tape: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    replayed(made_tape, database=url, mode="both")
    newest = replayed(made_tape, database=url)
    scalp("export", "scalps", "--out", tmp_path / "scalps.csv", "--database", url)
    rows = cells(tmp_path / "scalps.csv")
    assert {row["book_id"] for row in rows} == {newest["book_id"]}
    assert sorted(row["pnl"] for row in rows) == sorted(trade["pnl"] for trade in newest["trades"])


def test_import_says_what_it_wrote(tmp_path: Path) -> None:
    """Two sessions of 390 minutes and two tickers: 1,560 bars, and a quote for each of the second session."""
    files = bar_files(tmp_path, (MONDAY, TUESDAY), ("QQQ", "TQQQ"))
    said = scalp("import", "bars", *files, "--out", tmp_path / "new.tape", "--history", 1)
    assert said.out == (
        f"{tmp_path / 'new.tape'}: 2340 events over 2 sessions; bars QQQ 780, TQQQ 780; 780 MODELLED quotes\n"
    )
    assert (said.code, said.err) == (0, "")


def test_import_takes_four_sessions_of_history_by_itself(tmp_path: Path) -> None:
    files = bar_files(tmp_path, (*WARM, MONDAY), ("QQQ",))
    said = scalp("import", "bars", *files, "--out", tmp_path / "new.tape")
    assert "bars QQQ 1950; 390 MODELLED quotes" in said.out


def test_import_replaces_a_tape_only_when_told(tmp_path: Path) -> None:
    files = bar_files(tmp_path, (MONDAY,), ("QQQ",))
    words = ("import", "bars", *files, "--out", tmp_path / "new.tape", "--history", 0)
    assert [scalp(*words).code, scalp(*words).code, scalp(*words, "--overwrite").code] == [0, 2, 0]


def test_import_warns_where_all_is_history(tmp_path: Path) -> None:
    files = bar_files(tmp_path, (MONDAY,), ("QQQ",))
    said = scalp("import", "bars", *files, "--out", tmp_path / "new.tape")
    assert said.code == 0
    assert "nothing on this tape can trade" in said.err


def test_import_names_refused_rows_and_goes_on(tmp_path: Path) -> None:
    (file,) = bar_files(tmp_path, (MONDAY,), ("QQQ",))
    lines = file.read_text().splitlines()
    lines[5] = lines[5].rpartition(",")[0] + ",-1"
    file.write_text("\n".join(lines) + "\n")
    said = scalp("import", "bars", file, "--out", tmp_path / "new.tape", "--history", 0)
    assert "QQQ 389;" in said.out
    assert "line 6 refused (volume_negative)" in said.err


def test_a_stamp_may_name_the_close_of_its_bar(tmp_path: Path) -> None:
    """The first row is stamped 13:30 UTC: as a close it belongs to the minute before the open."""
    (file,) = bar_files(tmp_path, (MONDAY,), ("QQQ",))
    scalp("import", "bars", file, "--out", tmp_path / "new.tape", "--history", 0, "--stamp", "close")
    assert "2025-04-07 09:30 to 2025-04-07 15:59 New York" in scalp("tape", "info", tmp_path / "new.tape").out


def test_a_ticker_may_be_given(tmp_path: Path) -> None:
    (file,) = bar_files(tmp_path, (MONDAY,), ("QQQ",))
    said = scalp("import", "bars", file, "--out", tmp_path / "n.tape", "--history", 0, "--ticker", "SPY")
    assert "SPY 390" in said.out


def test_a_zone_may_be_given(tmp_path: Path) -> None:
    """09:30 in New York is 13:30 UTC in summer."""
    file = tmp_path / "QQQ.csv"
    first = datetime(2025, 4, 7, 9, 30)
    rows = [f"{first + timedelta(minutes=minute)},500,501,499,500,1000" for minute in range(5)]
    file.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    said = scalp("import", "bars", file, "--out", tmp_path / "n.tape", "--history", 0, "--zone", "America/New_York")
    assert said.code == 0, said
    assert "2025-04-07 09:31" in scalp("tape", "info", tmp_path / "n.tape").out


def test_info_tells_the_span_the_bars_and_the_sources(made_tape: Path) -> None:
    said = scalp("tape", "info", made_tape)
    assert said.code == 0
    assert "9360 events, 4680 of them history, 2025-04-01 09:31 to 2025-04-08 16:00 New York" in said.out
    assert "MODELLED" in said.out
    assert "bars QQQ 2340, SQQQ 2340, TQQQ 2340" in said.out
    assert "from QQQ_1m.csv, 2340 rows, SHA-256 " in said.out


def test_verify_says_that_a_whole_tape_is_whole(made_tape: Path) -> None:
    said = scalp("tape", "verify", made_tape)
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith("every frame is whole\n")


def test_upgrade_brings_an_empty_database_to_head(database_url: str) -> None:
    said = scalp("db", "upgrade", "--database", database_url)
    assert said.code == 0
    assert re.fullmatch(r"database at revision \d+ \(was empty\)\n", said.out)


def test_upgrade_again_changes_nothing(database_url: str) -> None:
    first = scalp("db", "upgrade", "--database", database_url).out.split()[3]
    assert scalp("db", "upgrade", "--database", database_url).out == f"database at revision {first} (was {first})\n"
