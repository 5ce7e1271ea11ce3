"""The history: pages by filters, what ends meanwhile, what there is to choose, and a database that is away."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from dashboard.history import AWAY, History
from flows.records.database import migrate
from flows.records.history import Filter
from operators.records import OptionsScalpRecord
from tests.page_rows import executed, opened, snapshot, write
from tests.rows import BOOK, NOON, closed, etf_scalp, option_scalp, run, signal
from tests.visitors import Told, Visitor, shown, visiting

pytest_plugins = ("tests.databases",)


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Engine]:
    """One fund that won and, a minute later, one option that lost."""
    with opened(sqlite_url, create=True) as engine:
        migrate(engine)
        fund = etf_scalp(**closed())
        put = OptionsScalpRecord(**option_scalp(exit_time=NOON + timedelta(minutes=1)))
        write(engine, signal(), signal("s2", ticker="SPY"), fund, put)
        yield engine


@pytest.fixture
def visitor(database: Engine) -> Iterator[Visitor]:
    """Someone who looks at the history."""
    with visiting(Told(database, snapshot=snapshot())) as found:
        found.turn()
        found.do(lambda: found.session.frame.param.update(active="history"))
        found.later()
        yield found


def history(visitor: Visitor) -> History:
    return visitor.session.history


def texts(visitor: Visitor, key: str) -> list[Any]:
    return [row["cells"][key]["text"] for row in shown(history(visitor).rows)]


def choose(visitor: Visitor, **values: Any) -> None:
    for name, value in values.items():
        visitor.do(lambda name=name, value=value: setattr(getattr(history(visitor).filters, name), "value", value))
        visitor.later()


def test_nothing_is_built_or_read_before_someone_looks(database: Engine) -> None:
    with visiting(Told(database, snapshot=snapshot())) as visitor:
        visitor.turn()
        assert (history(visitor).view.objects, shown(history(visitor).rows)) == ([], [])


def test_ended_scalps_are_shown_newest_first_with_their_book(visitor: Visitor) -> None:
    assert texts(visitor, "what") == ["SPY 5 Jan 2026 600 P", "TQQQ"]
    assert texts(visitor, "pnl") == ["▼ \N{MINUS SIGN}62.60", "▲ +10.00"]
    assert history(visitor).filters.book.value == BOOK


@pytest.mark.parametrize(
    ("chosen", "what"),
    [
        ({"kind": "fund"}, ["TQQQ"]),
        ({"ticker": "SPY"}, ["SPY 5 Jan 2026 600 P"]),
        ({"reason": "stop_loss"}, ["SPY 5 Jan 2026 600 P"]),
        ({"result": "won"}, ["TQQQ"]),
        ({"result": "lost", "kind": "fund"}, []),
        ({"first": NOON.date()}, ["SPY 5 Jan 2026 600 P", "TQQQ"]),
        ({"last": NOON.date() - timedelta(days=1)}, []),
    ],
)
def test_a_filter_narrows_and_reset_shows_all(visitor: Visitor, chosen: dict[str, Any], what: list[str]) -> None:
    choose(visitor, **chosen)
    assert texts(visitor, "what") == what
    assert history(visitor).rows.empty == "No scalp of this book matches the filters; Reset shows all."
    visitor.do(history(visitor).filters.reset)
    visitor.later()
    assert history(visitor).filters.chosen == Filter()
    assert len(texts(visitor, "what")) == 2


def test_what_can_be_chosen_comes_from_the_book(visitor: Visitor) -> None:
    filters = history(visitor).filters
    assert list(filters.ticker.options) == ["All", "QQQ", "SPY"]
    assert "cloud flip" in filters.reason.options


def test_what_ends_meanwhile_is_shown_on_the_first_page(database: Engine) -> None:
    store = Told(database, snapshot=snapshot())
    with visiting(store) as visitor:
        visitor.turn()
        visitor.do(lambda: visitor.session.frame.param.update(active="history"))
        visitor.later()
        write(database, etf_scalp("s3", **closed(exit_time=NOON + timedelta(minutes=2))))
        store.tell(snapshot=snapshot(executions=(executed(120),)))
        visitor.turn()
        visitor.later()
        assert len(texts(visitor, "what")) == 3


def test_pages_are_turned_by_fifty(database: Engine) -> None:
    write(database, *(etf_scalp(f"t{n:02}", **closed(exit_time=NOON - timedelta(minutes=n + 1))) for n in range(60)))
    with visiting(Told(database, snapshot=snapshot())) as visitor:
        visitor.turn()
        visitor.do(lambda: visitor.session.frame.param.update(active="history"))
        visitor.later()
        pages = history(visitor)
        assert (len(texts(visitor, "what")), pages.newer.disabled, pages.older.disabled) == (50, True, False)
        visitor.do(lambda: pages.older.param.trigger("clicks"))
        visitor.later()
        assert (len(texts(visitor, "what")), pages.newer.disabled, pages.older.disabled) == (12, False, True)
        visitor.do(lambda: pages.newer.param.trigger("clicks"))
        visitor.later()
        assert len(texts(visitor, "what")) == 50


def test_another_book_is_shown_when_it_is_chosen(database: Engine) -> None:
    write(database, run(book_id="replay:b"), etf_scalp("s9", book_id="replay:b", ticker="SOXL", **closed()))
    with visiting(Told(database, snapshot=snapshot())) as visitor:
        visitor.turn()
        visitor.do(lambda: visitor.session.frame.param.update(active="history"))
        visitor.later()
        choose(visitor, book="replay:b")
        assert texts(visitor, "what") == ["SOXL"]


def test_a_row_tells_the_story_of_its_signal(visitor: Visitor) -> None:
    rows = history(visitor).rows
    (newest, _) = shown(rows)
    visitor.do(lambda: rows._handle_msg({"open": newest["id"]}))
    visitor.later()
    assert visitor.session.story.title == "SPY long, Mon 5 Jan 2026 12:00:00 New York"


def test_the_file_has_the_rows_of_the_filter(visitor: Visitor) -> None:
    choose(visitor, kind="fund")
    name, lines = history(visitor)._lines()
    heading, *rows = lines
    assert (name, heading.split(",")[:2]) == ("scalps-replay-a.csv", ["kind", "signal_id"])
    assert [row.split(",")[:2] for row in rows] == [["fund", "s1"]]


def test_a_database_that_is_away_is_said_to_be_so() -> None:
    visitor = Visitor(Told())
    visitor.do(lambda: visitor.session.frame.param.update(active="history"))
    assert history(visitor).rows.empty == AWAY
