"""The history of a book as CSV that a spreadsheet may open, and what the page offers to choose from."""

import csv
import io
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from flows.records import history
from flows.records.database import FETCH_ROWS, writing
from flows.records.history import Filter
from flows.records.ledger import Ledger
from flows.records.tables import etf_scalps, heartbeat, runs
from operators.codes import ExitReason
from tests.ended_rows import MINUTE, add, fund, mixed
from tests.rows import BOOK, NOON, option_scalp, run

pytest_plugins = ("tests.databases",)


def read_csv(engine: Engine, **asked: Any) -> list[dict[str, str]]:
    text = "".join(history.csv_lines(engine, BOOK, Filter(**asked)))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_what_is_unknown_is_none_and_empty_in_csv(engine: Engine) -> None:
    unknown = {"pnl": None, "pnl_pct": None, "fees": None, "exit_reason": None}
    add(engine, option_scalp(status="expired", exit_premium=None, **unknown))
    (row,) = history.page(engine, BOOK, Filter()).rows
    assert [row.exit_price, *(getattr(row, name) for name in unknown)] == [None] * 5
    assert row.status == "expired"
    assert [read_csv(engine)[0][name] for name in ("exit_price", "pnl", "exit_reason", "conviction")] == [""] * 4


def test_csv_has_every_row_of_the_filter_in_the_order_of_the_pages(engine: Engine) -> None:
    with writing(engine) as connection:
        rows = [fund(f"s{n:05d}", exit_time=NOON + n // 7 * MINUTE) for n in range(FETCH_ROWS + 1)]
        connection.execute(etf_scalps.insert(), rows)
    add(engine, option_scalp("s99999", exit_time=NOON + 10 * MINUTE))
    names = [row["signal_id"] for row in read_csv(engine)]
    assert (len(names), names[-1], names[-71]) == (FETCH_ROWS + 2, "s00000", "s00070")
    assert names[-78] == "s99999"  # the last of minute 10, which begins with s00070
    assert [row["signal_id"] for row in read_csv(engine, kind="option")] == ["s99999"]


def test_csv_writes_money_and_times_in_full(engine: Engine) -> None:
    add(engine, option_scalp(exit_time=NOON + timedelta(seconds=1, microseconds=500_000)))
    (row,) = read_csv(engine)
    assert (row["pnl"], row["exit_price"], row["quantity"]) == ("-62.600000", "0.900000", "2")
    assert (row["exit_time"], row["held_seconds"]) == ("2026-01-05T17:00:01.500000Z", "1.5")


def test_csv_defuses_text_that_a_spreadsheet_would_run(engine: Engine) -> None:
    texts = ["=1+1", "+cmd|'A0'", "-1+1", "@SUM(A1)", "\tx", "\r=1", "-", "+1e", "-\u0661", "- 1"]
    add(engine, *(fund(text, exit_reason=text, original_ticker=text) for text in texts), *map(option_scalp, texts))
    rows = read_csv(engine)
    assert {row["signal_id"] for row in rows} == {f"'{text}" for text in texts}
    funds = [row for row in rows if row["kind"] == "fund"]
    assert len(funds) == len(texts)
    assert all(row["exit_reason"] == row["ticker"] == row["signal_id"] for row in funds)


def test_csv_leaves_numbers_and_harmless_text_as_they_are(engine: Engine) -> None:
    texts = ["-1", "+2.5", "-1e-3", "stop,loss", 'a "b"', "two\nlines", "x\r=1", "'x", "x=1", "ä😀"]
    add(engine, *(fund(text, exit_reason=text) for text in texts))
    assert {row["exit_reason"] for row in read_csv(engine)} == set(texts)


def test_csv_holds_no_connection_while_its_reader_is_away(engine: Engine) -> None:
    add(engine, *mixed(3))
    lines = history.csv_lines(engine, BOOK, Filter())
    next(lines)
    next(lines)
    assert isinstance(engine.pool, sa.QueuePool)
    assert engine.pool.checkedout() == 0


def test_choices_are_the_tickers_of_the_books_signals_and_every_reason(engine: Engine) -> None:
    add(engine, fund("a"), fund("b", original_ticker="SPY"), option_scalp("c"), option_scalp("d", ticker="NVDA"))
    add(engine, *(option_scalp(f"e{n}", ticker="nvda") for n in range(3)), fund("f", book_id="b", original_ticker="X"))
    assert history.choices(engine, BOOK) == history.Choices(("NVDA", "QQQ", "SPY", "nvda"), tuple(ExitReason))


def test_books_are_the_newest_with_their_marks(engine: Engine) -> None:
    Ledger(engine).write([run(book_id=f"replay:{n}", marks='["SIMULATED"]' if n == 2 else "[]") for n in range(4)])
    with writing(engine) as connection:
        for n in range(4):
            this = runs.c.book_id == f"replay:{n}"
            connection.execute(runs.update().where(this).values(recorded_at=NOON + n % 3 * MINUTE))
        row = {"book_id": "replay:2", "beat_at": NOON, "tape_at": NOON - MINUTE, "state": "ended", "events": 1}
        connection.execute(heartbeat.insert().values(row))
    first, *rest = history.books(engine, limit=3)
    assert first == history.Book("replay:2", "both", ("SIMULATED",), NOON + 2 * MINUTE, NOON - MINUTE)
    assert [(book.book_id, book.marks, book.tape_at) for book in rest] == [
        *(("replay:1", (), None), ("replay:0", (), None)),
    ]
