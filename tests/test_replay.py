"""A run through Bytewax: the same book and digest whatever the batch, the database or the hour, and nothing twice."""

import json
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
import sqlalchemy as sa
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main

from flows.records.database import open_database, reading
from flows.records.tables import metadata
from flows.scalp import scalp
from flows.tape.source import Reading, TapeSource
from operators.config import EngineSettings, ScalpConfig
from operators.market import Market
from operators.records import EtfScalpRecord, OrderRecord, Record, SignalRecord
from operators.steps import LINE, Desks, observe
from tests.commands import module, replayed
from tests.made_tapes import MONDAY, TUESDAY, WARM, at, signals_file, tape
from tests.play import Line, started, tape_events

pytest_plugins = ("tests.databases", "tests.tape_fixtures")


@pytest.fixture(scope="module")
def first_run(made_tape: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The summary that every other run of the tape has to repeat."""
    return replayed(made_tape, database=f"sqlite:///{tmp_path_factory.mktemp('first') / 'records.db'}")


def line_over(path: Path, batch: int, out: list[tuple[str, Record]]) -> Any:
    """The dataflow of flows/scalp.py from a tape into a list."""
    events, config, settings = tape_events(path), ScalpConfig(), EngineSettings()
    source = TapeSource(started(events[0].at_ns), iter(events), batch, Reading())
    return scalp(source, TestingSink(out), Market(config, settings), Desks(config, settings))


def through_bytewax(path: Path, batch: int) -> list[Record]:
    out: list[tuple[str, Record]] = []
    run_main(line_over(path, batch, out))
    return [record for _, record in out]


def rows_by_table(url: str) -> dict[str, int]:
    engine = open_database(url, create=False)
    with reading(engine) as connection:
        counts = {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }
    engine.dispose()
    return counts


def comparable(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without the wall time."""
    return {name: value for name, value in summary.items() if name != "seconds"}


def test_the_made_tape_trades_both_ways(first_run: Any) -> None:
    assert {trade["symbol"] for trade in first_run["trades"]} == {"TQQQ", "SQQQ"}


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_every_batch_size_gives_the_same_summary(made_tape: Path, sqlite_url: str, first_run: Any, batch: int) -> None:
    assert comparable(replayed(made_tape, "--batch", batch, database=sqlite_url)) == comparable(first_run)


def test_each_kind_of_database_gives_the_same_summary(made_tape: Path, database_url: str, first_run: Any) -> None:
    assert comparable(replayed(made_tape, database=database_url)) == comparable(first_run)


def test_a_second_replay_adds_a_row_to_run_attempts_alone(made_tape: Path, database_url: str) -> None:
    replayed(made_tape, database=database_url)
    before = rows_by_table(database_url)
    assert before["run_attempts"] == 1
    assert min(before[name] for name in ("runs", "signals", "verdicts", "orders", "fills", "etf_scalps")) >= 1
    replayed(made_tape, "--batch", 13, database=database_url)
    assert rows_by_table(database_url) == before | {"run_attempts": 2}


def test_a_tape_under_another_name_is_the_same_book(made_tape: Path, tmp_path: Path, first_run: Any) -> None:
    copy = tmp_path / "renamed.bin"
    copy.write_bytes(made_tape.read_bytes())
    assert comparable(replayed(copy, database=f"sqlite:///{tmp_path / 'r.db'}")) == comparable(first_run)


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "max_theta_burn_pct=0.06"),
        ("--set", "paper_latency_ms=300"),
        ("--set", "start_equity_usd=50000"),
        ("--mode", "both"),
        ("--mode", "options"),
    ],
)
def test_another_setting_or_mode_is_another_book(
    made_tape: Path, sqlite_url: str, first_run: Any, words: tuple[str, str]
) -> None:
    mode = words[1] if words[0] == "--mode" else "leveraged_etf"
    other = () if words[0] == "--mode" else words
    assert replayed(made_tape, *other, database=sqlite_url, mode=mode)["book_id"] != first_run["book_id"]


def test_a_signals_file_is_another_book(made_tape: Path, sqlite_url: str, tmp_path: Path, first_run: Any) -> None:
    extra = signals_file(tmp_path, f"QQQ,{at(MONDAY, '11:00')},long,60")
    assert replayed(made_tape, "--signals", extra, database=sqlite_url)["book_id"] != first_run["book_id"]


def test_another_tape_is_another_book(tmp_path: Path, sqlite_url: str, first_run: Any) -> None:
    shorter = tape(tmp_path / "short", (*WARM, MONDAY), history=4)
    assert replayed(shorter, database=sqlite_url)["book_id"] != first_run["book_id"]


def test_books_share_signal_ids(made_tape: Path, sqlite_url: str, first_run: Any) -> None:
    both = replayed(made_tape, database=sqlite_url, mode="both")
    assert [trade["signal_id"] for trade in both["trades"]] == [trade["signal_id"] for trade in first_run["trades"]]


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_bytewax_gives_what_the_plain_loop_gives(made_tape: Path, batch: int) -> None:
    events = tape_events(made_tape)
    looped = Line().play([started(events[0].at_ns), *events])
    assert through_bytewax(made_tape, batch) == looped


def test_records_come_in_the_order_of_the_tape(made_tape: Path) -> None:
    seqs = [record.tape_seq for record in through_bytewax(made_tape, 1000) if isinstance(record, OrderRecord)]
    assert seqs == sorted(seqs)
    assert len(seqs) > 10


def test_each_first_order_is_sent_at_its_signals_own_event(made_tape: Path) -> None:
    """In one batch of 1,000 the desk acts on a signal before it sees the event after it."""
    records = through_bytewax(made_tape, 1000)
    entered = {r.signal_id: r.tape_seq for r in records if isinstance(r, SignalRecord) and r.decision == "entered"}
    sent = {
        r.signal_id: r.tape_seq
        for r in records
        if isinstance(r, OrderRecord) and (r.action, r.state) == ("first", "sending")
    }
    assert sent == entered
    assert sent


def test_each_order_is_sent_between_the_event_before_and_its_own(made_tape: Path) -> None:
    """A timer runs before the first event at or after its time, so that no order waits for a later one."""
    micros = [0, *(event.at_ns // 1000 for event in tape_events(made_tape))]
    records = through_bytewax(made_tape, 1000)
    sent = [r for r in records if isinstance(r, OrderRecord) and r.state == "sending"]
    late = [r for r in sent if not micros[r.tape_seq - 1] <= round(r.sent_at.timestamp() * 1e6) <= micros[r.tape_seq]]
    assert {order.action for order in sent} >= {"first", "exit"}
    assert late == []


def test_a_step_cannot_be_built_twice(made_tape: Path) -> None:
    """The second run of one flow would go on from the first one's state."""
    flow = Dataflow("twice")
    events = op.input("tape", flow, TestingSource([(LINE, event) for event in tape_events(made_tape)[:3]]))
    op.output("out", observe("market", events, Market(ScalpConfig(), EngineSettings())), TestingSink([]))
    run_main(flow)
    with pytest.raises(RuntimeError) as refused:
        run_main(flow)
    assert "step market was built twice" in str(root_of(refused.value))


def test_more_than_one_worker_is_refused(made_tape: Path) -> None:
    out: list[tuple[str, Record]] = []
    with pytest.raises(BytewaxRuntimeError) as refused:
        cluster_main(line_over(made_tape, 1000, out), [], 0, worker_count_per_proc=2)
    assert "2 workers were started" in str(root_of(refused.value))
    assert out == []


def root_of(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def test_bytewax_itself_runs_a_replay_with_the_same_digest(made_tape: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    done = module("bytewax.run", f"flows.runs:replay({str(made_tape)!r})", cwd=tmp_path, SCALP_DATABASE=url)
    assert done.code == 0, done.err
    counted = rows_by_table(url)
    again = replayed(made_tape, database=f"sqlite:///{tmp_path / 'other.db'}", mode="both")
    assert written(url) == (again["book_id"], again["records_sha256"])
    assert counted["run_attempts"] == 1


def written(url: str) -> tuple[str, str]:
    """The newest book of a database and its digest."""
    from flows.records.queries import latest_book, records_sha256

    engine = open_database(url, create=False)
    book = latest_book(engine)
    assert book is not None
    digest = records_sha256(engine, book)
    engine.dispose()
    return book, digest


def as_text(trades: list[dict[str, Any]]) -> str:
    return json.dumps(trades, sort_keys=True)


@pytest.fixture
def halves(tmp_path: Path) -> tuple[Path, Path]:
    """The made tape in two: history and Monday, then Tuesday."""
    monday = tape(tmp_path / "a", (*WARM, MONDAY), history=4)
    return monday, tape(tmp_path / "b", (TUESDAY,), history=0)


def test_two_consecutive_tapes_trade_as_one(halves: tuple[Path, Path], sqlite_url: str, first_run: Any) -> None:
    two = replayed(*halves, database=sqlite_url)
    assert as_text(two["trades"]) == as_text(first_run["trades"])
    assert (two["events"], two["history_events"]) == (first_run["events"], first_run["history_events"])


def test_tapes_are_put_in_order_of_time(halves: tuple[Path, Path], sqlite_url: str, first_run: Any) -> None:
    turned = replayed(*reversed(halves), database=sqlite_url)
    assert as_text(turned["trades"]) == as_text(first_run["trades"])


def test_a_scalp_row_exists_from_its_first_fill_on(made_tape: Path) -> None:
    records = through_bytewax(made_tape, 1000)
    filled = {r.signal_id for r in records if isinstance(r, OrderRecord) and r.filled_quantity}
    assert {r.signal_id for r in records if isinstance(r, EtfScalpRecord)} == filled
