"""The ledger and what reads it: facts once, changing rows in line order, the same digest on every database."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isnan
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from flows.records import queries
from flows.records.columns import Micros, Real, UtcTime
from flows.records.database import ensure, open_database, reading, writing
from flows.records.ledger import Attempt, Ledger
from flows.records.tables import etf_scalps, metadata, natural_key, options_scalps, orders, run_attempts, runs, signals
from operators.records import Record
from tests.rows import BOOK, NOON, closed, etf_scalp, fill, option_scalp, order, run, signal, verdict

pytest_plugins = ("tests.databases",)
BATCH = [run(), signal(), verdict(), order(), fill(), etf_scalp(), order(state="filled", tape_seq=12)]
scratch = sa.Table(
    "scratch", sa.MetaData(), sa.Column("money", Micros), sa.Column("time", UtcTime), sa.Column("real", Real)
)
amounts = st.integers(-(2**63) + 1, 2**63 - 1).map(lambda micros: Decimal(micros).scaleb(-6))
zones = st.timezones() | st.just(UTC)
times = st.datetimes(datetime(1900, 1, 2), datetime(9999, 12, 30), timezones=zones)


def stored(engine: Engine, table: sa.Table) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(amounts, times, st.floats()), min_size=1, max_size=20))
def test_values_come_back_as_they_went(engine: Engine, rows: list[tuple[Decimal, datetime, float]]) -> None:
    with engine.connect() as connection:  # rolled back at its end
        scratch.create(connection)
        for money, time, real in rows:
            connection.execute(scratch.delete())
            connection.execute(scratch.insert().values(money=money, time=time, real=real))
            back = connection.execute(sa.select(scratch)).one()
            assert (back.money, back.time, back.time.tzinfo) == (money, time.astimezone(UTC), UTC)
            assert back.real == (None if isnan(real) else real)


@pytest.mark.parametrize("value", [1.5, 1, True, "1.50"])
def test_money_that_is_no_decimal_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="money is Decimal"):
        Micros().process_bind_param(value, sa.create_engine("sqlite://").dialect)


@pytest.mark.parametrize("text", ["0.0000001", "NaN", "sNaN", "Infinity", "9223372036854.775808", "1E+999999"])
def test_money_that_would_not_come_back_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="dollars"):
        Micros().process_bind_param(Decimal(text), sa.create_engine("sqlite://").dialect)


def test_a_time_without_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(sa.exc.StatementError, match="has no zone"):
        Ledger(engine).write([order(sent_at=datetime(2026, 1, 5, 12))])
    assert stored(engine, orders) == []


def kinds(of: type[Record] = Record) -> list[type[Record]]:
    """The classes of records that are not only there to be derived from."""
    below = of.__subclasses__()
    return [kind for one in below for kind in kinds(one)] if below else [of]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: str(kind.__name__))
def test_a_record_has_a_field_for_every_column(kind: type[Record]) -> None:
    table = metadata.tables[kind.table]
    assert set(kind.__struct_fields__) == set(queries.recorded(table))
    assert tuple(column.name for column in natural_key(table)) == ("book_id", *kind.key)
    assert ("tape_seq" in table.c) or not kind.changes


def test_writing_again_adds_no_row_and_changes_no_digest(engine: Engine) -> None:
    ledger = Ledger(engine)
    ledger.write(BATCH)
    before, digest = {name: stored(engine, table) for name, table in metadata.tables.items()}, digest_of(engine)
    ledger.write(BATCH)
    Ledger(engine).write(list(reversed(BATCH)))
    assert {name: stored(engine, table) for name, table in metadata.tables.items()} == before
    assert (digest_of(engine), ledger.alarm_count) == (digest, 0)


def digest_of(engine: Engine) -> str:
    return queries.records_sha256(engine, BOOK)


def test_both_databases_give_the_same_digest(sqlite_url: str, postgres_url: str) -> None:
    names = ["b", "A", "_", "ä", "a b", "a-b", "ab", "aB", "Z", "é", "1", "😀", "\uffff"]
    odd = [verdict(measured=value) for value in (0.1,)] + [verdict(ordinal=1, measured=-0.0, reason=None)]
    odd += [verdict(ordinal=2, measured=float("nan")), verdict(ordinal=3, measured=5e-324, limit_value=float("inf"))]
    digests = []
    for url in (sqlite_url, postgres_url):
        engine = open_database(url, create=True)
        ensure(engine)
        Ledger(engine).write([*BATCH[1:2], *odd, *(signal(name) for name in names), *BATCH[3:]])
        with writing(engine) as connection:
            connection.execute(options_scalps.insert().values(option_scalp()))
        digests.append(digest_of(engine))
        engine.dispose()
    assert digests[0] == digests[1]


def test_the_digest_is_that_of_the_lines_of_the_rows(engine: Engine) -> None:
    # Columns by name: book_id code evaluated leg limit_value measured ordinal passed reason signal_id symbol unit
    line = b'["verdicts", "replay:a", "spread", true, "option", 0.1, 0.125, 0, false, "", "s1", null, "fraction"]\n'
    Ledger(engine).write([verdict(), run(), verdict(book_id="replay:b")])
    assert digest_of(engine) == hashlib.sha256(line).hexdigest()


def test_the_digest_changes_with_absent_for_empty(engine: Engine) -> None:
    Ledger(engine).write([verdict(), verdict(book_id="replay:b", reason=None)])
    Ledger(engine).write([verdict(book_id="replay:c", reason="")])
    assert len({queries.records_sha256(engine, f"replay:{book}") for book in "abc"}) == 3


def test_a_fact_that_comes_again_otherwise_is_an_alarm_and_the_first_stands(engine: Engine) -> None:
    ledger = Ledger(engine)
    ledger.write([run(), signal(), fill()])
    ledger.write([signal(direction="short"), signal("s2"), fill(price=Decimal("50.26")), run(mode="options")])
    assert ledger.alarm_count == 3
    assert ledger.alarms[0] == "signals replay:a s1: direction 'long' became 'short'; the first stands"
    assert [row["direction"] for row in stored(engine, signals)] == ["long", "long"]
    assert stored(engine, runs)[0]["mode"] == "both"


def test_two_facts_of_one_batch_that_differ_are_an_alarm(engine: Engine) -> None:
    ledger = Ledger(engine)
    ledger.write([verdict(), verdict(), verdict(measured=0.5), verdict(ordinal=1, measured=float("nan"))])
    ledger.write([verdict(ordinal=1, measured=float("nan"))])
    assert ledger.alarms == ["verdicts replay:a s1 option 0: measured 0.125 became 0.5; the first stands"]


def test_alarms_are_counted_but_only_the_first_are_kept(engine: Engine) -> None:
    ledger = Ledger(engine)
    ledger.write([verdict(f"s{n}") for n in range(2_500)])
    ledger.write([verdict(f"s{n}", passed=True) for n in range(2_500)])
    assert (ledger.alarm_count, len(ledger.alarms)) == (2_500, 20)


def test_a_changing_row_takes_no_update_from_an_earlier_event(engine: Engine) -> None:
    ledger = Ledger(engine)
    for state, seq in (("working", 11), ("filled", 13), ("partial", 12)):
        ledger.write([order(state=state, tape_seq=seq)])
    assert [row["state"] for row in stored(engine, orders)] == ["filled"]
    ledger.write([order(state="cancelled", tape_seq=13)])
    assert [row["state"] for row in stored(engine, orders)] == ["cancelled"]


@pytest.mark.parametrize(
    ("steps", "stands"),
    [
        ([("a", 1), ("b", 1)], "b"),
        ([("a", 1), ("b", 2)], "b"),
        ([("a", 2), ("b", 1)], "a"),
        ([("a", 2), ("b", 1), ("c", 2)], "c"),
    ],
)
def test_of_updates_in_one_batch_the_later_in_line_order_stands(
    engine: Engine, steps: list[tuple[str, int]], stands: str
) -> None:
    Ledger(engine).write([order(state=state, tape_seq=seq) for state, seq in steps])
    assert [row["state"] for row in stored(engine, orders)] == [stands]


def test_books_keep_apart(engine: Engine) -> None:
    Ledger(engine).write([etf_scalp(), etf_scalp(book_id="replay:b", **closed())])
    assert [row["status"] for row in stored(engine, etf_scalps) if row["book_id"] == BOOK] == ["open"]


def test_trades_are_the_ended_scalps_of_both_tables_by_time(engine: Engine) -> None:
    later = NOON + timedelta(minutes=1)
    Ledger(engine).write([signal("s3"), etf_scalp("s3", entry_time=later, **closed()), etf_scalp("s4")])
    with writing(engine) as connection:
        connection.execute(options_scalps.insert().values(option_scalp()))
    put, fund = queries.trades(engine, BOOK)
    assert (put["signal_id"], fund["signal_id"]) == ("s2", "s3")
    assert [put[name] for name in ("kind", "ticker", "symbol", "direction", "quantity", "multiplier", "dte")] == [
        *("option", "SPY", "SPY260105P00600000", "short", 2, 100, 0)
    ]
    assert (put["conviction"], put["pnl"], put["fees"]) == (None, "-62.600000", "2.600000")
    assert [fund[name] for name in ("kind", "ticker", "symbol", "direction", "quantity", "multiplier", "dte")] == [
        *("etf", "QQQ", "TQQQ", "long", 10, 1, None)
    ]
    assert (fund["conviction"], fund["entry_price"], fund["exit_price"]) == (63.0, "50.250000", "51.250000")
    assert (fund["entry_time"], fund["exit_reason"]) == ("2026-01-05T17:01:00.000000Z", "profit_target")


def test_an_open_scalp_is_a_position_and_an_expired_one_a_trade(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(options_scalps.insert().values(option_scalp(status="expired", exit_premium=None)))
    Ledger(engine).write([etf_scalp()])
    assert [row["exit_price"] for row in queries.trades(engine, BOOK)] == [None]
    assert [row["symbol"] for row in queries.open_positions(engine, BOOK)] == ["TQQQ"]


def test_refusals_are_counted_by_code(engine: Engine) -> None:
    refused = [signal(f"s{n}", decision="refused", code=code) for n, code in enumerate(["macro", "delta", "macro"])]
    Ledger(engine).write([*refused, signal("s9"), signal("s9", book_id="replay:b", decision="refused", code="fomc")])
    assert list(queries.refusals(engine, BOOK).items()) == [("macro", 2), ("delta", 1)]
    assert queries.count_signals(engine, BOOK) == 4


def test_each_attempt_is_noted_and_the_newest_gives_the_latest_book(engine: Engine) -> None:
    attempt = Attempt(engine)
    assert queries.latest_book(engine) is None
    first = attempt.begin("replay:z", 1_000, "0.1.0", at=NOON)
    second = attempt.begin(BOOK, 1, "0.1.0")
    attempt.finish(first, "failed", "the tape is torn", 7, 0.5, at=NOON + timedelta(seconds=1))
    rows = stored(engine, run_attempts)
    assert [(row["book_id"], row["status"], row["finished_at"]) for row in rows] == [
        ("replay:z", "failed", NOON + timedelta(seconds=1)),
        (BOOK, "running", None),
    ]
    assert queries.latest_book(engine) == BOOK
    with pytest.raises(LookupError, match="no attempt"):
        attempt.finish(second + 1, "done", None, 0, 0.0)
