"""The history of a book: pages that cover every scalp once, whatever comes between, and filters."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import Engine

from flows.records import history
from flows.records.database import ensure, open_database, writing
from flows.records.ended import ended
from flows.records.faults import DatabaseUnavailable
from flows.records.history import Cursor, Filter, Page, Row
from flows.records.ledger import Ledger
from flows.records.tables import options_scalps
from operators.codes import ExitReason
from tests.ended_rows import MINUTE, add, fund, mixed
from tests.rows import BOOK, NOON, etf_scalp, option_scalp, signal

pytest_plugins = ("tests.databases",)
ODD = ["b", "A", "_", "ä", "a b", "a-b", "ab", "aB", "Z", "é", "1", "😀", "\uffff", "a'b", 'a"b', "%", "\\", ";--"]


def ids(page: Page) -> list[str]:
    return [row.signal_id for row in page.rows]


def found(engine: Engine, **asked: Any) -> set[str]:
    return set(ids(history.page(engine, BOOK, Filter(**asked))))


def forward(engine: Engine, chosen: Filter = Filter()) -> Iterator[Page]:  # noqa: B008 # it is frozen
    page = history.page(engine, BOOK, chosen)
    yield page
    while page.older is not None:
        page = history.page(engine, BOOK, chosen, after=page.older)
        yield page


def test_pages_forward_and_back_cover_every_row_once(engine: Engine) -> None:
    add(engine, *mixed(173))
    pages = list(forward(engine))
    assert [len(page.rows) for page in pages] == [50, 50, 50, 23]
    listed = [(row.exit_time, row.signal_id) for page in pages for row in page.rows]
    assert listed == sorted(((NOON + n // 3 * MINUTE, f"s{n:03d}") for n in range(173)), reverse=True)
    back = [pages[-1]]
    while (newer := back[-1].newer) is not None:
        back.append(history.page(engine, BOOK, Filter(), before=newer))
    assert [page.rows for page in back] == [page.rows for page in reversed(pages)]
    assert [page.older for page in back] == [page.older for page in reversed(pages)]


def test_a_page_that_is_just_full_is_the_last_one(engine: Engine) -> None:
    add(engine, *mixed(50))
    (page,) = forward(engine)
    assert (len(page.rows), page.older, page.newer) == (50, None, None)


def test_rows_of_one_moment_are_in_order_of_code_points_on_every_database(engine: Engine) -> None:
    add(engine, *(fund(name) if n % 2 else option_scalp(name) for n, name in enumerate(ODD * 5) if n < len(ODD)))
    add(engine, *(option_scalp(f"{name}{n}") for name, n in product(ODD, range(4))))
    listed = [signal_id for page in forward(engine) for signal_id in ids(page)]
    assert listed == sorted([*ODD, *(f"{name}{n}" for name, n in product(ODD, range(4)))], reverse=True)


def test_an_option_and_a_fund_of_one_signal_at_one_moment_are_two_rows_on_either_side_of_a_page(engine: Engine) -> None:
    add(engine, *mixed(49), option_scalp("a", exit_time=NOON - MINUTE), fund("a", exit_time=NOON - MINUTE))
    first, second = forward(engine)
    assert (first.rows[-1].kind, [row.kind for row in second.rows]) == ("option", ["fund"])
    assert second.newer is not None
    assert history.page(engine, BOOK, Filter(), before=second.newer).rows == first.rows


def test_rows_that_come_between_two_turns_shift_no_page(engine: Engine) -> None:
    add(engine, *mixed(120))
    quiet = list(forward(engine))
    assert quiet[0].older is not None
    add(engine, *(fund(f"new{n}", exit_time=NOON + timedelta(days=1)) for n in range(3)))
    turned = history.page(engine, BOOK, Filter(), after=quiet[0].older)
    assert turned.rows == quiet[1].rows
    assert turned.newer is not None
    back = history.page(engine, BOOK, Filter(), before=turned.newer)
    assert (back.rows, back.older) == (quiet[0].rows, quiet[0].older)
    assert back.newer is not None
    newest = history.page(engine, BOOK, Filter(), before=back.newer)
    assert (ids(newest), newest.newer, newest.older is None) == (["new2", "new1", "new0"], None, False)


def test_a_cursor_whose_row_is_not_there_still_divides_the_list(engine: Engine) -> None:
    add(engine, *mixed(3), *mixed(0))
    nowhere = Cursor(NOON, "s001x", "fund")
    older = history.page(engine, BOOK, Filter(), after=nowhere)
    assert (ids(older), older.older, older.newer) == (["s001", "s000"], None, older.rows[0].place)
    newer = history.page(engine, BOOK, Filter(), before=nowhere)
    assert (ids(newer), newer.older, newer.newer) == (["s002"], newer.rows[0].place, None)
    assert history.page(engine, BOOK, Filter(), before=newer.rows[0].place) == Page((), None, None)


def test_a_page_between_two_cursors_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="not between two"):
        history.page(engine, BOOK, Filter(), after=Cursor(NOON, "a", "fund"), before=Cursor(NOON, "b", "fund"))


def test_a_row_tells_a_scalp_with_its_signals_conviction(engine: Engine) -> None:
    Ledger(engine).write([signal("s1"), signal("s1", book_id="replay:b", conviction=99.0)])
    add(engine, fund("s1", entry_time=NOON - 1.5 * MINUTE, second_half="single"), option_scalp("s2"))
    put, bought = history.page(engine, BOOK, Filter()).rows
    money = {"entry_price": Decimal("50.25"), "exit_price": Decimal("51.25"), "pnl": Decimal(10), "fees": Decimal(0)}
    assert bought == Row(
        **{"kind": "fund", "signal_id": "s1", "ticker": "QQQ", "symbol": "TQQQ", "direction": "long", "quantity": 10},
        **money,
        **{"pnl_pct": 0.0199, "exit_reason": "profit_target", "status": "closed", "second_half": "single"},
        **{"entry_time": NOON - 1.5 * MINUTE, "exit_time": NOON, "conviction": 63.0, "held_seconds": 90.0},
    )
    assert (put.kind, put.symbol, put.direction, put.quantity) == ("option", "SPY260105P00600000", "short", 2)
    assert (put.pnl, put.conviction, put.exit_time.tzinfo) == (Decimal("-62.60"), None, UTC)


def test_a_scalp_from_before_there_were_books_has_no_signal_and_the_funds_own_ticker(engine: Engine) -> None:
    add(engine, fund("s1") | {"signal_id": None, "original_ticker": None}, option_scalp(signal_id=None))
    rows = history.page(engine, BOOK, Filter()).rows
    assert {(row.signal_id, row.ticker) for row in rows} == {("", "TQQQ"), ("", "SPY")}


def test_open_scalps_and_other_books_are_no_part_of_it(engine: Engine) -> None:
    Ledger(engine).write([etf_scalp("open")])
    add(engine, fund("s1"), fund("s2", book_id="replay:b"), option_scalp("s3", status="expired"))
    assert found(engine) == {"s1", "s3"}


def test_each_filter_narrows_by_what_it_names(engine: Engine) -> None:
    add(engine, fund("tqqq"), fund("spxl", original_ticker="SPY", ticker="SPXL", exit_reason="stop_loss"))
    add(engine, option_scalp("spy"), option_scalp("flat", ticker="QQQ", pnl=Decimal(0), exit_reason="event"))
    add(engine, fund("unknown", pnl=None, exit_reason=None))
    assert found(engine, kind="option") == {"spy", "flat"}
    assert found(engine, kind="fund") == {"tqqq", "spxl", "unknown"}
    assert found(engine, ticker="SPY") == {"spxl", "spy"}
    assert found(engine, ticker="TQQQ") == set()
    assert found(engine, exit_reason=ExitReason.STOP_LOSS) == {"spxl", "spy"}
    assert found(engine, won=True) == {"tqqq", "spxl"}
    assert found(engine, won=False) == {"spy", "flat"}
    assert found(engine, ticker="SPY", exit_reason="stop_loss", won=True, kind="fund") == {"spxl"}


def test_days_are_those_of_new_york_and_both_are_included(engine: Engine) -> None:
    # 5 January 2026 in New York lasts from 05:00 UTC to 05:00 UTC; on 9 March 2026 summer time has begun: 04:00.
    times = {"eve": (5, 1, 5, -1), "first": (5, 1, 5, 0), "last": (6, 1, 5, -1), "next": (6, 1, 5, 0)}
    times |= {"winter": (9, 3, 4, -1), "summer": (9, 3, 4, 0)}
    for name, (day, month, hour, micros) in times.items():
        at = datetime(2026, month, day, hour, tzinfo=UTC) + timedelta(microseconds=micros)
        add(engine, fund(name, exit_time=at))
    assert found(engine, first_day=date(2026, 1, 5), last_day=date(2026, 1, 5)) == {"first", "last"}
    assert found(engine, last_day=date(2026, 1, 4)) == {"eve"}
    assert found(engine, first_day=date(2026, 3, 9)) == {"summer"}
    assert found(engine, first_day=date(2026, 1, 7), last_day=date(2026, 1, 6)) == set()
    assert found(engine, first_day=date.min, last_day=date.max) == set(times)


def test_a_cursor_and_days_hold_together_wherever_the_cursor_is(engine: Engine) -> None:
    moments = [NOON + timedelta(hours=n) for n in range(-40, 41, 2)]
    add(engine, *(fund(f"s{n:02d}", exit_time=moment) for n, moment in enumerate(moments)))
    day, midnight = date(2026, 1, 5), datetime(2026, 1, 5, 5, tzinfo=UTC)
    for hours in (-30, 0, 30):
        cursor = Cursor(NOON + timedelta(hours=hours), "s", "fund")
        older = history.page(engine, BOOK, Filter(first_day=day, last_day=day), after=cursor)
        newer = history.page(engine, BOOK, Filter(first_day=day, last_day=day), before=cursor)
        of_day = [at for at in reversed(moments) if midnight <= at < midnight + timedelta(days=1)]
        assert [row.exit_time for row in older.rows] == [at for at in of_day if at < cursor.exit_time]
        assert [row.exit_time for row in newer.rows] == [at for at in of_day if at >= cursor.exit_time]


def test_hostile_texts_find_nothing(engine: Engine) -> None:
    add(engine, *mixed(2))
    for text in ("", "' OR 1=1 --", "%", "\0", "a\0b", "\ud800", "😀" * 300, "'; DROP TABLE runs; --"):
        assert found(engine, ticker=text) == found(engine, exit_reason=text) == set()
        assert history.page(engine, text, Filter()) == Page((), None, None)
        assert history.choices(engine, text).tickers == ()
        assert len(list(history.csv_lines(engine, text, Filter()))) == 1
    assert len(found(engine)) == 2


def test_a_book_without_scalps_is_an_empty_page_and_a_heading(engine: Engine) -> None:
    assert history.page(engine, BOOK, Filter()) == Page((), None, None)
    assert list(history.csv_lines(engine, BOOK, Filter())) == [",".join(Row.__struct_fields__) + "\n"]
    assert history.choices(engine, BOOK).tickers == ()
    assert history.books(engine) == []


def test_an_unreachable_database_says_so(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE options_scalps RENAME TO elsewhere"))
    for ask in (history.page, lambda *given: list(history.csv_lines(*given))):
        with pytest.raises(DatabaseUnavailable, match="has lost a table"):
            ask(engine, BOOK, Filter())
    with pytest.raises(DatabaseUnavailable, match="has lost a table"):
        history.choices(engine, BOOK)
    gone = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 2})
    for look in (lambda: history.page(gone, BOOK, Filter()), lambda: history.books(gone)):
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
            look()


def plan(engine: Engine, chosen: Filter, explain: str) -> str:
    query = ended(engine, BOOK, chosen, Cursor(NOON + 30 * MINUTE, "s", "fund"), 51)
    text = query.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:  # no `reading`: its cursors stand on a server, which explains nothing there
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {text}"))


NARROWED = {
    "history": [Filter(), Filter(won=True, first_day=date(2026, 1, 1))],
    "history_of_ticker": [Filter(ticker="SPY"), Filter(ticker="SPY", first_day=date(2026, 1, 1))],
    "history_of_reason": [Filter(exit_reason="broker"), Filter(exit_reason="broker", first_day=date(2026, 1, 1))],
}


def test_sqlite_turns_a_page_by_the_narrowest_index_and_sorts_no_table(sqlite_url: str) -> None:
    engine = open_database(sqlite_url, create=True)
    ensure(engine)
    for index, filters in NARROWED.items():
        for chosen in filters:
            told = plan(engine, chosen, "EXPLAIN QUERY PLAN")
            assert told.count(f"_scalps_{index} (") == 2
            assert told.count("USE TEMP B-TREE FOR ORDER BY") == 1  # the merged page
    engine.dispose()


def test_postgresql_sorts_only_what_ended_at_one_moment(postgres_url: str) -> None:
    engine = open_database(f"{postgres_url}?options=-c%20enable_bitmapscan%3Doff", create=True)
    ensure(engine)
    rows = [row for row in mixed(6_000, ticker="SPY", exit_reason="broker", pnl=Decimal(1)) if "strike" in row]
    with writing(engine) as connection:
        connection.execute(options_scalps.insert(), rows)
        connection.exec_driver_sql("ANALYZE options_scalps")
    plans = [plan(engine, replace(chosen, kind="option"), "EXPLAIN") for some in NARROWED.values() for chosen in some]
    engine.dispose()
    for told in plans:
        assert "Presorted Key: options_scalps.exit_time" in told
        assert "using ix_options_scalps_history" in told
