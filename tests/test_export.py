"""Records as CSV and Parquet: exact money, text as it is, and a file that is whole or not there."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pyarrow import parquet as pq  # comes without stubs
from sqlalchemy import Engine

from flows.records.database import writing
from flows.records.export import export
from flows.records.faults import DatabaseUnavailable
from flows.records.ledger import Ledger
from flows.records.tables import options_scalps
from tests.rows import BOOK, NOON, etf_scalp, fill, option_scalp, order, signal, verdict

pytest_plugins = ("tests.databases",)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    rows = [
        signal("s2", leg=None, volume_ratio=None),
        signal("s1", source="=HYPERLINK(1)"),
        etf_scalp(),
        order(),
        fill(),
    ]
    Ledger(engine).write([*rows, verdict(reason='-1 @ +2, "so"\nit\ris'), signal("s9", book_id="replay:b")])
    with writing(engine) as connection:
        connection.execute(options_scalps.insert().values(option_scalp()))
    return engine


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_signals_begin_with_what_the_signal_is(filled: Engine, tmp_path: Path) -> None:
    assert export(filled, "signals", BOOK, tmp_path / "signals.csv") == 2
    heads, first, second = cells(tmp_path / "signals.csv")
    assert ",".join(heads) == (
        "signal_id,ticker,bar_close_utc,direction,conviction,part_macro,part_agreement,part_volume,part_distance,"
        "part_slope,part_body,volume_ratio,macro,source,book_id,timeframe_minutes,decided_at,decision,leg,code,tape_seq"
    )
    assert first[:5] == ["s1", "QQQ", "2026-01-05T17:00:00.000000Z", "long", "63.0"]
    assert (second[heads.index("volume_ratio")], second[heads.index("leg")]) == ("", "")


def test_text_is_written_as_it_is_recorded(filled: Engine, tmp_path: Path) -> None:
    export(filled, "signals", BOOK, tmp_path / "signals.csv")
    export(filled, "verdicts", BOOK, tmp_path / "verdicts.csv")
    assert "=HYPERLINK(1)" in cells(tmp_path / "signals.csv")[1]
    assert '-1 @ +2, "so"\nit\ris' in cells(tmp_path / "verdicts.csv")[1]
    assert {"true", "false"} < set(cells(tmp_path / "verdicts.csv")[1])


def test_scalps_are_both_tables_with_the_columns_of_both(filled: Engine, tmp_path: Path) -> None:
    export(filled, "scalps", BOOK, tmp_path / "scalps.csv")
    heads, *rows = cells(tmp_path / "scalps.csv")
    option, fund = (dict(zip(heads, row, strict=True)) for row in rows)
    assert (option["instrument_type"], option["strike"], option["shares"]) == ("option", "600.000000", "")
    assert (fund["instrument_type"], fund["strike"], fund["shares"]) == ("etf", "", "10")
    assert {"id", "created_at"}.isdisjoint(heads)


def test_parquet_keeps_exact_money_and_utc_times(filled: Engine, tmp_path: Path) -> None:
    assert export(filled, "scalps", BOOK, tmp_path / "scalps.parquet") == 2
    option, fund = pq.read_table(tmp_path / "scalps.parquet").to_pylist()
    assert (option["pnl"], option["expiry"], option["shares"]) == (Decimal("-62.600000"), date(2026, 1, 5), None)
    assert (fund["entry_price"], fund["entry_time"]) == (Decimal("50.25"), NOON)
    export(filled, "signals", BOOK, tmp_path / "signals.parquet")
    assert str(pq.read_schema(tmp_path / "signals.parquet").field("bar_close_utc").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize("what", ["signals", "verdicts", "scalps", "orders", "fills"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_book_without_rows_gives_a_file_with_heads_only(
    engine: Engine, tmp_path: Path, what: Any, suffix: str
) -> None:
    out = tmp_path / f"nothing{suffix}"
    assert export(engine, what, BOOK, out) == 0
    assert (pq.read_table(out).num_rows if suffix == ".parquet" else len(cells(out)) - 1) == 0


def test_an_export_of_many_rows_has_them_all(engine: Engine, tmp_path: Path) -> None:
    Ledger(engine).write([verdict(f"s{n:05}") for n in range(4_500)])
    assert export(engine, "verdicts", BOOK, tmp_path / "v.parquet") == 4_500
    assert pq.read_table(tmp_path / "v.parquet")["signal_id"].to_pylist() == [f"s{n:05}" for n in range(4_500)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_failed_export_leaves_the_old_file_and_no_part(filled: Engine, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    out.write_text("old")
    with filled.begin() as connection:
        connection.execute(sa.text("DROP TABLE fills"))
    with pytest.raises(DatabaseUnavailable, match="lost a table"):
        export(filled, "fills", BOOK, out)
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_what_cannot_be_exported_is_refused_with_what_can(engine: Engine, tmp_path: Path) -> None:
    what: Any = "runs"
    with pytest.raises(ValueError, match="name one of signals, verdicts, scalps, orders, fills"):
        export(engine, what, BOOK, tmp_path / "runs.csv")
    with pytest.raises(ValueError, match=r"ends in .xlsx, not in .csv or .parquet"):
        export(engine, "fills", BOOK, tmp_path / "fills.xlsx")
    with pytest.raises(FileNotFoundError, match="make it first"):
        export(engine, "fills", BOOK, tmp_path / "gone" / "fills.csv")
